"""Reading a run: for status, for reports, and for whoever audits it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, overload

from sqlalchemy import BigInteger, case, func, literal, select, type_coerce

from unibill.copying import outline, schema
from unibill.copying.compact import Losses, draft_of, reason_of
from unibill.copying.contents import LINES, PROOFS
from unibill.copying.decisions import Decision, State
from unibill.copying.gone import GONE, GONE_ENTRY
from unibill.copying.items import RecordType
from unibill.copying.place import RunLike
from unibill.copying.prepared import Row
from unibill.copying.shapes import Check, Wrong, anything
from unibill.copying.store import RunStore, told_time
from unibill.copying.summary import Pending, PlanSummary, RunStatus, Value
from unibill.losses import Loss, LossKind

if TYPE_CHECKING:
    from unibill.copying.workers import Spread


@dataclass(frozen=True, slots=True)
class RunRecord(Value):
    """One source record in a run.

    Attributes:
        record_type: whether it travels as a credit or as a charge; the amounts of charges are signed.
        type: of a charge, the charge type that it becomes; else an empty text.
        remaining: what remained of it at the source; None where that cannot be known.
        carried: its copy's amount; None where nothing is carried.
        draft: the copy as planned, or None; texts that may hold card numbers are left out.
        dropped: allocations that stay behind, each with target, amount, currency and reason.
        outcome: why it is in its state, where that needs saying.
        mark: of its copy.
        sends: how often a write of it was begun.
        gone: it was rolled back, and nothing of it had to be taken back: it was gone, or never there.
    """

    seq: int
    source_account: str
    record_type: RecordType
    source_id: str
    kind: str
    status: str
    day: str | None
    currency: str
    amount: Decimal
    remaining: Decimal | None
    target_account: str
    type: str
    carried: Decimal | None
    decision: Decision
    code: str
    reason: str
    losses: tuple[Loss, ...]
    dropped: tuple[dict[str, Any], ...]
    draft: dict[str, Any] | None
    mark: str
    state: State
    outcome: str
    target_id: str | None
    sends: int
    gone: bool = False


@dataclass(frozen=True, slots=True)
class JournalEntry(Value):
    """One line of the journal.

    Attributes:
        seq: of the record.
        attempt: rises with each rollback of the record.
        action: ``create``, ``undo`` or ``undo surplus``.
        phase: ``intent``, ``done`` or ``outcome``.
        at: UTC, ISO 8601.
    """

    seq: int
    attempt: int
    action: str
    phase: str
    step: str
    data: dict[str, Any]
    at: str


@dataclass(frozen=True, slots=True)
class Worked(Value):
    """What was written into the journal in one second.

    Attributes:
        part: before which of the moments that were asked for; their number for after them all.
        second: since 1970, UTC.
        step: an outcome, ``gone`` where a rollback found nothing to take back; empty for what was no outcome.
        count: how many entries.
        first, last: of them, UTC, ISO 8601.
    """

    part: int
    second: int
    step: str
    count: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Proof(Value):
    """What apply, a verification or a rollback found at its end."""

    kind: str
    at: str
    data: dict[str, Any]


class KeptLines(Sequence[dict[str, Any]]):
    """The lines of a proof, one of each account, read when they are asked for while the run is open."""

    def __init__(self, store: RunStore, proof: int, check: Check) -> None:
        self._store = store
        self._what = f"proof_lines of proof {proof}, data"
        self._check = check
        self._chunks = select(schema.proof_lines).where(schema.proof_lines.c.proof == proof)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._store.stream(self._chunks, schema.proof_lines.c.number, size=1):
            with self._store.whole(self._what):
                self._check(row["data"])
            yield from row["data"]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        return list(self)[index]


@dataclass(frozen=True, slots=True)
class Before(Value):
    """The standing money of one target account and currency when the plan was made."""

    account: str
    record_type: RecordType
    currency: str
    records: int
    amount: Decimal


class Run:
    """A run, opened for reading. Everything that may be long is streamed."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._losses = Losses(store)

    @property
    def name(self) -> str:
        """Where it is kept, without credentials."""
        return self._store.name

    def summary(self) -> PlanSummary:
        """The plan, summed up."""
        return outline.summarise(self._store)

    def status(self) -> RunStatus:
        """Where it stands."""
        return outline.status(self._store)

    def pending(self, only: str | None = None, first: int | None = None) -> Pending:
        """What an apply would take up.

        Args:
            only: ``failed`` records only, or ``unknown`` ones.
            first: only so many, as of a canary.
        """
        return outline.pending(self._store, only, first)

    def spread(self) -> "Spread | None":
        """How far its workers are; None where it has no job for workers."""
        from unibill.copying.workers.views import spread_of

        return spread_of(self._store)

    def facts(self) -> dict[str, Any]:
        """What the run was planned for: names, identities, options, settings."""
        return self._store.facts()

    def records(self, decision: Decision | None = None) -> Iterator[RunRecord]:
        """The records, in the order of account and id."""
        query = select(schema.records, GONE)
        if decision is not None:
            query = query.where(schema.records.c.decision == decision)
        r = schema.records.c
        for row in self._store.stream(query, r.source_account, r.record_type, r.source_id):
            yield _record(row, self._losses)

    def journal(self) -> Iterator[JournalEntry]:
        """The journal, oldest first."""
        begun: dict[tuple[int, str], str] = {}
        for row in self._store.stream(select(schema.journal), schema.journal.c.id):
            of, phase, step = (row["seq"], row["action"]), row["phase"], row["step"]
            if phase == "intent":
                begun[of] = step
            elif phase == "done":
                step = step or begun.get(of, "")
            else:
                begun.pop(of, None)
            yield JournalEntry(
                row["seq"],
                row["attempt"],
                row["action"],
                phase,
                step,
                row["data"],
                _told(row["at"]),
            )

    def work(self, until: Sequence[str]) -> Iterator[Worked]:
        """How much was written into the journal in each second, oldest first.

        Args:
            until: moments, as proofs have them, that part the time.
        """
        j = schema.journal.c
        ends = [int(datetime.fromisoformat(moment).timestamp() * 1000) for moment in until]
        part = case(*((j.at <= end, number) for number, end in enumerate(ends)), else_=len(ends)) if ends else literal(0)
        what = case((GONE_ENTRY, "gone"), (j.phase == "outcome", j.step), else_="")
        groups = select(part.label("part"), type_coerce(j.at // 1000, BigInteger).label("second"), what.label("step"), j.at).subquery()
        g = groups.c
        query = select(g.part, g.second, g.step, func.count().label("count"), func.min(g.at).label("first"), func.max(g.at).label("last"))
        for row in self._store.rows(query.group_by(g.part, g.second, g.step).order_by(g.part, g.second, g.step)):
            yield Worked(row["part"], row["second"], row["step"], row["count"], _told(row["first"]), _told(row["last"]))

    def proofs(self) -> Iterator[Proof]:
        """What was proved, oldest first."""
        for row in self._store.stream(select(schema.proofs), schema.proofs.c.id, size=1):
            with self._store.whole(f"proofs {row['id']}"):
                PROOFS[row["kind"]](row["data"])
                lines = self._lines(row)
            yield Proof(row["kind"], row["at"], row["data"] | lines)

    def _lines(self, row: Row) -> dict[str, KeptLines]:
        field, check = LINES.get(row["kind"], ("", anything))
        if row["lines"] != field:
            raise Wrong(f"lines is {row['lines']!r}, not {field!r}")
        return {field: KeptLines(self._store, row["id"], check)} if field else {}

    def before(self) -> Iterator[Before]:
        """The target's money before, per account and currency."""
        table = schema.totals
        for row in self._store.stream(select(table), table.c.account, table.c.record_type, table.c.currency):
            yield Before(row["account"], row["record_type"], row["currency"], row["records"], Decimal(row["amount"]))


@contextmanager
def open_run(run: RunLike) -> Iterator[Run]:
    """Open a run for reading; others may work on it meanwhile.

    Raises:
        RunStoreError: there is none, or it is not one of this version.
    """
    with RunStore(run) as store:
        yield Run(store)


def status(run: RunLike) -> RunStatus:
    """Where a run stands and what to do next; errors as of ``open_run``."""
    with open_run(run) as opened:
        return opened.status()


def _told(at: int) -> str:
    return told_time(datetime.fromtimestamp(at / 1000, UTC))


def _record(row: Row, losses: Losses) -> RunRecord:
    return RunRecord(
        seq=row["seq"],
        source_account=row["source_account"],
        record_type=row["record_type"],
        source_id=row["source_id"],
        kind=row["kind"],
        status=row["status"],
        day=row["day"],
        currency=row["currency"],
        amount=Decimal(row["amount"]),
        remaining=None if row["remaining"] is None else Decimal(row["remaining"]),
        target_account=row["target_account"],
        type=row["type"],
        carried=None if row["carried"] is None else Decimal(row["carried"]),
        decision=row["decision"],
        code=row["code"],
        reason=reason_of(row),
        losses=tuple(Loss(item["field"], item["value"], item["reason"], LossKind(item["kind"])) for item in losses.told(row["losses"])),
        dropped=tuple(row["dropped"]),
        draft=None if row["draft"] is None else draft_of(row),
        mark=row["mark_now"],
        state=row["state"],
        outcome=row["outcome"],
        target_id=row["target_id"],
        sends=row["sends"],
        gone=bool(row["gone"]),
    )
