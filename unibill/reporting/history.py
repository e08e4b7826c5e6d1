"""What happened to a run and when, from its journal and its proofs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from unibill import money
from unibill.copying.items import RecordType
from unibill.copying.reports import Proof, Run
from unibill.copying.summary import Difference, Problem
from unibill.reporting.sums import Found, Key
from unibill.reporting.values import Event, Pace, Verified
from unibill.showing import show, show_id

_BARS: Final = 60
"""How many stretches of time the pace has at most."""
_STRETCHES: Final = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 86_400, 7 * 86_400, 28 * 86_400)
"""Lengths that people read easily, in seconds."""
_BESIDE_RECORDS: Final = frozenset({"surplus", "missing", "unreadable"})
"""Problems of an apply that are not the state of a record."""
_IDS: Final = frozenset({"account", "source_id", "target_id"})


@dataclass(slots=True)
class History:
    """What the journal and the proofs say.

    Attributes:
        found: what the last verification found of each target account and currency; None where it proves nothing any more.
        signs: what it found of source records, by id: a sign and a reason.
    """

    events: list[Event] = field(default_factory=list[Event])
    pace: tuple[Pace, ...] = ()
    verification: Verified | None = None
    problems: tuple[Problem, ...] = ()
    found: Found | None = None
    signs: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


def history(run: Run, planned_at: str) -> History:
    """Read the journal and the proofs of a run."""
    told = History()
    if planned_at:
        told.events.append(Event("plan", "", planned_at, "Both systems were read and every record was decided; nothing was written.", {}))
    proofs = list(run.proofs())
    journal = _Journal(run, [proof.at for proof in proofs])
    for number, proof in enumerate(proofs):
        work = journal.work(number)
        if proof.kind == "verification":
            if work.last:  # an apply that broke off before this verification
                told.events.append(_broken_off(work))
            told.events.append(_verification(proof))
        else:
            told.events.append(_writing(proof, work))
    if (rest := journal.work(len(proofs))).last:
        told.events.append(_broken_off(rest))
    told.pace = journal.pace()
    changed = [proof.kind == "rollback" or bool(journal.work(number).last) for number, proof in enumerate(proofs)]
    _judge(told, proofs, [*changed, bool(rest.last)])
    return told


def _judge(told: History, proofs: list[Proof], changed: list[bool]) -> None:
    """Judge by the last verification, and by whether anything changed before each proof and after them all."""
    last = next((i for i in range(len(proofs) - 1, -1, -1) if proofs[i].kind == "verification"), None)
    if last is not None:
        data = proofs[last].data
        stale = any(changed[last + 1 :])
        differences = tuple(Difference(**_shown(item)) for item in data["differences"])
        told.verification = Verified(proofs[last].at, stale, data["exit_status"], data["signs"], differences)
        if not stale:
            told.found = {
                _key(line): (money.add([Decimal(line["before"]), Decimal(line["carried"])]), _amount(line["after"]))
                for line in data["conservation"]
            }
            told.signs = {item["source_id"]: (item["sign"], item["reason"]) for item in data["differences"] if item["source_id"]}
    writing = next((proof for proof in reversed(proofs) if proof.kind in {"apply", "rollback"}), None)
    if writing is not None:
        named = writing.data.get("remains") or [item for item in writing.data.get("problems", ()) if item["what"] in _BESIDE_RECORDS]
        told.problems = tuple(Problem(**_shown(item)) for item in named)


def _key(line: Mapping[str, str]) -> Key:
    return show_id(line["account"]), RecordType(line["record_type"]), show(line["currency"])


def _amount(value: Decimal | int | None) -> Decimal | None:
    """An amount from exact JSON, where a whole one is an int."""
    return None if value is None else Decimal(value)


def _shown(item: Mapping[str, str]) -> dict[str, str]:
    return {name: show_id(text) if name in _IDS else show(text) for name, text in item.items()}


def _verification(proof: Proof) -> Event:
    data = proof.data
    text = "Both systems were read again: they agree." if data["exit_status"] == 0 else "Both systems were read again: they differ."
    return Event("verification", "", proof.at, text, {sign: count for sign, count in data["signs"].items() if count})


def _writing(proof: Proof, work: "_Work") -> Event:
    data = proof.data
    if proof.kind == "rollback":
        text = "What this run made was taken back." if not data["remains"] else "What this run made was taken back, but not all of it."
    else:
        text = "The plan was applied."
    if data.get("stopped"):
        text += f" It stopped itself: {show(str(data['stopped']))}"
    elif data.get("interrupted"):
        text += " It was interrupted before its end."
    return Event(proof.kind, work.first, proof.at, text, work.counts)


def _broken_off(work: "_Work") -> Event:
    return Event(
        "work", work.first, work.last, "Writes were journaled, and nothing was said at the end: broken off, or still going on.", work.counts
    )


@dataclass(slots=True)
class _Work:
    """Entries of the journal between two proofs."""

    first: str = ""
    last: str = ""
    counts: dict[str, int] = field(default_factory=dict[str, int])


class _Journal:
    """The journal, counted by seconds; what is kept grows with minutes, not with records.

    Args:
        run: its own.
        ends: the moments of its proofs.
    """

    def __init__(self, run: Run, ends: Sequence[str]) -> None:
        self._works: dict[int, _Work] = defaultdict(_Work)
        self._seconds: dict[int, dict[str, int]] = {}
        self._stretch = 0
        for one in run.work(ends):
            work = self._works[one.part]
            work.first, work.last = min(work.first or one.first, one.first), max(work.last, one.last)
            if one.step:
                work.counts[one.step] = work.counts.get(one.step, 0) + one.count
                self._count(one.second, one.step, one.count)

    def work(self, part: int) -> _Work:
        """The work before a proof, since the one before it; by its number, which for all that is left is that of all."""
        work = self._works[part]
        work.counts = dict(sorted(work.counts.items(), key=lambda item: -item[1]))
        return work

    def _count(self, second: int, what: str, count: int) -> None:
        length = _STRETCHES[self._stretch]
        counts = self._seconds.setdefault(second - second % length, {})
        counts[what] = counts.get(what, 0) + count
        while len(self._seconds) > 1 and self._bars() > _BARS and self._stretch < len(_STRETCHES) - 1:
            self._stretch += 1
            self._seconds = _merged(self._seconds, _STRETCHES[self._stretch])

    def _bars(self) -> int:
        return (max(self._seconds) - min(self._seconds)) // _STRETCHES[self._stretch] + 1

    def pace(self) -> tuple[Pace, ...]:
        """What was settled in each stretch of time, without those of nothing."""
        length = _STRETCHES[self._stretch]
        return tuple(Pace(_iso(second), length, counts) for second, counts in sorted(self._seconds.items()))


def _merged(counts: Mapping[int, Mapping[str, int]], length: int) -> dict[int, dict[str, int]]:
    merged: dict[int, dict[str, int]] = {}
    for second, of in counts.items():
        into = merged.setdefault(second - second % length, {})
        for what, count in of.items():
            into[what] = into.get(what, 0) + count
    return merged


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
