"""Taking back a credit that is a charge, newest step first.

1. Its distributions are reversed, so that its money is in the account's balance again.
2. The settlement of its negative invoice is reversed, so that its money leaves the balance.
3. The charge is reversed.
4. The reversal's own invoice asks for the same amount; the reopened negative invoice pays it. Both are then settled, and nothing is
   left of the credit.

Each step first reads what is so. Where the money was spent by others' means (a distribution that also spends other credits, an
invoice that holds other charges), nothing is touched. A list may leave out a record while it changes: what must be there and is not
is looked for again, and what stays open without its counterpart is an error, so that a second try ends it.
"""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from unibill import money
from unibill.errors import Conflict, Unavailable
from unibill.flow import Flow, Sleep, Step
from unibill_socotra.api import SocotraApi, read_all
from unibill_socotra.mapping import ids
from unibill_socotra.mapping.charges import ChargeRules, reversed_locators
from unibill_socotra.reading.attribute import attribute
from unibill_socotra.reading.edges import Part, resolved
from unibill_socotra.reading.gather import gather
from unibill_socotra.reading.invoiced import explain
from unibill_socotra.reading.records import AccountRecords
from unibill_socotra.settings import SocotraSettings
from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.credits import Distribution
from unibill_socotra.wire.invoices import Invoice
from unibill_socotra.writing import distributing, spendable
from unibill_socotra.writing.checks import by_id, newest_first, refuse_shared, refuse_unreversed, reversal_type

_WAITS: Final = (0.25, 0.5)
"""Seconds between two looks at an account whose lists seem to leave something out."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoing needs to know of its backend."""

    api: SocotraApi
    settings: SocotraSettings
    rules: ChargeRules
    provider: str
    zone: tzinfo


def void_charge(writer: Undoing, account: str, locator: str) -> Flow[None]:
    """Take a credit charge back.

    Raises:
        ConfigurationError: no reversal_type is set and a distribution has to be reversed.
        Conflict: its money was spent or settled together with others'.
        Unavailable: it is reversed, and an invoice stays open because its counterpart is not found.
    """
    records, charge, invoice = yield from _read(writer, account, locator)
    every = attribute(records, writer.provider, writer.zone, writer.rules)
    if locator not in reversed_locators(records.charges):
        credit = by_id(every, ids.charge_id(locator))
        standing = newest_first(credit.allocations or ())
        refuse_shared(every, standing, {allocation.id for allocation in credit.allocations or () if allocation.id is not None})
        settlements = _settlements(records, charge, invoice, writer)
        if standing or settlements:
            name = reversal_type(writer.settings, "taking a credit back")
            for group in (*standing, *settlements):
                yield from distributing.reverse(writer.api, group, name)
        invoicing = writer.settings.reversal_invoicing if invoice is not None else charge.charge_invoicing
        yield Step(f"reverse:{locator}", done=False)
        made = yield from writer.api.reverse_charges(account, [locator], invoicing=invoicing or writer.settings.reversal_invoicing)
        refuse_unreversed(made, [locator])
        yield Step(f"reverse:{locator}", done=True)
    is_negative = invoice is not None and invoice.total_amount is not None and invoice.total_amount < 0
    if is_negative or (invoice is None and charge.charge_invoicing == "immediate"):
        yield from _net(writer, records, charge, invoice)


def _read(writer: Undoing, account: str, locator: str) -> Flow[tuple[AccountRecords, Charge, Invoice | None]]:
    """The account, the charge and its invoice: read again while the charge has no invoice, or the invoice gave more than is known."""
    records, charge, invoice = yield from _read_once(writer, account, locator)
    for wait in _WAITS:
        if invoice is not None and _is_explained(records, invoice):
            break
        yield Sleep(wait)
        records, charge, invoice = yield from _read_once(writer, account, locator)
    return records, charge, invoice


def _read_once(writer: Undoing, account: str, locator: str) -> Flow[tuple[AccountRecords, Charge, Invoice | None]]:
    records = yield from gather(writer.api, account, writer.rules)
    charge = next((record for record in records.charges if record.locator == locator), None)
    if charge is None:
        raise Conflict(f"account {account} has no charge {locator}", operation="reverseCharges")
    return records, charge, explain(records.charges, records.invoices, writer.rules).invoice_of.get(locator)


def _is_explained(records: AccountRecords, invoice: Invoice) -> bool:
    """Whether the known distributions gave all that is missing of a negative invoice."""
    total, left = invoice.total_amount, invoice.total_remaining_amount
    if total is None or left is None or total >= 0:
        return True
    executed = [record for record in records.distributions if record.credit_distribution_state == "executed"]
    parts = [part for record in executed for part in resolved(record.sources, record.amount, {})]
    given = money.add([part.amount for part in parts if part.locator == invoice.locator])
    return given >= money.subtract(left, total)


def _settlements(records: AccountRecords, charge: Charge, invoice: Invoice | None, writer: Undoing) -> list[str]:
    """The executed distributions that gave the charge's invoice away, newest first."""
    if invoice is None:
        return []
    found = [
        record
        for record in records.distributions
        if record.credit_distribution_state == "executed"
        and any(source.container_locator == invoice.locator for source in record.sources or ())
        and any(target.container_locator == records.account for target in record.targets or ())
    ]
    shares = explain(records.charges, records.invoices, writer.rules).shares.get(invoice.locator, [])
    if found and any(share.charge != charge.locator for share in shares):
        raise Conflict(
            f"invoice {invoice.locator} holds other charges beside {charge.locator}, and its settlement is reversed only whole",
            operation="reverseCreditDistribution",
            hint="Reverse all its charges through charges.reverse, or none.",
        )
    return [record.locator for record in sorted(found, key=_executed, reverse=True)]


def _spending(records: AccountRecords, charge: Charge) -> list[str]:
    """The executed distributions that unibill made to spend a charge out of the account's balance, newest first."""
    found = [
        record
        for record in distributing.own_of(records.distributions, ids.charge_id(charge.locator))
        if record.credit_distribution_state == "executed"
        and any(source.container_locator == records.account for source in record.sources or ())
    ]
    return [record.locator for record in sorted(found, key=_executed, reverse=True)]


def _executed(record: Distribution) -> tuple[str, str]:
    return (record.executed_at or "", record.locator)


def _net(writer: Undoing, records: AccountRecords, charge: Charge, known: Invoice | None) -> Flow[None]:
    """Let the reopened negative invoice pay the invoice of the reversal."""
    api, account = writer.api, charge.account_locator
    negative, asking = yield from spendable.reversed_invoices(api, account, charge.locator, writer.rules, known)
    giving = None if negative is None else (yield from api.get_invoice_with_items(negative.locator))
    if giving is None or asking is None:
        _refuse_alone(writer, charge, giving or asking, is_asking=giving is None)
        return
    owed = _open_amount(asking)
    if not _open_amount(giving) and owed > _netted(giving):
        # An earlier try was not shown the distributions, and reversed the charge without them.
        for group in (*_spending(records, charge), *_settlements(records, charge, giving, writer)):
            yield from distributing.reverse(api, group, reversal_type(writer.settings, "taking a credit back"))
        giving = yield from api.get_invoice_with_items(giving.locator)
        if not _open_amount(giving):
            raise _left_open(charge, asking, "what its own invoice gave is not found")
    there = _open_amount(giving)
    amount = min(there, owed)
    if amount > 0:
        movement = distributing.Movement(
            account,
            charge.currency,
            amount,
            Part(giving.locator, "invoice", amount),
            Part(asking.locator, "invoice", amount),
        )
        credit_id = ids.charge_id(charge.locator)
        every = yield from read_all(lambda at: api.fetch_multiple_credit_distributions(account, offset=at), api.page_size)
        own = distributing.own_of(every, credit_id)
        yield from distributing.run_all(api, credit_id, [movement], own, 0)
    if there > amount:
        # The balance has paid the reversal's invoice by itself; what it gave comes back from the negative invoice.
        yield from spendable.settle_invoice(api, giving.locator)


def _refuse_alone(writer: Undoing, charge: Charge, there: Invoice | None, *, is_asking: bool) -> None:
    """Refuse to leave one of the two invoices open while nobody sees the other, unless the reversal may wait for its own."""
    if there is not None and _open_amount(there) and (is_asking or writer.settings.reversal_invoicing == "immediate"):
        raise _left_open(charge, there, f"the invoice of {'the charge' if is_asking else 'its reversal'} is not found")


def _left_open(charge: Charge, invoice: Invoice, why: str) -> Unavailable:
    return Unavailable(
        f"charge {charge.locator} is reversed, but invoice {invoice.locator} stays open with {_open_amount(invoice)} {charge.currency}: {why}",
        operation="fetchInvoicesForAccount",
        hint="Try again later: the charge is not reversed a second time.",
    )


def _netted(giving: Invoice) -> Decimal:
    """What other items of a negative invoice took of the credit: that much its reversal asks for rightly."""
    return money.add([item.amount for item in giving.invoice_items or () if item.amount > 0])


def _open_amount(invoice: Invoice) -> Decimal:
    """What is still to be given or paid."""
    if invoice.invoice_state != "open":
        return money.add([])
    return (invoice.total_remaining_amount or money.add([])).copy_abs()
