"""A run in one SQLite file: one connection, used by one thread at a time."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, TableValuedAlias, Text, create_engine, event, func
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from unibill.copying import files, schema
from unibill.copying.database import Database
from unibill.copying.files import Lock
from unibill.copying.place import FilePlace
from unibill.errors import RunStoreError

_CACHE: Final = 8 * 1024
"""KiB of pages that SQLite keeps: marks come in no order, so their index is written all over."""
_CONNECT: Final = {"check_same_thread": False, "timeout": 30.0}


class SQLite(Database):
    """The database of a run file.

    Args:
        place: of the file.
    """

    def __init__(self, place: FilePlace) -> None:
        self.name = str(place)
        self._path = place.path
        self._lock: Lock | None = None
        self._guard = threading.RLock()
        self._engine: Engine | None = None
        self._connection: Connection | None = None

    def check(self) -> None:
        """Look at the file's header."""
        files.check(self._path)

    def create(self) -> None:
        """Make the file, readable by its owner only."""
        place = self._path
        files.refuse_network(place)
        if not place.parent.is_dir():
            raise RunStoreError(f"there is no folder {place.parent} for the run file")
        if place.is_dir():
            raise RunStoreError(f"the run file {place} is a folder; name a file in it")
        with Lock(place):
            if not place.exists():
                files.create(place)
            if not place.stat().st_size:
                self._lay_out()

    def _lay_out(self) -> None:
        engine = create_engine(URL.create("sqlite+pysqlite", database=self.name), poolclass=StaticPool)
        try:
            with engine.begin() as connection:
                # Python's driver begins no transaction for CREATE, and a half-made file would be taken for somebody else's.
                connection.exec_driver_sql("BEGIN")
                schema.metadata.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
                connection.exec_driver_sql(f"PRAGMA user_version = {schema.VERSION}")
        except (DatabaseError, sqlite3.Error) as error:
            raise RunStoreError(f"the run file {self.name} cannot be made: {_said(error)}") from error
        finally:
            engine.dispose()

    def lock(self) -> None:
        """Lock a file beside it, for as long as this process lives."""
        self._lock = Lock(self._path)
        self._lock.__enter__()

    def is_worked_on(self) -> bool:
        """Whether the file beside it is locked."""
        return self._lock is not None or Lock(self._path).is_held()

    def open(self) -> None:
        """Open the file with a write-ahead log that is flushed at every commit."""
        engine = create_engine(URL.create("sqlite+pysqlite", database=self.name), poolclass=StaticPool, connect_args=_CONNECT)
        event.listen(engine, "connect", _configure)
        self._engine = engine
        try:
            self._connection = engine.connect()
        except (DatabaseError, sqlite3.Error, UnicodeDecodeError) as error:  # the last where a damaged file garbles SQLite's own words
            raise RunStoreError(f"the run file {self.name} is damaged or cannot be used: {_said(error)}") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction on the one connection."""
        connection = self._connection
        if connection is None:
            raise RunStoreError(f"the run file {self.name} is not open")
        with self._guard:
            try:
                with connection.begin():
                    yield connection
            except (DatabaseError, sqlite3.Error) as error:
                raise RunStoreError(f"the run file {self.name} cannot be read or written: {_said(error)}") from error

    def fence(self, connection: Connection) -> None:
        """Nothing to make sure of: the lock cannot be lost."""

    def surely_held(self) -> None:
        """Nothing to make sure of, as for ``fence``."""

    def insert_new(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """By SQLite's own clause."""
        connection.execute(insert(table).on_conflict_do_nothing(), list(rows))

    def items(self, text: ColumnElement[str | None], name: str) -> TableValuedAlias:
        """By SQLite's own function."""
        return func.json_each(text, f"$.{name}").table_valued("value", name="item")

    def field(self, value: ColumnElement[str], name: str) -> ColumnElement[str | None]:
        """By SQLite's own function."""
        return func.json_extract(value, f"$.{name}", type_=Text)

    def close(self) -> None:
        """Close the connection, and let go of the file beside it."""
        try:
            if self._connection is not None:
                self._connection.close()
            if self._engine is not None:
                self._engine.dispose()
        finally:
            if self._lock is not None:
                self._lock.__exit__()


def _said(error: Exception) -> str:
    """What SQLite said, without the statement around it."""
    return str(error.orig if isinstance(error, DatabaseError) else error)


def _configure(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA cache_size = -{_CACHE}")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()
