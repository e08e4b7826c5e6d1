"""What drives flows ahead of an awaited reader, so many at once at most: threads beside the event loop, or the loop itself."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio

from unibill.flow import Flow
from unibill.http.driving import Stop
from unibill.native import AsyncRunner

T = TypeVar("T")
Drive = Callable[[Flow[Any], Stop], Any]
"""Drives a flow in the thread that calls it, until the stop."""


class Ahead(ABC):
    """Drives flows that read.

    Attributes:
        turns: of the event loop that a reader owes between two results. Results that are there already are given without waiting, so
            the loop would stand still, and nothing driven in it would go on, until all of them are used up.
    """

    turns = 0

    @abstractmethod
    def start(self, flow: Flow[T]) -> "asyncio.Future[T]":
        """Have a flow driven as soon as fewer than the most are; cancelled, it ends at once."""

    async def ended(self) -> None:
        """Drive nothing more, since nobody waits for it, and wait until nothing is driven."""


class InLoop(Ahead):
    """Drives flows as tasks of the event loop.

    Args:
        run: drives one.
        most: how many at once.
    """

    turns = 3
    """From an answer to the next request."""

    def __init__(self, run: AsyncRunner, most: int) -> None:
        self._run = run
        self._room = asyncio.Semaphore(most)

    def start(self, flow: Flow[T]) -> "asyncio.Future[T]":
        """As a task."""
        return asyncio.ensure_future(self._driven(flow))

    async def _driven(self, flow: Flow[T]) -> T:
        async with self._room:
            return await self._run(flow)


@dataclass(slots=True)
class _Job:
    flow: Flow[Any]
    future: "Future[Any]" = field(default_factory=Future[Any])
    stop: Stop = field(default_factory=Stop)


class InThreads(Ahead):
    """Drives flows in threads. A thread that is done takes the next flow itself: the event loop may be busy with what came.

    Where others wait for its place it gives that back and gets in line again. No more than one of its helpers is in line at a time,
    so that whoever comes next does not wait for all of them.

    Args:
        drive: drives one.
        threads: where.
        room: a place in it is held by each thread while there is something to do, since others work for the same backend.
        most: how many at once.
    """

    def __init__(self, drive: Drive, threads: Executor, room: anyio.Semaphore, most: int) -> None:
        self._drive = drive
        self._threads = threads
        self._room = room
        self._most = most
        self._jobs: deque[_Job] = deque()
        self._helpers: set[asyncio.Task[None]] = set()
        self._in_line: asyncio.Task[None] | None = None
        """The helper that has no place yet."""

    def start(self, flow: Flow[T]) -> "asyncio.Future[T]":
        """In the next thread that is free."""
        job = _Job(flow)
        self._jobs.append(job)
        self._help()
        waited: asyncio.Future[T] = asyncio.wrap_future(job.future)
        waited.add_done_callback(lambda ended: job.stop.now() if ended.cancelled() else None)
        return waited

    async def ended(self) -> None:
        """Wait for the threads, but not for a place."""
        while (job := self._next()) is not None:
            job.future.cancel()
        if self._in_line is not None:
            self._in_line.cancel()
        while self._helpers:
            await asyncio.wait(self._helpers)

    def _help(self) -> None:
        if self._in_line is None and len(self._helpers) < self._most:
            helper = self._in_line = asyncio.ensure_future(self._work())
            self._helpers.add(helper)
            helper.add_done_callback(self._helped)

    async def _work(self) -> None:
        async with self._room:
            self._in_line = None
            if len(self._jobs) > 1:  # more than this helper's
                self._help()
            if self._jobs:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._drain)

    def _helped(self, helper: "asyncio.Task[None]") -> None:
        """Go on after a helper; in a callback, since one that is cancelled before it began runs no code of its own."""
        self._helpers.discard(helper)
        if self._in_line is helper:
            self._in_line = None
        if helper.cancelled():
            self._fail(RuntimeError("the connections of this backend are closed"))
        elif (error := helper.exception()) is not None:  # such as connections that are closed: it belongs to those who wait
            self._fail(error)
        elif self._jobs:  # they came when the thread had already looked, or it made room for others
            self._help()

    def _drain(self) -> None:
        while (job := self._next()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                result = self._drive(job.flow, job.stop)
            except BaseException as error:  # noqa: BLE001 - it belongs to who waits for the result
                job.future.set_exception(error)
            else:
                job.future.set_result(result)
            if self._others_wait():
                return

    def _others_wait(self) -> bool:
        # Asked in a thread while the event loop goes on: what is a moment old costs one flow more in this place, or a turn of the loop.
        return self._room.statistics().tasks_waiting > (self._in_line is not None)

    def _next(self) -> _Job | None:
        try:
            return self._jobs.popleft()
        except IndexError:
            return None

    def _fail(self, error: BaseException) -> None:
        while (job := self._next()) is not None:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(error)
