"""The algebra of allocations conserves every digit and applies nothing twice."""

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
        credit_id="1",
        target=Target(type=TargetType.INVOICE, id="a"),
        amount=Decimal(5),
        currency="USD",
        reversed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert allocating.fold([gone]) == {}
    assert allocating.over_applied(Decimal(0), [gone]) == 0
    assert allocating.over_applied(Decimal(3), [gone.model_copy(update={"reversed_at": None})]) == 2


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
