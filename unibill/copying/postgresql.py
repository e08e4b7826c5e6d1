"""A run in a PostgreSQL database: a schema of its own, made and changed by migrations, worked on under leases."""

import ipaddress
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import (
    JSON,
    URL,
    ColumnElement,
    Connection,
    Engine,
    Table,
    TableValuedAlias,
    Text,
    cast,
    create_engine,
    delete,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.schema import CreateSchema

from unibill.copying import leases, schema
from unibill.copying.database import Database
from unibill.copying.leases import Lease
from unibill.copying.place import DatabasePlace
from unibill.errors import ConfigurationError, RunStoreError
from unibill.redact import guard

_PREFIX: Final = "unibill_"
_VERSIONS: Final = "alembic_version"
_CONNECT: Final = {
    "application_name": "unibill",
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_CONNECTIONS: Final = 8
_MORE_CONNECTIONS: Final = 56


class PostgreSQL(Database):
    """The database of a run.

    Args:
        place: where.
        engine: connections to share; they are not closed.

    Raises:
        ConfigurationError: the libraries for it are not installed.
    """

    def __init__(self, place: DatabasePlace, engine: Engine | None = None) -> None:
        guard(self, place.secrets)
        self.name = str(place)
        self.lease: Lease | None = None
        """What this process holds, if anything."""
        self.engine = engine or _engine(place)
        self._is_shared = engine is not None
        self.place = place
        self._schema = _PREFIX + place.run

    def check(self) -> None:
        """Look at the version that the migrations keep."""
        with self.transaction() as connection:
            found = self._revision(connection)
        if found is None:
            raise RunStoreError(f"there is no run {self.name}; make one with a plan")
        if found != schema.REVISION:
            raise RunStoreError(
                f"the run {self.name} has the tables of version {found}, and this unibill works on {schema.REVISION}; "
                "bring it up with: unibill upgrade --run ADDRESS"
            )

    def _revision(self, connection: Connection) -> str | None:
        """The version of the run's tables; None where there are none."""
        look = inspect(connection)
        if self._schema not in look.get_schema_names():
            return None
        tables = look.get_table_names(schema=self._schema)
        if _VERSIONS in tables:
            return str(connection.execute(text(f'SELECT version_num FROM "{self._schema}".{_VERSIONS}')).scalar() or "nothing")  # noqa: S608 - a checked name
        if tables:
            raise RunStoreError(f"the schema {self._schema} of {self.name} is not a run of unibill; it was left as it is")
        return None

    def create(self) -> None:
        """Make the schema and its tables."""
        with self.transaction() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(self._schema))))
            if self._revision(connection) is not None:
                return
            if connection.execute(text("SHOW server_encoding")).scalar() != "UTF8":
                raise RunStoreError(f"the database of {self.name} is not encoded in UTF8, which credits' texts need")
            connection.execute(CreateSchema(self._schema, if_not_exists=True))
            self._migrate(connection)

    def upgrade(self) -> tuple[str, str]:
        """Bring the run's tables up to this version; nobody may be working on it. Gives the versions before and after.

        Raises:
            RunStoreError: there is no run, or it is of a newer unibill.
        """
        with self.transaction() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(self._schema))))
            before = self._revision(connection)
            if before is None:
                raise RunStoreError(f"there is no run {self.name}; make one with a plan")
            if before > schema.REVISION:
                raise RunStoreError(f"the run {self.name} has the tables of a newer unibill ({before}); install that one")
            self._migrate(connection)
        return before, schema.REVISION

    def _migrate(self, connection: Connection) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", "unibill.copying:migrations")
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    def drop(self) -> None:
        """Remove the run and everything it proves."""
        with self.transaction() as connection:
            connection.execute(text(f'DROP SCHEMA IF EXISTS "{self._schema}" CASCADE'))

    def lock(self) -> None:
        """Take a lease of the whole run."""
        with self._told():
            self.lease = leases.take_whole(self.engine, self.name, self.place.lease)

    def is_worked_on(self) -> bool:
        """Whether there is a lease that is not over."""
        with self.transaction() as connection:
            return leases.is_any(connection)

    def take(self, stage: str) -> Lease | None:
        """Take a lease of an open part of a stage; None if every part is done or held.

        Raises:
            RunStoreError: another process works on the whole run.
        """
        with self._told():
            self.lease = leases.take_part(self.engine, stage, self.place.lease)
        return self.lease

    def finish(self, result: str, *, done: bool) -> None:
        """Keep what the part that is held came to, and give its lease back.

        Raises:
            LeaseLost: another has taken it over.
        """
        lease, self.lease = self.lease, None
        if lease is None:
            raise RunStoreError(f"no part of the run {self.name} is held")
        lease.end()
        with self.transaction() as connection:
            lease.give_back(connection, state="done" if done else "open", result=result)

    def open(self) -> None:
        """Connections are made as they are needed."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction on a connection of its own."""
        with self._told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the database as errors of the run."""
        try:
            yield
        except (DBAPIError, NoConnection) as error:
            raise RunStoreError(f"the run {self.name} cannot be read or written: {_said(error)}") from error

    def fence(self, connection: Connection) -> None:
        """Make sure that the lease still holds when the transaction ends."""
        if self.lease is not None:
            self.lease.fence(connection)

    def surely_held(self) -> None:
        """Make sure by this process's own clock, without asking the database, that the lease is not over."""
        if self.lease is not None:
            self.lease.check()

    def clear(self, connection: Connection) -> None:
        """Empty every table but for the lease of the whole run."""
        super().clear(connection)
        connection.execute(delete(schema.maps))
        connection.execute(delete(schema.parts).where(schema.parts.c.stage != leases.WHOLE))

    def insert_new(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """By PostgreSQL's own clause."""
        connection.execute(insert(table).on_conflict_do_nothing(), list(rows))

    def items(self, text: ColumnElement[str | None], name: str) -> TableValuedAlias:
        """By PostgreSQL's own function."""
        return func.json_array_elements(cast(text, JSON)[name]).table_valued("value", name="item")

    def field(self, value: ColumnElement[str], name: str) -> ColumnElement[str | None]:
        """By PostgreSQL's own function."""
        return func.json_extract_path_text(value, name, type_=Text)

    def close(self) -> None:
        """Give the lease back, unless it is lost and so another's, and close the connections."""
        lease, self.lease = self.lease, None
        try:
            if lease is not None:
                lease.end()
                with self._told(), self.engine.begin() as connection:
                    lease.give_back(connection)
        except RunStoreError:
            pass
        finally:
            if not self._is_shared:
                self.engine.dispose()


def _engine(place: DatabasePlace) -> Engine:
    try:
        engine = create_engine(
            _safe(place.url),
            connect_args=_CONNECT,
            pool_size=_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
            isolation_level="READ COMMITTED",  # leases are renewed beside transactions, which must not fail of it
        )
        import alembic  # noqa: F401 - needed when tables are made
    except ModuleNotFoundError as error:
        raise ConfigurationError('a run in a database needs more libraries: pip install "unibill[postgresql]"') from error

    def configure(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
        connection.autocommit = True
        # An intent that a crash of the server could forget would be no intent.
        durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"
        with connection.cursor() as cursor:
            cursor.execute(durable)
            cursor.execute(f'SET search_path TO "{_PREFIX}{place.run}"')
        connection.autocommit = False

    event.listen(engine, "connect", configure)
    return engine


def _safe(url: URL) -> URL:
    """The address, with TLS demanded where it leaves this machine and does not say otherwise."""
    if "sslmode" in url.query or "PGSSLMODE" in os.environ or url.host is None or url.host.startswith("/") or _is_loopback(url.host):
        return url
    return url.update_query_dict({"sslmode": "require"})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _said(error: Exception) -> str:
    """What PostgreSQL or libpq said, in one line, without the statement around it."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    return " ".join(said.split())
