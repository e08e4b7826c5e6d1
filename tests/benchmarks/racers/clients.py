"""An HTTP client alone: ``clients KIND FOLDER BASE_URL PAGES`` reads the bytes of so many pages, one after the other.

``FOLDER`` holds the libraries that unibill does not install.
"""

import asyncio
import http.client
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import httpx
from unibill_billagain.provider import BillAgainProvider

from tests.benchmarks import notes
from tests.benchmarks.racers.backend import settings
from tests.benchmarks.racers.counting import lap
from unibill.flow import Request, exchange
from unibill.http import Transport

Get = Callable[[int], bytes]
"""Gets a page."""
_WARM = range(1, 21)


@contextmanager
def _httpx(base_url: str) -> Iterator[Get]:
    with httpx.Client() as client:
        yield lambda page: client.get(_at(base_url, page)).content


@contextmanager
def _httpx_transport(base_url: str) -> Iterator[Get]:
    with httpx.HTTPTransport() as transport:
        yield lambda page: transport.handle_request(httpx.Request("GET", _at(base_url, page))).read()


@contextmanager
def _httpx2(base_url: str) -> Iterator[Get]:
    library: Any = import_module("httpx2")
    with library.Client() as client:
        yield lambda page: client.get(_at(base_url, page)).content


@contextmanager
def _standard(base_url: str) -> Iterator[Get]:
    server = urlsplit(base_url)
    with closing(http.client.HTTPConnection(server.netloc)) as connection:

        def get(page: int) -> bytes:
            connection.request("GET", _at(server.path, page))
            return connection.getresponse().read()

        yield get


@contextmanager
def _urllib3(base_url: str) -> Iterator[Get]:
    library: Any = import_module("urllib3")
    with library.PoolManager() as pool:
        yield lambda page: pool.request("GET", _at(base_url, page)).data


@contextmanager
def _pyreqwest(base_url: str) -> Iterator[Get]:
    library: Any = import_module("pyreqwest.client")
    with library.SyncClientBuilder().build() as client:
        yield lambda page: client.get(_at(base_url, page)).build().send().bytes()


def _unibill(transport: str) -> Callable[[str], AbstractContextManager[Get]]:
    @contextmanager
    def opened(base_url: str) -> Iterator[Get]:
        chosen = settings(base_url, transport=transport)
        with closing(Transport("main", BillAgainProvider(chosen).endpoint(), chosen)) as sender:

            def get(page: int) -> bytes:
                asked = Request("list", "GET", "/credits", query=(("page", str(page)), ("page_size", str(notes.PAGE))))
                return sender.run(exchange(asked)).body

            yield get

    return opened


KINDS = {
    "httpx": _httpx,
    "httpx-transport": _httpx_transport,
    "httpx2": _httpx2,
    "http.client": _standard,
    "urllib3": _urllib3,
    "pyreqwest": _pyreqwest,
    "unibill": _unibill("httpx"),
    "unibill-pyreqwest": _unibill("pyreqwest"),
}


async def _aiohttp(base_url: str, pages: range) -> None:
    library: Any = import_module("aiohttp")
    async with library.ClientSession() as session:

        async def get(page: int) -> bytes:
            async with session.get(_at(base_url, page)) as answer:
                body: bytes = await answer.read()
                return body

        for page in _WARM:
            await get(page)
        started, worked, came = time.perf_counter(), time.process_time(), 0
        for page in pages:
            came += len(await get(page))
        _lap(len(pages), time.perf_counter() - started, time.process_time() - worked, came)


def _at(base_url: str, page: int) -> str:
    return f"{base_url}/credits?page={page}&page_size={notes.PAGE}"


def _lap(count: int, seconds: float, cpu: float, came: int) -> None:
    lap(1e6 * seconds / count, seconds, cpu, str(came), **{"processor, µs": round(1e6 * cpu / count)})


def main(kind: str, folder: str, base_url: str, count: str) -> None:
    """Read, and print the lap: microseconds of the clock and of the processor a request, and how many bytes came."""
    if folder:
        sys.path.append(folder)
    pages = range(1, int(count) + 1)
    if kind == "aiohttp":
        asyncio.run(_aiohttp(base_url, pages))
        return
    with KINDS[kind](base_url) as get:
        for page in _WARM:
            get(page)
        started, worked, came = time.perf_counter(), time.process_time(), 0
        for page in pages:
            came += len(get(page))
        _lap(len(pages), time.perf_counter() - started, time.process_time() - worked, came)


if __name__ == "__main__":
    main(*sys.argv[1:])
