"""Credentials and card numbers, planted wherever a text can stand, come out nowhere: not printed, not logged, not stored."""

import json
import logging
import re
import signal
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from unibill_billagain.settings import BillAgainSettings
from unibill_socotra.settings import SocotraSettings

import unibill
from tests.support.commands import Command, Done, Place
from tests.support.planted import ACCOUNT, API_KEY, CARD, CARDS, PAIR, PLANT, SECRETS, TENANT, TOKEN, Watch, config, found, found_in_files
from tests.support.postgresql import a_run
from tests.support.postgresql import address as pg_address
from tests.support.server import Answer, Raw, Reply, Seen, Server
from unibill import AllocationDraft, ChargeDraft, CreditDraft, exactjson, redact
from unibill.copying.place import DatabasePlace, locate
from unibill.errors import UnibillError
from unibill.http import without_waiting

BILLAGAIN_ID = "10095"
SOCOTRA_ID = "charge:01KJPXMJH60000000028AA170G"
SOCOTRA_ACCOUNT = "01J5V8NM2GSXK6HG42PD5Z1VAE"
ACCOUNTS = f"source_account,target_account\n269,{SOCOTRA_ACCOUNT}\n222,01KJPXEYKA0000000014DM1RAT\n"


@pytest.fixture(autouse=True)
def nothing_known_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: what an earlier test opened, and nobody collected yet, masks nothing here."""
    monkeypatch.setattr(redact, "_known", type(redact._known)())


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Nothing waits between tries."""
    with without_waiting():
        yield


def every_command() -> list[tuple[str, ...]]:
    """Every command that speaks to a backend or shows what one said."""
    credit = ("--currency", "ZAR", "--amount", "5.00", "--number", CARD, "--memo", PLANT, "--yes")
    commands: list[tuple[str, ...]] = [("backends", "--check"), ("backends",), ("config", "show"), ("doctor",)]
    for backend, account, record in (("billagain", "269", BILLAGAIN_ID), ("socotra", SOCOTRA_ACCOUNT, SOCOTRA_ID)):
        commands += [
            ("credits", "list", backend, "--account", account),
            ("credits", "list", backend, "--account", account, "--allocations", "--reversed"),
            ("credits", "get", backend, record, "--account", account),
            ("credits", "create", backend, "--account", account, *credit),
            ("credits", "create", backend, "--account", account, *credit, "--key", PLANT),
            ("credits", "find", backend, "--key", PLANT, "--account", account),
            ("credits", "allocate", backend, record, "--account", account, "--allocate", "11352=1.00", "--yes"),
            ("credits", "deallocate", backend, record, "1", "--account", account, "--yes"),
            ("charges", "list", backend, "--account", account),
            ("charges", "add", backend, "--account", account, "--currency", "USD", "--amount", "-1.00", "--tag", PLANT, "--yes"),
            ("charges", "reverse", backend, account, record.removeprefix("charge:"), "--yes"),
        ]
    commands += [
        ("explain", "billagain", "990001", "--to", "socotra"),
        ("plan", "billagain", "socotra", "--run", "a.run", "--accounts", "accounts.csv"),
        ("plan", "billagain", "socotra", "--run", "b.run", "--accounts", "accounts.csv", "--allow-card-numbers"),
        ("apply", "--run", "a.run", "--yes", "--settle", "0"),
        ("apply", "--run", "b.run", "--yes", "--settle", "0"),
        ("status", "--run", "a.run"),
        ("verify", "--run", "a.run"),
        ("rollback", "--run", "a.run", "--yes"),
        ("copy", "billagain", "socotra", "--run", "c.run", "--accounts", "accounts.csv", "--yes", "--settle", "0"),
    ]
    for backend, record in (("billagain", BILLAGAIN_ID), ("socotra", SOCOTRA_ID)):
        commands.append(("credits", "void", backend, record, "--yes"))
    return commands


JSON_TOO = {"backends", "config", "doctor", "credits", "charges", "plan", "status", "verify", "explain"}


def variants(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """A command as it is, and where it can, as JSON; both with tracebacks."""
    yield (*words, "--debug")
    if words[0] in JSON_TOO and words[:2] not in {("credits", "void"), ("credits", "export")}:
        yield (*words, "--json", "--debug")


def clean(done: Done, watch: Watch, folder: Path, words: tuple[str, ...]) -> None:
    """Assert that nothing planted came out anywhere."""
    assert not found(done.out.encode("utf-8", "surrogateescape")), words
    assert not found(done.err.encode("utf-8", "surrogateescape")), words
    assert not found(watch.said), words
    assert not found_in_files(folder, but=frozenset({"unibill.toml"})), words


def test_the_search_finds_what_is_planted() -> None:
    assert len(found(PLANT.encode())) >= len(SECRETS) + 1
    assert found(json.dumps({"a": PLANT}).encode())
    assert found(repr([PLANT]).encode())


# The books hold them: every text a vendor can give back.


def test_what_a_vendors_records_hold_is_neither_shown_nor_logged_nor_kept(run: Command, place: Place, watch: Watch) -> None:
    """The credentials that stand in the records are those the backends are asked with."""
    hosted: Any = place.sandbox.backends(place.url)
    key, token = hosted["billagain"]["api_key"], hosted["socotra"]["token"]
    said = {"billagain": " ".join([key, *CARDS]), "socotra": " ".join([token, *CARDS])}
    place.add_credit(990001, said["billagain"])
    charge = next(row for row in place.rows("socotra", "charge") if row.get("tag"))
    place.sandbox.seed("records", records=[{**charge, "locator": "01ZZZZZZZZZZZZZZZZZZZZZZZ1", "tag": said["socotra"]}])
    more = [("charges", "list", "socotra", "--account", str(charge["accountLocator"])), ("credits", "get", "billagain", "990001")]
    exports = [
        ("credits", "export", backend, "--out", f"{backend}.{form}") for backend, form in (("billagain", "csv"), ("socotra", "jsonl"))
    ]
    report = ("report", "--run", "a.run", "--out", "report.html", "--csv", "figures", "--jsonl", "figures.jsonl")
    ended: dict[str, set[int]] = {}
    said_last: dict[str, str] = {}
    for command in [*more, *exports, *every_command(), report]:
        for words in variants(tuple(said[command[2]] if word == PLANT else word for word in command)):
            done = run(*words)
            ended.setdefault(words[0], set()).add(done.status)
            said_last[words[0]] = done.err
            files = [file for file in place.folder.rglob("*") if file.is_file() and file.name != "unibill.toml"]
            whole = (done.out + done.err).encode("utf-8", "surrogateescape") + watch.said + b"".join(file.read_bytes() for file in files)
            assert key.encode() not in whole, words
            assert token.encode() not in whole, words
            assert not found(whole), words
    for name in ("credits", "charges", "plan", "apply", "verify", "rollback", "copy", "explain", "status", "report"):
        assert ended[name] & {0, 1}, (name, said_last[name])


# The server is hostile: it repeats the credentials it was sent in every part of an answer.


def heard_of(seen: Seen) -> str:
    """What the server was sent, and the secret behind it, as only this vendor knows it."""
    own = f"{API_KEY} {PAIR}" if "/billagain/" in seen.target else TOKEN
    return " ".join([seen.headers.get("authorization", ""), seen.target, own, *CARDS])


def echo_json(status: int) -> Callable[[Seen], Answer]:
    def respond(seen: Seen) -> Answer:
        heard = heard_of(seen)
        body: dict[str, object] = {
            "Errors": [{"Message": heard, "Code": heard}],
            "errorMessage": heard,
            "message": heard,
            "errors": [heard],
            heard: heard,
        }
        body |= {"validationResult": {"success": False, "validationItems": [{"errors": [heard], "locator": heard, "elementType": heard}]}}
        headers = {"x-request-id": heard, "socotra-request-id": heard, "x-echo": heard}
        if 300 <= status < 400:
            headers["location"] = f"http://127.0.0.1:9/{heard}"
        return Reply(status, exactjson.dumps(body), headers)

    return respond


def echo_list(seen: Seen) -> Answer:
    """A list of records whose every field is wrong in its own way and holds the secrets."""
    heard = heard_of(seen)
    note = {name: heard for name in ("creditNoteID", "Amount", "Status", "Memo", "Date", heard)}
    return Reply(200, exactjson.dumps([note]))


def echo_html(seen: Seen) -> Answer:
    return Reply(200, f"<html>{heard_of(seen)}</html>".encode(), {"content-type": "text/html"})


def echo_garbage(seen: Seen) -> Answer:
    return Raw([f"{heard_of(seen)}\r\n\r\n".encode()])


def echo_bad_header(seen: Seen) -> Answer:
    return Raw([f"HTTP/1.1 200 OK\r\n{heard_of(seen)}: (\r\nx\r\n\r\n".encode()])


def echo_reason(seen: Seen) -> Answer:
    return Raw([f"HTTP/1.1 500 {heard_of(seen)}\r\ncontent-length: 9\r\n\r\nabc".encode()])


def echo_bad_gzip(seen: Seen) -> Answer:
    return Reply(200, heard_of(seen).encode(), {"content-encoding": "gzip"})


def echo_retry_after(seen: Seen) -> Answer:
    return Reply(429, heard_of(seen).encode(), {"retry-after": heard_of(seen)})


def echo_latin(seen: Seen) -> Answer:
    return Reply(200, heard_of(seen).encode("latin-1") + b"\xff\xfe")


HOSTILE = [echo_list, echo_html, echo_garbage, echo_bad_header, echo_reason, echo_bad_gzip, echo_retry_after, echo_latin]


@pytest.fixture
def folder(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose configuration names the hostile server."""
    (tmp_path / "unibill.toml").write_text(config(server.url), "utf-8")
    (tmp_path / "unibill.toml").chmod(0o600)
    (tmp_path / "accounts.csv").write_text(ACCOUNTS, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("status", [200, 302, 401, 410, 500])
def test_a_server_that_repeats_credentials_in_an_error_gets_none_of_them_out(
    status: int, run: Command, folder: Path, server: Server, watch: Watch
) -> None:
    server.respond = echo_json(status)
    for command in every_command():
        words = (*command, "--debug")
        clean(run(*words), watch, folder, words)
    assert len(server.seen) > 15


@pytest.mark.parametrize("respond", [echo_list, echo_bad_header, echo_bad_gzip], ids=lambda respond: respond.__name__)
def test_a_server_that_repeats_credentials_in_a_broken_answer_gets_none_of_them_out(
    respond: Callable[[Seen], Answer], run: Command, folder: Path, server: Server, watch: Watch
) -> None:
    server.respond = respond
    for command in every_command():
        words = (*command, "--debug")
        clean(run(*words), watch, folder, words)
    assert len(server.seen) > 15


# A run in a database: its address has a password.


def on_a_run(run: str) -> list[tuple[str, ...]]:
    """Every command that takes the address of a run, in an order in which each finds something to do."""
    there, to_say = ("--run", run), ("--yes", "--settle", "0")
    copied = ("billagain", "socotra", *there, "--accounts", "accounts.csv")
    return [
        ("plan", *copied),
        ("upgrade", *there),
        ("apply", *there, *to_say, "--canary", "1"),
        ("apply", *there, *to_say, "--detach"),
        ("status", *there),
        ("stop", *there),
        ("apply", *there, *to_say, "--detach"),
        ("work", *there),
        ("verify", *there),
        ("report", *there, "--out", "report.html", "--csv", "figures", "--jsonl", "figures.jsonl"),
        ("rollback", *there, *to_say),
        ("copy", *copied, *to_say),
    ]


@pytest.fixture
def handlers() -> Iterator[None]:
    """A worker takes Ctrl-C over; afterwards it is the tests' again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_the_password_of_a_run_in_a_database_comes_out_nowhere(run: Command, place: Place, watch: Watch) -> None:
    with a_run() as address:
        at = locate(address)
        assert isinstance(at, DatabasePlace)
        password = str(at.url.password).encode()
        ended: list[tuple[str, int]] = []
        for words in on_a_run(f"{address}&sslpassword={quote(TOKEN, safe='')}"):
            for more in ((), ("--json",)) if words[0] in {"status", "verify", "stop"} else ((),):
                done = run(*words, *more, "--debug")
                clean(done, watch, place.folder, words)
                files = [file for file in place.folder.rglob("*") if file.is_file()]
                whole = (done.out + done.err).encode() + watch.said + b"".join(file.read_bytes() for file in files)
                assert password not in whole, words
                ended.append((words[0], done.status))
    assert {name for name, status in ended if status == 0} >= {
        "plan",
        "upgrade",
        "apply",
        "status",
        "stop",
        "work",
        "verify",
        "rollback",
    }, ended


@pytest.mark.usefixtures("handlers")
def test_a_refused_password_or_an_unknown_database_is_told_without_the_password(run: Command, place: Place, watch: Watch) -> None:
    there = locate(pg_address())
    assert isinstance(there, DatabasePlace)
    secret = quote(API_KEY, safe="")
    host = f"{there.url.host}:{there.url.port}"
    user = there.url.username
    refused = f"postgresql://{user}:{secret}@{host}/{there.url.database}?run=x"
    unknown = f"postgresql://{user}:{there.url.password}@{host}/nosuch?run=x&sslpassword={secret}"
    for address in (refused, unknown):
        for words in on_a_run(address):
            done = run(*words, "--debug")
            assert done.status == 2, (words, done)
            clean(done, watch, place.folder, words)
            assert str(there.url.password) not in done.out + done.err + watch.said.decode()


ELSEWHERE = [
    pytest.param("postgresql://u:SECRET@127.0.0.1:1/runs?run=x", id="a-port-where-nobody-listens"),
    pytest.param("postgresql://u:SECRET@/runs?host=/nosuch", id="a-socket-that-is-not-there"),
    pytest.param("postgresql://u@127.0.0.1:1/runs?password=SECRET", id="the-password-as-a-parameter"),
    pytest.param("postgresql://u:SECRET@127.0.0.1:1/runs?sslmode=nosuch", id="a-parameter-with-a-wrong-value"),
    pytest.param("postgresql://u:SECRET@127.0.0.1:1/runs?nosuch=1", id="an-unknown-parameter"),
    pytest.param("postgresql://u:SECRET@127.0.0.1:port/runs", id="a-port-that-is-no-number"),
    pytest.param("postgresql://u:SECRET@127.0.0.1:1", id="no-database"),
    pytest.param("postgresql://u:SECRET@127.0.0.1:1/runs?run=A!", id="a-name-that-is-none"),
    pytest.param("postgresql:u:SECRET@127.0.0.1:1/runs", id="no-slashes"),
    pytest.param("postgresql+asyncpg://u:SECRET@127.0.0.1:1/runs", id="another-driver"),
    pytest.param("POSTGRESQL://u:SECRET@127.0.0.1:1/runs", id="in-capitals"),
    pytest.param("mysql://u:SECRET@127.0.0.1:1/runs", id="another-database"),
    pytest.param("mysql+pymysql://u:SECRET@127.0.0.1:1/runs", id="another-database-with-its-driver"),
    pytest.param("sqlite:///u:SECRET@runs", id="a-file-as-an-address"),
    pytest.param("https://u:SECRET@127.0.0.1:1/runs", id="an-address-of-the-web"),
]


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("quoted", [True, False], ids=["quoted", "as-it-is"])
@pytest.mark.parametrize("address", ELSEWHERE)
def test_an_address_that_leads_nowhere_is_told_without_the_password(
    address: str, quoted: bool, run: Command, folder: Path, watch: Watch
) -> None:
    """Also where the password holds what an address would have as an escape, and falls to pieces there."""
    for secret in (API_KEY, TOKEN):
        for words in on_a_run(address.replace("SECRET", quote(secret, safe="") if quoted else secret)):
            done = run(*words, "--debug")
            assert done.status == 2, (words, done)
            clean(done, watch, folder, words)
            for piece in re.findall(r"\w{4,}", secret):
                assert piece not in done.out + done.err + watch.said.decode(), words


# The facade


def sent_credit(billing: unibill.Billing, account: str) -> None:
    draft = CreditDraft(account_id=account, currency="USD", amount="5.00", number=CARD, memo=PLANT)  # type: ignore[arg-type]  # as an app may
    billing.credits.create(draft)


ACTIONS: list[Callable[[unibill.Billing, str], object]] = [
    lambda billing, account: list(billing.credits.list(account=account)),
    lambda billing, account: billing.credits.get("10095" if account == "269" else SOCOTRA_ID, account=account),
    sent_credit,
    lambda billing, account: billing.credits.find(key=PLANT, account=account),
    lambda billing, account: list(billing.charges.list(account=account)),
    lambda billing, account: billing.charges.add([ChargeDraft(account_id=account, currency="USD", amount=1, type="T", tag=PLANT)]),  # type: ignore[arg-type]  # as an app may
    lambda billing, account: billing.charges.reverse(account, ["01KJPXMJH60000000028AA170G"]),
]


@pytest.mark.parametrize(
    "respond",
    [
        *HOSTILE,
        *(
            pytest.param(echo_json(status), id=str(status))
            for status in (200, 201, 302, 400, 401, 403, 404, 408, 409, 410, 418, 429, 500, 503)
        ),
    ],
    ids=lambda respond: respond.__name__,
)
def test_no_error_of_the_facade_nor_what_led_to_it_holds_a_secret(respond: Callable[[Seen], Answer], server: Server, watch: Watch) -> None:
    server.respond = respond
    settings = [
        (BillAgainSettings(base_url=f"{server.url}/billagain/v1", account=ACCOUNT, api_key=API_KEY, retries=1), "269"),  # type: ignore[arg-type]  # pydantic makes a SecretStr
        (SocotraSettings(base_url=f"{server.url}/socotra", tenant=TENANT, token=TOKEN, retries=1, credit_charge_type="X"), SOCOTRA_ACCOUNT),  # type: ignore[arg-type]  # the same
    ]
    raised = 0
    for one, account in settings:
        with unibill.connect(one) as billing:
            for action in ACTIONS:
                try:
                    action(billing, account)
                except UnibillError as error:
                    raised += 1
                    logging.getLogger("app").exception("it failed")
                    chain: BaseException | None = error
                    said = "".join(traceback.format_exception(error)) + repr(error) + str(error)
                    while chain is not None:
                        said += f"{chain!r} {chain} {chain.args!r} {vars(chain)!r}"
                        chain = chain.__cause__ or chain.__context__
                    assert not found(said.encode("utf-8", "surrogateescape"))
    assert raised >= 6
    assert not found(watch.said)


def test_no_representation_shows_a_secret() -> None:
    settings = [
        BillAgainSettings(account=ACCOUNT, api_key=API_KEY),  # type: ignore[arg-type]  # pydantic makes a SecretStr
        SocotraSettings(base_url="https://api.example.com", tenant=TENANT, token=TOKEN),  # type: ignore[arg-type]  # the same
    ]
    for one in settings:
        with unibill.connect(one) as billing:
            transport: Any = billing._transport
            things = [one, one.model_dump(), one.model_dump_json(), billing, billing.provider, billing.provider.endpoint(), billing.native]
            things += [
                billing.credits,
                billing.core,
                transport,
                transport._prepared,
                transport._runs,
                transport._lanes,
                billing.capabilities,
            ]
            for thing in things:
                assert not found(f"{thing!r} {thing}".encode()), type(thing)


def test_no_representation_of_a_record_or_a_draft_shows_a_card_number_or_a_secret() -> None:
    with unibill.connect(BillAgainSettings(account=ACCOUNT, api_key=API_KEY)) as billing:  # type: ignore[arg-type]  # pydantic makes a SecretStr
        draft = CreditDraft(
            account_id="269",
            currency="USD",
            amount="5.00",  # type: ignore[arg-type]  # as an app may
            number=CARD,
            memo=f"{API_KEY} {PAIR} {CARD}",
            allocations=(AllocationDraft(amount=1, target_number=CARDS[1]),),  # type: ignore[arg-type]  # as an app may
        )
        flow = billing.core.operations.create_credit(draft, None)
        request = next(flow)
        flow.close()
        for thing in (draft, request, *billing.credits.losses(draft)):
            assert not found(f"{thing!r} {thing}".encode()), thing
        assert draft.number == CARD


# What is wrong with the configuration


@pytest.mark.parametrize(
    "line",
    [
        f"base_url = {json.dumps('https://user:' + TOKEN + '@example.com')}",
        f"base_url = {json.dumps('https://example.com/?key=' + TOKEN)}",
        f"base_url = {json.dumps('http://example.com/' + TOKEN)}",
        f"tenant = {json.dumps(TOKEN)}",
        f"time_zone = {json.dumps(TOKEN)}",
        f"tokn = {json.dumps(TOKEN)}",
        f"timeout = {json.dumps(TOKEN)}",
        f"token = {json.dumps(TOKEN)}\ntoken = {json.dumps(TOKEN)}",
        f"token = {json.dumps(TOKEN)} {TOKEN}",
        f"token = [{json.dumps(TOKEN)}]",
        f"token = {{ enw = {json.dumps(TOKEN)} }}",
        f"provider = {json.dumps(TOKEN)}",
        f"token = {{ env = {json.dumps(TOKEN)} }}",
        f"token = {json.dumps(TOKEN + chr(10))}",
        f"token = {json.dumps(TOKEN + 'é', ensure_ascii=False)}",
    ],
)
@pytest.mark.parametrize("also", ["", f"token = {json.dumps(TOKEN)}"], ids=["there-only", "in-its-place-too"])
def test_a_credential_in_the_wrong_setting_is_not_repeated(line: str, also: str, run: Command, tmp_path: Path, watch: Watch) -> None:
    lines = {part.split(" = ", 1)[0]: part for part in ('provider = "socotra"', 'base_url = "https://example.com"', f'tenant = "{TENANT}"')}
    if also:
        lines["token"] = also
    lines[line.split(" = ", 1)[0]] = line
    file = tmp_path / "it.toml"
    file.write_text("[backends.x]\n" + "\n".join(lines.values()), "utf-8")
    file.chmod(0o600)
    for words in (("config", "show"), ("doctor",), ("backends",), ("backends", "--check"), ("credits", "list", "x", "--account", "a")):
        done = run(*words, "--config", str(file), "--debug")
        leaks = found(done.out.encode() + done.err.encode() + watch.said)
        assert not leaks, (words, done)
