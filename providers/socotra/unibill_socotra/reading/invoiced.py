"""Which charges stand behind which invoices. Pure.

An invoice does not name the charges it was made of, and a list of invoices has no items. So charges are matched to invoices:

1. where the items were read, by charge type, amount and currency, the oldest charge first;
2. else a negative invoice whose total is the amount of one charge is taken to be that charge's, immediate ones before others, the
   oldest first (and a positive one likewise, for the reversal of a credit).

A charge is never matched to an invoice that is older than itself. ``needed`` names the invoices whose items must be read because a
credit charge is still without its invoice.

On an invoice the negative items lower the positive ones, in the order of the items. What is left of the negative ones is what the
invoice can give; each charge has its share of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from unibill import allocating, money
from unibill.pooling import ZERO
from unibill_socotra.mapping.charges import ChargeRules
from unibill_socotra.mapping.times import moment, ulid_moment
from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.invoices import Invoice

_NOT_INVOICED: Final = frozenset({"none", "cededPremium", "nonFinancial"})
_SLACK: Final = timedelta(seconds=2)
"""A server may print times without fractions, so that an invoice seems older than the charge it was made of."""
_START: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of what a negative invoice can give.

    Attributes:
        charge: the charge that it comes from; None where no credit charge explains it.
    """

    charge: str | None
    amount: Decimal


@dataclass(slots=True)
class Invoiced:
    """What the matching found.

    Attributes:
        shares: by negative invoice.
        netted: by credit charge, what it took off other items of its own invoice: (invoice, amount).
        invoice_of: by credit charge.
        reversal_invoice_of: by credit charge that was reversed, the invoice of the reversal.
        invoices: by charge of any kind, the locator of the invoice that it is on.
        unexplained: by currency and charge type, the last invoice with an item that is no whole charge: an instalment of one, perhaps.
    """

    shares: dict[str, list[Share]] = field(default_factory=dict[str, list[Share]])
    netted: dict[str, list[tuple[Invoice, Decimal]]] = field(default_factory=dict[str, list[tuple[Invoice, Decimal]]])
    invoice_of: dict[str, Invoice] = field(default_factory=dict[str, Invoice])
    reversal_invoice_of: dict[str, str] = field(default_factory=dict[str, str])
    invoices: dict[str, str] = field(default_factory=dict[str, str])
    unexplained: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])


class _Matching:
    def __init__(self, charges: Sequence[Charge], rules: ChargeRules) -> None:
        self._rules = rules
        self._known = {charge.locator: charge for charge in charges}
        self._open: dict[tuple[str, Decimal], list[Charge]] = {}
        for charge in sorted(charges, key=lambda c: c.locator):
            if charge.charge_category not in _NOT_INVOICED:
                self._open.setdefault((charge.currency, self.amount(charge)), []).append(charge)

    def amount(self, charge: Charge) -> Decimal:
        """What a charge puts on an invoice. Whether a reversal shows its own amount or the original's is not documented; it takes that away."""
        shown = self._rules.signed(charge.amount, charge.charge_type)
        original = None if charge.reversal_of_locator is None else self._known.get(charge.reversal_of_locator)
        if original is None or original.reversal_of_locator is not None or original.amount.copy_abs() != shown.copy_abs():
            return shown
        return self._rules.signed(original.amount, original.charge_type).copy_negate()

    def take(self, invoice: Invoice, amount: Decimal, charge_type: str | None) -> Charge | None:
        """Take the charge that fits best off the open ones."""
        found = self._open.get((invoice.currency, amount), [])
        generated = moment(invoice.generated_time)
        fitting = [
            charge for charge in found if (charge_type is None or charge.charge_type == charge_type) and not _is_younger(charge, generated)
        ]
        if not fitting:
            return None
        chosen = min(fitting, key=lambda charge: (charge.charge_invoicing != "immediate", charge.locator))
        found.remove(chosen)
        return chosen


def explain(charges: Sequence[Charge], invoices: Sequence[Invoice], rules: ChargeRules) -> Invoiced:
    """Match charges to invoices."""
    found = Invoiced()
    matching = _Matching(charges, rules)
    in_order = sorted(invoices, key=lambda i: (moment(i.generated_time) or _START, i.locator))
    for invoice in in_order:
        if invoice.invoice_items:
            _from_items(invoice, matching, rules, found)
    for invoice in in_order:
        if not invoice.invoice_items and invoice.total_amount:
            _from_total(invoice, invoice.total_amount, matching, rules, found)
    return found


def invoices_of(charges: Sequence[Charge], invoices: Sequence[Invoice], rules: ChargeRules) -> dict[str, str]:
    """The invoice that each charge is on, by locator; invoices have their items.

    A scheduled charge may be spread over several invoices: it is taken to be on one that has an item of its type which is no whole charge.
    """
    found = explain(charges, invoices, rules)
    spread = {
        charge.locator: found.unexplained[charge.currency, charge.charge_type]
        for charge in charges
        if charge.charge_invoicing == "scheduled" and (charge.currency, charge.charge_type) in found.unexplained
    }
    return {**spread, **found.invoices}


def needed(charges: Sequence[Charge], invoices: Sequence[Invoice], rules: ChargeRules) -> list[str]:
    """The invoices whose items must be read before credit charges can be explained; none when nothing more can be learnt."""
    found = explain(charges, invoices, rules)
    since: dict[str, datetime] = {}
    for charge in charges:
        if rules.is_credit(charge) and charge.locator not in found.invoice_of:
            created = ulid_moment(charge.locator) or _START
            since[charge.currency] = min(created, since.get(charge.currency, created))
    explained = {invoice.locator for invoice in found.invoice_of.values()}
    return [
        invoice.locator
        for invoice in invoices
        if not invoice.invoice_items
        and invoice.locator not in explained
        and invoice.currency in since
        and (moment(invoice.generated_time) or datetime.max.replace(tzinfo=UTC)) >= _earlier(since[invoice.currency])
    ]


def _earlier(when: datetime) -> datetime:
    return when if when == _START else when - _SLACK


def _is_younger(charge: Charge, generated: datetime | None) -> bool:
    created = ulid_moment(charge.locator)
    return generated is not None and created is not None and created > generated + _SLACK


def _from_items(invoice: Invoice, matching: _Matching, rules: ChargeRules, found: Invoiced) -> None:
    items = invoice.invoice_items or ()
    owed = [(item.locator, item.amount) for item in items if item.amount > 0]
    given = [(place, item.amount.copy_abs()) for place, item in enumerate(items) if item.amount < 0]
    lowered = allocating.merge((place, part) for _, place, part in allocating.fill(owed, given))
    shares: list[Share] = []
    for place, item in enumerate(items):
        charge = matching.take(invoice, item.amount, item.charge_type)
        if charge is not None:
            _note(charge, invoice, rules, found)
        elif item.charge_type is not None:
            found.unexplained[invoice.currency, item.charge_type] = invoice.locator
        if item.amount >= 0:
            continue
        whole = item.amount.copy_abs()
        netted = lowered.get(place, ZERO)
        credit = charge.locator if charge is not None and rules.is_credit(charge) else None
        if netted and credit is not None:
            found.netted.setdefault(credit, []).append((invoice, netted))
        if whole > netted:
            shares.append(Share(credit, money.subtract(whole, netted)))
    if shares:
        found.shares[invoice.locator] = shares


def _from_total(invoice: Invoice, total: Decimal, matching: _Matching, rules: ChargeRules, found: Invoiced) -> None:
    charge = matching.take(invoice, total, None)
    if charge is not None:
        _note(charge, invoice, rules, found)
    if total < 0:
        credit = charge.locator if charge is not None and rules.is_credit(charge) else None
        found.shares[invoice.locator] = [Share(credit, total.copy_abs())]


def _note(charge: Charge, invoice: Invoice, rules: ChargeRules, found: Invoiced) -> None:
    found.invoices[charge.locator] = invoice.locator
    if rules.is_credit(charge):
        found.invoice_of[charge.locator] = invoice
    elif charge.reversal_of_locator is not None:
        found.reversal_invoice_of[charge.reversal_of_locator] = invoice.locator
