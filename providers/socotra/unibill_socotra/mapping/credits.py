"""Credits of every kind, from the wire to the common model."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

from unibill.model import Allocation, Credit, CreditKind, Direction, Finding, Status
from unibill_socotra.mapping import ids
from unibill_socotra.mapping.times import day, is_exact, moment
from unibill_socotra.wire import credits as wire
from unibill_socotra.wire.common import raw
from unibill_socotra.wire.payments import Disbursement, Payment

_BEFORE: Final = {
    "draft": Status.DRAFT,
    "validated": Status.PENDING,
    "requested": Status.PENDING,
    "executing": Status.PENDING,
    "failed": Status.FAILED,
    "cancelled": Status.VOID,
    "discarded": Status.VOID,
    "reversed": Status.REVERSED,
    "posted": Status.APPLIED,
}
_OF_WRITE_OFF: Final = {
    "draft": Status.DRAFT,
    "distributed": Status.APPLIED,
    "reversed": Status.REVERSED,
}
_OF_DISBURSEMENT: Final = {
    "draft": Status.DRAFT,
    "validated": Status.PENDING,
    "approved": Status.PENDING,
    "executed": Status.APPLIED,
    "rejected": Status.VOID,
    "discarded": Status.VOID,
    "reversed": Status.REVERSED,
}
_OF_DISTRIBUTION: Final = {
    "draft": Status.DRAFT,
    "validated": Status.PENDING,
    "executed": Status.APPLIED,
    "discarded": Status.VOID,
    "reversed": Status.REVERSED,
}
STATUSES: Final[Mapping[CreditKind, Mapping[str, Status]]] = {
    CreditKind.PAYMENT: _BEFORE,
    CreditKind.SUBPAYMENT: _BEFORE,
    CreditKind.DISTRIBUTION: _OF_DISTRIBUTION,
    CreditKind.DISBURSEMENT: _OF_DISBURSEMENT,
    CreditKind.REFUND: _OF_DISBURSEMENT,
    CreditKind.WRITE_OFF: _OF_WRITE_OFF,
    CreditKind.SHORTFALL_WRITE_OFF: _OF_WRITE_OFF,
}
"""Which states belong to which kind; any other pair is unknown. A subpayment's are inferred to be its payment's."""
KNOWN_STATES: Final = frozenset(state for states in STATUSES.values() for state in states)
MOVED: Final = frozenset({Status.OPEN, Status.PARTIALLY_APPLIED, Status.APPLIED})
"""The statuses in which a credit has moved money and not moved it back."""


_ZERO: Final = Decimal(0)
_LISTED: Final = {
    (credit_type, state): (
        kind,
        f"{kind.value}:",
        Direction.FROM_ACCOUNT if kind in {CreditKind.DISBURSEMENT, CreditKind.REFUND} else Direction.TO_ACCOUNT,
        status,
    )
    for credit_type, kind in ids.KINDS.items()
    for state, status in STATUSES[kind].items()
}
"""What follows from a documented creditType and creditState."""


def status_of(kind: CreditKind, state: str) -> Status:
    """The common status of a kind's state; ``unknown`` for a pair that should not occur."""
    return STATUSES.get(kind, {}).get(state, Status.UNKNOWN)


def direction_of(kind: CreditKind) -> Direction:
    """Whether a kind brings money to the account or takes it away."""
    return Direction.FROM_ACCOUNT if kind in {CreditKind.DISBURSEMENT, CreditKind.REFUND} else Direction.TO_ACCOUNT


def listed_credit(record: wire.Credit, provider: str, zone: tzinfo) -> Credit:
    """A record of credits/list. What it was spent on is not in it, so ``allocations``, ``applied`` and ``remaining`` are None.

    Written out for the ordinary case, since lists are long; whatever is odd takes the way that all kinds take.
    """
    known = _LISTED.get((record.credit_type, record.credit_state))
    created = moment(record.created_at)
    realized = moment(record.realized_at)
    if (
        known is None
        or record.amount < 0
        or record.reversed_at is not None
        or not is_exact(record.created_at, created)
        or not is_exact(record.realized_at, realized)
    ):
        return _odd_listed_credit(record, provider, zone)
    kind, prefix, direction, status = known
    return Credit(
        id=prefix + record.locator,
        provider=provider,
        account_id=record.account_locator,
        kind=kind,
        direction=direction,
        status=status,
        remote_status=record.credit_state,
        currency=record.currency,
        amount=record.amount,
        remaining=_ZERO if status is Status.REVERSED else None,
        issued_on=None if created is None else created.astimezone(zone).date(),
        created_at=created,
        realized_at=realized,
        reversal_reason=record.reversal_reason,
        extra=dict(record.unknown) if record.unknown else {},
    )


def _odd_listed_credit(record: wire.Credit, provider: str, zone: tzinfo) -> Credit:
    return _credit(
        provider=provider,
        zone=zone,
        kind=ids.KINDS.get(record.credit_type, CreditKind.UNKNOWN),
        credit_type=record.credit_type,
        locator=record.locator,
        state=record.credit_state,
        currency=record.currency,
        amount=record.amount,
        account=record.account_locator,
        created=record.created_at,
        realized=record.realized_at,
        realized_name="realizedAt",
        reversed_at=record.reversed_at,
        reason=record.reversal_reason,
        extra=dict(record.unknown),
    )


def payment(record: Payment, provider: str, zone: tzinfo) -> Credit:
    """A payment or subpayment as its own route gives it, without what follows from other records."""
    parent = record.aggregate_payment_locator
    return _credit(
        provider=provider,
        zone=zone,
        kind=CreditKind.SUBPAYMENT if parent else CreditKind.PAYMENT,
        credit_type="subpayment" if parent else "payment",
        locator=record.locator,
        state=record.payment_state,
        currency=record.currency,
        amount=record.amount,
        account=record.account_locator,
        created=record.created_at,
        realized=record.posted_at,
        realized_name="postedAt",
        reversed_at=record.reversed_at,
        reason=record.reversal_reason,
        number=record.payment_number,
        parent=f"payment:{parent}" if parent else None,
        extra=raw(record, *_SLOTS, "paymentState", "postedAt", "paymentNumber", "aggregatePaymentLocator"),
    )


def distribution(record: wire.Distribution, provider: str, zone: tzinfo) -> Credit:
    """A credit distribution as its own route gives it; its sources and targets stay in ``extra``."""
    return _credit(
        provider=provider,
        zone=zone,
        kind=CreditKind.DISTRIBUTION,
        credit_type="creditDistribution",
        locator=record.locator,
        state=record.credit_distribution_state,
        currency=record.currency,
        amount=record.amount,
        account=record.account_locator,
        created=record.created_at,
        realized=record.executed_at,
        realized_name="executedAt",
        reversed_at=record.reversed_at,
        reason=record.reversal_reason,
        extra=raw(record, *_SLOTS, "creditDistributionState", "executedAt"),
    )


def disbursement(record: Disbursement, provider: str, zone: tzinfo) -> Credit:
    """A disbursement: money that leaves the account."""
    return _credit(
        provider=provider,
        zone=zone,
        kind=CreditKind.DISBURSEMENT,
        credit_type="disbursement",
        locator=record.locator,
        state=record.disbursement_state,
        currency=record.currency,
        amount=record.amount,
        account=record.account_locator,
        created=record.created_at,
        number=record.disbursement_number,
        extra=raw(record, *_SLOTS, "disbursementState", "disbursementNumber"),
    )


def write_off(record: wire.WriteOff, provider: str, zone: tzinfo) -> Credit:
    """A write-off."""
    kind = ids.KINDS.get(record.credit_type or "writeOff", CreditKind.WRITE_OFF)
    return _credit(
        provider=provider,
        zone=zone,
        kind=kind,
        credit_type=record.credit_type or "writeOff",
        locator=record.locator,
        state=record.write_off_state,
        currency=record.currency,
        amount=record.amount,
        account=record.account_locator,
        created=record.created_at,
        reversed_at=record.reversed_at,
        reason=record.reversal_reason,
        extra=raw(record, *_SLOTS, "writeOffState", "creditType"),
    )


def shortfall(record: wire.ShortfallCredit, provider: str, zone: tzinfo, parent_id: str | None = None) -> Credit:
    """A shortfall credit; ``parent_id`` names the payment or distribution that caused it, where that is known."""
    return _credit(
        provider=provider,
        zone=zone,
        kind=CreditKind.SHORTFALL_WRITE_OFF,
        credit_type="shortfallWriteOff",
        locator=record.locator,
        state=record.shortfall_credit_state,
        currency=record.currency,
        amount=record.amount,
        account=record.account_locator,
        created=record.created_at,
        reason=record.reversal_reason,
        parent=parent_id,
        extra=raw(record, *_SLOTS, "shortfallCreditState", *(() if parent_id is None else ("parentCreditLocator",))),
    )


def with_allocations(
    credit: Credit,
    allocations: tuple[Allocation, ...],
    applied: Decimal,
    remaining: Decimal | None,
    status: Status,
    **changes: object,
) -> Credit:
    """The same credit with what is known of its spending."""
    return credit.replace(allocations=allocations, applied=applied, remaining=remaining, status=status, **changes)


_SLOTS: Final = ("locator", "currency", "amount", "accountLocator", "createdAt", "reversedAt", "reversalReason")


def _credit(
    *,
    provider: str,
    zone: tzinfo,
    kind: CreditKind,
    credit_type: str,
    locator: str,
    state: str,
    currency: str,
    amount: Decimal,
    account: str | None,
    created: str | None,
    extra: dict[str, object],
    realized: str | None = None,
    realized_name: str = "realizedAt",
    reversed_at: str | None = None,
    reason: str | None = None,
    number: str | None = None,
    parent: str | None = None,
) -> Credit:
    findings: list[Finding] = []
    status = status_of(kind, state)
    if status is Status.UNKNOWN:
        findings.append(_odd_state(kind, credit_type, state))
    if amount < 0:
        extra["amount"] = amount
        findings.append(Finding(code="negative-amount", message=f"Socotra gives the amount as {amount}.", field="amount"))
    created_at = _time("createdAt", "created_at", created, extra, findings)
    realized_at = _time(realized_name, "realized_at", realized, extra, findings)
    undone_at = _time("reversedAt", "reversed_at", reversed_at, extra, findings)
    return Credit(
        id=ids.credit_id(credit_type, locator),
        provider=provider,
        account_id=account,
        kind=kind,
        direction=direction_of(kind),
        status=status,
        remote_status=state,
        currency=currency,
        amount=amount.copy_abs(),
        remaining=Decimal(0) if status is Status.REVERSED else None,
        number=number,
        issued_on=None if created_at is None else day(created_at, zone),
        created_at=created_at,
        realized_at=realized_at,
        reversed_at=undone_at,
        reversal_reason=reason,
        parent_id=parent,
        findings=tuple(findings),
        extra=extra,
    )


def _time(name: str, field: str, text: str | None, extra: dict[str, object], findings: list[Finding]) -> datetime | None:
    found = moment(text)
    if not is_exact(text, found):
        extra[name] = text
        if found is None:
            findings.append(Finding(code="unreadable-time", message=f"Socotra gives {name} as {text!r}, which is no time.", field=field))
    return found


def _odd_state(kind: CreditKind, credit_type: str, state: str) -> Finding:
    if kind is CreditKind.UNKNOWN:
        return Finding(code="unknown-kind", message=f"Socotra's documents name no creditType {credit_type!r}.", field="kind")
    if state in KNOWN_STATES:
        return Finding(code="state-does-not-fit-kind", message=f"A {credit_type} should never be {state!r}.", field="status")
    return Finding(code="unknown-status", message=f"Socotra's documents name no state {state!r}.", field="status")
