from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibill.capabilities import Capabilities
from unibill.copying import InvoiceMap, PlanOptions, carry, filters
from unibill.copying.carry import KINDS, STATUSES, Carried, Rule, Ruling
from unibill.copying.decisions import Decision
from unibill.model import Allocation, Credit, CreditKind, Direction, Finding, Status, Target, TargetType

HISTORY = PlanOptions(carry="history", invoices=InvoiceMap.from_pairs({"31": "41", "32": "42"}))
REMAINING = PlanOptions()
SOURCE = Capabilities({}, restated=frozenset({"amount"}))


def spent(amount: str | Decimal, invoice: str = "31", **more: Any) -> Allocation:  # noqa: ANN401 - any field
    target = Target(type=TargetType.INVOICE, id=invoice)
    return Allocation(**{"id": None, "credit_id": "1", "target": target, "amount": Decimal(amount), "currency": "ZAR", **more})


def credit(**more: Any) -> Credit:  # noqa: ANN401 - any field
    values = {
        "id": "1",
        "provider": "x",
        "account_id": "11",
        "kind": CreditKind.CREDIT_NOTE,
        "direction": Direction.TO_ACCOUNT,
        "status": Status.OPEN,
        "remote_status": "Open",
        "currency": "ZAR",
        "amount": Decimal(100),
        "applied": Decimal(0),
        "remaining": Decimal(100),
        "allocations": (),
        **more,
    }
    return Credit(**values)


def test_every_kind_and_every_status_has_a_rule_and_those_that_stop_say_why() -> None:
    assert set(KINDS) == set(CreditKind)
    assert set(STATUSES) == set(Status)
    silent = [
        key
        for key, verdict in [*KINDS.items(), *STATUSES.items()]
        if verdict.rule is not Rule.CARRY and not (verdict.code and verdict.reason)
    ]
    assert silent == []


@pytest.mark.parametrize("kind", list(CreditKind))
@pytest.mark.parametrize("status", list(Status))
def test_a_record_is_carried_only_if_both_its_kind_and_its_status_are(kind: CreditKind, status: Status) -> None:
    ruling = carry.judged(credit(kind=kind, status=status), REMAINING)
    carried_kinds = {CreditKind.CREDIT_NOTE, CreditKind.CHARGE, CreditKind.DISTRIBUTION}
    carried_statuses = {Status.OPEN, Status.PARTIALLY_APPLIED, Status.APPLIED}
    assert (ruling is None) == (kind in carried_kinds and status in carried_statuses)
    if CreditKind.UNKNOWN is kind and status in carried_statuses:
        assert ruling is not None
        assert ruling.decision is Decision.BLOCKED


def test_a_distribution_with_nothing_left_moves_credit_and_is_none() -> None:
    ruling = carry.judged(credit(kind=CreditKind.DISTRIBUTION, remaining=Decimal(0)), REMAINING)
    assert ruling == Ruling(Decision.SKIP, "moves-credit", "it moves credit and is none")


def test_a_payment_is_carried_only_when_asked_for() -> None:
    payment = credit(kind=CreditKind.PAYMENT)
    ruling = carry.judged(payment, REMAINING)
    assert ruling is not None
    assert (ruling.decision, ruling.code) == (Decision.SKIP, "cash")
    assert carry.judged(payment, PlanOptions(include=frozenset({"payments"}))) is None


def test_a_credit_of_which_nobody_knows_what_remains_is_blocked() -> None:
    ruling = carry.judged(credit(remaining=None), REMAINING)
    assert ruling is not None
    assert (ruling.decision, ruling.code) == (Decision.BLOCKED, "remaining-unknown")


def test_money_that_leaves_the_account_is_blocked() -> None:
    ruling = carry.judged(credit(direction=Direction.FROM_ACCOUNT), REMAINING)
    assert ruling is not None
    assert ruling.decision is Decision.BLOCKED


def test_what_remains_is_carried_without_allocations() -> None:
    what = carry.carried(credit(remaining=Decimal(60), allocations=(spent("40"),)), REMAINING)
    assert isinstance(what, Carried)
    assert (what.amount, what.allocations, len(what.dropped)) == (Decimal(60), (), 1)


@pytest.mark.parametrize(
    ("allocation", "reason"),
    [
        (spent("40", "99"), "its invoice is not in the map"),
        (
            spent("40", target=Target(type=TargetType.OPENING_BALANCE, id="7")),
            "it goes to a target of type opening_balance, not to an invoice",
        ),
        (spent("40", currency="USD"), "it is in USD, the credit in ZAR"),
        (spent("40", reversed_at=datetime(2026, 1, 1, tzinfo=UTC)), "it was reversed"),
        (spent("0"), "its amount is not positive"),
        (spent("40", target=Target(type=TargetType.INVOICE, id="")), "its invoice is not in the map"),
    ],
)
def test_an_allocation_that_cannot_be_carried_lowers_the_amount_by_itself(allocation: Allocation, reason: str) -> None:
    what = carry.carried(credit(remaining=Decimal(30), allocations=(spent("30"), allocation)), HISTORY)
    assert isinstance(what, Carried)
    assert what.amount == Decimal(60)
    assert [draft.target_id for draft in what.allocations] == ["41"]
    assert [dropped.reason for dropped in what.dropped] == [reason]


def test_a_credit_that_says_it_has_more_than_its_amount_is_blocked() -> None:
    what = carry.carried(credit(remaining=Decimal(70), allocations=(spent("40"),)), HISTORY)
    assert isinstance(what, Ruling)
    assert what.decision is Decision.BLOCKED


AMOUNTS = st.decimals(min_value=0, max_value=Decimal("1e9"), places=2)


@given(remaining=AMOUNTS, parts=st.lists(st.tuples(AMOUNTS, st.sampled_from(["31", "32", "99"]), st.booleans()), max_size=6))
def test_a_copy_never_raises_what_a_customer_can_spend(remaining: Decimal, parts: list[tuple[Decimal, str, bool]]) -> None:
    """What the copy leaves to spend is what remained at the source, and the invoices get no more than was spent on them."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    allocations = tuple(spent(amount, invoice, reversed_at=moment if undone else None) for amount, invoice, undone in parts)
    standing = sum((item.amount for item in allocations if item.reversed_at is None), Decimal(0))
    source = credit(amount=remaining + standing, remaining=remaining, allocations=allocations)
    for options in (HISTORY, REMAINING):
        what = carry.carried(source, options)
        if isinstance(what, Ruling):
            assert what.decision is Decision.SKIP
            assert remaining == 0
            continue
        assert what.amount - sum((item.amount for item in what.allocations), Decimal(0)) == remaining
        assert what.amount + sum((item.amount for item in what.dropped if item.reason != "it was reversed"), Decimal(0)) == source.amount


def test_card_like_numbers_are_taken_out_of_texts() -> None:
    source = credit(number="4111 1111 1111 1111", memo="paid with 4111111111111111, sorry")
    what = carry.carried(source, REMAINING)
    assert isinstance(what, Carried)
    texts = carry.fates(source, REMAINING)
    draft = carry.with_texts(carry.draft_of(source, "21", what), texts, stored=False)
    assert (draft.number, draft.memo) == (None, "paid with ••••1111, sorry")
    losses = carry.losses_of(source, what, texts, SOURCE, "Target")
    assert [(loss.field, "4111 1111" in loss.value, "41111111" in loss.value) for loss in losses] == [
        ("memo", False, False),
        ("number", False, False),
    ]


def test_fields_that_a_draft_has_no_place_for_are_losses() -> None:
    source = credit(
        created_at=datetime(2026, 1, 1, tzinfo=UTC), parent_id="7", extra={"Colour": "red", "Empty": "", "Deep": {"a": Decimal("1.10")}}
    )
    what = carry.carried(source, REMAINING)
    assert isinstance(what, Carried)
    assert {loss.field: loss.value for loss in carry.losses_of(source, what, {}, SOURCE, "Target")} == {
        "created_at": "2026-01-01 00:00:00+00:00",
        "parent_id": "7",
        "extra.Colour": "red",
        "extra.Deep": '{"a":1.10}',
    }


def test_what_only_repeats_another_fact_or_was_estimated_is_no_loss() -> None:
    estimated = Finding(code="created-at-estimated", message="read from the locator", field="created_at")
    source = credit(
        created_at=datetime(2026, 1, 1, tzinfo=UTC), findings=(estimated,), extra={"amount": Decimal(-100), "chargeType": "GoodwillCredit"}
    )
    what = carry.carried(source, REMAINING)
    assert isinstance(what, Carried)
    losses = carry.losses_of(source, what, {}, SOURCE, "BillAgain")
    assert [(loss.field, loss.value, loss.reason) for loss in losses] == [
        ("extra.chargeType", "GoodwillCredit", "BillAgain has no place for it")
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (PlanOptions(only_accounts=frozenset({"12"})), "its account is not asked for"),
        (PlanOptions(ids=frozenset({"2"})), "its id is not asked for"),
        (PlanOptions(kinds=frozenset({CreditKind.CHARGE})), "its kind is not asked for"),
        (PlanOptions(statuses=frozenset({Status.APPLIED})), "its status is not asked for"),
        (PlanOptions(currencies=frozenset({"USD"})), "its currency is not asked for"),
        (PlanOptions(since=date(2026, 3, 6)), "its day is not asked for"),
        (PlanOptions(until=date(2026, 3, 4)), "its day is not asked for"),
    ],
)
def test_each_filter_leaves_out_by_name(options: PlanOptions, reason: str) -> None:
    ruling = filters.filtered(credit(issued_on=date(2026, 3, 5)), options)
    assert ruling == Ruling(Decision.SKIP, "filtered", reason)


def test_the_days_of_a_range_are_both_included() -> None:
    options = PlanOptions(since=date(2026, 3, 5), until=date(2026, 3, 5))
    assert filters.filtered(credit(issued_on=date(2026, 3, 5)), options) is None
    assert filters.filtered(credit(), options) is not None
