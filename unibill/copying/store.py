"""The run store: plan, journal and proof of one migration, in a file or in a database.

Several threads can work on a run. Intents are made durable in groups: threads that wait at the same time share one commit.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any, Final, Self, cast

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, literal, select, type_coerce, update
from sqlalchemy.types import NullType

from unibill import exactjson
from unibill.copying import schema
from unibill.copying.columns import Unreadable
from unibill.copying.database import Database, database
from unibill.copying.decisions import Decision, State
from unibill.copying.items import RecordType
from unibill.copying.place import RunLike, locate
from unibill.copying.prepared import Prepared, Row, Values
from unibill.copying.shapes import FACTS, Wrong, anything, is_charge, parsed
from unibill.copying.summary import Value
from unibill.errors import RunStoreError

CHUNK: Final = 500
"""Rows that are in memory at once."""
PATIENCE: Final = 0.05
"""Seconds after which what was noted is not left waiting for an entry that is kept."""

_CARRIED: Final = frozenset({Decision.CREATE, Decision.EXISTS})


def dumps(value: object) -> str:
    """A value as exact JSON text."""
    return exactjson.dumps(value).decode()


def now() -> str:
    """The time, for people who read the run."""
    return told_time(datetime.now(UTC))


def told_time(at: datetime) -> str:
    """A time as the run tells it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunStore:
    """An open run.

    Args:
        run: where it is kept.
        lock: whether to be the only one that works on it.
        opened: its database, if it was checked and opened before; it is closed with the run.

    Raises:
        RunStoreError: not a run of this version, locked by another process, or damaged.
        ConfigurationError: an address that cannot be used, or whose libraries are not installed.
    """

    def __init__(self, run: RunLike, *, lock: bool = False, opened: Database | None = None) -> None:
        self.place = locate(run)
        self.database = opened or database(self.place)
        if opened is None:
            try:
                self.database.check()
                if lock:
                    self.database.lock()
                self.database.open()
            except BaseException:
                self.database.close()
                raise
        self._writer = _Writer(self)

    @classmethod
    def make(cls, run: RunLike) -> Self:
        """Make a run and lock it; a plan that was never applied may be replaced.

        Raises:
            RunStoreError: the place will not do, it holds something else, or its run has begun.
            ConfigurationError: as of the class.
        """
        place = locate(run)
        with closing(database(place)) as made:
            made.create()
        store = cls(place, lock=True)
        try:
            store._empty()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def name(self) -> str:
        """Where the run is kept, to be shown: without credentials."""
        return self.database.name

    def check_words(self) -> None:
        """See to it that every record's decision and state are of ours: what asks for one would pass over any other, and tell nobody.

        Raises:
            RunStoreError: one is not, so the run is damaged.
        """
        r = schema.records.c
        self.rows(select(r.decision, r.state, r.record_type).distinct())

    def damaged(self, what: str) -> RunStoreError:
        """The error of a run that cannot be read.

        Args:
            what: is wrong with it, and where.
        """
        return RunStoreError(f"the run {self.name} is damaged: {what}; restore a copy of it, or plan again into another run")

    @contextmanager
    def whole(self, what: str) -> Iterator[None]:
        """Check values of the run with ``shapes``; what is wrong becomes a ``RunStoreError`` that names it.

        Args:
            what: is checked.
        """
        try:
            yield
        except Wrong as wrong:
            raise self.damaged(f"in {what} {wrong}") from wrong

    def _check_carried(self, rows: Sequence[Row]) -> None:
        """See to it that what is carried has an amount and a draft, of the form in which it travels."""
        has_draft, has_type, has_decision, has_state = (name in rows[0] for name in ("draft", "record_type", "decision", "state"))
        for row in rows:
            carries = (has_decision and row["decision"] in _CARRIED) or (has_state and row["state"] is not State.NONE)
            draft = row["draft"] if has_draft else None
            if row["carried"] is None:
                if carries or not (has_decision or has_state):
                    raise self._uncarried(row, "has no carried amount, though it is to be carried")
            elif carries and has_draft and draft is None:
                raise self._uncarried(row, "has no draft, though it is to be carried")
            elif isinstance(draft, dict) and has_type and is_charge(draft) is not (row["record_type"] is RecordType.CHARGE):
                raise self._uncarried(row, f"is a {row['record_type']}, and its draft is not of one")

    def _uncarried(self, row: Row, wrong: str) -> RunStoreError:
        which = f"{row.get('record_type', 'record')} {row['source_id']}" if "source_id" in row else f"record {row['seq']}"
        return self.damaged(f"in records, {which} {wrong}")

    @contextmanager
    def _read(self, connection: Connection) -> Iterator[None]:
        """Name the row of what cannot be read."""
        try:
            yield
        except Unreadable as unreadable:
            raise self._of(connection, unreadable) from unreadable

    def _of(self, connection: Connection, unreadable: Unreadable) -> RunStoreError:
        table, name = unreadable.column.split(".")
        found = {**schema.metadata.tables, **schema.shared.tables}[table]
        keys = [found.c.record_type, found.c.source_id] if found is schema.records else list(found.primary_key)
        bare = [type_coerce(key, NullType()).label(key.name) for key in keys]
        same = type_coerce(found.c[name], NullType()).is_not_distinct_from(literal(unreadable.value, NullType()))
        row = connection.execute(select(*bare).where(same).limit(1)).first()
        which = "" if row is None else " ".join(str(part) for part in row)
        return self.damaged(f"in {table} {which}, {name} {unreadable.wrong}")

    def _empty(self) -> None:
        if self.count(select(func.count()).select_from(schema.journal)):
            raise RunStoreError(f"the run {self.name} has begun, and its plan is fixed; plan into another run")
        with self.transaction() as connection:
            self.database.clear(connection)

    def close(self) -> None:
        """Write what is waiting, close the run, and give the lock back. What could not be written was reported when it failed."""
        try:
            if not self._writer.is_broken:
                self._writer.flush()
        finally:
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction that writes, committed and durable at its end.

        Raises:
            RunStoreError: the run cannot be written.
            LeaseLost: another works on what this process worked on; nothing was written.
        """
        with self.database.transaction() as connection, self._read(connection):
            self.database.fence(connection)
            yield connection

    # Reading

    def rows(self, query: Select[*tuple[Any, ...]] | Prepared, **values: object) -> Sequence[Row]:
        """All rows of a query that gives few.

        Args:
            query: one that is asked often is prepared, with bound parameters.
            values: of its parameters.
        """
        self._writer.flush()
        return self.durable_rows(query, **values)

    def durable_rows(self, query: Select[*tuple[Any, ...]] | Prepared, **values: object) -> Sequence[Row]:
        """The same of what is durable, for whoever has flushed all that matters to him: nobody else's entries are hurried."""
        with self.database.transaction() as connection, self._read(connection):
            if isinstance(query, Prepared):
                rows: Sequence[Row] = query.rows(connection, values)
            else:
                rows = cast("Sequence[Row]", connection.execute(query, values).mappings().all())
        if rows and "carried" in rows[0]:
            self._check_carried(rows)
        return rows

    def count(self, query: Select[*tuple[Any, ...]]) -> int:
        """The one number that a query gives."""
        self._writer.flush()
        with self.database.transaction() as connection, self._read(connection):
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
        last = [bindparam(f"after_{number}", None, type_=key.type) for number, key in enumerate(keys)]
        following = ordered.where(tuple_(*keys) > tuple_(*last))
        after: Prepared | Select[*tuple[Any, ...]] | None = None
        rows = self.rows(ordered)
        while True:
            yield from rows
            if len(rows) < size:
                return
            values = {f"after_{number}": rows[-1][key.name] for number, key in enumerate(keys)}
            if after is None:
                after = Prepared(following) if Prepared.can_read(query) else following
            rows = []  # two chunks are never in memory
            rows = self.rows(after, **values)

    def column(self, query: Select[*tuple[Any, ...]], key: Any) -> list[Any]:  # noqa: ANN401 - a column of any type
        """All values of the one column that a query selects, in their order, each once."""
        return [row[key.name] for row in self.stream(query, key)]

    def record(self, seq: int) -> Row:
        """One record."""
        return self.rows(select(schema.records).where(schema.records.c.seq == seq))[0]

    # Meta

    def get(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """A fact about the run, or None."""
        rows = self.rows(select(schema.meta).where(schema.meta.c.key == key))
        return self._fact(rows[0]) if rows else None

    def need(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """A fact about the run that every plan has.

        Raises:
            RunStoreError: it is not there, so the run is damaged.
        """
        found = self.get(key)
        if found is None:
            raise self.damaged(f"meta has no {key}")
        return found

    def facts(self) -> dict[str, Any]:
        """All facts about the run."""
        return {row["key"]: self._fact(row) for row in self.rows(select(schema.meta))}

    def _fact(self, row: Row) -> Any:  # noqa: ANN401 - JSON
        with self.whole(f"meta {row['key']}, value"):
            return parsed(row["value"], FACTS.get(row["key"], anything))

    def put(self, **facts: object) -> None:
        """Keep facts about the run."""
        with self.transaction() as connection:
            put(connection, facts)

    def prove(self, kind: str, found: Value, lines: str = "") -> None:
        """Keep what was found at the end of something.

        Args:
            kind: of the proof.
            found: what was found.
            lines: which of its fields has a line of each account, and is kept apart, a chunk at a time.
        """
        with self.transaction() as connection:
            values = {"kind": kind, "at": now(), "data": dumps(found.jsonable(without=lines)), "lines": lines}
            (proof,) = connection.execute(insert(schema.proofs).values(**values)).inserted_primary_key or (0,)
            for number, chunk in enumerate(in_chunks(getattr(found, lines) if lines else ())):
                data = dumps([line.jsonable() for line in chunk])
                connection.execute(insert(schema.proof_lines).values(proof=proof, number=number, data=data))

    # Writing

    def keep(self, *entries: "Entry") -> None:
        """Make entries durable, all in one commit, before this returns."""
        self._writer.keep(*entries)

    def note(self, entry: "Entry") -> None:
        """Write an entry with the next one that is kept, with the first that is noted a moment later, or when anything is read."""
        self._writer.note(entry)

    def flush(self) -> None:
        """Make everything durable that was noted."""
        self._writer.flush()


def put(connection: Connection, facts: Mapping[str, object]) -> None:
    """Keep facts about a run, with whatever else its transaction keeps."""
    for key, value in facts.items():
        connection.execute(delete(schema.meta).where(schema.meta.c.key == key))
        connection.execute(insert(schema.meta).values(key=key, value=dumps(value)))


class Entry:
    """A row of the journal, and what it changes of its record.

    Args:
        seq: of the record.
        attempt: counts the writes of a record.
        action: ``create`` or ``undo``.
        phase: ``intent``, ``done`` or ``outcome``.
        step: its name; empty for that of the record's last intent.
        data: JSON values.
        record: new values of the record's columns.
    """

    __slots__ = ("journal", "phase", "record", "seq")
    COLUMNS: Final = ("seq", "attempt", "action", "phase", "step", "data", "at")
    """Of the journal."""

    def __init__(self, seq: int, attempt: int, action: str, phase: str, step: str, data: Values, record: Values) -> None:
        self.seq = seq
        self.phase = phase
        self.journal: dict[str, object] | None = {
            "seq": seq,
            "attempt": attempt,
            "action": action,
            "phase": phase,
            "step": step,
            "data": dumps(data) if data else "",
            "at": time.time_ns() // 1_000_000,
        }
        self.record = record

    @classmethod
    def unjournaled(cls, seq: int, record: Values) -> "Entry":
        """What became known of a record without any write."""
        entry = cls.__new__(cls)
        entry.seq, entry.phase, entry.journal, entry.record = seq, "", None, record
        return entry


class _Writer:
    """Commits entries in groups, in order."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._waiting: list[Entry] = []
        self._oldest = 0.0
        self._taken = 0
        self._durable = 0
        self._busy = False
        self._broken: BaseException | None = None

    @property
    def is_broken(self) -> bool:
        return self._broken is not None

    def note(self, entry: Entry) -> None:
        with self._changed:
            if not self._waiting:
                self._oldest = time.monotonic()
            self._waiting.append(entry)
            if not self._busy and time.monotonic() - self._oldest >= PATIENCE:
                self._until(self._taken + len(self._waiting))

    def keep(self, *entries: Entry) -> None:
        with self._changed:
            self._waiting.extend(entries)
            self._until(self._taken + len(self._waiting))

    def flush(self) -> None:
        with self._changed:
            self._until(self._taken + len(self._waiting))

    def _until(self, ticket: int) -> None:
        while self._durable < ticket:
            if self._broken is not None:
                raise RunStoreError(
                    f"the run {self._store.name} could not be written, so nothing more is sent: {self._broken}"
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
        changed: dict[int, dict[str, object]] = {}
        for entry in batch:
            if entry.record:
                changed.setdefault(entry.seq, {}).update(entry.record)
        alike: dict[tuple[str, ...], list[dict[str, object]]] = {}
        for seq, values in changed.items():
            alike.setdefault(tuple(values), []).append({"which": seq, **values})
        journal = [entry.journal for entry in batch if entry.journal is not None]
        with self._store.transaction() as connection:
            if journal:
                _JOURNAL.run(connection, journal)
            for names, rows in alike.items():
                _changing(names).run(connection, rows)


_JOURNAL: Final = Prepared(insert(schema.journal).values({name: bindparam(name, None) for name in Entry.COLUMNS}).inline())


@cache
def _changing(names: tuple[str, ...]) -> Prepared:
    """Gives some columns of one record new values."""
    return Prepared(
        update(schema.records)
        .where(schema.records.c.seq == bindparam("which", None))
        .values({name: bindparam(name, None) for name in names})
    )


def done_steps(store: RunStore, seq: int, action: str, attempt: int | None = None) -> dict[str, dict[str, object]]:
    """The answered steps of a record, by name, with their data.

    Args:
        store: the run.
        seq: of the record.
        action: ``create`` or ``undo``.
        attempt: the generation that they belong to.
    """
    table = schema.journal
    query = select(table.c.phase, table.c.step, table.c.data).where(table.c.seq == seq, table.c.action == action)
    if attempt is not None:
        query = query.where(table.c.attempt == attempt)
    begun, done = "", dict[str, dict[str, object]]()
    for row in store.rows(query.order_by(table.c.id)):
        if row["phase"] == "intent":
            begun = row["step"]
        elif row["phase"] == "done":
            done[row["step"] or begun] = _Step(store, f"journal, step {row['step'] or begun} of record {seq}", row["data"])
    return done


class _Step(dict[str, object]):
    """What was kept of an answered step; what it lacks is told, since whoever goes on from it knows only that it was kept."""

    def __init__(self, store: RunStore, what: str, data: Mapping[str, object]) -> None:
        super().__init__(data)
        self._store = store
        self._what = what

    def __missing__(self, name: str) -> object:
        raise self._store.damaged(f"in {self._what}, data lacks {name!r}")


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
