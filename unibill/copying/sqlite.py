"""A run in one SQLite file: one connection, used by one thread at a time."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
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
_TIMEOUT: Final = 30.0
_CONNECT: Final = {"check_same_thread": False, "timeout": _TIMEOUT}
_AS_IT_IS: Final = "mode=ro&immutable=1"
"""Of a file that nobody has open for writing: nothing is made beside it."""
_BESIDE_OTHERS: Final = "mode=ro&readonly_shm=1"
"""Of a file with a log that another process made."""


class SQLite(Database):
    """The database of a run file.

    Args:
        place: of the file.
    """

    can_be_taken = False
    """The system holds its lock for as long as the process lives, however long that is frozen."""

    def __init__(self, place: FilePlace) -> None:
        self.name = str(place)
        self._path = place.path
        self._lock: Lock | None = None
        self._guard = threading.RLock()
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._seen: tuple[int, ...] | None = None

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
        """Open the file with a write-ahead log that is flushed at every commit.

        What is only looked at is opened without any trace where it may not be written.
        """
        closed = _unwritable(self._path)
        if closed is None or self._lock is not None:
            engine = create_engine(URL.create("sqlite+pysqlite", database=self.name), poolclass=StaticPool, connect_args=_CONNECT)
            event.listen(engine, "connect", _configure)
        else:
            engine = self._reading()
        self._engine = engine
        try:
            self._connection = engine.connect()
        except (DatabaseError, sqlite3.Error, UnicodeDecodeError) as error:  # the last where a damaged file garbles SQLite's own words
            if closed is not None and _is_refusal(error):
                if self._lock is not None:
                    raise RunStoreError(f"the run file {self.name} cannot be worked on: {closed} may not be written") from error
                raise RunStoreError(
                    f"the run file {self.name} has entries in {self._beside('-wal')} that cannot be read where {closed} may not be "
                    "written; copy both files into a folder that may be, and name the copy"
                ) from error
            raise RunStoreError(f"the run file {self.name} is damaged or cannot be used: {_said(error)}") from error

    def _reading(self) -> Engine:
        # SQLite would make files beside the run even to read it. Without them it cannot tell that others write, so that is looked for.
        seen = self._looks()  # first, so that a log that appears now is noticed
        how = _BESIDE_OTHERS if self._has_log() else _AS_IT_IS
        self._seen = seen if how == _AS_IT_IS else None
        where = f"{self._path.absolute().as_uri()}?{how}"
        engine = create_engine(
            "sqlite+pysqlite://",
            poolclass=StaticPool,
            creator=lambda: sqlite3.connect(where, uri=True, check_same_thread=False, timeout=_TIMEOUT),
        )
        event.listen(engine, "connect", _configure_reading)
        return engine

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(self._path.name + ending)

    def _has_log(self) -> bool:
        """Whether there is more of the run than its file has."""
        return any(_size(self._beside(ending)) for ending in ("-wal", "-journal"))

    def _looks(self) -> tuple[int, ...]:
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns, _size(self._beside("-wal"))

    def _check_unchanged(self) -> None:
        if self._seen is not None and self._seen != self._looks():
            raise RunStoreError(f"another process has begun to work on the run {self.name} while it was read; look at it again")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction on the one connection."""
        connection = self._connection
        if connection is None:
            raise RunStoreError(f"the run file {self.name} is not open")
        with self._guard:
            try:
                self._check_unchanged()
                with connection.begin():
                    yield connection
                self._check_unchanged()
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


def _unwritable(path: Path) -> Path | None:
    """The file or its folder, whichever may not be written; None where both may."""
    return next((place for place in (path.absolute().parent, path) if not os.access(place, os.W_OK)), None)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_refusal(error: Exception) -> bool:
    """Whether SQLite could not open or write what it needed, of which the file itself may be none."""
    cause = error.orig if isinstance(error, DatabaseError) else error
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


def _said(error: Exception) -> str:
    """What SQLite said, without the statement around it, and what helps where only a person can."""
    original = error.orig if isinstance(error, DatabaseError) else error
    is_full = getattr(original, "sqlite_errorname", "") == "SQLITE_FULL"
    return f"{original}{'; make room there, and give the same command again' if is_full else ''}"


def _configure(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA cache_size = -{_CACHE}")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _configure_reading(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA cache_size = -{_CACHE}")
        cursor.execute("PRAGMA schema_version")  # reads the file, which connecting does not
    finally:
        cursor.close()
