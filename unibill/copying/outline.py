"""The summary of a plan and the status of a run, from the store alone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from sqlalchemy import Select, func, select

from unibill import money
from unibill.copying.carry import REVERSED
from unibill.copying.compact import Losses, reason_of
from unibill.copying.decisions import BEGUN, DONE, FAILED, OPEN, UNSETTLED, Decision, State
from unibill.copying.gone import count_gone
from unibill.copying.guards import tripped, unpacked
from unibill.copying.items import RecordType
from unibill.copying.options import CHARGES, Guards
from unibill.copying.packed import Packed
from unibill.copying.prepared import Row
from unibill.copying.schema import records
from unibill.copying.store import RunStore
from unibill.copying.summary import LossTotal, Pending, PlanSummary, Reason, RunStatus, Total, many, noun_of
from unibill.errors import RunStoreError

_COVERED = frozenset({Decision.CREATE, Decision.EXISTS})
_HELD = frozenset({Decision.BLOCKED, Decision.CONFLICT})


_ZERO = Decimal(0)

TAKEN_UP: Final = {"failed": FAILED, "unknown": UNSETTLED, None: OPEN}
"""The states that an apply takes up, by what it is to take up only."""


class _Line:
    """The sums of one account and currency."""

    __slots__ = ("allocated", "carried", "dropped", "held", "records", "remaining")

    def __init__(self) -> None:
        self.records = 0
        self.remaining = self.carried = self.allocated = self.dropped = self.held = _ZERO


class _Sums:
    """Sums up while records pass by, account by account; its size grows with currencies and reasons, not with records or accounts."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.counts = {decision.value: 0 for decision in Decision}
        self.money: dict[str, dict[str, Decimal]] = {kind: {} for kind in RecordType}
        self.moved: dict[str, Decimal] = {}
        """What the guards look at: credits and charges together, whatever their sign."""
        self.largest: dict[str, Decimal] = {}
        self._account: str | None = None
        self._lines: dict[tuple[str, str, str, str], _Line] = defaultdict(_Line)
        self.reasons: dict[tuple[str, str], list[str]] = {}
        self.reason_counts: dict[tuple[str, str], int] = defaultdict(int)
        self.losses: dict[tuple[str, str, str], int] = defaultdict(int)

    def passed(self, rows: Iterable[Row]) -> Iterator[Total]:
        """Take rows, in the order of source accounts; gives the lines of each account once it is over."""
        for row in rows:
            if row["source_account"] != self._account:
                yield from self._over()
                self._account = row["source_account"]
            self._take(row)
        yield from self._over()

    def _over(self) -> Iterator[Total]:
        for (account, target, kind, currency), line in sorted(self._lines.items()):
            yield Total(
                account,
                target,
                RecordType(kind),
                currency,
                line.records,
                line.remaining,
                line.carried,
                line.allocated,
                line.dropped,
                line.held,
            )
        self._lines.clear()

    def _take(self, row: Row) -> None:
        decision, code = row["decision"], row["code"]
        self.counts[decision.value] += 1
        self.reason_counts[decision.value, code] += 1
        self.reasons.setdefault((decision.value, code), [reason_of(row)])
        currency = row["currency"]
        line = self._lines[row["source_account"], row["target_account"], row["record_type"], currency]
        line.records += 1
        remaining = Decimal(row["remaining"]) if row["remaining"] is not None else _ZERO
        line.remaining = _sum(line.remaining, remaining)
        if decision in _HELD:
            line.held = _sum(line.held, remaining)
        if decision in _COVERED:
            amount = Decimal(row["carried"])
            line.carried = _sum(line.carried, amount)
            for item in row["draft"].get("allocations", ()):
                line.allocated = _sum(line.allocated, Decimal(item["amount"]))
            for item in row["dropped"]:
                if item["reason"] != REVERSED:
                    line.dropped = _sum(line.dropped, Decimal(item["amount"]))
            if decision is Decision.CREATE:
                kind = self.money[row["record_type"]]
                kind[currency] = _sum(kind.get(currency, _ZERO), amount)
                _move(self.moved, self.largest, currency, amount)
        if decision in _COVERED or code == "money-loss":
            for loss in self._losses.told(row["losses"]):
                self.losses[loss["field"], loss["kind"], loss["reason"]] += 1


def _sum(one: Decimal, other: Decimal) -> Decimal:
    """The exact sum; nothing new where one of them is nothing."""
    return money.EXACT.add(one, other) if one and other else one or other


def _sums(store: RunStore) -> tuple[_Sums, Packed[Total]]:
    """The sums of a plan, and its lines in the order of accounts."""
    sums = _Sums(Losses(store))
    columns = records.c
    wanted = [
        columns[name]
        for name in (
            "source_account",
            "record_type",
            "source_id",
            "target_account",
            "currency",
            "decision",
            "code",
            "reason",
            "remaining",
            "carried",
            "draft",
        )
    ]
    rows = store.stream(select(*wanted, columns.dropped, columns.losses), columns.source_account, columns.record_type, columns.source_id)
    return sums, Packed(Total, sums.passed(rows))


def guards_tripped(store: RunStore, guards: Guards | None) -> tuple[str, ...]:
    """The guards that a plan trips; those of the plan unless others are given."""
    moved: dict[str, Decimal] = {}
    largest: dict[str, Decimal] = {}
    query = select(records.c.seq, records.c.currency, records.c.carried).where(records.c.decision == Decision.CREATE)
    for row in store.stream(query, records.c.seq):
        _move(moved, largest, row["currency"], Decimal(row["carried"]))
    return _tripped(_decisions(store), moved, largest, guards if guards is not None else unpacked(store.need("guards")))


def _move(moved: dict[str, Decimal], largest: dict[str, Decimal], currency: str, amount: Decimal) -> None:
    size = amount.copy_abs()
    moved[currency] = _sum(moved.get(currency, _ZERO), size)
    largest[currency] = max(largest.get(currency, _ZERO), size)


def _decisions(store: RunStore) -> dict[str, int]:
    """How many records were decided how."""
    rows = store.rows(select(records.c.decision, func.count().label("count")).group_by(records.c.decision))
    return {decision.value: 0 for decision in Decision} | {row["decision"].value: row["count"] for row in rows}


def _tripped(counts: Mapping[str, int], moved: Mapping[str, Decimal], largest: Mapping[str, Decimal], guards: Guards) -> tuple[str, ...]:
    held = counts["blocked"] + counts["conflict"]
    return tripped(guards, counts["create"], moved, largest, held, held + counts["create"] + counts["exists"])


def summarise(store: RunStore) -> PlanSummary:
    """The summary of a plan.

    Raises:
        RunStoreError: planning did not come to its end.
    """
    if store.get("hash") is None:
        raise RunStoreError(f"the plan in {store.name} was not finished; plan again")
    sums, lines = _sums(store)
    return PlanSummary(
        run=store.name,
        source=store.need("source"),
        target=store.need("target"),
        carry=store.need("options")["carry"],
        hash=store.need("hash"),
        counts=sums.counts,
        money=dict(sorted(sums.money[RecordType.CREDIT].items())),
        charges=dict(sorted(sums.money[RecordType.CHARGE].items())),
        totals=lines,
        reasons=tuple(
            Reason(decision, code, count, sums.reasons[decision, code][0])
            for (decision, code), count in sorted(sums.reason_counts.items(), key=lambda item: (-item[1], item[0]))
        ),
        losses=tuple(LossTotal(field, kind, count, reason) for (field, kind, reason), count in sorted(sums.losses.items())),
        stopped_by=_tripped(sums.counts, sums.moved, sums.largest, unpacked(store.need("guards"))),
        notes=tuple(store.get("notes") or ()),
    )


def states_of(store: RunStore) -> dict[str, int]:
    """How many records are in each state."""
    rows = store.rows(select(records.c.state, func.count().label("count")).where(records.c.state != "").group_by(records.c.state))
    return {row["state"].value: row["count"] for row in rows}


def canary_of(count: int, only: str | None = None) -> Select[int]:
    """The records of a canary: the first of those that an apply would take up and knows the outcome of, in the order of its work.

    Args:
        count: how many.
        only: ``failed`` records only, or ``unknown`` ones.
    """
    r = records.c
    query = select(r.seq).where(r.state.in_(TAKEN_UP[only] - UNSETTLED))
    return query.order_by(r.target_account, r.source_account, r.record_type, r.source_id).limit(count)


def pending(store: RunStore, only: str | None = None, first: int | None = None) -> Pending:
    """What an apply would take up.

    Args:
        store: the run.
        only: ``failed`` records only, or ``unknown`` ones.
        first: only so many, as of a canary.
    """
    r = records.c
    mine = r.state.in_(TAKEN_UP[only]) if first is None else r.seq.in_(canary_of(first, only))
    # Apply makes no copy for a record that the plan found at the target under the mark that it still has.
    found = (r.decision == Decision.EXISTS) & (r.sends == 0) & (r.mark.is_(None) | (r.mark == r.mark_now))
    look = store.count(select(func.count()).select_from(records).where(found, mine))
    create = unknown = 0
    sums: dict[str, dict[str, Decimal]] = {kind: {} for kind in RecordType}
    wanted = select(r.seq, r.record_type, r.currency, r.carried, r.state).where(~found, mine)
    for row in store.stream(wanted, r.seq):
        unsure = row["state"] in UNSETTLED
        unknown += unsure
        create += not unsure
        kind = sums[row["record_type"]]
        kind[row["currency"]] = _sum(kind.get(row["currency"], _ZERO), Decimal(row["carried"]))
    return Pending(
        create=create,
        unknown=unknown,
        look=look,
        money=dict(sorted(sums[RecordType.CREDIT].items())),
        charges=dict(sorted(sums[RecordType.CHARGE].items())),
        has_charges=_has_charges(store),
    )


def _has_charges(store: RunStore) -> bool:
    return CHARGES in (store.get("options") or {}).get("include", ())


def status(store: RunStore) -> RunStatus:
    """Where a run stands."""
    counts = _decisions(store)
    states = states_of(store)
    phase = store.get("phase") or "planning"
    gone = count_gone(store) if states.get("undone", 0) else 0
    left = store.count(select(func.count()).select_from(records).where(records.c.state.in_(BEGUN), records.c.sends > 0))
    charges = _has_charges(store)
    if store.database.is_worked_on():
        following = "It is being worked on: wait for it to end, or watch it with status --watch."
    else:
        following = _next(phase, counts, states, gone, left, store.get("verified"), noun_of(charges=charges))
    return RunStatus(
        run=store.name,
        phase=phase,
        hash=store.get("hash") or "",
        source=store.get("source") or "",
        target=store.get("target") or "",
        counts=counts,
        states=states,
        gone=gone,
        charges=charges,
        next=following,
    )


def _next(phase: str, counts: Mapping[str, int], states: Mapping[str, int], gone: int, left: int, verified: int | None, noun: str) -> str:
    def count(wanted: frozenset[State]) -> int:
        return sum(states.get(state.value, 0) for state in wanted)

    if phase == "planning":
        return "The plan was not finished: plan again."
    unsettled, failed = count(UNSETTLED), count(FAILED)
    todo = states.get("planned", 0) + states.get("undone", 0)
    if phase == "rolled back":
        if gone:
            were = "was" if gone == 1 else "were"
            before = f"{many(gone, noun)} {were} gone before, or never there"
            return f"Nothing of this run stands, {before}; apply makes all of it again, or keep the file as proof."
        return "Everything of this run was taken back; apply makes it again, or keep the file as proof."
    if phase == "partly rolled back":
        copies = "1 copy" if left == 1 else f"{left} copies"
        still = "may still stand" if left > states.get("created", 0) else "still stands" if left == 1 else "still stand"
        return f"{copies} of this run {still}: look at the reasons, mend them, and roll back again."
    if phase == "rolling back":
        return "The rollback was not finished: roll back again to go on."
    if unsettled:
        writes = "1 write has" if unsettled == 1 else f"{unsettled} writes have"
        return f"{writes} an unknown outcome: apply again, which looks before it sends anything."
    if todo and not count(DONE):
        held = _held(counts, noun)
        return "Read the plan and sign off its hash, then apply it." + (f" {held}: look at them first." if held else "")
    if todo:
        return f"{many(todo, noun)} {'is' if todo == 1 else 'are'} not made yet: apply again to go on."
    if failed:
        return _failed(failed, states.get("refused", 0), noun)
    if phase == "applying":
        return "Everything planned is done, but the last apply ended before it had counted what stands there: apply again."
    held = _held(counts, noun)
    aside = f" {held}, not copied: the report says why." if held else ""
    if verified is None:
        return ("Everything planned is done: verify it." if count(DONE) else "Nothing was to be copied: verify that nothing was.") + aside
    if verified:
        return f"Verification found differences: look at them, then apply or roll back.{aside}"
    return ("Verified: keep the file as proof." if count(DONE) else "Verified: nothing was copied.") + aside


def _failed(failed: int, refused: int, noun: str) -> str:
    """What to do about records that failed, of which those that were refused cannot be mended in this run: its plan is fixed."""
    mendable = failed - refused
    said = [f"{many(mendable, noun)} failed: look at the reasons, mend them, and apply with --only failed."] if mendable else []
    if refused:
        another = "plan into another run for what is there now, unless one has carried it"
        said.append(f"{many(refused, noun)} changed at the source since the plan, or went: {another}.")
    return " ".join(said)


def _held(counts: Mapping[str, int], noun: str) -> str:
    """``3 credits are blocked and 1 is in conflict``; nothing where there are none."""
    said = [(counts["blocked"], "blocked"), (counts["conflict"], "in conflict")]
    parts = [(count, f"{'is' if count == 1 else 'are'} {what}") for count, what in said if count]
    return " and ".join(f"{count if place else many(count, noun)} {words}" for place, (count, words) in enumerate(parts))
