"""The common model: frozen, exact, and told as JSON without losing a digit."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from unibill import exactjson
from unibill.model import (
    Allocation,
    Credit,
    CreditKind,
    Direction,
    Finding,
    Status,
    Target,
    TargetType,
    applied_of,
    remaining_of,
    status_from_amounts,
)

CENTS = st.decimals(min_value=0, max_value=10**12, places=2)
NOW = datetime(2026, 4, 5, 22, tzinfo=UTC)


def allocation(amount: str, reversed_at: datetime | None = None) -> Allocation:
    target = Target(type=TargetType.INVOICE, id="9001", number="INV-1")
    return Allocation(
        id="1", credit_id="10081", target=target, amount=Decimal(amount), currency="ZAR", applied_at=NOW, reversed_at=reversed_at
    )


def fields() -> dict[str, object]:
    return {
        "id": "10081",
        "provider": "billagain",
        "account_id": "269",
        "kind": CreditKind.CREDIT_NOTE,
        "direction": Direction.TO_ACCOUNT,
        "status": Status.APPLIED,
        "remote_status": "Applied",
        "currency": "ZAR",
        "amount": Decimal("12345678901234567.89"),
        "applied": Decimal("0.10"),
        "remaining": None,
        "number": "CN-1",
        "memo": "für die Verspätung",
        "issued_on": date(2026, 4, 5),
        "created_at": NOW,
        "realized_at": None,
        "reversed_at": None,
        "reversal_reason": None,
        "parent_id": None,
        "mark": None,
        "allocations": (allocation("0.10"),),
        "findings": (Finding(code="odd", message="It is odd.", field="status"),),
        "extra": {"Rate": Decimal("1.500"), "nested": {"x": [1, None]}},
    }


def test_a_trusted_record_is_the_same_as_a_validated_one() -> None:
    trusted, validated = Credit.trusted(fields()), Credit.model_validate(fields())

    assert trusted == validated
    assert hash(trusted.amount) == hash(validated.amount)
    assert trusted.model_copy(update={"memo": None}) == validated.model_copy(update={"memo": None})
    assert (trusted.json_line(), repr(trusted)) == (validated.json_line(), repr(validated))


def test_the_fields_of_this_test_are_all_that_a_credit_has() -> None:
    assert list(fields()) == list(Credit.model_fields)


def test_a_record_is_one_line_of_exact_json() -> None:
    line = Credit.trusted(fields()).json_line()

    assert "\n" not in line
    for part in (
        '"amount":12345678901234567.89',
        '"applied":0.10',
        '"issued_on":"2026-04-05"',
        '"created_at":"2026-04-05T22:00:00Z"',
        '"Rate":1.500',
    ):
        assert part in line
    assert '"status":"applied"' in line
    assert (
        '"allocations":[{"id":"1","credit_id":"10081","target":{"type":"invoice","id":"9001","number":"INV-1","remote_type":null}' in line
    )
    read = exactjson.loads(line)
    assert isinstance(read, dict)
    assert list(read) == list(Credit.model_fields)


def test_a_record_cannot_be_changed_and_takes_no_unknown_field() -> None:
    for credit in (Credit.model_validate(fields()), Credit.trusted(fields())):
        with pytest.raises(ValidationError):
            credit.memo = "changed"
    with pytest.raises(ValidationError):
        Credit.model_validate({**fields(), "ammount": 1})


@pytest.mark.parametrize("amount", [0.1, float("inf"), Decimal("NaN"), True])
def test_an_amount_that_is_not_exact_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError):
        Credit.model_validate({**fields(), "amount": amount})


def test_undone_allocations_spend_nothing() -> None:
    assert applied_of((allocation("5"), allocation("7", reversed_at=NOW), allocation("0.10"))) == Decimal("5.10")
    assert applied_of(()) == 0


@pytest.mark.parametrize(
    ("amount", "applied", "status", "remaining"),
    [
        ("10", "0", Status.OPEN, "10"),
        ("10", "0.01", Status.PARTIALLY_APPLIED, "9.99"),
        ("10", "10.00", Status.APPLIED, "0"),
        ("10", "11", Status.APPLIED, "0"),
        ("0", "0", Status.APPLIED, "0"),
    ],
)
def test_status_and_remainder_follow_from_the_amounts(amount: str, applied: str, status: Status, remaining: str) -> None:
    assert status_from_amounts(Decimal(amount), Decimal(applied)) is status
    assert remaining_of(Decimal(amount), Decimal(applied)) == Decimal(remaining)


@given(CENTS, CENTS)
def test_a_credit_with_something_left_is_not_applied_and_the_other_way_round(amount: Decimal, applied: Decimal) -> None:
    assert (remaining_of(amount, applied) > 0) is (status_from_amounts(amount, applied) is not Status.APPLIED)
