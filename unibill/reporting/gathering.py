"""The figures of a run, from its store, in one pass over the records."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from unibill.copying.items import RecordType
from unibill.copying.reports import Run, RunRecord
from unibill.copying.store import now
from unibill.copying.summary import PlanSummary, Progress, RunStatus, Tell
from unibill.exactjson import dumps
from unibill.reporting.history import History, history
from unibill.reporting.sums import Sums
from unibill.reporting.tables import record_row
from unibill.reporting.values import STANDING, Figures, Outcome, RecordLine, Side, outcome_of
from unibill.reporting.verdict import judge
from unibill.showing import show, show_id
from unibill.version import __version__

NAMED: Final = 200
"""Exceptions that the figures name one by one; the records have them all."""
SAMPLED: Final = 12
"""Records carried that the page prints."""
_AS_THEY_COME: Final = {("look_alikes", "block"), ("credit_charges", "credit"), ("invoiced_charges", "block")}
"""Options of a plan that nobody chose, and nobody need read."""
_TOLD: Final = 1000
"""Records between two words of progress."""
_SAID: Final = {
    Outcome.CARRIED: "created under its mark",
    Outcome.EXISTED: "its copy stands at the target under its mark",
    Outcome.WAITING: "planned, and not made yet",
    Outcome.UNDONE: "its copy was taken back",
}
_GONE: Final = "a rollback found nothing of it to take back"
_UNPRINTED: Final = frozenset({"made_at", "version", "run", "fingerprint"})
"""What two reports of the same facts may differ in."""

Take = Callable[[RecordLine], None]


def gather(run: Run, takers: Sequence[Take] = (), progress: Tell | None = None) -> Figures:
    """Compute the figures of a run.

    Args:
        run: open for reading.
        takers: each is given every record once, in the order of account and id; records are not kept.
        progress: is told how far it is.

    Raises:
        RunStoreError: its plan was not finished, or the store is damaged.
    """
    plan, standing, facts = run.summary(), run.status(), run.facts()
    told = history(run, str(facts.get("planned_at") or ""))
    total = sum(plan.counts.values())
    sums, picked, print_ = Sums(taken_back=standing.phase.endswith("rolled back")), _Picked(plan), hashlib.sha256()
    for record in run.records():
        line = line_of(record, told.signs)
        sums.take(line)
        picked.take(line)
        print_.update(json.dumps([str(cell) for cell in record_row(line)]).encode())
        for take in takers:
            take(line)
        if progress is not None and sums.records % _TOLD == 0:
            progress(Progress("report", sums.records, total))
    figures = _put_together(plan, standing, facts, told, sums, picked, run)
    return _with_fingerprint(figures, print_)


def _put_together(
    plan: PlanSummary, standing: RunStatus, facts: Mapping[str, Any], told: History, sums: Sums, picked: "_Picked", run: Run
) -> Figures:
    before = (replace(line, account=show_id(line.account), currency=show(line.currency)) for line in run.before())
    outcomes, accounts = sums.outcomes(), sums.accounts(before, told.found)
    counts = {line.outcome: line.records for line in outcomes}
    return Figures(
        made_at=now(),
        version=__version__,
        run=show(plan.run),
        hash=plan.hash,
        source=Side(show(plan.source), show(str(facts.get("source_identity") or ""))),
        target=Side(show(plan.target), show(str(facts.get("target_identity") or ""))),
        phase=standing.phase,
        next=show(standing.next),
        planned_at=str(facts.get("planned_at") or ""),
        called=sums.called,
        planned_with=_planned_with(facts["options"]),
        verdict=judge(standing, sums.called, counts, told.verification, len(told.problems)),
        records=sums.records,
        money=sums.currencies(accounts),
        accounts=accounts,
        totals=tuple(
            replace(line, account=show_id(line.account), target_account=show_id(line.target_account), currency=show(line.currency))
            for line in plan.totals
        ),
        outcomes=outcomes,
        reasons=sums.reasons(),
        losses=tuple(replace(line, field=show(line.field), reason=show(line.reason)) for line in plan.losses),
        flows=sums.flows(),
        verification=told.verification,
        problems=told.problems,
        exceptions=tuple(picked.exceptions),
        exception_count=picked.exception_count,
        sample=tuple(picked.sample),
        events=tuple(told.events),
        pace=told.pace,
        notes=tuple(map(show, (*plan.notes, *plan.stopped_by))),
        fingerprint="",
    )


def _with_fingerprint(figures: Figures, records: Any) -> Figures:  # noqa: ANN401 - a hash of hashlib's, whose type has no public name
    facts = {name: value for name, value in figures.jsonable().items() if name not in _UNPRINTED}
    records.update(dumps(facts))
    return replace(figures, fingerprint=records.hexdigest())


def line_of(record: RunRecord, signs: Mapping[str, tuple[str, str]]) -> RecordLine:
    """One record as a report shows it; its texts are safe to look at.

    Args:
        record: of the run.
        signs: what a verification found, by source id: a sign and a reason.
    """
    outcome = outcome_of(record.decision, record.state)
    draft = record.draft or {}
    sign, found = signs.get(record.source_id, ("", ""))
    staying = outcome not in STANDING | {Outcome.WAITING, Outcome.UNDONE}
    return RecordLine(
        outcome=outcome,
        decision=record.decision,
        sign=sign,
        source_account=show_id(record.source_account),
        record_type=record.record_type,
        source_id=show_id(record.source_id),
        kind=show(record.kind),
        status=show(record.status),
        day=record.day or "",
        currency=show(record.currency),
        amount=record.amount,
        remaining=record.remaining,
        carried=record.carried,
        target_account=show_id(record.target_account),
        type=show(record.type),
        counts_as=RecordType.CREDIT if draft.get("credit") else record.record_type,
        target_id=show_id(record.target_id or ""),
        code=_code(record, outcome),
        reason=show(found or record.outcome or (record.reason if staying else "")) or (_GONE if record.gone else _SAID.get(outcome, "")),
        number=show(draft.get("number")),
        memo=show(draft.get("memo") or draft.get("tag")),
        mark=record.mark,
        sends=record.sends,
        losses=tuple((show(loss.field), loss.kind.value, show(loss.value), show(loss.reason)) for loss in record.losses),
        dropped=tuple(
            (show_id(str(item["target"])), Decimal(item["amount"]), show(str(item["currency"])), show(str(item["reason"])))
            for item in record.dropped
        ),
        spent=tuple(
            (show_id(str(item["target_id"] or item["target_number"] or "")), Decimal(item["amount"]))
            for item in draft.get("allocations", ())
        ),
    )


def _code(record: RunRecord, outcome: Outcome) -> str:
    """Why, in a stable and short word: the plan's where it kept the record back, else how far the record has come."""
    if outcome in {Outcome.SKIPPED, Outcome.BLOCKED} or (outcome is Outcome.CONFLICT and record.code not in {"create", "exists"}):
        return show(record.code)
    if record.gone:
        return "gone"
    return record.state.value or record.decision.value


def _planned_with(options: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The options of the plan that are not as they come, in words."""
    told: list[tuple[str, str]] = []
    for name, value in options.items():
        if value in (None, False, [], "") or (name, value) in _AS_THEY_COME:
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list) else "yes" if value is True else str(value)
        told.append((name.replace("_", " "), show(text)))
    return tuple(told)


class _Picked:
    """Exceptions, and a few of the others spread evenly."""

    def __init__(self, plan: PlanSummary) -> None:
        likely = plan.counts.get("create", 0) + plan.counts.get("exists", 0)
        self._likely = max(1, likely)
        self._standing = 0
        self.exceptions: list[RecordLine] = []
        self.exception_count = 0
        self.sample: list[RecordLine] = []

    def take(self, line: RecordLine) -> None:
        if line.is_exception:
            self.exception_count += 1
            if len(self.exceptions) < NAMED:
                self.exceptions.append(line)
        elif line.outcome in STANDING:
            if self._standing * SAMPLED % self._likely < SAMPLED and len(self.sample) < SAMPLED:
                self.sample.append(line)
            self._standing += 1
