"""How far the workers of a run are, from the run's database alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select

from unibill.copying.leases import STOP, WHOLE
from unibill.copying.postgresql import PostgreSQL
from unibill.copying.schema import parts
from unibill.copying.store import RunStore
from unibill.copying.summary import Value
from unibill.copying.workers import jobs


@dataclass(frozen=True, slots=True)
class StageProgress(Value):
    """How far a stage is; records are counted as parts tell of them, every few seconds."""

    stage: str
    parts: int
    parts_done: int
    records: int
    done: int


@dataclass(frozen=True, slots=True)
class WorkerProgress(Value):
    """What a worker is at.

    Attributes:
        worker: machine, process and thread.
        stage, part: what it holds.
        records, done: of the part.
        seconds: since it was last heard of.
        lost: it is not heard of any more; another takes its part.
    """

    worker: str
    stage: str
    part: int
    records: int
    done: int
    seconds: int
    lost: bool


@dataclass(frozen=True, slots=True)
class Spread(Value):
    """A run's job, spread over workers.

    Attributes:
        kind: ``plan``, ``apply`` or ``verify``.
        stages: in their order.
        workers: those that hold a part.
        stop: why the workers were asked to stop, or an empty text.
    """

    kind: str
    stages: tuple[StageProgress, ...]
    workers: tuple[WorkerProgress, ...]
    stop: str

    @property
    def now(self) -> StageProgress | None:
        """The stage under way; None when all is done."""
        return next((stage for stage in self.stages if stage.parts_done < stage.parts), None)


def spread_of(store: RunStore) -> Spread | None:
    """How far a run's workers are; None where it has no job for workers."""
    if not isinstance(store.database, PostgreSQL):
        return None
    job = jobs.job_of(store)
    if job is None:
        return None
    found = _stages(store)
    stages = tuple(found[stage] for stage in job.stages if stage in found)
    return Spread(job.kind, stages, tuple(_workers(store, store.database)), str(store.get(STOP) or ""))


def _stages(store: RunStore) -> dict[str, StageProgress]:
    done = case((parts.c.state == "done", parts.c.records), else_=parts.c.done)
    query = select(
        parts.c.stage,
        func.count().label("parts"),
        func.count().filter(parts.c.state == "done").label("parts_done"),
        func.sum(parts.c.records).label("records"),
        func.sum(done).label("done"),
    ).group_by(parts.c.stage)
    return {
        row["stage"]: StageProgress(row["stage"], row["parts"], row["parts_done"], int(row["records"]), int(row["done"]))
        for row in store.rows(query)
    }


def _workers(store: RunStore, database: PostgreSQL) -> Sequence[WorkerProgress]:
    left = func.extract("epoch", parts.c.until - func.clock_timestamp())
    query = select(parts, left.label("left")).where(parts.c.owner.is_not(None), parts.c.stage != WHOLE).order_by(parts.c.owner)
    lease = database.place.lease
    return [
        WorkerProgress(
            row["owner"], row["stage"], row["number"], row["records"], row["done"], max(0, int(lease - float(row["left"]))), row["left"] < 0
        )
        for row in store.rows(query)
    ]
