"""Invoices: how charges become items, and how credits are applied to them and taken back."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.errors import conflict
from unibill_socotra.sandbox.identity import billing_span
from unibill_socotra.sandbox.ledger import Entry

DAYS_TO_PAY: Final = 30
ZERO: Final = Decimal(0)


class Credit:
    """Who applies money to an invoice: the credit, its type, and the aggregate payment above it if it is a subpayment."""

    def __init__(self, credit_type: r.CreditType, locator: str, parent: str | None = None) -> None:
        self.credit_type: r.CreditType = credit_type
        self.locator = locator
        self.parent = parent


class Invoices:
    """Makes invoices, and keeps what remains of them equal to their total less what was applied."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def generate(self, account: r.Account, currency: str, charges: Sequence[r.Charge], time: tuple[int, str] | None = None) -> r.Invoice:
        """One invoice for these charges of one account and currency; they are marked as invoiced."""
        core = self._core
        micros, now = time or core.now()
        locator = core.ids.new(micros)
        items = [self._item(charge, micros) for charge in charges]
        timezone = account.timezone or core.tenant.default_timezone
        start, due = billing_span(micros, timezone, DAYS_TO_PAY)
        invoice = r.Invoice(
            locator=locator,
            account_locator=account.locator,
            invoice_state="open",
            currency=currency,
            timezone=timezone,
            generated_time=now,
            due_time=due,
            start_time=start,
            end_time=due,
            total_amount=sum((item.amount for item in items), ZERO),
            total_remaining_amount=ZERO,
            invoice_items=items,
            invoice_number=f"INV-{core.store.number('invoice'):08d}",
        )
        entries: list[Entry] = []
        for item, charge in zip(items, charges, strict=True):
            entries.append(Entry("invoiceItem", item.locator, "debit", item.amount))
            entries.append(Entry("charge", charge.locator, "credit", item.amount))
        entries.extend(_net(items, now))
        core.ledger.post(micros, now, f"invoice {invoice.invoice_number} generated", currency, entries)
        for charge in charges:
            charge.invoice_locator = locator
            charge.waiting = None
            core.store.put(charge)
        self.save(invoice)
        return invoice

    def save(self, invoice: r.Invoice) -> None:
        """Store an invoice; its remainder follows from its items."""
        invoice.total_remaining_amount = sum((item.remaining_amount for item in invoice.invoice_items), ZERO)
        invoice.open_key = f"{invoice.account_locator} {invoice.currency}" if invoice.invoice_state == "open" else None
        self._core.store.put(invoice)

    def close(self, invoice: r.Invoice, now: str) -> None:
        """An invoice without remainder is settled."""
        invoice.invoice_state = "settled"
        invoice.settled_time = now
        invoice.unsettled_time = None
        self.save(invoice)

    def open_of(self, account: str, currency: str) -> list[r.Invoice]:
        """The open invoices of an account and currency that ask for money, the earliest due first."""
        found = self._core.store.query(r.Invoice, "open_key = ?", (f"{account} {currency}",))
        return sorted((i for i in found if i.total_remaining_amount > 0), key=lambda i: (i.due_time, i.locator))

    def find(self, item: r.Item) -> r.Invoice | None:
        """The invoice of a source or target: the container itself, or the invoice of which it is an item."""
        if item.container_type == "invoice":
            return self._core.store.find(r.Invoice, item.container_locator)
        if item.container_type == "invoiceItem":
            where = "EXISTS (SELECT 1 FROM json_each(doc, '$.invoiceItems') AS line WHERE line.value ->> '$.locator' = ?)"
            found = self._core.store.query(r.Invoice, where, (item.container_locator,))
            return found[0] if found else None
        return None

    @staticmethod
    def remaining(invoice: r.Invoice, item: r.Item) -> Decimal:
        """What remains of the container: of the invoice, or of the one invoice item."""
        if item.container_type == "invoiceItem":
            return next(line.remaining_amount for line in invoice.invoice_items if line.locator == item.container_locator)
        return invoice.total_remaining_amount

    def apply(
        self, invoice: r.Invoice, container: r.Item, amount: Decimal, credit: Credit, counterpart: r.Item, time: tuple[int, str]
    ) -> list[Entry]:
        """Let a credit pay an invoice (positive amount) or take money out of a negative one (negative amount).

        Args:
            invoice: it is changed and stored.
            container: the invoice, or one item of it.
            amount: never beyond what remains.
            credit: who pays.
            counterpart: where the money comes from or goes to.
            time: when.

        Returns:
            The invoice's side of the ledger transaction.

        Raises:
            ValueError: more than what remains; whoever calls has checked that.
        """
        micros, now = time
        slices: list[r.Slice] = []
        left = amount
        for line in invoice.invoice_items:
            if container.container_type == "invoiceItem" and line.locator != container.container_locator:
                continue
            part = min(left, line.remaining_amount) if amount > 0 else max(left, line.remaining_amount)
            if part and (part > 0) == (amount > 0):
                slices.append(r.Slice(line.locator, part))
                left -= part
                _reduce(line, part, now)
        if left:
            raise ValueError(f"{amount} is more than what remains of invoice {invoice.locator}")
        self._core.store.put(
            r.Application(
                locator=self._core.ids.new(micros),
                invoice_locator=invoice.locator,
                credit_type=credit.credit_type,
                credit_locator=credit.locator,
                parent_locator=credit.parent,
                currency=invoice.currency,
                amount=amount,
                slices=slices,
                counterpart_type=counterpart.container_type,
                counterpart_locator=counterpart.container_locator,
                applied_at=now,
            )
        )
        if any(line.remaining_amount for line in invoice.invoice_items):
            self.save(invoice)
        else:
            self.close(invoice, now)
        return [Entry("invoiceItem", part.item_locator, "credit", part.amount) for part in slices]

    def take_back(self, credit_locator: str, credit_types: Sequence[r.CreditType], time: tuple[int, str]) -> list[Entry]:
        """Undo every application of a credit; the invoices reopen.

        Returns:
            The invoices' side of the ledger transaction.
        """
        _, now = time
        entries: list[Entry] = []
        for application in self.applications_of(credit_locator):
            if application.credit_type not in credit_types or application.reversed_at is not None:
                continue
            invoice = self._core.store.get(r.Invoice, application.invoice_locator)
            lines = {line.locator: line for line in invoice.invoice_items}
            for part in application.slices:
                _restore(lines[part.item_locator], part.amount, now)
                entries.append(Entry("invoiceItem", part.item_locator, "debit", part.amount))
            invoice.invoice_state = "open"
            if invoice.settled_time is not None:
                invoice.settled_time = None
                invoice.unsettled_time = now
            self.save(invoice)
            application.reversed_at = now
            self._core.store.put(application)
        return entries

    def applications_of(self, credit_locator: str) -> list[r.Application]:
        """What a credit did to invoices, reversed or not."""
        return self._core.store.query(r.Application, "credit_locator = ?", (credit_locator,))

    def applications_to(self, invoice_locator: str) -> list[r.Application]:
        """What was done to an invoice, reversed or not."""
        return self._core.store.query(r.Application, "invoice_locator = ?", (invoice_locator,))

    def need_open(self, invoice: r.Invoice) -> None:
        """Require an open invoice.

        Raises:
            Declined: it is settled or discarded.
        """
        if invoice.invoice_state != "open":
            raise conflict(f"invoice {invoice.locator} is {invoice.invoice_state}", invoice)

    def _item(self, charge: r.Charge, micros: int) -> r.InvoiceItem:
        store, tenant = self._core.store, self._core.tenant
        policy = store.find(r.Policy, charge.policy_locator) if charge.policy_locator else None
        element = store.find(r.Element, charge.element_locator) if charge.element_locator else None
        scheduled = charge.charge_invoicing == "scheduled" and policy is not None
        return r.InvoiceItem(
            locator=self._core.ids.new(micros),
            charge_type=charge.charge_type,
            charge_category=charge.charge_category,
            amount=charge.amount,
            remaining_amount=charge.amount,
            timezone=policy.timezone if policy else tenant.default_timezone,
            charge_locator=charge.locator,
            policy_locator=charge.policy_locator,
            element_static_locator=charge.element_static_locator or (element.static_locator if element else None),
            element_type=element.element_type if element else None,
            installment_item_locators=[self._core.ids.new(micros)] if scheduled else [],
            transaction_locators=[charge.transaction_locator] if charge.transaction_locator else [],
        )


def _reduce(line: r.InvoiceItem, amount: Decimal, now: str) -> None:
    line.remaining_amount -= amount
    if not line.remaining_amount:
        line.settlement_time = now
        line.unsettled_time = None


def _restore(line: r.InvoiceItem, amount: Decimal, now: str) -> None:
    line.remaining_amount += amount
    if line.settlement_time is not None:
        line.settlement_time = None
        line.unsettled_time = now


def _net(items: Sequence[r.InvoiceItem], now: str) -> list[Entry]:
    """Negative items of an invoice lower its positive ones at once, so that all that remains has one sign."""
    entries: list[Entry] = []
    positive = [item for item in items if item.remaining_amount > 0]
    for negative in (item for item in items if item.remaining_amount < 0):
        for item in positive:
            part = min(item.remaining_amount, -negative.remaining_amount)
            if part:
                _reduce(item, part, now)
                _reduce(negative, -part, now)
                entries.append(Entry("invoiceItem", item.locator, "credit", part))
                entries.append(Entry("invoiceItem", negative.locator, "debit", part))
    return entries
