"""Lanes for tasks; see ``lanes``."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import anyio

from unibill.http.lanes import CLOSED, Full

L = TypeVar("L")


class AsyncLanes(Generic[L]):
    """As ``Lanes``.

    Attributes:
        room: how many more may be taken; whoever works for the same backend by other means takes his place here too.
    """

    def __init__(self, make: Callable[[], L], close: Callable[[L], Awaitable[None]], most: int) -> None:
        self._make = make
        self._close = close
        self.room = anyio.Semaphore(most, fast_acquire=True)
        self._free: list[L] = []
        self.closed = False

    @asynccontextmanager
    async def taken(self, patience: float | None) -> AsyncIterator[L]:
        """Have a lane to oneself; see ``Lanes.taken``."""
        await self._enter(patience)
        try:
            if self.closed:
                raise RuntimeError(CLOSED)
            lane = self._free.pop() if self._free else self._make()
            try:
                yield lane
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await self._close(lane)
                raise
            self._free.append(lane)
            if self.closed:
                await self.close()
        finally:
            self.room.release()

    async def _enter(self, patience: float | None) -> None:
        try:
            self.room.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(patience) as waited:
                await self.room.acquire()
                return
            if waited.cancelled_caught:
                raise Full from None

    async def close(self) -> None:
        """Close the lanes that are free; those that are taken are closed when they come back."""
        self.closed = True
        while self._free:
            await self._close(self._free.pop())
