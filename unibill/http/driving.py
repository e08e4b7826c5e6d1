"""What both drivers share: waiting and how a test switches it off, stopping, the retry layer, the pace, and the names in errors."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from unibill.errors import BackendError, RateLimited, Unavailable
from unibill.flow import Flow, Request, Step
from unibill.pacing import Pacer, Paces, Permit, Turn, always
from unibill.provider import BackendSettings, Endpoint
from unibill.redact import Redactor
from unibill.retry import Policy, resilient, said_wait

T = TypeVar("T")
Keep = Callable[[Step], None]
_waiting_everywhere = threading.Event()
_waiting_everywhere.set()


@contextlib.contextmanager
def without_waiting() -> Iterator[None]:
    """A test mode: inside it, no driver of this process waits between retries or for pacing."""
    waited = _waiting_everywhere.is_set()
    _waiting_everywhere.clear()
    try:
        yield
    finally:
        if waited:
            _waiting_everywhere.set()


def stopped(request: Request) -> Unavailable:
    """The error of a request that was stopped before it left."""
    error = Unavailable("it was stopped before it was sent", operation=request.operation)
    error.sent = False
    return error


class Stop:
    """Ends a flow that another thread drives: no further try, and whatever it waits for is cut."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._cut: Callable[[], None] | None = None
        self._cutting = threading.Lock()
        """Held while something is cut, which belongs to somebody else as soon as it can be cut no more."""

    @property
    def asked(self) -> bool:
        """Whether it has been asked for."""
        return self._asked.is_set()

    def now(self) -> None:
        """Ask for it."""
        self._asked.set()
        with self._cutting:
            if self._cut is not None:
                self._cut()

    @contextlib.contextmanager
    def able(self, cut: Callable[[], None]) -> Iterator[None]:
        """Let what happens inside be cut, and nothing after it.

        Args:
            cut: does it, without waiting for anything.

        Raises:
            Unavailable: the stop came too late for what happened inside; what was cut is not to be used again all the same.
        """
        with self._cutting:
            self._cut = cut
            if self.asked:
                cut()
        try:
            yield
        finally:
            with self._cutting:
                self._cut = None
        if self.asked:
            raise Unavailable("it was stopped while it was under way")

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the stop."""
        self._asked.wait(seconds)


def waits() -> bool:
    """Whether drivers wait; a test may have switched it off."""
    return _waiting_everywhere.is_set()


def sleep(seconds: float, stop: Stop | None) -> None:
    """Wait, in this thread; a stop ends it."""
    if waits():
        (time.sleep if stop is None else stop.sleep)(seconds)


Watch = Mapping[str, Any]
"""What a request tells httpcore to call; empty where nobody has to look."""


def is_first_byte(event: str, info: Mapping[str, Any]) -> bool:
    """Whether httpcore says that a connection is there and a request is next; what opens a way through a proxy is none."""
    return event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT"


class Runs:
    """What both drivers share: the retry layer, the pace, and the naming and cleaning of errors."""

    def __init__(self, backend: str, endpoint: Endpoint, settings: BackendSettings) -> None:
        self._backend = backend
        self._redactor = Redactor(endpoint.secrets)
        self._policy = Policy(retries=settings.retries)
        self._pacer: Paces | None = None if settings.rate is None else Pacer(settings.rate)
        self._permit: Permit = always

    def layered(self, flow: Flow[T]) -> Flow[T]:
        """The flow with tries again."""
        return resilient(flow, self._policy)

    def limit(self, pacer: Paces | None, permit: Permit) -> None:
        """Pace by another pacer, and ask before each request; None keeps the pacer."""
        self._pacer = pacer or self._pacer
        self._permit = permit

    def turn(self, request: Request) -> Turn:
        """The turn of a request."""
        return Turn(request, self._pacer, self._permit)

    def name(self, error: BackendError) -> None:
        """Say in an error which backend it is of and when it wants to be asked again, and mask what led to it."""
        error.backend = error.backend or self._backend
        if isinstance(error, RateLimited) and error.hint == RateLimited.default_hint and (wait := said_wait(error.retry_after)):
            error.hint = f"The backend asks to be left alone for {wait}: try again then, or lower its rate or concurrency."
        self._redactor.chain(error)
