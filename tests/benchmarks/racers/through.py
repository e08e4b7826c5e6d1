"""The facade through another library, chosen in the settings or handed in as a client: ``through KIND FOLDER BASE_URL WINDOW LATENCY``.

``FOLDER`` holds the libraries that unibill does not install. A latency of 0 gives records a second, else percent of the ideal.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

import httpx

import unibill
from tests.benchmarks.racers.backend import settings
from tests.benchmarks.racers.counting import Noted, aahead, ahead, arace, race


def _limits(window: int) -> httpx.Limits:
    return httpx.Limits(max_connections=window, max_keepalive_connections=window)


def _client(kind: str, window: int) -> AbstractContextManager[httpx.Client | None]:
    return httpx.Client(limits=_limits(window)) if kind == "client" else nullcontext()


def _async_client(kind: str, window: int) -> AbstractAsyncContextManager[httpx.AsyncClient | None]:
    if kind in {"httpx", "pyreqwest"}:
        return nullcontext()
    if kind == "client":
        return httpx.AsyncClient(limits=_limits(window))
    aiohttp: Any = import_module("httpx_aiohttp")
    return httpx.AsyncClient(transport=aiohttp.AiohttpTransport(limits=_limits(window)))


def _blocking(kind: str, base_url: str, window: int, latency: float) -> None:
    with _client(kind, window) as client, unibill.connect(settings(base_url, window, kind), client=client) as billing:

        def listing() -> Iterator[Noted]:
            for credit in billing.credits.list(allocations=True):
                yield credit.id, credit.amount

        if latency:
            ahead(listing, window, latency)
        else:
            race(listing)


async def _awaited(kind: str, base_url: str, window: int, latency: float) -> None:
    async with _async_client(kind, window) as client, unibill.aconnect(settings(base_url, window, kind), client=client) as billing:

        async def listing() -> AsyncGenerator[Noted, None]:
            async for credit in billing.credits.list(allocations=True):
                yield credit.id, credit.amount

        if latency:
            await aahead(listing, window, latency)
        else:
            await arace(listing)


def main(kind: str, folder: str, base_url: str, window: str, latency: str) -> None:
    """List, and print the lap."""
    sys.path.append(folder)
    how, _, kind = kind.rpartition("-")
    given = kind, base_url, int(window), float(latency)
    if how:
        asyncio.run(_awaited(*given))
    else:
        _blocking(*given)


if __name__ == "__main__":
    main(*sys.argv[1:])
