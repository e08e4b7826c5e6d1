"""Lanes: one user at a time, never more than allowed, none used after a failure."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from unibill.http.awaitable_lanes import AsyncLanes
from unibill.http.lanes import Full, Lanes


class Made:
    """Counts the lanes that are made and closed."""

    def __init__(self) -> None:
        self.open: list[object] = []
        self.closed: list[object] = []

    def make(self) -> object:
        self.open.append(lane := object())
        return lane

    def close(self, lane: object) -> None:
        self.closed.append(lane)

    async def aclose(self, lane: object) -> None:
        self.closed.append(lane)


def test_threads_never_share_a_lane_and_make_no_more_than_allowed() -> None:
    made, using, shared = Made(), set[int](), list[int]()
    lanes = Lanes(made.make, made.close, 3)
    meet = threading.Barrier(3)

    def use(number: int) -> None:
        with lanes.taken(5) as lane:
            if id(lane) in using:
                shared.append(number)
            using.add(id(lane))
            if number < 3:
                meet.wait(5)
            using.remove(id(lane))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(60)))

    assert (shared, len(made.open), made.closed) == ([], 3, [])


def test_who_waits_too_long_for_a_lane_is_told() -> None:
    made = Made()
    lanes = Lanes(made.make, made.close, 1)
    with lanes.taken(0), pytest.raises(Full), lanes.taken(0.01):
        pass

    with lanes.taken(0):
        assert len(made.open) == 1


def test_a_lane_on_which_something_failed_is_closed_and_not_used_again() -> None:
    made = Made()
    lanes = Lanes(made.make, made.close, 1)
    with pytest.raises(KeyError), lanes.taken(0):
        raise KeyError

    with lanes.taken(0) as lane:
        assert made.closed == [made.open[0]] != [lane]


def test_closed_lanes_are_closed_when_they_come_back_and_give_out_no_more() -> None:
    made = Made()
    lanes = Lanes(made.make, made.close, 2)
    with lanes.taken(0):
        lanes.close()
        assert made.closed == []

    assert made.closed == made.open
    with pytest.raises(RuntimeError, match="closed"), lanes.taken(0):
        pass


def test_lanes_for_tasks_keep_the_same_rules() -> None:
    made = Made()

    async def work() -> None:
        lanes = AsyncLanes(made.make, made.aclose, 1)
        async with lanes.taken(0):
            with pytest.raises(Full):
                async with lanes.taken(0.01):
                    pass
        async with lanes.taken(0):
            pass
        assert (len(made.open), made.closed) == (1, [])
        with pytest.raises(KeyError):
            async with lanes.taken(0):
                raise KeyError
        assert made.closed == made.open
        async with lanes.taken(0):
            await lanes.close()
        assert made.closed == made.open
        with pytest.raises(RuntimeError, match="closed"):
            async with lanes.taken(0):
                pass

    asyncio.run(work())


def test_a_task_that_is_cancelled_gives_up_its_lane() -> None:
    made = Made()

    async def work() -> None:
        lanes = AsyncLanes(made.make, made.aclose, 1)
        taken = asyncio.Event()

        async def hold() -> None:
            async with lanes.taken(0):
                taken.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hold())
        await taken.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (made.closed, lanes.room.value) == (made.open, 1)

    asyncio.run(work())
