"""An HTTP client alone: ``clients KIND FOLDER BASE_URL PAGES`` reads the bytes of so many pages, one after the other.

``FOLDER`` holds the libraries that unibill does not install.
"""

import asyncio
import http.client
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

Get = Callable[[str, int], bytes]
"""Gets a page of an address."""
_WARM = 20


def _at(base_url: str, page: int) -> str:
    return f"{base_url}/credits?page={page}&page_size={notes.PAGE}"


@contextmanager
def _httpx(base_url: str) -> Iterator[Get]:
    del base_url
    with httpx.Client() as client:
        yield lambda base, page: client.get(_at(base, page)).content


@contextmanager
def _httpx_transport(base_url: str) -> Iterator[Get]:
    del base_url
    with httpx.HTTPTransport() as transport:
        yield lambda base, page: transport.handle_request(httpx.Request("GET", _at(base, page))).read()


@contextmanager
def _httpx2(base_url: str) -> Iterator[Get]:
    del base_url
    library: Any = import_module("httpx2")
    with library.Client() as client:
        yield lambda base, page: client.get(_at(base, page)).content


@contextmanager
def _standard(base_url: str) -> Iterator[Get]:
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc)

    def get(base: str, page: int) -> bytes:
        connection.request("GET", _at(base, page).removeprefix(f"http://{urlsplit(base).netloc}"))
        return connection.getresponse().read()

    yield get


@contextmanager
def _urllib3(base_url: str) -> Iterator[Get]:
    del base_url
    library: Any = import_module("urllib3")
    pool = library.PoolManager()
    yield lambda base, page: pool.request("GET", _at(base, page)).data


@contextmanager
def _pyreqwest(base_url: str) -> Iterator[Get]:
    del base_url
    library: Any = import_module("pyreqwest.client")
    with library.SyncClientBuilder().build() as client:
        yield lambda base, page: client.get(_at(base, page)).build().send().bytes()


@contextmanager
def _aiohttp(base_url: str) -> Iterator[Get]:
    del base_url
    library: Any = import_module("aiohttp")
    with asyncio.Runner() as runner:

        async def made() -> Any:  # noqa: ANN401 - the rival's class
            return library.ClientSession()

        session = runner.run(made())

        async def got(base: str, page: int) -> bytes:
            async with session.get(_at(base, page)) as answer:
                body: bytes = await answer.read()
                return body

        yield lambda base, page: runner.run(got(base, page))
        runner.run(session.close())


def _unibill(transport: str) -> Callable[[str], Any]:
    @contextmanager
    def opened(base_url: str) -> Iterator[Get]:
        chosen = settings(base_url, transport=transport)
        sender = Transport("main", BillAgainProvider(chosen).endpoint(), chosen)

        def get(_: str, page: int) -> bytes:
            asked = Request("list", "GET", "/credits", query=(("page", str(page)), ("page_size", str(notes.PAGE))))
            return sender.run(exchange(asked)).body

        yield get
        sender.close()

    return opened


KINDS = {
    "httpx": _httpx,
    "httpx-transport": _httpx_transport,
    "httpx2": _httpx2,
    "http.client": _standard,
    "urllib3": _urllib3,
    "pyreqwest": _pyreqwest,
    "aiohttp": _aiohttp,
    "unibill": _unibill("httpx"),
    "unibill-pyreqwest": _unibill("pyreqwest"),
}


def main(kind: str, folder: str, base_url: str, pages: str) -> None:
    """Read, and print the lap: microseconds of the clock a request, and how many bytes came."""
    if folder:
        sys.path.append(folder)
    with KINDS[kind](base_url) as get:
        for page in range(1, _WARM + 1):
            get(base_url, page)
        started, worked = time.perf_counter(), time.process_time()
        came = sum(len(get(base_url, page)) for page in range(1, int(pages) + 1))
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    lap(1e6 * seconds / int(pages), seconds, cpu, str(came), **{"processor, µs": round(1e6 * cpu / int(pages))})


if __name__ == "__main__":
    main(*sys.argv[1:])
