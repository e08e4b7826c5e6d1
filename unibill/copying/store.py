"""The run store: plan, journal and proof of one migration, in one SQLite file.

Everything goes through one connection under one lock, so several threads can work on a run. Intents are made durable in
groups: threads that wait at the same time share one commit.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

from sqlalchemy import URL, Connection, RowMapping, Select, create_engine, delete, event, func, insert, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from unibill import exactjson
from unibill.copying import files, schema
from unibill.copying.files import Lock
from unibill.errors import RunStoreError

CHUNK: Final = 500
"""Rows that are in memory at once."""

Row = RowMapping
Values = Mapping[str, object]


def dumps(value: object) -> str:
    """A value as exact JSON text."""
    return exactjson.dumps(value).decode()


def loads(text: str) -> Any:  # noqa: ANN401 - whoever wrote the text knows its shape
    """A value from the exact JSON text of a run file.

    Raises:
        RunStoreError: it is none, so the file is damaged.
    """
    try:
        return exactjson.loads(text)
    except exactjson.InexactJSON as error:
        raise RunStoreError(f"the run file is damaged: {error}") from error


def now() -> str:
    """The time, for people who read the journal."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunStore:
    """An open run.

    Args:
        path: of the file.
        lock: whether to be the only one that works on it.

    Raises:
        RunStoreError: not a run of this version, locked by another process, or damaged.
    """

    def __init__(self, path: Path | str, *, lock: bool = False) -> None:
        self.path = Path(path)
        self._lock = Lock(self.path) if lock else None
        files.check(self.path)
        if self._lock is not None:
            self._lock.__enter__()
        try:
            self._open()
        except BaseException:
            self._unlock()
            raise

    @classmethod
    def make(cls, path: Path | str) -> Self:
        """Make a run file and lock it; a plan that was never applied may be replaced.

        Raises:
            RunStoreError: the place will not do, the file is something else, or its run has begun.
        """
        place = Path(path)
        files.refuse_network(place)
        if not place.parent.is_dir():
            raise RunStoreError(f"there is no folder {place.parent} for the run file")
        if place.is_dir():
            raise RunStoreError(f"the run file {place} is a folder; name a file in it")
        with Lock(place):
            if not place.exists():
                files.create(place)
            if not place.stat().st_size:
                _lay_out(place)
        store = cls(place, lock=True)
        try:
            store._empty()
        except BaseException:
            store.close()
            raise
        return store

    def _empty(self) -> None:
        if self.count(select(func.count()).select_from(schema.journal)):
            raise RunStoreError(f"the run {self.path} has begun, and its plan is fixed; plan into another file")
        with self.transaction() as connection:
            for table in schema.metadata.sorted_tables:
                connection.execute(delete(table))

    def _open(self) -> None:
        self._engine = create_engine(URL.create("sqlite+pysqlite", database=str(self.path)), poolclass=StaticPool, connect_args=_CONNECT)
        event.listen(self._engine, "connect", _configure)
        self._guard = threading.RLock()
        self._writer = _Writer(self)
        try:
            self._connection = self._engine.connect()
        except (DatabaseError, sqlite3.Error, UnicodeDecodeError) as error:  # the last where a damaged file garbles SQLite's own words
            self._engine.dispose()
            raise RunStoreError(f"the run file {self.path} is damaged or cannot be used: {_said(error)}") from error

    def close(self) -> None:
        """Write what is waiting, close the file, and give the lock back. What could not be written was reported when it failed."""
        try:
            if not self._writer.is_broken:
                self._writer.flush()
        finally:
            self._connection.close()
            self._engine.dispose()
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.__exit__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, committed and durable at its end.

        Raises:
            RunStoreError: the file cannot be read or written.
        """
        with self._guard:
            try:
                with self._connection.begin():
                    yield self._connection
            except (DatabaseError, sqlite3.Error) as error:
                raise RunStoreError(f"the run file {self.path} cannot be read or written: {_said(error)}") from error

    # Reading

    def rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Row]:
        """All rows of a query that gives few."""
        self._writer.flush()
        with self.transaction() as connection:
            return connection.execute(query).mappings().all()

    def count(self, query: Select[*tuple[Any, ...]]) -> int:
        """The one number that a query gives."""
        self._writer.flush()
        with self.transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def stream(self, query: Select[*tuple[Any, ...]], *keys: Any, size: int = CHUNK) -> Iterator[Row]:  # noqa: ANN401 - columns of any type
        """The rows of a query, in the order of columns that identify each, a chunk at a time; others may write meanwhile.

        Args:
            query: selects the columns ``keys`` too, and has no order of its own.
            keys: columns that together are unique.
            size: of a chunk.
        """
        from sqlalchemy import tuple_

        ordered = query.order_by(*keys).limit(size)
        after: Select[*tuple[Any, ...]] | None = ordered
        while after is not None:
            rows = self.rows(after)
            yield from rows
            last = [rows[-1][key.name] for key in keys] if len(rows) == size else None
            after = None if last is None else ordered.where(tuple_(*keys) > tuple_(*last))

    def record(self, seq: int) -> Row:
        """One record."""
        return self.rows(select(schema.records).where(schema.records.c.seq == seq))[0]

    # Meta

    def get(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """A fact about the run, or None."""
        rows = self.rows(select(schema.meta.c.value).where(schema.meta.c.key == key))
        return loads(rows[0]["value"]) if rows else None

    def put(self, **facts: object) -> None:
        """Keep facts about the run."""
        with self.transaction() as connection:
            for key, value in facts.items():
                connection.execute(delete(schema.meta).where(schema.meta.c.key == key))
                connection.execute(insert(schema.meta).values(key=key, value=dumps(value)))

    def prove(self, kind: str, data: object) -> None:
        """Keep what was found at the end of something."""
        with self.transaction() as connection:
            connection.execute(insert(schema.proofs).values(kind=kind, at=now(), data=dumps(data)))

    # Writing

    def keep(self, entry: "Entry") -> None:
        """Make an entry durable before this returns."""
        self._writer.keep(entry)

    def note(self, entry: "Entry") -> None:
        """Write an entry with the next one that is kept, or when anything is read."""
        self._writer.note(entry)

    def flush(self) -> None:
        """Make everything durable that was noted."""
        self._writer.flush()


class Entry:
    """A row of the journal, and what it changes of its record.

    Args:
        seq: of the record.
        attempt: counts the writes of a record.
        action: ``create`` or ``undo``.
        phase: ``intent``, ``done`` or ``outcome``.
        step: its name.
        data: JSON values.
        record: new values of the record's columns.
    """

    __slots__ = ("journal", "record", "seq")

    def __init__(self, seq: int, attempt: int, action: str, phase: str, step: str, data: Values, record: Values) -> None:
        self.seq = seq
        self.journal = {"seq": seq, "attempt": attempt, "action": action, "phase": phase, "step": step, "data": dumps(data), "at": now()}
        self.record = record


class _Writer:
    """Commits entries in groups, in order."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._waiting: list[Entry] = []
        self._taken = 0
        self._durable = 0
        self._busy = False
        self._broken: BaseException | None = None

    @property
    def is_broken(self) -> bool:
        return self._broken is not None

    def note(self, entry: Entry) -> None:
        with self._changed:
            self._waiting.append(entry)

    def keep(self, entry: Entry) -> None:
        with self._changed:
            self._waiting.append(entry)
            self._until(self._taken + len(self._waiting))

    def flush(self) -> None:
        with self._changed:
            self._until(self._taken + len(self._waiting))

    def _until(self, ticket: int) -> None:
        while self._durable < ticket:
            if self._broken is not None:
                raise RunStoreError(
                    f"the run file {self._store.path} could not be written, so nothing more is sent: {self._broken}"
                ) from self._broken
            if self._busy:
                self._changed.wait()
                continue
            self._busy = True
            batch, self._waiting = self._waiting, []
            self._taken += len(batch)
            self._changed.release()
            failure: BaseException | None = None
            try:
                self._commit(batch)
            except BaseException as error:  # noqa: BLE001 - whoever waits for this batch must hear of it too
                failure = error
            self._changed.acquire()
            self._busy = False
            if failure is not None:
                self._broken = failure
            else:
                self._durable = self._taken
            self._changed.notify_all()
            if failure is not None:
                raise failure

    def _commit(self, batch: Sequence[Entry]) -> None:
        with self._store.transaction() as connection:
            connection.execute(insert(schema.journal), [entry.journal for entry in batch])
            for entry in batch:
                if entry.record:
                    connection.execute(update(schema.records).where(schema.records.c.seq == entry.seq).values(**entry.record))


def done_steps(store: RunStore, seq: int, action: str, attempt: int | None = None) -> dict[str, dict[str, object]]:
    """The answered steps of a record, by name, with their data.

    Args:
        store: the run.
        seq: of the record.
        action: ``create`` or ``undo``.
        attempt: the generation that they belong to.
    """
    table = schema.journal
    query = select(table.c.step, table.c.data).where(table.c.seq == seq, table.c.action == action, table.c.phase == "done")
    if attempt is not None:
        query = query.where(table.c.attempt == attempt)
    return {row["step"]: cast("dict[str, object]", loads(row["data"])) for row in store.rows(query.order_by(table.c.id))}


def in_chunks(items: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """Lists of up to ``size`` items."""
    chunk: list[Any] = []
    for item in items:
        chunk.append(item)
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


_CONNECT: Final = {"check_same_thread": False, "timeout": 30.0}


def _said(error: Exception) -> str:
    """What SQLite said, without the statement around it."""
    return str(error.orig if isinstance(error, DatabaseError) else error)


def _configure(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _lay_out(path: Path) -> None:
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)), poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            # Python's driver begins no transaction for CREATE, and a half-made file would be taken for somebody else's.
            connection.exec_driver_sql("BEGIN")
            schema.metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version = {schema.VERSION}")
    except (DatabaseError, sqlite3.Error) as error:
        raise RunStoreError(f"the run file {path} cannot be made: {_said(error)}") from error
    finally:
        engine.dispose()
