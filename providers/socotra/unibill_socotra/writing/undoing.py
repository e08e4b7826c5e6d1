"""Taking back a credit that is a charge, newest step first.

1. Its distributions are reversed, so that its money is in the account's balance again.
2. The settlement of its negative invoice is reversed, so that its money leaves the balance.
3. The charge is reversed.
4. The reversal's own invoice asks for the same amount; the reopened negative invoice pays it. Both are then settled, and nothing is
   left of the credit.

Each step first reads what is so. Where the money was spent by others' means (a distribution that also spends other credits, an
invoice that holds other charges), nothing is touched.
"""

from dataclasses import dataclass
from datetime import tzinfo

from unibill import money
from unibill.errors import Conflict
from unibill.flow import Flow, Step
from unibill_socotra.api import SocotraApi, read_all
from unibill_socotra.mapping import ids
from unibill_socotra.mapping.charges import ChargeRules, reversed_locators
from unibill_socotra.reading.attribute import attribute
from unibill_socotra.reading.edges import Part
from unibill_socotra.reading.gather import gather
from unibill_socotra.reading.invoiced import explain
from unibill_socotra.reading.records import AccountRecords
from unibill_socotra.settings import SocotraSettings
from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.credits import Distribution
from unibill_socotra.wire.invoices import Invoice
from unibill_socotra.writing import distributing, spendable
from unibill_socotra.writing.checks import by_id, newest_first, refuse_shared, refuse_unreversed, reversal_type


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
    """
    records = yield from gather(writer.api, account, writer.rules)
    charge = next((record for record in records.charges if record.locator == locator), None)
    if charge is None:
        raise Conflict(f"account {account} has no charge {locator}", operation="reverseCharges")
    every = attribute(records, writer.provider, writer.zone, writer.rules)
    invoice = explain(records.charges, records.invoices, writer.rules).invoice_of.get(locator)
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
    if invoice is not None and invoice.total_amount is not None and invoice.total_amount < 0:
        yield from _net(writer, charge, invoice)


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


def _executed(record: Distribution) -> tuple[str, str]:
    return (record.executed_at or "", record.locator)


def _net(writer: Undoing, charge: Charge, negative: Invoice) -> Flow[None]:
    """Let the reopened negative invoice pay the invoice of the reversal."""
    api, account = writer.api, charge.account_locator
    asking = yield from spendable.reversal_invoice(api, account, charge.locator, writer.rules)
    giving = yield from api.get_invoice_with_items(negative.locator)
    there = (giving.total_remaining_amount or money.add([])).copy_abs() if giving.invoice_state == "open" else money.add([])
    if not there or asking is None:
        return
    amount = min(there, asking.total_remaining_amount or money.add([]))
    if amount > 0:
        movement = distributing.Movement(
            account,
            charge.currency,
            amount,
            Part(negative.locator, "invoice", amount),
            Part(asking.locator, "invoice", amount),
        )
        credit_id = ids.charge_id(charge.locator)
        every = yield from read_all(lambda at: api.fetch_multiple_credit_distributions(account, offset=at), api.page_size)
        known = distributing.own_of(every, credit_id)
        yield from distributing.run_all(api, credit_id, [movement], known, 0)
    if there > amount:
        # The balance has paid the reversal's invoice by itself; what it gave comes back from the negative invoice.
        yield from spendable.settle_invoice(api, negative.locator)
