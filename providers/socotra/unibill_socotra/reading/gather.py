"""Reading everything about one account, in a bounded number of requests.

credits/list and the charges come first; then the typed list of each kind that credits/list shows, the invoices, and the ledger's
balance in each currency seen. Two rare additions: the items of invoices, while a credit charge is without its invoice; and, since a
payment may have been created without an account, the payments that target an invoice which was paid by more than is known, or
any invoice of a currency in which the ledger holds more than is known.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from unibill import money
from unibill.flow import Flow
from unibill.wire import WireRecord
from unibill_socotra.api import Listing, SocotraApi, read_all
from unibill_socotra.mapping.charges import ChargeRules
from unibill_socotra.reading.attribute import balance_totals
from unibill_socotra.reading.edges import resolved
from unibill_socotra.reading.invoiced import needed
from unibill_socotra.reading.records import AccountRecords
from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.common import CreditItem
from unibill_socotra.wire.invoices import Invoice
from unibill_socotra.wire.payments import Payment

R = TypeVar("R", bound=WireRecord)
_LOOKS: Final = 3
"""How often charges are read at most, where a list seems to leave some out."""


def gather(api: SocotraApi, account: str, rules: ChargeRules) -> Flow[AccountRecords]:
    """Read an account whole.

    Args:
        api: the tenant's operations.
        account: the account's locator.
        rules: which charges are credits; their invoices are looked for.
    """
    size = api.page_size

    def every(fetch: Callable[[int], Flow[Listing[R]]]) -> Flow[list[R]]:
        return read_all(fetch, size)

    listed = yield from every(lambda at: api.fetch_credits(account, offset=at))
    charges = yield from _charges(api, account)
    kinds = {record.credit_type for record in listed}
    invoices = yield from every(lambda at: api.fetch_invoices_for_account(account, include_zero_amount_invoices=True, offset=at))
    distributions = (
        (yield from every(lambda at: api.fetch_multiple_credit_distributions(account, offset=at))) if "creditDistribution" in kinds else []
    )
    payments = (yield from every(lambda at: api.fetch_multiple_payments(account, offset=at))) if kinds & {"payment", "subpayment"} else []
    disbursements = (yield from every(lambda at: api.fetch_multiple_disbursements(account, offset=at))) if "disbursement" in kinds else []
    write_offs = (yield from every(lambda at: api.fetch_multiple_write_offs(account, offset=at))) if "writeOff" in kinds else []
    shortfalls = (
        (yield from every(lambda at: api.fetch_multiple_shortfall_credits(account, offset=at))) if "shortfallWriteOff" in kinds else []
    )
    records = AccountRecords(account, listed, charges, invoices, distributions, payments, disbursements, write_offs, shortfalls)
    records = yield from _with_items(api, records, rules)
    balances: dict[str, Decimal] = {}
    for currency in currencies_of(records):
        ledger = yield from api.fetch_ledger_account("accountCreditBalance", account, currency=currency, size=1)
        balances[currency] = ledger.balance
    return (yield from _with_unowned_payments(api, replace(records, balances=balances), rules))


def _charges(api: SocotraApi, account: str) -> Flow[list[Charge]]:
    """An account's charges; read again while an original is missing of a reversal, whose invoice would be taken for another charge's."""
    found: dict[str, Charge] = {}
    for _ in range(_LOOKS):
        read = yield from read_all(lambda at: api.fetch_charges_by_account(account, offset=at), api.page_size)
        found.update((charge.locator, charge) for charge in read)
        if {charge.reversal_of_locator for charge in read} - {None} <= found.keys():
            break
    return list(found.values())


def currencies_of(records: AccountRecords) -> list[str]:
    """The currencies in which an account has credits, charges or invoices."""
    listed = {record.currency for record in records.listed} | {invoice.currency for invoice in records.invoices}
    return sorted(listed | {charge.currency for charge in records.charges} | {payment.currency for payment in records.payments})


def _with_items(api: SocotraApi, records: AccountRecords, rules: ChargeRules) -> Flow[AccountRecords]:
    while wanted := needed(records.charges, records.invoices, rules):
        whole: dict[str, Invoice] = {}
        for locator in wanted:
            whole[locator] = yield from api.get_invoice_with_items(locator)
        invoices = [whole.get(invoice.locator, invoice) for invoice in records.invoices]
        records = replace(records, invoices=invoices)
        if not any(invoice.invoice_items for invoice in whole.values()):
            break
    return records


def _with_unowned_payments(api: SocotraApi, records: AccountRecords, rules: ChargeRules) -> Flow[AccountRecords]:
    """Add the payments without an account, where there must be some."""
    asked: set[str] = set()
    for suspects in (underexplained, lambda found: _of_surplus(found, rules)):
        for locator in suspects(records):
            if locator not in asked:
                asked.add(locator)
                found = yield from read_all(partial(_payments_at, api, locator), api.page_size)
                known = {payment.locator for payment in records.payments}
                records = replace(records, payments=[*records.payments, *(one for one in found if one.locator not in known)])
    return records


def _payments_at(api: SocotraApi, invoice: str, at: int) -> Flow[Listing[Payment]]:
    return api.fetch_multiple_payments(target_container_locator=invoice, offset=at)


def _of_surplus(records: AccountRecords, rules: ChargeRules) -> list[str]:
    """The invoices of a currency in which the ledger holds more than the known records brought in. Pure."""
    totals = balance_totals(records, rules)
    more = {currency for currency, balance in records.balances.items() if balance > totals.get(currency, Decimal(0))}
    return [invoice.locator for invoice in records.invoices if invoice.currency in more]


def underexplained(records: AccountRecords) -> list[str]:
    """The invoices that were paid by more than the known records paid them. Pure."""
    invoices = {invoice.locator: invoice for invoice in records.invoices}
    item_of = {item.locator: invoice.locator for invoice in records.invoices for item in invoice.invoice_items or ()}
    paid: dict[str, Decimal] = {}

    def pay(items: list[CreditItem] | None, total: Decimal) -> None:
        for part in resolved(items, total, invoices):
            locator = item_of.get(part.locator, part.locator)
            paid[locator] = money.add([paid.get(locator, Decimal(0)), part.amount])

    locators = {payment.locator for payment in records.payments}
    for payment in records.payments:
        if payment.payment_state == "posted" and payment.aggregate_payment_locator not in locators:
            pay(payment.targets, payment.amount)
    for distribution in records.distributions:
        if distribution.credit_distribution_state == "executed":
            pay(distribution.targets, distribution.amount)
    for write_off in records.write_offs:
        if write_off.write_off_state == "distributed":
            pay(write_off.targets, write_off.amount)
    for shortfall in records.shortfalls:
        if shortfall.shortfall_credit_state == "distributed":
            pay(shortfall.targets, shortfall.amount)
    return [
        invoice.locator
        for invoice in records.invoices
        if invoice.total_amount is not None
        and invoice.total_remaining_amount is not None
        and invoice.total_amount > 0
        and money.subtract(invoice.total_amount, invoice.total_remaining_amount) > paid.get(invoice.locator, Decimal(0))
    ]
