"""All I/O: two transports, and the drivers that run flows over them. The only module that imports httpx.

A transport sends one request and gives one answer. It verifies TLS, refuses plain http except to loopback, follows no
redirect, bounds an answer's size after decompression and the time it may take as a whole, and tells "was not sent" from
"nobody knows". A driver runs a flow: it sends, sleeps, keeps steps, and names the backend in every error.
"""

import contextlib
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar
from urllib.parse import urlencode, urlsplit

import anyio
import httpx

from unibill.errors import BackendError, ConfigurationError, InvalidQuery, MalformedResponse, Unavailable, UnsupportedOperation
from unibill.events import RequestSettled
from unibill.flow import Effect, Flow, Request, Response, Sleep, Step
from unibill.provider import BackendSettings, Endpoint
from unibill.redact import Redactor
from unibill.retry import Pacer, Policy, resilient
from unibill.version import __version__

T = TypeVar("T")
Client = httpx.Client
AsyncClient = httpx.AsyncClient
Keep = Callable[[Step], None]
Observe = Callable[[RequestSettled], None]

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_LAST_PORT: Final = 65535
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

    def url(self, request: Request) -> str:
        query = "?" + urlencode(request.query) if request.query else ""
        return self.endpoint.base_url + request.path + query

    def headers(self, request: Request) -> dict[str, str]:
        headers = {"accept": "application/json", "user-agent": f"unibill/{__version__}", **self.endpoint.headers}
        if request.body is not None:
            headers["content-type"] = "application/json"
        return headers

    def check(self, request: Request) -> None:
        if self.settings.read_only and request.effect is not Effect.NONE:
            raise UnsupportedOperation(self.backend, request.operation, "the backend is configured as read_only")

    def response(self, answer: httpx.Response, body: bytes) -> Response:
        return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)

    def check_encoding(self, request: Request, answer: httpx.Response) -> None:
        if "," in answer.headers.get("content-encoding", ""):
            raise MalformedResponse("the answer is compressed several times over, which grows without bound", operation=request.operation)

    def too_large(self, request: Request) -> BackendError:
        return MalformedResponse(
            f"the answer is larger than max_body ({self.settings.max_body} bytes)",
            operation=request.operation,
            hint="Raise max_body, or ask for less.",
        )

    def too_slow(self, request: Request) -> BackendError:
        return Unavailable(f"the answer took longer than the deadline of {self.settings.deadline:g} s", operation=request.operation)

    def failure(self, request: Request, error: Exception) -> BackendError | InvalidQuery:
        unsent = self.proves_unsent and isinstance(error, _NOT_SENT)
        if isinstance(error, httpx.InvalidURL):
            return InvalidQuery(f"backend {self.backend!r} cannot be asked for {request.operation}: {_plain(error)}")
        if isinstance(error, httpx.TimeoutException):
            reason = f"no answer within {self.settings.timeout:g} s"
        elif isinstance(error, httpx.DecodingError):
            return MalformedResponse("the answer's compression is broken", operation=request.operation)
        elif isinstance(error, _NOT_SENT):
            reason = f"no connection to {urlsplit(self.endpoint.base_url).netloc} ({_plain(error)})"
        else:
            reason = f"the connection broke before the answer was complete ({_plain(error)})"
        failure = Unavailable(reason, operation=request.operation, permission=request.permission)
        failure.sent = not unsent
        return failure

    def settled(self, request: Request, started: float, status: int | None, error: str = "") -> None:
        self.observe(
            RequestSettled(self.backend, request.operation, request.method, request.path, status, time.monotonic() - started, 1, error)
        )


def _plain(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


def _ignore(_: RequestSettled) -> None:
    return None


class Transport:
    """Sends requests of one backend, blocking. Safe to use from several threads.

    Args:
        backend: its name in the configuration.
        client: an httpx client to use instead of one of our own; it is not closed. Of a client whose transport is not
            httpx's own, no error is taken as proof that a request was not sent.
        observe: is told of every try.

    Raises:
        ConfigurationError: the base URL is not fit for credentials, or the credentials are not fit for a header.
    """

    def __init__(
        self, backend: str, endpoint: Endpoint, settings: BackendSettings, *, client: httpx.Client | None = None, observe: Observe = _ignore
    ) -> None:
        check_base_url(endpoint.base_url)
        _check_headers(endpoint)
        self._owned = client is None
        self._client = client or httpx.Client(
            verify=_tls(),
            trust_env=not _is_loopback(httpx.URL(endpoint.base_url).host),  # what goes to this machine goes past no proxy
            timeout=settings.timeout,
            limits=httpx.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency),
        )
        self._prepared = _Prepared(backend, endpoint, settings, observe, self._owned)
        self._runs = _Runs(backend, endpoint, settings)

    def send(self, request: Request) -> Response:
        """Send one request.

        Raises:
            Unavailable: no connection, no answer in time, or a broken one; ``sent`` says whether it may have arrived.
            MalformedResponse: the answer is too large or wrongly compressed.
            UnsupportedOperation: a write to a read-only backend.
            InvalidQuery: ids so long that no address can hold them; nothing was sent.
        """
        prepared, limit = self._prepared, self._prepared.settings.max_body
        prepared.check(request)
        started = time.monotonic()
        try:
            outgoing = self._client.build_request(
                request.method, prepared.url(request), content=request.body, headers=prepared.headers(request)
            )
            answer = self._client.send(outgoing, stream=True, follow_redirects=False)
            try:
                prepared.check_encoding(request, answer)
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > limit:
                        raise prepared.too_large(request)
                    if time.monotonic() - started > prepared.settings.deadline:
                        raise prepared.too_slow(request)
            finally:
                answer.close()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            failure = prepared.failure(request, error)
            prepared.settled(request, started, None, str(failure))
            raise failure from error
        except BackendError as error:
            prepared.settled(request, started, None, error.message)
            raise
        prepared.settled(request, started, answer.status_code)
        return prepared.response(answer, bytes(body))

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

    def close(self) -> None:
        """Close the connections, if they are our own."""
        if self._owned:
            self._client.close()


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
        check_base_url(endpoint.base_url)
        _check_headers(endpoint)
        self._owned = client is None
        self._client = client or httpx.AsyncClient(
            verify=_tls(),
            trust_env=not _is_loopback(httpx.URL(endpoint.base_url).host),  # what goes to this machine goes past no proxy
            timeout=settings.timeout,
            limits=httpx.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency),
        )
        self._prepared = _Prepared(backend, endpoint, settings, observe, self._owned)
        self._runs = _Runs(backend, endpoint, settings)

    async def send(self, request: Request) -> Response:
        """Send one request; see ``Transport.send``."""
        prepared, limit = self._prepared, self._prepared.settings.max_body
        prepared.check(request)
        started = time.monotonic()
        try:
            outgoing = self._client.build_request(
                request.method, prepared.url(request), content=request.body, headers=prepared.headers(request)
            )
            answer = await self._client.send(outgoing, stream=True, follow_redirects=False)
            try:
                prepared.check_encoding(request, answer)
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > limit:
                        raise prepared.too_large(request)
                    if time.monotonic() - started > prepared.settings.deadline:
                        raise prepared.too_slow(request)
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            failure = prepared.failure(request, error)
            prepared.settled(request, started, None, str(failure))
            raise failure from error
        except BackendError as error:
            prepared.settled(request, started, None, error.message)
            raise
        prepared.settled(request, started, answer.status_code)
        return prepared.response(answer, bytes(body))

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

    def name(self, error: BackendError) -> None:
        error.backend = error.backend or self._backend
        error.vendor_message = self._redactor.text(error.vendor_message)
        error.message = self._redactor.text(error.message)
        error.args = (error.message,)
