"""What a run's workers are to do, as it stands in the run's database: a job of several stages, each divided into parts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, delete, func, insert, select

from unibill.copying.contents import RESULTS
from unibill.copying.leases import STOP, WHOLE
from unibill.copying.schema import parts
from unibill.copying.shapes import anything
from unibill.copying.store import RunStore, dumps, in_chunks, put

Kind: TypeAlias = Literal["plan", "apply", "verify"]
READ_SOURCE: Final = "read source"
COMPARE_SOURCE: Final = "compare source"
READ_TARGET: Final = "read target"
DECIDE: Final = "decide"
APPLY: Final = "apply"
COUNT: Final = "count"
VERIFY: Final = "verify"
SUM_UP: Final = "sum up"
STAGES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "plan": (READ_SOURCE, COMPARE_SOURCE, READ_TARGET, DECIDE),
    "apply": (APPLY, COUNT, SUM_UP),
    "verify": (VERIFY, SUM_UP),
}
"""The stages of each kind of job: one begins when every part of the one before is done."""
READING: Final = frozenset({READ_SOURCE, READ_TARGET, VERIFY})
"""Stages that write to nobody, and can be broken off anywhere."""
_JOB: Final = "job"
_MOST_RECORDS: Final = 2000
_MOST_ACCOUNTS: Final = 500
_LEAST_PARTS: Final = 64
"""How many parts even a small job is divided into, if it has so many accounts."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done.

    Attributes:
        id: unlike those of all other jobs of the run.
        kind: of the job.
        options: for the workers, as JSON values.
    """

    id: str
    kind: Kind
    options: Mapping[str, Any]

    @property
    def stages(self) -> tuple[str, ...]:
        """In their order."""
        return STAGES[self.kind]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part that is not laid out yet: accounts, or None for the list of all, and how many records they have, if that is known."""

    accounts: Sequence[str] | None
    records: int = 0


def job_of(store: RunStore) -> Job | None:
    """The job of a run, if there is one."""
    found = store.get(_JOB)
    return None if found is None else Job(found["id"], found["kind"], found["options"])


def lay_out(store: RunStore, job: Job, pieces: Mapping[str, Iterable[Piece]], **facts: object) -> None:
    """Replace a run's job and its parts, all at once: a stage without parts would count as done. The caller must hold the whole run.

    Args:
        store: the run.
        job: what is to be done.
        pieces: the parts of each stage; one that is not named has one part.
        facts: what is true of the run from then on.
    """
    with store.transaction() as connection:
        connection.execute(delete(parts).where(parts.c.stage != WHOLE))
        for stage in job.stages:
            _add(connection, stage, pieces.get(stage, [Piece(())]))
        put(connection, {_JOB: {"id": job.id, "kind": job.kind, "options": job.options}, STOP: None, **facts})


def add(store: RunStore, stage: str, pieces: Iterable[Piece]) -> None:
    """Give a stage its parts, in place of those it has; again, if a worker was lost over it."""
    with store.transaction() as connection:
        connection.execute(delete(parts).where(parts.c.stage == stage))
        _add(connection, stage, pieces)


def _add(connection: Connection, stage: str, pieces: Iterable[Piece]) -> None:
    rows = (
        {"stage": stage, "number": number, "items": dumps(piece.accounts), "records": piece.records} for number, piece in enumerate(pieces)
    )
    for chunk in in_chunks(rows):
        connection.execute(insert(parts), chunk)


def divided(accounts: Iterable[tuple[str, int]], total: int, width: int) -> Iterator[Piece]:
    """Accounts with their numbers of records, put together to parts of about equal work, each account in one.

    Args:
        accounts: in the order of the parts.
        total: the records of all; where it is not known, the number of accounts, each taken for one.
        width: how many accounts a worker works on at once: with fewer in a part, it would idle.
    """
    size = max(1, min(_MOST_RECORDS, total // _LEAST_PARTS))
    names: list[str] = []
    records = 0
    for name, count in accounts:
        if len(names) >= width and (records + count > size or len(names) >= _MOST_ACCOUNTS):
            yield Piece(names, records)
            names, records = [], 0
        names.append(name)
        records += count
    if names:
        yield Piece(names, records)


def is_done(store: RunStore, stage: str) -> bool:
    """Whether every part of a stage is done."""
    return not store.count(select(func.count()).select_from(parts).where(parts.c.stage == stage, parts.c.state == "open"))


def results(store: RunStore, *stages: str) -> Iterator[Any]:
    """What the parts of stages came to."""
    query = select(parts.c.stage, parts.c.number, parts.c.result).where(parts.c.stage.in_(stages), parts.c.result.is_not(None))
    for row in store.stream(query, parts.c.stage, parts.c.number):
        yield checked(store, row["stage"], row["result"])


def checked(store: RunStore, stage: str, result: Any) -> Any:  # noqa: ANN401 - JSON
    """What a part of a stage came to.

    Raises:
        RunStoreError: it is not what such parts come to, so the run is damaged.
    """
    with store.whole(f"parts {stage}, result"):
        RESULTS.get(stage, anything)(result)
    return result
