"""Making a credit charge spendable: its negative invoice is found, and settled into the account's balance where it is still open.

Whether an immediate charge is invoiced before its answer is sent is not documented, so the invoice is looked for a bounded
number of times. An invoice does not name its charges; see ``reading.invoiced`` for how they are matched.
"""

from decimal import Decimal
from typing import Final

from unibill.errors import Rejected, Unavailable
from unibill.flow import Flow, Sleep, Step
from unibill_socotra.api import SocotraApi, read_all
from unibill_socotra.mapping.charges import ChargeRules
from unibill_socotra.reading.invoiced import Invoiced, explain
from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.invoices import Invoice

_WAITS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between two looks for an invoice: some 16 in all."""


def settle(api: SocotraApi, charge: Charge, rules: ChargeRules) -> Flow[None]:
    """Make sure that a credit charge's money is in the account's balance, or was.

    Raises:
        Unavailable: the charge is not invoiced after all looks. It exists; a second try goes on from it.
    """
    invoice = yield from _awaited(api, charge, rules)
    if invoice.total_remaining_amount and invoice.total_remaining_amount < 0 and invoice.invoice_state == "open":
        yield from settle_invoice(api, invoice.locator)


def settle_invoice(api: SocotraApi, locator: str) -> Flow[None]:
    """Settle a negative invoice; forced only where the server refuses without, as a plan may say never."""
    yield Step(f"settle:{locator}", done=False)
    try:
        yield from api.settle_negative_or_zero_invoice(locator)
    except Rejected:
        yield from api.settle_negative_or_zero_invoice(locator, forced=True)
    yield Step(f"settle:{locator}", done=True)


def reversed_invoices(
    api: SocotraApi, account: str, charge_locator: str, rules: ChargeRules, own: Invoice | None
) -> Flow[tuple[Invoice | None, Invoice | None]]:
    """The invoice of a reversed charge and that of its reversal.

    Each is None where none appears: the reversal may wait for the next invoice.

    Args:
        api: the tenant's operations.
        account: the charge's.
        charge_locator: of the charge that was reversed.
        rules: which charges are credits.
        own: the invoice of the charge, if it is known.
    """
    found: Invoice | None = None
    for wait in (*_WAITS[:4], None):
        invoices = yield from _invoices(api, account)
        charges = yield from _charges(api, account)
        matched = explain(charges, invoices, rules)
        own = own or matched.invoice_of.get(charge_locator)
        locator = matched.reversal_invoice_of.get(charge_locator)
        found = next((invoice for invoice in invoices if invoice.locator == locator), found)
        if (own is not None and found is not None) or wait is None:
            break
        yield Sleep(wait)
    return own, found


def _awaited(api: SocotraApi, charge: Charge, rules: ChargeRules) -> Flow[Invoice]:
    for wait in (*_WAITS, None):
        invoice = yield from _invoice_of(api, charge, rules)
        if invoice is not None:
            return invoice
        if wait is not None:
            yield Sleep(wait)
    raise Unavailable(
        f"charge {charge.locator} is on the account but not yet on an invoice, so it cannot be spent",
        operation="fetchInvoicesForAccount",
        hint="Try again later: the charge is not added a second time.",
    )


def _invoice_of(api: SocotraApi, charge: Charge, rules: ChargeRules) -> Flow[Invoice | None]:
    invoices = yield from _invoices(api, charge.account_locator)
    fitting = explain([charge], _of_amount(invoices, rules.signed(charge.amount, charge.charge_type)), rules)
    same = [invoice for invoice in invoices if invoice.total_amount == rules.signed(charge.amount, charge.charge_type)]
    if len(same) <= 1:
        return fitting.invoice_of.get(charge.locator)
    charges = yield from _charges(api, charge.account_locator)
    whole: Invoiced = explain(charges, invoices, rules)
    return whole.invoice_of.get(charge.locator)


def _of_amount(invoices: list[Invoice], amount: Decimal) -> list[Invoice]:
    return [invoice for invoice in invoices if invoice.total_amount == amount]


def _invoices(api: SocotraApi, account: str) -> Flow[list[Invoice]]:
    return read_all(lambda at: api.fetch_invoices_for_account(account, include_zero_amount_invoices=True, offset=at), api.page_size)


def _charges(api: SocotraApi, account: str) -> Flow[list[Charge]]:
    return read_all(lambda at: api.fetch_charges_by_account(account, offset=at), api.page_size)
