"""A cassette answers only what was recorded, digit for digit, and says what differs."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.server import Reply, Server
from unibill.testing.cassettefile import BrokenCassette
from unibill.testing.recorder import CassetteMismatch, CassetteMissing, Provenance, Recorder, Tape, provenance_of

SANDBOX = Provenance("sandbox", "2026-11-23", "made up")
HERE = "https://made-up.example"
Ask = Callable[[], object]


def post(base: str, body: str, path: str = "/v1/credits", query: str = "?a=1&b=2", method: str = "POST") -> bytes:
    with httpx.Client(trust_env=False) as client:
        return client.request(method, base + path + query, content=body, headers={"content-type": "application/json"}).content


@pytest.fixture
def file(server: Server, tmp_path: Path) -> Path:
    """A cassette of one POST of 10.10."""
    server.script(Reply(201, b'{"Amount": 10.10, "big": 12345678901234567.89}', {"content-type": "application/json"}))
    made = tmp_path / "folder" / "x.yaml"
    with Recorder(rename={server.url: HERE}).use(made, record=True) as tape:
        tape.describe(SANDBOX)
        post(server.url, '{"Amount": 10.10, "n": 1}')
    return made


def test_a_replay_gives_the_digits_that_came(file: Path) -> None:
    with Recorder().use(file) as tape:
        assert post(HERE, '{"n":1,"Amount":10.10}') == b'{"Amount":10.10,"big":12345678901234567.89}'
        assert not tape.recording


@pytest.mark.parametrize(
    ("ask", "differs"),
    [
        (lambda: post(HERE, '{"Amount": 10.1, "n": 1}'), "+  Amount: 10.1\n"),
        (lambda: post(HERE, '{"Amount": 10.10, "n": 1.0}'), "+  n: 1.0"),
        (lambda: post(HERE, '{"Amount": 10.10, "n": true}'), "+  n: true"),
        (lambda: post(HERE, '{"Amount": "10.10", "n": 1}'), '+  Amount: "10.10"'),
        (lambda: post(HERE, '{"Amount": 10.10}'), "-  n: 1"),
        (lambda: post(HERE, ""), "body"),
        (lambda: post(HERE, '{"Amount": 10.10, "n": 1}', method="PUT"), "method: POST was recorded, PUT was asked for"),
        (lambda: post("https://other.example", '{"Amount": 10.10, "n": 1}'), "host: https://made-up.example was recorded"),
        (lambda: post("http://made-up.example", '{"Amount": 10.10, "n": 1}'), "host: https://made-up.example was recorded"),
        (lambda: post(HERE, '{"Amount": 10.10, "n": 1}', path="/v1//credits"), "path: /v1/credits was recorded"),
        (lambda: post(HERE, '{"Amount": 10.10, "n": 1}', query="?a=1&b=3"), "query:"),
        (lambda: post(HERE, '{"Amount": 10.10, "n": 1}', query="?a=1&b=2&c="), "query:"),
    ],
    ids=[
        "a zero",
        "a fraction",
        "a bool",
        "a text",
        "a missing field",
        "no body",
        "method",
        "host",
        "scheme",
        "path",
        "query",
        "empty query",
    ],
)
def test_what_differs_finds_no_answer_and_is_shown(file: Path, ask: Ask, differs: str) -> None:
    with pytest.raises(CassetteMismatch) as raised, Recorder().use(file):
        ask()
    assert differs in str(raised.value) + "\n"


def test_one_recording_answers_one_request(file: Path) -> None:
    with pytest.raises(CassetteMismatch, match="as often as it was recorded"), Recorder().use(file):
        post(HERE, '{"Amount": 10.10, "n": 1}')
        post(HERE, '{"Amount": 10.10, "n": 1}')


def test_an_exchange_that_nobody_asked_for_fails(file: Path) -> None:
    with pytest.raises(CassetteMismatch, match="nobody asked for it: POST https://made-up"), Recorder().use(file):
        pass


def test_a_refusal_that_the_code_under_test_swallowed_fails_all_the_same(file: Path) -> None:
    def swallow() -> None:
        try:
            post(HERE, "{}")
        except AssertionError:
            return

    with pytest.raises(CassetteMismatch, match="has no answer to POST"), Recorder().use(file):
        post(HERE, '{"Amount": 10.10, "n": 1}')
        swallow()


def test_another_client_and_another_colour_of_function_replay_the_same(file: Path) -> None:
    async def ask() -> bytes:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.post(HERE + "/v1/credits?a=1&b=2", content='{"Amount": 10.10, "n": 1}')).content

    with Recorder().use(file):
        assert asyncio.run(ask()).startswith(b'{"Amount":10.10')


def test_nothing_to_replay_is_an_error_that_says_how_to_record(tmp_path: Path) -> None:
    with pytest.raises(CassetteMissing, match="--unibill-record"), Recorder().use(tmp_path / "none.yaml"):
        pass


def test_recording_replaces_what_was_there_and_a_failure_keeps_it(file: Path, server: Server) -> None:
    before = file.read_text()

    def record(fail: bool) -> None:
        server.script(Reply(200, b"[]"))
        with Recorder(rename={server.url: HERE}).use(file, record=True) as tape:
            tape.describe(SANDBOX)
            post(server.url, "{}")
            if fail:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        record(fail=True)
    assert file.read_text() == before
    record(fail=False)
    assert "Amount" not in file.read_text()


def test_a_discarded_recording_is_not_written(server: Server, tmp_path: Path) -> None:
    server.script(Reply())
    with Recorder().use(tmp_path / "x.yaml", record=True) as tape:
        post(server.url, "{}")
        tape.discard()
    assert not (tmp_path / "x.yaml").exists()


def test_a_cassette_typed_by_hand_is_not_recorded_over(file: Path) -> None:
    file.write_text(file.read_text().replace("evidence: sandbox", "evidence: documented-shape"))
    with pytest.raises(RuntimeError, match="typed by hand"), Recorder().use(file, record=True):
        pass


def test_one_cassette_at_a_time(file: Path) -> None:
    def open_second(_: Tape) -> None:
        with Recorder().use(file):
            pass

    with pytest.raises(RuntimeError, match="one cassette at a time"), Recorder().use(file) as tape:
        open_second(tape)
    with Recorder().use(file):
        post(HERE, '{"Amount": 10.10, "n": 1}')


def test_the_time_of_the_recording_is_kept_for_clocks(server: Server, tmp_path: Path) -> None:
    server.script(Reply())
    with Recorder(rename={server.url: HERE}).use(tmp_path / "x.yaml", record=True) as tape:
        tape.describe(SANDBOX)
        then = tape.now()
        post(server.url, "{}")
    with Recorder().use(tmp_path / "x.yaml") as tape:
        assert tape.now() == then
        assert tape.provenance == SANDBOX
        post(HERE, "{}")


def test_a_note_that_was_never_taken_is_missed(file: Path) -> None:
    with pytest.raises(Exception, match="clock"), Recorder().use(file) as tape:
        tape.note("clock", 1)


def test_a_cassette_that_does_not_say_where_it_comes_from_is_refused(file: Path) -> None:
    file.write_text("cassette: 1\ninteractions: []\n")
    with pytest.raises(BrokenCassette, match="does not say where it comes from"):
        provenance_of(file)


def test_a_compressed_answer_is_recorded_readable(server: Server, tmp_path: Path) -> None:
    import gzip

    server.script(Reply(200, gzip.compress(b'{"a":1.50}'), {"content-type": "application/json", "content-encoding": "gzip"}))
    with Recorder(rename={server.url: HERE}).use(tmp_path / "x.yaml", record=True) as tape:
        tape.describe(SANDBOX)
        assert post(server.url, "{}") == b'{"a":1.50}'
    assert "a: 1.50" in (tmp_path / "x.yaml").read_text()
    with Recorder().use(tmp_path / "x.yaml"):
        assert post(HERE, "{}") == b'{"a":1.50}'


def test_a_cassette_that_could_not_be_written_leaves_nothing_patched(server: Server, tmp_path: Path) -> None:
    before = httpx.HTTPTransport.handle_request
    server.script(Reply(200, b"\xff\xfe"))
    with pytest.raises(BrokenCassette), Recorder().use(tmp_path / "x.yaml", record=True):
        post(server.url, "{}")
    assert httpx.HTTPTransport.handle_request is before


def test_a_note_may_be_any_json_value(server: Server, tmp_path: Path) -> None:
    value = {"count": 3, "names": ["a", "1"], "none": None, "yes": True}
    server.script(Reply())
    with Recorder(rename={server.url: HERE}).use(tmp_path / "x.yaml", record=True) as tape:
        tape.describe(SANDBOX)
        tape.note("facts", value)
        post(server.url, "{}")
    with Recorder().use(tmp_path / "x.yaml") as tape:
        assert tape.note("facts", None) == value
        post(HERE, "{}")
