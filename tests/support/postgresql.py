"""A PostgreSQL for the tests: ``UNIBILL_TEST_POSTGRESQL`` is the address of a database in which they may make runs."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from unibill.copying.place import DatabasePlace, locate
from unibill.copying.postgresql import PostgreSQL

ENV = "UNIBILL_TEST_POSTGRESQL"


def address(lease: float = 1) -> str:
    """The address of a run that is not there yet."""
    base = os.environ.get(ENV)
    if base is None:
        missing = f"there is no PostgreSQL: {ENV} is not set (.ci/postgresql starts one)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return f"{base}?run=t-{uuid.uuid4().hex[:12]}&lease={lease}"


@contextmanager
def opened(run: str) -> Iterator[PostgreSQL]:
    """The database of a run."""
    place = locate(run)
    assert isinstance(place, DatabasePlace)
    with closing(PostgreSQL(place)) as database:
        yield database


@contextmanager
def a_run(lease: float = 1) -> Iterator[str]:
    """The address of a run that is dropped in the end."""
    run = address(lease)
    try:
        yield run
    finally:
        with opened(run) as database:
            database.drop()
