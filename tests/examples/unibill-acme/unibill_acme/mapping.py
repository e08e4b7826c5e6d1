"""Acme's credits as common ones, and drafts as what Acme takes. Pure."""

from datetime import datetime
from decimal import Decimal

from unibill import marks, money
from unibill.drafts import CreditDraft
from unibill.losses import Loss
from unibill.model import Credit, CreditKind, Direction, Finding, Status, status_from_amounts

from unibill_acme.wire import CreditRecord

PROVIDER = "acme"
TEXT_LIMIT = 200


def credit(wire: CreditRecord) -> Credit:
    """A credit as the common model has it."""
    amount, left = major(wire.amount, wire.currency), major(wire.left, wire.currency)
    applied = money.subtract(amount, left)
    findings: tuple[Finding, ...] = ()
    if wire.state == "active":
        status = status_from_amounts(amount, applied)
    elif wire.state == "void":
        status = Status.VOID
    else:
        status = Status.UNKNOWN
        said = f"Acme says {wire.state!r}, which it does not document."
        findings = (Finding(code="unknown-status", message=said, field="status"),)
    return Credit(
        id=wire.id,
        provider=PROVIDER,
        account_id=wire.customer,
        kind=CreditKind.CREDIT_NOTE,
        direction=Direction.TO_ACCOUNT,
        status=status,
        remote_status=wire.state,
        currency=wire.currency,
        amount=amount,
        applied=applied,
        remaining=left,
        number=wire.reference,
        memo=marks.strip(wire.text),
        created_at=datetime.fromisoformat(wire.created),
        mark=marks.find(wire.text),
        findings=findings,
        extra=wire.unknown,
    )


def body(draft: CreditDraft, mark: str | None) -> dict[str, object]:
    """What Acme takes for a draft; the mark is the start of its text."""
    return {
        "customer": draft.account_id,
        "currency": draft.currency,
        "amount": minor(draft.amount, draft.currency),
        "reference": draft.number,
        "text": text(draft, mark),
    }


def text(draft: CreditDraft, mark: str | None) -> str | None:
    """Acme's text of a draft."""
    return " ".join(part for part in (mark, draft.memo) if part) or None


def losses(draft: CreditDraft) -> tuple[Loss, ...]:
    """What of a draft Acme has no field for."""
    if draft.issued_on is None:
        return ()
    return (Loss("issued_on", draft.issued_on.isoformat(), "Acme dates a credit itself"),)


def major(amount: int, currency: str) -> Decimal:
    """1050 is 10.50 where the currency has two decimals."""
    return Decimal(amount).scaleb(-(money.exponent(currency) or 0))


def minor(amount: Decimal, currency: str) -> int:
    """10.50 is 1050 where the currency has two decimals; a checked draft has no more than those."""
    return int(amount.scaleb(money.exponent(currency) or 0))
