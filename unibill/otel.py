"""OpenTelemetry: a span for each operation of the facade and for each try of a request, and what can be counted.

Imported only where the library's API is installed. Attributes hold names, numbers and redacted addresses; never a header, a
query, a body, or what an error says.
"""

import time
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit

from opentelemetry import metrics, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from unibill.events import PageRead, RequestSettled, WriteSettled
from unibill.flow import Flow
from unibill.hookspecs import hookimpl
from unibill.native import AsyncRunner, Runner
from unibill.telemetry import Telemetry, Within
from unibill.version import __version__

T = TypeVar("T")
Attributes = dict[str, str | int]
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The buckets that the semantic conventions advise for the duration of HTTP requests."""
_FAILED: Final = 400
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class OpenTelemetry(Telemetry):
    """Spans and metrics of one backend, with whatever tracer and meter the app has set up."""

    def __init__(self, backend: str, provider: str, base_url: str) -> None:
        self.observers = (self,)
        self._ours: Attributes = {"unibill.backend": backend, "unibill.provider": provider}
        url = urlsplit(base_url)
        self._base_url = base_url
        self._server: Attributes = {"server.address": url.hostname or "", "server.port": url.port or _DEFAULT_PORTS.get(url.scheme, 0)}
        self._tracer = trace.get_tracer("unibill", __version__)
        meter = metrics.get_meter("unibill", __version__)
        self._duration = meter.create_histogram(
            "http.client.request.duration", "s", "Duration of HTTP client requests.", explicit_bucket_boundaries_advisory=_SECONDS
        )
        self._retries = meter.create_counter("unibill.request.retries", "{retry}", "Requests that were sent again.")
        self._records = meter.create_counter("unibill.records.read", "{record}", "Records on the pages of lists.")
        self._writes = meter.create_counter("unibill.writes", "{write}", "Writes, by their outcome.")

    @contextmanager
    def operation(self, name: str) -> Generator[Span, None, None]:
        """A span around an operation; requests inside it are its children."""
        with self.listing(name) as within, within.current():
            yield within.span

    @contextmanager
    def listing(self, name: str) -> "Generator[_InSpan, None, None]":
        """A span around a list; the current one only while a page is read, never while the caller has the floor."""
        span = self._tracer.start_span(str(name), attributes={**self._ours, "unibill.operation": str(name)})
        try:
            yield _InSpan(span)
        except GeneratorExit:
            raise
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()

    @hookimpl
    def unibill_request_settled(self, event: RequestSettled) -> None:
        """A span for the try, put where it was: observers are told when it is over."""
        http: Attributes = {"http.request.method": event.method, **self._server}
        if event.status is not None:
            http["http.response.status_code"] = event.status
        failed = event.status is None or event.status >= _FAILED
        if failed:
            http["error.type"] = "no_answer" if event.status is None else str(event.status)
        self._duration.record(event.seconds, {**self._ours, **http})
        own: Attributes = {"unibill.operation": str(event.operation), "url.full": self._base_url + event.path}
        if event.attempt > 1:
            own["http.request.resend_count"] = event.attempt - 1
            self._retries.add(1, {**self._ours, "unibill.operation": str(event.operation)})
        now = time.time_ns()
        span = self._tracer.start_span(
            f"{event.method} {event.operation}",
            kind=SpanKind.CLIENT,
            attributes={**self._ours, **http, **own},
            start_time=now - round(event.seconds * 1_000_000_000),
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)

    @hookimpl
    def unibill_page_read(self, event: PageRead) -> None:
        """Count the records of a page."""
        self._records.add(event.records, {**self._ours, "unibill.operation": str(event.operation)})

    @hookimpl
    def unibill_write_settled(self, event: WriteSettled) -> None:
        """Count a write by its outcome."""
        self._writes.add(1, {**self._ours, "unibill.operation": str(event.operation), "unibill.outcome": event.outcome})


class _InSpan(Within):
    """Runs flows with a span as the current one, in whatever thread or task they run."""

    def __init__(self, span: Span) -> None:
        self.span = span

    @contextmanager
    def current(self) -> Generator[None, None, None]:
        with trace.use_span(self.span, record_exception=False, set_status_on_exception=False):
            yield

    def blocking(self, run: Runner) -> Runner:
        def inside(flow: Flow[T], /) -> T:
            with self.current():
                return run(flow)

        return inside

    def awaitable(self, run: AsyncRunner) -> AsyncRunner:
        async def waited(flow: Flow[T], /) -> T:
            with self.current():
                return await run(flow)

        def inside(flow: Flow[T], /) -> Awaitable[T]:
            return waited(flow)

        return inside
