"""Connections through pyreqwest, for backends that say ``transport = "pyreqwest"``: HTTP in compiled code, beside Python's lock.

Set so that it keeps to what unibill promises: no redirect is followed, nothing is unpacked before it is counted, no proxy is used that
``proxy_to`` does not name, and no more connections than the backend allows. No error of it proves that a request was not sent.

Where somebody has put himself in place of pyreqwest's transport for httpx, as cassettes do, requests go through there.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Final, TypeVar, cast

import anyio
import anyio.lowlevel
import httpx

from unibill.errors import ConfigurationError
from unibill.http.messages import AsyncIncoming, Incoming, Outgoing, async_incoming, by_name, incoming, is_untouched
from unibill.provider import BackendSettings

try:
    from pyreqwest.client import BaseClientBuilder, ClientBuilder, SyncClientBuilder
    from pyreqwest.compatibility.httpx import HttpxTransport, SyncHttpxTransport
    from pyreqwest.exceptions import ConnectError, ConnectTimeoutError, PoolTimeoutError, PyreqwestError, RequestTimeoutError
    from pyreqwest.proxy import ProxyBuilder
    from pyreqwest.request import BaseRequestBuilder
    from pyreqwest.response import BaseResponse, ResponseBodyReader, SyncResponseBodyReader
except ImportError as error:
    raise ConfigurationError('transport = "pyreqwest" needs the extra of that name: pip install "unibill[pyreqwest]"') from error

B = TypeVar("B", bound=BaseClientBuilder)
R = TypeVar("R", bound=BaseRequestBuilder)
_PACKAGE: Final = "pyreqwest"
_MEANT: Final[tuple[tuple[type[PyreqwestError], type[httpx.RequestError]], ...]] = (
    (ConnectTimeoutError, httpx.ConnectTimeout),
    (PoolTimeoutError, httpx.PoolTimeout),
    (RequestTimeoutError, httpx.ReadTimeout),
    (ConnectError, httpx.ConnectError),
)
"""What each error is in httpx's words; any other is a connection that broke."""


def _set(builder: B, settings: BackendSettings, proxy: str | None) -> B:
    patience = timedelta(seconds=min(settings.timeout, settings.deadline))
    built = builder.follow_redirects(enable=False).referer(enable=False).http1_only().no_proxy()
    built = built.gzip(enable=False).deflate(enable=False).brotli(enable=False).zstd(enable=False)
    built = built.max_connections(settings.concurrency).connect_timeout(patience).read_timeout(patience)
    return built if proxy is None else built.proxy(ProxyBuilder.all(proxy))


def _filled(builder: R, request: Outgoing, whole: timedelta) -> R:
    """A request, with the time that its whole answer may take: nothing else ends one that nobody waits for any more."""
    builder = builder.headers(request.headers).timeout(whole)
    return builder.body_bytes(request.body) if request.body else builder


def _asked(request: Outgoing, whole: timedelta) -> httpx.Request:
    """The same for pyreqwest's transport, which takes the sum of httpx's timeouts for the whole answer's."""
    asked = request.as_httpx()
    asked.extensions = {**asked.extensions, "timeout": {"read": whole.total_seconds()}}
    return asked


def _headers(answer: BaseResponse) -> dict[str, str]:
    """The headers of an answer, by names in small letters.

    Raises:
        httpx.ReadError: one of them is no text.
    """
    try:
        items = list(answer.headers.items())
    except ValueError as error:
        raise httpx.ReadError("a header of the answer is no text") from error
    return by_name(items)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Say in httpx's words what went wrong; what cannot be decoded here is the answer's head, since bodies are left packed."""
    try:
        yield
    except PyreqwestError as error:
        meant = next((httpxs for own, httpxs in _MEANT if isinstance(error, own)), httpx.ReadError)
        raise meant(str(error)) from error
    except httpx.DecodingError as error:
        raise httpx.ReadError(str(error)) from error


@asynccontextmanager
async def _awaited() -> AsyncIterator[None]:
    try:
        with _as_httpx():
            yield
    except asyncio.CancelledError:
        await anyio.lowlevel.checkpoint_if_cancelled()  # tells whose deadline it is, which pyreqwest's own error does not
        raise


class Blocking:
    """All connections of a backend; it stands in for each of the lanes.

    Args:
        settings: of the backend.
        proxy: to go through.
    """

    def __init__(self, settings: BackendSettings, proxy: str | None) -> None:
        self._whole = timedelta(seconds=settings.deadline)
        self._client = _set(SyncClientBuilder(), settings, proxy).build()
        self._transport = SyncHttpxTransport(self._client)

    def send(self, request: Outgoing) -> Incoming:
        """Send a request, through the method that cassettes put themselves in place of, if one has."""
        if not is_untouched(SyncHttpxTransport.handle_request, _PACKAGE):
            return self._through_httpx(request)
        with _as_httpx():
            exchange = _filled(self._client.request(request.method, request.url), request, self._whole).build_streamed()
            answer = exchange.__enter__()

        def close() -> None:
            exchange.__exit__(None, None, None)

        try:
            return Incoming(answer.status, _headers(answer), _chunks(answer.body_reader), close)
        except BaseException:
            close()
            raise

    def _through_httpx(self, request: Outgoing) -> Incoming:
        with _as_httpx():
            answer = incoming(self._transport.handle_request(_asked(request, self._whole)))
        answer.chunks = _Stream(cast("httpx.SyncByteStream", answer.chunks))
        return answer

    def free(self) -> None:
        """Nothing: a connection that broke is left out by pyreqwest itself."""

    def cut(self) -> None:
        """Nothing: there is no way to end what another thread waits for but its timeout."""

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class Awaitable:
    """The same, awaited."""

    def __init__(self, settings: BackendSettings, proxy: str | None) -> None:
        self._whole = timedelta(seconds=settings.deadline)
        self._client = _set(ClientBuilder(), settings, proxy).build()
        self._transport = HttpxTransport(self._client)

    async def send(self, request: Outgoing) -> AsyncIncoming:
        """Send a request; see ``Blocking.send``."""
        if not is_untouched(HttpxTransport.handle_async_request, _PACKAGE):
            return await self._through_httpx(request)
        async with _awaited():
            exchange = _filled(self._client.request(request.method, request.url), request, self._whole).build_streamed()
            answer = await exchange.__aenter__()

        async def close() -> None:
            await exchange.__aexit__(None, None, None)

        try:
            return AsyncIncoming(answer.status, _headers(answer), _AsyncChunks(answer.body_reader), close)
        except BaseException:
            await close()
            raise

    async def _through_httpx(self, request: Outgoing) -> AsyncIncoming:
        async with _awaited():
            answer = async_incoming(await self._transport.handle_async_request(_asked(request, self._whole)))
        answer.chunks = _AsyncStream(cast("httpx.AsyncByteStream", answer.chunks))
        return answer

    async def free(self) -> None:
        """Nothing; see ``Blocking.free``."""

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def _chunks(reader: SyncResponseBodyReader) -> Iterator[bytes]:
    with _as_httpx():
        while (chunk := reader.read()) is not None:
            yield bytes(chunk)


class _AsyncChunks:
    """The body, as it comes. No generator, since one that is left in the middle is closed by whoever finds it."""

    def __init__(self, reader: ResponseBodyReader) -> None:
        self._reader = reader

    def __aiter__(self) -> "_AsyncChunks":
        return self

    async def __anext__(self) -> bytes:
        async with _awaited():
            chunk = await self._reader.read()
        if chunk is None:
            raise StopAsyncIteration
        return bytes(chunk)


class _Stream(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._inner

    def close(self) -> None:
        self._inner.close()


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with _awaited():
            async for chunk in self._inner:
                yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
