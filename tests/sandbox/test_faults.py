import asyncio
import time
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibill import exactjson
from unibill.sandbox import ConnectionCut, Fault, Sandbox, SandboxSystem, parse_faults
from unibill.sandbox.faults import KINDS, Answer, FaultList, route_matches

NOTES = "/notes/v1/notes"


def add(http: httpx.Client) -> httpx.Response:
    return http.post(NOTES, json={"amount": 7})


def test_latency_delays_the_answer(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "latency", "seconds": 0.2}])
    begin = time.monotonic()

    assert http.get(NOTES).json() == []
    assert time.monotonic() - begin >= 0.2


def test_429_asks_to_come_back_and_has_no_effect(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "status-429", "retry_after": 3, "count": 1}])

    answer = add(http)

    assert (answer.status_code, answer.headers["retry-after"], answer.content) == (429, "3", b"")
    assert sandbox.books() == []
    assert add(http).status_code == 201


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize(("effect", "records"), [("none", 0), ("done", 1)])
def test_a_server_error_comes_before_or_after_the_effect(
    http: httpx.Client, sandbox: Sandbox, status: int, effect: str, records: int
) -> None:
    sandbox.faults([{"kind": f"status-{status}", "effect": effect}])

    assert add(http).status_code == status
    assert len(sandbox.books()) == records


@pytest.mark.parametrize(("kind", "records"), [("cut-before", 0), ("cut-after", 1)])
def test_a_cut_closes_the_connection_before_or_after_the_effect(
    http: httpx.Client, sandbox: Sandbox, kind: str, records: int, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults([{"kind": kind, "count": 1}])

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        add(http)
    assert len(sandbox.books()) == records
    assert [(entry.status, entry.fault) for entry in sandbox.requests()] == [(None, kind)]
    assert add(http).status_code == 201
    assert caplog.records == []


def test_a_cut_in_process_raises(sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "cut-after"}])

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://sandbox") as client:
            await client.post(NOTES, json={"amount": 1})

    with pytest.raises(ConnectionCut):
        asyncio.run(ask())
    assert len(sandbox.books()) == 1
    assert [entry.status for entry in sandbox.requests()] == [None]


@pytest.mark.parametrize("answer", ["status-502", "cut"])
def test_a_late_effect_happens_after_the_answer(http: httpx.Client, sandbox: Sandbox, answer: str) -> None:
    sandbox.faults([{"kind": "late-effect", "seconds": 0.3, "answer": answer, "count": 1}])

    if answer == "cut":
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            add(http)
    else:
        assert add(http).status_code == 502
    assert sandbox.books() == []

    deadline = time.monotonic() + 5
    while not sandbox.books() and time.monotonic() < deadline:
        http.get(NOTES)
    assert len(sandbox.books()) == 1


@pytest.mark.parametrize(("effect", "records"), [("none", 0), ("done", 1)])
def test_an_html_error_is_not_json(http: httpx.Client, sandbox: Sandbox, effect: str, records: int) -> None:
    sandbox.faults([{"kind": "html-error", "status": 504, "effect": effect}])

    answer = add(http)

    assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html")
    assert answer.text.startswith("<html>")
    assert len(sandbox.books()) == records


def test_truncated_json_is_a_whole_response_with_half_a_document(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed("generated", 3)
    whole = http.get(NOTES).content
    sandbox.faults([{"kind": "truncated-json"}])

    assert http.get(NOTES).content == whole[: len(whole) // 2]


def test_a_slow_body_arrives_whole(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed("generated", 3)
    whole = http.get(NOTES).content
    sandbox.faults([{"kind": "slow-body", "seconds": 0.001}])
    begin = time.monotonic()

    with http.stream("GET", NOTES) as answer:
        pieces = list(answer.iter_raw())

    assert b"".join(pieces) == whole
    assert len(pieces) > 1
    assert time.monotonic() - begin >= 0.001 * len(whole)


@pytest.mark.parametrize("envelope", ["off", "on"])
@pytest.mark.parametrize(
    ("fault", "ids"),
    [
        ({"kind": "duplicate-records", "index": 1}, [1, 2, 2, 3]),
        ({"kind": "skipped-records", "index": 1}, [1, 3]),
        ({"kind": "duplicate-records", "index": 3}, [1, 2, 3]),
    ],
)
def test_records_are_doubled_or_left_out_in_bare_and_wrapped_lists(
    notes: type[SandboxSystem], envelope: str, fault: dict[str, object], ids: list[int]
) -> None:
    with (
        Sandbox([notes], switches={"notes": {"envelope": envelope}}) as sandbox,
        sandbox.serve() as serving,
        httpx.Client(base_url=serving.url, trust_env=False) as client,
    ):
        sandbox.seed("generated", 3)
        sandbox.faults([fault])
        page = client.get(NOTES).json()
        assert [record["id"] for record in (page["items"] if envelope == "on" else page)] == ids


def test_shuffled_records_are_the_same_in_another_order(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed("generated", 5)
    sandbox.faults([{"kind": "shuffled-records"}])

    ids = [record["id"] for record in http.get(NOTES).json()]

    assert sorted(ids) == [1, 2, 3, 4, 5]
    assert ids != [1, 2, 3, 4, 5]


def test_drift_changes_one_amount_from_the_second_reading_on(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed("records", records=[{"system": "notes", "amount": "10.10"}, {"system": "notes", "amount": "10.10"}])
    sandbox.faults([{"kind": "drift", "index": 1, "by": "-0.05", "skip": 1}])

    first, second = (exactjson.loads(http.get(NOTES).content) for _ in range(2))

    assert first == [{"id": 1, "Amount": Decimal("10.10")}, {"id": 2, "Amount": Decimal("10.10")}]
    assert second == [{"id": 1, "Amount": Decimal("10.10")}, {"id": 2, "Amount": Decimal("10.05")}]
    assert len(sandbox.books()) == 2


def test_a_fault_that_does_not_fit_the_answer_is_kept_for_the_next(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "drift", "count": 1}])

    assert add(http).status_code == 201
    assert http.get(NOTES).json() == [{"id": 1, "Amount": 8}]
    assert http.get(NOTES).json() == [{"id": 1, "Amount": 7}]
    assert [entry.fault for entry in sandbox.requests()] == [None, "drift", None]


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (Fault(kind="drift"), 200, b"<html>"),
        (Fault(kind="drift"), 200, b'{"id":1}'),
        (Fault(kind="drift"), 404, b'[{"amount":1}]'),
        (Fault(kind="drift"), 200, b"[1]"),
        (Fault(kind="drift", index=1), 200, b'[{"amount":1}]'),
        (Fault(kind="drift", field="total"), 200, b'[{"amount":1}]'),
        (Fault(kind="drift"), 200, b'[{"amount":"much"}]'),
        (Fault(kind="drift"), 200, b'[{"amount":true}]'),
        (Fault(kind="skipped-records", index=1), 200, b"[1]"),
        (Fault(kind="duplicate-records"), 200, b"[]"),
        (Fault(kind="shuffled-records"), 200, b"[1]"),
        (Fault(kind="shuffled-records"), 200, b"[1,1]"),
        (Fault(kind="truncated-json"), 204, b""),
    ],
)
def test_an_answer_that_a_fault_cannot_spoil_is_left_alone(fault: Fault, status: int, body: bytes) -> None:
    hit = FaultList([fault]).pick("GET", "/x")
    assert hit is not None
    assert hit.spoil(Answer(status, [], body)) is None


def test_drift_keeps_an_amount_that_is_text_a_text() -> None:
    hit = FaultList([Fault(kind="drift", by=Decimal("0.5"))]).pick("GET", "/x")
    assert hit is not None
    spoiled = hit.spoil(Answer(200, [(b"Content-Length", b"19")], b'[{"amount":"10.00"}]'))
    assert spoiled is not None
    assert (spoiled.body, list(spoiled.headers)) == (b'[{"amount":"10.50"}]', [(b"content-length", b"20")])


def test_skip_and_count_choose_which_requests_are_hit() -> None:
    plan = FaultList([Fault(kind="status-500", skip=1, count=2), Fault(kind="status-503", count=1)])
    hits = [plan.pick("GET", "/x") for _ in range(5)]

    assert [hit and hit.fault.kind for hit in hits] == ["status-503", "status-500", "status-500", None, None]


@given(rate=st.floats(0, 1), seed=st.integers(0, 1000))
def test_the_draws_of_a_rate_repeat_with_their_seed(rate: float, seed: int) -> None:
    plans = [FaultList([Fault(kind="status-500", rate=rate, random_seed=seed)]) for _ in range(2)]
    draws = [[plan.pick("GET", "/x") is not None for _ in range(50)] for plan in plans]

    assert draws[0] == draws[1]
    assert (rate > 0 or not any(draws[0])) and (rate < 1 or all(draws[0]))


@pytest.mark.parametrize(
    ("route", "method", "path", "fits"),
    [
        ("* /**", "GET", "/notes/v1/notes", True),
        ("POST /notes/v1/notes", "POST", "/notes/v1/notes", True),
        ("POST /notes/v1/notes", "GET", "/notes/v1/notes", False),
        ("GET /notes/*/notes", "GET", "/notes/v1/notes", True),
        ("GET /notes/*", "GET", "/notes/v1/notes", False),
        ("GET /notes/**", "GET", "/notes/v1/notes", True),
        ("GET /notes/**", "GET", "/notes", True),
        ("GET /notes/**/x", "GET", "/notes/1/2/x", True),
        ("GET /no.es", "GET", "/notes", False),
        ("GET /note*", "GET", "/notes", True),
    ],
)
def test_routes_of_faults_are_globs_over_segments(route: str, method: str, path: str, fits: bool) -> None:
    assert route_matches(route, method, path) is fits


def test_only_the_route_named_is_hit(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "status-500", "route": "POST /notes/v1/notes"}])

    assert http.get(NOTES).status_code == 200
    assert add(http).status_code == 500


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "faults are a list"),
        ([{"kind": "flood"}], "0.kind: Input should be 'latency'"),
        ([{}], "0.kind: Field required"),
        ([{"kind": "latency"}, {"kind": "cut-after", "seconds": 3}], "1: a fault of kind cut-after takes no seconds"),
        ([{"kind": "latency", "rate": 2}], "0.rate: Input should be less than or equal to 1"),
        ([{"kind": "latency", "route": "/x"}], "route '/x' is not a method"),
        ([{"kind": "latency", "delay": 1}], "0.delay: Extra inputs are not permitted"),
        ([{"kind": "drift", "by": "NaN"}], "0.by"),
    ],
)
def test_a_list_of_faults_that_makes_no_sense_is_refused_with_the_place(http: httpx.Client, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        parse_faults(value)
    assert message in str(caught.value)
    answer = http.post("/_sandbox/faults", json=value)
    assert (answer.status_code, answer.json()["error"]) == (400, str(caught.value))


def test_refused_faults_leave_those_in_force(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "status-503", "count": 4}])
    http.post("/_sandbox/faults", json=[{"kind": "flood"}])
    http.get(NOTES)

    assert http.get("/_sandbox/faults").json() == [{"kind": "status-503", "route": "* /**", "count": 4, "used": 1}]


def test_an_empty_list_clears_the_faults(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "status-503"}])
    assert http.post("/_sandbox/faults", json=[]).status_code == 204
    assert http.get(NOTES).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_valid_fault_with_no_more_than_its_name(kind: str) -> None:
    (fault,) = parse_faults([{"kind": kind}])
    assert fault.kind == kind
