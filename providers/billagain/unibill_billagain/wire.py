"""BillAgain's shapes, as https://docs.billagain.com/developer/credits prints them.

Ids are numbers there, and amounts too; but the vendor's tables are unreliable about types (one page gives money as text,
another calls the same id a number and a GUID), so both are read from numbers and from text, and texts from whatever comes. Only the id, the currency and
the amount are insisted on: a record without them says nothing about money.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Clamped, Context, Decimal, Inexact, InvalidOperation, Overflow, Subnormal
from typing import Final, TypeAlias

import msgspec

from unibill.wire import WireRecord, Words

Id: TypeAlias = int | str
_DIGITS: Final = 28
"""Amounts have at most this many digits on either side of the point, so that sums of them are exact."""
_MONEY: Final = Context(prec=_DIGITS, Emin=-_DIGITS, Emax=_DIGITS, traps=[Clamped, Inexact, InvalidOperation, Overflow, Subnormal])
"""Refuses what has more digits, or stands farther from the point."""
_exactly = _MONEY.plus


class _WithAmount(WireRecord, frozen=True, kw_only=True):
    """A record whose amount is one of money, or it is refused."""

    amount: Decimal

    def __post_init__(self) -> None:
        try:
            if _exactly(self.amount).is_finite():
                return
        except ArithmeticError:
            pass
        raise ValueError(f"{self.amount} is not an amount of money")


class AllocationRecord(_WithAmount, frozen=True, kw_only=True):
    """One item of ``Allocations`` in an answer.

    Attributes:
        credit_note_id: nested, not documented, and unreliable: the samples show 0, the parent's and a third one's.
        invoice_id: 0 means none, as in the payments' sample.
    """

    allocation_id: Id | None = msgspec.field(name="allocationID", default=None)
    invoice_id: Id | None = msgspec.field(name="invoiceID", default=None)
    credit_note_id: Id | None = msgspec.field(name="creditNoteID", default=None)
    amount: Decimal = msgspec.field(name="amountApplied")


class CreditNote(_WithAmount, frozen=True, kw_only=True):
    """A credit note in an answer.

    Attributes:
        date: kept as text; see ``unibill_billagain.dates``.
        credit_number: an opaque reference that may be a card number; the page's table calls it "Credit card number".
        allocations: None where the answer has null or nothing.
    """

    credit_note_id: Id = msgspec.field(name="creditNoteID")
    customer_id: Id | None = msgspec.field(name="customerID", default=None)
    status: Words | None = msgspec.field(name="Status", default=None)
    date: Words | None = msgspec.field(name="Date", default=None)
    currency_code: str = msgspec.field(name="CurrencyCode")
    amount: Decimal = msgspec.field(name="Amount")
    credit_number: Words | None = msgspec.field(name="CreditNumber", default=None)
    memo: Words | None = msgspec.field(name="Memo", default=None)
    allocations: list[AllocationRecord] | None = msgspec.field(name="Allocations", default=None)


@dataclass(frozen=True, slots=True)
class AllocationInput:
    """One item of ``Allocations`` in a request.

    Attributes:
        invoice_id: "will always take first priority" over the number.
        invoice_number: the account-wide number of an invoice, where its id is not known.
        allocation_id: on PUT, of an allocation to keep or change; without it the item is a new allocation.
    """

    amount_applied: Decimal
    invoice_id: int | None = None
    invoice_number: int | None = None
    allocation_id: int | None = None

    def json(self) -> Mapping[str, object]:
        """The item as JSON values."""
        named = {"allocationID": self.allocation_id, "invoiceID": self.invoice_id, "invoiceNumber": self.invoice_number}
        return {**{name: value for name, value in named.items() if value is not None}, "amountApplied": _plain(self.amount_applied)}


@dataclass(frozen=True, slots=True)
class CreditInput:
    """The body of POST and PUT, whose keys go out in the order of the vendor's samples.

    Attributes:
        date: as ``05 Apr 2016``.
        credit_number: the table calls it "Credit ref", both samples ``CreditNumber``; required.
        auto_apply: POST only; None leaves it out.
        allocations: on PUT the complete new list: what is not in it is deleted. None leaves it out (with ``auto_apply``).
    """

    customer_id: int
    date: str
    currency_code: str
    amount: Decimal
    credit_number: str
    memo: str = ""
    auto_apply: bool | None = None
    allocations: tuple[AllocationInput, ...] | None = ()

    def json(self) -> Mapping[str, object]:
        """The body as JSON values."""
        body: dict[str, object] = {
            "customerID": self.customer_id,
            "Date": self.date,
            "CurrencyCode": self.currency_code,
            "Amount": _plain(self.amount),
            "CreditNumber": self.credit_number,
            "Memo": self.memo,
        }
        if self.auto_apply is not None:
            body["AutoApply"] = self.auto_apply
        if self.allocations is not None:
            body["Allocations"] = [item.json() for item in self.allocations]
        return body


def _plain(amount: Decimal) -> Decimal:
    """The same amount without an exponent: 1E+2 as 100, since a server may not read exponents."""
    return Decimal(format(amount, "f")) if 0 < amount.adjusted() <= _DIGITS else amount
