"""What a run store needs of a database, and what every kind of it does in its own way."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import ColumnElement, Connection, Table, TableValuedAlias, delete

from unibill.copying import schema
from unibill.copying.place import FilePlace, Place


class Database(ABC):
    """The database of one run.

    Attributes:
        name: of the run, as it may be shown: without credentials.
        can_be_taken: whether somebody else may come to work on what this process works on, while it still does.
    """

    name: str
    can_be_taken = True

    @abstractmethod
    def check(self) -> None:
        """Make sure that there is a run of this version, and change nothing.

        Raises:
            RunStoreError: there is none, it is something else, or of another version.
        """

    @abstractmethod
    def create(self) -> None:
        """Make an empty run where there is none.

        Raises:
            RunStoreError: the place will not do, or holds something else.
        """

    @abstractmethod
    def lock(self) -> None:
        """Become the only one that works on the run; the lock ends with its holder, however that ends.

        Raises:
            RunStoreError: another works on it.
        """

    @abstractmethod
    def is_worked_on(self) -> bool:
        """Whether a process works on the run now."""

    @abstractmethod
    def open(self) -> None:
        """Open it for reading and writing.

        Raises:
            RunStoreError: it cannot be used.
        """

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Connection]:
        """One transaction, committed and durable at its end.

        Raises:
            RunStoreError: it cannot be read or written.
        """

    @abstractmethod
    def fence(self, connection: Connection) -> None:
        """Make sure, within a transaction, that whoever writes still has what it works on.

        Raises:
            RunStoreError: somebody else has it.
        """

    @abstractmethod
    def surely_held(self) -> None:
        """Make sure, before a write is sent to a backend, that nobody else can work on what this process works on.

        Raises:
            LeaseLost: somebody may.
        """

    def clear(self, connection: Connection) -> None:
        """Empty every table."""
        for table in schema.metadata.sorted_tables:
            connection.execute(delete(table))

    @abstractmethod
    def insert_new(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert those rows whose keys are not there yet."""

    @abstractmethod
    def items(self, text: ColumnElement[str | None], name: str) -> TableValuedAlias:
        """The items of a list in a JSON object, as rows with a ``value``."""

    @abstractmethod
    def field(self, value: ColumnElement[str], name: str) -> ColumnElement[str | None]:
        """The text of one of their fields."""

    @abstractmethod
    def close(self) -> None:
        """Close it, whatever of it is open, and give the lock back."""


def database(place: Place) -> Database:
    """The database of a run at a place; nothing is opened yet.

    Raises:
        ConfigurationError: the libraries for it are not installed.
    """
    if isinstance(place, FilePlace):
        from unibill.copying.sqlite import SQLite

        return SQLite(place)
    from unibill.copying.postgresql import PostgreSQL

    return PostgreSQL(place)
