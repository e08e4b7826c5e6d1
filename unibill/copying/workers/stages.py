"""What is done with one part of each stage. Every one of them may be done twice, or be broken off and done again by another."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

from sqlalchemy import delete, func, select

from unibill.copying.applying import Applier, Found, conclude
from unibill.copying.items import RecordType
from unibill.copying.options import ApplyOptions
from unibill.copying.planning import Planner
from unibill.copying.schema import records, snapshot, targets
from unibill.copying.store import RunStore, in_chunks
from unibill.copying.summary import Conservation, Difference, Problem, Tell, Verification
from unibill.copying.verifying import Verifier, keep, verification
from unibill.copying.workers import jobs
from unibill.copying.workers.jobs import Job, divided
from unibill.copying.workers.mapping import kept_options
from unibill.facade import Billing

Accounts: TypeAlias = Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Bench:
    """What a part is worked on with.

    Attributes:
        source, target: the backends.
        store: the run, with the part's lease.
        job: what the part belongs to.
        tell: is told how far the part is.
        stopping: is set when the workers shall end after what is under way.
        before: what the part came to with a worker that left it, or None.
    """

    source: Billing
    target: Billing
    store: RunStore
    job: Job
    tell: Tell
    stopping: threading.Event
    before: Any = None


def apply_options(job: Job) -> ApplyOptions:
    """What a worker needs of them."""
    raw = job.options
    return ApplyOptions(concurrency=raw["concurrency"], settle=float(raw["settle"]), only=raw["only"])


def _applier(bench: Bench, among: Accounts) -> Applier:
    return Applier(bench.source, bench.target, bench.store, apply_options(bench.job), bench.tell, among, bench.stopping)


def _apply(bench: Bench, among: Accounts) -> object:
    applier = _applier(bench, among)
    applier.work()
    return _with_before(bench, applier.found())


def _count(bench: Bench, among: Accounts) -> object:
    applier = _applier(bench, among)
    applier.count()
    return _with_before(bench, applier.found())


def _with_before(bench: Bench, found: Found) -> dict[str, Any]:
    """What was found out on a part, by all who worked on it."""
    whole, before = found.jsonable(), bench.before
    if before is None:
        return whole
    problems = [*before["problems"], *(problem.jsonable() for problem in found.problems)]
    return {**whole, "undone": before["undone"] + found.undone, "problems": problems}


def sends(store: RunStore) -> int:
    """How many writes of a run were begun and not withdrawn, by whomever, and whether he lives or not."""
    return store.count(select(func.coalesce(func.sum(records.c.sends), 0)))


def found_by(store: RunStore, *, interrupted: bool = False, stopped: str = "") -> Found:
    """What all parts of an apply found out."""
    undone, problems = 0, dict[tuple[str, str, str], Problem]()
    for one in jobs.results(store, jobs.APPLY, jobs.COUNT):
        undone += one["undone"]
        for raw in one["problems"]:
            problem = Problem(**raw)
            problems[problem.account, problem.source_id, problem.target_id] = problem
        stopped = stopped or one["stopped"]
    job = jobs.job_of(store)
    writes = 0 if job is None else sends(store) - job.options["sends"]
    return Found(writes, undone, tuple(problems.values()), interrupted, stopped)


def _verify(bench: Bench, among: Accounts) -> object:
    return Verifier(bench.source, bench.target, bench.store, None, bench.tell, among).run().jsonable()


def verified_by(store: RunStore) -> Verification:
    """What all parts of a verification found."""
    signs = dict.fromkeys("=-+*!", 0)
    differences: list[Difference] = []

    def lines() -> Iterator[Conservation]:
        for one in jobs.results(store, jobs.VERIFY):
            for sign, count in one["signs"].items():
                signs[sign] += count
            differences.extend(Difference(**raw) for raw in one["differences"])
            yield from map(_conservation, one["conservation"])

    return verification(store, signs, differences, lines())


def _conservation(raw: Mapping[str, Any]) -> Conservation:
    after = None if raw["after"] is None else Decimal(raw["after"])
    kind = RecordType(raw["record_type"])
    return Conservation(raw["account"], kind, raw["currency"], Decimal(raw["before"]), Decimal(raw["carried"]), after, raw["sign"])


def _sum_up(bench: Bench, among: Accounts) -> object:
    del among
    if bench.job.kind == "verify":
        keep(bench.store, verified_by(bench.store))
    else:
        conclude(bench.store, found_by(bench.store))
    return None


def _planner(bench: Bench) -> Planner:
    return Planner(bench.source, bench.target, bench.store, kept_options(bench.store), bench.tell)


def _read_source(bench: Bench, among: Accounts) -> object:
    with bench.store.transaction() as connection:  # what a worker that was lost had read
        if among is None:
            connection.execute(delete(records))
        for chunk in in_chunks(among or ()):
            connection.execute(delete(records).where(records.c.source_account.in_(chunk)))
    planner = _planner(bench)
    planner.read_source(among)
    planner.keep_found()
    return planner.notes


def _compare_source(bench: Bench, among: Accounts) -> object:
    del among
    planner = _planner(bench)
    planner.leave_behind()
    wanted = planner.targets()
    jobs.add(bench.store, jobs.READ_TARGET, divided(((name, 1) for name in wanted), len(wanted), planner.width))
    return []


def _read_target(bench: Bench, among: Accounts) -> object:
    with bench.store.transaction() as connection:
        for chunk in in_chunks(among or ()):
            connection.execute(delete(snapshot).where(snapshot.c.account.in_(chunk)))
            connection.execute(delete(targets).where(targets.c.account.in_(chunk)))
    planner = _planner(bench)
    planner.read_target(among or ())
    return planner.notes


def _decide(bench: Bench, among: Accounts) -> object:
    del among
    if bench.store.get("hash") is not None:
        return []  # a worker was lost right after it had decided; the plan may be under way by now
    notes = dict.fromkeys(bench.job.options["notes"])
    for found in jobs.results(bench.store, jobs.READ_SOURCE, jobs.READ_TARGET):
        notes |= dict.fromkeys(found)
    _planner(bench).decide(list(notes))
    return []


WORK: Final[Mapping[str, Callable[[Bench, Accounts], object]]] = {
    jobs.READ_SOURCE: _read_source,
    jobs.COMPARE_SOURCE: _compare_source,
    jobs.READ_TARGET: _read_target,
    jobs.DECIDE: _decide,
    jobs.APPLY: _apply,
    jobs.COUNT: _count,
    jobs.VERIFY: _verify,
    jobs.SUM_UP: _sum_up,
}
"""What is done with a part of each stage."""
