"""The blocking transport and its driver."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from unibill.errors import BackendError
from unibill.flow import Flow, Request, Response, Sleep
from unibill.http.addresses import check_base_url, proxy_to
from unibill.http.deadlines import extend, within
from unibill.http.driving import Keep, Runs, Stop, Watch, is_first_byte, sleep, stopped
from unibill.http.lanes import Lanes
from unibill.http.messages import Incoming, Outgoing, incoming, is_untouched
from unibill.http.preparing import ONE, TROUBLE, Observe, Prepared, check_headers, ignore, log, tls
from unibill.native import Runner
from unibill.pacing import Paces, Permit, Turn, always
from unibill.provider import BackendSettings, Endpoint
from unibill.redact import Redactor, guard

if TYPE_CHECKING:
    from unibill.http.quick import Blocking
    from unibill.telemetry import Within

T = TypeVar("T")


class Lane:
    """One connection, kept to the deadline of the thread that uses it.

    httpx offers no place for that. So a request goes straight over a connection of httpcore's, on which httpx stands, except where
    somebody has put himself in place of httpx's transport: then it goes through there, and the connection is put where httpx
    keeps its pool. A way through a proxy keeps httpx's pool, with the deadline where the pool keeps its network.
    """

    def __init__(self, proxy: str | None) -> None:
        from unibill.http.connection import Bounded, Single  # here, because a program that only connects later starts without it

        self._transport = httpx.HTTPTransport(verify=tls(), limits=ONE, proxy=proxy)
        self._single = Single(tls()) if proxy is None else None
        self._bounded: Bounded | None = None
        inside: Any = self._transport
        if not hasattr(inside, "_pool"):
            log.warning("this httpx keeps its connections elsewhere: what goes through it is bounded by the timeout only")
        elif self._single is not None:
            inside._pool = self._single  # noqa: SLF001 - there is no public way
        else:
            self._bounded = inside._pool._network_backend = Bounded(inside._pool._network_backend)  # noqa: SLF001 - as above

    def send(self, request: Outgoing) -> Incoming:
        """Send a request, through the method that cassettes put themselves in place of, if one has."""
        if self._single is not None and is_untouched(httpx.HTTPTransport.handle_request, "httpx"):
            return self._single.send(request)
        return incoming(self._transport.handle_request(request.as_httpx()))

    def free(self) -> None:
        """Close the connection: another one takes its place."""
        self._transport.close()
        if self._single is not None:
            self._single.close()

    def cut(self) -> None:
        """End what another thread waits for."""
        if (ends := self._single or self._bounded) is not None:
            ends.cut()


def _quick(settings: BackendSettings, proxy: str | None) -> "Blocking":
    from unibill.http.quick import Blocking  # here, because it is an extra

    return Blocking(settings, proxy)


def _watch(turn: Turn, ready: Callable[[Iterator[float]], None]) -> Watch:
    def trace(event: str, info: Mapping[str, Any]) -> None:
        if is_first_byte(event, info):
            ready(turn.leaves())

    return {"trace": trace} if turn.is_watched else {}


class Transport:
    """Sends requests of one backend, blocking. Safe to use from several threads.

    Args:
        backend: its name in the configuration.
        client: an httpx client to use instead of one of our own; it is not closed. No error of it is taken as proof that a
            request was not sent, and only its own timeouts bound the head of an answer, the deadline the body.
        observe: is told of every try.
        runs: the pacing to share with another transport of the same backend.

    Raises:
        ConfigurationError: the base URL is not fit for credentials, or the credentials are not fit for a header.
    """

    def __init__(
        self,
        backend: str,
        endpoint: Endpoint,
        settings: BackendSettings,
        *,
        client: httpx.Client | None = None,
        observe: Observe = ignore,
        runs: "Runs | None" = None,
    ) -> None:
        guard(self, endpoint.secrets)
        check_base_url(endpoint.base_url)
        check_headers(endpoint)
        proxy = proxy_to(endpoint.base_url) if client is None else None
        self._client = client
        self._quick = _quick(settings, proxy) if client is None and settings.transport == "pyreqwest" else None
        self._lanes: Lanes[Lane | Blocking] = Lanes(lambda: self._quick or Lane(proxy), lambda lane: lane.free(), settings.concurrency)
        proves_unsent = client is None and self._quick is None
        self._prepared = Prepared(backend, endpoint, settings, observe, proves_unsent, Redactor(endpoint.secrets))
        self._runs = runs or Runs(backend, endpoint, settings)

    def send(self, request: Request, stop: Stop | None = None) -> Response:
        """Send one request.

        Raises:
            Unavailable: no connection, no answer in time, or a broken one; ``sent`` says whether it may have arrived.
            MalformedResponse: the answer is too large or wrongly compressed.
            UnsupportedOperation: a write to a read-only backend.
            InvalidQuery: ids so long that no address can hold them; nothing was sent.
        """
        prepared = self._prepared
        prepared.check(request)
        turn = self._runs.turn(request)

        def ready(waits: Iterator[float]) -> None:
            for seconds in waits:
                sleep(seconds, stop)
                extend(seconds)
                if stop is not None and stop.asked:
                    raise stopped(request)

        watch = _watch(turn, ready)
        try:
            if self._client is not None:
                ready(turn.waits())
                with within(prepared.settings.deadline):
                    given = self._client.send(prepared.given(request, self._client, watch), stream=True, follow_redirects=False)
                    answer = self._take(request, incoming(given), turn)
            else:
                outgoing = prepared.outgoing(request, watch)
                with self._lanes.taken(prepared.patience_for_lane(turn)) as lane, nullcontext() if stop is None else stop.able(lane.cut):
                    ready(turn.waits())
                    with within(prepared.settings.deadline):
                        answer = self._take(request, lane.send(outgoing), turn)
        except TROUBLE as error:
            failure = prepared.failure(request, error, turn.began)
            prepared.settled(request, turn.began, None, str(failure))
            raise failure from error
        except BackendError as error:
            prepared.settled(request, turn.began, None, error.message)
            raise
        prepared.settled(request, turn.began, answer.status)
        return answer

    def _take(self, request: Request, answer: Incoming, turn: Turn) -> Response:
        prepared = self._prepared
        try:
            body = prepared.body(request, answer)
            if answer.unpacked is not None:
                body.take_unpacked(answer.unpacked)
            else:
                for chunk in answer.chunks:
                    body.take(chunk)
                    prepared.in_time(request, turn.began)
            return Response(answer.status, answer.headers, body.whole())
        finally:
            answer.close()

    def run(self, flow: Flow[T], keep: Keep | None = None, stop: Stop | None = None) -> T:
        """Drive a flow to its value, with retries and pacing.

        Args:
            flow: what to do.
            keep: makes its steps durable.
            stop: with which another thread can end it; then the error is of no meaning.
        """
        layered = self._runs.layered(flow)
        try:
            item = next(layered)
            while True:
                reply: Response | None = None
                try:
                    if isinstance(item, Request):
                        reply = self.send(item, stop)
                    elif isinstance(item, Sleep):
                        sleep(item.seconds, stop)
                    elif keep is not None:
                        keep(item)
                except BackendError as error:
                    if stop is not None and stop.asked:
                        raise
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

    def ended_by(self, stop: Stop, inside: "Within") -> Runner:
        """A driver of flows that another thread can end.

        Args:
            stop: ends what is driven.
            inside: the operation that they are a part of.
        """

        def run(flow: Flow[T], /) -> T:
            return self.run(flow, None, stop)

        return inside.blocking(run)

    def limit(self, pacer: Paces | None, permit: Permit = always) -> None:
        """From now on have requests spaced by another pacer, and ask before each is sent; None keeps the pacer of the settings."""
        self._runs.limit(pacer, permit)

    def close(self) -> None:
        """Close the connections, if they are our own."""
        self._lanes.close()
        if self._quick is not None:
            self._quick.close()
