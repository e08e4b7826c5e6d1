"""What BillAgain's own pages print, typed by hand and replayed through the provider: the one witness that our code did not make.

The answers prove what we read, and the printed request bodies prove what we send: a request that differs by one digit finds no
answer.
"""

from datetime import date
from decimal import Decimal

import pytest
from unibill_billagain.wire import AllocationInput, CreditInput

from unibill import Allocation, AllocationDraft, Credit, CreditDraft, CreditKind, Direction, NotFound, Status, Target, TargetType
from unibill.testing.backends import Backends

SAMPLE_NUMBER = "424242424242424"
FIFTH_OF_APRIL = date(2016, 4, 5)


def printed(credit_id: str, customer: str, amount: int, memo: str | None, *edges: tuple[str, str, int, int]) -> Credit:
    """A printed credit note as the common model must say it; an edge is id, invoice, nested creditNoteID and amount."""
    return Credit(
        id=credit_id,
        provider="billagain",
        account_id=customer,
        kind=CreditKind.CREDIT_NOTE,
        direction=Direction.TO_ACCOUNT,
        status=Status.APPLIED,
        remote_status="Allocated",
        currency="ZAR",
        amount=Decimal(amount),
        applied=Decimal(amount),
        remaining=Decimal(0),
        number=SAMPLE_NUMBER,
        memo=memo,
        issued_on=FIFTH_OF_APRIL,
        allocations=tuple(
            Allocation(
                id=edge_id,
                credit_id=credit_id,
                target=Target(type=TargetType.INVOICE, id=invoice),
                amount=Decimal(applied),
                currency="ZAR",
                extra={"creditNoteID": nested},
            )
            for edge_id, invoice, nested, applied in edges
        ),
    )


def lines(*credits: Credit) -> list[str]:
    return [credit.json_line() for credit in credits]


def test_the_list_of_a_customer(unibill_billing: Backends) -> None:
    assert lines(*unibill_billing("billagain").credits.list(account="269", allocations=True)) == lines(
        printed("10083", "269", 100, None, ("10331", "11343", 0, 100)),
        printed("10095", "269", 200, "payment to invoices", ("10355", "11352", 10095, 150), ("10358", "11380", 10095, 50)),
    )


def test_the_list_of_the_account(unibill_billing: Backends) -> None:
    assert lines(*unibill_billing("billagain").credits.list()) == lines(
        printed("10081", "222", 200, None, ("10327", "11343", 0, 200)),
        printed("10095", "269", 200, "payment to invoices", ("10355", "11352", 0, 150), ("10358", "11380", 0, 50)),
    )


def test_one_credit(unibill_billing: Backends) -> None:
    assert lines(unibill_billing("billagain").credits.get("10095")) == lines(
        printed("10095", "269", 200, "payment to invoices", ("10355", "11352", 10095, 150), ("10358", "11380", 10095, 50))
    )


def test_adding_a_credit(unibill_billing: Backends) -> None:
    draft = CreditDraft(
        account_id="269",
        currency="ZAR",
        amount=Decimal(150),
        issued_on=FIFTH_OF_APRIL,
        number=SAMPLE_NUMBER,
        allocations=(
            AllocationDraft(target_id="11351", amount=Decimal(50)),
            AllocationDraft(target_id="11352", amount=Decimal(50)),
            AllocationDraft(target_number="957", amount=Decimal(50)),
        ),
    )
    made = unibill_billing("billagain").credits.create(draft)
    assert lines(made.replace(findings=())) == lines(
        printed("10095", "269", 150, None, ("10346", "11351", 10093, 50), ("10347", "11352", 10093, 50), ("10348", "11380", 10093, 50))
    )
    assert [finding.code for finding in made.findings] == ["not-written"]


def test_editing_a_credit(unibill_billing: Backends) -> None:
    items = (AllocationInput(Decimal(150), invoice_id=11352), AllocationInput(Decimal(50), invoice_number=957))
    body = CreditInput(269, "05 Apr 2016", "ZAR", Decimal(200), SAMPLE_NUMBER, "payment to invoices", allocations=items)
    unibill_billing("billagain").native.edit_credit(10095, body)


def test_deleting_a_credit(unibill_billing: Backends) -> None:
    unibill_billing("billagain").native.delete_credit(10095)


def test_the_error(unibill_billing: Backends) -> None:
    with pytest.raises(NotFound) as raised:
        list(unibill_billing("billagain").credits.list(account="1"))
    assert (raised.value.status, raised.value.vendor_message) == (410, "Cannot find Customer for this Account")
