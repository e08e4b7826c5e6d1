"""The common model: frozen, exact, and told as JSON without losing a digit."""

import gc
import pickle
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.console import Console

from unibill import exactjson
from unibill.model import (
    Allocation,
    Charge,
    ChargeCategory,
    Credit,
    CreditKind,
    Direction,
    Finding,
    Invoicing,
    Record,
    Status,
    Target,
    TargetType,
    applied_of,
    remaining_of,
    status_from_amounts,
)

CENTS = st.decimals(min_value=0, max_value=10**12, places=2)
NOW = datetime(2026, 4, 5, 22, tzinfo=UTC)
CHARGE = Charge(
    id="1",
    provider="socotra",
    account_id="269",
    currency="ZAR",
    amount=Decimal("-10.10"),
    category=ChargeCategory.CREDIT,
    remote_category="credit",
    type="GoodwillCredit",
    invoicing=Invoicing.NEXT,
)


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


def test_what_an_app_leaves_out_of_a_record_is_left_out_and_the_rest_keeps_its_digits() -> None:
    answer = Answer(credit=credit(), charges=[CHARGE, CHARGE.replace(id="2")])
    without = answer.model_dump(exclude={"credit": {"number": True, "allocations": {"__all__": {"target": {"number"}}}}})
    assert "number" not in without["credit"]
    assert "number" not in without["credit"]["allocations"][0]["target"]
    assert without["credit"]["allocations"][0]["target"]["id"] == "9001"
    assert str(without["credit"]["amount"]) == "12345678901234567.89"
    assert without["credit"]["extra"] == fields()["extra"]
    assert answer.model_dump(include={"charges": {"__all__": {"id"}}}) == {"charges": [{"id": "1"}, {"id": "2"}]}
    assert answer.model_dump_json(include={"credit": {"amount"}}) == '{"credit":{"amount":"12345678901234567.89"}}'
    told = answer.model_dump_json(exclude={"charges": {"__all__": {"extra"}}})
    assert '"extra":{"Rate":"1.500"' in told
    assert told.count('"extra"') == 2  # the credit's and its allocation's
    assert TypeAdapter(Credit).dump_python(credit(), include={"id"}) == {"id": "10081"}


def test_a_field_of_several_records_is_told_as_the_one_that_it_is() -> None:
    odd = TypeAdapter[Credit | Finding](Credit | Finding)
    records: tuple[Credit | Finding, ...] = (credit(), *credit().findings)
    for one in records:
        assert odd.dump_python(one) == TypeAdapter[Record](type(one)).dump_python(one)
        assert odd.validate_python(one) is one
        assert odd.validate_json(odd.dump_json(one)) == one.replace(**_extra_as_told(one))


def _extra_as_told(one: Credit | Finding) -> dict[str, object]:
    """An app's JSON holds amounts as texts, and nobody knows which of the vendor's texts was one."""
    return {"extra": {"Rate": "1.500", "nested": {"x": [1, None]}}} if isinstance(one, Credit) else {}


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        (("amount",), {"amount": Decimal("NaN")}),
        (("amount",), {"amount": Decimal("-0.01")}),
        (("status",), {"status": "cancelled"}),
        (("created_at",), {"created_at": NOW.replace(tzinfo=None)}),
        (("allocations", 0, "amount"), {"allocations": (allocation("1").replace(amount=0.1),)}),
        (("allocations", 0, "target", "id"), {"allocations": (allocation("1").replace(target=Target(TargetType.INVOICE, None)),)}),  # type: ignore[arg-type]  # that is the point
        (("findings", 0, "code"), {"findings": [Finding(code=4111111111111111, message="")]}),  # type: ignore[arg-type]  # that is the point
    ],
)
def test_a_record_that_nobody_checked_is_refused_wherever_it_comes_in(place: tuple[str | int, ...], changes: dict[str, object]) -> None:
    found: list[tuple[str | int, ...]] = []
    for check in (
        lambda: Credit.validated({**fields(), **changes}),
        lambda: TypeAdapter(Credit).validate_python(credit().replace(**changes)),
        lambda: TypeAdapter(Credit).validate_python(credit().replace(**changes), strict=True),
        lambda: Answer(credit=credit().replace(**changes)),
    ):
        with pytest.raises(ValidationError) as refused:
            check()
        found += [fault["loc"][-len(place) :] for fault in refused.value.errors() if fault["type"] != "tuple_type"]
        assert "4111" not in str(refused.value)
    assert set(found) <= {place}


def test_a_valid_record_stays_itself_and_another_value_becomes_what_it_stands_for() -> None:
    one = credit()
    assert Answer(credit=one).credit is one
    assert TypeAdapter(Credit).validate_python(one, strict=True) is one
    assert Credit.validated({**fields(), "allocations": one.allocations}) == one
    checked = TypeAdapter(Credit).validate_python(one.replace(amount=10, status="applied", findings=list(one.findings)))
    assert checked == one.replace(amount=Decimal(10))
    assert (type(checked.amount), type(checked.status), type(checked.findings)) == (Decimal, Status, tuple)


def test_a_subclass_stays_one_when_it_is_checked() -> None:
    class Own(Finding, frozen=True):
        team: str = ""

    own = Own(code="odd", message="", team="billing")
    assert TypeAdapter(Finding).validate_python(own) is own


def test_an_apps_faults_stand_at_plain_places_and_show_no_value() -> None:
    card = "4111111111111111"
    given = {**fields(), "number": card, "memo": int(card), "allocations": [{"id": int(card)}]}
    own = TypeAdapter[Credit | Charge](Credit | Charge)
    for check in (
        lambda: Answer.model_validate({"credit": given}),
        lambda: Answer.model_validate_json(exactjson.dumps({"credit": {"number": card, "memo": int(card), "allocations": [{"id": 1}]}})),
        lambda: own.validate_python(given),
        lambda: Credit.validated({**given, "allocations": (Allocation(*[int(card)] * 5),)}),  # type: ignore[arg-type]  # that is the point
    ):
        with pytest.raises(ValidationError) as refused:
            check()
        places = [".".join(map(str, fault["loc"])).lower().removeprefix("credit.") for fault in refused.value.errors()]
        assert {"memo", "allocations.0.id"} <= set(places)
        assert not [place for place in places if not re.fullmatch(r"[a-z_0-9.]+", place)]
        assert card not in str(refused.value) + repr(refused.value.errors()) + refused.value.json()
    with pytest.raises(ValidationError, match="^1 validation error for Finding\ncode\n"):
        Finding.validated({"code": 1, "message": ""})


@pytest.mark.parametrize("amount", [4111.25, Decimal("-4111.25"), Decimal("NaN4111"), "4111.2x", ["4111"]])
def test_a_fault_of_an_amount_shows_no_value_either(amount: object) -> None:
    given = {**fields(), "amount": amount, "allocations": (allocation("1").replace(amount=amount),)}
    for check in (lambda: Credit.validated(given), lambda: Answer.model_validate({"credit": given})):
        with pytest.raises(ValidationError) as refused:
            check()
        assert "4111" not in str(refused.value) + repr(refused.value.errors()) + refused.value.json()


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
