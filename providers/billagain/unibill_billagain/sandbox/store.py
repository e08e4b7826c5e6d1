"""The sandbox's tables: customers, invoices, credit notes and their allocations.

Amounts are kept as text, in the shortest form, so that every digit survives. A credit's answer is rendered once, when it is
written, and kept beside it: a page of a list is then one query.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

_TABLES = """
CREATE TABLE IF NOT EXISTS billagain_counters (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS billagain_customers (
    id INTEGER PRIMARY KEY, reference TEXT NOT NULL, is_company INTEGER NOT NULL, name TEXT NOT NULL, last_name TEXT NOT NULL,
    email TEXT NOT NULL, currency TEXT NOT NULL, created_on TEXT NOT NULL, is_suspended INTEGER NOT NULL, is_active INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS billagain_invoices (
    id INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, customer_id INTEGER NOT NULL, reference TEXT NOT NULL,
    currency TEXT NOT NULL, invoice_date TEXT NOT NULL, due_date TEXT NOT NULL, is_draft INTEGER NOT NULL,
    is_cancelled INTEGER NOT NULL, total TEXT NOT NULL, paid TEXT NOT NULL, credited TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS billagain_invoices_customer ON billagain_invoices (customer_id, invoice_date, id);
CREATE TABLE IF NOT EXISTS billagain_credits (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, day TEXT NOT NULL, currency TEXT NOT NULL, amount TEXT NOT NULL,
    number TEXT NOT NULL, memo TEXT NOT NULL, listed_nested INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS billagain_credits_customer ON billagain_credits (customer_id, id);
CREATE INDEX IF NOT EXISTS billagain_credits_number ON billagain_credits (number);
CREATE TABLE IF NOT EXISTS billagain_allocations (
    id INTEGER PRIMARY KEY, credit_id INTEGER NOT NULL, invoice_id INTEGER NOT NULL, amount TEXT NOT NULL, position INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS billagain_allocations_credit ON billagain_allocations (credit_id, position);
CREATE TABLE IF NOT EXISTS billagain_adjusted (allocation_id INTEGER PRIMARY KEY, adjustment_id INTEGER NOT NULL);
"""
_NAMES = (
    "billagain_counters",
    "billagain_customers",
    "billagain_invoices",
    "billagain_credits",
    "billagain_allocations",
    "billagain_adjusted",
)
_FIRST_ID = 12_001
_FIRST_INVOICE_NUMBER = 1_001
_GAP_EVERY = 3
_GAP = 2
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the account. ``created_on`` is a day, ISO."""

    id: int
    reference: str
    is_company: bool
    name: str
    last_name: str
    email: str
    currency: str
    created_on: str
    is_suspended: bool = False
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice; ``paid`` is what came otherwise than by credits, ``credited`` what credits brought. Days are ISO."""

    id: int
    number: int
    customer_id: int
    reference: str
    currency: str
    invoice_date: str
    due_date: str
    is_draft: bool
    is_cancelled: bool
    total: Decimal
    paid: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)

    @property
    def balance(self) -> Decimal:
        """What is still owed."""
        return self.total - self.paid - self.credited


@dataclass(frozen=True, slots=True)
class Allocation:
    """A part of a credit on one invoice; or, where ``invoice_id`` is 0, on the opening balance that ``adjustment_id`` names."""

    id: int
    invoice_id: int
    amount: Decimal
    adjustment_id: int = 0


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit note; ``day`` is ISO; allocations in the order in which they were last sent.

    ``listed_nested`` is the creditNoteID that the customer's list prints inside its allocations, where a documented sample
    differs from what is usual there.
    """

    id: int
    customer_id: int
    day: str
    currency: str
    amount: Decimal
    number: str
    memo: str
    allocations: tuple[Allocation, ...] = field(default=())
    listed_nested: int | None = None

    @property
    def applied(self) -> Decimal:
        """The sum of the allocations."""
        return sum((item.amount for item in self.allocations), Decimal(0))


def shortest(amount: Decimal) -> str:
    """The shortest text with the same value: 150, 79.8."""
    return format(amount.quantize(1) if amount == amount.to_integral_value() else amount.normalize(), "f")


class Store:
    """Reads and writes the tables. ``render`` makes the text of a credit's answer; ``form`` names the way it does it."""

    def __init__(self, database: sqlite3.Connection, render: Callable[[Credit], str], form: str) -> None:
        self._db = database
        self._render = render
        self._form = form
        self._ids: list[int] | None = None
        database.executescript(_TABLES)
        if self._counter("form") != form:
            for credit in list(self.credits()):
                database.execute("UPDATE billagain_credits SET body = ? WHERE id = ?", (render(credit), credit.id))
            self._set_counter("form", form)

    def clear(self) -> None:
        """Empty every table; the ids start anew."""
        for name in _NAMES:
            self._db.execute(f"DELETE FROM {name}")  # noqa: S608 - the names are constants
        self._set_counter("form", self._form)
        self._ids = None

    def _counter(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM billagain_counters WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _set_counter(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO billagain_counters VALUES (?, ?)", (name, value))

    def take_ids(self, count: int) -> list[int]:
        """The next ids of the one sequence that invoices, credits and allocations share; it has gaps."""
        following = int(self._counter("next_id") or _FIRST_ID)
        ids: list[int] = []
        for _ in range(count):
            ids.append(following)
            following += 1 + (_GAP if following % _GAP_EVERY == 0 else 0)
        self._set_counter("next_id", str(following))
        return ids

    def pass_ids(self, highest: int) -> None:
        """Make sure that the sequence goes on above ``highest``."""
        if highest >= int(self._counter("next_id") or _FIRST_ID):
            self._set_counter("next_id", str(highest + 1))

    def next_invoice_number(self) -> int:
        """One more than the highest so far."""
        (highest,) = self._db.execute("SELECT max(number) FROM billagain_invoices").fetchone()
        return max(_FIRST_INVOICE_NUMBER, (highest or 0) + 1)

    def next_customer_id(self, first: int) -> int:
        """One more than the highest from ``first`` on."""
        (highest,) = self._db.execute("SELECT max(id) FROM billagain_customers").fetchone()
        return max(first, (highest or 0) + 1)

    def add_customer(self, customer: Customer) -> None:
        """Add a customer, or replace the one of that id."""
        row = (customer.id, customer.reference, customer.is_company, customer.name, customer.last_name, customer.email)
        rest = (customer.currency, customer.created_on, customer.is_suspended, customer.is_active)
        self._db.execute("INSERT OR REPLACE INTO billagain_customers VALUES (?,?,?,?,?,?,?,?,?,?)", (*row, *rest))

    def customer(self, number: int) -> Customer | None:
        """One customer."""
        row = self._db.execute("SELECT * FROM billagain_customers WHERE id = ?", (number,)).fetchone()
        return _customer(row) if row else None

    def customers(self, order: str = "id", limit: int = -1, offset: int = 0) -> Iterator[Customer]:
        """Customers, in an order that is SQL of the caller's own."""
        sql = f"SELECT * FROM billagain_customers ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - the order is a constant
        return map(_customer, self._db.execute(sql, (limit, offset)))

    def add_invoice(self, invoice: Invoice) -> None:
        """Add an invoice."""
        row = (invoice.id, invoice.number, invoice.customer_id, invoice.reference, invoice.currency, invoice.invoice_date)
        rest = (invoice.due_date, invoice.is_draft, invoice.is_cancelled)
        amounts = (shortest(invoice.total), shortest(invoice.paid), shortest(invoice.credited))
        self._db.execute("INSERT INTO billagain_invoices VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", (*row, *rest, *amounts))

    def invoice(self, number: int) -> Invoice | None:
        """One invoice by its id."""
        row = self._db.execute("SELECT * FROM billagain_invoices WHERE id = ?", (number,)).fetchone()
        return _invoice(row) if row else None

    def invoice_numbered(self, number: int) -> Invoice | None:
        """One invoice by its number in the account."""
        row = self._db.execute("SELECT * FROM billagain_invoices WHERE number = ?", (number,)).fetchone()
        return _invoice(row) if row else None

    def invoices(self, customer_id: int | None = None, order: str = "id", limit: int = -1, offset: int = 0) -> Iterator[Invoice]:
        """Invoices of a customer or of all, in an order that is SQL of the caller's own."""
        where, values = ("", ()) if customer_id is None else ("WHERE customer_id = ?", (customer_id,))
        sql = f"SELECT * FROM billagain_invoices {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - both are constants
        return map(_invoice, self._db.execute(sql, (*values, limit, offset)))

    def has_credit_number(self, number: str, besides: int) -> bool:
        """Whether another credit has this CreditNumber."""
        sql = "SELECT 1 FROM billagain_credits WHERE number = ? AND id <> ? LIMIT 1"
        return self._db.execute(sql, (number, besides)).fetchone() is not None

    def credit(self, number: int) -> Credit | None:
        """One credit with its allocations."""
        row = self._db.execute(f"SELECT {_CREDIT} FROM billagain_credits WHERE id = ?", (number,)).fetchone()  # noqa: S608 - a constant
        return self._with_allocations(_credit(row)) if row else None

    def credits(self) -> Iterator[Credit]:
        """Every credit with its allocations, by id."""
        for row in self._db.execute(f"SELECT {_CREDIT} FROM billagain_credits ORDER BY id"):  # noqa: S608 - a constant
            yield self._with_allocations(_credit(row))

    def _with_allocations(self, credit: Credit) -> Credit:
        sql = (
            "SELECT id, invoice_id, amount, ifnull(adjustment_id, 0) FROM billagain_allocations"
            " LEFT JOIN billagain_adjusted ON allocation_id = id WHERE credit_id = ? ORDER BY position"
        )
        rows = self._db.execute(sql, (credit.id,))
        items = tuple(Allocation(number, invoice, Decimal(amount), adjusted) for number, invoice, amount, adjusted in rows)
        return replace(credit, allocations=items)

    def write_credit(self, credit: Credit, before: Credit | None = None) -> str:
        """Add a credit, or put it in the place of ``before``; the invoices' balances follow.

        Returns:
            The text of its answer, with the place of the nested ids open.
        """
        body = self._render(credit)
        row = (credit.customer_id, credit.day, credit.currency, shortest(credit.amount), credit.number, credit.memo)
        if before is None:
            values = (credit.id, *row, credit.listed_nested, body)
            self._db.execute("INSERT INTO billagain_credits VALUES (?,?,?,?,?,?,?,?,?)", values)
            self._note_id(credit.id)
        else:
            sql = "UPDATE billagain_credits SET customer_id=?, day=?, currency=?, amount=?, number=?, memo=?, listed_nested=?, body=? WHERE id=?"
            self._db.execute(sql, (*row, credit.listed_nested, body, credit.id))
        self._replace_allocations(credit.id, before.allocations if before else (), credit.allocations)
        return body

    def delete_credit(self, credit: Credit) -> None:
        """Remove a credit; what it had brought to invoices is owed again."""
        self._replace_allocations(credit.id, credit.allocations, ())
        self._db.execute("DELETE FROM billagain_credits WHERE id = ?", (credit.id,))
        self._set_counter(f"deleted:{credit.id}", "1")
        if self._ids is not None:
            del self._ids[bisect_left(self._ids, credit.id)]

    def was_deleted(self, number: int) -> bool:
        """Whether there was a credit of this id."""
        return self._counter(f"deleted:{number}") is not None

    def _replace_allocations(self, credit_id: int, old: tuple[Allocation, ...], new: tuple[Allocation, ...]) -> None:
        change: dict[int, Decimal] = {}
        for sign, items in ((-1, old), (1, new)):
            for item in (item for item in items if item.invoice_id):
                change[item.invoice_id] = change.get(item.invoice_id, Decimal(0)) + sign * item.amount
        if old:
            self._db.execute("DELETE FROM billagain_allocations WHERE credit_id = ?", (credit_id,))
            self._db.executemany(
                "DELETE FROM billagain_adjusted WHERE allocation_id = ?", [(item.id,) for item in old if item.adjustment_id]
            )
        rows = [(item.id, credit_id, item.invoice_id, shortest(item.amount), place) for place, item in enumerate(new)]
        self._db.executemany("INSERT INTO billagain_allocations VALUES (?,?,?,?,?)", rows)
        adjusted = [(item.id, item.adjustment_id) for item in new if item.adjustment_id]
        self._db.executemany("INSERT INTO billagain_adjusted VALUES (?,?)", adjusted)
        for invoice_id, amount in change.items():
            if amount:
                (credited,) = self._db.execute("SELECT credited FROM billagain_invoices WHERE id = ?", (invoice_id,)).fetchone()
                values = (shortest(Decimal(credited) + amount), invoice_id)
                self._db.execute("UPDATE billagain_invoices SET credited = ? WHERE id = ?", values)

    def body(self, number: int) -> str | None:
        """The text of one credit's answer, with the place of the nested ids open."""
        row = self._db.execute("SELECT body FROM billagain_credits WHERE id = ?", (number,)).fetchone()
        return row[0] if row else None

    def bodies(self, customer_id: int | None, order: str, limit: int, offset: int) -> list[tuple[int, str, int | None]]:
        """A page of credits: id, text of the answer, and the sample's nested id if it has one."""
        columns = "id, body, listed_nested"
        if customer_id is None and order == "id":
            if self._ids is None:
                self._ids = [number for (number,) in self._db.execute("SELECT id FROM billagain_credits ORDER BY id")]
            page = self._ids[offset : offset + limit]
            sql = f"SELECT {columns} FROM billagain_credits WHERE id BETWEEN ? AND ? ORDER BY id"  # noqa: S608 - a constant
            return self._db.execute(sql, (page[0], page[-1])).fetchall() if page else []
        where, values = ("", ()) if customer_id is None else ("WHERE customer_id = ?", (customer_id,))
        sql = f"SELECT {columns} FROM billagain_credits {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - constants
        return self._db.execute(sql, (*values, limit, offset)).fetchall()

    def count(self, table: str, customer_id: int | None = None) -> int:
        """How many rows ``customers``, ``invoices`` or ``credits`` has, of one customer or in all."""
        where, values = ("", ()) if customer_id is None else ("WHERE customer_id = ?", (customer_id,))
        sql = f"SELECT count(*) FROM billagain_{table} {where}"  # noqa: S608 - both are constants
        (number,) = self._db.execute(sql, values).fetchone()
        return int(number)

    def _note_id(self, number: int) -> None:
        if self._ids is None:
            return
        if self._ids and number < self._ids[-1]:
            self._ids = None
        else:
            self._ids.append(number)

    def forget_pages(self) -> None:
        """Drop what is remembered of the lists, before many changes that might be rolled back."""
        self._ids = None


_CREDIT = "id, customer_id, day, currency, amount, number, memo, listed_nested"


def _credit(row: tuple[int, int, str, str, str, str, str, int | None]) -> Credit:
    number, customer_id, day, currency, amount, text, memo, nested = row
    return Credit(number, customer_id, day, currency, Decimal(amount), text, memo, (), nested)


def _customer(row: tuple[int, str, int, str, str, str, str, str, int, int]) -> Customer:
    number, reference, is_company, name, last_name, email, currency, created_on, is_suspended, is_active = row
    flags = (bool(is_suspended), bool(is_active))
    return Customer(number, reference, bool(is_company), name, last_name, email, currency, created_on, *flags)


def _invoice(row: tuple[int, int, int, str, str, str, str, int, int, str, str, str]) -> Invoice:
    number, invoice_number, customer_id, reference, currency, invoice_date, due_date, is_draft, is_cancelled, *amounts = row
    total, paid, credited = map(Decimal, amounts)
    return Invoice(
        id=number,
        number=invoice_number,
        customer_id=customer_id,
        reference=reference,
        currency=currency,
        invoice_date=invoice_date,
        due_date=due_date,
        is_draft=bool(is_draft),
        is_cancelled=bool(is_cancelled),
        total=total,
        paid=paid,
        credited=credited,
    )
