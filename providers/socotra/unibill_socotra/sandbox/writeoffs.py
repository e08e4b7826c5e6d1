"""Write-offs: the business bears what an invoice still asks for."""

from collections.abc import Sequence

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.allocation import total_of
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.errors import conflict, invalid, unknown
from unibill_socotra.sandbox.invoices import Credit, Invoices
from unibill_socotra.sandbox.ledger import Entry
from unibill_socotra.sandbox.tenant import USER


class WriteOffs:
    """Every operation on write-offs."""

    def __init__(self, core: Core, invoices: Invoices) -> None:
        self._core = core
        self._invoices = invoices

    def create(self, account_locator: str, targets: Sequence[r.Item], time: tuple[int, str] | None = None) -> r.WriteOff:
        """Write off invoices or invoice items of one account and currency, in list order; it is distributed at once.

        Args:
            account_locator: the owner of every target.
            targets: an omitted amount means all that is unsettled.
            time: when; now if it is left out.

        Raises:
            Declined: no targets, another account's or currency's, an unknown one, more than what remains, or nothing to write off.
        """
        core = self._core
        with core.store.atomic():
            core.account(account_locator)
            if not targets:
                raise invalid("targets is empty")
            micros, now = moment = time or core.now()
            locator = core.ids.new(micros)
            currency = self._invoice(targets[0]).currency
            entries: list[Entry] = []
            done: list[r.Item] = []
            for item in targets:
                invoice = self._invoice(item)
                if invoice.account_locator != account_locator or invoice.currency != currency:
                    raise invalid(f"invoice {invoice.locator} is of another account or currency")
                self._invoices.need_open(invoice)
                remaining = self._invoices.remaining(invoice, item)
                if remaining <= 0:
                    raise conflict(f"{item.container_type} {item.container_locator} has nothing to write off", invoice)
                amount = remaining if item.amount is None else core.money(item.amount, currency)
                if not 0 < amount <= remaining:
                    raise invalid(f"{item.container_type} {item.container_locator} has {remaining} to write off, not {amount}")
                account = r.Item(account_locator, "account")
                entries.extend(self._invoices.apply(invoice, item, amount, Credit("writeOff", locator), account, moment))
                entries.append(Entry("accountExpenseBalance", account_locator, "debit", amount))
                done.append(r.Item(item.container_locator, item.container_type, amount))
            write_off = r.WriteOff(
                locator=locator,
                write_off_state="distributed",
                currency=currency,
                amount=total_of(done),
                created_at=now,
                created_by=USER,
                account_locator=account_locator,
                targets=done,
                distributed_at=now,
            )
            core.store.put(write_off)
            core.ledger.post(micros, now, f"write-off {locator} distributed", currency, entries)
            return write_off

    def whole_invoice(self, locator: str, time: tuple[int, str] | None = None) -> r.WriteOff:
        """Write off all that remains of an invoice.

        Raises:
            Declined: no such invoice, or nothing remains of it.
        """
        invoice = self._core.store.get(r.Invoice, locator)
        return self.create(invoice.account_locator, [r.Item(locator, "invoice")], time)

    def reverse(self, locator: str, time: tuple[int, str] | None = None) -> r.WriteOff:
        """Undo a write-off, whole; its invoices reopen.

        Raises:
            Declined: it is not distributed.
        """
        core = self._core
        with core.store.atomic():
            write_off = core.store.get(r.WriteOff, locator)
            if write_off.write_off_state != "distributed":
                raise conflict(f"write-off {locator} is {write_off.write_off_state}, not distributed", write_off)
            micros, now = moment = time or core.now()
            entries = self._invoices.take_back(locator, ("writeOff",), moment)
            entries.append(Entry("accountExpenseBalance", write_off.account_locator, "credit", write_off.amount))
            core.ledger.post(micros, now, f"write-off {locator} reversed", write_off.currency, entries)
            write_off.write_off_state = "reversed"
            write_off.reversed_at = now
            core.store.put(write_off)
            return write_off

    def _invoice(self, item: r.Item) -> r.Invoice:
        if item.container_type not in ("invoice", "invoiceItem"):
            raise invalid(f"a write-off targets invoices and invoice items; {item.container_type} is neither")
        invoice = self._invoices.find(item)
        if invoice is None:
            raise unknown(item.container_type, item.container_locator)
        return invoice
