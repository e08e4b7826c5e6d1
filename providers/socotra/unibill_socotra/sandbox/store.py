"""Records in SQLite: one table per kind, each row with the record and the JSON that an answer shows.

The database is the only state; nothing is cached, so a rolled back transaction leaves no trace and a file can be reopened.
"""

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import msgspec

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.errors import unknown
from unibill_socotra.sandbox.render import CREDIT_KINDS, Renderer, credit_state, credit_type
from unibill_socotra.sandbox.switches import PRESENTATION

R = TypeVar("R", bound=r.Record)

BLOCK: Final = 1 << 32
"""Locator numbers set aside each time a database is opened."""

_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final = {kind: msgspec.json.Decoder(kind) for kind in r.KINDS}
_NAMES: Final = {
    r.Distribution: "credit distribution",
    r.WriteOff: "write-off",
    r.Shortfall: "shortfall credit",
}
_LISTED: Final = (*CREDIT_KINDS, r.Charge, r.Account, r.Policy, r.Quote, r.Invoice)


def table(kind: type[r.Record]) -> str:
    """The table of a kind."""
    return f"socotra_{kind.kind}"


def _definitions(kind: type[r.Record]) -> Iterator[str]:
    columns = "".join(f"{column}, " for column in kind.columns)
    yield f"CREATE TABLE IF NOT EXISTS {table(kind)} (locator TEXT PRIMARY KEY, {columns}doc BLOB NOT NULL, body TEXT, summary TEXT)"
    for column in kind.columns:
        if column != "total_is_zero":
            name = f"{table(kind)}_{column}"
            yield f"CREATE INDEX IF NOT EXISTS {name} ON {table(kind)} ({column}, locator) WHERE {column} IS NOT NULL"


_SCHEMA: Final = (
    *(statement for kind in r.KINDS for statement in _definitions(kind)),
    (
        "CREATE TABLE IF NOT EXISTS socotra_credit (credit_type TEXT, locator TEXT, account_locator TEXT, reversed INTEGER, body TEXT,"
        " PRIMARY KEY (locator, credit_type))"
    ),
    "CREATE INDEX IF NOT EXISTS socotra_credit_account ON socotra_credit (account_locator, locator)",
    (
        "CREATE TABLE IF NOT EXISTS socotra_ledger (number INTEGER PRIMARY KEY, transaction_locator TEXT, time TEXT, note TEXT,"
        " reference_type TEXT, reference_locator TEXT, currency TEXT, side TEXT, amount TEXT)"
    ),
    "CREATE INDEX IF NOT EXISTS socotra_ledger_reference ON socotra_ledger (reference_type, reference_locator, currency, number)",
    "CREATE TABLE IF NOT EXISTS socotra_balance (account_locator TEXT, currency TEXT, balance TEXT, PRIMARY KEY (account_locator, currency))",
    "CREATE TABLE IF NOT EXISTS socotra_queue (number INTEGER PRIMARY KEY, countdown INTEGER, charges TEXT)",
    "CREATE TABLE IF NOT EXISTS socotra_token (token TEXT PRIMARY KEY, permissions TEXT)",
    "CREATE TABLE IF NOT EXISTS socotra_meta (name TEXT PRIMARY KEY, value)",
)
TABLES: Final = (
    *(table(kind) for kind in r.KINDS),
    *(f"socotra_{name}" for name in ("credit", "ledger", "balance", "queue", "token", "meta")),
)

_PUT: Final = {
    kind: f"INSERT OR REPLACE INTO {table(kind)} VALUES ({', '.join('?' * (len(kind.columns) + 4))})"  # noqa: S608 - kinds are constants
    for kind in r.KINDS
}
_GET: Final = {kind: f"SELECT doc FROM {table(kind)} WHERE locator = ?" for kind in r.KINDS}  # noqa: S608 - kinds are constants
_BODY: Final = {kind: f"SELECT body FROM {table(kind)} WHERE locator = ?" for kind in r.KINDS}  # noqa: S608 - kinds are constants
_PUT_CREDIT: Final = "INSERT OR REPLACE INTO socotra_credit VALUES (?, ?, ?, ?, ?)"


class Store:
    """The sandbox's records.

    Args:
        database: the connection; its owner begins and commits transactions.
        renderer: writes what lists and single reads answer.
        settings: the switches; records are rendered anew if they were stored under others.
    """

    def __init__(self, database: sqlite3.Connection, renderer: Renderer, settings: Mapping[str, str]) -> None:
        self.database = database
        self.renderer = renderer
        self._inside = False
        self._pending: dict[tuple[type[r.Record], str], r.Record] = {}
        for statement in _SCHEMA:
            database.execute(statement)
        fingerprint = " ".join(settings[name] for name in PRESENTATION)
        if self.meta("presentation", fingerprint) != fingerprint:
            self.render_again()
        self.set_meta("presentation", fingerprint)

    def take_block(self) -> int:
        """The first of a block of numbers that no earlier opening of this database used."""
        start = int(self.meta("block", "0"))
        self.set_meta("block", str(start + BLOCK))
        return start

    def clear(self) -> None:
        """Empty every table, except for how records are rendered."""
        kept = self.meta("presentation", "")
        for name in TABLES:
            self.database.execute(f"DELETE FROM {name}")  # noqa: S608 - table names are constants
        self.set_meta("presentation", kept)

    @contextmanager
    def atomic(self) -> Generator[None, None, None]:
        """All of the block or nothing of it; blocks inside it belong to it.

        Records put inside are written once, at the end or before a query, however often they were put.
        """
        if self._inside:
            yield
            return
        self._inside = True
        self.database.execute("SAVEPOINT socotra")
        try:
            yield
            self._flush()
        except BaseException:
            self.database.execute("ROLLBACK TO socotra")
            raise
        finally:
            self._pending.clear()
            self._inside = False
            self.database.execute("RELEASE socotra")

    def find(self, kind: type[R], locator: str) -> R | None:
        """The record, or None."""
        pending = self._pending.get((kind, locator))
        if isinstance(pending, kind):
            return pending
        row = self.database.execute(_GET[kind], (locator,)).fetchone()
        return None if row is None else self.decode(kind, row[0])

    def get(self, kind: type[R], locator: str) -> R:
        """The record.

        Raises:
            Declined: there is none of that kind.
        """
        record = self.find(kind, locator)
        if record is None:
            raise unknown(_NAMES.get(kind, kind.kind), locator)
        return record

    def body(self, kind: type[r.Record], locator: str) -> str:
        """The JSON of one record.

        Raises:
            Declined: there is none of that kind.
        """
        self._flush()
        row = self.database.execute(_BODY[kind], (locator,)).fetchone()
        if row is None:
            raise unknown(_NAMES.get(kind, kind.kind), locator)
        return str(row[0])

    def decode(self, kind: type[R], doc: bytes) -> R:
        """A record from its stored form."""
        record = _DECODERS[kind].decode(doc)
        if not isinstance(record, kind):
            raise TypeError(f"stored as {kind.kind}, read as {type(record).__name__}")
        return record

    def put(self, record: r.Record) -> None:
        """Store a record, new or changed, with what lists show of it."""
        if self._inside:
            self._pending[type(record), record.locator] = record
        else:
            self._write(record)

    def _flush(self) -> None:
        for record in self._pending.values():
            self._write(record)
        self._pending.clear()

    def _write(self, record: r.Record) -> None:
        kind = type(record)
        body: bytes | None = None
        summary: bytes | None = None
        if isinstance(record, r.Invoice):
            body, summary = self.renderer.invoice(record)
        elif kind in _LISTED:
            body = self.renderer.body(record)
        values = [getattr(record, column) for column in kind.columns]
        self.database.execute(_PUT[kind], (record.locator, *values, _ENCODER.encode(record), _text(body), _text(summary)))
        if isinstance(record, CREDIT_KINDS):
            row = (credit_type(record), record.locator, record.account_locator, int(credit_state(record) == "reversed"))
            self.database.execute(_PUT_CREDIT, (*row, self.renderer.credit(record).decode()))

    def query(self, kind: type[R], where: str, parameters: Sequence[object] = ()) -> list[R]:
        """The records of a kind for which the condition holds, by locator."""
        self._flush()
        sql = f"SELECT doc FROM {table(kind)} WHERE {where} ORDER BY locator"  # noqa: S608 - conditions are constants of this package
        return [self.decode(kind, row[0]) for row in self.database.execute(sql, tuple(parameters))]

    def exists(self, kind: type[r.Record], where: str, parameters: Sequence[object]) -> bool:
        """Whether any record of the kind meets the condition."""
        self._flush()
        sql = f"SELECT 1 FROM {table(kind)} WHERE {where} LIMIT 1"  # noqa: S608 - conditions are constants of this package
        return self.database.execute(sql, tuple(parameters)).fetchone() is not None

    def all(self, kind: type[R]) -> Iterator[R]:
        """Every record of a kind, by locator."""
        self._flush()
        sql = f"SELECT doc FROM {table(kind)} ORDER BY locator"  # noqa: S608 - kinds are constants
        for row in self.database.execute(sql).fetchall():
            yield self.decode(kind, row[0])

    def render_again(self) -> None:
        """Write every stored body anew, under the present switches."""
        for kind in _LISTED:
            for record in self.all(kind):
                self.put(record)

    def meta(self, name: str, default: str) -> str:
        """A value that outlives the process."""
        row = self.database.execute("SELECT value FROM socotra_meta WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        """Keep a value."""
        self.database.execute("INSERT OR REPLACE INTO socotra_meta VALUES (?, ?)", (name, value))

    def number(self, series: str) -> int:
        """The next number of a series (invoices, payments), from 1."""
        sql = "INSERT INTO socotra_meta VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
        return int(self.database.execute(sql, (f"number {series}",)).fetchone()[0])


def _text(json: bytes | None) -> str | None:
    return None if json is None else json.decode()
