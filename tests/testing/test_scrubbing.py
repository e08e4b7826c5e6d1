"""Secrets are found by value, in every form and every place; card-like numbers by their look."""

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.server import Reply, Server
from unibill.flow import Effect, Flow, Request, exchange
from unibill.http import Transport
from unibill.provider import BackendSettings, Endpoint
from unibill.testing.cassettefile import read
from unibill.testing.recorder import Provenance, Recorder
from unibill.testing.scrubbing import Leak, Scrubber, forms_of, leaks, stand_in

SECRET = 'SOCP_01J5/V8+NM"2é'
CARD = "4111 1111 1111 1111"
SANDBOX = Provenance("sandbox", "2026-11-23", "made up")


def send(server: Server, request: Request) -> None:
    endpoint = Endpoint(server.url, {"authorization": f"Bearer {SECRET.encode().hex()}", "x-api-key": "abcdefgh"}, (SECRET,))
    transport = Transport("x", endpoint, BackendSettings(base_url=server.url, retries=0))

    def flow() -> Flow[None]:
        yield from exchange(request)

    try:
        transport.run(flow())
    finally:
        transport.close()


def everywhere() -> tuple[Request, Reply]:
    """A request and an answer with the secret and a card number wherever they fit, in every form that a server might choose."""
    forms = [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(f"1042:{SECRET}".encode()).decode(),
    ]
    body = {"text": forms, SECRET: "as a key", "nested": {"deep": [f"before {SECRET} after"]}, "card": f"paid with {CARD}", "amount": 1}
    escaped = json.dumps(body)
    every_letter_escaped = '{"sly":"' + "".join(f"\\u{ord(letter):04x}" for letter in SECRET) + '"}'
    query = (("key", SECRET), ("card", CARD))
    request = Request("op", "POST", "/" + quote(SECRET, safe=""), query, escaped.encode(), Effect.ONCE)
    headers = {
        "set-cookie": f"session={SECRET.encode().hex()}",
        "x-request-id": "r-1",
        "retry-after": SECRET.encode().hex(),
        "x-other": "gone",
    }
    answer = escaped[:-1] + ', "sly": ' + every_letter_escaped + "}"
    return request, Reply(200, answer.encode(), {"content-type": "application/json", **headers})


def test_a_secret_planted_in_every_place_is_in_no_byte_of_the_file(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    request, reply = everywhere()
    server.script(reply)
    with Recorder(secrets={"token": SECRET}, rename={server.url: "https://made-up.example"}).use(file, record=True) as tape:
        tape.describe(SANDBOX)
        send(server, request)
    text = file.read_text("utf-8")
    assert Scrubber({"token": SECRET}).find(text) == []
    assert leaks(file, {"token": SECRET}) == []
    assert "<secret:token>" in text
    assert "4111" not in text
    assert "••••1111" in text
    assert "127.0.0.1" not in text
    assert "x-other" not in text
    assert "set-cookie" not in text
    assert list(read(file)["interactions"][0]["request"]["headers"]) == ["accept", "content-type"]


def test_a_replay_puts_the_values_back_so_that_the_same_code_finds_its_answers(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    request, reply = everywhere()
    server.script(reply)
    recorder = Recorder(secrets={"token": SECRET}, rename={server.url: "https://made-up.example"})
    with recorder.use(file, record=True) as tape:
        tape.describe(SANDBOX)
        send(server, request)
    with Recorder(secrets={"token": SECRET}, rename={server.url: "https://made-up.example"}).use(file):
        send(server, request)
    assert len(server.seen) == 1


@pytest.mark.parametrize("shape", ["", ".uuid", ".digits"])
def test_without_a_value_a_placeholder_becomes_a_stand_in_of_its_kind(shape: str) -> None:
    scrubber = Scrubber({"x.tenant" + shape: SECRET})
    hidden = scrubber.hide(f"/{quote(SECRET, safe='')}/{SECRET}")
    assert hidden == f"/<secret:x.tenant{shape}:percent>/<secret:x.tenant{shape}>"
    stood_in = stand_in("x.tenant" + shape)
    assert Scrubber().restore(hidden) == f"/{stood_in}/{stood_in}"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=6), st.text(), st.text())
def test_hiding_and_restoring_gives_the_text_again_and_hides_in_between(secret: str, before: str, after: str) -> None:
    scrubber = Scrubber({"token": secret})
    hidden = scrubber.hide(before + secret + after)
    assert scrubber.restore(hidden) == before + secret + after or "<secret:" in before + after + secret
    assert secret not in hidden.replace("<secret:token", "").replace(">", "") or secret in "<secret:token" or secret in before + after


@given(st.binary(max_size=9), st.text(st.characters(exclude_categories=["Cs"]), min_size=8), st.binary(max_size=9))
def test_a_secret_inside_base64_is_found_whatever_stands_around_it(before: bytes, secret: str, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    assert Scrubber({"token": secret}).find(encoded) == ["token"]


def test_a_secret_too_short_to_be_found_by_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter than 6"):
        Recorder(secrets={"pin": "1234"})
    with pytest.raises(ValueError, match="letters, digits"):
        Recorder(secrets={"a>b": "long enough"})


def test_every_form_of_a_secret_is_long_enough_to_be_searched_for() -> None:
    assert {name for name in forms_of("secret-7") if len(forms_of("secret-7")[name]) < 6} == set()


def test_a_leak_that_no_hook_could_remove_stops_the_writing(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    server.script(Reply(200, b"{}"))
    with pytest.raises(Leak, match=r"x\.yaml would hold token"), Recorder(secrets={"token": SECRET}).use(file, record=True) as tape:
        tape.note("a note that nobody cleaned", SECRET)
        send(server, Request("op", "GET", "/"))
    assert not file.exists()


def write(file: Path, provenance: str, request: str = "", response: str = "") -> Path:
    file.write_text(
        f"cassette: 1\nprovenance: {provenance}\ninteractions:\n- request: {{method: GET, url: 'https://a.example/x'{request}}}\n"
        f"  response: {{status: 200{response}}}\n",
        "utf-8",
    )
    return file


PLANTED = {
    "a card in an address": ("", ", url: 'https://a.example/x?card=4111111111111111'", "", "request.url"),
    "a card in a request": ("", ", json: {Memo: paid with 4111-1111-1111-1111}", "", "request.json.Memo"),
    "a card in an answer": ("", "", ", json: [{Ref: '4111111111111111'}]", "response.json.0.Ref"),
    "a card as a number": ("", "", ", json: {Ref: 4111111111111111}", "response.json.Ref"),
    "a card as a key": ("", "", ", json: {'4111111111111111': 1}", "response.json (a key)"),
    "a card in a header": ("", "", ", headers: {retry-after: '4111111111111111'}", "response.headers.retry-after"),
    "a card in a text": ("", "", ", text: 'card 4111111111111111'", "response.text"),
    "credentials": ("", ", headers: {authorization: Basic x}", "", "request.headers"),
    "a cookie": ("", "", ", headers: {set-cookie: x}", "response.headers"),
    "a header nobody allowed": ("", ", headers: {x-mine: x}", "", "request.headers"),
}


@pytest.mark.parametrize(("provenance", "request_part", "response_part", "place"), PLANTED.values(), ids=PLANTED)
def test_the_scan_finds_what_was_planted(tmp_path: Path, provenance: str, request_part: str, response_part: str, place: str) -> None:
    file = write(tmp_path / "x.yaml", "{evidence: sandbox, recorded: x, provider: x}" + provenance, request_part, response_part)
    found = leaks(file)
    assert found
    assert all(place in line for line in found)
    assert "4111" not in "".join(found)


def test_a_published_number_is_allowed_in_what_the_vendor_printed_and_nowhere_else(tmp_path: Path) -> None:
    answer = ", json: {Ref: '424242424242424'}"
    published = "recorded: x, provider: x, published: ['424242424242424']}"
    assert leaks(write(tmp_path / "a.yaml", "{evidence: documented, " + published, "", answer)) == []
    assert leaks(write(tmp_path / "b.yaml", "{evidence: sandbox, " + published, "", answer)) != []
    assert leaks(write(tmp_path / "c.yaml", "{evidence: documented, " + published, "", ", json: {Ref: '4111111111111111'}")) != []


def test_amounts_and_ids_are_no_cards(tmp_path: Path) -> None:
    answer = ", headers: {socotra-request-id: '0000000000000004'}, json: {Amount: 12345678901234567.89, id: 9007199254740993}"
    assert leaks(write(tmp_path / "x.yaml", "{evidence: sandbox, recorded: x, provider: x}", "", answer)) == []
