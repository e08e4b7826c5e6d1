"""OpenTelemetry: what an app's own exporter is given, and that nothing of it is there where the library is not."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from unibill_billagain.sandbox import BillAgainSandbox

import unibill
from tests.support.facades import Facade
from unibill import CreditDraft
from unibill.plugins import load
from unibill.sandbox import Sandbox
from unibill.sandbox.faults import Fault

KEY = "sandbox-key"


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


class Seen:
    """What the app's exporters were given."""

    def __init__(self, spans: InMemorySpanExporter, numbers: InMemoryMetricReader) -> None:
        self._spans = spans
        self._numbers = numbers

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._spans.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def below(self, parent: ReadableSpan) -> list[ReadableSpan]:
        return [span for span in self.spans if span.parent is not None and span.parent.span_id == id_of(parent)]

    def points(self, name: str) -> list[Any]:
        """The data points of a metric."""
        found = self._numbers.get_metrics_data()
        every = [one for resource in found.resource_metrics for scope in resource.scope_metrics for one in scope.metrics] if found else []
        return [point for one in every if one.name == name for point in one.data.data_points]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracers)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", MeterProvider([reader]))
    return Seen(exporter, reader)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([BillAgainSandbox], switches={"billagain": {"empty-allocations": "accept"}}) as sandbox:
        sandbox.seed("documented")
        sandbox.seed("generated", 30, 1)
        yield sandbox


@pytest.fixture(scope="module")
def settings(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    with sandbox.serve() as server:
        yield dict(sandbox.client_settings(server.url)["billagain"])


Connect = Callable[..., Facade]


@pytest.fixture(params=["blocking", "awaitable"])
def facade(request: pytest.FixtureRequest, settings: dict[str, Any], seen: Seen) -> Iterator[Connect]:
    """Connects, on either driver, with more settings."""
    del seen
    opened: list[Facade] = []

    def connect(**more: object) -> Facade:
        made = load("billagain").Settings(**{**settings, **more})
        connected = unibill.connect(made, name="main") if request.param == "blocking" else unibill.aconnect(made, name="main")
        opened.append(Facade(connected))
        return opened[-1]

    yield connect
    for one in opened:
        one.__exit__(None, None, None)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_each_operation_is_a_span_with_its_requests_below(facade: Connect, seen: Seen) -> None:
    billing = facade()
    credit = billing.call(
        lambda one: one.credits.create(CreditDraft(account_id="269", currency="ZAR", amount=Decimal("12.50")), key="otel")
    )
    billing.call(lambda one: one.credits.get(credit.id))
    billing.call(lambda one: one.credits.find(key="otel", account="269"))
    billing.call(lambda one: one.credits.void(credit))
    assert billing.records(lambda one: one.credits.list("269"))
    operations = [span for span in seen.spans if span.parent is None]
    assert [span.name for span in operations] == ["credits.create", "credits.get", "credits.find", "credits.void", "credits.list(account=)"]
    for span in operations:
        assert attributes(span) == {"unibill.backend": "main", "unibill.provider": "billagain", "unibill.operation": span.name}
        assert seen.below(span)
    assert sum(len(seen.below(span)) for span in operations) + len(operations) == len(seen.spans)


def test_a_request_carries_the_names_of_the_semantic_conventions(facade: Connect, seen: Seen, settings: dict[str, Any]) -> None:
    facade().call(lambda one: one.credits.get("10095"))
    (span,) = [span for span in seen.spans if span.kind is SpanKind.CLIENT]
    found = attributes(span)
    assert span.name == f"GET {found['unibill.operation']}"
    assert (found["http.request.method"], found["http.response.status_code"]) == ("GET", 200)
    assert found["url.full"] == f"{settings['base_url']}/credits/10095"
    assert f"{found['server.address']}:{found['server.port']}" in settings["base_url"]
    assert (span.end_time or 0) >= (span.start_time or 0)
    (point,) = seen.points("http.client.request.duration")
    assert (point.count, point.attributes["http.response.status_code"], point.attributes["unibill.backend"]) == (1, 200, "main")
    assert not {"url.full", "unibill.operation"} & set(point.attributes)


def test_a_retry_is_a_span_of_its_own_and_is_counted(facade: Connect, seen: Seen, sandbox: Sandbox) -> None:
    sandbox.faults([Fault(kind="status-503", count=1)])
    facade().call(lambda one: one.credits.get("10095"))
    first, second = [span for span in seen.spans if span.kind is SpanKind.CLIENT]
    assert (first.status.status_code, attributes(first)["error.type"]) == (StatusCode.ERROR, "503")
    assert "http.request.resend_count" not in attributes(first)
    assert attributes(second)["http.request.resend_count"] == 1
    (operation,) = seen.named("credits.get")
    assert operation.status.status_code is StatusCode.UNSET
    assert [point.value for point in seen.points("unibill.request.retries")] == [1]


def test_a_failure_has_its_type_and_none_of_its_words(facade: Connect, seen: Seen) -> None:
    billing = facade(api_key="another-secret-4711")
    with pytest.raises(unibill.AuthenticationFailed):
        billing.call(lambda one: one.credits.get("10095"))
    (operation,) = seen.named("credits.get")
    assert (operation.status.status_code, operation.status.description) == (StatusCode.ERROR, None)
    assert attributes(operation)["error.type"] == "AuthenticationFailed"
    assert operation.events == ()
    told = "".join(span.to_json() for span in seen.spans)
    assert "another-secret-4711" not in told
    assert "authorization" not in told.lower()


def test_writes_are_counted_by_their_outcome(facade: Connect, seen: Seen) -> None:
    billing = facade()
    billing.call(lambda one: one.credits.create(CreditDraft(account_id="269", currency="ZAR", amount=Decimal(3), number="N1")))
    with pytest.raises(unibill.Rejected):
        billing.call(lambda one: one.credits.create(CreditDraft(account_id="999999", currency="ZAR", amount=Decimal(3), number="N2")))
    counted = {
        (point.attributes["unibill.operation"], point.attributes["unibill.outcome"]): point.value for point in seen.points("unibill.writes")
    }
    assert counted == {("credits.create", "done"): 1, ("credits.create", "rejected"): 1}


def test_pages_that_are_read_ahead_belong_to_their_list_and_their_records_are_counted(facade: Connect, seen: Seen) -> None:
    billing = facade(page_size=5, read_ahead=4)
    records = billing.records(lambda one: one.credits.list())
    (listing,) = seen.named("credits.list")
    requests = [span for span in seen.spans if span.kind is SpanKind.CLIENT]
    assert len(requests) > 4
    assert {span.parent.span_id for span in requests if span.parent} == {id_of(listing)}
    assert sum(cast("int", point.value) for point in seen.points("unibill.records.read")) >= len(records)


def test_what_the_caller_does_between_two_records_is_not_in_the_lists_span(settings: dict[str, Any], seen: Seen) -> None:
    with unibill.connect(load("billagain").Settings(**{**settings, "page_size": 2}), name="main") as billing:
        credits = billing.credits.list()
        next(credits)
        assert not trace.get_current_span().get_span_context().is_valid
        credits.close()
    (listing,) = seen.named("credits.list")
    assert listing.status.status_code is StatusCode.UNSET


def test_without_the_library_nothing_is_different_and_nothing_is_printed(settings: dict[str, Any]) -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import unibill\nfrom unibill.plugins import load\n"
        "with unibill.connect(load('billagain').Settings(**{settings!r})) as billing:\n"
        "    print(billing.credits.get('10095').id, type(billing.core.telemetry).__name__)\n"
    ).replace("{settings!r}", repr(settings))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert (done.stdout, done.stderr) == ("10095 Telemetry\n", "")
