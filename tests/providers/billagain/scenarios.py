"""What is recorded of BillAgain: every facade operation that it has, every native one, and the refusals."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from unibill_billagain.native import BillAgainNative
from unibill_billagain.wire import AllocationInput, CreditInput

from unibill import AllocationDraft, Billing, ChargeDraft, CreditDraft, NotFound, Rejected, Status
from unibill.testing.backends import Backends

DAY = date(2026, 5, 4)
Scenario = Callable[[Backends], None]


def draft(amount: str, *allocations: AllocationDraft, auto_apply: bool = False, memo: str | None = "goodwill") -> CreditDraft:
    return CreditDraft(
        account_id="269",
        currency="ZAR",
        amount=Decimal(amount),
        issued_on=DAY,
        number="CN-1",
        memo=memo,
        allocations=allocations,
        auto_apply=auto_apply,
    )


def to(invoice: str, amount: str) -> AllocationDraft:
    return AllocationDraft(target_id=invoice, amount=Decimal(amount))


def open_billing(backends: Backends) -> Billing:
    return backends("billagain")


def credits_list(backends: Backends) -> None:
    assert [credit.id for credit in open_billing(backends).credits.list()] == ["10081", "10083", "10095"]


def credits_list_of_an_account(backends: Backends) -> None:
    credits = list(open_billing(backends).credits.list(account="269", allocations=True))
    assert [(credit.id, credit.amount, credit.remaining) for credit in credits] == [
        ("10083", Decimal(100), Decimal(0)),
        ("10095", Decimal(200), Decimal(0)),
    ]


def credits_list_in_pages(backends: Backends) -> None:
    billing = backends("billagain", page_size=2)
    assert [credit.id for credit in billing.credits.list()] == ["10081", "10083", "10095"]


def credits_list_of_an_invoice(backends: Backends) -> None:
    assert [credit.id for credit in open_billing(backends).credits.list(invoice="11343")] == ["10081", "10083"]


def credits_get(backends: Backends) -> None:
    credit = open_billing(backends).credits.get("10095")
    assert [(item.id, item.target.id, item.amount) for item in credit.allocations or ()] == [
        ("10355", "11352", Decimal(150)),
        ("10358", "11380", Decimal(50)),
    ]


def credits_get_of_nobody(backends: Backends) -> None:
    with pytest.raises(NotFound) as raised:
        open_billing(backends).credits.get("99999")
    assert (raised.value.status, raised.value.vendor_message) == (410, "Cannot find Credit Note for this Account")


def credits_create(backends: Backends) -> None:
    credit = open_billing(backends).credits.create(draft("12345678901234567.19"))
    assert (str(credit.amount), str(credit.remaining), credit.number) == ("12345678901234567.19", "12345678901234567.19", "CN-1")


def credits_create_allocated(backends: Backends) -> None:
    by_number = AllocationDraft(target_number="957", amount=Decimal("50.50"))
    credit = open_billing(backends).credits.create(draft("150.75", to("11351", "50.25"), by_number))
    assert [(item.target.id, str(item.amount)) for item in credit.allocations or ()] == [("11351", "50.25"), ("11380", "50.5")]
    assert (credit.status, credit.remaining) == (Status.PARTIALLY_APPLIED, Decimal("50.00"))


def credits_create_auto_applied(backends: Backends) -> None:
    credit = open_billing(backends).credits.create(draft("30.00", auto_apply=True))
    assert [item.amount for item in credit.allocations or ()] == [30]


def credits_create_refused(backends: Backends) -> None:
    with pytest.raises(Rejected) as raised:
        open_billing(backends).credits.create(draft("900.00", to("11380", "900.00")))
    assert raised.value.status == 400


def credits_create_twice_under_one_key_and_find(backends: Backends) -> None:
    billing = open_billing(backends)
    made = billing.credits.create(draft("80.00"), key="order-17")
    again = billing.credits.create(draft("80.00"), key="order-17")
    found = billing.credits.find(key="order-17", account="269")
    assert found is not None
    assert made.id == again.id == found.id
    assert billing.credits.find(key="order-18", account="269") is None


def credits_allocate_and_deallocate(backends: Backends) -> None:
    billing = open_billing(backends)
    made = billing.credits.create(draft("80.00", to("11351", "10.00")))
    more = billing.credits.allocate(made, [to("11351", "20.10"), to("11352", "5.00")])
    assert (len(more.allocations or ()), more.remaining) == (3, Decimal("44.90"))
    kept = next(iter(made.allocations or ()))
    less = billing.credits.deallocate(more, [item.id for item in more.allocations or () if item.id and item.id != kept.id])
    assert [item.id for item in less.allocations or ()] == [kept.id]


def credits_void(backends: Backends) -> None:
    billing = open_billing(backends)
    made = billing.credits.create(draft("80.00"))
    billing.credits.void(made)
    with pytest.raises(NotFound):
        billing.credits.get(made.id)


def charges_list_of_an_account(backends: Backends) -> None:
    charges = list(open_billing(backends).charges.list(account="222"))
    assert [(charge.id, charge.amount) for charge in charges] == [("10081", Decimal(-200))]


def charges_add_and_reverse(backends: Backends) -> None:
    billing = open_billing(backends)
    (added,) = billing.charges.add([ChargeDraft(account_id="269", currency="ZAR", amount=Decimal("-10.10"), tag="case-1")])
    assert (added.amount, added.tag) == (Decimal("-10.10"), "case-1")
    billing.charges.reverse("269", [added.id])
    assert added.id not in [charge.id for charge in billing.charges.list(account="269")]


def native(backends: Backends) -> None:
    native: BillAgainNative = open_billing(backends).native
    items = (AllocationInput(Decimal("10.25"), invoice_number=957),)
    made = native.add_credit(CreditInput(269, "05 Apr 2016", "ZAR", Decimal("20.50"), "ref", "memo", allocations=items))
    assert (made.status, made.date) == ("Partial", "2016-04-04T22:00:00Z")
    native.edit_credit(made.credit_note_id, CreditInput(269, "05 Apr 2016", "ZAR", Decimal("20.50"), "ref", "other"))
    assert native.get_credit(made.credit_note_id).memo == "other"
    assert made.credit_note_id in [note.credit_note_id for note in native.list_customer_credits(269)]
    native.delete_credit(made.credit_note_id)
    assert made.credit_note_id not in [note.credit_note_id for note in native.list_credits()]


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        credits_list,
        credits_list_of_an_account,
        credits_list_in_pages,
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
        charges_list_of_an_account,
        charges_add_and_reverse,
        native,
    )
}
