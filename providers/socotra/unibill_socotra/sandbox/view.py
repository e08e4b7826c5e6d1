"""Socotra's accounts, credits, charges and invoices as the sandbox's page shows them, by queries on the tables."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from unibill import exactjson, marks
from unibill.money import EXACT
from unibill.sandbox.view import Column, Entry, Link, RecordType, Source, Standing, Sum, SystemView, Wanted, holds
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.books import Books, line_row
from unibill_socotra.sandbox.ledger import LedgerLine
from unibill_socotra.sandbox.render import CREDIT_KINDS, credit_state, credit_type
from unibill_socotra.sandbox.store import table

if TYPE_CHECKING:
    from unibill_socotra.sandbox.system import SocotraSandbox

_ACCOUNT: Final = Column("accountLocator", "Account", "account")
_AMOUNT: Final = Column("amount", "Amount", "money")
TYPES: Final = (
    RecordType(
        "account",
        "Accounts",
        "account",
        (
            Column("locator", "Locator", "id"),
            Column("accountNumber", "Number"),
            Column("balances", "Left to spend", "money"),
            Column("owed", "Owed", "money"),
        ),
    ),
    RecordType(
        "credit",
        "Credits",
        "credit",
        (
            Column("locator", "Locator", "id"),
            Column("createdAt", "Created", "time"),
            _ACCOUNT,
            Column("type", "Type", "state"),
            Column("state", "State", "state"),
            _AMOUNT,
        ),
        "currency",
    ),
    RecordType(
        "charge",
        "Charges",
        "charge",
        (
            Column("locator", "Locator", "id"),
            Column("createdAt", "Created", "time"),
            _ACCOUNT,
            Column("chargeCategory", "Category", "state"),
            _AMOUNT,
            Column("text", "Type and tag"),
        ),
        "currency",
    ),
    RecordType(
        "invoice",
        "Invoices",
        "invoice",
        (
            Column("locator", "Locator", "id"),
            Column("invoiceNumber", "Number"),
            Column("generatedTime", "Generated", "time"),
            _ACCOUNT,
            Column("invoiceState", "State", "state"),
            Column("totalAmount", "Total", "money"),
            Column("totalRemainingAmount", "Owed", "money"),
        ),
        "currency",
    ),
    RecordType(
        "application",
        "Applications",
        "other",
        (
            Column("locator", "Locator", "id"),
            Column("appliedAt", "Applied", "time"),
            Column("creditType", "Of a", "state"),
            Column("invoiceLocator", "To invoice", "account"),
            Column("state", "State", "state"),
            _AMOUNT,
        ),
        "currency",
    ),
    RecordType(
        "ledgerLine",
        "Ledger",
        "other",
        (
            Column("number", "Line", "id"),
            Column("faTransactionTime", "Time", "time"),
            Column("faTransactionNote", "What happened"),
            Column("referenceType", "Of"),
            Column("accountingType", "Side", "state"),
            _AMOUNT,
        ),
        "currency",
    ),
)
_KINDS: Final[Mapping[str, type[r.Record]]] = {kind.kind: kind for kind in r.KINDS if kind not in CREDIT_KINDS}
_CREDITS: Final[Mapping[str, type[r.Record]]] = {
    "creditDistribution": r.Distribution,
    "disbursement": r.Disbursement,
    "payment": r.Payment,
    "subpayment": r.Payment,
    "shortfallWriteOff": r.Shortfall,
    "writeOff": r.WriteOff,
}
COPIED_AS: Final[Mapping[str, str]] = {
    "creditDistribution": "distribution",
    "disbursement": "disbursement",
    "payment": "payment",
    "subpayment": "subpayment",
    "shortfallWriteOff": "shortfall_write_off",
    "writeOff": "write_off",
    "charge": "charge",
}
"""unibill's words for the kinds of credits, of which marks are made."""

_HOLDS: Final = "socotra_page_holds"
_LEDGER_TEXTS: Final = ("transaction_locator", "note", "reference_type", "reference_locator", "currency", "side", "amount")


class _Money(msgspec.Struct, rename="camel"):
    """What sums need of a record, whatever its kind."""

    currency: str
    amount: Decimal = Decimal(0)
    total_amount: Decimal = Decimal(0)
    total_remaining_amount: Decimal = Decimal(0)
    charge_category: str = ""
    invoice_state: str = ""
    reversed_at: str | None = None


class _Tagged(msgspec.Struct):
    tag: str | None = None


_MONEY: Final = msgspec.json.Decoder(_Money)
_TAGGED: Final = msgspec.json.Decoder(_Tagged)


class SocotraView(SystemView):
    """The page's tables of one tenant.

    Args:
        system: the sandbox.
        books: writes records as rows.
    """

    def __init__(self, system: "SocotraSandbox", books: Books) -> None:
        super().__init__(system)
        self._db = system.database
        self._core = system.engine.core
        self._books = books
        self._db.create_function(_HOLDS, 2, _document_holds, deterministic=True)

    def types(self) -> Sequence[RecordType]:
        """Accounts, credits of every type in one table, charges, invoices, and what stands behind them."""
        return TYPES

    def count(self, wanted: Wanted) -> int:
        """How many there are."""
        source, _, where, values = _query(wanted)
        (number,) = self._db.execute(f"SELECT count(*) FROM {source} {where}", values).fetchone()  # noqa: S608 - constants
        return int(number)

    def page(self, wanted: Wanted, offset: int, count: int) -> list[Entry]:
        """Newest first, by locator."""
        source, key, where, values = _query(wanted)
        order = ", ".join(f"{column} DESC" for column in reversed(key.split(", ")))
        sql = f"SELECT {key} FROM {source} {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - constants
        found = [":".join(map(str, row)) for row in self._db.execute(sql, (*values, count, offset))]
        return [entry for entry_id in found if (entry := self.find(wanted.type, entry_id))]

    def sums(self, wanted: Wanted) -> list[Sum]:
        """Amounts by category of charges, by type of credits, by state of invoices."""
        totals: defaultdict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
        counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        for label, doc in self._documents(wanted):
            money = _MONEY.decode(doc)
            if wanted.type == "invoice":
                name, amounts = money.invoice_state, {"Total": money.total_amount, "Owed": money.total_remaining_amount}
            else:
                name, amounts = label or money.charge_category, {"Amount": money.amount}
            into = totals[name, money.currency]
            counts[name, money.currency] += 1
            for title, amount in amounts.items():
                into[title] = EXACT.add(into.get(title, Decimal(0)), amount)
        return [Sum(*key, counts[key], amounts) for key, amounts in sorted(totals.items())]

    def standing(self) -> list[Standing]:
        """Credit balances of accounts, and what is left of open invoices."""
        spend: defaultdict[str, Decimal] = defaultdict(Decimal)
        for currency, balance, number in self._db.execute(
            "SELECT currency, balance, count(*) FROM socotra_balance GROUP BY currency, balance"
        ):
            spend[currency] = EXACT.fma(Decimal(balance), number, spend[currency])
        owed = self._owed("", ())
        return [Standing(code, spend.get(code, Decimal(0)), owed.get(code, Decimal(0))) for code in sorted({*spend, *owed})]

    def find(self, type_name: str, entry_id: str) -> Entry | None:
        """One record; a credit's id is its creditType and locator."""
        if type_name == "ledgerLine":
            row = self._db.execute("SELECT * FROM socotra_ledger WHERE number = ?", (entry_id,)).fetchone()
            return Entry(entry_id, line_row(LedgerLine._make((*row[:8], Decimal(row[8]))))) if row else None
        if type_name == "credit":
            name, _, locator = entry_id.partition(":")
            kind = _CREDITS.get(name)
        else:
            kind, name, locator = _KINDS.get(type_name), type_name, entry_id
        record = self._core.store.find(kind, locator) if kind else None
        if record is None or (type_name == "credit" and credit_type(record) != name):
            return None
        return Entry(entry_id, self._books.row(record), self._account_of(record), self._extra(record))

    def links(self, type_name: str, entry: Entry) -> list[Link]:
        """The account, and what the record's locators and the applications of money name."""
        record = entry.record
        found = [Link("Account", "account", entry.account)] if entry.account and type_name != "account" else []
        found += [
            Link(label, to, str(record[name]))
            for name, label, to in (
                ("invoiceLocator", "On invoice", "invoice"),
                ("reversalOfLocator", "Reverses", "charge"),
            )
            if record.get(name)
        ]
        if record.get("aggregatePaymentLocator"):
            found.append(Link("Part of", "credit", f"payment:{record['aggregatePaymentLocator']}"))
        for name, label in (("sources", "Taken from"), ("targets", "Put on")):
            found += self._places(label, record.get(name), str(record.get("currency", "")))
        if type_name == "charge":
            found += [
                Link("Reversed by", "charge", other.locator)
                for other in self._core.store.query(r.Charge, "reversal_of_locator = ?", (entry.id,))
            ]
        if type_name == "invoice":
            found += self._invoice_links(entry)
        if type_name == "application":
            found.append(Link("By credit", "credit", f"{record['creditType']}:{record['creditLocator']}"))
        return found

    def marked(self) -> int:
        """Charges whose tag begins with a mark."""
        return len(self._tagged())

    def carriers(self, wanted: Collection[str]) -> list[tuple[str, str]]:
        """The charges that carry one of the marks in their tag."""
        return [("charge", locator) for locator, tag in self._tagged() if marks.find(tag) in wanted]

    def identities(self, url: str) -> Sequence[str]:
        """The tenant, whatever the address."""
        del url
        return [f"socotra:{self._core.tenant.locator.lower()}"]

    def sources(self) -> Iterator[Source]:
        """Every credit and every charge."""
        for name, locator in self._db.execute("SELECT credit_type, locator FROM socotra_credit"):
            yield _source("credit", name, locator)
        for (locator,) in self._db.execute("SELECT locator FROM socotra_charge"):
            yield _source("charge", "charge", locator)

    def source(self, type_name: str, entry: Entry) -> Source | None:
        """The credit or charge."""
        if type_name not in ("credit", "charge"):
            return None
        return _source(type_name, str(entry.record["type"]), str(entry.record["locator"]))

    def _documents(self, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
        _, _, where, values = _query(wanted)
        if wanted.type == "credit":
            for name, kind in _CREDITS.items():
                sql = (
                    f"SELECT d.doc FROM (SELECT locator FROM socotra_credit {where} {'AND' if where else 'WHERE'} credit_type = ?) c"  # noqa: S608 - constants
                    f" JOIN {table(kind)} d ON d.locator = c.locator"
                )
                for (doc,) in self._db.execute(sql, (*values, name)):
                    yield name, doc
        elif wanted.type in ("charge", "invoice"):
            for (doc,) in self._db.execute(f"SELECT doc FROM socotra_{wanted.type} {where}", values):  # noqa: S608 - constants
                yield "", doc

    def _owed(self, condition: str, values: Sequence[object]) -> Mapping[str, Decimal]:
        owed: defaultdict[str, Decimal] = defaultdict(Decimal)
        sql = f"SELECT doc FROM socotra_invoice WHERE open_key IS NOT NULL {condition}"  # noqa: S608 - constants
        for (doc,) in self._db.execute(sql, tuple(values)):
            money = _MONEY.decode(doc)
            owed[money.currency] = EXACT.add(owed[money.currency], money.total_remaining_amount)
        return owed

    def _extra(self, record: r.Record) -> Mapping[str, object]:
        if isinstance(record, r.Account):
            return {"owed": self._owed("AND account_locator = ?", (record.locator,))}
        if isinstance(record, r.Application):
            return {"state": "reversed" if record.reversed_at else "applied"}
        if isinstance(record, r.Charge):
            return {"text": " · ".join(filter(None, (record.charge_type, record.tag)))}
        return {"state": credit_state(record)} if isinstance(record, CREDIT_KINDS) else {}

    def _account_of(self, record: r.Record) -> str | None:
        if isinstance(record, r.Account):
            return record.locator
        if isinstance(record, r.Application):
            invoice = self._core.store.find(r.Invoice, record.invoice_locator)
            return invoice.account_locator if invoice else None
        return getattr(record, "account_locator", None)

    def _places(self, label: str, items: object, currency: str) -> list[Link]:
        found: list[Link] = []
        for item in msgspec.convert(items or [], list[r.Item]):
            to, locator = item.container_type, item.container_locator
            if to == "subpayment":
                found.append(Link(label, "credit", f"subpayment:{locator}", item.amount, currency))
            elif to in _KINDS:
                found.append(Link(label, to, locator, item.amount, currency))
        return found

    def _invoice_links(self, entry: Entry) -> list[Link]:
        currency = str(entry.record["currency"])
        items = msgspec.convert(entry.record["invoiceItems"], list[r.InvoiceItem])
        found = [Link("Bills", "charge", item.charge_locator, item.amount, currency) for item in items if item.charge_locator]
        for done in self._core.store.query(r.Application, "invoice_locator = ?", (entry.id,)):
            label = "Reversed credit" if done.reversed_at else "Credited by" if done.amount > 0 else "Credit taken out by"
            found.append(Link(label, "credit", f"{done.credit_type}:{done.credit_locator}", done.amount, currency))
        return found

    def _tagged(self) -> list[tuple[str, str]]:
        sql = f'SELECT locator, doc FROM socotra_charge WHERE CAST(doc AS TEXT) LIKE \'%"tag":"{marks.PREFIX}%\''  # noqa: S608 - a constant
        tags = ((locator, _TAGGED.decode(doc).tag) for locator, doc in self._db.execute(sql))
        return [(locator, tag) for locator, tag in tags if tag and marks.find(tag)]


def _source(type_name: str, name: str, locator: str) -> Source:
    entry_id = f"{name}:{locator}" if type_name == "credit" else locator
    kind = COPIED_AS.get(name, "unknown")
    return Source(type_name, entry_id, kind, f"{kind}:{locator}")


def _query(wanted: Wanted) -> tuple[str, str, str, tuple[object, ...]]:
    """The table, its key, and the condition with its values."""
    conditions: list[str] = []
    values: list[object] = []
    text, account = wanted.text, wanted.account
    if wanted.type == "ledgerLine":
        if account:
            conditions.append("reference_locator = ?")
            values.append(account)
        if text:
            conditions.append(f"({' OR '.join(f'{column} LIKE ? ESCAPE {_BACKSLASH}' for column in _LEDGER_TEXTS)})")
            values += [f"%{_escaped(text)}%"] * len(_LEDGER_TEXTS)
        return "socotra_ledger", "number", _all_of(conditions), tuple(values)
    credit = wanted.type == "credit"
    kind = _KINDS.get(wanted.type, r.Account)
    if account:
        if kind is r.Application:
            conditions.append("invoice_locator IN (SELECT locator FROM socotra_invoice WHERE account_locator = ?)")
        else:
            conditions.append("locator = ?" if wanted.type == "account" else "account_locator = ?")
        values.append(account)
    if text:
        column = "body" if credit else "doc"
        conditions.append(f"CAST({column} AS TEXT) LIKE ? ESCAPE {_BACKSLASH} AND {_HOLDS}({column}, ?)")
        written = exactjson.dumps(text).decode()[1:-1]
        values += [f"%{_escaped(written)}%", text.lower()]
    source, key = ("socotra_credit", "credit_type, locator") if credit else (table(kind), "locator")
    return source, key, _all_of(conditions), tuple(values)


_BACKSLASH: Final = "'\\'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _all_of(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _document_holds(doc: bytes | str, needle: str) -> bool:
    return holds(exactjson.loads(doc), needle)
