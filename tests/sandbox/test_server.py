import asyncio
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from threading import Thread
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from unibill import exactjson
from unibill.sandbox import Sandbox, SandboxSystem, Serving


def test_systems_are_mounted_below_their_names(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed("generated", 2)

    assert http.get("/notes/v1/notes").json() == [{"id": 1, "Amount": 1}, {"id": 2, "Amount": 2}]
    assert http.get("/v1/notes").status_code == 404
    assert http.get("/nothing").status_code == 404


def test_backends_name_the_url_and_each_systems_settings(serving: Serving, http: httpx.Client) -> None:
    assert serving.backends == {"url": serving.url, "notes": {"base_url": f"{serving.url}/notes/v1", "token": "t"}}
    assert http.get("/_sandbox/backends").json() == serving.backends


def test_an_answer_without_a_body_is_sent_at_once(http: httpx.Client) -> None:
    answers = [http.head("/"), http.head("/"), http.get("/nothing")]

    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert answers[0].content == b""


def test_the_app_answers_in_process_without_a_socket(sandbox: Sandbox) -> None:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://sandbox") as client:
            return await client.post("/notes/v1/notes", json={"amount": 5})

    assert asyncio.run(ask()).status_code == 201
    assert sandbox.books() == [{"system": "notes", "type": "note", "id": 1, "amount": Decimal(5)}]


def test_a_handler_that_raises_leaves_nothing_behind(sandbox: Sandbox) -> None:
    async def ask() -> int:
        transport = httpx.ASGITransport(sandbox.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return (await client.post("/notes/v1/broken")).status_code

    assert asyncio.run(ask()) == 500
    assert sandbox.books() == []
    assert [entry.status for entry in sandbox.requests()] == [500]


def test_a_refusal_answers_and_rolls_back(http: httpx.Client, sandbox: Sandbox) -> None:
    answer = http.post("/notes/v1/refused")

    assert (answer.status_code, answer.text) == (409, "no")
    assert sandbox.books() == []


def test_a_handler_that_waits_is_an_error_and_leaves_nothing_behind(notes: type[SandboxSystem]) -> None:
    class Waiting(notes):  # type: ignore[valid-type, misc]  # the base is a fixture's value
        def routes(self) -> list[Route]:
            return [Route("/wait", self._wait, methods=["POST"])]

        async def _wait(self, _: Request) -> Response:
            self.database.execute("INSERT INTO notes_notes (amount) VALUES ('1')")
            await asyncio.sleep(0)
            return Response()

    async def ask(sandbox: Sandbox) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://sandbox") as client:
            await client.post("/notes/wait")

    with Sandbox([Waiting]) as sandbox:
        with pytest.raises(RuntimeError, match="waited"):
            asyncio.run(ask(sandbox))
        assert sandbox.books() == []


def test_reset_empties_the_books_the_log_and_the_faults(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed("generated", 3)
    sandbox.faults([{"kind": "status-500"}])
    http.get("/notes/v1/notes")

    assert http.post("/_sandbox/reset").status_code == 204
    assert sandbox.books() == []
    assert sandbox.requests() == []
    assert http.get("/notes/v1/notes").status_code == 200


def test_seed_by_http_takes_the_three_kinds(http: httpx.Client, sandbox: Sandbox) -> None:
    assert http.post("/_sandbox/seed", json={"kind": "generated", "count": 2}).status_code == 204
    records = b'{"kind": "records", "records": [{"system": "notes", "type": "note", "amount": 10.10}]}'
    assert http.post("/_sandbox/seed", content=records).status_code == 204
    assert http.post("/_sandbox/seed", json={"kind": "documented"}).status_code == 204

    assert [str(row["amount"]) for row in sandbox.books()] == ["1", "2", "10.10"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "truncated"),
        (b'{"kind": "some"}', "kind"),
        (b'{"kind": "generated", "number": 3}', "number"),
        (b'{"kind": "records", "records": [{"system": "other"}]}', "no system other here; there are: notes"),
        (b'{"systems": ["other"]}', "no system other here"),
    ],
)
def test_a_bad_seed_is_refused_with_the_reason(http: httpx.Client, body: bytes, message: str) -> None:
    answer = http.post("/_sandbox/seed", content=body)

    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_books_by_http_are_json_lines_with_every_digit(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed("records", records=[{"system": "notes", "amount": "12345678901234567.89"}, {"system": "notes", "amount": "10.10"}])

    answer = http.get("/_sandbox/books")

    assert answer.headers["content-type"].startswith("application/jsonl")
    assert [exactjson.loads(line) for line in answer.content.splitlines()] == sandbox.books()
    assert b'"amount":12345678901234567.89' in answer.content
    assert b'"amount":10.10' in answer.content


def test_requests_are_logged_without_headers_and_bodies(http: httpx.Client) -> None:
    http.get("/notes/v1/notes", params={"page": "2"}, headers={"Authorization": "Basic c2VjcmV0"})

    answer = http.get("/_sandbox/requests")
    (entry,) = answer.json()
    assert entry.pop("time") > 0
    assert entry == {
        "number": 1,
        "system": "notes",
        "method": "GET",
        "path": "/notes/v1/notes",
        "query": "page=2",
        "status": 200,
        "fault": None,
    }
    assert "c2VjcmV0" not in answer.text


def test_the_request_log_is_bounded_and_its_numbers_go_on(notes: type[SandboxSystem]) -> None:
    with (
        Sandbox([notes], log_size=2) as sandbox,
        sandbox.serve() as serving,
        httpx.Client(base_url=serving.url, trust_env=False) as client,
    ):
        for _ in range(3):
            client.get("/notes/v1/notes")
        assert [entry.number for entry in sandbox.requests()] == [2, 3]


def test_a_file_database_survives_a_restart(notes: type[SandboxSystem], tmp_path: Path) -> None:
    file = tmp_path / "sandbox.db"
    with Sandbox([notes], database=file) as first:
        first.seed("generated", 2)
    with Sandbox([notes], database=file) as second:
        assert len(second.books()) == 2


def test_switches_reach_their_system_and_can_be_read(notes: type[SandboxSystem]) -> None:
    with (
        Sandbox([notes], switches={"notes": {"envelope": "on"}}) as sandbox,
        sandbox.serve() as serving,
        httpx.Client(base_url=serving.url, trust_env=False) as client,
    ):
        assert client.get("/_sandbox/switches").json() == {"notes": {"envelope": "on"}}
        assert client.get("/notes/v1/notes").json() == {"items": [], "listCompleted": True}


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"notes": {"envelop": "on"}}, "has no switch 'envelop'; it has: envelope"),
        ({"notes": {"envelope": "maybe"}}, "takes off, on; not 'maybe'"),
        ({"others": {}}, "switches for others, which is not among the systems: notes"),
    ],
)
def test_an_unknown_switch_or_value_or_system_is_refused(
    notes: type[SandboxSystem], switches: dict[str, dict[str, str]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Sandbox([notes], switches=switches)


def test_two_systems_of_one_name_are_refused(notes: type[SandboxSystem]) -> None:
    with pytest.raises(ValueError, match="two systems of one name"):
        Sandbox([notes, notes])


def test_a_system_can_be_made_by_a_function(notes: type[SandboxSystem]) -> None:
    def make(database: sqlite3.Connection, _: object) -> SandboxSystem:
        return notes(database, {"envelope": "on"})

    with Sandbox({"notes": make}) as sandbox:
        assert sandbox.switches() == {"notes": {"envelope": "on"}}


def test_a_port_that_is_taken_is_an_error(serving: Serving, sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="in use"), sandbox.serve(int(serving.url.rpartition(":")[2])):
        pass


def test_requests_and_python_calls_from_many_threads_lose_nothing(http: httpx.Client, sandbox: Sandbox) -> None:
    def post() -> None:
        for _ in range(25):
            http.post("/notes/v1/notes", json={"amount": 1}).raise_for_status()

    def seed() -> None:
        for _ in range(25):
            sandbox.seed("generated", 1)

    threads = [Thread(target=work) for work in (post, post, seed, seed)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sandbox.books()) == 100


def test_run_serves_in_the_foreground_until_it_is_interrupted(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        dedent("""
        import os, signal, urllib.request
        from threading import Thread
        from unibill.sandbox import Sandbox

        def visit(url: str) -> None:
            with urllib.request.urlopen(url + "/_sandbox/books") as answer:
                print(answer.status, flush=True)
            os.kill(os.getpid(), signal.SIGINT)

        with Sandbox([]) as sandbox:
            try:
                sandbox.run(ready=lambda url: Thread(target=visit, args=[url]).start())
            except KeyboardInterrupt:
                print("interrupted")
        """)
    )
    done = subprocess.run([sys.executable, "-W", "error", program], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - our own program
    assert (done.stdout, done.stderr) == ("200\ninterrupted\n", "")


def test_stopping_does_not_wait_for_a_slow_answer(notes: type[SandboxSystem], caplog: pytest.LogCaptureFixture) -> None:
    outcome: list[Any] = []

    def ask(url: str) -> None:
        try:
            outcome.append(httpx.get(f"{url}/notes/v1/notes", trust_env=False, timeout=60))
        except httpx.TransportError as error:
            outcome.append(error)

    with Sandbox([notes]) as sandbox:
        sandbox.faults([{"kind": "latency", "seconds": 3600}])
        with sandbox.serve() as serving:
            thread = Thread(target=ask, args=[serving.url])
            thread.start()
            while not sandbox.fault_report()[0]["used"]:
                pass
        thread.join()

    assert isinstance(outcome[0], httpx.TransportError)
    assert caplog.records == []
