"""Spreading a run over workers: what is to be done is laid out in the run, and handed to an executor, or left to others."""

import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from typing import Any, Final

from sqlalchemy import distinct, func, or_, select

from unibill.copying.applying import COUNTED, begins, check, conclude, summed_up
from unibill.copying.leases import STOP
from unibill.copying.options import ApplyOptions, PlanOptions
from unibill.copying.outline import TAKEN_UP, summarise
from unibill.copying.place import DatabasePlace, RunLike
from unibill.copying.planning import Planner, check_wanted
from unibill.copying.schema import records
from unibill.copying.shared_pace import share
from unibill.copying.store import RunStore
from unibill.copying.summary import ApplySummary, PlanSummary, Progress, Tell, Verification
from unibill.copying.verifying import Verifier, check_verifiable
from unibill.copying.workers import jobs
from unibill.copying.workers.jobs import Job, Kind, Piece, divided
from unibill.copying.workers.mapping import keep_maps, refuse_functions
from unibill.copying.workers.stages import found_by, sends, verified_by
from unibill.copying.workers.views import Spread, spread_of
from unibill.copying.workers.working import Connect, database_place, work
from unibill.errors import ConfigurationError, RunError, RunStoreError, UnibillError

_TICK: Final = 0.5
_WORKERS: Final = 64
INTERRUPTED: Final = "it was interrupted"
STOPPED: Final = "its workers were asked to stop"
_ASKED: Final = frozenset({INTERRUPTED, STOPPED})
_DEFAULTS: Final = ApplyOptions()


def apply_on(
    executor: Executor | None,
    connect: Connect,
    run: RunLike,
    options: ApplyOptions = _DEFAULTS,
    progress: Tell | None = None,
    *,
    workers: int = _WORKERS,
) -> ApplySummary | None:
    """Apply a plan with the workers of an executor, or go on with it.

    Args:
        executor: runs the workers; None lays everything out for workers that are started by others (``work``).
        connect: opens source and target, here and in every worker. Neither it nor the run's password is sent with secrets: a
            worker finds the password as libpq does (PGPASSWORD, a password file, a service).
        run: the address of the run.
        options: how; a canary is applied by one process, before.
        progress: is told how far all of them are, in the calling thread.
        workers: how many to ask the executor for; it runs as many of them at once as it can.

    Returns:
        The summary; None without an executor.

    Raises:
        RunError: every worker was lost.
        UnibillError: as of ``apply``.
    """
    if options.canary is not None:
        raise ConfigurationError("a canary is applied by one process: first without workers, then the rest with them")
    place = database_place(run)
    with RunStore(place, lock=True) as store:
        with connect() as (source, target):
            share(store, source, target)
            check(store, source, target, options)
            width = options.concurrency or target.provider.settings.concurrency
        wanted = or_(records.c.state.in_(TAKEN_UP[options.only]), COUNTED)
        per_account = select(records.c.target_account, func.count().label("records")).where(wanted).group_by(records.c.target_account)
        total = store.count(select(func.count()).select_from(records).where(wanted))
        accounts = store.count(select(func.count(distinct(records.c.target_account))).where(wanted))
        width = _shared(width, accounts, executor, workers)

        def pieces() -> Iterator[Piece]:
            rows = store.stream(per_account, records.c.target_account)
            return divided(((row["target_account"], row["records"]) for row in rows), total, width)

        facts = {"concurrency": options.concurrency, "settle": str(options.settle), "only": options.only, "sends": sends(store)}
        job, parts = _job("apply", facts), {jobs.APPLY: pieces(), jobs.COUNT: pieces()}
        jobs.lay_out(store, job, parts, **begins(store, options.only))
    if executor is None:
        return None
    stopped = _Spreading(executor, connect, place, workers, progress).run()
    with RunStore(place, lock=True) as store:
        if stopped is None:
            return summed_up(store, found_by(store))
        asked = stopped in _ASKED
        return conclude(store, found_by(store, interrupted=asked, stopped="" if asked else stopped))


def plan_on(
    executor: Executor | None,
    connect: Connect,
    run: RunLike,
    options: PlanOptions,
    progress: Tell | None = None,
    *,
    workers: int = _WORKERS,
) -> PlanSummary | None:
    """Plan a copy with the workers of an executor; the plan and its hash are those of one process.

    A source that has one list of all credits is read by one worker; one that is read account by account, and the target, by all.

    Args:
        executor: as of ``apply_on``.
        connect: as of ``apply_on``.
        run: the address of the run; it is made, or its plan replaced if nothing was applied yet.
        options: what to plan; accounts and invoices must be mapped by pairs, as a file does, not by functions.
        progress: as of ``apply_on``.
        workers: as of ``apply_on``.

    Raises:
        RunError: the workers were stopped before the plan was finished.
        UnibillError: as of ``plan``.
    """
    place = database_place(run)
    refuse_functions(options)
    with RunStore.make(place) as store:
        with connect() as (source, target):
            share(store, source, target)
            check_wanted(source, target, options)
            planner = Planner(source, target, store, options, lambda _: None)
            planner.begin()
            accounts, width = planner.jobs(), planner.width
            planner.keep_accounts()
        keep_maps(store, options)
        pieces = (
            [Piece(None)]
            if accounts is None
            else divided(((name, 1) for name in accounts), len(accounts), _shared(width, len(accounts), executor, workers))
        )
        jobs.lay_out(store, _job("plan", {"notes": planner.notes}), {jobs.READ_SOURCE: pieces})
    if executor is None:
        return None
    stopped = _Spreading(executor, connect, place, workers, progress).run()
    if stopped is not None:
        raise RunError(f"the plan was not finished, because {stopped}; plan again")
    with RunStore(place) as store:
        return summarise(store)


def verify_on(
    executor: Executor | None, connect: Connect, run: RunLike, progress: Tell | None = None, *, workers: int = _WORKERS
) -> Verification | None:
    """Verify a run with the workers of an executor; what is found is what one process finds.

    Args:
        executor: as of ``apply_on``.
        connect: as of ``apply_on``.
        run: the address of the run.
        progress: as of ``apply_on``.
        workers: as of ``apply_on``.

    Raises:
        RunError: the workers were stopped before the end.
        UnibillError: as of ``verify``.
    """
    place = database_place(run)
    with RunStore(place, lock=True) as store:
        with connect() as (source, target):
            share(store, source, target)
            check_verifiable(store, source, target)
            verifier = Verifier(source, target, store, None, None)
        accounts = verifier.accounts()
        pieces = divided(((name, 1) for name in accounts), len(accounts), _shared(verifier.width, len(accounts), executor, workers))
        jobs.lay_out(store, _job("verify", {}), {jobs.VERIFY: pieces})
    if executor is None:
        return None
    stopped = _Spreading(executor, connect, place, workers, progress).run()
    if stopped is not None:
        raise RunError(f"the verification was not finished, because {stopped}; verify again")
    with RunStore(place) as store:
        return verified_by(store)


def ask_to_stop(run: RunLike) -> Spread | None:
    """Ask the workers of a run, wherever they are, to end after what is under way; gives how far they are.

    Raises:
        RunStoreError: there is no such run.
        ConfigurationError: it is a file, which has no workers.
    """
    with RunStore(database_place(run)) as store:
        store.put(**{STOP: STOPPED})
        return spread_of(store)


def _shared(width: int, accounts: int, executor: Executor | None, workers: int) -> int:
    """How many accounts a part has at least: fewer where there would not be a part for each worker."""
    return width if executor is None else max(1, min(width, accounts // workers))


def _job(kind: Kind, options: Mapping[str, Any]) -> Job:
    return Job(uuid.uuid4().hex, kind, options)


class _Spreading:
    """The workers of an executor at the job of a run, watched from here."""

    def __init__(self, executor: Executor, connect: Connect, place: DatabasePlace, workers: int, progress: Tell | None) -> None:
        self._executor = executor
        self._connect = connect
        self._place = place
        self._workers = workers
        self._progress = progress
        self._running: set[Future[bool]] = set()
        self._failures: list[BaseException] = []

    def run(self) -> str | None:
        """Wait for the end; gives why the workers were stopped, or None where all is done.

        Raises:
            Exception: of a worker.
        """
        with RunStore(self._place) as store:
            told = self._place.without_secrets()
            self._running = {self._executor.submit(work, told, self._connect) for _ in range(self._workers)}
            try:
                self._watch(store)
            except KeyboardInterrupt:
                store.put(**{STOP: INTERRUPTED})
                self._watch(store)
            finally:
                for future in self._running:
                    future.cancel()
            spread = spread_of(store)
            if spread is None or spread.now is None:
                return None
            own = next(
                (error for error in self._failures if isinstance(error, UnibillError) and not isinstance(error, RunStoreError)), None
            )
            if own is not None:
                raise own
            if not spread.stop:
                lost = self._failures[0] if self._failures else None
                raise RunError(
                    f"every worker was lost ({_said(lost)}); what was done is in the run, and the same command goes on with it"
                ) from lost
            return spread.stop

    def _watch(self, store: RunStore) -> None:
        """Until nothing is left to do, or nobody is left to do it."""
        while self._running:
            ended, self._running = wait(self._running, _TICK, FIRST_COMPLETED)
            for future in ended:
                error = CancelledError() if future.cancelled() else future.exception()
                if error is not None:
                    self._failures.append(error)
            spread = spread_of(store)
            if spread is None or spread.now is None:
                return
            if self._progress is not None:
                self._progress(told_of(spread))


def told_of(spread: Spread) -> Progress:
    """How far all workers are, as the progress of one."""
    stage = spread.now or spread.stages[-1]
    note = f"{len(spread.workers)} workers" + (", stopping" if spread.stop else "")
    return Progress(stage.stage, stage.done, stage.records, note=note)


def _said(error: BaseException | None) -> str:
    return "none began" if error is None else f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
