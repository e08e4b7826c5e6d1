"""Everything about a request and its answer but the sending: where it may go, its headers, what an answer and an error mean."""

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx

from unibill.errors import BackendError, ConfigurationError, InvalidQuery, MalformedResponse, Unavailable, UnsupportedOperation
from unibill.events import RequestSettled
from unibill.flow import Effect, Request
from unibill.http.addresses import Base
from unibill.http.bodies import ENCODINGS, Body, BrokenCompression, TooLarge
from unibill.http.driving import Watch
from unibill.http.lanes import Full
from unibill.http.messages import AsyncIncoming, Incoming, Outgoing
from unibill.pacing import Turn
from unibill.provider import BackendSettings, Endpoint
from unibill.redact import Redactor, clean
from unibill.version import __version__

Observe = Callable[[RequestSettled], None]
Client = httpx.Client
AsyncClient = httpx.AsyncClient

NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
TROUBLE: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TooLarge, BrokenCompression, Full)
ONE: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1)
_WITH_LENGTH: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say how long they are, even of nothing."""
_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
log = logging.getLogger("unibill")
log.addHandler(logging.NullHandler())  # an app decides whether it wants to hear; without it Python would print warnings


class _Masking(logging.Filter):
    """Masks what the HTTP libraries log: addresses with ids in them, and headers of answers that repeat credentials."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        masked = clean(said)
        if masked != said:
            record.msg, record.args = masked, ()
        return True


_masking = _Masking()
for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_masking)


@cache
def tls() -> ssl.SSLContext:
    """What verifies certificates: one for all connections, since making one takes as long as a hundred requests."""
    return httpx.create_ssl_context()


def check_headers(endpoint: Endpoint) -> None:
    """Refuse credentials that no header can hold.

    Raises:
        ConfigurationError: characters that are not printable ASCII.
    """
    for name, value in endpoint.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigurationError(f"the credentials hold characters that the header {name} cannot, such as a line break or an accent")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What both transports share: everything about a request and its answer but the sending."""

    backend: str
    endpoint: Endpoint
    settings: BackendSettings
    observe: Observe
    proves_unsent: bool
    redactor: Redactor
    base: Base = field(init=False, repr=False)
    fixed: dict[bool, dict[str, str]] = field(init=False, repr=False)
    """The headers that requests without and with a body have in common."""

    def __post_init__(self) -> None:
        base = Base(self.endpoint.base_url)
        own = {"accept": "application/json", "accept-encoding": ENCODINGS, "user-agent": f"unibill/{__version__}"}
        headers = {**own, **self.endpoint.headers}
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "fixed", {False: headers, True: {**headers, "content-type": "application/json"}})

    def path(self, request: Request) -> str:
        """The path below the base URL, with the query.

        Raises:
            InvalidQuery: a text that no address can hold.
        """
        try:
            query = "?" + urlencode(request.query) if request.query else ""
        except UnicodeEncodeError:
            what = f"backend {self.backend!r} cannot be asked for {request.operation}: a text in the question is broken unicode"
            raise InvalidQuery(what) from None
        return request.path + query

    def outgoing(self, request: Request, watch: "Watch") -> Outgoing:
        """The request as it goes over a connection of our own.

        Raises:
            InvalidQuery: as of ``path``.
            httpx.InvalidURL: no address can hold it.
        """
        body, base = request.body, self.base
        headers = {"Host": base.netloc, **self.fixed[body is not None]}
        if body or request.method in _WITH_LENGTH:
            headers["Content-Length"] = str(len(body or b""))
        return Outgoing(request.method, base, base.target(self.path(request)), headers, body or b"", self.patience, watch)

    def given(self, request: Request, client: httpx.Client | httpx.AsyncClient, watch: "Watch") -> httpx.Request:
        """The request as a client of the caller's makes it. Raises as ``outgoing``."""
        url, headers = self.base.url(self.path(request)), self.fixed[request.body is not None]
        return client.build_request(request.method, url, content=request.body, headers=headers, extensions=dict(watch))

    @property
    def patience(self) -> float:
        """Seconds for a connection, and without a byte."""
        return min(self.settings.timeout, self.settings.deadline)

    def patience_for_lane(self, turn: Turn) -> float | None:
        """Seconds for a lane; None where others hold theirs while they wait for their moment, which may take any time."""
        return None if turn.is_paced else self.patience

    def check(self, request: Request) -> None:
        """Refuse a write to a backend that is read only.

        Raises:
            UnsupportedOperation: it is one.
        """
        if self.settings.read_only and request.effect is not Effect.NONE:
            raise UnsupportedOperation(self.backend, request.operation, "the backend is configured as read_only")

    def body(self, request: Request, answer: Incoming | AsyncIncoming) -> Body:
        """What puts the body of an answer together.

        Raises:
            MalformedResponse: it is compressed in a way that was not asked for.
        """
        encoding = answer.headers.get("content-encoding", "")
        try:
            return Body(encoding, self.settings.max_body)
        except BrokenCompression:
            pass
        if "," in encoding:
            raise MalformedResponse("the answer is compressed several times over, which grows without bound", operation=request.operation)
        raise MalformedResponse("the answer is compressed in a way that was not asked for", operation=request.operation)

    def broken(self, request: Request) -> BackendError:
        """The error of a body that cannot be unpacked."""
        return MalformedResponse("the answer's compression is broken", operation=request.operation)

    def too_large(self, request: Request) -> BackendError:
        """The error of a body over the limit."""
        return MalformedResponse(
            f"the answer is larger than max_body ({self.settings.max_body} bytes)",
            operation=request.operation,
            hint="Raise max_body, or ask for less.",
        )

    def too_slow(self, request: Request) -> BackendError:
        """The error of an answer over the deadline."""
        return Unavailable(f"the answer took longer than the deadline of {self.settings.deadline:g} s", operation=request.operation)

    def in_time(self, request: Request, started: float) -> None:
        """Refuse an answer that goes on beyond the deadline.

        Raises:
            Unavailable: it does.
        """
        if time.monotonic() - started > self.settings.deadline:
            raise self.too_slow(request)

    def failure(self, request: Request, error: Exception, started: float) -> BackendError | InvalidQuery:
        """What an error of the HTTP library means: whether the request may have arrived, in a sentence of ours."""
        unsent = self.proves_unsent and isinstance(error, NOT_SENT)
        self.redactor.chain(error)
        if isinstance(error, Full):
            error, unsent = httpx.PoolTimeout(f"no connection was free within {self.patience:g} s"), self.proves_unsent
        if isinstance(error, TooLarge):
            return self.too_large(request)
        if isinstance(error, BrokenCompression):
            return self.broken(request)
        if isinstance(error, httpx.InvalidURL):
            return InvalidQuery(f"backend {self.backend!r} cannot be asked for {request.operation}: {_plain(error)}")
        if isinstance(error, httpx.TimeoutException) and not unsent:
            if time.monotonic() - started >= self.settings.deadline:
                return self.too_slow(request)
            reason = f"no answer within {self.settings.timeout:g} s"
        elif isinstance(error, httpx.DecodingError):
            return self.broken(request)
        elif isinstance(error, NOT_SENT):
            broken = "" if unsent else ", or it broke before the answer was complete"
            reason = f"no connection to {urlsplit(self.endpoint.base_url).netloc}{broken} ({_plain(error)})"
        else:
            reason = f"the connection broke before the answer was complete ({_plain(error)})"
        failure = Unavailable(reason, operation=request.operation, permission=request.permission)
        failure.sent = not unsent
        return failure

    def settled(self, request: Request, started: float, status: int | None, error: str = "") -> None:
        """Tell who observes how a try ended."""
        seconds, said = time.monotonic() - started, self.redactor.text(error)
        path = self.redactor.secrets(request.path)
        self.observe(RequestSettled(self.backend, request.operation, request.method, path, status, seconds, request.attempt, said))


def _plain(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


def ignore(_: RequestSettled) -> None:
    """Observe nothing."""
    return
