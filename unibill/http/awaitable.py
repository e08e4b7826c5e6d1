"""The awaitable transport and its driver."""

from collections.abc import Awaitable as Waits
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import httpx

from unibill.errors import BackendError
from unibill.flow import Flow, Request, Response, Sleep
from unibill.http.addresses import check_base_url, proxy_to
from unibill.http.ahead import Ahead, InLoop, InThreads
from unibill.http.awaitable_lanes import AsyncLanes
from unibill.http.blocking import Transport
from unibill.http.driving import Keep, Runs, Stop, Watch, is_first_byte, waits
from unibill.http.messages import AsyncIncoming, Outgoing, async_incoming, is_untouched
from unibill.http.preparing import ONE, TROUBLE, Observe, Prepared, check_headers, ignore, tls
from unibill.pacing import Turn
from unibill.provider import BackendSettings, Endpoint
from unibill.redact import Redactor, guard

if TYPE_CHECKING:
    from unibill.http.quick import Awaitable
    from unibill.telemetry import Within

T = TypeVar("T")


class _Lane:
    """One connection; see ``blocking.Lane``."""

    def __init__(self, proxy: str | None) -> None:
        from unibill.http.connection import AsyncSingle  # here, because a program that only connects later starts without it

        self._transport = httpx.AsyncHTTPTransport(verify=tls(), limits=ONE, proxy=proxy)
        self._single = AsyncSingle(tls()) if proxy is None else None
        inside: Any = self._transport
        if self._single is not None and hasattr(inside, "_pool"):
            inside._pool = self._single  # noqa: SLF001 - there is no public way

    async def send(self, request: Outgoing) -> AsyncIncoming:
        """Send a request, through the method that cassettes put themselves in place of, if one has."""
        if self._single is not None and is_untouched(httpx.AsyncHTTPTransport.handle_async_request, "httpx"):
            return await self._single.send(request)
        return async_incoming(await self._transport.handle_async_request(request.as_httpx()))

    async def free(self) -> None:
        """Close the connection: another one takes its place."""
        await self._transport.aclose()
        if self._single is not None:
            await self._single.aclose()


def _quick(settings: BackendSettings, proxy: str | None) -> "Awaitable":
    from unibill.http.quick import Awaitable  # here, because it is an extra

    return Awaitable(settings, proxy)


async def _sleep(seconds: float) -> None:
    if waits():
        await anyio.sleep(seconds)


def _watch_async(turn: Turn, ready: Callable[[Iterator[float]], Waits[None]]) -> Watch:
    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if is_first_byte(event, info):
            await ready(turn.leaves())

    return {"trace": trace} if turn.is_watched else {}


class AsyncTransport:
    """Sends requests of one backend, awaitable. Arguments and errors as of ``Transport``."""

    def __init__(
        self,
        backend: str,
        endpoint: Endpoint,
        settings: BackendSettings,
        *,
        client: httpx.AsyncClient | None = None,
        observe: Observe = ignore,
    ) -> None:
        guard(self, endpoint.secrets)
        check_base_url(endpoint.base_url)
        check_headers(endpoint)
        proxy = proxy_to(endpoint.base_url) if client is None else None
        self._client = client
        self._quick = _quick(settings, proxy) if client is None and settings.transport == "pyreqwest" else None
        self._lanes: AsyncLanes[_Lane | Awaitable] = AsyncLanes(
            lambda: self._quick or _Lane(proxy), lambda lane: lane.free(), settings.concurrency
        )
        proves_unsent = client is None and self._quick is None
        self._prepared = Prepared(backend, endpoint, settings, observe, proves_unsent, Redactor(endpoint.secrets))
        self._runs = Runs(backend, endpoint, settings)
        threaded = settings.model_copy(update={"transport": "httpx"})
        self._blocking = Transport(backend, endpoint, threaded, observe=observe, runs=self._runs)
        from concurrent.futures import ThreadPoolExecutor  # here, because blocking programs start without it

        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="unibill-ahead")

    async def send(self, request: Request) -> Response:
        """Send one request; see ``Transport.send``."""
        prepared = self._prepared
        prepared.check(request)
        turn = self._runs.turn(request)
        deadline = anyio.CancelScope()

        async def ready(waits: Iterator[float]) -> None:
            for seconds in waits:
                deadline.deadline += seconds
                await _sleep(seconds)

        watch = _watch_async(turn, ready)
        try:
            if self._client is not None:
                await ready(turn.waits())
                with anyio.fail_after(prepared.settings.deadline) as deadline:
                    given = await self._client.send(prepared.given(request, self._client, watch), stream=True, follow_redirects=False)
                    answer = await self._take(request, async_incoming(given), turn)
            else:
                outgoing = prepared.outgoing(request, watch)
                async with self._lanes.taken(prepared.patience_for_lane(turn)) as lane:
                    await ready(turn.waits())
                    with anyio.fail_after(prepared.settings.deadline) as deadline:
                        answer = await self._take(request, await lane.send(outgoing), turn)
        except TimeoutError as error:
            late = prepared.too_slow(request)
            prepared.settled(request, turn.began, None, late.message)
            raise late from error
        except TROUBLE as error:
            failure = prepared.failure(request, error, turn.began)
            prepared.settled(request, turn.began, None, str(failure))
            raise failure from error
        except BackendError as error:
            prepared.settled(request, turn.began, None, error.message)
            raise
        prepared.settled(request, turn.began, answer.status)
        return answer

    async def _take(self, request: Request, answer: AsyncIncoming, turn: Turn) -> Response:
        prepared = self._prepared
        try:
            body = prepared.body(request, answer)
            if answer.unpacked is not None:
                body.take_unpacked(answer.unpacked)
            else:
                async for chunk in answer.chunks:
                    body.take(chunk)
                    prepared.in_time(request, turn.began)
            return Response(answer.status, answer.headers, body.whole())
        finally:
            await answer.close()

    async def run(self, flow: Flow[T], keep: Keep | None = None) -> T:
        """Drive a flow to its value; see ``Transport.run``."""
        layered = self._runs.layered(flow)
        try:
            item = next(layered)
            while True:
                reply: Response | None = None
                try:
                    if isinstance(item, Request):
                        reply = await self.send(item)
                    elif isinstance(item, Sleep):
                        await _sleep(item.seconds)
                    elif keep is not None:
                        keep(item)
                except BackendError as error:
                    item = layered.throw(error)
                else:
                    item = layered.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        except BackendError as error:
            self._runs.name(error)
            raise
        finally:
            layered.close()

    def ahead(self, most: int, inside: "Within") -> Ahead:
        """What drives flows that read, ahead of their reader: in threads, so that answers come while the event loop is busy with those before.

        With a client of the caller's, or connections that need no thread, they are driven in the event loop.

        Args:
            most: how many at once.
            inside: the operation that they are a part of.
        """
        if self._client is not None or self._quick is not None:
            return InLoop(inside.awaitable(self.run), most)

        def drive(flow: Flow[T], stop: Stop) -> T:
            return self._blocking.ended_by(stop, inside)(flow)

        return InThreads(drive, self._threads, self._lanes.room, min(most, self._prepared.settings.concurrency))

    async def close(self) -> None:
        """Close the connections, if they are our own."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._blocking.close()
        await self._lanes.close()
        if self._quick is not None:
            await self._quick.close()
