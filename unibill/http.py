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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

import anyio
import httpx

from unibill.bodies import ENCODINGS, Body, BrokenCompression, TooLarge
from unibill.deadlines import Bounded, within
from unibill.errors import BackendError, ConfigurationError, InvalidQuery, MalformedResponse, Unavailable, UnsupportedOperation
from unibill.events import RequestSettled
from unibill.flow import Effect, Flow, Request, Response, Sleep, Step
from unibill.provider import BackendSettings, Endpoint
from unibill.redact import Redactor, clean, guard
from unibill.retry import Pacer, Paces, Policy, resilient
from unibill.version import __version__

T = TypeVar("T")
Client = httpx.Client
AsyncClient = httpx.AsyncClient
Keep = Callable[[Step], None]
Observe = Callable[[RequestSettled], None]

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_LAST_PORT: Final = 65535
_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
_log = logging.getLogger("unibill")
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

    def url(self, request: Request) -> str:
        try:
            query = "?" + urlencode(request.query) if request.query else ""
        except UnicodeEncodeError:
            what = f"backend {self.backend!r} cannot be asked for {request.operation}: a text in the question is broken unicode"
            raise InvalidQuery(what) from None
        return self.endpoint.base_url + request.path + query

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
        return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)

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
        self.observe(RequestSettled(self.backend, request.operation, request.method, path, status, seconds, 1, said))


def _plain(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


def _ignore(_: RequestSettled) -> None:
    return None


def _bound(client: httpx.Client) -> None:
    """Have every connection of a client keep to the deadline of the thread that uses it.

    httpx offers no place for a network backend, so it is put where httpx keeps its own; a test proves that it is in force.
    """
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - there is no public way
        pool = getattr(transport, "_pool", None)
        inner = getattr(pool, "_network_backend", None)
        if pool is not None and inner is not None:
            pool._network_backend = Bounded(inner)  # noqa: SLF001 - as above
        elif transport is not None:
            _log.warning("this httpx keeps its connections elsewhere: the head of an answer is bounded by the timeout only")


class _Lanes:
    """Clients with one connection each, as many as requests are under way at once, all with one TLS context.

    A pool of httpx's looks at every connection for every request, under a lock: with dozens of threads that costs more than all else.

    Args:
        make: gives a new client.
        most: how many.
        patience: seconds to wait for one to be free.
    """

    def __init__(self, make: Callable[[], httpx.Client], most: int, patience: float) -> None:
        self._make = make
        self._patience = patience
        self._places = threading.BoundedSemaphore(most)
        self._free: list[httpx.Client] = []
        self._all: list[httpx.Client] = []
        self._guard = threading.Lock()
        self._is_closed = False

    def take(self) -> httpx.Client:
        """A client for one request: the one that was used last, whose connection is the most likely to be open still."""
        if not self._places.acquire(timeout=self._patience):
            raise httpx.PoolTimeout(f"no connection was free within {self._patience:g} s")
        with self._guard:
            if self._is_closed:
                self._places.release()
                raise RuntimeError("the backend was closed")
            if self._free:
                return self._free.pop()
            client = self._make()
            self._all.append(client)
            return client

    def give_back(self, client: httpx.Client) -> None:
        """It can be taken again."""
        self._free.append(client)
        self._places.release()

    def close(self) -> None:
        """Close all connections."""
        with self._guard:
            self._is_closed = True
            for client in self._all:
                client.close()


class _Given:
    """A client that somebody else made, closes, and bounds, for all requests at once."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def take(self) -> httpx.Client:
        return self._client

    def give_back(self, client: httpx.Client) -> None:
        pass

    def close(self) -> None:
        pass


class Transport:
    """Sends requests of one backend, blocking. Safe to use from several threads.

    Args:
        backend: its name in the configuration.
        client: an httpx client to use instead of one of our own; it is not closed. No error of it is taken as proof that a
            request was not sent, and only its own timeouts bound the head of an answer, the deadline the body.
        observe: is told of every try.

    Raises:
        ConfigurationError: the base URL is not fit for credentials, or the credentials are not fit for a header.
    """

    def __init__(
        self, backend: str, endpoint: Endpoint, settings: BackendSettings, *, client: httpx.Client | None = None, observe: Observe = _ignore
    ) -> None:
        guard(self, endpoint.secrets)
        check_base_url(endpoint.base_url)
        _check_headers(endpoint)
        wait = min(settings.timeout, settings.deadline)
        is_local = _is_loopback(httpx.URL(endpoint.base_url).host)

        def lane() -> httpx.Client:
            limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
            # What goes to this machine goes past no proxy.
            made = httpx.Client(verify=_tls(), trust_env=not is_local, timeout=wait, limits=limits)
            _bound(made)
            return made

        self._clients = _Lanes(lane, settings.concurrency, wait) if client is None else _Given(client)
        self._prepared = _Prepared(backend, endpoint, settings, observe, client is None, Redactor(endpoint.secrets))
        self._runs = _Runs(backend, endpoint, settings)

    def send(self, request: Request) -> Response:
        """Send one request.

        Raises:
            Unavailable: no connection, no answer in time, or a broken one; ``sent`` says whether it may have arrived.
            MalformedResponse: the answer is too large or wrongly compressed.
            UnsupportedOperation: a write to a read-only backend.
            InvalidQuery: ids so long that no address can hold them; nothing was sent.
        """
        prepared = self._prepared
        prepared.check(request)
        started = time.monotonic()
        try:
            client = self._clients.take()
            try:
                answer, whole = self._answer(client, request, started)
            finally:
                self._clients.give_back(client)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TooLarge, BrokenCompression) as error:
            failure = prepared.failure(request, error, started)
            prepared.settled(request, started, None, str(failure))
            raise failure from error
        except BackendError as error:
            prepared.settled(request, started, None, error.message)
            raise
        prepared.settled(request, started, answer.status_code)
        return prepared.response(answer, whole)

    def _answer(self, client: httpx.Client, request: Request, started: float) -> tuple[httpx.Response, bytes]:
        prepared = self._prepared
        outgoing = client.build_request(request.method, prepared.url(request), content=request.body, headers=prepared.headers(request))
        with within(prepared.settings.deadline):
            answer = client.send(outgoing, stream=True, follow_redirects=False)
            try:
                body = prepared.body(request, answer)
                if answer.is_stream_consumed:
                    body.take_unpacked(answer.content)
                else:
                    for chunk in answer.iter_raw():
                        body.take(chunk)
                        prepared.in_time(request, started)
                return answer, body.whole()
            finally:
                answer.close()

    def run(self, flow: Flow[T], keep: Keep | None = None) -> T:
        """Drive a flow to its value, with retries and pacing."""
        layered = self._runs.layered(flow)
        try:
            item = next(layered)
            while True:
                reply: Response | None = None
                try:
                    if isinstance(item, Request):
                        reply = self.send(item)
                    elif isinstance(item, Sleep):
                        if _waiting_everywhere.is_set():
                            time.sleep(item.seconds)
                    elif keep is not None:
                        keep(item)
                except BackendError as error:
                    item = layered.throw(error)
                else:
                    item = layered.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        except BackendError as error:
            self._runs.name(error)
            raise
        finally:
            layered.close()

    def limit(self, pacer: Paces | None, permit: Callable[[Request], None]) -> None:
        """From now on have requests spaced by another pacer, and ask before each is sent; None keeps the pacer of the settings."""
        self._runs.limit(pacer, permit)

    def close(self) -> None:
        """Close the connections, if they are our own."""
        self._clients.close()


async def _let_go(client: httpx.AsyncClient) -> None:
    """Close the connections of a client that no request holds any more.

    A request that is cancelled while httpcore waits for a lock of its own leaves a connection that is neither idle nor closed,
    and takes up a place in the pool for ever.
    """
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - there is no public way
        pool: Any = getattr(transport, "_pool", None)
        if not (hasattr(pool, "_connections") and hasattr(pool, "_requests") and hasattr(pool, "_assign_requests_to_connections")):
            continue
        held = {id(request.connection) for request in pool._requests}  # noqa: SLF001 - as above
        lost = [one for one in pool.connections if id(one) not in held and not (one.is_idle() or one.is_closed() or one.is_available())]
        for connection in lost:
            pool._connections.remove(connection)  # noqa: SLF001 - as above
        closing = pool._assign_requests_to_connections() if lost else []  # noqa: SLF001 - those who wait for a place get it
        with anyio.CancelScope(shield=True):
            for connection in [*lost, *closing]:
                await connection.aclose()


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
        self._owned = client is None
        self._client = client or httpx.AsyncClient(
            verify=_tls(),
            trust_env=not _is_loopback(httpx.URL(endpoint.base_url).host),  # what goes to this machine goes past no proxy
            timeout=min(settings.timeout, settings.deadline),
            limits=httpx.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency),
        )
        self._prepared = _Prepared(backend, endpoint, settings, observe, self._owned, Redactor(endpoint.secrets))
        self._runs = _Runs(backend, endpoint, settings)

    async def send(self, request: Request) -> Response:
        """Send one request; see ``Transport.send``."""
        prepared = self._prepared
        prepared.check(request)
        started = time.monotonic()
        try:
            with anyio.fail_after(prepared.settings.deadline):
                try:
                    answer, whole = await self._answer(request, started)
                except anyio.get_cancelled_exc_class():
                    if self._owned:
                        await _let_go(self._client)
                    raise
        except TimeoutError as error:
            late = prepared.too_slow(request)
            prepared.settled(request, started, None, late.message)
            raise late from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TooLarge, BrokenCompression) as error:
            failure = prepared.failure(request, error, started)
            prepared.settled(request, started, None, str(failure))
            raise failure from error
        except BackendError as error:
            prepared.settled(request, started, None, error.message)
            raise
        prepared.settled(request, started, answer.status_code)
        return prepared.response(answer, whole)

    async def _answer(self, request: Request, started: float) -> tuple[httpx.Response, bytes]:
        prepared = self._prepared
        outgoing = self._client.build_request(
            request.method, prepared.url(request), content=request.body, headers=prepared.headers(request)
        )
        answer = await self._client.send(outgoing, stream=True, follow_redirects=False)
        try:
            body = prepared.body(request, answer)
            if answer.is_stream_consumed:
                body.take_unpacked(answer.content)
            else:
                async for chunk in answer.aiter_raw():
                    body.take(chunk)
                    prepared.in_time(request, started)
            return answer, body.whole()
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
                        if _waiting_everywhere.is_set():
                            await anyio.sleep(item.seconds)
                    elif keep is not None:
                        keep(item)
                except BackendError as error:
                    item = layered.throw(error)
                else:
                    item = layered.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        except BackendError as error:
            self._runs.name(error)
            raise
        finally:
            layered.close()

    async def close(self) -> None:
        """Close the connections, if they are our own."""
        if self._owned:
            await self._client.aclose()


class _Runs:
    """What both drivers share: the retry layer, and the naming and cleaning of errors."""

    def __init__(self, backend: str, endpoint: Endpoint, settings: BackendSettings) -> None:
        self._backend = backend
        self._redactor = Redactor(endpoint.secrets)
        self._policy = Policy(retries=settings.retries, pacer=Pacer(settings.rate))

    def layered(self, flow: Flow[T]) -> Flow[T]:
        return resilient(flow, self._policy)

    def limit(self, pacer: Paces | None, permit: Callable[[Request], None]) -> None:
        self._policy = replace(self._policy, pacer=pacer or self._policy.pacer, permit=permit)

    def name(self, error: BackendError) -> None:
        error.backend = error.backend or self._backend
        self._redactor.chain(error)
