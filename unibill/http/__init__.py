"""All I/O: two transports, and the drivers that run flows over them. The only package that imports httpx.

A transport sends one request and gives one answer. It verifies TLS, refuses plain http except to loopback, follows no
redirect, bounds an answer's size before and after decompression and the time it may take as a whole, its head included, and
tells "was not sent" from "nobody knows". What httpx and httpcore log is masked. A driver runs a flow: it sends, sleeps, keeps steps, and names the backend in every error.
"""

from unibill.http.addresses import check_base_url, proxy_to
from unibill.http.awaitable import AsyncClient, AsyncTransport
from unibill.http.blocking import Client, Transport
from unibill.http.driving import Keep, Stop, without_waiting
from unibill.http.preparing import Observe

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
