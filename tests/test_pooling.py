"""A pooled balance: whatever happens to it in any order, what is left of the lots is what came in less what went out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from unibill import money
from unibill.pooling import Balance, Drain, Event, Lot

EXPONENTS = {"JPY": 0, "USD": 2, "KWD": 3}
START = datetime(2026, 1, 1, tzinfo=UTC)
currencies = st.sampled_from(sorted(EXPONENTS))


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def amounts(currency: str) -> st.SearchStrategy[Decimal]:
    return st.integers(1, 10**9).map(lambda units: Decimal(units).scaleb(-EXPONENTS[currency]))


@st.composite
def movements(draw: st.DrawFn, currency: str) -> tuple[list[Event], list[Lot], list[Drain]]:
    """Lots that come and drains that go, some of each undone later, at random moments."""
    events: list[Event] = []
    lots: list[Lot] = []
    drains: list[Drain] = []
    minute = st.integers(0, 30)
    for number in range(draw(st.integers(0, 6))):
        lot = Lot(str(number), draw(amounts(currency)), Decimal(0))
        when = draw(minute)
        lots.append(lot)
        events.append(Event(at(when), "fill", f"f{number}", lot))
        if draw(st.booleans()):
            events.append(Event(at(when + draw(minute)), "unfill", f"f{number}", lot))
    for number in range(draw(st.integers(0, 6))):
        prefers = draw(st.sampled_from([None, "0", "3", "nobody"]))
        drain = Drain(f"d{number}", draw(amounts(currency)), prefers)
        when = draw(minute)
        drains.append(drain)
        events.append(Event(at(when), "drain", drain.key, drain))
        if draw(st.booleans()):
            events.append(Event(at(when + draw(minute)), "undrain", drain.key, drain))
    return events, lots, drains


def total(values: list[Decimal]) -> Decimal:
    return money.add(values)


@given(st.data(), currencies)
def test_the_total_is_what_came_in_less_what_went_out_to_the_last_digit(data: st.DataObject, currency: str) -> None:
    events, lots, drains = data.draw(movements(currency))
    balance = Balance()
    balance.run(events)
    came = total([lot.amount for lot in lots if not lot.gone])
    went = total([drain.amount for drain in drains if not drain.undone])
    assert balance.total() == money.subtract(came, went)


@given(st.data(), currencies)
def test_no_lot_gives_more_than_it_has_and_no_drain_takes_more_than_it_is(data: st.DataObject, currency: str) -> None:
    events, lots, drains = data.draw(movements(currency))
    Balance().run(events)
    standing = [drain for drain in drains if not drain.undone]
    for lot in lots:
        given_away = total([part for drain in standing for taken, part in drain.taken if taken is lot])
        assert lot.rest >= 0
        assert money.add([lot.rest, given_away]) == (Decimal(0) if lot.gone else lot.amount)
    for drain in standing:
        assert total([part for _, part in drain.parts()]) == money.subtract(drain.amount, drain.owed)


def test_the_oldest_lot_is_spent_first_unless_the_drain_was_made_for_another() -> None:
    lots = [Lot(name, Decimal(10), Decimal(0)) for name in "ab"]
    events = [Event(at(minute), "fill", lot.credit, lot) for minute, lot in enumerate(lots)]
    own, other = Drain("own", Decimal(4), "b"), Drain("other", Decimal(12))
    Balance().run([*events, Event(at(5), "drain", "own", own), Event(at(6), "drain", "other", other)])
    assert (own.parts(), other.parts()) == ([("b", Decimal(4))], [("a", Decimal(10)), ("b", Decimal(2))])


def test_what_is_overdrawn_is_owed_and_the_next_lot_pays_it() -> None:
    first, second, drain = Lot("a", Decimal(5), Decimal(0)), Lot("b", Decimal(9), Decimal(0)), Drain("d", Decimal(8))
    balance = Balance()
    balance.run([Event(at(0), "fill", "a", first), Event(at(1), "drain", "d", drain)])
    assert (balance.total(), balance.owed()) == (Decimal(-3), Decimal(3))
    later = Balance()
    events = [Event(at(0), "fill", "a", first), Event(at(1), "drain", "d", Drain("d", Decimal(8))), Event(at(2), "fill", "b", second)]
    later.run(events)
    assert (second.rest, later.owed()) == (Decimal(6), Decimal(0))
