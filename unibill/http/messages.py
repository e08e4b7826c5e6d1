"""A request on its way out and an answer on its way in, as every way of sending knows them, and what httpx makes of them.

httpx's own objects cost as much as the sending. They are made only where somebody has put himself in place of a transport of
httpx's, as cassettes, test doubles and instrumentation do, or has handed in a client.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, cast

import httpx

from unibill.http.addresses import Base, address
from unibill.http.driving import Watch


@dataclass(slots=True)
class Outgoing:
    """A request as it goes over a connection.

    Attributes:
        method: in capitals.
        base: whose server it goes to.
        target: path and query, encoded.
        headers: all that it has, with ASCII texts.
        body: empty for none.
        patience: seconds for a connection, and without a byte.
        watch: what httpcore is told to call.
    """

    method: str
    base: Base
    target: str
    headers: dict[str, str]
    body: bytes
    patience: float
    watch: Watch

    @property
    def url(self) -> str:
        """The whole address."""
        return self.base.origin + self.target

    def extensions(self) -> dict[str, Any]:
        """What httpx and httpcore want to know besides."""
        return {"timeout": {"connect": self.patience, "read": self.patience, "write": self.patience}, **self.watch}

    def as_httpx(self) -> httpx.Request:
        """The request as httpx would make it."""
        stream = httpx.ByteStream(self.body)
        made = httpx.Request(self.method, address(self.url), headers=self.headers, stream=stream, extensions=self.extensions())
        made.read()
        return made


@dataclass(slots=True)
class Incoming:
    """An answer, of whose body no more has been read than came with its head.

    Attributes:
        status: of HTTP.
        headers: by their names in small letters.
        chunks: the body, as it comes.
        close: has to be called, whether the body was read or not.
        unpacked: the body, where it was there whole and without its compression.
    """

    status: int
    headers: dict[str, str]
    chunks: Iterable[bytes]
    close: Callable[[], None]
    unpacked: bytes | None = None


@dataclass(slots=True)
class AsyncIncoming:
    """The same, awaited."""

    status: int
    headers: dict[str, str]
    chunks: AsyncIterable[bytes]
    close: Callable[[], Awaitable[None]]
    unpacked: bytes | None = None


def incoming(answer: httpx.Response) -> Incoming:
    """An answer of httpx's."""
    unpacked = answer.content if answer.is_stream_consumed else None
    return Incoming(answer.status_code, named(answer.headers.raw), cast("httpx.SyncByteStream", answer.stream), answer.close, unpacked)


def async_incoming(answer: httpx.Response) -> AsyncIncoming:
    """The same of an answer that is awaited."""
    unpacked = answer.content if answer.is_stream_consumed else None
    chunks = cast("httpx.AsyncByteStream", answer.stream)
    return AsyncIncoming(answer.status_code, named(answer.headers.raw), chunks, answer.aclose, unpacked)


def named(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of an answer, by names in small letters; what httpx makes of those that are no plain text."""
    try:
        return by_name([(name.decode("ascii"), value.decode("ascii")) for name, value in raw])
    except UnicodeDecodeError:
        return {name.lower(): value for name, value in httpx.Headers(raw).items()}


def by_name(headers: list[tuple[str, str]]) -> dict[str, str]:
    """The same of texts; of a name that comes twice, what httpx makes of it."""
    found = {name.lower(): value for name, value in headers}
    return found if len(found) == len(headers) else {name.lower(): value for name, value in httpx.Headers(headers).items()}


def is_untouched(method: object, package: str) -> bool:
    """Whether a method is a package's own, so that it makes no difference to go past it.

    Cassettes, test doubles and instrumentation put themselves in its place; what comes past them would not be seen.

    Args:
        method: as it stands in its class now.
        package: which wrote it.
    """
    return type(method) is FunctionType and str(method.__globals__.get("__name__")).partition(".")[0] == package
