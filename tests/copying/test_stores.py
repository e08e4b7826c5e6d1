"""The same run, whether it is kept in a file or in a PostgreSQL database."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text, update

from tests.copying.conftest import Pair, note
from tests.copying.test_killed import CHILD, THREE
from tests.support.postgresql import a_run, opened
from unibill.copying import ApplyOptions, InvoiceMap, apply, open_run, plan, rollback, status, verify
from unibill.copying import schema as tables
from unibill.copying.journal import Entry
from unibill.copying.place import DatabasePlace, locate
from unibill.copying.postgresql import PostgreSQL, _safe
from unibill.copying.store import RunStore
from unibill.errors import ConfigurationError, LeaseLost, RunStoreError


@pytest.fixture
def address() -> Iterator[str]:
    with a_run() as run:
        yield run


def whole_life(pair: Pair, run: str) -> list[object]:
    """Plan, apply, verify and roll back: what each of them says, without the run's name."""
    source, target = pair.source.billing, pair.target.billing
    said = [plan(source, target, run, pair.options(carry="history")), apply(source, target, run), verify(source, target, run)]
    return [{**summary.jsonable(), "run": ""} for summary in (*said, rollback(target, run))]


def fill(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60.50", (31, "10")), note(102, 11, "5"), note(103, 12, "7", status="Void"), note(104, 12, "3"))
    pair.target.seed(note(201, 22, "3", CreditNumber="", Memo=""))


def test_a_run_in_a_database_says_what_the_same_run_in_a_file_says(make_pair: Callable[[], Pair], address: str) -> None:
    pair = make_pair()
    fill(pair)
    in_file = whole_life(pair, str(pair.run))
    pair = make_pair()
    fill(pair)
    assert whole_life(pair, address) == in_file


@pytest.mark.parametrize("moment", ["intent written", "answer received"])
def test_a_process_that_is_killed_while_it_works_on_a_database_leaves_nothing_twice_and_nothing_out(
    pair: Pair, moment: str, address: str
) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 11, "5"), note(103, 12, "7"))
    plan(pair.source.billing, pair.target.billing, address, pair.options())
    words = [sys.executable, "-c", CHILD, moment, address, pair.source.url, pair.target.url]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL  # noqa: S603 - our own program
    with open_run(address) as run:
        assert [entry.phase for entry in run.journal()].count("intent") == 2
    assert apply(pair.source.billing, pair.target.billing, address, ApplyOptions()).exit_status == 0
    assert sorted((row["customerID"], row["Amount"]) for row in pair.target.credits()) == THREE
    assert verify(pair.source.billing, pair.target.billing, address).exit_status == 0


def test_an_invoice_of_two_accounts_is_left_behind_in_either_store(pair: Pair, place: str) -> None:
    pair.source.seed(note(101, 11, "100", (31, "30"), (32, "20")), note(102, 12, "60", (31, "25")))
    options = pair.options(carry="history", invoices=InvoiceMap.from_pairs({"31": "41", "32": "42"}))
    plan(pair.source.billing, pair.target.billing, place, options)
    with open_run(place) as run:
        carried = {record.source_id: (record.carried, [item["target"] for item in record.dropped]) for record in run.records()}
    assert carried == {"101": (Decimal(70), ["invoice 31"]), "102": (Decimal(35), ["invoice 31"])}


def test_a_lost_run_is_found_again_by_its_marks_in_either_store(pair: Pair, place: str) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 12, "7"))
    source, target = pair.source.billing, pair.target.billing
    plan(source, target, pair.run, pair.options())
    apply(source, target, pair.run)
    rollback(target, pair.run)
    apply(source, target, pair.run)
    other = place if place.startswith("postgresql") else f"{place}.second"
    assert plan(source, target, other, pair.options()).counts["exists"] == 2
    assert apply(source, target, other).writes == 0


def test_records_come_in_the_order_of_their_bytes_whatever_the_database_sorts_by(place: str) -> None:
    names = ["a", "B", "ä", "Z_", "z-1", "z1", "A", "_", "10", "9", "é"]
    with RunStore.make(place) as store:
        with store.transaction() as connection:
            connection.execute(insert(tables.accounts), [{"source": name, "target": None} for name in names])
        assert [row["source"] for row in store.stream(select(tables.accounts), tables.accounts.c.source, size=2)] == sorted(names)


def test_a_run_that_has_begun_keeps_its_plan_in_either_store(place: str) -> None:
    with RunStore.make(place) as store:
        store.put(hash="x")
    with RunStore.make(place) as store:
        assert store.get("hash") is None
        store.keep(store.note(Entry(1, 0, "create", "intent", "add", {}, {})))
    with pytest.raises(RunStoreError, match="has begun"):
        RunStore.make(place)


def test_status_tells_in_either_store_whether_somebody_works_on_the_run(place: str) -> None:
    with RunStore.make(place) as store:
        store.put(hash="x", phase="planned")
        assert status(place).next.startswith("It is being worked on")
    assert status(place).next.startswith("Nothing was to be copied")


def test_intents_of_many_threads_are_durable_when_their_calls_return(place: str) -> None:
    with RunStore.make(place) as store:

        def work(number: int) -> None:
            store.keep(store.note(Entry(number, 0, "create", "intent", "add", {"n": number}, {})))
            with open_run(place) as run:
                assert number in {entry.seq for entry in run.journal()}

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with open_run(place) as run:
        assert sorted(entry.seq for entry in run.journal()) == list(range(8))


def test_two_processes_do_not_work_on_one_run_in_either_store(place: str) -> None:
    with RunStore.make(place):
        with pytest.raises(RunStoreError, match="another process is working on the run"):
            RunStore(place, lock=True)
        RunStore(place).close()
    RunStore(place, lock=True).close()


def test_a_holder_that_is_not_heard_of_any_more_is_waited_for_and_then_its_run_is_taken(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "import os, signal, sys\nfrom unibill.copying.store import RunStore\n"
        "RunStore.make(sys.argv[1])\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, address], check=False).returncode == -signal.SIGKILL  # noqa: S603 - our own program
    RunStore(address, lock=True).close()
    assert "looking whether it still is" in caplog.text


def test_whoever_has_lost_its_lease_writes_and_sends_nothing_more(address: str) -> None:
    with RunStore.make(address) as store:
        assert isinstance(store.database, PostgreSQL)
        lease = store.database.lease
        assert lease is not None
        lease.check()
        with store.transaction() as connection:
            connection.execute(update(tables.parts).values(epoch=tables.parts.c.epoch + 1))
        with pytest.raises(LeaseLost, match="taken over"):
            store.keep(store.note(Entry(1, 0, "create", "intent", "add", {}, {})))
        lease._until = 0.0
        with pytest.raises(LeaseLost, match="sends nothing more"):
            lease.check()
    with RunStore(address) as store:
        assert store.rows(select(tables.journal)) == []


def test_a_database_that_isolates_more_than_is_needed_fails_nothing(address: str) -> None:
    strict = f"{address}&options=-c%20default_transaction_isolation%3Dserializable"
    with RunStore.make(strict) as store, store.transaction() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"


def test_a_run_of_another_version_is_refused_and_an_upgrade_brings_it_up(address: str) -> None:
    RunStore.make(address).close()
    with opened(address) as database:
        with database.transaction() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        with pytest.raises(RunStoreError, match=r"version 0000, and this unibill works on \d+; bring it up with: unibill upgrade"):
            RunStore(address)
        with database.transaction() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(RunStoreError, match="a newer unibill"):
            database.upgrade()
        with database.transaction() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :now"), {"now": tables.REVISION})
        assert database.upgrade() == (tables.REVISION, tables.REVISION)


def test_the_migrations_come_to_the_tables_that_the_code_works_on(address: str) -> None:
    RunStore.make(address).close()
    with opened(address) as database, database.transaction() as connection:
        look = MigrationContext.configure(connection, opts={"target_metadata": [tables.metadata, tables.shared]})
        changed = compare_metadata(look, [tables.metadata, tables.shared])  # type: ignore[arg-type]  # a list of them, says Alembic's own guide
    assert changed == [], "unibill/copying/migrations needs a new version, and schema.REVISION its number"


def test_a_schema_of_somebody_else_is_refused_and_left_as_it_is(address: str) -> None:
    with opened(address) as database:
        with database.transaction() as connection:
            connection.execute(text(f'CREATE SCHEMA "{database._schema}"'))
            connection.execute(text("CREATE TABLE mine (a integer)"))
        for use in (RunStore, RunStore.make):
            with pytest.raises(RunStoreError, match="is not a run of unibill; it was left as it is"):
                use(address)
        with database.transaction() as connection:
            assert connection.execute(text("SELECT count(*) FROM mine")).scalar() == 0


def test_a_run_that_is_not_there_says_how_to_make_one(address: str) -> None:
    with pytest.raises(RunStoreError, match="make one with a plan"):
        RunStore(address)


def test_the_password_of_a_database_is_never_shown(pair: Pair, address: str, capfd: pytest.CaptureFixture[str]) -> None:
    place = locate(address)
    assert isinstance(place, DatabasePlace)
    password = str(place.url.password)
    pair.source.seed(note(101, 11, "60"))
    planned = plan(pair.source.billing, pair.target.billing, address, pair.options())
    shown = [str(planned), str(status(address)), repr(place), str(place)]
    with open_run(address) as run:
        shown += [run.name, str(run.facts()), *(str(proof) for proof in run.proofs())]
    with pytest.raises(RunStoreError) as refused:
        RunStore(address.replace("/runs?", f"/{password}?"))
    shown += [str(refused.value), place.without_secrets().url.render_as_string(hide_password=False)]
    assert password not in "".join([*shown, *capfd.readouterr()])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("postgresql://host", "names no database"),
        ("postgresql://host/db?run=Über", "a run's name is"),
        ("postgresql://host/db?lease=0", "lease is a number of seconds"),
        ("postgresql://host/db?lease=soon", "lease is a number of seconds"),
        ("postgresql://host:port/db", "cannot be read"),
        ("postgresql://me:sec@ret@host/db", "written %40"),
        ("postgresql://me:sec@r/et@host/db", "written %40"),
        ("mysql://me:secret@host/db", "this address is neither"),
        ("sqlite:///it.run", "this address is neither"),
        (Path("postgresql://host/db"), "given as text"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_before_anything_is_asked(given: str | Path, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        locate(given)


def test_a_database_elsewhere_is_reached_by_tls_unless_the_address_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    for run, mode in (("//db.example/x", "require"), ("//db.example/x?sslmode=verify-full", "verify-full"), ("//127.0.0.1/x", None)):
        place = locate(f"postgresql:{run}")
        assert isinstance(place, DatabasePlace)
        assert _safe(place.url).query.get("sslmode") == mode
