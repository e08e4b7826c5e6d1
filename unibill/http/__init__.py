"""All I/O: two transports, and the drivers that run flows over them. The only package that imports httpx.

A transport sends one request and gives one answer. It verifies TLS, refuses plain http except to loopback, follows no
redirect, bounds an answer's size before and after decompression and the time it may take as a whole, its head included, and
tells "was not sent" from "nobody knows". What httpx and httpcore log is masked. A driver runs a flow: it sends, sleeps, keeps steps, and names the backend in every error.
"""

from typing import TYPE_CHECKING

from unibill.http.addresses import check_base_url, proxy_to
from unibill.http.blocking import Transport
from unibill.http.driving import Keep, Stop, without_waiting
from unibill.http.preparing import AsyncClient, Client, Observe

if TYPE_CHECKING:
    from unibill.http.awaitable import AsyncTransport

__all__ = [
    "AsyncClient",
    "AsyncTransport",
    "Client",
    "Keep",
    "Observe",
    "Stop",
    "Transport",
    "check_base_url",
    "proxy_to",
    "without_waiting",
]


def __getattr__(name: str) -> object:
    """Import what awaits when it is first used: a blocking program starts without an event loop's libraries."""
    if name != "AsyncTransport":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from unibill.http.awaitable import AsyncTransport

    globals()[name] = AsyncTransport
    return AsyncTransport
