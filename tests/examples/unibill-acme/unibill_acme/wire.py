"""Acme's shapes, with Acme's names. Amounts are whole numbers of the currency's smallest unit.

What the vendor promises has no default; what may be absent has one. Fields that nobody documented stay in ``unknown``.
"""

from datetime import datetime

from unibill.wire import WireRecord


class CreditRecord(WireRecord, frozen=True, kw_only=True):
    """One credit."""

    id: str
    customer: str
    currency: str
    amount: int
    left: int
    state: str
    reference: str | None = None
    text: str | None = None
    created: str

    def __post_init__(self) -> None:
        """Refuse a time that is none: an answer that says such a thing cannot be read."""
        datetime.fromisoformat(self.created)


class CreditAnswer(WireRecord, frozen=True, kw_only=True):
    """The answer to a read or a create."""

    credit: CreditRecord


class CreditList(WireRecord, frozen=True, kw_only=True):
    """One page; ``next_cursor`` is null on the last."""

    credits: list[CreditRecord]
    next_cursor: str | None


class ErrorBody(WireRecord, frozen=True, kw_only=True):
    """What went wrong."""

    code: str
    message: str


class ErrorAnswer(WireRecord, frozen=True, kw_only=True):
    """The answer to what Acme refuses."""

    error: ErrorBody
