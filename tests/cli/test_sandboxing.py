"""unibill sandbox: one line for programs, files for people, a clean end."""

import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import Command, spawn
from unibill import exactjson


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, dict[str, str]]]]:
    """A sandbox process, and the first line it prints."""
    command = [sys.executable, "-m", "unibill", "sandbox", "--json", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            yield process, exactjson.loads(line)  # type: ignore[misc]  # an object, as documented
        finally:
            process.kill()


def books(url: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"{url}/_sandbox/books", timeout=10) as answer:  # noqa: S310 - our own loopback server
        return [exactjson.loads(line) for line in answer.read().splitlines()]  # type: ignore[misc]  # objects, as documented


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_line_tells_where_both_systems_are_and_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with serving("--seed", "none") as (process, told):
        assert set(told) == {"url", "socotra", "billagain"}
        assert set(told["socotra"]) == {"base_url", "tenant", "token"}
        assert set(told["billagain"]) == {"base_url", "account", "api_key"}
        assert str(told["url"]).startswith("http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_generated_credits_are_the_same_for_the_same_random_seed() -> None:
    with (
        serving("--seed", "generated:20", "--random-seed", "5") as (_, one),
        serving("--seed", "generated:20", "--random-seed", "5") as (_, two),
    ):
        first, second = books(str(one["url"])), books(str(two["url"]))
        assert first == second
        assert sum(row["system"] == "billagain" and row["type"] == "credit" for row in first) == 20


def test_books_can_be_seeded_again_from_a_file_and_kept_in_one(tmp_path: Path) -> None:
    with serving("--seed", "documented") as (_, told):
        kept = books(str(told["url"]))
    file = tmp_path / "books.jsonl"
    file.write_bytes(b"\n".join(exactjson.dumps(row) for row in kept))
    database = tmp_path / "sandbox.db"
    with serving("--seed", str(file), "--db", str(database)) as (process, told):
        assert books(str(told["url"])) == kept
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with serving("--db", str(database)) as (_, told):
        assert books(str(told["url"])) == kept


def test_write_makes_files_with_which_a_copy_works_both_ways_history_included(tmp_path: Path) -> None:
    folder = tmp_path / "rehearsal"
    with serving("--seed", "generated:60", "--write", str(folder)) as (_, told):
        assert stat.S_IMODE((folder / "unibill.toml").stat().st_mode) == 0o600
        for source, target, back in (("billagain", "socotra", ""), ("socotra", "billagain", "-back")):
            maps = ("--accounts", f"accounts{back}.csv", "--invoices", f"invoices{back}.csv")
            words = ("copy", source, target, "--run", f"{source}.run", *maps, "--carry", "history", "--yes", "--json")
            done = spawn(*words, cwd=folder)
            (record,) = done.records()
            assert record["apply"]["counts"]["created"] > 20, done.err  # type: ignore[index]  # an object, as printed
            assert record["apply"]["exit_status"] == record["verify"]["exit_status"] == 0, record  # type: ignore[index]  # the same
        spent = [row for row in books(str(told["url"])) if row["system"] == "billagain" and row["type"] == "credit"]
        copies = [row for row in spent if str(row["CreditNumber"]).startswith("ub1-")]
        assert any(row["Allocations"] for row in copies)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--switch", "billagain.nosuch=1"), "no switch 'nosuch'"),
        (("--switch", "nosuch.a=1"), "not among the systems"),
        (("--seed", "nosuch.json"), "there is no file nosuch.json"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_status_2(words: tuple[str, ...], said: str, run: Command) -> None:
    done = run("sandbox", *words)
    assert done.status == 2
    assert said in done.err


def test_a_switch_without_its_form_is_a_usage_error(run: Command) -> None:
    assert run("sandbox", "--switch", "nonsense").status == 2


OWN = '[backends.old]\nprovider = "billagain"\nbase_url = "https://billagain.example"\n'
MAP = "source_account,target_account\n1,2\n"


@pytest.mark.parametrize(("name", "text"), [("unibill.toml", OWN), ("unibill.toml", ""), ("accounts.csv", MAP), ("invoices-back.csv", MAP)])
def test_write_replaces_no_file_that_a_sandbox_did_not_write(name: str, text: str, tmp_path: Path, run: Command) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    done = run("sandbox", "--write", str(tmp_path))
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert f"Error: The file {tmp_path / name} " in done.err
    assert [(path.name, path.read_text("utf-8")) for path in tmp_path.iterdir()] == [(name, text)]


def test_write_replaces_what_an_earlier_sandbox_wrote_until_somebody_adds_a_backend(tmp_path: Path, run: Command) -> None:
    config = tmp_path / "unibill.toml"
    with serving("--seed", "documented", "--write", str(tmp_path)):
        accounts = (tmp_path / "accounts.csv").read_text("utf-8")
    (tmp_path / "accounts.csv").write_text(MAP, "utf-8")
    with serving("--seed", "documented", "--write", str(tmp_path)) as (_, told):
        assert str(told["url"]) in config.read_text("utf-8")
        assert (tmp_path / "accounts.csv").read_text("utf-8") == accounts
    config.write_text(kept := config.read_text("utf-8") + OWN, "utf-8")
    assert run("sandbox", "--write", str(tmp_path)).status == 2
    assert config.read_text("utf-8") == kept
