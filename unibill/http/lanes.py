"""Lanes: connections that are never shared, and never more of them than a backend allows.

Whoever sends takes a lane for as long as the exchange lasts. The pools of HTTP libraries look through all their connections and
waiting requests at every request, under one lock; with tens of requests at once that costs more than the requests do. A lane
on which something failed is not used again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

L = TypeVar("L")
CLOSED: Final = "the connections of this backend are closed"


class Full(Exception):
    """No lane became free in time."""


class Lanes(Generic[L]):
    """Lanes for threads.

    Args:
        make: makes one.
        close: closes one.
        most: how many there may be.
    """

    def __init__(self, make: Callable[[], L], close: Callable[[L], None], most: int) -> None:
        self._make = make
        self._close = close
        self._room = threading.BoundedSemaphore(most)
        self._free: list[L] = []
        self.closed = False

    @contextmanager
    def taken(self, patience: float | None) -> Iterator[L]:
        """Have a lane to oneself.

        Args:
            patience: seconds to wait for one; None for as long as it takes.

        Raises:
            Full: none became free.
            RuntimeError: the lanes are closed.
        """
        if not (self._room.acquire(blocking=False) or self._room.acquire(timeout=patience)):
            raise Full
        try:
            if self.closed:
                raise RuntimeError(CLOSED)
            try:
                lane = self._free.pop()
            except IndexError:
                lane = self._make()
            try:
                yield lane
            except BaseException:
                self._close(lane)
                raise
            self._free.append(lane)
            if self.closed:
                self.close()
        finally:
            self._room.release()

    def close(self) -> None:
        """Close the lanes that are free; those that are taken are closed when they come back."""
        self.closed = True
        while self._free:
            self._close(self._free.pop())
