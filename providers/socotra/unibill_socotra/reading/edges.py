"""Sources and targets as edges. Pure.

Socotra keeps two separate lists, and an item may lack its amount: with several on both sides nothing says which source paid which
target. So one rule decides, always the same, and it is the core's (``unibill.allocating``): an omitted amount takes what the total
leaves, in list order, none beyond its invoice's own total; then sources fill targets in list order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from unibill.allocating import complete, fill
from unibill.model import Target, TargetType
from unibill_socotra.wire.common import CreditItem
from unibill_socotra.wire.invoices import Invoice

_TYPES = {
    "invoice": TargetType.INVOICE,
    "invoiceItem": TargetType.INVOICE_ITEM,
    "account": TargetType.ACCOUNT,
    "subpayment": TargetType.SUBPAYMENT,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One container and its part of an amount."""

    locator: str
    type: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Edge:
    """One source giving to one target."""

    source: Part
    target: Part
    amount: Decimal


def resolved(items: Sequence[CreditItem] | None, total: Decimal, invoices: Mapping[str, Invoice]) -> list[Part]:
    """The items with numbers for amounts, never beyond the total.

    Args:
        items: sources or targets.
        total: the amount of the whole record.
        invoices: those known, whose totals bound omitted amounts.
    """
    listed = items or ()
    wanted = [(None if item.amount is None else item.amount.copy_abs(), _total_of(item, invoices)) for item in listed]
    amounts = complete(total.copy_abs(), wanted)
    return [Part(item.container_locator, item.container_type, amount) for item, amount in zip(listed, amounts, strict=True)]


def paired(sources: Sequence[Part], targets: Sequence[Part]) -> list[Edge]:
    """Sources fill targets in list order; what has no counterpart is left out."""
    filled = fill([(part, part.amount) for part in sources], [(part, part.amount) for part in targets])
    return [Edge(source, target, amount) for source, target, amount in filled]


def target_of(part: Part, invoices: Mapping[str, Invoice]) -> Target:
    """The common model's target, with the invoice's number where it is known."""
    invoice = invoices.get(part.locator) if part.type == "invoice" else None
    kind = _TYPES.get(part.type, TargetType.UNKNOWN)
    return Target(
        type=kind,
        id=part.locator,
        number=None if invoice is None else invoice.invoice_number,
        remote_type=part.type if kind is TargetType.UNKNOWN else None,
    )


def _total_of(item: CreditItem, invoices: Mapping[str, Invoice]) -> Decimal | None:
    invoice = invoices.get(item.container_locator) if item.container_type == "invoice" else None
    return None if invoice is None or invoice.total_amount is None else invoice.total_amount.copy_abs()
