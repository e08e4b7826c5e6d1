"""What every racer does with the notes it gets, and how it says how long that took. Standard library only: rivals have no more."""

import gc
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from decimal import Decimal
from itertools import islice
from typing import Protocol

from tests.benchmarks import notes

Noted = tuple[str, Decimal]
"""Id and amount of a note."""


class Listing(Protocol):
    """Starts to list the notes anew."""

    def __call__(self) -> Iterable[Noted]:
        """Id and amount of each note."""
        ...


def race(listing: Listing, figure: Callable[[float], float] = lambda rate: rate) -> None:
    """List all notes against the clock, sum them, look at the first page's digits, and print the lap.

    Args:
        listing: starts anew with each call.
        figure: what to make of the records a second.
    """
    first = list(islice(listing(), notes.PAGE))  # connects, and builds what is built once
    started, worked = clock()
    total, count = Decimal(0), 0
    for _, amount in listing():
        total += amount
        count += 1
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    lap(figure(count / seconds), seconds, cpu, notes.digest(total, first), count)


def clock() -> tuple[float, float]:
    """The moment from which a lap is measured, and the processor time until then.

    What importing has left is collected before, as it would be at some moment anyway: that takes tens of milliseconds, and which racer's
    lap they fall into says nothing about the racer.
    """
    gc.collect()
    return time.perf_counter(), time.process_time()


def lap(figure: float, seconds: float, cpu: float = 0.0, check: str = "", count: int = 0, **said: object) -> None:
    """Print a lap, as the process's last line; what else is said gets a column of its own."""
    print(json.dumps({"figure": figure, "seconds": seconds, "cpu": cpu, "check": check, "count": count, "notes": said}))


def ahead(listing: Listing, window: int, latency: float) -> None:
    """As ``race``, but the figure is the percent of the pages a second that a window and a latency allow."""
    race(listing, lambda rate: _percent(rate, window, latency))


async def aahead(listing: Callable[[], AsyncGenerator[Noted, None]], window: int, latency: float) -> None:
    """As ``ahead``, awaited."""
    await arace(listing, lambda rate: _percent(rate, window, latency))


async def arace(listing: Callable[[], AsyncGenerator[Noted, None]], figure: Callable[[float], float] = lambda rate: rate) -> None:
    """As ``race``, awaited."""
    async with aclosing(listing()) as begun:
        first = [await anext(begun) for _ in range(notes.PAGE)]
    started, worked = clock()
    total, count = Decimal(0), 0
    async for _, amount in listing():
        total += amount
        count += 1
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    lap(figure(count / seconds), seconds, cpu, notes.digest(total, first), count)


def _percent(rate: float, window: int, latency: float) -> float:
    return 100 * rate / notes.PAGE / (window / latency)
