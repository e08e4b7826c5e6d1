"""Connections through pyreqwest, for backends that say ``transport = "pyreqwest"``: HTTP in compiled code, beside Python's lock.

Set so that it keeps to what unibill promises: no redirect is followed, nothing is unpacked before it is counted, no proxy is used that
``proxy_to`` does not name, and no more connections than the backend allows. No error of it proves that a request was not sent.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TypeVar, cast

import anyio
import anyio.lowlevel
import httpx

from unibill.errors import ConfigurationError
from unibill.provider import BackendSettings

try:
    from pyreqwest.client import BaseClientBuilder, ClientBuilder, SyncClientBuilder
    from pyreqwest.compatibility.httpx import HttpxTransport, SyncHttpxTransport
    from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
    from pyreqwest.proxy import ProxyBuilder
except ImportError as error:
    raise ConfigurationError('transport = "pyreqwest" needs the extra of that name: pip install "unibill[pyreqwest]"') from error

B = TypeVar("B", bound=BaseClientBuilder)


def _set(builder: B, settings: BackendSettings, proxy: str | None) -> B:
    patience = timedelta(seconds=min(settings.timeout, settings.deadline))
    built = builder.follow_redirects(enable=False).referer(enable=False).http1_only().no_proxy()
    built = built.gzip(enable=False).deflate(enable=False).brotli(enable=False).zstd(enable=False)
    built = built.max_connections(settings.concurrency).connect_timeout(patience).read_timeout(patience)
    return built if proxy is None else built.proxy(ProxyBuilder.all(proxy))


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Say in httpx's words what went wrong; what cannot be decoded here is the answer's head, since bodies are left packed."""
    try:
        yield
    except RequestTimeoutError as error:
        raise httpx.ReadTimeout(str(error)) from error
    except (PyreqwestError, httpx.DecodingError) as error:
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
        self._deadline = settings.deadline
        self._transport = SyncHttpxTransport(_set(SyncClientBuilder(), settings, proxy).build())

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request, through the method that cassettes put themselves in place of."""
        request.extensions = {**request.extensions, "timeout": {"read": self._deadline}}  # the whole answer's, as pyreqwest takes it
        with _as_httpx():
            answer = self._transport.handle_request(request)
        if not answer.is_stream_consumed:
            answer.stream = _Stream(cast("httpx.SyncByteStream", answer.stream))
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
        self._transport = HttpxTransport(_set(ClientBuilder(), settings, proxy).build())

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request; see ``Blocking.send``."""
        async with _awaited():
            answer = await self._transport.handle_async_request(request)
        if not answer.is_stream_consumed:
            answer.stream = _AsyncStream(cast("httpx.AsyncByteStream", answer.stream))
        return answer

    async def free(self) -> None:
        """Nothing; see ``Blocking.free``."""

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


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
