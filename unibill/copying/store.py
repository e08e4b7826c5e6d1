"""The run store: plan, journal and proof of one migration, in a file or in a database.

Several threads can work on a run. Intents are made durable in groups, see ``journal``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, cast

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, literal, select, type_coerce
from sqlalchemy.types import NullType

from unibill import exactjson
from unibill.copying import schema
from unibill.copying.columns import Unreadable
from unibill.copying.contents import FACTS, is_charge
from unibill.copying.database import Database, database
from unibill.copying.decisions import Decision, State
from unibill.copying.items import RecordType
from unibill.copying.journal import Entry, Writer
from unibill.copying.place import RunLike, locate
from unibill.copying.prepared import Prepared, Row
from unibill.copying.shapes import Wrong, anything, parsed
from unibill.copying.summary import Value
from unibill.errors import RunStoreError

CHUNK: Final = 500
"""Rows that are in memory at once."""

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
        self._writer = Writer(self.transaction, self.name)

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
        """Write what is waiting, close the run, and give the lock back.

        Raises:
            RunStoreError: something could not be written, and nobody was told before.
        """
        try:
            self._writer.close()
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
        self.flush()
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
        self.flush()
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

    @property
    def noted(self) -> int:
        """How many entries were noted so far, by whomever."""
        return self._writer.noted

    def note(self, entry: Entry) -> int:
        """Write an entry with the next one that is kept, with the first that is noted a moment later, or when anything is read.

        Returns:
            Its number, for ``keep``.
        """
        return self._writer.note(entry)

    def keep(self, count: int) -> None:
        """Make entries durable before this returns, with all else that was noted; where they are already, nothing is waited for.

        Args:
            count: the number of the last of them.
        """
        self._writer.keep(count)

    def flush(self) -> None:
        """Make everything durable that was noted."""
        self._writer.flush()


def put(connection: Connection, facts: Mapping[str, object]) -> None:
    """Keep facts about a run, with whatever else its transaction keeps."""
    for key, value in facts.items():
        connection.execute(delete(schema.meta).where(schema.meta.c.key == key))
        connection.execute(insert(schema.meta).values(key=key, value=dumps(value)))


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
