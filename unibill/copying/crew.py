"""Working on several accounts at once, and stopping cleanly."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from unibill.facade import Billing
from unibill.flow import Flow, Sleep

J = TypeVar("J")
_TICK: Final = 0.1
_SLICE: Final = 0.25


class Crew:
    """Threads that each take an account; ``stopping`` tells them to finish what is under way and begin nothing more.

    Args:
        width: how many accounts at once.
        tell: called in the calling thread, a few times a second, while the others work.
        stopping: an event that others may set too.
    """

    def __init__(self, width: int, tell: Callable[[], None], stopping: threading.Event | None = None) -> None:
        self.stopping = stopping or threading.Event()
        self.interrupted = False
        self._width = max(width, 1)
        self._tell = tell

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Take Ctrl-C, wherever it comes, as the wish to stop cleanly: nothing new is begun, and whoever waits gets a summary."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True
            self.stopping.set()

    def work(self, jobs: Iterable[J], do: Callable[[J], None]) -> None:
        """Do every job; returns when all that was begun has ended.

        Raises:
            Exception: the first that a job raised, after the others have ended.
        """
        waiting = iter(jobs)
        failure: BaseException | None = None
        running: set[Future[None]] = set()
        over: SimpleQueue[Future[None]] = SimpleQueue()
        with ThreadPoolExecutor(self._width, thread_name_prefix="unibill-run") as pool:
            try:
                while True:
                    while len(running) < self._width and not self.stopping.is_set():
                        job = next(waiting, None)
                        if job is None:
                            break
                        future = pool.submit(do, job)
                        running.add(future)
                        future.add_done_callback(over.put)
                    if not running:
                        break
                    for future in _taken(over):
                        failure = self._ended(future, failure)
                        running.discard(future)
                    self._tell()
            except KeyboardInterrupt:
                self.interrupted = True
                self.stopping.set()
            for future in wait(running).done:
                failure = self._ended(future, failure)
        if failure is not None:
            raise failure

    def _ended(self, future: Future[None], failure: BaseException | None) -> BaseException | None:
        error = future.exception()
        if error is not None:
            self.stopping.set()
        return failure or error

    def pause(self, billing: Billing, seconds: float) -> None:
        """Wait, in slices, so that it can be stopped; not at all in the transports' test mode."""
        try:
            while seconds > 0 and not self.stopping.is_set():
                part = min(seconds, _SLICE)
                billing.run(_sleep(part))
                seconds -= part
                self._tell()
        except KeyboardInterrupt:
            self.interrupted = True
            self.stopping.set()


def _taken(over: SimpleQueue[Future[None]]) -> Iterator[Future[None]]:
    """What is over, waited for a moment; whoever waits for all that is running would look at each at every turn."""
    try:
        yield over.get(timeout=_TICK)
        while True:
            yield over.get_nowait()
    except Empty:
        return


def _sleep(seconds: float) -> Flow[None]:
    yield Sleep(seconds)


class Since:
    """A moment, on the clock that nobody sets."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def left(self, seconds: float) -> float:
        """How much is left of a time that began then."""
        return max(0.0, self._at + seconds - time.monotonic())
