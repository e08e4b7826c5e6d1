"""The figures of a report, as data. They are computed once, and the page, the CSV files and the JSON Lines all show these.

Texts in them are safe to look at: secrets and card-like numbers are masked, unseen characters written out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from unibill.copying.decisions import FAILED, UNSETTLED, Decision, State
from unibill.copying.items import RecordType
from unibill.copying.summary import Difference, LossTotal, Problem, Total, Value


class Outcome(StrEnum):
    """What became of a record, in one word."""

    CARRIED = "carried"
    EXISTED = "existed"
    """The target had it already, under its mark."""
    WAITING = "waiting"
    """Planned, and not done yet."""
    UNDONE = "undone"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    BLOCKED = "blocked"
    SKIPPED = "skipped"


STANDING: Final = frozenset({Outcome.CARRIED, Outcome.EXISTED})
"""A copy stands at the target."""
EXCEPTIONS: Final = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.CONFLICT, Outcome.BLOCKED})
"""Somebody should look at these before the report is signed."""
STAYING: Final = frozenset({Outcome.CONFLICT, Outcome.BLOCKED, Outcome.SKIPPED})
"""Nothing of these is carried."""


def outcome_of(decision: Decision, state: State) -> Outcome:
    """What became of a record."""
    if decision is Decision.SKIP:
        return Outcome.SKIPPED
    if decision is Decision.BLOCKED:
        return Outcome.BLOCKED
    if decision is Decision.CONFLICT or state is State.CONFLICT:
        return Outcome.CONFLICT
    if state in FAILED:
        return Outcome.FAILED
    if state in UNSETTLED:
        return Outcome.UNKNOWN
    if state is State.CREATED:
        return Outcome.CARRIED
    if state is State.UNDONE:
        return Outcome.UNDONE
    return Outcome.EXISTED if decision is Decision.EXISTS or state is State.EXISTS else Outcome.WAITING


@dataclass(frozen=True, slots=True)
class Side(Value):
    """One of the two systems.

    Attributes:
        name: of the backend, as configured.
        identity: vendor, and tenant or host and account.
    """

    name: str
    identity: str


@dataclass(frozen=True, slots=True)
class Verdict(Value):
    """What the report comes to.

    Attributes:
        code: ``proved``, ``proved-in-part``, ``nothing-copied``, ``differences``, ``unverified``, ``unfinished``, ``planned``,
            ``rolled-back`` or ``partly-rolled-back``.
        tone: ``good``, ``careful``, ``bad`` or ``plain``.
        title: a few words.
        sentences: what they rest on.
    """

    code: str
    tone: str
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CurrencyMoney(Value):
    """The money of a run in one currency, of credits or of charges. Amounts of several currencies, and of both, are never added up.

    Attributes:
        record_type: of which of the two; the amounts of charges are signed. A charge whose copy is a credit at the target counts as a
            charge at the source and as a credit there.
        records: read at the source.
        remaining: what remained of them at the source, where it is known.
        unknown: how many of them do not let one know.
        carried: what the plan meant to create and stands now.
        existed: copies that the target had when the plan was made; they are part of ``before``.
        waiting: what the plan means to create and does not stand: waiting, failed, unknown. After a rollback nothing waits.
        held: what remains of blocked and conflicting records.
        skipped: what remains of skipped ones.
        before: what stood in the target's accounts when the plan was made.
        expected: before, carried and waiting.
        found: what the last verification found there; None where there is none, or an account could not be read.
        sign: ``=`` where found is expected, ``-`` less, ``+`` more, ``!`` unreadable, empty where there is nothing to compare.
    """

    record_type: RecordType
    currency: str
    records: int
    remaining: Decimal
    unknown: int
    carried: Decimal
    existed: Decimal
    waiting: Decimal
    held: Decimal
    skipped: Decimal
    before: Decimal
    expected: Decimal
    found: Decimal | None
    sign: str


@dataclass(frozen=True, slots=True)
class AccountMoney(Value):
    """The money of one target account and currency; attributes as of ``CurrencyMoney``.

    Attributes:
        sources: the source accounts that are copied there; at most three are named.
        created: records that this run created there.
    """

    account: str
    record_type: RecordType
    currency: str
    sources: tuple[str, ...]
    created: int
    before: Decimal
    carried: Decimal
    existed: Decimal
    waiting: Decimal
    expected: Decimal
    found: Decimal | None
    sign: str


@dataclass(frozen=True, slots=True)
class OutcomeTotal(Value):
    """Records with one outcome.

    Attributes:
        money: of credits, by currency: what they carry, or what remains at the source of those that carry nothing.
        charges: the same of charges; signed.
    """

    outcome: Outcome
    records: int
    money: Mapping[str, Decimal]
    charges: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class ReasonTotal(Value):
    """Why records have an outcome; attributes as of ``OutcomeTotal``.

    Attributes:
        code: stable and short.
        sample: the sentence of one of them.
    """

    outcome: Outcome
    code: str
    records: int
    money: Mapping[str, Decimal]
    charges: Mapping[str, Decimal]
    sample: str


@dataclass(frozen=True, slots=True)
class Flow(Value):
    """Money of credits that went one way.

    Attributes:
        account: at the source; empty for all that are not named.
        accounts: how many accounts it is.
    """

    currency: str
    account: str
    accounts: int
    outcome: Outcome
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Verified(Value):
    """The last verification.

    Attributes:
        at: UTC, ISO 8601.
        stale: the run went on after it; an apply that wrote nothing is no going on.
        signs: how many records have each sign.
        differences: those that it named; ``signs`` counts them all.
    """

    at: str
    stale: bool
    exit_status: int
    signs: Mapping[str, int]
    differences: tuple[Difference, ...]

    @property
    def differing(self) -> int:
        """How many records do not have ``=``."""
        return sum(count for sign, count in self.signs.items() if sign != "=")


@dataclass(frozen=True, slots=True)
class Event(Value):
    """Something that happened to the run.

    Attributes:
        kind: ``plan``, ``apply``, ``verification``, ``rollback`` or ``work`` (writes that nothing was said about at the end).
        began, ended: UTC, ISO 8601; began is empty where only the end is known.
    """

    kind: str
    began: str
    ended: str
    text: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Pace(Value):
    """What became of records in one stretch of time.

    Attributes:
        at: its begin, UTC, ISO 8601.
        seconds: its length.
        counts: by what the journal calls it: created, exists, rejected, failed, unknown, undone and so on.
    """

    at: str
    seconds: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RecordLine(Value):
    """One record of the run, as a report shows it.

    Attributes:
        type: of a charge, the charge type that it becomes.
        sign: what the last verification found of it; empty where it was not named.
        reason: why it has its outcome.
        losses: each with field, kind, value and reason.
        dropped: allocations that stay behind, each with target, amount, currency and reason.
        counts_as: among which money of the target its copy counts.
        spent: allocations of the copy, each with target and amount.
        sends: how often a write of it was begun.
    """

    outcome: Outcome
    decision: Decision
    sign: str
    source_account: str
    record_type: RecordType
    source_id: str
    kind: str
    status: str
    day: str
    currency: str
    amount: Decimal
    remaining: Decimal | None
    carried: Decimal | None
    target_account: str
    type: str
    target_id: str
    counts_as: RecordType
    code: str
    reason: str
    number: str
    memo: str
    mark: str
    sends: int
    losses: tuple[tuple[str, str, str, str], ...]
    dropped: tuple[tuple[str, Decimal, str, str], ...]
    spent: tuple[tuple[str, Decimal], ...]

    @property
    def is_exception(self) -> bool:
        """Whether somebody should look at it."""
        return self.outcome in EXCEPTIONS or bool(self.sign)

    @property
    def value(self) -> Decimal | None:
        """The money that it stands for: what it carries, or what remains of one that stays; None where that is not known."""
        return self.remaining if self.outcome in STAYING else self.carried


@dataclass(frozen=True, slots=True)
class Figures(Value):
    """Everything that a report says, but for the single records.

    Attributes:
        made_at: when it was computed, UTC, ISO 8601.
        version: of unibill.
        run: the run store.
        hash: of the plan.
        called: what the run copies: ``credits``, ``charges``, or ``records`` where it copies both.
        planned_with: options of the plan that a reader should know, as name and value.
        totals: of the source, per account and currency.
        problems: what apply or a rollback named beside the records: surplus or missing copies, and what could not be taken back.
        exceptions: records that need a look, the first ``NAMED`` of them; ``exception_count`` counts all.
        sample: some records that were carried, spread evenly.
        fingerprint: a SHA-256 over these figures and every record; the same run gives the same one, whatever it is shown in.
    """

    made_at: str
    version: str
    run: str
    hash: str
    source: Side
    target: Side
    phase: str
    next: str
    planned_at: str
    planned_with: tuple[tuple[str, str], ...]
    verdict: Verdict
    called: str
    records: int
    money: tuple[CurrencyMoney, ...]
    accounts: tuple[AccountMoney, ...]
    totals: tuple[Total, ...]
    outcomes: tuple[OutcomeTotal, ...]
    reasons: tuple[ReasonTotal, ...]
    losses: tuple[LossTotal, ...]
    flows: tuple[Flow, ...]
    verification: Verified | None
    problems: tuple[Problem, ...]
    exceptions: tuple[RecordLine, ...]
    exception_count: int
    sample: tuple[RecordLine, ...]
    events: tuple[Event, ...]
    pace: tuple[Pace, ...]
    notes: tuple[str, ...]
    fingerprint: str
