"""Reading several lists at once, in bounded memory."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import Empty, Full, Queue
from typing import Final, Generic, TypeVar

J = TypeVar("J")
R = TypeVar("R")
_BLOCK: Final = 100
_PATIENCE: Final = 0.05
_GATHERING: Final = 0.5
_LONGEST: Final = 0.25
"""Seconds after which a block goes on though it is not full."""


def abreast(jobs: Iterable[J], read: Callable[[J], Iterator[R]], width: int) -> Iterator[list[R]]:
    """What reading each job gives, in blocks of up to 100, as it comes; the order of jobs is lost, the order within one is kept.

    Args:
        jobs: taken one by one.
        read: called in a thread.
        width: how many jobs are under way at once.

    Raises:
        Exception: the first that ``read`` raised; the others are stopped.
    """
    work = _Work(jobs, read, width)
    threads = [threading.Thread(target=work.run, name=f"unibill-read-{i}", daemon=True) for i in range(max(width, 1))]
    for thread in threads:
        thread.start()
    try:
        yield from work.blocks(len(threads))
    finally:
        work.stop()
        for thread in threads:
            thread.join()


def gathered(blocks: Iterable[list[R]], size: int) -> Iterator[list[R]]:
    """The same items in larger blocks, as few as come within half a second: a database writes each page once a transaction."""
    held: list[R] = []
    due = time.monotonic() + _GATHERING
    for block in blocks:
        held += block
        if len(held) >= size or time.monotonic() >= due:
            yield held
            held, due = [], time.monotonic() + _GATHERING
    if held:
        yield held


class _End:
    """A worker has ended, perhaps with an error."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Stopped(Exception):
    """Nobody wants the rest."""


class _Work(Generic[J, R]):
    def __init__(self, jobs: Iterable[J], read: Callable[[J], Iterator[R]], width: int) -> None:
        self._jobs = iter(jobs)
        self._read = read
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._results: Queue[list[R] | _End] = Queue(max(width, 1) * 2)

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        end = _End(None)
        block: list[R] = []
        due = time.monotonic() + _LONGEST
        try:
            while not self._stopped.is_set():
                with self._lock:
                    taken = list(islice(self._jobs, 1))
                if not taken:
                    break
                for item in self._read(taken[0]):
                    block.append(item)
                    if len(block) == _BLOCK:
                        self._put(block)
                        block, due = [], time.monotonic() + _LONGEST
                # Blocks go from job to job, since jobs may be many and small.
                if block and time.monotonic() > due:
                    self._put(block)
                    block, due = [], time.monotonic() + _LONGEST
            self._put(block)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again where the results are read
            end = _End(error)
        try:
            self._put(end)
        except _Stopped:
            return

    def _put(self, item: "list[R] | _End") -> None:
        while not self._stopped.is_set():
            try:
                self._results.put(item, timeout=_PATIENCE)
            except Full:
                continue
            return
        raise _Stopped

    def blocks(self, workers: int) -> Iterator[list[R]]:
        while workers:
            try:
                # A wait without an end would keep Ctrl-C from being seen on some systems.
                item = self._results.get(timeout=1.0)
            except Empty:
                continue
            if not isinstance(item, _End):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                workers -= 1
