"""A deadline for all that happens on a connection while one request is under way, for the blocking transport.

The timeouts of httpx hold for one read each, so a server that sends a byte a second is never late. Here each read, write and
handshake is given no more time than what is left. A blocking request runs in one thread, so the deadline is kept per thread.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_current = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give everything this thread does on bounded connections no more than so many seconds together."""
    before = getattr(_current, "until", None)
    _current.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _current.until = before


def extend(seconds: float) -> None:
    """Give this thread so many seconds more, if it has a deadline."""
    if (until := getattr(_current, "until", None)) is not None:
        _current.until = until + seconds


def time_left(timeout: float | None, late: type[Exception]) -> float | None:
    """Seconds that this thread may still take, within a timeout of its own.

    Raises:
        Exception: the given one, where none is left.
    """
    until: float | None = getattr(_current, "until", None)
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise late("the deadline has passed")
    return left if timeout is None else min(left, timeout)
