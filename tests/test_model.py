"""The common model: frozen, exact, and told as JSON without losing a digit."""

import gc
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from rich.console import Console

from unibill import exactjson
from unibill.model import (
    Allocation,
    Charge,
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


def credit() -> Credit:
    return Credit.validated(fields())


class Answer(BaseModel):
    """What an app answers with."""

    credit: Credit
    charges: list[Charge] = []


def test_a_record_is_the_same_checked_and_unchecked_by_name_and_by_position() -> None:
    checked = credit()
    assert checked == Credit(*fields().values()) == Credit(**fields())  # type: ignore[arg-type]  # each of its own type
    assert checked != checked.replace(memo=None)
    assert checked.replace(memo=None).replace(memo=checked.memo) == checked
    assert pickle.loads(pickle.dumps(checked)) == checked  # noqa: S301 - our own
    assert Credit.validated({name: value for name, value in fields().items() if name != "extra"}).extra == {}


def test_a_record_is_a_field_of_an_apps_own_models() -> None:
    answer = Answer(credit=credit())
    assert answer.credit == credit()
    told = answer.model_dump_json()
    assert '"amount":"12345678901234567.89"' in told
    assert Answer.model_validate_json(told).credit.replace(extra={}) == credit().replace(extra={})
    assert Answer.model_validate(answer.model_dump()) == answer
    assert Answer.model_json_schema()["$defs"]["Credit"]["required"][:2] == ["id", "provider"]
    for wrong in (0.1, "NaN", None):
        with pytest.raises(ValidationError):
            Answer.model_validate({"credit": {**fields(), "amount": wrong}})


def test_a_representation_shows_no_card_number_in_a_terminal_either() -> None:
    shown = credit().replace(memo="4111 1111 1111 1111")
    console = Console(file=StringIO(), width=200)
    console.print(shown)
    printed = cast("StringIO", console.file).getvalue()
    for text in (repr(shown), str(shown), printed):
        assert "Credit(" in text
        assert "12345678901234567.89" in text
        assert "4111 1111" not in text


def test_no_record_is_looked_at_by_the_garbage_collector() -> None:
    assert not any(gc.is_tracked(record) for record in (credit(), *(credit().allocations or ()), *credit().findings))


def test_the_fields_of_this_test_are_all_that_a_credit_has() -> None:
    assert list(fields()) == list(Credit.__struct_fields__)


def test_a_record_is_one_line_of_exact_json() -> None:
    line = credit().json_line()

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
    assert list(read) == list(Credit.__struct_fields__)


def test_a_record_cannot_be_changed_and_takes_no_unknown_field() -> None:
    with pytest.raises(AttributeError):
        credit().memo = "changed"  # type: ignore[misc]  # that is the point
    with pytest.raises(ValidationError):
        Credit.validated({**fields(), "ammount": 1})
    with pytest.raises(ValidationError):
        Credit.validated({name: value for name, value in fields().items() if name != "amount"})
    with pytest.raises(TypeError):
        credit().replace(ammount=1)


@pytest.mark.parametrize("amount", [0.1, float("inf"), Decimal("NaN"), True])
def test_an_amount_that_is_not_exact_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError):
        Credit.validated({**fields(), "amount": amount})


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
