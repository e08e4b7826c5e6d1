"""BillAgain's customers, credit notes and invoices as the sandbox's page shows them, by queries on the tables."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from unibill import marks
from unibill.money import EXACT
from unibill.sandbox.view import Column, Entry, Link, RecordType, Source, Standing, Sum, SystemView, Wanted
from unibill_billagain.sandbox.books import credit_row, customer_row, invoice_row
from unibill_billagain.sandbox.render import Renderer
from unibill_billagain.sandbox.store import Store

if TYPE_CHECKING:
    from unibill_billagain.sandbox.system import BillAgainSandbox

TYPES: Final = (
    RecordType(
        "customer",
        "Customers",
        "account",
        (
            Column("customerID", "ID", "id"),
            Column("name", "Name"),
            Column("Reference", "Reference"),
            Column("to_spend", "Left to spend", "money"),
            Column("owed", "Owed", "money"),
        ),
    ),
    RecordType(
        "credit",
        "Credit notes",
        "credit",
        (
            Column("creditNoteID", "ID", "id"),
            Column("Date", "Date", "day"),
            Column("customerID", "Customer", "account"),
            Column("Status", "Status", "state"),
            Column("Amount", "Amount", "money"),
            Column("Remaining", "Left", "money"),
            Column("text", "Number and memo"),
        ),
        "CurrencyCode",
    ),
    RecordType(
        "invoice",
        "Invoices",
        "invoice",
        (
            Column("invoiceID", "ID", "id"),
            Column("Reference", "Reference"),
            Column("InvoiceDate", "Date", "day"),
            Column("customerID", "Customer", "account"),
            Column("state", "Status", "state"),
            Column("Total", "Total", "money"),
            Column("Balance", "Owed", "money"),
        ),
        "CurrencyCode",
    ),
)
_KIND: Final = "credit_note"
"""unibill's word for a credit note, of which marks are made."""

_LIKE: Final = "LIKE ? ESCAPE '\\'"
_TEXTS: Final = {
    "customer": (f"id = ? OR reference {_LIKE} OR name {_LIKE} OR last_name {_LIKE} OR email {_LIKE} OR currency {_LIKE}", 5),
    "credit": (
        f"id = ? OR number {_LIKE} OR memo {_LIKE} OR day {_LIKE} OR currency {_LIKE} OR body LIKE '%\"Status\":\"' || ? || '%' ESCAPE '\\'",
        4,
    ),
    "invoice": (f"id = ? OR reference {_LIKE} OR invoice_date {_LIKE} OR currency {_LIKE} OR CAST(number AS TEXT) {_LIKE}", 4),
}
_OPEN: Final = "NOT is_draft AND NOT is_cancelled"


class BillAgainView(SystemView):
    """The page's tables of one account.

    Args:
        system: the sandbox.
        store: its records.
        renderer: says what a credit's status is.
        account: the account's number.
    """

    def __init__(self, system: "BillAgainSandbox", store: Store, renderer: Renderer, account: str) -> None:
        super().__init__(system)
        self._db = system.database
        self._store = store
        self._renderer = renderer
        self._account = account

    def types(self) -> Sequence[RecordType]:
        """Customers, credit notes and invoices."""
        return TYPES

    def count(self, wanted: Wanted) -> int:
        """How many there are."""
        where, values = _where(wanted)
        (number,) = self._db.execute(f"SELECT count(*) FROM billagain_{wanted.type}s {where}", values).fetchone()  # noqa: S608 - constants
        return int(number)

    def page(self, wanted: Wanted, offset: int, count: int) -> list[Entry]:
        """Newest first, by id."""
        where, values = _where(wanted)
        sql = f"SELECT id FROM billagain_{wanted.type}s {where} ORDER BY id DESC LIMIT ? OFFSET ?"  # noqa: S608 - constants
        found = [number for (number,) in self._db.execute(sql, (*values, count, offset))]
        return [entry for number in found if (entry := self.find(wanted.type, str(number)))]

    def sums(self, wanted: Wanted) -> list[Sum]:
        """Amount and what is left of credit notes; total and what is owed of invoices."""
        where, values = _where(wanted)
        if wanted.type == "credit":
            amounts, counts = self._added("billagain_credits", "amount", where, values)
            left = self._left(where, values)
            return [Sum("", code, counts[code], {"Amount": total, "Left": left[code]}) for code, total in sorted(amounts.items())]
        if wanted.type == "invoice":
            totals, counts = self._added("billagain_invoices", "total", where, values)
            owed = self._owed(where, values)
            return [
                Sum("", code, counts[code], {"Total": total, "Owed": owed.get(code, Decimal(0))}) for code, total in sorted(totals.items())
            ]
        return []

    def standing(self) -> list[Standing]:
        """What is left of credit notes, and what is owed on invoices that are neither drafts nor cancelled."""
        left, owed = self._left("", ()), self._owed("", ())
        return [Standing(code, left.get(code, Decimal(0)), owed.get(code, Decimal(0))) for code in sorted({*left, *owed})]

    def find(self, type_name: str, entry_id: str) -> Entry | None:
        """One record by its id."""
        if not (entry_id.isascii() and entry_id.isdigit() and len(entry_id) < 19):
            return None
        number = int(entry_id)
        if type_name == "customer" and (customer := self._store.customer(number)):
            mine = ("WHERE customer_id = ?", (number,))
            extra = {"name": f"{customer.name} {customer.last_name}".strip(), "to_spend": self._left(*mine), "owed": self._owed(*mine)}
            return Entry(entry_id, customer_row(customer), entry_id, extra)
        if type_name == "invoice" and (invoice := self._store.invoice(number)):
            paid = "paid" if not invoice.balance else "open"
            state = "draft" if invoice.is_draft else "cancelled" if invoice.is_cancelled else paid
            return Entry(entry_id, invoice_row(invoice), str(invoice.customer_id), {"state": state})
        if type_name == "credit" and (credit := self._store.credit(number)):
            text = " · ".join(filter(None, (credit.number, credit.memo)))
            return Entry(entry_id, credit_row(credit, self._renderer), str(credit.customer_id), {"text": text})
        return None

    def links(self, type_name: str, entry: Entry) -> list[Link]:
        """The customer; the invoices that a credit note is applied to; the credit notes that are applied to an invoice."""
        if type_name == "customer":
            return []
        currency = str(entry.record["CurrencyCode"])
        found = [Link("Customer", "customer", str(entry.account))]
        sql = "SELECT credit_id, invoice_id, amount FROM billagain_allocations WHERE {} = ? ORDER BY credit_id, position"
        column = "credit_id" if type_name == "credit" else "invoice_id"
        for credit, invoice, amount in self._db.execute(sql.format(column), (int(entry.id),)):
            if not invoice:
                continue  # an opening balance, of which there is no table
            label, to, number = ("Applied to", "invoice", invoice) if type_name == "credit" else ("Credited by", "credit", credit)
            found.append(Link(label, to, str(number), Decimal(amount), currency))
        return found

    def marked(self) -> int:
        """Credit notes with a mark in their number or memo."""
        (number,) = self._db.execute(f"SELECT count(*) FROM billagain_credits WHERE {_MARKED}").fetchone()  # noqa: S608 - a constant
        return int(number)

    def carriers(self, wanted: Collection[str]) -> list[tuple[str, str]]:
        """The credit notes that carry one of the marks."""
        rows = self._db.execute(f"SELECT id, number, memo FROM billagain_credits WHERE {_MARKED}")  # noqa: S608 - a constant
        return [("credit", str(number)) for number, *texts in rows if {marks.find(text) for text in texts} & set(wanted)]

    def identities(self, url: str) -> Sequence[str]:
        """The account at the address, and at the other names that this machine has for itself."""
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        hosts = dict.fromkeys([parts.hostname or "", "127.0.0.1", "localhost"])
        return [f"billagain:{host}{port}:{self._account}" for host in hosts]

    def sources(self) -> Iterator[Source]:
        """Every credit note."""
        for (number,) in self._db.execute("SELECT id FROM billagain_credits"):
            yield Source("credit", str(number), _KIND, str(number))

    def source(self, type_name: str, entry: Entry) -> Source | None:
        """The credit note."""
        return Source("credit", entry.id, _KIND, entry.id) if type_name == "credit" else None

    def _left(self, where: str, values: Sequence[object]) -> dict[str, Decimal]:
        left, _ = self._added("billagain_credits", "amount", where, values)
        narrowed = f"WHERE credit_id IN (SELECT id FROM billagain_credits {where})" if where else ""  # noqa: S608 - constants
        used = f"(SELECT c.currency, a.amount FROM billagain_allocations a JOIN billagain_credits c ON c.id = a.credit_id {narrowed})"  # noqa: S608 - constants
        for code, applied in self._added(used, "amount", "", values)[0].items():
            left[code] = EXACT.subtract(left[code], applied)
        return left

    def _owed(self, where: str, values: Sequence[object]) -> dict[str, Decimal]:
        condition = f"{where} AND {_OPEN}" if where else f"WHERE {_OPEN}"
        owed = self._added("billagain_invoices", "total", condition, values)[0]
        for column in ("paid", "credited"):
            for code, amount in self._added("billagain_invoices", column, condition, values)[0].items():
                owed[code] = EXACT.subtract(owed[code], amount)
        return owed

    def _added(self, table: str, column: str, where: str, values: Sequence[object]) -> tuple[dict[str, Decimal], Mapping[str, int]]:
        """Exact sums and counts by currency. The database would add through binary floats, so it only lists."""
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        counts: defaultdict[str, int] = defaultdict(int)
        sql = f"SELECT currency, {column} FROM {table} {where}"  # noqa: S608 - constants
        for code, amount in self._db.execute(sql, tuple(values)):
            sums[code] = EXACT.add(sums[code], Decimal(amount))
            counts[code] += 1
        return sums, counts


_MARKED: Final = f"substr(number, 1, {len(marks.PREFIX)}) = '{marks.PREFIX}' OR substr(memo, 1, {len(marks.PREFIX)}) = '{marks.PREFIX}'"


def _where(wanted: Wanted) -> tuple[str, tuple[object, ...]]:
    conditions: list[str] = []
    values: list[object] = []
    if wanted.account:
        conditions.append("id = ?" if wanted.type == "customer" else "customer_id = ?")
        values.append(wanted.account)
    if wanted.text:
        condition, count = _TEXTS[wanted.type]
        escaped = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(f"({condition})")
        values += [wanted.text, *[f"%{escaped}%"] * count]
        if wanted.type == "credit":
            values.append(escaped)
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), tuple(values)
