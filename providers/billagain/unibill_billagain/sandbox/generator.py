"""Made-up customers, invoices and credits: the same for the same random seed on every machine."""

import random
from datetime import date, timedelta
from decimal import Decimal

from unibill_billagain.sandbox.store import Allocation, Credit, Customer, Invoice, Store

FIRST_CUSTOMER = 5_001
"""Generated customers have the ids from here on, without gaps."""

_FEWEST_CUSTOMERS = 5
_CREDITS_PER_CUSTOMER = 20
_OPEN_INVOICES = 3
_CURRENCIES = ("ZAR", "ZAR", "ZAR", "ZAR", "ZAR", "ZAR", "USD", "USD", "EUR", "GBP")
_MEMOS = (
    "",
    "Goodwill",
    "Goeie wil – dankie",
    "Credit for outage, case 1187",
    "返金 (一部)",
    "Přeplatek za únor",
    "Cancellation Prorata Credit",
    "Remise « fidélité » 😀",
    "Returned goods; see call of 4 May",
)
_NAMES = ("Amahle", "Björn", "Chidi", "Dineo", "Élodie", "Farah", "Gugu", "Hana", "Ivan", "Jabu")
_FAMILIES = ("Adams", "Botha", "Çelik", "Dlamini", "Erasmus", "Fourie", "Gómez", "Hendricks", "Iyer", "Jansen")
_FIRST_DAY = date(2016, 1, 4)
_DAYS = 3_400
_CARD_EVERY = 40
_DRAFT_EVERY = 12


class Generator:
    """Fills a store.

    Customers get ids from ``FIRST_CUSTOMER`` on and References ``CUST-<id>``. Each has invoices that credits were
    applied to, and ``3`` or more that are fully open. About half of the credits are fully allocated; the others are
    partly allocated or not at all. One CreditNumber in forty looks like a card number, as the documented sample does.
    """

    def __init__(self, store: Store, random_seed: int) -> None:
        self._store = store
        self._random = random.Random(random_seed)  # noqa: S311 - repeatable, not secret
        self._invoice_number = store.next_invoice_number()

    def run(self, count: int) -> None:
        """Add ``count`` credits, and customers for them: one for each twenty, at least five."""
        customers = [self._customer(place) for place in range(max(_FEWEST_CUSTOMERS, count // _CREDITS_PER_CUSTOMER))]
        open_invoices: dict[int, Invoice] = {}
        for place in range(count):
            self._credit(place, customers[place % len(customers)], open_invoices)
        for customer in customers:
            for _ in range(_OPEN_INVOICES):
                self._invoice(customer, is_draft=False)

    def _customer(self, place: int) -> Customer:
        number = self._store.next_customer_id(FIRST_CUSTOMER)
        company = place % 3 == 0
        name, family = self._random.choice(_NAMES), self._random.choice(_FAMILIES)
        customer = Customer(
            id=number,
            reference=f"CUST-{number}",
            is_company=company,
            name=f"{family} & {name} Trading" if company else name,
            last_name="" if company else family,
            email=f"customer{number}@example.com",
            currency=_CURRENCIES[place % len(_CURRENCIES)],
            created_on=_FIRST_DAY.isoformat(),
        )
        self._store.add_customer(customer)
        return customer

    def _invoice(self, customer: Customer, *, is_draft: bool, is_cancelled: bool = False) -> Invoice:
        day = _FIRST_DAY + timedelta(days=self._random.randrange(_DAYS))
        invoice = Invoice(
            id=self._store.take_ids(1)[0],
            number=self._invoice_number,
            customer_id=customer.id,
            reference=f"INV-{self._invoice_number}",
            currency=customer.currency,
            invoice_date=day.isoformat(),
            due_date=(day + timedelta(days=30)).isoformat(),
            is_draft=is_draft,
            is_cancelled=is_cancelled,
            total=self._amount(200, 5_000),
        )
        self._invoice_number += 1
        self._store.add_invoice(invoice)
        return invoice

    def _amount(self, lowest: int, highest: int) -> Decimal:
        cents = self._random.randrange(lowest * 100, highest * 100)
        return Decimal(cents if self._random.random() < 0.7 else cents // 100 * 100) / 100

    def _credit(self, place: int, customer: Customer, open_invoices: dict[int, Invoice]) -> None:
        amount = self._amount(10, 900)
        draw = self._random.random()
        applied = amount if draw < 0.5 else (amount / 3).quantize(Decimal("0.01")) if draw < 0.75 else Decimal(0)
        if place % _DRAFT_EVERY == 0:
            self._invoice(customer, is_draft=place % (2 * _DRAFT_EVERY) == 0, is_cancelled=place % (2 * _DRAFT_EVERY) != 0)
        parts = self._spread(customer, applied, open_invoices)
        credit_id, *ids = self._store.take_ids(1 + len(parts))
        allocations = tuple(Allocation(number, invoice, part) for number, (invoice, part) in zip(ids, parts, strict=True))
        day = (_FIRST_DAY + timedelta(days=self._random.randrange(_DAYS))).isoformat()
        number = f"4{self._random.randrange(10**15):015d}" if place % _CARD_EVERY == _CARD_EVERY - 1 else f"CN-{credit_id:07d}"
        memo = self._random.choice(_MEMOS)
        self._store.write_credit(Credit(credit_id, customer.id, day, customer.currency, amount, number, memo, allocations))

    def _spread(self, customer: Customer, applied: Decimal, open_invoices: dict[int, Invoice]) -> list[tuple[int, Decimal]]:
        parts: list[tuple[int, Decimal]] = []
        while applied > 0:
            invoice = open_invoices.get(customer.id)
            current = self._store.invoice(invoice.id) if invoice else None
            if current is None or current.balance - sum(part for number, part in parts if number == current.id) <= 0:
                current = open_invoices[customer.id] = self._invoice(customer, is_draft=False)
            part = min(applied, current.balance)
            parts.append((current.id, part))
            applied -= part
            if applied > 0:
                del open_invoices[customer.id]
        return parts
