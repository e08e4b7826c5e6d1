"""The whole public API, used with types. Never executed; type checkers read it, and every line must be clean without an ignore."""

from collections.abc import AsyncGenerator, Generator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

import unibill
from unibill import (
    Allocation,
    AllocationDraft,
    AsyncBilling,
    AuthenticationFailed,
    BackendError,
    Billing,
    Charge,
    ChargeCategory,
    ChargeDraft,
    ConfigurationError,
    Conflict,
    Credit,
    CreditDraft,
    CreditKind,
    Direction,
    Fault,
    Finding,
    InvalidDraft,
    InvalidQuery,
    Invoicing,
    Loss,
    LossKind,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    PluginError,
    RateLimited,
    Records,
    Rejected,
    Status,
    Target,
    TargetType,
    Unavailable,
    UnibillError,
    UnsupportedOperation,
    aconnect,
    connect,
    hookimpl,
)
from unibill.capabilities import Capabilities
from unibill.events import PageRead, RequestSettled, RunProgressed, WriteSettled
from unibill.http import AsyncClient, Client
from unibill.plugins import AnyProvider
from unibill.provider import BackendSettings
from unibill.testing.memory import MemoryProvider, MemorySettings, MemoryStore, reset, store

assert_type(unibill.__version__, str)


class Audit:
    """An observer."""

    @hookimpl
    def unibill_write_settled(self, event: WriteSettled) -> None:
        assert_type(event.outcome, str)
        assert_type(event.record_id, str)

    @hookimpl
    def unibill_request_settled(self, event: RequestSettled) -> None:
        assert_type(event.status, int | None)

    @hookimpl
    def unibill_page_read(self, event: PageRead) -> None:
        assert_type(event.records, int)

    @hookimpl
    def unibill_run_progressed(self, event: RunProgressed) -> None:
        assert_type(event.done, int)


def connecting(settings: BackendSettings, provider: AnyProvider, client: Client, aclient: AsyncClient, file: Path) -> None:
    assert_type(connect("main"), Billing)
    assert_type(connect(settings, name="main", client=client, observers=[Audit()]), Billing)
    assert_type(connect(provider, config_file=file), Billing)
    assert_type(aconnect("main", config_file=file), AsyncBilling)
    assert_type(aconnect(settings, name="main", client=aclient, observers=(Audit(),)), AsyncBilling)


def drafting() -> tuple[CreditDraft, ChargeDraft, AllocationDraft]:
    allocation = AllocationDraft(amount=Decimal("1.00"), target_id="9001", target_type=TargetType.INVOICE)
    AllocationDraft(amount=Decimal("1.00"), target_number="INV-1")
    credit = CreditDraft(
        account_id="269",
        currency="ZAR",
        amount=Decimal("10.50"),
        issued_on=date(2026, 4, 5),
        number="CN-1",
        memo="for the delay",
        allocations=(allocation,),
        auto_apply=False,
    )
    charge = ChargeDraft(
        account_id="269",
        currency="ZAR",
        amount=Decimal("-10.50"),
        type="GoodwillCredit",
        invoicing=Invoicing.NEXT,
        policy_id="p",
        transaction_id="t",
        element_id="e",
        element_static_id="s",
        tag="note",
    )
    return credit, charge, allocation


def blocking() -> None:
    credit_draft, charge_draft, allocation = drafting()
    with connect("main", observers=[Audit()]) as billing:
        assert_type(billing, Billing)
        assert_type(billing.name, str)
        assert_type(billing.capabilities, Capabilities)
        assert_type(billing.provider, AnyProvider)
        assert_type(billing.native, Any)

        assert_type(billing.credits.list("269"), Generator[Credit, None, None])
        billing.credits.list(account="269", include_reversed=True, allocations=True)
        billing.credits.list(invoice="9001")
        billing.credits.list()
        assert_type(billing.credits.get("10081", account="269"), Credit)
        assert_type(billing.credits.losses(credit_draft, key="order-17"), tuple[Loss, ...])
        credit = billing.credits.create(credit_draft, key="order-17")
        assert_type(credit, Credit)
        assert_type(billing.credits.find(key="order-17", account="269"), Credit | None)
        assert_type(billing.credits.allocate(credit, [allocation]), Credit)
        assert_type(billing.credits.deallocate(credit, {"1", "2"}), Credit)
        billing.credits.void(credit)

        assert_type(billing.charges.list("269"), Generator[Charge, None, None])
        billing.charges.list(policy="p")
        billing.charges.list(transaction="t", include_all=True)
        charges = billing.charges.add([charge_draft])
        assert_type(charges, Sequence[Charge])
        assert_type(billing.charges.reverse("269", [charges[0].id], invoicing=Invoicing.NEXT), Sequence[Charge])
    connect("main").close()


async def awaitable() -> None:
    credit_draft, charge_draft, allocation = drafting()
    async with aconnect("main") as billing:
        assert_type(billing, AsyncBilling)
        assert_type(billing.name, str)
        assert_type(billing.capabilities, Capabilities)
        assert_type(billing.provider, AnyProvider)
        assert_type(billing.native, Any)

        assert_type(billing.credits.list("269"), AsyncGenerator[Credit, None])
        async for found in billing.credits.list(account="269", include_reversed=True, allocations=True):
            assert_type(found, Credit)
        billing.credits.list(invoice="9001")
        assert_type(await billing.credits.get("10081", account="269"), Credit)
        assert_type(billing.credits.losses(credit_draft), tuple[Loss, ...])
        credit = await billing.credits.create(credit_draft, key="order-17")
        assert_type(credit, Credit)
        assert_type(await billing.credits.find(key="order-17", account="269"), Credit | None)
        assert_type(await billing.credits.allocate(credit, [allocation]), Credit)
        assert_type(await billing.credits.deallocate(credit, ["1"]), Credit)
        await billing.credits.void(credit)

        assert_type(billing.charges.list(policy="p"), AsyncGenerator[Charge, None])
        charges = await billing.charges.add([charge_draft])
        assert_type(charges, Sequence[Charge])
        assert_type(await billing.charges.reverse("269", [charges[0].id]), Sequence[Charge])
    await aconnect("main").close()


def reading(credit: Credit, charge: Charge) -> None:
    assert_type(credit.id, str)
    assert_type(credit.provider, str)
    assert_type(credit.account_id, str | None)
    assert_type(credit.kind, CreditKind)
    assert_type(credit.direction, Direction)
    assert_type(credit.status, Status)
    assert_type(credit.remote_status, str)
    assert_type(credit.currency, str)
    assert_type(credit.amount, Decimal)
    assert_type(credit.applied, Decimal | None)
    assert_type(credit.remaining, Decimal | None)
    assert_type(credit.issued_on, date | None)
    assert_type(credit.created_at, datetime | None)
    assert_type(credit.mark, str | None)
    assert_type(credit.allocations, tuple[Allocation, ...] | None)
    assert_type(credit.findings, tuple[Finding, ...])
    assert_type(credit.json_line(), str)
    for allocation in credit.allocations or ():
        assert_type(allocation.amount, Decimal)
        assert_type(allocation.target, Target)
        assert_type(allocation.target.type, TargetType)
        assert_type(allocation.reversed_at, datetime | None)
    for finding in credit.findings:
        assert_type(finding.code, str)
    assert_type(charge.amount, Decimal)
    assert_type(charge.category, ChargeCategory)
    assert_type(charge.invoicing, Invoicing)
    assert_type(charge.reversal_of, str | None)


def losing(loss: Loss) -> bool:
    assert_type(loss.field, str)
    assert_type(loss.value, str)
    assert_type(loss.reason, str)
    return loss.kind is LossKind.MONEY


def failing(work: Billing) -> None:
    try:
        list(work.credits.list())
    except InvalidDraft as error:
        assert_type(error.faults, tuple[Fault, ...])
        assert_type(error.faults[0].path, str)
    except UnsupportedOperation as error:
        assert_type(error.backend, str)
        assert_type(error.operation, str)
        assert_type(error.instead, str)
    except RateLimited as error:
        assert_type(error.retry_after, float | None)
    except Unavailable as error:
        assert_type(error.sent, bool)
    except (AuthenticationFailed, PermissionDenied, NotFound, Conflict, Rejected, MalformedResponse, OutcomeUnknown) as error:
        assert_type(error.hint, str)
    except BackendError as error:
        assert_type(error.backend, str)
        assert_type(error.status, int | None)
        assert_type(error.vendor_message, str)
        assert_type(error.request_id, str)
        assert_type(error.permission, str)
    except (InvalidQuery, PluginError, ConfigurationError):
        raise
    except UnibillError as error:
        assert_type(error.exit_status, int)


def testing() -> None:
    books = store("shop")
    assert_type(books, MemoryStore)
    books.add_account("269", currency="ZAR")
    books.add_invoice("9001", account="269", currency="ZAR", amount=Decimal("120.00"), number="INV-1")
    assert_type(books.outstanding("9001"), Decimal)
    assert_type(connect(MemoryProvider(MemorySettings(store="shop", page_size=2))), Billing)
    reset("shop")
    reset()


def in_a_notebook(billing: Billing) -> Records:
    """Many records as one table."""
    records = Records(billing.credits.list("269"))
    assert_type(records[0].json_line(), str)
    return records
