"""The permissions that are declared are enough: each operation is tried with a token that has just those of its declaration."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from unibill_socotra.declared import CAPABILITIES
from unibill_socotra.provider import SocotraProvider

from tests.providers.socotra.living import Live, OpenLive
from unibill.capabilities import Operation
from unibill.drafts import AllocationDraft, CreditDraft
from unibill.flow import Flow
from unibill.http import Transport
from unibill.model import Credit, Invoicing
from unibill.sandbox import Seed

TOKEN = "SOCP_01JBAS3SK5ABDPV2E32GNXW7Z6"


def spent(invoice: str) -> tuple[AllocationDraft, ...]:
    return (AllocationDraft(target_id=invoice, amount=Decimal("5.00")),)


def draft(account: str, *allocations: AllocationDraft, **more: Any) -> CreditDraft:  # noqa: ANN401 - fields of a draft
    return CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00"), allocations=allocations, **more)


Call = Callable[[SocotraProvider, str, str, Credit], Flow[object]]
CALLS: dict[Operation, Call] = {
    Operation.CREDITS_CREATE: lambda it, account, _, __: it.create_credit(draft(account), None, {}),
    Operation.CREDITS_CREATE_ALLOCATED: lambda it, account, invoice, _: it.create_credit(draft(account, *spent(invoice)), None, {}),
    Operation.CREDITS_AUTO_APPLY: lambda it, account, _, __: it.create_credit(draft(account, auto_apply=True), None, {}),
    Operation.CREDITS_ALLOCATE: lambda it, _, invoice, credit: it.allocate(credit, spent(invoice), {}),
    Operation.CREDITS_DEALLOCATE: lambda it, _, __, credit: it.deallocate(credit, [item.id or "" for item in credit.allocations or ()], {}),
    Operation.CREDITS_VOID: lambda it, _, __, credit: it.void(credit, {}),
    Operation.CHARGES_REVERSE: lambda it, account, _, credit: it.reverse_charges(
        account, [credit.id.removeprefix("charge:")], Invoicing.IMMEDIATE, {}
    ),
    Operation.CREDITS_GET: lambda it, account, _, credit: it.get_credit(credit.id, account),
    Operation.CREDITS_FIND: lambda it, account, _, __: it.find_marked(account, {"x"}),
}


def declared(operation: Operation) -> list[str]:
    """``charges: read, list; invoices: write`` as the sandbox writes it: ``charges:read``, ..."""
    groups = (part.partition(":") for part in CAPABILITIES.of(operation).permission.split(";"))
    return [f"{group.strip()}:{word.strip()}" for group, _, words in groups for word in words.split(",")]


@pytest.mark.parametrize("plan", ["at-once", "never"])
@pytest.mark.parametrize("operation", CALLS)
def test_a_token_with_the_declared_permissions_can_do_the_operation(open_live: OpenLive, operation: Operation, plan: str) -> None:
    with open_live(negative_invoice="to-credit-balance" if plan == "at-once" else "never") as live:
        account = live.account()
        invoice = live.bill(account, "500.00")
        allocations = () if operation is Operation.CREDITS_ALLOCATE else spent(invoice)
        credit = live.run(live.provider.create_credit(draft(account, *allocations), None, {}))
        _with_just(live, declared(operation), CALLS[operation], account, invoice, credit)


def test_a_credit_whose_reversal_the_balance_paid_can_be_taken_back_with_the_declared_permissions(open_live: OpenLive) -> None:
    """Then the reopened negative invoice is settled anew."""
    with open_live() as live:
        account = live.account(excess_credit_plan="AutoApply")
        credits = [live.run(live.provider.create_credit(draft(account), None, {})) for _ in range(2)]
        _with_just(live, declared(Operation.CREDITS_VOID), CALLS[Operation.CREDITS_VOID], account, "", credits[1])
        assert any("/settle" in line for line in live.sent())


def _with_just(live: Live, permissions: list[str], call: Call, account: str, invoice: str, credit: Credit) -> None:
    live.system.seed(Seed("records", records=[{"type": "token", "token": TOKEN, "permissions": permissions}]))
    settings = live.provider.settings.model_copy(update={"token": type(live.provider.settings.token)(TOKEN)})
    provider = SocotraProvider(settings)
    transport = Transport("new", provider.endpoint(), settings)
    try:
        transport.run(call(provider, account, invoice, credit))
    finally:
        transport.close()
