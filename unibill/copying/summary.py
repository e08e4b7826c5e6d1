"""What plan, apply, verify and rollback give back: frozen values that print as exact JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from unibill.copying.items import RecordType
from unibill.copying.packed import Packed

DIFFERENCES: Final = 1
STOPPED: Final = 4
INTERRUPTED: Final = 130
SHOWN: Final = 200
"""How many records a summary names; the run store has them all."""


class Value:
    """What all of them share."""

    def jsonable(self, *, without: str = "") -> dict[str, object]:
        """The value as JSON values; amounts stay Decimals, for ``exactjson.dumps``.

        Args:
            without: a field that is not wanted.
        """
        wanted = [item.name for item in fields(cast("Any", self)) if item.name != without]
        return {name: _jsonable(getattr(self, name)) for name in wanted} | self._derived()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from unibill.notebook import html

        return html(type(self).__name__, self.jsonable())

    def _derived(self) -> dict[str, object]:
        status = getattr(self, "exit_status", None)
        return {} if status is None else {"exit_status": status}


def _jsonable(value: object) -> object:
    if isinstance(value, Value):
        return value.jsonable()
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _jsonable(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (tuple, list, frozenset, Packed)):
        return [_jsonable(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (date, Path)):
        return str(value)
    return value


@dataclass(frozen=True, slots=True)
class Progress(Value):
    """How far a phase is.

    Attributes:
        phase: ``read source``, ``read target``, ``decide``, ``apply``, ``settle``, ``verify``, ``rollback``.
        done: records or accounts so far.
        total: of how many, or None where that is not known yet.
        money: created so far, by currency.
        counts: outcomes so far.
        note: what is being waited for, if anything.
        charges: created so far as charges, by currency; signed.
    """

    phase: str
    done: int
    total: int | None = None
    money: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    note: str = ""
    charges: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


def noun_of(*, charges: bool) -> str:
    """What the records of a run are called together."""
    return "records" if charges else "credits"


def many(count: int, noun: str) -> str:
    """``1 credit``, ``2 credits``.

    Args:
        count: how many.
        noun: as a plural.
    """
    return f"{count} {noun.removesuffix('s') if count == 1 else noun}"


Tell: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Total(Value):
    """The money of one source account and currency in a plan; that of charges, which is signed, apart from that of credits.

    Attributes:
        account: at the source.
        target_account: empty where it is not mapped.
        record_type: of what travels.
        records: source credits.
        remaining: what remains of them at the source, where it is known.
        carried: what create and exists carry.
        allocated: the part of it that arrives allocated.
        dropped: allocations of carried credits that stay behind.
        held: what remains of blocked and conflicting credits.
    """

    account: str
    target_account: str
    record_type: RecordType
    currency: str
    records: int
    remaining: Decimal
    carried: Decimal
    allocated: Decimal
    dropped: Decimal
    held: Decimal


@dataclass(frozen=True, slots=True)
class Reason(Value):
    """Why records were decided as they were.

    Attributes:
        code: stable and short.
        sample: the sentence of one of them.
    """

    decision: str
    code: str
    count: int
    sample: str


@dataclass(frozen=True, slots=True)
class LossTotal(Value):
    """How often a field is lost, among the records that are carried or blocked for it."""

    field: str
    kind: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class PlanSummary(Value):
    """A plan.

    Attributes:
        hash: over everything that apply will do.
        counts: records by decision.
        money: what create would add at the target as credits, by currency.
        charges: what it would add as charges, by currency; signed, negative lowers what is owed.
        totals: per account and currency.
        stopped_by: guards that stop apply, each naming the option that would let it pass.
        notes: what a person should know.
    """

    run: str
    source: str
    target: str
    carry: str
    hash: str
    counts: Mapping[str, int]
    money: Mapping[str, Decimal]
    charges: Mapping[str, Decimal]
    totals: Sequence[Total]
    reasons: tuple[Reason, ...]
    losses: tuple[LossTotal, ...]
    stopped_by: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def noun(self) -> str:
        """What its records are called together."""
        return noun_of(charges=any(total.record_type is RecordType.CHARGE for total in self.totals))

    @property
    def exit_status(self) -> int:
        """0; 1 if something is blocked or in conflict; 4 if a guard stops apply."""
        if self.stopped_by:
            return STOPPED
        return DIFFERENCES if self.counts.get("blocked", 0) or self.counts.get("conflict", 0) else 0


@dataclass(frozen=True, slots=True)
class Problem(Value):
    """One record or carrier that needs a look.

    Attributes:
        what: ``rejected``, ``failed``, ``unknown``, ``refused``, ``conflict``, ``surplus``, ``missing`` or ``differs``.
    """

    what: str
    account: str
    source_id: str
    target_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AppliedTotal(Value):
    """What stands at one target account in one currency because of this run."""

    account: str
    record_type: RecordType
    currency: str
    created: int
    exists: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ApplySummary(Value):
    """An apply.

    Attributes:
        counts: records of the plan by state, as it was when each was last looked at; whether copies still stand, ``verify`` says.
        money: created by this run so far as credits, by currency.
        charges: created as charges, by currency; signed.
        writes: writes begun by this apply; of several workers, by all of them, those included that were lost.
        undone: surplus copies that this run had made and took back, but for those of a worker that was lost.
        problems: what needs a look; at most 200 are named.
        interrupted: stopped by the user; apply goes on where it ended.
        stopped: why it stopped before its end, or an empty text.
        canary: what verifying the canary found.
    """

    run: str
    hash: str
    counts: Mapping[str, int]
    money: Mapping[str, Decimal]
    charges: Mapping[str, Decimal]
    totals: Sequence[AppliedTotal]
    writes: int
    undone: int
    problems: tuple[Problem, ...]
    interrupted: bool
    stopped: str
    canary: "Verification | None" = None

    @property
    def exit_status(self) -> int:
        """0; 1 if some records failed or something needs a look; 4 if it stopped itself; 130 if it was interrupted."""
        if self.interrupted:
            return INTERRUPTED
        if self.stopped:
            return STOPPED
        return DIFFERENCES if self.problems or (self.canary is not None and self.canary.exit_status) else 0


@dataclass(frozen=True, slots=True)
class Difference(Value):
    """One line of a verification that is not ``=``.

    Attributes:
        sign: ``-`` missing, ``+`` extra, ``*`` differs, ``!`` unreadable.
        code: stable and short.
    """

    sign: str
    code: str
    account: str
    source_id: str
    target_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Conservation(Value):
    """The money of one target account and currency: of its credits, or of its charges that are no credits.

    Attributes:
        record_type: of which of the two; the amounts of charges are signed.
        before: what stood there when the plan was made.
        carried: what the plan carries there and had not found there.
        after: what stands there now; None where it could not be read.
        sign: ``=`` where before and carried come to after.
    """

    account: str
    record_type: RecordType
    currency: str
    before: Decimal
    carried: Decimal
    after: Decimal | None
    sign: str


@dataclass(frozen=True, slots=True)
class Verification(Value):
    """A verification.

    Attributes:
        signs: how many records have each sign.
        differences: those without ``=``; at most 200 are named.
        conservation: per target account and currency.
    """

    run: str
    hash: str
    signs: Mapping[str, int]
    differences: tuple[Difference, ...]
    conservation: Sequence[Conservation]

    @property
    def exit_status(self) -> int:
        """0, or 1 on any difference."""
        differs = any(count for sign, count in self.signs.items() if sign != "=")
        return DIFFERENCES if differs or any(line.sign != "=" for line in self.conservation) else 0


@dataclass(frozen=True, slots=True)
class RollbackSummary(Value):
    """A rollback.

    Attributes:
        undone: copies taken back by this rollback.
        money: the money of those that were credits, by currency.
        charges: of those that were charges, signed.
        remains: copies of this run that still stand, each with its reason.
        traces: what the vendor keeps of undone copies, such as a charge and its reversal.
        net: credits of this run that still stand, per currency; zero after a whole rollback.
        net_charges: the same of its charges.
    """

    run: str
    undone: int
    money: Mapping[str, Decimal]
    charges: Mapping[str, Decimal]
    remains: tuple[Problem, ...]
    traces: tuple[Problem, ...]
    net: Mapping[str, Decimal]
    net_charges: Mapping[str, Decimal]
    interrupted: bool

    @property
    def noun(self) -> str:
        """What its records are called together."""
        return noun_of(charges=bool(self.net_charges))

    @property
    def exit_status(self) -> int:
        """0; 1 if something remains; 130 if it was interrupted."""
        return INTERRUPTED if self.interrupted else DIFFERENCES if self.remains else 0


@dataclass(frozen=True, slots=True)
class Pending(Value):
    """What an apply would take up.

    Attributes:
        create: records that would be created.
        unknown: records whose write may have taken effect: they are looked for, and created if they are not there.
        look: records that the plan found at the target, which are only looked at.
        money: of those to be created and the unknown ones that are credits, by currency.
        charges: of those that are charges, signed.
        has_charges: whether charges are copied as charges.
    """

    create: int
    unknown: int
    look: int
    money: Mapping[str, Decimal]
    charges: Mapping[str, Decimal]
    has_charges: bool


@dataclass(frozen=True, slots=True)
class RunStatus(Value):
    """Where a run stands.

    Attributes:
        phase: ``planning``, ``planned``, ``applying``, ``applied``,
            ``rolling back``, ``partly rolled back`` or ``rolled back``.
        counts: records by decision.
        states: records by state.
        gone: of those that are ``undone``, how many the rollback did not take back itself: they were gone, or never there.
        charges: whether charges are copied as charges.
        next: what to do next, as a sentence.
    """

    run: str
    phase: str
    hash: str
    source: str
    target: str
    counts: Mapping[str, int]
    states: Mapping[str, int]
    gone: int
    charges: bool
    next: str

    @property
    def noun(self) -> str:
        """What its records are called together."""
        return noun_of(charges=self.charges)
