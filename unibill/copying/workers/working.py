"""A worker: takes part after part of a run, until nothing is left or it is asked to stop."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import select

from unibill.connecting import connect
from unibill.copying import reading
from unibill.copying.hashing import write_settings
from unibill.copying.leases import STOP, Lease
from unibill.copying.place import DatabasePlace, RunLike, locate
from unibill.copying.postgresql import PostgreSQL
from unibill.copying.schema import parts
from unibill.copying.shared_pace import share
from unibill.copying.store import RunStore, dumps
from unibill.copying.summary import Progress
from unibill.copying.workers import jobs
from unibill.copying.workers.jobs import READING, Job
from unibill.copying.workers.stages import WORK, Bench
from unibill.errors import ConfigurationError, LeaseLost, PlanMismatch, RunStoreError, UnibillError
from unibill.facade import Billing
from unibill.flow import Effect, Request

Connect: TypeAlias = Callable[[], AbstractContextManager[tuple[Billing, Billing]]]
"""Opens source and target where a worker runs. It must be picklable if the workers are other processes."""
_ASK_AGAIN: Final = 0.2
_log = logging.getLogger("unibill")


@dataclass(frozen=True, slots=True)
class Backends:
    """Opens configured backends, by the configuration and the secrets of the machine that the worker runs on.

    Attributes:
        source, target: their names.
        config: the configuration file there; None for the one that is found.
    """

    source: str
    target: str
    config: Path | None = None

    @contextmanager
    def __call__(self) -> Iterator[tuple[Billing, Billing]]:
        """Open both."""
        with connect(self.source, config_file=self.config) as source, connect(self.target, config_file=self.config) as target:
            yield source, target


def database_place(run: RunLike) -> DatabasePlace:
    """The place of a run that several processes can work on.

    Raises:
        ConfigurationError: it is a file.
    """
    place = locate(run)
    if not isinstance(place, DatabasePlace):
        raise ConfigurationError("several workers need a run in a database: --run postgresql://USER@HOST/DATABASE?run=NAME")
    return place


def work(run: RunLike, connect: Connect, stopping: threading.Event | None = None) -> bool:
    """Work on a run's job until it is done or stopped. Any number of processes may do so at once, and come and go.

    Args:
        run: the address of the run.
        connect: opens the backends.
        stopping: lets this one worker end after what is under way.

    Returns:
        Whether the job is done.

    Raises:
        RunStoreError: there is no job, or the database is lost.
        PlanMismatch: the backends here are not those of the plan, or write otherwise.
        BackendError: as of ``apply``; the other workers are stopped too.
    """
    place = database_place(run)
    with RunStore(place) as store, connect() as (source, target):
        job = jobs.job_of(store)
        if job is None:
            raise RunStoreError(f"nothing is laid out for workers in {store.name}; begin with: unibill apply --detach")
        return _Worker(store, place, job, source, target, stopping or threading.Event()).run()


class _BrokenOff(Exception):
    """A part that only reads was left as it is, because the workers shall stop."""


class _Worker:
    """One worker at one job."""

    def __init__(
        self, store: RunStore, place: DatabasePlace, job: Job, source: Billing, target: Billing, stopping: threading.Event
    ) -> None:
        self._store = store
        self._place = place
        self._job = job
        self._source = source
        self._target = target
        self._stopping = stopping
        self._lease: Lease | None = None
        reading.same_systems(store, source, target)
        if write_settings(target.provider) != store.need("target_settings"):
            raise PlanMismatch(f"settings of {target.name} that change what is written are not here what they were for the plan")
        if not isinstance(store.database, PostgreSQL):
            raise ConfigurationError("several workers need a run in a database")
        self._engine = store.database.engine
        share(store, source, target, permit=self._permit)

    def run(self) -> bool:
        """Go from stage to stage."""
        for stage in self._job.stages:
            while not jobs.is_done(self._store, stage):
                if self._is_over():
                    return False
                if not self._part(stage):
                    self._stopping.wait(_ASK_AGAIN)
        return True

    def _is_over(self) -> bool:
        """Whether this worker was told to end, or all of them, or the job is another now."""
        now = jobs.job_of(self._store)
        return self._stopping.is_set() or self._store.get(STOP) is not None or now is None or now.id != self._job.id

    def _permit(self, request: Request) -> None:
        """Let a write leave only while its part is surely held."""
        if request.effect is not Effect.NONE and self._lease is not None:
            self._lease.check()

    def _part(self, stage: str) -> bool:
        """Do an open part, if there is one."""
        database = PostgreSQL(self._place, self._engine)
        lease = database.take(stage)
        if lease is None:
            return False
        try:  # around the store, which may learn only when it is closed that the part is another's
            with RunStore(self._place, opened=database) as store:
                if self._is_over():  # since it was last asked, the whole run may have been another's
                    return False
                self._lease = lease
                try:
                    self._do(stage, store, database, lease)
                except _BrokenOff:
                    return True
                except RunStoreError:
                    raise
                except Exception as error:
                    store.flush()  # which tells whether the part is still this one's; if not, others go on with it, and meet the error if it lasts
                    self._stop_all(error)
                    raise
                finally:
                    self._lease = None
        except LeaseLost as lost:
            _log.warning("part %s %d was left to another worker: %s", stage, lease.part.number, lost)
        return True

    def _do(self, stage: str, store: RunStore, database: PostgreSQL, lease: Lease) -> None:
        row = store.rows(select(parts).where(parts.c.stage == stage, parts.c.number == lease.part.number))[0]

        def tell(now: Progress) -> None:
            lease.done = now.done
            if self._stopping.is_set():
                lease.stopping.set()
            if lease.stopping.is_set() and stage in READING:
                raise _BrokenOff

        before = None if row["result"] is None else jobs.checked(store, stage, row["result"])
        bench = Bench(self._source, self._target, store, self._job, tell, lease.stopping, before)
        result = WORK[stage](bench, row["items"])
        if isinstance(result, dict) and result.get("stopped"):
            self._store.put(**{STOP: result["stopped"]})
        interrupted = isinstance(result, dict) and bool(result.get("interrupted"))
        if interrupted:
            self._stopping.set()
        done = not (lease.stopping.is_set() or interrupted)
        if done:
            lease.done = row["records"]
        store.flush()
        database.finish(dumps(result), done=done)

    def _stop_all(self, error: Exception) -> None:
        reason = str(error) if isinstance(error, UnibillError) else f"something unexpected went wrong: {type(error).__name__}"
        try:
            self._store.put(**{STOP: reason})
        except RunStoreError:
            _log.exception("the other workers could not be told to stop")
