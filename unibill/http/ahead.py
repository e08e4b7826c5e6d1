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
        """Wait until nothing is driven any more."""


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
        self._working: set[asyncio.Task[None]] = set()

    def start(self, flow: Flow[T]) -> "asyncio.Future[T]":
        """In the next thread that is free."""
        job = _Job(flow)
        self._jobs.append(job)
        self._help()
        waited: asyncio.Future[T] = asyncio.wrap_future(job.future)
        waited.add_done_callback(lambda ended: job.stop.now() if ended.cancelled() else None)
        return waited

    async def ended(self) -> None:
        """Wait for the threads."""
        while self._working:
            await asyncio.gather(*self._working, return_exceptions=True)

    def _help(self) -> None:
        if len(self._working) < self._most:
            self._working.add(asyncio.ensure_future(self._work()))

    async def _work(self) -> None:
        try:
            async with self._room:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._drain)
        except Exception as error:  # noqa: BLE001 - such as connections that are closed: it belongs to those who wait
            self._fail(error)
        except asyncio.CancelledError:
            self._fail(RuntimeError("the connections of this backend are closed"))
            raise
        finally:
            self._working.discard(asyncio.current_task())
            if self._jobs:  # it came when the thread had already looked
                self._help()

    def _drain(self) -> None:
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:
                return
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                result = self._drive(job.flow, job.stop)
            except BaseException as error:  # noqa: BLE001 - it belongs to who waits for the result
                job.future.set_exception(error)
            else:
                job.future.set_result(result)

    def _fail(self, error: Exception) -> None:
        while self._jobs:
            job = self._jobs.popleft()
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(error)
