"""Leases: who works on which part of a run, until when.

A lease is a row with an owner, an epoch that rises with every owner, and a time of the database's own clock. A thread renews
it. Whoever holds one is bound twice: nothing becomes durable in the run under an epoch that has passed (``fence``), and no
write is sent once the time may be over by this process's own clock (``check``), however long it waited since its intent.
So when another has taken a part over, what its former holder sent was sent before, and is settled like any lost answer.
"""

import logging
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from unibill.copying.schema import meta, parts
from unibill.errors import LeaseLost, RunStoreError

WHOLE: Final = "run"
"""The stage whose one part is the whole run."""
STOP: Final = "stop"
"""The fact about a run by which its workers are asked to stop: why, or None."""
_BEATS: Final = 4
"""How often a lease is renewed while it lasts."""
_ASK_AGAIN: Final = 0.2
_log = logging.getLogger("unibill")


def who() -> str:
    """A name for this worker, for people and unlike all others."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident() % 100_000}"


def _clock() -> float:
    """Seconds that go on while the machine sleeps, as leases do, where its system counts them."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Part:
    """What a lease is of."""

    stage: str
    number: int


class Lease:
    """A part that this process holds.

    Args:
        engine: of the run's database.
        part: which.
        epoch: under which it is held.
        seconds: how long it lasts unless it is renewed.
        until: the moment, by this process's clock, at which it was surely not over yet.
    """

    def __init__(self, engine: Engine, part: Part, epoch: int, seconds: float, until: float) -> None:
        self.part = part
        self.done = 0
        """How many records of the part are done; written down with every renewal."""
        self.stopping = threading.Event()
        """The workers of the run were asked to stop."""
        self._engine = engine
        self._epoch = epoch
        self._seconds = seconds
        self._until = until
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="unibill-lease", daemon=True)
        self._thread.start()

    def _mine(self) -> ColumnElement[bool]:
        return and_(parts.c.stage == self.part.stage, parts.c.number == self.part.number, parts.c.epoch == self._epoch)

    def _renew(self) -> None:
        while not self._ended.wait(self._seconds / _BEATS):
            asked = _clock()
            try:
                with self._engine.begin() as connection:
                    values = {"until": _after(self._seconds), "done": self.done}
                    held = connection.execute(update(parts).where(self._mine()).values(**values)).rowcount
                    stop = connection.execute(select(meta.c.value).where(meta.c.key == STOP)).scalar()
            except (DBAPIError, NoConnection) as error:
                said = error.orig if isinstance(error, DBAPIError) else error
                _log.warning("the lease of part %s %d could not be renewed: %s", self.part.stage, self.part.number, said)
                continue
            if not held:
                self._until = 0.0
                return
            self._until = asked + self._seconds
            if stop not in {None, "null"}:
                self.stopping.set()

    def check(self) -> None:
        """Make sure, before a write is sent, that nobody can have taken the part over.

        Raises:
            LeaseLost: somebody may have.
        """
        if _clock() >= self._until:
            raise LeaseLost("this process may have lost its part of the run to another, so it sends nothing more; apply again")

    def fence(self, connection: Connection) -> None:
        """Make sure that the part is still held when this transaction ends.

        Raises:
            LeaseLost: another has taken it over; nothing was written.
        """
        # Whoever takes a part locks it FOR UPDATE, which waits for this lock; a renewal does not, or a long transaction would cost the lease.
        lock = select(parts.c.epoch).where(self._mine()).with_for_update(read=True, key_share=True)
        if connection.execute(lock).first() is None:
            raise LeaseLost("another process has taken over this one's part of the run, so nothing more is written")

    def give_back(self, connection: Connection, **values: object) -> None:
        """End the lease, and keep what became of the part.

        Raises:
            LeaseLost: another has taken it over.
        """
        self.fence(connection)
        connection.execute(update(parts).where(self._mine()).values(owner=None, until=None, done=self.done, **values))

    def end(self) -> None:
        """Renew it no more."""
        self._ended.set()
        self._thread.join()


def take_whole(engine: Engine, name: str, seconds: float) -> Lease:
    """Become the only one that works on a run. A holder that is not heard of any more is waited for until its lease is over.

    Args:
        engine: of the run's database.
        name: of the run, for errors.
        seconds: how long the lease lasts.

    Raises:
        RunStoreError: another process works on it.
    """
    limit, seen = _clock() + seconds + 1, dict[tuple[str, int, int], object]()
    while True:
        asked = _clock()
        with engine.begin() as connection:
            _gate(connection)
            held = select(parts.c.stage, parts.c.number, parts.c.epoch, parts.c.until, parts.c.owner, _live().label("is_live"))
            live = connection.execute(held.where(_live())).all()
            if not live:
                # Leases that are over are locked, or one could be renewed between the look at it and its end.
                over = held.where(parts.c.owner.is_not(None)).order_by(parts.c.stage, parts.c.number).with_for_update()
                live = [row for row in connection.execute(over).all() if row.is_live]
            if not live:
                epoch = _take(connection, Part(WHOLE, 0), seconds)
                others = update(parts).where(parts.c.stage != WHOLE, parts.c.owner.is_not(None))
                connection.execute(others.values(owner=None, until=None, epoch=parts.c.epoch + 1))
                return Lease(engine, Part(WHOLE, 0), epoch, seconds, asked + seconds)
        now = {(row.stage, row.number, row.epoch): row.until for row in live}
        if any(seen.get(key, until) != until for key, until in now.items()) or asked > limit or (seen and set(now) - set(seen)):
            raise RunStoreError(f"another process is working on the run {name} ({live[0].owner}); wait for it to end, or stop it")
        if not seen:
            _log.warning("%s was working on the run %s; looking whether it still is", live[0].owner, name)
        seen = now
        time.sleep(_ASK_AGAIN)


def take_part(engine: Engine, stage: str, seconds: float) -> Lease | None:
    """Take an open part of a stage that nobody holds; None if there is none.

    Raises:
        RunStoreError: another process works on the whole run.
    """
    asked = _clock()
    with engine.begin() as connection:
        if _gate(connection):
            raise RunStoreError("another process is working on the whole run; wait for it to end")
        free = select(parts.c.number).where(parts.c.stage == stage, parts.c.state == "open", ~_live())
        # Locked, or a lease that is over could be renewed between the look at it and its end; one that is being renewed is passed over.
        number = connection.execute(free.order_by(parts.c.number).limit(1).with_for_update(skip_locked=True)).scalar()
        if number is None:
            return None
        epoch = _take(connection, Part(stage, number), seconds)
    return Lease(engine, Part(stage, number), epoch, seconds, asked + seconds)


def _gate(connection: Connection) -> bool:
    """Let one process at a time take something, and tell whether the whole run is taken."""
    whole = select(parts.c.number).where(parts.c.stage == WHOLE).with_for_update()
    connection.execute(whole).all()
    return connection.execute(select(parts.c.number).where(parts.c.stage == WHOLE, _live())).first() is not None


def is_any(connection: Connection) -> bool:
    """Whether anybody works on the run or a part of it."""
    return connection.execute(select(parts.c.number).where(_live()).limit(1)).first() is not None


def _live() -> ColumnElement[bool]:
    return and_(parts.c.owner.is_not(None), parts.c.until > func.clock_timestamp())


def _after(seconds: float) -> ColumnElement[object]:
    return func.clock_timestamp() + timedelta(seconds=seconds)


def _take(connection: Connection, part: Part, seconds: float) -> int:
    values = {"owner": who(), "epoch": parts.c.epoch + 1, "until": _after(seconds)}
    taken = update(parts).where(parts.c.stage == part.stage, parts.c.number == part.number).values(**values)
    return int(connection.execute(taken.returning(parts.c.epoch)).scalar_one())
