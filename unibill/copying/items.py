"""What a run copies: credits, and charges where they are asked for, seen alike.

One record is one item. A vendor may show a charge as a credit too (a negative charge of category credit, say): at the source such a
record travels in one of its forms, and at the target it is one item that can be looked at in both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from unibill.model import Charge, Credit, CreditKind, Direction, Status


class RecordType(StrEnum):
    """In which form a record travels, or counts."""

    CREDIT = "credit"
    CHARGE = "charge"


@dataclass(frozen=True, slots=True)
class ChargeItem:
    """A charge with what its account says of it, under the names that credits have.

    Attributes:
        status: open, or reversed: another charge undoes it, or it undoes another one that is there.
        credit_id: the credit that it is too, by the provider's word.
        twin: that credit, where it was read.
        invoice: the invoice that it is on at the source; None where it is on none, or nobody knows.
    """

    charge: Charge
    status: Status
    credit_id: str | None = None
    twin: Credit | None = None
    invoice: str | None = None

    @property
    def id(self) -> str:
        """The credit's, where it is one too: one record has one id."""
        return self.credit_id or self.charge.id

    @property
    def account_id(self) -> str:
        """Its account."""
        return self.charge.account_id

    @property
    def kind(self) -> CreditKind:
        """The kind that charges have among credits."""
        return CreditKind.CHARGE

    @property
    def remote_status(self) -> str:
        """Vendors give charges none."""
        return ""

    @property
    def currency(self) -> str:
        """Its currency."""
        return self.charge.currency

    @property
    def amount(self) -> Decimal:
        """Signed: negative lowers what is owed."""
        return self.charge.amount

    @property
    def remaining(self) -> Decimal:
        """What of it stands: all or nothing."""
        return Decimal(0) if self.status is Status.REVERSED else self.charge.amount

    @property
    def mark(self) -> str | None:
        """Its mark."""
        return self.charge.mark

    @property
    def issued_on(self) -> date | None:
        """Charges have no day of their own; one that is a credit too has the credit's."""
        return None if self.twin is None else self.twin.issued_on

    @property
    def created_at(self) -> datetime | None:
        """As ``issued_on``."""
        return None if self.twin is None else self.twin.created_at


Item: TypeAlias = Credit | ChargeItem


def type_of(item: Item) -> RecordType:
    """The form in which an item is looked at."""
    return RecordType.CHARGE if isinstance(item, ChargeItem) else RecordType.CREDIT


def key_of(item: Item) -> tuple[str, str]:
    """What tells a source record from every other of a run."""
    return type_of(item).value, item.id


def counts_as(item: Item) -> RecordType:
    """Among which money an item counts: what is a credit too counts as a credit."""
    return RecordType.CHARGE if isinstance(item, ChargeItem) and item.twin is None else RecordType.CREDIT


def seen_as(item: Item, record_type: str) -> Item:
    """The item in the form in which a record travelled, if it has that form."""
    return item.twin if record_type == RecordType.CREDIT and isinstance(item, ChargeItem) and item.twin is not None else item


def both(item: Item) -> tuple[Item, ...]:
    """An item in every form that it has."""
    return (item, item.twin) if isinstance(item, ChargeItem) and item.twin is not None else (item,)


def is_to_account(item: Item) -> bool:
    """Whether an item can be a copy: a charge can have either sign, a credit has to come to the account."""
    return isinstance(item, ChargeItem) or item.direction is Direction.TO_ACCOUNT


def linked(charges: Iterable[ChargeItem], credits: Iterable[Credit]) -> list[Item]:
    """Every record once: charges, each with the credit that it is too, then the credits that are no charges."""
    by_id = {credit.id: credit for credit in credits}
    found: list[Item] = []
    for item in charges:
        twin = by_id.pop(item.credit_id, None) if item.credit_id is not None else None
        found.append(ChargeItem(item.charge, item.status, item.credit_id, twin, item.invoice))
    return [*found, *by_id.values()]


def statuses(charges: Iterable[Charge]) -> dict[str, Status]:
    """Of the charges of one account: what was undone and what undoes it are both reversed."""
    every = {charge.id: charge for charge in charges}
    undone = {charge.reversal_of for charge in every.values()} & set(every)
    return {
        charge_id: Status.REVERSED if charge_id in undone or charge.reversal_of in undone else Status.OPEN
        for charge_id, charge in every.items()
    }
