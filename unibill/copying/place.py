"""Where a run is kept: a file, or a schema of its own in a PostgreSQL database."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from unibill.errors import ConfigurationError

_SCHEMES: Final = frozenset({"postgresql", "postgres"})
_RUN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_SECRETS: Final = ("password", "sslpassword")
_LEASE: Final = 30.0
_LEAST_LEASE: Final = 1.0
_DEFAULT_RUN: Final = "default"


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A run in a file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """A run in a PostgreSQL database.

    Attributes:
        url: what libpq is given; its representation hides the password.
        run: the run's name; one database holds any number of runs.
        lease: seconds after which a worker that is not heard of has lost what it works on.
    """

    url: URL
    run: str = _DEFAULT_RUN
    lease: float = _LEASE

    def __str__(self) -> str:
        """The address without credentials, to be shown and to be written down."""
        shown = URL.create("postgresql", self.url.username, None, self.url.host, self.url.port, self.url.database)
        return f"{shown.render_as_string()}?run={self.run}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        found = [self.url.password, *(self.url.query.get(name) for name in _SECRETS)]
        return tuple(str(secret) for secret in found if secret)

    def without_secrets(self) -> "DatabasePlace":
        """The same place for another process, which finds the password as libpq does: PGPASSWORD, a password file, a service."""
        url = URL.create(
            self.url.drivername, self.url.username, None, self.url.host, self.url.port, self.url.database, self.url.query
        ).difference_update_query(_SECRETS)
        return DatabasePlace(url, self.run, self.lease)


Place: TypeAlias = FilePlace | DatabasePlace
RunLike: TypeAlias = Path | str | FilePlace | DatabasePlace
"""How a caller may name a run: a path, a ``postgresql://`` address, or a place."""


def locate(run: RunLike) -> Place:
    """The place that a caller names.

    An address is ``postgresql://USER@HOST/DATABASE?run=NAME``. Its other parameters are libpq's own (``sslmode``,
    ``connect_timeout``, …), except ``lease``, the seconds after which a worker that is not heard of has lost its part.

    Raises:
        ConfigurationError: an address that cannot be used.
    """
    if isinstance(run, (FilePlace, DatabasePlace)):
        return run
    scheme, separator, rest = str(run).partition(":")
    if not separator or scheme.partition("+")[0].lower() not in _SCHEMES:
        if rest.startswith("//") and len(scheme) > 1:  # one letter is a drive
            raise ConfigurationError("a run is kept in a file or at postgresql://USER@HOST/DATABASE?run=NAME, and this address is neither")
        return FilePlace(Path(run))
    if isinstance(run, Path):
        raise ConfigurationError("an address of a database is given as text: a path loses one of its slashes")
    return _database(run)


def _database(text: str) -> DatabasePlace:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError("the run's address cannot be read; write postgresql://USER@HOST/DATABASE?run=NAME") from error
    if text.count("@") > 1 or "@" in (url.database or ""):
        raise ConfigurationError("the run's address has an @ in its password, which is written %40 there, as a / is written %2F")
    if not url.database:
        raise ConfigurationError("the run's address names no database; write postgresql://USER@HOST/DATABASE?run=NAME")
    run, lease = _one(url, "run") or _DEFAULT_RUN, _one(url, "lease")
    if not _RUN.fullmatch(run):
        raise ConfigurationError(f"a run's name is at most 40 small letters, digits, _ and -, not {run!r}")
    try:
        seconds = _LEASE if lease is None else float(lease)
    except ValueError:
        seconds = 0.0
    if not _LEAST_LEASE <= seconds <= 3600:
        raise ConfigurationError(f"lease is a number of seconds from 1 to 3600, not {lease!r}")
    return DatabasePlace(url.set(drivername="postgresql+psycopg").difference_update_query(("run", "lease")), run, seconds)


def _one(url: URL, name: str) -> str | None:
    value = url.query.get(name)
    return value[-1] if isinstance(value, tuple) else value
