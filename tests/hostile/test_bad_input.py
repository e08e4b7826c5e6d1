"""Whatever is wrong with a configuration, a map, a run file or a command line is told in a sentence; nothing is half written."""

import random
import sqlite3
import string
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.copying.conftest import Pair, note
from tests.support.commands import Command, Done, Place
from unibill import config
from unibill.copying import AccountMap, ApplyOptions, InvoiceMap, apply, open_run, plan, rollback, status, verify
from unibill.errors import ConfigurationError, RunStoreError, UnibillError
from unibill.redact import Redactor, clean

_SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
BOUNDED = settings(max_examples=60, deadline=None, suppress_health_check=_SLOW)


def told(done: Done, words: object) -> None:
    """Assert that a command ended in one of its ways, without a traceback."""
    assert done.status in {0, 1, 2, 3, 4}, (words, done)
    assert "Traceback" not in done.out + done.err, (words, done)
    assert "something unexpected" not in done.err, (words, done)
    assert not {"\x1b", "\u202e", "\x07"} & set(done.out + done.err), (words, done)
    if done.status in {2, 3, 4}:
        assert done.err.strip() or done.out.strip(), words


# unibill.toml

GOOD = b"""\
[backends.old]
provider = "billagain"
account = "1042"
api_key = "k-sesame"
base_url = "http://127.0.0.1:9/v1"
retries = 0
[backends.new]
provider = "socotra"
base_url = "http://127.0.0.1:9"
tenant = "6ec2f7d0-3c7e-4c5b-9a56-2f3f2b0c9a11"
token = { env = "NO_SUCH_VARIABLE" }
retries = 0
"""
VALUES = [
    *("1", "-1", "1e400", "nan", "inf", "-inf", "true", '""', '"x"', "[]", "[1, 'a']", "{}", "{ env = 1 }", "{ env = [] }", "{ file = 1 }"),
    *(
        '{ file = "/" }',
        "{ env = 'A\\u0000B' }",
        '{ file = "/proc/self/mem" }',
        "{ file = '' }",
        "{ keyring = {} }",
        "1979-05-27",
        "9" * 500,
    ),
    *('"\\u0000"', '"\\u202e\\u001b[31m"', '"http://[::1"', '"http://[::1]:99999999"', '"https://\\u00e9\\u0000/"', "'" + "a" * 9000 + "'"),
    *("{ env = '" + "A" * 9000 + "' }", "{ env = '=' }", '"~/x"', "{ file = '~nobody_there/x' }", '{ file = "a\\u0000b" }'),
]
SETTINGS = ["provider", "account", "api_key", "token", "tenant", "base_url", "time_zone", "timeout", "deadline", "retries", "rate"]
SETTINGS += ["concurrency", "max_body", "read_only", "mark_in", "page_size", "nosuch", "credit_charge_type"]
COMMANDS = [("config", "show"), ("config", "show", "--json"), ("doctor",), ("backends",), ("credits", "get", "old", "1")]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield


@BOUNDED
@given(
    backend=st.sampled_from(["old", "new"]),
    setting=st.sampled_from(SETTINGS),
    value=st.sampled_from(VALUES),
    command=st.sampled_from(COMMANDS),
)
def test_a_setting_of_any_value_is_taken_or_refused_in_a_sentence(
    backend: str, setting: str, value: str, command: tuple[str, ...], run: Command, tmp_path: Path
) -> None:
    lines = GOOD.decode().splitlines()
    at = lines.index(f"[backends.{backend}]") + 1
    end = next((i for i in range(at, len(lines)) if lines[i].startswith("[")), len(lines))
    kept = [line for line in lines[at:end] if not line.startswith(f"{setting} =")]
    file = tmp_path / "fuzzed.toml"
    file.write_text("\n".join([*lines[:at], *kept, f"{setting} = {value}", *lines[end:]]), "utf-8")
    file.chmod(0o600)
    told(run(*command, "--config", str(file)), (setting, value, command))


@BOUNDED
@given(
    data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")), st.none()),
    seed=st.integers(),
)
def test_a_configuration_of_any_bytes_is_read_or_refused_with_its_name(data: bytes | None, seed: int, tmp_path: Path) -> None:
    file = tmp_path / "bytes.toml"
    file.write_bytes(flipped(GOOD, seed) if data is None else data)
    file.chmod(0o600)
    try:
        for backend in config.backends(file, {}).values():
            backend.load()
    except ConfigurationError as error:
        assert str(error)


@pytest.mark.parametrize("kind", ["folder", "missing", "unreadable", "utf-16", "deep", "huge"])
def test_a_configuration_that_is_no_readable_file_is_refused(kind: str, run: Command, tmp_path: Path) -> None:
    file = tmp_path / "it.toml"
    if kind == "folder":
        file.mkdir()
    elif kind == "unreadable":
        file.symlink_to(file)
    elif kind == "utf-16":
        file.write_bytes(GOOD.decode().encode("utf-16"))
    elif kind == "deep":
        file.write_bytes(b"a = " + b"[" * 100_000)
    elif kind == "huge":
        file.write_bytes(b"[backends.a]\nprovider = 'memory'\nx = " + b"9" * 100_000)
    for words in (("backends",), ("config", "show"), ("credits", "get", "old", "1")):
        done = run(*words, "--config", str(file))
        told(done, words)
        assert done.status == 2, done
    told(run("doctor", "--config", str(file)), kind)


def flipped(data: bytes, seed: int, most: int = 3) -> bytes:
    """The same with a few bytes changed."""
    source, changed = random.Random(seed), bytearray(data)  # noqa: S311 - repeatable, not secret
    for _ in range(source.randint(1, most)):
        changed[source.randrange(len(changed))] = source.randrange(256)
    return bytes(changed)


# Maps

CELLS = st.text(st.characters(codec="utf-8"), max_size=12)


@BOUNDED
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.lists(st.lists(CELLS, max_size=4), max_size=6).map(
            lambda rows: "\n".join(["source_account,target_account,x", *(",".join(row) for row in rows)]).encode()
        ),
        st.integers().map(lambda seed: flipped(b"source_account,target_account\r\n11,21\r\n12,22\r\n", seed)),
        st.sampled_from(["utf-16", "utf-32", "cp037"]).map("source_account,target_account\n1,2\n".encode),
        st.just(b'source_account,target_account\n"' + b"x" * 200_000),
        st.just(b"source_account,target_account\n" + b"a,b\n" * 2 + b"\x00,\x00\n"),
    )
)
def test_a_map_of_any_bytes_is_read_or_refused(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    for header in (data, data.replace(b"account", b"invoice")):
        file.write_bytes(header)
        for read in (AccountMap.from_csv, InvoiceMap.from_csv):
            try:
                read(file)
            except ConfigurationError as error:
                assert str(error)


# Run files


def planned_file(pair: Pair) -> bytes:
    pair.source.seed(note(101, 11, "60"), note(102, 11, "5"), note(103, 12, "7", (32, "2")))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options(carry="history"))
    return pair.run.read_bytes()


def copies(pair: Pair) -> list[tuple[object, ...]]:
    return sorted((row["customerID"], row["Amount"], row["Memo"], row["CreditNumber"]) for row in pair.target.credits())


def test_a_run_file_with_bytes_flipped_copies_what_was_planned_or_refuses(pair: Pair) -> None:
    """A flip in a place that nobody reads changes nothing; one that changes what would be written breaks the plan's hash."""
    good = planned_file(pair)
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
    right = copies(pair)
    assert [row[1] for row in right] == [Decimal(60), Decimal(5), Decimal(7)] or len(right) == 3
    ended: dict[str, int] = {}
    for seed in range(60):
        for left in pair.run.parent.glob(pair.run.name + "*"):
            left.unlink()
        pair.run.write_bytes(flipped(good, seed, most=1 if seed % 2 else 40))
        for row in pair.target.credits():
            pair.target.billing.credits.void(pair.target.billing.credits.get(str(row["creditNoteID"])))
        how = "applied"
        try:
            status(pair.run)
            apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
            verify(pair.source.billing, pair.target.billing, pair.run)
        except UnibillError as error:
            how = type(error).__name__
        ended[how] = ended.get(how, 0) + 1
        if how == "applied":
            with open_run(pair.run) as run:
                states = {record.source_id: record.state for record in run.records()}
            assert copies(pair) == right, (seed, states)
        else:
            assert set(copies(pair)) <= set(right), (seed, how)
    assert ended["applied"] > 5
    assert ended["RunStoreError"] + ended.get("PlanMismatch", 0) > 5


def test_a_record_in_a_state_that_there_is_not_is_never_passed_over(pair: Pair) -> None:
    planned_file(pair)
    database = sqlite3.connect(pair.run)
    database.execute("UPDATE records SET state = 'planed' WHERE source_id = '102'")
    database.commit()
    database.close()
    for act in (
        lambda: apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0)),
        lambda: verify(pair.source.billing, pair.target.billing, pair.run),
        lambda: rollback(pair.target.billing, pair.run),
    ):
        with pytest.raises(RunStoreError, match=r"is damaged: in records credit 102, state is 'planed', not one of .*; restore a copy"):
            act()
    with open_run(pair.run) as run, pytest.raises(RunStoreError, match=r"is damaged: in records credit 102, state is 'planed'"):
        list(run.records())
    assert pair.target.credits() == []


@pytest.mark.parametrize("command", ["status", "apply", "verify", "rollback", "plan"])
@pytest.mark.parametrize("kind", ["other app", "other version", "text", "empty", "cut", "folder", "header only"])
def test_what_is_no_run_of_this_version_is_refused_untouched(kind: str, command: str, run: Command, place: Place) -> None:
    file = place.folder / "it.run"
    if kind in {"other app", "cut", "header only"}:
        database = sqlite3.connect(file)
        database.execute("CREATE TABLE journal (id INTEGER PRIMARY KEY, data TEXT)")
        database.execute("INSERT INTO journal (data) VALUES ('mine')")
        database.commit()
        database.close()
        if kind != "other app":
            file.write_bytes(file.read_bytes()[: 5000 if kind == "cut" else 100])
    elif kind == "other version":
        assert run("plan", "billagain", "socotra", "--run", str(file), "--accounts", "accounts.csv").status == 0
        database = sqlite3.connect(file)
        database.execute("PRAGMA user_version = 99")
        database.close()
    elif kind == "text":
        file.write_text("dear diary\n" * 100)
    elif kind == "folder":
        file.mkdir()
    else:
        file.touch()
    before = file.read_bytes() if file.is_file() else b""
    words = [command, "--run", str(file)]
    if command == "plan":
        words = ["plan", "billagain", "socotra", *words[1:], "--accounts", "accounts.csv"]
    elif command in {"apply", "rollback"}:
        words.append("--yes")
    done = run(*words)
    told(done, words)
    if kind == "empty" and command == "plan":
        assert done.status == 0
        return
    assert done.status == 2, done
    assert (file.read_bytes() if file.is_file() else b"") == before
    assert place.writes() == 0


# Command lines

WORDS = [
    "credits",
    "charges",
    "list",
    "get",
    "create",
    "plan",
    "apply",
    "verify",
    "status",
    "rollback",
    "copy",
    "mapping",
    "explain",
    "backends",
]
WORDS += [
    "config",
    "show",
    "providers",
    "billagain",
    "socotra",
    "--run",
    "--account",
    "--accounts",
    "--json",
    "--yes",
    "--amount",
    "--max-money",
]
WORDS += [
    "--allocate",
    "--currency",
    "--date",
    "--since",
    "--status",
    "--ids",
    "--key",
    "--expect",
    "--canary",
    "--settle",
    "--concurrency",
]
WORDS += [
    "ZAR=1e999999",
    "NaN",
    "1e400",
    "-1",
    "0",
    "2026-13-45",
    "9" * 5000,
    "=",
    "==1",
    "a=b=c",
    "accounts.csv",
    ".",
    "/",
    "-",
    "--",
    "-x",
    "\u202e",
]
WORDS += [
    "",
    "[red]x[/red]",
    "\x1b[31m",
    "%s%n{}",
    "../../etc/passwd",
    "socotra=1",
    "269",
    "10095",
    "--config",
    "unibill.toml",
    "--debug=1",
    "--help",
]
ANY_WORD = st.one_of(st.sampled_from(WORDS), st.text(string.printable, max_size=8), st.text(max_size=5))


@BOUNDED
@given(words=st.lists(ANY_WORD, min_size=1, max_size=9).filter(lambda words: not {"demo", "sandbox", "init"} & set(words)))
def test_no_command_line_ends_in_a_traceback(words: list[str], run: Command, place: Place) -> None:
    done = run(*words)
    told(done, words)
    assert place.url not in done.err or done.status == 3, words


@BOUNDED
@given(
    value=st.one_of(
        st.sampled_from(["NaN", "1e999999", "-0", "1e-999999", "9" * 4000, "٣", "1_0", " 1", "0x1", "+5", "1.2.3", ""]), st.text(max_size=6)
    ),
    option=st.sampled_from(["--amount", "--allocate", "--date", "--currency", "--account", "--number", "--memo", "--key"]),
    backend=st.sampled_from(["billagain", "socotra"]),
)
def test_no_value_of_an_option_ends_in_a_traceback_or_in_half_a_write(
    value: str, option: str, backend: str, run: Command, place: Place
) -> None:
    given_ = {"--account": "269" if backend == "billagain" else "01J5V8NM2GSXK6HG42PD5Z1VAE", "--currency": "ZAR", "--amount": "5"}
    given_[option] = f"11352={value}" if option == "--allocate" else value
    before = place.writes()
    done = run("credits", "create", backend, *(word for pair in given_.items() for word in pair), "--yes")
    told(done, given_)
    assert done.status in {0, 3} or place.writes() == before, done


def test_a_card_number_or_an_escape_in_a_usage_error_is_not_repeated_as_it_is(run: Command, place: Place) -> None:
    assert place.folder.is_dir()
    for words in (
        ("credits", "create", "billagain", "--amount", "4242 4242 4242 4242"),
        ("credits", "create", "billagain", "--account", "1", "--currency", "ZAR", "--amount", "1", "--allocate", "4242424242424242"),
        ("credits", "get", "billagain", "10095", "4242424242424242"),
        ("4242424242424242",),
        ("credits", "list", "4242 4242 4242 4242"),
        ("mapping", "\x1b[31m", "\u202e"),
        ("apply", "--run", "4242 4242 4242 4242"),
    ):
        done = run(*words)
        told(done, words)
        assert "424242424242" not in (done.out + done.err).replace(" ", ""), (words, done)


# The redactor


@settings(max_examples=300, deadline=None)
@given(st.text(), st.lists(st.text(min_size=1, max_size=8), max_size=3))
def test_the_redactor_takes_any_text_and_any_secret(text: str, secrets: list[str]) -> None:
    assert isinstance(Redactor(secrets).text(text), str)
    assert clean(clean(text)) == clean(text)


@settings(max_examples=200, deadline=None)
@given(st.permutations(["abc", "abcdef", "abcdefghi", "defghi", "cdef"]), st.text("abcdefghi ", max_size=40))
def test_overlapping_secrets_are_masked_longest_first_in_whatever_order_they_come(secrets: list[str], text: str) -> None:
    masked = Redactor(secrets).secrets(text)
    assert masked == Redactor(sorted(secrets)).secrets(text)
    assert not any(secret in masked.replace("[hidden]", "|") for secret in secrets)
