"""How a driver ends, whatever ends it, and what it makes of a client that an app hands in."""

import asyncio
import threading

import httpx
import pytest

from tests.conftest import MakeDriver
from tests.http.asking import READ, WRITE
from tests.support.drivers import AsyncDriver
from tests.support.server import Answer, Raw, Reply, Seen, Server
from unibill.errors import OutcomeUnknown, Unavailable
from unibill.events import RequestSettled
from unibill.flow import Flow, Request, Response, Step, exchange
from unibill.http import AsyncTransport, Transport
from unibill.http.driving import Stop
from unibill.http.lanes import Lanes
from unibill.provider import BackendSettings, Endpoint

# How a driver ends


class Watched:
    """A flow that notes how it ended."""

    def __init__(self) -> None:
        self.ended = ""

    def flow(self, request: Request) -> Flow[Response]:
        try:
            return (yield from exchange(request))
        except GeneratorExit:
            self.ended = "closed"
            raise
        except BaseException as error:
            self.ended = type(error).__name__
            raise


def test_a_flow_is_closed_when_its_driver_is_interrupted(driver: MakeDriver, server: Server) -> None:
    def interrupt(_: RequestSettled) -> None:
        raise KeyboardInterrupt

    watched = Watched()
    server.script(Reply())
    with pytest.raises(KeyboardInterrupt):
        driver(observe=interrupt).run(watched.flow(READ))
    assert watched.ended == "closed"


def test_a_flow_is_closed_when_a_step_cannot_be_kept(driver: MakeDriver, server: Server) -> None:
    closed: list[bool] = []

    def writing() -> Flow[Response]:
        try:
            yield Step("write", done=False)
            return (yield from exchange(WRITE))
        finally:
            closed.append(True)

    def full(_: Step) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        driver().run(writing(), full)
    assert (closed, server.seen) == ([True], [])


def test_a_step_is_kept_before_the_flow_goes_on(driver: MakeDriver, server: Server) -> None:
    def writing() -> Flow[str]:
        yield Step("write", done=False)
        yield from exchange(WRITE)
        yield Step("write", done=True, data={"id": "7"})
        return "7"

    kept: list[tuple[Step, int]] = []
    server.script(Reply(201))

    assert driver().run(writing(), lambda step: kept.append((step, len(server.seen)))) == "7"
    assert kept == [(Step("write", done=False), 0), (Step("write", done=True, data={"id": "7"}), 1)]


def test_a_flow_that_needs_no_request_is_driven_to_its_value(driver: MakeDriver, server: Server) -> None:
    def nothing() -> Flow[int]:
        yield from ()
        return 7

    assert driver().run(nothing()) == 7
    assert server.seen == []


def test_a_cancelled_task_closes_its_flow_and_leaves_the_transport_usable(server: Server) -> None:
    arrived, enough = threading.Event(), threading.Event()

    def silent(_: Seen) -> Answer:
        arrived.set()
        enough.wait(10)
        return Raw()

    async def work(transport: AsyncTransport, watched: Watched) -> int:
        task = asyncio.create_task(transport.run(watched.flow(WRITE)))
        await asyncio.to_thread(arrived.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.respond = lambda _: Reply()
        return (await transport.run(exchange(READ))).status

    server.respond = silent
    watched = Watched()
    asynchronous = AsyncDriver(Endpoint(server.url, {}, ()), BackendSettings(base_url=server.url), lambda _: None)
    try:
        assert asynchronous.runner.run(work(asynchronous.transport, watched)) == 200
    finally:
        enough.set()
        asynchronous.close()
    assert watched.ended == "closed"


# How a stop ends it


def test_what_can_be_cut_is_not_given_back_while_it_is_cut() -> None:
    stop, cutting, given_back = Stop(), threading.Event(), threading.Event()
    too_late: list[bool] = []

    def cut() -> None:
        cutting.set()
        too_late.append(given_back.wait(0.2))

    thread = threading.Thread(target=stop.now)
    with pytest.raises(Unavailable), stop.able(cut):
        thread.start()
        assert cutting.wait(10)
    given_back.set()
    thread.join()

    assert too_late == [False]


def test_a_lane_that_was_cut_is_not_used_again_though_the_answer_had_come() -> None:
    closed: list[object] = []
    lanes, stop = Lanes(object, closed.append, 1), Stop()
    with pytest.raises(Unavailable, match="stopped"), lanes.taken(0) as first, stop.able(lambda: None):
        stop.now()

    with lanes.taken(0) as second:
        assert closed == [first] != [second]


# Clients of others


def test_of_an_injected_client_no_error_proves_that_nothing_was_sent() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused, says somebody else's transport")

    settings = BackendSettings(base_url="https://api.example.com")
    with httpx.Client(transport=httpx.MockTransport(refuse)) as client:
        transport = Transport("main", Endpoint(settings.base_url, {}, ()), settings, client=client)
        with pytest.raises(OutcomeUnknown):
            transport.run(exchange(WRITE))


def test_an_injected_client_is_used_and_left_open() -> None:
    settings = BackendSettings(base_url="https://api.example.com")
    with httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, text=str(request.url)))) as client:
        transport = Transport("main", Endpoint(settings.base_url, {}, ()), settings, client=client)
        assert transport.run(exchange(READ)).body.startswith(b"https://api.example.com/things/")
        transport.close()
        assert not client.is_closed
