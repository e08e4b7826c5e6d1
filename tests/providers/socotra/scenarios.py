"""What is recorded of Socotra: every facade operation, and its 46 native ones, in the order in which one would use them."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from unibill_socotra.native import SocotraNative
from unibill_socotra.wire.charges import ChargeCreate
from unibill_socotra.wire.common import CreditItem

from tests.support.kit import Row, first, known
from unibill import AllocationDraft, Billing, ChargeDraft, CreditDraft, Invoicing, NotFound, Rejected, Status
from unibill.testing.backends import Backends

NOBODY = "01J5V8NM2GSXK6HG42PD5Z1VAZ"
Scenario = Callable[[Backends], None]


def open_billing(backends: Backends) -> Billing:
    return backends("socotra", credit_charge_type="GoodwillCredit", reversal_type="migration")


def account_of(kind: str) -> Callable[[list[Row]], object]:
    """Finds the account of the first record of a kind."""
    return lambda rows: next(row["accountLocator"] for row in rows if row["type"] == kind and row.get("accountLocator"))


def empty_account(rows: list[Row]) -> object:
    used = {row.get("accountLocator") for row in rows if row["type"] == "charge"}
    return next(row["locator"] for row in rows if row["type"] == "account" and row["locator"] not in used)


def charged_policy(rows: list[Row]) -> object:
    return next(row["policyLocator"] for row in rows if row["type"] == "charge" and row.get("policyLocator"))


def forgiven_invoice(rows: list[Row]) -> object:
    """The invoice that a shortfall credit settled."""
    targets = next(row["targets"] for row in rows if row["type"] == "shortfallWriteOff")
    assert isinstance(targets, list)
    return targets[0]["containerLocator"]


def with_credits(backends: Backends) -> str:
    return known(backends, "account with credits", account_of("shortfallWriteOff"))


def fresh(backends: Backends) -> str:
    return known(backends, "fresh account", empty_account)


def charge(amount: str, kind: str = "ServiceFee") -> ChargeCreate:
    return ChargeCreate(Decimal(amount), kind, tag="recorded")


def container(locator: str, kind: str = "invoice", amount: str | None = None) -> CreditItem:
    return CreditItem(container_locator=locator, container_type=kind, amount=None if amount is None else Decimal(amount))


def draft(account: str, amount: str, *allocations: AllocationDraft, auto_apply: bool = False) -> CreditDraft:
    return CreditDraft(
        account_id=account, currency="USD", amount=Decimal(amount), memo="goodwill", allocations=allocations, auto_apply=auto_apply
    )


def invoiced(native: SocotraNative, account: str, amount: str) -> str:
    """An open invoice of one fee, made through the API."""
    before = {invoice.locator for invoice in native.fetch_invoices_for_account(account).items}
    native.add_charges(account, [charge(amount)], invoicing="immediate", currency="USD")
    (made,) = {invoice.locator for invoice in native.fetch_invoices_for_account(account).items} - before
    return made


def credits_list(backends: Backends) -> None:
    credits = list(open_billing(backends).credits.list(include_reversed=True))
    kinds = {credit.kind.value for credit in credits}
    assert kinds == {"payment", "subpayment", "distribution", "disbursement", "write_off", "shortfall_write_off"}


def credits_list_of_an_account(backends: Backends) -> None:
    account = with_credits(backends)
    credits = list(open_billing(backends).credits.list(account=account))
    assert "charge" in {credit.kind.value for credit in credits}
    assert {credit.account_id for credit in credits} == {account}


def credits_list_of_an_account_whole(backends: Backends) -> None:
    credits = list(open_billing(backends).credits.list(account=with_credits(backends), allocations=True, include_reversed=True))
    assert all(credit.remaining is not None and credit.allocations is not None for credit in credits)


def credits_list_of_an_invoice(backends: Backends) -> None:
    invoice = known(backends, "forgiven invoice", forgiven_invoice)
    assert len(list(open_billing(backends).credits.list(invoice=invoice, include_reversed=True))) >= 2


def credits_get(backends: Backends) -> None:
    payment = known(backends, "payment", first("payment", paymentState="posted"))
    credit = open_billing(backends).credits.get(f"payment:{payment}")
    assert credit.allocations


def credits_get_of_nobody(backends: Backends) -> None:
    with pytest.raises(NotFound) as raised:
        open_billing(backends).credits.get(f"payment:{NOBODY}")
    assert raised.value.status == 404
    assert raised.value.request_id


def credits_create(backends: Backends) -> None:
    credit = open_billing(backends).credits.create(draft(fresh(backends), "12345678901234567.19"))
    assert (str(credit.amount), credit.memo) == ("12345678901234567.19", "goodwill")


def credits_create_allocated(backends: Backends) -> None:
    billing = open_billing(backends)
    account = fresh(backends)
    invoice = invoiced(billing.native, account, "60.00")
    credit = billing.credits.create(draft(account, "50.10", AllocationDraft(target_id=invoice, amount=Decimal("20.05"))))
    assert [(item.target.id, item.amount) for item in credit.allocations or ()] == [(invoice, Decimal("20.05"))]
    assert credit.remaining == Decimal("30.05")


def credits_create_auto_applied(backends: Backends) -> None:
    billing = open_billing(backends)
    account = fresh(backends)
    invoice = invoiced(billing.native, account, "60.00")
    credit = billing.credits.create(draft(account, "10.00", auto_apply=True))
    assert [(item.target.id, item.amount) for item in credit.allocations or ()] == [(invoice, Decimal(10))]


def credits_create_refused(backends: Backends) -> None:
    billing = backends("socotra", credit_charge_type="NoSuchType")
    with pytest.raises(Rejected) as raised:
        billing.credits.create(draft(fresh(backends), "10.00"))
    assert raised.value.status == 400


def credits_create_twice_under_one_key_and_find(backends: Backends) -> None:
    billing = open_billing(backends)
    account = fresh(backends)
    made = billing.credits.create(draft(account, "80.00"), key="order-17")
    again = billing.credits.create(draft(account, "80.00"), key="order-17")
    found = billing.credits.find(key="order-17", account=account)
    assert found is not None
    assert made.id == again.id == found.id
    assert billing.credits.find(key="order-18", account=account) is None


def credits_allocate_and_deallocate(backends: Backends) -> None:
    billing = open_billing(backends)
    account = fresh(backends)
    invoice = invoiced(billing.native, account, "60.00")
    made = billing.credits.create(draft(account, "80.00"))
    whole = billing.credits.get(made.id, account=account)
    spent = billing.credits.allocate(whole, [AllocationDraft(target_id=invoice, amount=Decimal("20.10"))])
    assert (len(spent.allocations or ()), spent.remaining) == (1, Decimal("59.90"))
    freed = billing.credits.deallocate(spent, [item.id for item in spent.allocations or () if item.id])
    assert freed.remaining == 80


def credits_void(backends: Backends) -> None:
    billing = open_billing(backends)
    account = fresh(backends)
    made = billing.credits.create(draft(account, "80.00"))
    billing.credits.void(made)
    (gone,) = (credit for credit in billing.credits.list(account=account, include_reversed=True) if credit.id == made.id)
    assert gone.status is Status.REVERSED


def charges_list(backends: Backends) -> None:
    billing = open_billing(backends)
    policy = known(backends, "policy", charged_policy)
    of_policy = list(billing.charges.list(policy=policy))
    account = of_policy[0].account_id
    transaction = of_policy[0].transaction_id
    assert transaction
    assert {charge.category.value for charge in of_policy} == {"premium", "tax", "ceded_premium"}
    assert [charge.id for charge in billing.charges.list(transaction=transaction, include_all=True)] == [charge.id for charge in of_policy]
    assert {charge.id for charge in of_policy} <= {charge.id for charge in billing.charges.list(account=account)}


def charges_add_and_reverse(backends: Backends) -> None:
    billing = open_billing(backends)
    account = fresh(backends)
    drafts = [
        ChargeDraft(account_id=account, currency="USD", amount=Decimal(amount), type="ServiceFee", tag="t") for amount in ("10.10", "-0.01")
    ]
    added = billing.charges.add(drafts)
    assert [str(charge.amount) for charge in added] == ["10.10", "-0.01"]
    (reversal,) = billing.charges.reverse(account, [added[0].id], invoicing=Invoicing.NEXT)
    assert (reversal.reversal_of, reversal.amount) == (added[0].id, Decimal("-10.10"))


def native_credits(backends: Backends) -> None:
    native: SocotraNative = open_billing(backends).native
    account = with_credits(backends)
    assert native.fetch_credits(account, count=3).items
    shortfall = native.fetch_multiple_shortfall_credits(account).items[0]
    assert native.fetch_shortfall_credit(shortfall.locator).locator == shortfall.locator
    assert native.list_shortfall_credits(str(shortfall.parent_credit_locator)).items
    invoice = (shortfall.targets or [])[0].container_locator
    assert native.fetch_credits_for_an_invoice(invoice, include_reversed=True).items
    assert native.fetch_credit_distributions_for_an_invoice(invoice, include_reversed=True).completed
    assert native.fetch_payments_for_an_invoice(invoice, include_reversed=True).items
    paid_out = native.fetch_multiple_disbursements(account).items[0]
    assert native.fetch_disbursement(paid_out.locator).amount == paid_out.amount
    distribution = native.fetch_multiple_credit_distributions(account).items[0]
    assert native.fetch_credit_distribution(distribution.locator).sources == distribution.sources
    ledger = native.fetch_ledger_account("accountCreditBalance", account, currency="USD", size=2)
    assert ledger.currency == "USD"
    assert native.fetch_account(account).locator == account


def native_charges(backends: Backends) -> None:
    native: SocotraNative = open_billing(backends).native
    account = fresh(backends)
    (made,) = native.add_charges(account, [charge("-50.00", "GoodwillCredit")], invoicing="immediate", currency="USD")
    (reversal,) = native.reverse_charges(account, [made.locator], invoicing="next")
    assert reversal.reversal_of_locator == made.locator
    assert [item.locator for item in native.fetch_charges_by_account(account).items] == [made.locator, reversal.locator]
    policy = known(backends, "policy", charged_policy)
    of_policy = native.fetch_charges_by_policy(policy, count=2).items
    assert native.fetch_charges_by_transaction(str(of_policy[0].transaction_locator), include_all=True).items
    assert native.update_policy_invoice_fee_amount(policy, Decimal("2.50")).invoice_fee_amount == Decimal("2.5")
    quote = known(backends, "quote", first("quote", quoteState="accepted"))
    assert native.update_quote_invoice_fee_amount(quote, Decimal(0)).invoice_fee_amount == 0


def native_distributions(backends: Backends) -> None:
    native: SocotraNative = open_billing(backends).native
    account = fresh(backends)
    invoice = invoiced(native, account, "30.00")
    native.add_charges(account, [charge("-50.00", "GoodwillCredit")], invoicing="immediate", currency="USD")
    own, target = [container(account, "account")], [container(invoice, amount="20.00")]
    mine = native.create_or_replace_credit_distribution(
        NOBODY, Decimal("20.00"), own, target, account_locator=account, currency="USD"
    ).locator
    assert mine == NOBODY
    other = native.create_credit_distribution(Decimal("20.00"), own, target, account_locator=account, currency="USD").locator
    native.update_credit_distribution(other, amount=Decimal("10.00"))
    native.discard_credit_distribution(other)
    native.validate_credit_distribution(mine)
    native.reset_credit_distribution(mine)
    native.validate_credit_distribution(mine)
    assert native.execute_credit_distribution(mine).credit_distribution_state == "executed"
    assert native.reverse_credit_distribution(mine, "migration").credit_distribution_state == "reversed"


def native_payments(backends: Backends) -> None:
    native: SocotraNative = open_billing(backends).native
    account = fresh(backends)
    invoice = invoiced(native, account, "30.00")
    made = native.create_payment("StandardPayment", Decimal("35.00"), [container(invoice)], account_locator=account, currency="USD").locator
    native.validate_payment(made)
    assert native.post_payment(made).payment_state == "posted"
    assert [payment.locator for payment in native.fetch_multiple_payments(account).items] == [made]
    assert native.fetch_payment(made).amount == 35
    assert native.fetch_subpayments(made).completed
    assert native.reverse_payment(made, "mistake").payment_state == "reversed"


def native_write_offs_and_invoices(backends: Backends) -> None:
    native: SocotraNative = open_billing(backends).native
    account = fresh(backends)
    partly, wholly = invoiced(native, account, "30.00"), invoiced(native, account, "4.00")
    made = native.write_off(account, [container(partly, amount="5.00")]).locator
    native.write_off_invoice(wholly)
    assert native.fetch_write_off(made).amount == 5
    assert len(native.fetch_multiple_write_offs(account).items) == 2
    native.reverse_write_off(made)
    whole = native.get_invoice_with_items(partly)
    assert whole.total_remaining_amount == 30
    assert native.fetch_invoice_details(partly).invoice_locator == partly
    assert native.fetch_debits_for_an_invoice(partly).completed
    assert [invoice.locator for invoice in native.fetch_invoice_with_number(str(whole.invoice_number))] == [partly]


def native_settling(backends: Backends) -> None:
    native: SocotraNative = open_billing(backends).native
    account = known(backends, "account that never settles", first("account", excessCreditPlanName="NeverSettle"))
    invoice = invoiced(native, account, "-12.00")
    (settlement,) = native.settle_negative_or_zero_invoice(invoice, forced=True)
    assert settlement.amount == 12


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        credits_list,
        credits_list_of_an_account,
        credits_list_of_an_account_whole,
        credits_list_of_an_invoice,
        credits_get,
        credits_get_of_nobody,
        credits_create,
        credits_create_allocated,
        credits_create_auto_applied,
        credits_create_refused,
        credits_create_twice_under_one_key_and_find,
        credits_allocate_and_deallocate,
        credits_void,
        charges_list,
        charges_add_and_reverse,
        native_credits,
        native_charges,
        native_distributions,
        native_payments,
        native_write_offs_and_invoices,
        native_settling,
    )
}
