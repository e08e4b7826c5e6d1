"""The algebra of allocations conserves every digit and applies nothing twice."""

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from unibill import allocating, money
from unibill.model import Allocation, Target, TargetType

EXPONENTS = {"JPY": 0, "USD": 2, "KWD": 3}
currencies = st.sampled_from(sorted(EXPONENTS))


@st.composite
def amounts(draw: st.DrawFn, currency: str, least: int = 0) -> Decimal:
    return Decimal(draw(st.integers(least, 10**12))).scaleb(-EXPONENTS[currency])


@st.composite
def parts(draw: st.DrawFn, currency: str) -> list[tuple[str, Decimal]]:
    return [(str(i), amount) for i, amount in enumerate(draw(st.lists(amounts(currency), max_size=6)))]


@st.composite
def histories(draw: st.DrawFn, currency: str) -> list[Allocation]:
    return [
        Allocation(
            id=str(i),
            credit_id="1",
            target=Target(type=TargetType.INVOICE, id=draw(st.sampled_from("abc"))),
            amount=draw(amounts(currency, least=1)),
            currency=currency,
            reversed_at=draw(st.sampled_from([None, None, datetime(2026, 1, 1, tzinfo=UTC)])),
        )
        for i in range(draw(st.integers(0, 6)))
    ]


def total(values: list[Decimal]) -> Decimal:
    return money.add(values)


@given(st.data(), currencies)
def test_filling_spends_the_smaller_of_both_sums_and_no_part_twice(data: st.DataObject, currency: str) -> None:
    sources, targets = data.draw(parts(currency)), data.draw(parts(currency))
    edges = allocating.fill(sources, targets)
    assert total([amount for _, _, amount in edges]) == min(total([a for _, a in sources]), total([a for _, a in targets]))
    assert all(amount > 0 for _, _, amount in edges)
    for name, available in sources:
        assert total([amount for source, _, amount in edges if source == name]) <= available
    for name, wanted in targets:
        assert total([amount for _, target, amount in edges if target == name]) <= wanted


def test_the_first_source_pays_the_first_target_and_is_split_where_it_does_not_fit() -> None:
    edges = allocating.fill([("a", Decimal(70)), ("b", Decimal(50))], [("x", Decimal(100)), ("y", Decimal(10))])
    assert edges == [("a", "x", Decimal(70)), ("b", "x", Decimal(30)), ("b", "y", Decimal(10))]


@given(st.data(), currencies)
def test_a_change_leads_exactly_to_what_was_wanted(data: st.DataObject, currency: str) -> None:
    before = data.draw(histories(currency))
    wanted = {(TargetType.INVOICE, name): data.draw(amounts(currency, least=1)) for name in data.draw(st.sets(st.sampled_from("abcd")))}
    step = allocating.change(before, wanted)
    assert allocating.applied(before, step) == wanted
    assert {a.id for a in step.kept} | {a.id for a in step.removed} == {a.id for a in allocating.standing(before)}
    assert not {a.id for a in step.kept} & {a.id for a in step.removed}


@given(st.data(), currencies)
def test_a_change_to_what_already_stands_touches_nothing(data: st.DataObject, currency: str) -> None:
    before = data.draw(histories(currency))
    step = allocating.change(before, allocating.fold(before))
    assert (step.added, step.removed) == ((), ())


def test_reversed_allocations_stand_on_nothing() -> None:
    gone = Allocation(
        id=None,
        credit_id="1",
        target=Target(type=TargetType.INVOICE, id="a"),
        amount=Decimal(5),
        currency="USD",
        reversed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert allocating.fold([gone]) == {}


@given(st.data(), currencies)
def test_taking_splits_a_source_that_has_more_and_loses_nothing(data: st.DataObject, currency: str) -> None:
    """Applied partly or whole: what was taken and what is left are what was there, in the same order."""
    sources = data.draw(parts(currency))
    wanted = data.draw(amounts(currency))
    queue = deque(sources)
    taken = allocating.take(queue, wanted)
    there = total([amount for _, amount in sources])
    assert total([amount for _, amount in taken]) == min(wanted, there)
    assert total([amount for _, amount in (*taken, *queue)]) == there
    assert {name: amount for name, amount in allocating.merge((*taken, *queue)).items() if amount} == {
        name: amount for name, amount in sources if amount
    }
    assert [int(name) for name, _ in taken] == sorted(int(name) for name, _ in taken)


@given(st.data(), currencies)
def test_parts_without_amounts_never_bring_a_list_beyond_its_total(data: st.DataObject, currency: str) -> None:
    total_amount = data.draw(amounts(currency))
    some = st.one_of(st.none(), amounts(currency))
    items = data.draw(st.lists(st.tuples(some, some), max_size=6))
    found = allocating.complete(total_amount, items)
    assert all(part >= 0 for part in found)
    assert total(found) <= total_amount
    given_sum = total([amount for amount, _ in items if amount is not None])
    for part, (amount, bound) in zip(found, items, strict=True):
        assert amount is None or part <= amount
        assert amount is not None or bound is None or part <= bound
    if given_sum <= total_amount:
        assert [part for part, (amount, _) in zip(found, items, strict=True) if amount is not None] == [
            a for a, _ in items if a is not None
        ]
        if any(amount is None and bound is None for amount, bound in items):
            assert total(found) == total_amount


@given(st.data(), currencies)
def test_merging_conserves_every_targets_sum_and_the_whole(data: st.DataObject, currency: str) -> None:
    listed = data.draw(st.lists(st.tuples(st.sampled_from("abc"), amounts(currency)), max_size=8))
    merged = allocating.merge(listed)
    assert total(list(merged.values())) == total([amount for _, amount in listed])
    assert all(merged[name] == total([amount for other, amount in listed if other == name]) for name, _ in listed)
    assert list(merged) == list(dict.fromkeys(name for name, _ in listed))


@given(st.data(), currencies)
def test_applying_and_reversing_lead_to_the_same_by_replacing_the_list_as_by_single_movements(data: st.DataObject, currency: str) -> None:
    before = data.draw(histories(currency))
    added = [((TargetType.INVOICE, name), amount) for name, amount in data.draw(parts(currency))]
    ids = data.draw(st.sets(st.sampled_from([item.id or "" for item in before]))) if before else set[str]()
    steps: list[allocating.Change[tuple[allocating.TargetKey, Decimal]]] = [
        allocating.apply(before, added),
        allocating.reverse(before, ids),
    ]
    for step in steps:
        replaced = allocating.merge([*((allocating.key_of(item), item.amount) for item in step.kept), *step.added])
        moved = allocating.fold(before)
        for item in step.removed:
            moved[allocating.key_of(item)] -= item.amount
        for key, amount in step.added:
            moved[key] = moved.get(key, Decimal(0)) + amount
        assert replaced == allocating.applied(before, step)
        assert {key: amount for key, amount in replaced.items() if amount} == {key: amount for key, amount in moved.items() if amount}


@given(st.data(), currencies)
def test_what_is_reversed_can_be_applied_again_to_the_same_sums(data: st.DataObject, currency: str) -> None:
    before = data.draw(histories(currency))
    step = allocating.reverse(before, {item.id or "" for item in before[::2]})
    back = allocating.apply(step.kept, [(allocating.key_of(item), item.amount) for item in step.removed])
    assert allocating.applied(step.kept, back) == {key: amount for key, amount in allocating.fold(before).items()}


@given(st.data(), currencies)
def test_splitting_an_amount_conserves_it_to_the_last_digit(data: st.DataObject, currency: str) -> None:
    amount = data.draw(amounts(currency))
    weights = data.draw(st.lists(amounts(currency), min_size=1, max_size=6).filter(any))
    pieces = money.split(amount, weights, currency)
    assert total(pieces) == amount
    unit = Decimal(1).scaleb(-EXPONENTS[currency])
    for piece, weight in zip(pieces, weights, strict=True):
        exact = money.EXACT.divide(money.EXACT.multiply(amount, weight), total(weights))
        assert abs(piece - exact) < unit
        assert weight > 0 or piece == 0
