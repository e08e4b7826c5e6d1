"""Shortfall credits: an invoice that lacks less than the account tolerates is settled all the same."""

from collections.abc import Iterable

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.invoices import Credit, Invoices
from unibill_socotra.sandbox.ledger import Entry
from unibill_socotra.sandbox.tenant import USER


class Shortfalls:
    """Makes shortfall credits, and reverses them with their parents."""

    def __init__(self, core: Core, invoices: Invoices) -> None:
        self._core = core
        self._invoices = invoices

    def cover(self, parent: str, invoice_locators: Iterable[str], time: tuple[int, str]) -> list[str]:
        """Settle those of the invoices whose remainder is under their account's tolerance (an equal one is not).

        Args:
            parent: the payment, subpayment or distribution that paid them.
            invoice_locators: the invoices it paid.
            time: when.

        Returns:
            The locators of the shortfall credits made.
        """
        core = self._core
        micros, now = time
        made: list[str] = []
        for locator in dict.fromkeys(invoice_locators):
            invoice = core.store.get(r.Invoice, locator)
            missing = invoice.total_remaining_amount
            account = core.account(invoice.account_locator)
            if not 0 < missing < core.tolerance(account, invoice.currency):
                continue
            shortfall = r.Shortfall(
                locator=core.ids.new(micros),
                shortfall_credit_state="distributed",
                currency=invoice.currency,
                amount=missing,
                created_at=now,
                created_by=USER,
                account_locator=account.locator,
                targets=[r.Item(locator, "invoice", missing)],
                parent_credit_locator=parent,
                distributed_at=now,
            )
            core.store.put(shortfall)
            whole = r.Item(locator, "invoice")
            entries = self._invoices.apply(
                invoice, whole, missing, Credit("shortfallWriteOff", shortfall.locator), r.Item(account.locator, "account"), time
            )
            entries.append(Entry("accountExpenseBalance", account.locator, "debit", missing))
            core.ledger.post(micros, now, f"shortfall credit {shortfall.locator} distributed", invoice.currency, entries)
            made.append(shortfall.locator)
        return made

    def reverse(self, parent: str, reason: str | None, time: tuple[int, str]) -> None:
        """Reverse the shortfall credits of a parent that is being reversed."""
        core = self._core
        micros, now = time
        for shortfall in core.store.query(r.Shortfall, "parent_credit_locator = ?", (parent,)):
            if shortfall.shortfall_credit_state != "distributed":
                continue
            entries = self._invoices.take_back(shortfall.locator, ("shortfallWriteOff",), time)
            entries.append(Entry("accountExpenseBalance", shortfall.account_locator, "credit", shortfall.amount))
            core.ledger.post(micros, now, f"shortfall credit {shortfall.locator} reversed", shortfall.currency, entries)
            shortfall.shortfall_credit_state = "reversed"
            shortfall.reversal_reason = reason
            shortfall.reversed_at = now
            core.store.put(shortfall)
