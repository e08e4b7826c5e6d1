"""Pacing: when a request may leave, so that a backend sees no more of them in any one second than its ``rate``.

Moments are given out evenly. Whoever has one waits for it with a connection in hand, and looks at the clock once more right before
the first byte: woken up late, or held up by making the connection, it takes another moment instead of leaving close to the next one,
and the next time two, four and so on of them, so that a busy program goes slower but does not stand still.
"""

import time
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Final, Protocol, TypeAlias

from unibill.flow import Request

HEADROOM: Final = 0.05
"""Seconds by which requests may be late, some more than others, on their way to the backend without becoming too many.

Moments are ``(1 + HEADROOM) / rate`` seconds apart. Requests that arrive within one second left their moments within
``1 + HEADROOM`` seconds, so they are no more than ``rate``. With ``1 / rate`` there would be one more at the edges of a second, and
every delay would add to that.
"""
LATE: Final = 0.02
"""Seconds after its moment from which a request takes another; the rest of the headroom is for what comes after the look at the clock."""


Permit: TypeAlias = Callable[[Request], None]
"""Is asked for each request, and raises what shall keep it from being sent."""


class Paces(Protocol):
    """Gives moments away, each to one request."""

    @property
    def gap(self) -> float:
        """The seconds between two moments."""
        ...

    def reserve(self, moments: int = 1) -> float:
        """Take the next free moments, one after the other, and give when the first is by ``time.monotonic``."""
        ...


def gap(rate: float) -> float:
    """The seconds between two moments."""
    return (1 + HEADROOM) / rate


class Pacer:
    """The moments of this process. Thread-safe.

    Args:
        rate: most requests in any second; one that is no whole number is rounded up there, and holds on average.
        clock: gives seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = gap(rate)
        self._clock = clock
        self._next = clock()
        self._lock = Lock()

    @property
    def gap(self) -> float:
        """The seconds between two moments."""
        return self._gap

    def reserve(self, moments: int = 1) -> float:
        """Take the next free moments, and give when the first is by the clock."""
        with self._lock:
            moment = max(self._clock(), self._next)
            self._next = moment + moments * self._gap
            return moment


def always(request: Request) -> None:
    """Let every request leave."""
    del request


class Turn:
    """The turn of one request.

    Args:
        request: which.
        pacer: gives its moment; None where nothing limits it.
        permit: raises what shall keep it from being sent.
        clock: of the pacer.

    Attributes:
        began: when there was nothing left to wait for, by the clock.
    """

    def __init__(
        self,
        request: Request,
        pacer: Paces | None = None,
        permit: Permit = always,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request = request
        self._pacer = pacer
        self._permit = permit
        self._clock = clock
        self._moment: float | None = None
        self._patience = LATE
        self.began = clock()

    @property
    def is_watched(self) -> bool:
        """Whether it has to be asked for right before the first byte."""
        return self._pacer is not None or self._permit is not always

    @property
    def is_paced(self) -> bool:
        """Whether it may have to be waited for."""
        return self._pacer is not None

    def waits(self) -> Iterator[float]:
        """The seconds to wait, one time after the other; when there are no more, the request may leave at once.

        Raises:
            Exception: of the permit.
        """
        moments = 1
        while self._pacer is not None and (self._moment is None or self._clock() - self._moment > self._patience):
            # Who was late takes several moments together and may leave at any of them, so that one who always is gets away too.
            self._moment = self._pacer.reserve(moments)
            self._patience = LATE + (moments - 1) * self._pacer.gap
            moments *= 2
            if (left := self._moment - self._clock()) > 0:
                yield left
        self._permit(self._request)
        self.began = self._clock()

    def leaves(self) -> Iterator[float]:
        """As ``waits``, right before the first byte; after it the moment is used up."""
        yield from self.waits()
        self._moment = None
