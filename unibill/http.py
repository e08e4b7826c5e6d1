"""All I/O: two transports, and the drivers that run flows over them. The only module that imports httpx.

A transport sends one request and gives one answer. It verifies TLS, refuses plain http except to loopback, follows no
redirect, bounds an answer's size before and after decompression and the time it may take as a whole, its head included, and
tells "was not sent" from "nobody knows". What httpx and httpcore log is masked. A driver runs a flow: it sends, sleeps, keeps steps, and names the backend in every error.
"""

import contextlib
import ipaddress
import logging
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx

from unibill.bodies import ENCODINGS, Body, BrokenCompression, TooLarge
from unibill.deadlines import Bounded, Single, extend, within
from unibill.errors import BackendError, ConfigurationError, InvalidQuery, MalformedResponse, Unavailable, UnsupportedOperation
from unibill.events import RequestSettled
from unibill.flow import Effect, Flow, Request, Response, Sleep, Step
from unibill.lanes import AsyncLanes, Full, Lanes
from unibill.pacing import Pacer, Paces, Permit, Turn, always
from unibill.provider import BackendSettings, Endpoint
from unibill.redact import Redactor, clean, guard
from unibill.retry import Policy, resilient
from unibill.version import __version__

T = TypeVar("T")
Client = httpx.Client
AsyncClient = httpx.AsyncClient
Keep = Callable[[Step], None]
Observe = Callable[[RequestSettled], None]

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_WITH_LENGTH: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say how long they are, even of nothing."""
_TROUBLE: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TooLarge, BrokenCompression, Full)
_LAST_PORT: Final = 65535
_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
_log = logging.getLogger("unibill")
_log.addHandler(logging.NullHandler())  # an app decides whether it wants to hear; without it Python would print warnings
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
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def check_base_url(base_url: str) -> None:
    """Refuse addresses to which credentials must not go.

    Raises:
        ConfigurationError: not http or https, no host, user information or a query in it, or plain http to another machine.
    """
    if any(mark in base_url for mark in "@?#"):
        raise ConfigurationError("base_url must hold no user name, password, query or fragment; credentials have settings of their own")
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or "%" in url.host or (url.port or 0) > _LAST_PORT:
        raise ConfigurationError(f"base_url {base_url!r} is not an address; give one such as https://api.example.com")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ConfigurationError(f"base_url {base_url!r} is plain http; credentials go over https only, except to this machine itself")


def _check_headers(endpoint: Endpoint) -> None:
    for name, value in endpoint.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigurationError(f"the credentials hold characters that the header {name} cannot, such as a line break or an accent")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What both transports share: everything about a request and its answer but the sending."""

    backend: str
    endpoint: Endpoint
    settings: BackendSettings
    observe: Observe
    proves_unsent: bool
    redactor: Redactor
    fixed: dict[bool, httpx.Headers] = field(default_factory=dict[bool, httpx.Headers], repr=False)
    """The headers that requests without and with a body have in common."""

    def url(self, request: Request) -> str:
        try:
            query = "?" + urlencode(request.query) if request.query else ""
        except UnicodeEncodeError:
            what = f"backend {self.backend!r} cannot be asked for {request.operation}: a text in the question is broken unicode"
            raise InvalidQuery(what) from None
        return self.endpoint.base_url + request.path + query

    def outgoing(self, request: Request, watch: "_Watch") -> httpx.Request:
        """The request as httpx would make it, from an address and headers that are not read anew for each."""
        extensions = {"timeout": {"connect": self.patience, "read": self.patience, "write": self.patience}, **watch}
        url, body = _address(self.url(request)), request.body
        has_body = body is not None
        if (fixed := self.fixed.get(has_body)) is None:
            fixed = self.fixed[has_body] = httpx.Headers({"Host": url.netloc.decode(), **self.headers(request)})
        headers = httpx.Headers(fixed)
        if body or request.method in _WITH_LENGTH:
            headers["Content-Length"] = str(len(body or b""))
        made = httpx.Request(request.method, url, headers=headers, stream=httpx.ByteStream(body or b""), extensions=extensions)
        made.read()
        return made

    def given(self, request: Request, client: httpx.Client | httpx.AsyncClient, watch: "_Watch") -> httpx.Request:
        url, headers = self.url(request), self.headers(request)
        return client.build_request(request.method, url, content=request.body, headers=headers, extensions=dict(watch))

    @property
    def patience(self) -> float:
        """Seconds for a connection, and without a byte."""
        return min(self.settings.timeout, self.settings.deadline)

    def patience_for_lane(self, turn: Turn) -> float | None:
        """Seconds for a lane; None where others hold theirs while they wait for their moment, which may take any time."""
        return None if turn.is_paced else self.patience

    def headers(self, request: Request) -> dict[str, str]:
        own = {"accept": "application/json", "accept-encoding": ENCODINGS, "user-agent": f"unibill/{__version__}"}
        headers = {**own, **self.endpoint.headers}
        if request.body is not None:
            headers["content-type"] = "application/json"
        return headers

    def check(self, request: Request) -> None:
        if self.settings.read_only and request.effect is not Effect.NONE:
            raise UnsupportedOperation(self.backend, request.operation, "the backend is configured as read_only")

    def response(self, answer: httpx.Response, body: bytes) -> Response:
        return Response(answer.status_code, _read(answer.headers), body)

    def body(self, request: Request, answer: httpx.Response) -> Body:
        encoding: str = answer.headers.get("content-encoding", "")
        try:
            return Body(encoding, self.settings.max_body)
        except BrokenCompression:
            pass
        if "," in encoding:
            raise MalformedResponse("the answer is compressed several times over, which grows without bound", operation=request.operation)
        raise MalformedResponse("the answer is compressed in a way that was not asked for", operation=request.operation)

    def broken(self, request: Request) -> BackendError:
        return MalformedResponse("the answer's compression is broken", operation=request.operation)

    def too_large(self, request: Request) -> BackendError:
        return MalformedResponse(
            f"the answer is larger than max_body ({self.settings.max_body} bytes)",
            operation=request.operation,
            hint="Raise max_body, or ask for less.",
        )

    def too_slow(self, request: Request) -> BackendError:
        return Unavailable(f"the answer took longer than the deadline of {self.settings.deadline:g} s", operation=request.operation)

    def in_time(self, request: Request, started: float) -> None:
        if time.monotonic() - started > self.settings.deadline:
            raise self.too_slow(request)

    def failure(self, request: Request, error: Exception, started: float) -> BackendError | InvalidQuery:
        unsent = self.proves_unsent and isinstance(error, _NOT_SENT)
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
        elif isinstance(error, _NOT_SENT):
            reason = f"no connection to {urlsplit(self.endpoint.base_url).netloc} ({_plain(error)})"
        else:
            reason = f"the connection broke before the answer was complete ({_plain(error)})"
        failure = Unavailable(reason, operation=request.operation, permission=request.permission)
        failure.sent = not unsent
        return failure

    def settled(self, request: Request, started: float, status: int | None, error: str = "") -> None:
        seconds, said = time.monotonic() - started, self.redactor.text(error)
        path = self.redactor.secrets(request.path)
        self.observe(RequestSettled(self.backend, request.operation, request.method, path, status, seconds, request.attempt, said))


@lru_cache(maxsize=128)
def _address(url: str) -> httpx.URL:
    """An address, read: writes go to the same few again and again, and reading one costs as much as sending to it."""
    return httpx.URL(url)


def _read(headers: httpx.Headers) -> dict[str, str]:
    """The headers of an answer, by names in small letters."""
    raw = headers.raw
    try:
        found = {name.decode("ascii").lower(): value.decode("ascii") for name, value in raw}
    except UnicodeDecodeError:
        found = {}
    # Where one comes twice, or is no plain text, httpx knows what to make of it.
    return found if len(found) == len(raw) else {name.lower(): value for name, value in headers.items()}


def _plain(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


def _stopped(request: Request) -> Unavailable:
    error = Unavailable("it was stopped before it was sent", operation=request.operation)
    error.sent = False
    return error


def _ignore(_: RequestSettled) -> None:
    return None


def proxy_to(base_url: str) -> str | None:
    """The proxy that the environment asks for; what goes to this machine goes past every proxy."""
    url = urlsplit(base_url)
    if _is_loopback(url.hostname or "") or proxy_bypass(url.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class _Lane:
    """One connection, kept to the deadline of the thread that uses it.

    httpx offers no place for that, so it is put where httpx keeps its pool; a test proves that it is in force. A way through a
    proxy keeps httpx's pool, with the deadline where the pool keeps its network.
    """

    def __init__(self, proxy: str | None) -> None:
        self._transport = httpx.HTTPTransport(verify=_tls(), limits=_ONE, proxy=proxy)
        self._ends: Single | Bounded | None = None
        inside: Any = self._transport
        if not hasattr(inside, "_pool"):
            _log.warning("this httpx keeps its connections elsewhere: the head of an answer is bounded by the timeout only")
        elif proxy is None:
            self._ends = inside._pool = Single(_tls())  # noqa: SLF001 - there is no public way
        else:
            self._ends = inside._pool._network_backend = Bounded(inside._pool._network_backend)  # noqa: SLF001 - as above

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request, through the method that cassettes put themselves in place of."""
        return self._transport.handle_request(request)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def cut(self) -> None:
        """End what another thread waits for."""
        if self._ends is not None:
            self._ends.cut()


_Watch = Mapping[str, Any]
"""What a request tells httpcore to call; empty where nobody has to look."""


def _is_first_byte(event: str, info: Mapping[str, Any]) -> bool:
    """Whether httpcore says that a connection is there and a request is next; what opens a way through a proxy is none."""
    return event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT"


def _watch(turn: Turn, ready: Callable[[Iterator[float]], None]) -> _Watch:
    def trace(event: str, info: Mapping[str, Any]) -> None:
        if _is_first_byte(event, info):
            ready(turn.leaves())

    return {"trace": trace} if turn.is_watched else {}


def _watch_async(turn: Turn, ready: Callable[[Iterator[float]], Awaitable[None]]) -> _Watch:
    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if _is_first_byte(event, info):
            await ready(turn.leaves())

    return {"trace": trace} if turn.is_watched else {}


class Stop:
    """Ends a flow that another thread drives: no further try, and whatever it waits for is cut."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._cut: Callable[[], None] | None = None

    @property
    def asked(self) -> bool:
        """Whether it has been asked for."""
        return self._asked.is_set()

    def now(self) -> None:
        """Ask for it."""
        self._asked.set()
        if (cut := self._cut) is not None:
            cut()

    @contextlib.contextmanager
    def able(self, cut: Callable[[], None]) -> Iterator[None]:
        """Let what happens inside be cut."""
        self._cut = cut
        try:
            if self.asked:
                cut()
            yield
        finally:
            self._cut = None

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the stop."""
        self._asked.wait(seconds)


def _sleep(seconds: float, stop: Stop | None) -> None:
    if _waiting_everywhere.is_set():
        (time.sleep if stop is None else stop.sleep)(seconds)


async def _sleep_async(seconds: float) -> None:
    if _waiting_everywhere.is_set():
        await anyio.sleep(seconds)


class Transport:
    """Sends requests of one backend, blocking. Safe to use from several threads.

    Args:
        backend: its name in the configuration.
        client: an httpx client to use instead of one of our own; it is not closed. No error of it is taken as proof that a
            request was not sent, and only its own timeouts bound the head of an answer, the deadline the body.
        observe: is told of every try.
        runs: the pacing to share with another transport of the same backend.

    Raises:
        ConfigurationError: the base URL is not fit for credentials, or the credentials are not fit for a header.
    """

    def __init__(
        self,
        backend: str,
        endpoint: Endpoint,
        settings: BackendSettings,
        *,
        client: httpx.Client | None = None,
        observe: Observe = _ignore,
        runs: "_Runs | None" = None,
    ) -> None:
        guard(self, endpoint.secrets)
        check_base_url(endpoint.base_url)
        _check_headers(endpoint)
        proxy = proxy_to(endpoint.base_url) if client is None else None
        self._client = client
        self._lanes = Lanes(lambda: _Lane(proxy), _Lane.close, settings.concurrency)
        self._prepared = _Prepared(backend, endpoint, settings, observe, client is None, Redactor(endpoint.secrets))
        self._runs = runs or _Runs(backend, endpoint, settings)

    def send(self, request: Request, stop: Stop | None = None) -> Response:
        """Send one request.

        Raises:
            Unavailable: no connection, no answer in time, or a broken one; ``sent`` says whether it may have arrived.
            MalformedResponse: the answer is too large or wrongly compressed.
            UnsupportedOperation: a write to a read-only backend.
            InvalidQuery: ids so long that no address can hold them; nothing was sent.
        """
        prepared = self._prepared
        prepared.check(request)
        turn = self._runs.turn(request)

        def ready(waits: Iterator[float]) -> None:
            for seconds in waits:
                _sleep(seconds, stop)
                extend(seconds)
                if stop is not None and stop.asked:
                    raise _stopped(request)

        watch = _watch(turn, ready)
        try:
            if self._client is not None:
                ready(turn.waits())
                with within(prepared.settings.deadline):
                    outgoing = prepared.given(request, self._client, watch)
                    answer = self._take(request, self._client.send(outgoing, stream=True, follow_redirects=False), turn)
            else:
                outgoing = prepared.outgoing(request, watch)
                with self._lanes.taken(prepared.patience_for_lane(turn)) as lane, nullcontext() if stop is None else stop.able(lane.cut):
                    ready(turn.waits())
                    with within(prepared.settings.deadline):
                        answer = self._take(request, lane.send(outgoing), turn)
        except _TROUBLE as error:
            failure = prepared.failure(request, error, turn.began)
            prepared.settled(request, turn.began, None, str(failure))
            raise failure from error
        except BackendError as error:
            prepared.settled(request, turn.began, None, error.message)
            raise
        prepared.settled(request, turn.began, answer.status)
        return answer

    def _take(self, request: Request, answer: httpx.Response, turn: Turn) -> Response:
        prepared = self._prepared
        try:
            body = prepared.body(request, answer)
            if answer.is_stream_consumed:
                body.take_unpacked(answer.content)
            else:
                for chunk in cast("httpx.SyncByteStream", answer.stream):
                    body.take(chunk)
                    prepared.in_time(request, turn.began)
            return prepared.response(answer, body.whole())
        finally:
            answer.close()

    def run(self, flow: Flow[T], keep: Keep | None = None, stop: Stop | None = None) -> T:
        """Drive a flow to its value, with retries and pacing.

        Args:
            flow: what to do.
            keep: makes its steps durable.
            stop: with which another thread can end it; then the error is of no meaning.
        """
        layered = self._runs.layered(flow)
        try:
            item = next(layered)
            while True:
                reply: Response | None = None
                try:
                    if isinstance(item, Request):
                        reply = self.send(item, stop)
                    elif isinstance(item, Sleep):
                        _sleep(item.seconds, stop)
                    elif keep is not None:
                        keep(item)
                except BackendError as error:
                    if stop is not None and stop.asked:
                        raise
                    item = layered.throw(error)
                else:
                    item = layered.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        except BackendError as error:
            self._runs.name(error)
            raise
        finally:
            layered.close()

    def limit(self, pacer: Paces | None, permit: Permit = always) -> None:
        """From now on have requests spaced by another pacer, and ask before each is sent; None keeps the pacer of the settings."""
        self._runs.limit(pacer, permit)

    def close(self) -> None:
        """Close the connections, if they are our own."""
        self._lanes.close()


class AsyncTransport:
    """Sends requests of one backend, awaitable. Arguments and errors as of ``Transport``."""

    def __init__(
        self,
        backend: str,
        endpoint: Endpoint,
        settings: BackendSettings,
        *,
        client: httpx.AsyncClient | None = None,
        observe: Observe = _ignore,
    ) -> None:
        guard(self, endpoint.secrets)
        check_base_url(endpoint.base_url)
        _check_headers(endpoint)
        proxy = proxy_to(endpoint.base_url) if client is None else None
        self._client = client
        self._lanes = AsyncLanes(
            lambda: httpx.AsyncHTTPTransport(verify=_tls(), limits=_ONE, proxy=proxy),
            httpx.AsyncHTTPTransport.aclose,
            settings.concurrency,
        )
        self._prepared = _Prepared(backend, endpoint, settings, observe, client is None, Redactor(endpoint.secrets))
        self._runs = _Runs(backend, endpoint, settings)
        self._blocking = Transport(backend, endpoint, settings, observe=observe, runs=self._runs)
        from concurrent.futures import ThreadPoolExecutor  # here, because blocking programs start without it

        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="unibill-ahead")

    async def send(self, request: Request) -> Response:
        """Send one request; see ``Transport.send``."""
        prepared = self._prepared
        prepared.check(request)
        turn = self._runs.turn(request)
        deadline = anyio.CancelScope()

        async def ready(waits: Iterator[float]) -> None:
            for seconds in waits:
                deadline.deadline += seconds
                await _sleep_async(seconds)

        watch = _watch_async(turn, ready)
        try:
            if self._client is not None:
                await ready(turn.waits())
                with anyio.fail_after(prepared.settings.deadline) as deadline:
                    outgoing = prepared.given(request, self._client, watch)
                    answer = await self._take(request, await self._client.send(outgoing, stream=True, follow_redirects=False), turn)
            else:
                outgoing = prepared.outgoing(request, watch)
                async with self._lanes.taken(prepared.patience_for_lane(turn)) as lane:
                    await ready(turn.waits())
                    with anyio.fail_after(prepared.settings.deadline) as deadline:
                        answer = await self._take(request, await lane.handle_async_request(outgoing), turn)
        except TimeoutError as error:
            late = prepared.too_slow(request)
            prepared.settled(request, turn.began, None, late.message)
            raise late from error
        except _TROUBLE as error:
            failure = prepared.failure(request, error, turn.began)
            prepared.settled(request, turn.began, None, str(failure))
            raise failure from error
        except BackendError as error:
            prepared.settled(request, turn.began, None, error.message)
            raise
        prepared.settled(request, turn.began, answer.status)
        return answer

    async def _take(self, request: Request, answer: httpx.Response, turn: Turn) -> Response:
        prepared = self._prepared
        try:
            body = prepared.body(request, answer)
            if answer.is_stream_consumed:
                body.take_unpacked(answer.content)
            else:
                async for chunk in cast("httpx.AsyncByteStream", answer.stream):
                    body.take(chunk)
                    prepared.in_time(request, turn.began)
            return prepared.response(answer, body.whole())
        finally:
            await answer.aclose()

    async def run(self, flow: Flow[T], keep: Keep | None = None) -> T:
        """Drive a flow to its value; see ``Transport.run``."""
        layered = self._runs.layered(flow)
        try:
            item = next(layered)
            while True:
                reply: Response | None = None
                try:
                    if isinstance(item, Request):
                        reply = await self.send(item)
                    elif isinstance(item, Sleep):
                        await _sleep_async(item.seconds)
                    elif keep is not None:
                        keep(item)
                except BackendError as error:
                    item = layered.throw(error)
                else:
                    item = layered.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        except BackendError as error:
            self._runs.name(error)
            raise
        finally:
            layered.close()

    async def apart(self, flow: Flow[T]) -> T:
        """Drive a flow in a thread of its own, for many at once: there its answer is read and mapped beside the event loop.

        With a client of the caller's it is driven in the event loop. Cancelled, it ends at once.
        """
        if self._client is not None:
            return await self.run(flow)
        import asyncio  # here, because blocking programs start without it

        async with self._lanes.room:
            stop = Stop()
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._blocking.run, flow, None, stop)
            except asyncio.CancelledError:
                stop.now()
                raise

    async def close(self) -> None:
        """Close the connections, if they are our own."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._blocking.close()
        await self._lanes.close()


class _Runs:
    """What both drivers share: the retry layer, the pace, and the naming and cleaning of errors."""

    def __init__(self, backend: str, endpoint: Endpoint, settings: BackendSettings) -> None:
        self._backend = backend
        self._redactor = Redactor(endpoint.secrets)
        self._policy = Policy(retries=settings.retries)
        self._pacer: Paces | None = None if settings.rate is None else Pacer(settings.rate)
        self._permit: Permit = always

    def layered(self, flow: Flow[T]) -> Flow[T]:
        return resilient(flow, self._policy)

    def limit(self, pacer: Paces | None, permit: Permit) -> None:
        self._pacer = pacer or self._pacer
        self._permit = permit

    def turn(self, request: Request) -> Turn:
        return Turn(request, self._pacer, self._permit)

    def name(self, error: BackendError) -> None:
        error.backend = error.backend or self._backend
        self._redactor.chain(error)
