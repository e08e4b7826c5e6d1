import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from unibill.copying import files, schema
from unibill.copying.journal import Entry, Writer
from unibill.copying.store import RunStore
from unibill.errors import RunStoreError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.db"
    RunStore.make(path).close()
    return path


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_nobody_else_can_read_the_run_or_its_sidecars_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with RunStore.make(tmp_path / "run.db") as store:
            store.put(a=1)
            found = modes(tmp_path)
    finally:
        os.umask(before)
    assert set(found) == {"run.db", "run.db-wal", "run.db-shm", "run.db.lock"}
    assert set(found.values()) == {0o600}


def test_writes_are_synchronous_and_ahead(run: Path) -> None:
    with RunStore(run) as store, store.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (a)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    for use in (RunStore, RunStore.make):
        with pytest.raises(RunStoreError, match="not a run file"):
            use(path)
    assert path.read_bytes() == before


def test_a_text_file_is_no_run(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello " * 100)
    with pytest.raises(RunStoreError, match="not a run file"):
        RunStore(path)


def test_a_run_of_another_version_is_refused(run: Path) -> None:
    connection = sqlite3.connect(run)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    with pytest.raises(RunStoreError, match=f"version 99; this one reads {schema.VERSION}. Go on with that unibill, or plan"):
        RunStore(run)


def test_a_missing_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RunStoreError, match="make one with a plan"):
        RunStore(tmp_path / "run.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_network_file_systems_are_refused(kind: str) -> None:
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x /mnt/my\\040share {kind} rw 0 0\ntmpfs /mnt/my\\040share/local tmpfs rw 0 0\n"
    with pytest.raises(RunStoreError, match=kind):
        files.refuse_network(Path("/mnt/my share/deep/run.db"), mounts)
    files.refuse_network(Path("/mnt/my share/local/run.db"), mounts)
    files.refuse_network(Path("/mnt/my share 2/run.db"), mounts)


def test_a_second_process_cannot_work_on_a_run_and_the_lock_dies_with_its_holder(run: Path) -> None:
    code = (
        "import sys\nfrom unibill.copying.files import Lock\nfrom pathlib import Path\n"
        f"with Lock(Path({str(run)!r})):\n print('held', flush=True)\n sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:  # noqa: S603 - our own program
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunStoreError, match="another process is working"):
            RunStore(run, lock=True)
        RunStore(run).close()
        holder.kill()
        holder.wait()
    RunStore(run, lock=True).close()


def test_a_run_that_has_begun_keeps_its_plan(run: Path) -> None:
    with RunStore(run) as store:
        store.keep(store.note(Entry(1, 0, "create", "intent", "add", {}, {})))
    with pytest.raises(RunStoreError, match="has begun"):
        RunStore.make(run)


def test_a_plan_that_was_never_applied_can_be_replaced(run: Path) -> None:
    with RunStore(run) as store:
        store.put(hash="x")
    with RunStore.make(run) as store:
        assert store.get("hash") is None


def test_a_plan_whose_file_was_just_made_can_be_made_again(tmp_path: Path) -> None:
    """A process that was killed right after it made the file leaves an empty one."""
    path = tmp_path / "run.db"
    files.create(path)
    RunStore.make(path).close()
    files.check(path)


def test_what_is_kept_is_durable_at_once_and_brings_what_was_noted_with_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unibill.copying.journal.PATIENCE", 3600.0)
    with RunStore(run) as store:
        store.note(Entry(1, 0, "create", "outcome", "a", {}, {}))
        reader = sqlite3.connect(run)
        assert reader.execute("SELECT count(*) FROM journal").fetchone() == (0,)
        store.keep(store.note(Entry(2, 0, "create", "intent", "b", {}, {})))
        assert reader.execute("SELECT seq FROM journal ORDER BY id").fetchall() == [(1,), (2,)]
        reader.close()


def test_what_is_durable_already_is_not_waited_for(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unibill.copying.journal.PATIENCE", 3600.0)
    with RunStore(run) as store:
        noted = store.note(Entry(1, 0, "create", "intent", "a", {}, {}))
        store.keep(store.note(Entry(2, 0, "create", "intent", "b", {}, {})))
        store.note(Entry(3, 0, "create", "intent", "c", {}, {}))
        store.keep(noted)
        with closing(sqlite3.connect(run)) as reader:
            assert reader.execute("SELECT seq FROM journal ORDER BY id").fetchall() == [(1,), (2,)]


def test_what_is_noted_does_not_wait_for_ever_for_an_entry_that_is_kept(run: Path) -> None:
    with RunStore(run) as store, closing(sqlite3.connect(run)) as reader:
        for number in range(1, 4):  # also after it was all durable for a while
            store.note(Entry(number, 0, "create", "outcome", "a", {}, {}))
            limit = time.monotonic() + 30
            while reader.execute("SELECT count(*) FROM journal").fetchone() != (number,):
                assert time.monotonic() < limit
                time.sleep(0.001)


def test_what_nobody_waited_for_and_could_not_be_written_is_told_at_the_latest_when_the_run_is_closed(run: Path) -> None:
    store = RunStore(run)
    with closing(sqlite3.connect(run)) as other:
        other.execute("DROP TABLE journal")
    store.note(Entry(1, 0, "create", "outcome", "a", {}, {}))
    with pytest.raises(RunStoreError, match="could not be written|cannot be read or written"):
        store.close()
    with RunStore(run, lock=True):
        assert not [thread for thread in threading.enumerate() if thread.name == "unibill-journal"]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs a signal to one thread")
def test_ctrl_c_while_something_is_committed_breaks_off_no_commit_and_loses_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unibill.copying.journal.PATIENCE", 3600.0)
    main, interrupted = threading.main_thread(), list[str]()

    @contextmanager
    def transaction() -> Iterator[Connection]:
        here = threading.current_thread()
        interrupted.append(here.name)
        if here is main:
            raise KeyboardInterrupt  # where a signal would be heard
        with store.transaction() as connection:
            yield connection
        if len(interrupted) == 1:
            signal.pthread_kill(main.ident or 0, signal.SIGINT)  # it waits for this commit

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with RunStore(run) as store:
            writer = Writer(transaction, "run")
            with pytest.raises(KeyboardInterrupt):
                writer.keep(writer.note(Entry(1, 0, "create", "outcome", "a", {}, {})))
            writer.note(Entry(2, 0, "create", "outcome", "a", {}, {}))
            writer.close()
            assert [row["seq"] for row in store.rows(select(schema.journal))] == [1, 2]
    finally:
        signal.signal(signal.SIGINT, before)
    assert main.name not in interrupted


def test_once_something_could_not_be_written_not_even_what_is_durable_may_be_sent(run: Path) -> None:
    with RunStore(run) as store:
        durable = store.note(Entry(1, 0, "create", "intent", "a", {}, {}))
        store.keep(durable)
        with closing(sqlite3.connect(run)) as other:
            other.execute("DROP TABLE journal")
        store.note(Entry(2, 0, "create", "outcome", "a", {}, {}))
        with pytest.raises(RunStoreError, match="cannot be read or written"):
            store.flush()
        with pytest.raises(RunStoreError, match="nothing more is sent"):
            store.keep(durable)


def test_long_tables_are_read_in_chunks_while_others_write(run: Path) -> None:
    with RunStore(run) as store:
        with store.transaction() as connection:
            connection.execute(insert(schema.accounts), [{"source": f"{i:04}", "target": "x"} for i in range(1_003)])
        seen = []
        for row in store.stream(select(schema.accounts), schema.accounts.c.source, size=100):
            seen.append(row["source"])
            if len(seen) % 250 == 0:
                store.put(progress=len(seen))
        assert seen == [f"{i:04}" for i in range(1_003)]


def test_a_store_that_cannot_be_written_says_so(run: Path) -> None:
    with RunStore(run) as store:
        locker = sqlite3.connect(run)
        locker.execute("DROP TABLE journal")
        locker.commit()
        locker.close()
        with pytest.raises(RunStoreError, match="cannot be read or written"):
            store.keep(store.note(Entry(1, 0, "create", "intent", "a", {}, {})))
        with pytest.raises(RunStoreError, match="nothing more is sent"):
            store.keep(store.note(Entry(1, 0, "create", "intent", "a", {}, {})))


def test_a_store_without_room_says_what_helps(run: Path) -> None:
    rows = [{"key": str(number), "value": "x" * 1000} for number in range(100)]
    hint = "make room there, and give the same command again"
    with RunStore(run) as store, pytest.raises(RunStoreError, match=hint), store.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes it for a full disk
        connection.execute(insert(schema.meta), rows)


@pytest.mark.parametrize("kept", [100, 3_000, 5_000])
def test_a_damaged_run_says_so(run: Path, kept: int) -> None:
    data = run.read_bytes()
    run.write_bytes(data[:kept] + b"\xff" * (len(data) - kept))
    with pytest.raises(RunStoreError, match=r"damaged|cannot be read"), RunStore(run) as store:
        for table in schema.metadata.sorted_tables:
            store.rows(select(table))
