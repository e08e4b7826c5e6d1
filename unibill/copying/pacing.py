"""One rate limit for every process that works on a run: who sends next is agreed in the run's database."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Engine, extract, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from unibill.copying.schema import paces
from unibill.errors import RunStoreError

_FORGETFUL: Final = text("SET LOCAL synchronous_commit TO off")
"""A crash of the server may forget the last moments that were given away, which costs nothing; waiting for its disk would cost each request."""


class SharedPacer:
    """Spaces requests evenly, so that a backend sees no more than ``rate`` a second on average from all processes together.

    A request that leaves late can make it one more in a single second.

    Args:
        engine: of the run's database.
        backend: what is paced; processes that pace the same give the same.
        rate: requests a second.
    """

    def __init__(self, engine: Engine, backend: str, rate: float) -> None:
        self._engine = engine
        gap = timedelta(seconds=1 / rate)
        now: Any = func.clock_timestamp()
        first = insert(paces).values(backend=backend, free=now + gap)
        later = first.on_conflict_do_update(index_elements=[paces.c.backend], set_={"free": func.greatest(paces.c.free, now) + gap})
        self._take = later.returning(extract("epoch", paces.c.free - gap - now))

    def reserve(self) -> float:
        """Take the next free moment and give the seconds until then.

        Raises:
            RunStoreError: the database was not reached, so nobody knows when the next request may go.
        """
        try:
            with self._engine.begin() as connection:
                connection.execute(_FORGETFUL)
                return max(0.0, float(connection.execute(self._take).scalar_one()))
        except (DBAPIError, NoConnection) as error:
            said = str(error.orig if isinstance(error, DBAPIError) else error)
            raise RunStoreError(f"the requests' common pace could not be asked for: {' '.join(said.split())}") from error
