"""Connections that keep to the thread's deadline. The only module that imports what httpx stands on, and it is loaded with the first of them."""

import socket
import ssl
from collections.abc import AsyncIterable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import httpcore
import httpx

from unibill.http.deadlines import time_left
from unibill.http.messages import AsyncIncoming, Incoming, Outgoing, named

_KEPT = 5.0
"""Seconds for which an idle connection is worth trying again, as in httpx."""
_PIECE = 64 * 1024
"""Bytes of a request that are sent without waiting for the rest of it."""


class Bounded(httpcore.NetworkBackend):
    """A network backend of one connection, which keeps to the thread's deadline and can be cut by another thread."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner
        self._last: httpcore.NetworkStream | None = None
        self._is_cut = False

    def cut(self) -> None:
        """End whatever waits on the connection, at once and for good, as if the other side had gone; one being made ends when it is."""
        self._is_cut = True
        connection: object = None if self._last is None else self._last.get_extra_info("socket")
        if isinstance(connection, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # past TLS, which another thread is using

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect."""
        left = time_left(timeout, httpcore.ConnectTimeout)
        return self._made(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        """Connect."""
        return self._made(self._inner.connect_unix_socket(path, time_left(timeout, httpcore.ConnectTimeout), socket_options))

    def _made(self, connection: httpcore.NetworkStream) -> httpcore.NetworkStream:
        self._last = _Stream(connection)
        if self._is_cut:
            self.cut()
        return self._last

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection that sends the head and the body of a request, which httpcore writes one after the other, in one piece."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._waiting = b""
        self._timeout: float | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._waiting:
            with suppress(httpcore.WriteError):  # as httpcore does: whoever refuses before he has read all may have said why
                self._send()
        return self._inner.read(max_bytes, time_left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._waiting = self._waiting + buffer if self._waiting else buffer
        self._timeout = timeout
        if len(self._waiting) >= _PIECE:
            self._send()

    def _send(self) -> None:
        piece, self._waiting = self._waiting, b""
        self._inner.write(piece, time_left(self._timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            left = time_left(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()  # httpcore closes it only after a handshake that failed
            raise
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own signature
        return self._inner.get_extra_info(info)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Say in httpx's words what went wrong. Its errors have the names of httpcore's."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise getattr(httpx, type(error).__name__, httpx.TransportError)(str(error)) from error


def _asked(request: Outgoing) -> httpcore.Request:
    base = request.base
    url = httpcore.URL(scheme=base.scheme, host=base.host, port=base.port, target=request.target.encode())
    asked = httpcore.Request(request.method.encode(), url, content=request.body or None, extensions=request.extensions())
    # Given to the request, each would be looked at once more.
    asked.headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    return asked


def _can_go_on(connection: httpcore.HTTPConnection | httpcore.AsyncHTTPConnection) -> bool:
    """Whether a connection can take another request.

    What came after the end of an answer would be taken for the next one's. Bytes that came later are seen by httpcore; those that came
    together with the answer it has read already, and keeps.
    """
    if not connection.is_available() or connection.has_expired():
        return False
    state: Any = getattr(getattr(connection, "_connection", None), "_h11_state", None)  # there is no public way
    return state is None or not state.trailing_data[0]


class Single:
    """In place of a pool: one connection, made anew where the other side has closed it or sent more than it was asked for.

    Args:
        tls: for https.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._network = Bounded(httpcore.SyncBackend())
        self._connection: httpcore.HTTPConnection | None = None

    def send(self, request: Outgoing) -> Incoming:
        """Send a request to the one server that this connection leads to.

        Raises:
            httpx.TransportError: as httpx's own transport would.
        """
        with _as_httpx():
            answer = self.handle_request(_asked(request))
        return Incoming(answer.status, named(answer.headers), _chunks(answer), answer.close)

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request of httpx's transport, whose pool this is."""
        connection = self._connection
        if connection is None or not _can_go_on(connection):
            self.close()
            connection = self._connection = httpcore.HTTPConnection(
                request.url.origin, ssl_context=self._tls, keepalive_expiry=_KEPT, network_backend=self._network
            )
        return connection.handle_request(request)

    def cut(self) -> None:
        """End whatever waits on the connection; see ``Bounded.cut``."""
        self._network.cut()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


class AsyncSingle:
    """The same, awaited. Whoever awaits keeps to the deadline himself."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())  # typed as one that may not be there
        self._connection: httpcore.AsyncHTTPConnection | None = None

    async def send(self, request: Outgoing) -> AsyncIncoming:
        """Send a request; see ``Single.send``."""
        with _as_httpx():
            answer = await self.handle_async_request(_asked(request))
        return AsyncIncoming(answer.status, named(answer.headers), _AsyncChunks(answer), answer.aclose)

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request of httpx's transport, whose pool this is."""
        connection = self._connection
        if connection is None or not _can_go_on(connection):
            await self.aclose()
            connection = self._connection = httpcore.AsyncHTTPConnection(
                request.url.origin, ssl_context=self._tls, keepalive_expiry=_KEPT, network_backend=self._network
            )
        return await connection.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.aclose()


def _chunks(answer: httpcore.Response) -> Iterator[bytes]:
    with _as_httpx():
        yield from answer.iter_stream()


class _AsyncChunks:
    """The body, as it comes. No generator, since one that is left in the middle is closed by whoever finds it."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._inner = cast("AsyncIterable[bytes]", answer.stream).__aiter__()

    def __aiter__(self) -> "_AsyncChunks":
        return self

    async def __anext__(self) -> bytes:
        with _as_httpx():
            return await self._inner.__anext__()
