"""No second holds more requests than the rate: by arithmetic with a clock of the test's own, and on real connections."""

import heapq
import math
import socket
import time
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MakeDriver
from tests.support.drivers import AsyncDriver, SyncDriver
from tests.support.server import Reply, Seen, Server
from unibill.flow import Request, exchange
from unibill.pacing import LATE, Pacer, Turn, always, gap

READ = Request("fetchThing", "GET", "/things")
AFTER = 0.0299
"""Seconds; what the headroom leaves for what comes after the last look at the clock."""


def most_in_a_second(moments: list[float]) -> int:
    """Of moments in seconds, the most that one second holds, its edges included."""
    ordered = sorted(moments)
    return max(sum(1 for later in ordered[first:] if later - moment <= 1.0) for first, moment in enumerate(ordered))


def leaving(turn: Turn, connecting: float) -> Iterator[float]:
    """What a driver waits for: its moment, perhaps a connection, and another moment if that took too long."""
    yield from turn.waits()
    if connecting:
        yield connecting
    yield from turn.leaves()


@given(
    rate=st.one_of(st.integers(1, 30), st.floats(0.3, 60)),
    requests=st.integers(1, 80),
    late=st.sampled_from([0.0, 0.005, 0.1, 3.0]),
    crowded=st.booleans(),
    randomness=st.randoms(use_true_random=False),
)
def test_no_second_holds_more_than_the_rate_however_late_threads_wake_up(
    rate: float, requests: int, late: float, crowded: bool, randomness: Random
) -> None:
    """Bounded is only what comes after the last look at the clock: the headroom that is left then."""
    now = [50.0]
    pacer = Pacer(rate, clock=lambda: now[0])
    under_way = list[tuple[float, int, Iterator[float]]]()
    for number in range(requests):
        turn = Turn(READ, pacer, clock=lambda: now[0])
        begins = 50.0 if crowded else 50 + randomness.random() * requests / rate
        under_way.append((begins, number, leaving(turn, randomness.choice((0.0, 0.0, late)))))
    heapq.heapify(under_way)
    sent = list[float]()
    while under_way:
        now[0], number, waits = heapq.heappop(under_way)
        for seconds in waits:
            oversleeps = randomness.choice((0.0, LATE * 0.99, LATE * 0.99, late))
            heapq.heappush(under_way, (now[0] + seconds + oversleeps, number, waits))
            break
        else:
            sent.append(now[0] + randomness.choice((0.0, AFTER)))
    assert len(sent) == requests
    assert most_in_a_second(sent) <= math.ceil(rate)


def test_moments_are_even_and_unused_ones_are_not_saved_up() -> None:
    now = [100.0]
    pacer = Pacer(4, clock=lambda: now[0])
    assert [pacer.reserve() for _ in range(3)] == pytest.approx([100, 100.2625, 100.525])
    now[0] = 200.0
    assert [pacer.reserve() for _ in range(2)] == pytest.approx([200, 200.2625])


def test_who_wakes_up_late_takes_another_moment_and_who_does_not_keeps_his() -> None:
    now = [0.0]
    pacer = Pacer(1, clock=lambda: now[0])
    pacer.reserve()
    waits = Turn(READ, pacer, clock=lambda: now[0]).waits()
    assert next(waits) == pytest.approx(1.05)
    now[0] = 1.05 + LATE * 1.01
    assert next(waits) == pytest.approx(1.05 - LATE * 1.01)
    now[0] = 2.1 + LATE * 0.99
    assert list(waits) == []


@pytest.mark.parametrize("late", [0.025, 0.05, 0.1, 0.25, 2.0])
@pytest.mark.parametrize(("rate", "together"), [(5, 1), (5, 4), (20, 8), (50, 8), (0.5, 2)])
def test_who_always_wakes_up_late_is_slower_and_gets_away_within_the_rate_all_the_same(rate: float, together: int, late: float) -> None:
    now = [50.0]
    pacer, sent, woken = Pacer(rate, clock=lambda: now[0]), list[float](), 0
    under_way = [(50.0, number, Turn(READ, pacer, clock=lambda: now[0]).waits()) for number in range(together)]
    while len(sent) < 20:
        now[0], number, waits = heapq.heappop(under_way)
        woken += 1
        assert woken < 400, f"only {len(sent)} were sent"
        for seconds in waits:
            heapq.heappush(under_way, (now[0] + seconds + late, number, waits))
            break
        else:
            sent.append(now[0])
            heapq.heappush(under_way, (now[0], number + together, Turn(READ, pacer, clock=lambda: now[0]).waits()))
    assert most_in_a_second(sent) <= math.ceil(rate)


# On connections


class Moments:
    """Gives moments away at once, and counts them."""

    def __init__(self) -> None:
        self.given = 0

    @property
    def gap(self) -> float:
        return 0.0

    def reserve(self, moments: int = 1) -> float:
        self.given += moments
        return time.monotonic()


def limited(driver: MakeDriver, **settings: object) -> tuple[SyncDriver | AsyncDriver, Moments]:
    made, moments = driver(**settings), Moments()
    assert isinstance(made, SyncDriver | AsyncDriver)
    made.transport._runs.limit(moments, always)
    return made, moments


def test_every_try_takes_a_moment(driver: MakeDriver, server: Server) -> None:
    server.script(Reply(429, headers={"retry-after": "0"}), Reply(503), Reply())
    made, moments = limited(driver)
    made.run(exchange(READ))
    assert (moments.given, len(server.seen)) == (3, 3)


def test_a_rate_spaces_what_is_sent(driver: MakeDriver, server: Server) -> None:
    arrived = list[float]()

    def answer(_: Seen) -> Reply:
        arrived.append(time.monotonic())
        return Reply()

    server.respond = answer
    paced = driver(rate=20, concurrency=4)
    began = time.monotonic()
    paced.together([exchange(READ) for _ in range(12)])
    assert len(arrived) == 12
    # From the beginning, not from the first arrival: that may be late, where the machine is busy.
    early = [number for number, moment in enumerate(sorted(arrived)) if moment < began + number * gap(20)]
    assert early == []


def test_a_moment_is_taken_only_once_a_connection_is_free(driver: MakeDriver, server: Server) -> None:
    """Else those that waited for the connection would have had theirs long ago, and leave together."""
    made, moments = limited(driver, concurrency=1)
    given_at_arrival = list[int]()

    def answer(_: Seen) -> Reply:
        given_at_arrival.append(moments.given)
        time.sleep(2 * LATE)
        return Reply()

    server.respond = answer
    made.together([exchange(READ) for _ in range(4)])
    assert sorted(given_at_arrival) == given_at_arrival
    assert moments.given - given_at_arrival[0] >= 3


def test_what_is_held_up_after_its_moment_takes_another_right_before_the_first_byte(driver: MakeDriver, server: Server) -> None:
    server.script(Reply())
    made, moments = limited(driver)
    held_up = iter([2 * LATE])
    made.transport._runs.limit(moments, lambda _: time.sleep(next(held_up, 0.0)))
    made.run(exchange(READ))
    assert (moments.given, len(server.seen)) == (2, 1)


class Refused(Exception):
    """By the permit."""


def test_the_permit_is_asked_with_the_connection_made_and_nothing_sent(driver: MakeDriver) -> None:
    connections = list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        def permit(_: Request) -> None:
            try:
                connections.append(listener.accept()[0])
            except BlockingIOError:
                return
            raise Refused

        made = driver(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert isinstance(made, SyncDriver | AsyncDriver)
        made.transport._runs.limit(None, permit)
        with pytest.raises(Refused):
            made.run(exchange(READ))
        with connections[0] as connection:
            connection.settimeout(5)
            assert connection.recv(1) == b""
