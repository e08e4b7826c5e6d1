"""What POST, PUT and DELETE do to a credit note, its allocations, and the invoices that they name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from unibill_billagain.sandbox.checks import Item, Problems, Reader, Sent
from unibill_billagain.sandbox.store import Allocation, Credit, Invoice, Store


class Credits:
    """The rules of credit notes, as the switches say."""

    def __init__(self, settings: Mapping[str, str], store: Store) -> None:
        self._settings = settings
        self._store = store
        self._reader = Reader(settings, store)

    def create(self, body: bytes) -> tuple[int, str]:
        """Add a credit note.

        Returns:
            Its id, and the text of the answer.

        Raises:
            Refused: with every reason.
        """
        sent = self._reader.read(body, None)
        problems = self._reader.problems()
        if sent.auto_apply:
            wanted = self._auto_apply(sent)
        else:
            if not sent.items and self._settings["empty-allocations"] == "reject":
                problems.invalid("Allocations is required unless AutoApply is true")
            for item in sent.items or ():
                if item.allocation_id is not None:
                    problems.invalid(f"{item.place}.allocationID is not an allocation of this credit note")
            wanted = self._fit(sent, (), problems)
            problems.check()
        credit_id, *ids = self._store.take_ids(1 + len(wanted))
        allocations = tuple(Allocation(number, item.invoice.id, item.amount) for number, item in zip(ids, wanted, strict=True))
        credit = Credit(credit_id, sent.customer.id, sent.day, sent.currency, sent.amount, sent.number, sent.memo or "", allocations)
        return credit_id, self._store.write_credit(credit)

    def edit(self, before: Credit, body: bytes) -> None:
        """Replace a credit note's fields and its list of allocations.

        Raises:
            Refused: with every reason.
        """
        sent = self._reader.read(body, before)
        problems = self._reader.problems()
        memo = sent.memo
        if memo is None:
            memo = before.memo if self._settings["put-memo-omitted"] == "keep" else ""
        if sent.items is None:
            problems.invalid("Allocations is required")
        empty = sent.items is not None and not sent.items
        if empty and self._settings["put-empty-allocations"] == "reject":
            problems.invalid("Allocations must not be empty")
        keep = empty and self._settings["put-empty-allocations"] == "keep"
        if keep:
            sent = replace(sent, items=self._as_sent(before))
        mine = {item.id for item in before.allocations}
        named = [item.allocation_id for item in sent.items or () if item.allocation_id is not None]
        for item in sent.items or ():
            if item.allocation_id is not None and item.allocation_id not in mine:
                problems.invalid(f"{item.place}.allocationID is not an allocation of this credit note")
        if len(set(named)) < len(named):
            problems.invalid("Allocations names one allocationID twice")
        wanted = self._fit(sent, before.allocations, problems)
        problems.check()
        fresh = iter(self._store.take_ids(sum(item.allocation_id is None for item in wanted)))
        allocations = tuple(
            Allocation(item.allocation_id if item.allocation_id is not None else next(fresh), item.invoice.id, item.amount)
            for item in wanted
        )
        if keep:
            allocations += tuple(item for item in before.allocations if item.adjustment_id)
        after = replace(before, day=sent.day, amount=sent.amount, number=sent.number, memo=memo, allocations=allocations)
        self._store.write_credit(after, before)

    def _as_sent(self, credit: Credit) -> tuple[Item, ...]:
        invoices = ((item, self._store.invoice(item.invoice_id)) for item in credit.allocations)
        return tuple(Item("", item.id, invoice, item.amount) for item, invoice in invoices if invoice is not None)

    def _auto_apply(self, sent: Sent) -> list[Item]:
        left = sent.amount
        items: list[Item] = []
        for invoice in self._store.invoices(sent.customer.id, "invoice_date, id"):
            if invoice.is_draft or invoice.is_cancelled or invoice.currency != sent.currency or invoice.balance <= 0:
                continue
            amount = min(left, invoice.balance)
            items.append(Item("", None, invoice, amount))
            left -= amount
            if left <= 0 or self._settings["auto-apply-spill"] == "first-only":
                break
        return items

    def _fit(self, sent: Sent, old: Sequence[Allocation], problems: Problems) -> list[Item]:
        """The allocations that will stand. Those that stood before on the same invoice, and do not grow, are not judged again."""
        items = self._once_each(list(sent.items or ()), problems)
        stood = _sums((item.invoice_id, item.amount) for item in old)
        wanted = _sums((item.invoice.id, item.amount) for item in items)
        invoices = {item.invoice.id: item.invoice for item in items}
        for invoice in invoices.values():
            if invoice.id not in stood:
                self._judge(invoice, sent, problems)
        if sum(wanted.values(), Decimal(0)) > sent.amount and self._settings["over-allocation"] == "reject":
            problems.invalid("The allocations are more than Amount")
        elif items and sum(wanted.values(), Decimal(0)) < sent.amount and self._settings["under-allocation"] == "reject":
            problems.invalid("The allocations are less than Amount")
        elif self._settings["over-allocation"] == "cap":
            items = _cap_sum(items, sent.amount)
        room = {number: invoice.balance + stood.get(number, Decimal(0)) for number, invoice in invoices.items()}
        if self._settings["over-invoice"] == "reject":
            for number, amount in wanted.items():
                if amount > max(room[number], stood.get(number, Decimal(0))):
                    problems.invalid(f"The allocations to invoice {number} are more than its balance")
        elif self._settings["over-invoice"] == "cap":
            items = _cap_each(items, {number: max(amount, stood.get(number, Decimal(0))) for number, amount in room.items()})
        return items

    def _once_each(self, items: list[Item], problems: Problems) -> list[Item]:
        """The items, as a list is taken that names an invoice twice."""
        rule = self._settings["duplicate-invoice"]
        merged: dict[int, Item] = {}
        for item in items:
            first = merged.get(item.invoice.id)
            merged[item.invoice.id] = item if first is None else replace(first, amount=first.amount + item.amount)
        if rule == "reject" and len(merged) < len(items):
            problems.invalid("Allocations names one invoice twice")
        return list(merged.values()) if rule == "merge" else items

    def _judge(self, invoice: Invoice, sent: Sent, problems: Problems) -> None:
        if invoice.customer_id != sent.customer.id:
            problems.invalid(f"Invoice {invoice.id} belongs to another customer")
        if invoice.currency != sent.currency:
            problems.invalid(f"Invoice {invoice.id} is in {invoice.currency}")
        if self._settings["closed-invoice"] == "reject":
            if invoice.is_draft:
                problems.invalid(f"Invoice {invoice.id} is a draft")
            elif invoice.is_cancelled:
                problems.invalid(f"Invoice {invoice.id} is cancelled")
            elif invoice.balance <= 0:
                problems.invalid(f"Invoice {invoice.id} is paid")


def _sums(pairs: Iterable[tuple[int, Decimal]]) -> dict[int, Decimal]:
    sums: dict[int, Decimal] = {}
    for number, amount in pairs:
        sums[number] = sums.get(number, Decimal(0)) + amount
    return sums


def _cap_sum(items: Sequence[Item], left: Decimal) -> list[Item]:
    capped: list[Item] = []
    for item in items:
        amount = min(item.amount, left)
        left -= amount
        if amount > 0:
            capped.append(replace(item, amount=amount))
    return capped


def _cap_each(items: Sequence[Item], room: dict[int, Decimal]) -> list[Item]:
    left = dict(room)
    capped: list[Item] = []
    for item in items:
        amount = min(item.amount, left[item.invoice.id])
        left[item.invoice.id] -= amount
        if amount > 0:
            capped.append(replace(item, amount=amount))
    return capped
