"""What the server does by itself: settling negative and zero invoices, letting balances pay, paying excess out."""

from decimal import Decimal
from typing import Literal

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.allocation import with_amount
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.distributions import Distributions
from unibill_socotra.sandbox.errors import conflict
from unibill_socotra.sandbox.invoices import Invoices

Mode = Literal["toCreditBalance", "toOpenInvoices", "never"]
_MODES: dict[str, Mode] = {"to-credit-balance": "toCreditBalance", "to-open-invoices": "toOpenInvoices", "never": "never"}


class Settlement:
    """Settles negative invoices and applies balances, as the account's plan or the switches say."""

    def __init__(self, core: Core, invoices: Invoices, distributions: Distributions) -> None:
        self._core = core
        self._invoices = invoices
        self._distributions = distributions

    def on_new(self, invoice: r.Invoice, time: tuple[int, str] | None = None) -> None:
        """Do what follows from a new invoice: settle one that is not positive, let the balance pay one that is."""
        if invoice.total_amount > 0:
            self.auto_apply(invoice.account_locator, invoice.currency)
        elif self._mode(invoice) != "never":
            self.settle(invoice.locator, forced=True, time=time)

    def settle(self, locator: str, *, forced: bool = False, time: tuple[int, str] | None = None) -> list[r.Distribution]:
        """Settle a negative invoice (its money goes to open invoices or the credit balance) or a zero one.

        Args:
            locator: the invoice.
            forced: needed where the account's plan says never.
            time: when; now if it is left out.

        Returns:
            The distributions made; none for a zero invoice.

        Raises:
            Declined: no such invoice, not open, positive, or the plan says never and it is not forced.
        """
        core = self._core
        with core.store.atomic():
            invoice = core.store.get(r.Invoice, locator)
            self._invoices.need_open(invoice)
            if invoice.total_remaining_amount > 0:
                raise conflict(f"invoice {locator} is positive; only negative and zero ones can be settled", invoice)
            mode = self._mode(invoice)
            if mode == "never" and not forced and core.settings["settle-forced"] == "required-when-never":
                raise conflict(f"the plan of invoice {locator}'s account says never to settle; force it", invoice)
            moment = time or core.now()
            if not invoice.total_remaining_amount:
                self._invoices.close(invoice, moment[1])
                return []
            made = self._pay_invoices(invoice, moment) if mode == "toOpenInvoices" else []
            left = -core.store.get(r.Invoice, locator).total_remaining_amount
            if left:
                made.append(self._move(invoice, [r.Item(invoice.account_locator, "account", left)], left, moment))
                self.auto_apply(invoice.account_locator, invoice.currency)
            return made

    def auto_apply(self, account_locator: str, currency: str) -> list[r.Distribution]:
        """Let the credit balance pay open invoices, the earliest due first, if the account's plan or the switch says so."""
        core = self._core
        account = core.account(account_locator)
        wanted = core.plan(account).auto_apply_excess_to_invoices_enabled
        if not (core.settings["auto-apply"] == "on" if wanted is None else wanted):
            return []
        made: list[r.Distribution] = []
        for invoice in self._invoices.open_of(account_locator, currency):
            amount = min(core.ledger.balance(account_locator, currency), invoice.total_remaining_amount)
            if amount <= 0:
                break
            source = r.Item(account_locator, "account", amount)
            target = r.Item(invoice.locator, "invoice", amount)
            made.append(self._distributions.run(r.Asked(account_locator, amount, currency, [source], [target])))
        return made

    def _mode(self, invoice: r.Invoice) -> Mode:
        plan = self._core.plan(self._core.account(invoice.account_locator))
        said = plan.negative_invoice_handling.automatically_settle_negative_invoices
        return said or _MODES[self._core.settings["negative-invoice"]]

    def _pay_invoices(self, invoice: r.Invoice, time: tuple[int, str]) -> list[r.Distribution]:
        """Let a negative invoice pay open ones, the smallest first (the plan's default priority)."""
        left = -invoice.total_remaining_amount
        targets: list[r.Item] = []
        waiting = self._invoices.open_of(invoice.account_locator, invoice.currency)
        for other in sorted(waiting, key=lambda i: (i.total_remaining_amount, i.locator)):
            amount = min(left, other.total_remaining_amount)
            if amount:
                targets.append(r.Item(other.locator, "invoice", amount))
                left -= amount
        paid = -invoice.total_remaining_amount - left
        return [self._move(invoice, targets, paid, time)] if targets else []

    def _move(self, invoice: r.Invoice, targets: list[r.Item], amount: Decimal, time: tuple[int, str]) -> r.Distribution:
        source = with_amount(r.Item(invoice.locator, "invoice"), amount)
        return self._distributions.run(r.Asked(invoice.account_locator, amount, invoice.currency, [source], targets), time)
