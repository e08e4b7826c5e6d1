"""One rate limit for every process that works on a run: its moments are given away by the run's database."""

import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from typing import Any, Final, cast

from sqlalchemy import Engine, Interval, bindparam, extract, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from unibill.copying.postgresql import PostgreSQL
from unibill.copying.schema import paces
from unibill.copying.store import RunStore
from unibill.errors import ConfigurationError, RunStoreError
from unibill.facade import Billing
from unibill.pacing import Permit, always, gap

_ANSWERS: Final = 16
"""So many answers tell how the clocks stand; few, so that a clock that was set is soon believed."""


class SharedPacer:
    """The moments of all processes together. Thread-safe.

    A moment is one of the database's clock. How much this process's clock differs is seen at each answer, but for the time the answer
    was on its way: the fastest of the last few counts, so a slow answer makes its request late, which takes another moment.

    Args:
        engine: of the run's database.
        backend: what is paced; processes that pace the same give the same.
        rate: as of ``Pacer``.
        clock: gives seconds.
    """

    def __init__(self, engine: Engine, backend: str, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        # One statement, one way to the database and back.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock
        self._lock = Lock()
        self._differences = deque[float](maxlen=_ANSWERS)
        self._gap = gap(rate)
        taken, now = bindparam("taken", type_=Interval), cast("Any", func.clock_timestamp())
        first = insert(paces).values(backend=backend, free=now + taken)
        later = first.on_conflict_do_update(index_elements=[paces.c.backend], set_={"free": func.greatest(paces.c.free, now) + taken})
        # A crash of the server may forget the last moments that were given away, which costs nothing; waiting for its disk would cost each request.
        forgetful = func.set_config("synchronous_commit", "off", True)
        self._take = later.returning(extract("epoch", paces.c.free - taken), extract("epoch", now), forgetful)

    @property
    def gap(self) -> float:
        """The seconds between two moments."""
        return self._gap

    def reserve(self, moments: int = 1) -> float:
        """Take the next free moments, and give when the first is by this process's clock.

        Raises:
            RunStoreError: the database was not reached, so nobody knows when the next request may go.
        """
        try:
            with self._engine.connect() as connection:
                moment, told, _ = connection.execute(self._take, {"taken": timedelta(seconds=moments * self._gap)}).one()
        except (DBAPIError, NoConnection) as error:
            said = str(error.orig if isinstance(error, DBAPIError) else error)
            raise RunStoreError(f"the requests' common pace could not be asked for: {' '.join(said.split())}") from error
        with self._lock:
            self._differences.append(self._clock() - float(told))
            return float(moment) + min(self._differences)


def share(store: RunStore, *backends: Billing, permit: Permit = always) -> None:
    """Have backends keep their rates together with all other processes at the run.

    Args:
        store: the run.
        backends: which.
        permit: as of ``Billing.limit``.

    Raises:
        ConfigurationError: the run is a file.
    """
    database = store.database
    if not isinstance(database, PostgreSQL):
        raise ConfigurationError("several workers need a run in a database")
    for billing in backends:
        rate = billing.provider.settings.rate
        billing.limit(None if rate is None else SharedPacer(database.engine, billing.provider.identity(), rate), permit)
