"""Lists that are read ahead in threads, and others who work for the same backend."""

import asyncio
import json
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.http.asking import READ, WRITE
from tests.support.server import Answer, Reply, Seen, Server
from unibill.flow import Flow, Request, exchange
from unibill.http import AsyncTransport, Transport
from unibill.paging import awalk, walk
from unibill.provider import Addressing, At, BackendSettings, Endpoint, Page
from unibill.telemetry import Within

PAGES = 60


@dataclass(frozen=True)
class Item:
    id: str


def pages(at: At | None) -> Flow[Page[Item]]:
    number = int(at or 1)
    answer = yield from exchange(Request("listThings", "GET", f"/list/{number}"))
    return Page([Item(json.loads(answer.body))], number + 1 if number < PAGES else None)


class Gate:
    """Holds back answers, by what was asked for, until it is opened."""

    def __init__(self, held: Callable[[str], bool]) -> None:
        self._held = held
        self._open = threading.Event()
        self._arrived = threading.Semaphore(0)

    def answer(self, seen: Seen) -> Answer:
        if self._held(seen.target) and not self._open.is_set():
            self._arrived.release()
            self._open.wait(20)
        return Reply(body=json.dumps(seen.target).encode())

    async def arrived(self, requests: int) -> None:
        """Wait until so many are held back."""
        await asyncio.to_thread(self.wait, requests)

    def wait(self, requests: int) -> None:
        """The same, blocking."""
        for _ in range(requests):
            assert self._arrived.acquire(timeout=10)

    def open(self) -> None:
        self._open.set()


@contextmanager
def gate(server: Server, held: Callable[[str], bool]) -> Iterator[Gate]:
    made = Gate(held)
    server.respond = made.answer
    try:
        yield made
    finally:
        made.open()


def using(server: Server, concurrency: int, work: Callable[[AsyncTransport], Coroutine[None, None, None]]) -> None:
    async def whole() -> None:
        settings = BackendSettings(base_url=server.url, concurrency=concurrency, timeout=5)
        transport = AsyncTransport("main", Endpoint(server.url, {}, ()), settings)
        await work(transport)
        await transport.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "something is still under way"

    asyncio.run(whole())


def listed(transport: AsyncTransport, ahead: int) -> AsyncGenerator[Sequence[Item], None]:
    return awalk("things.list", pages, transport.run, Addressing(1, 1), ahead, driving=lambda most: transport.ahead(most, Within()))


@pytest.mark.parametrize(("concurrency", "ahead"), [(1, 2), (2, 2), (2, 4), (3, 3)])
def test_a_write_gets_a_connection_while_a_long_list_is_read(server: Server, concurrency: int, ahead: int) -> None:
    async def work(transport: AsyncTransport) -> None:
        async def read() -> list[str]:
            return [item.id async for page in listed(transport, ahead) for item in page]

        reading = asyncio.create_task(read())
        await held.arrived(concurrency)
        writing = asyncio.create_task(transport.run(exchange(WRITE)))
        await asyncio.sleep(0)
        held.open()
        assert (await writing).status == 200
        assert await reading == [f"/list/{number}" for number in range(1, PAGES + 1)]

    with gate(server, lambda target: target.startswith("/list/") and int(target.removeprefix("/list/")) >= 10) as held:
        using(server, concurrency, work)
    assert [seen.method for seen in server.seen].index("POST") < PAGES / 2


@pytest.mark.parametrize("turns", [0, 1, 2, 20])
def test_a_list_that_is_given_up_while_it_waits_for_a_connection_ends_at_once(server: Server, turns: int) -> None:
    async def work(transport: AsyncTransport) -> None:
        reading = listed(transport, 2)
        await anext(reading)
        others = [asyncio.create_task(transport.run(exchange(READ))) for _ in range(2)]
        await held.arrived(2)
        waiting = asyncio.ensure_future(anext(reading))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        ended, _ = await asyncio.wait([waiting], timeout=3)
        assert ended == {waiting}
        held.open()
        assert [(await other).status for other in others] == [200, 200]

    with gate(server, lambda target: not target.startswith("/list/")) as held:
        using(server, 2, work)
    assert [seen.target for seen in server.seen if seen.target.startswith("/list/")] == ["/list/1"]


@pytest.mark.parametrize("concurrency", [2, 4])
def test_a_blocking_list_that_is_given_up_waits_for_no_answer(server: Server, concurrency: int) -> None:
    settings = BackendSettings(base_url=server.url, concurrency=concurrency, timeout=60, deadline=60)
    transport = Transport("main", Endpoint(server.url, {}, ()), settings)

    with gate(server, lambda target: int(target.removeprefix("/list/")) > 2) as held:
        reading = walk("things.list", pages, transport.run, Addressing(1, 1), 4, "main", lambda stop: transport.ended_by(stop, Within()))
        assert [page[0].id for page in (next(reading), next(reading))] == ["/list/1", "/list/2"]
        held.wait(min(concurrency, 3))
        closing = threading.Thread(target=reading.close)
        closing.start()
        closing.join(10)
        assert not closing.is_alive(), "it waits for answers that nobody wants"
    assert transport.run(exchange(Request("listThings", "GET", "/list/1"))).status == 200
    transport.close()


def test_a_blocking_list_that_is_interrupted_while_it_waits_for_a_page_ends_at_once(server: Server) -> None:
    settings = BackendSettings(base_url=server.url, concurrency=4, timeout=60, deadline=60)
    transport = Transport("main", Endpoint(server.url, {}, ()), settings)

    with gate(server, lambda target: target != "/list/1") as held:

        def interrupt() -> None:
            held.wait(3)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        reading = walk("things.list", pages, transport.run, Addressing(1, 1), 3, "main", lambda stop: transport.ended_by(stop, Within()))
        next(reading)
        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            next(reading)
        interrupting.join()
        assert time.monotonic() - began < 10, "it waits for an answer that nobody wants"
    transport.close()
