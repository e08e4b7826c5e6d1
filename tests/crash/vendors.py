"""What the harness knows of the two vendors by itself: how their books are filled, and what stands in them.

Nothing here goes through unibill's providers: what was planned is what was put into the source, and what happened is what the
target's books say.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, cast

import httpx

from unibill import exactjson

CURRENCY = "USD"
INVOICED = Decimal(5000)
_MOMENT = "2026-01-05T08:00:00.000Z"
_DUE = "2026-02-05T08:00:00.000Z"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A credit of the source; accounts are counted from 0, and each has one invoice."""

    account: int
    amount: Decimal
    spent: tuple[Decimal, ...] = ()


@dataclass
class Placed:
    """Where accounts and invoices are on one side, and the source's ids of the credits."""

    accounts: list[str] = field(default_factory=list[str])
    invoices: list[str] = field(default_factory=list[str])
    credits: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Copy:
    """A credit that stands in the target's books."""

    id: str
    account: str
    amount: Decimal


@dataclass(frozen=True)
class Standing:
    """What stands in the target's books.

    Attributes:
        copies: the credits.
        spent: invoice and amount of everything that was spent of any of them, sorted.
    """

    copies: tuple[Copy, ...]
    spent: tuple[tuple[str, Decimal], ...]


class Server:
    """A sandbox server, by its admin routes."""

    def __init__(self, backends: Mapping[str, Any]) -> None:
        self.backends = backends
        self.client = httpx.Client(base_url=backends["url"], trust_env=False, timeout=10)

    def post(self, name: str, body: object) -> None:
        """Post to an admin route."""
        self.client.post(f"/_sandbox/{name}", content=exactjson.dumps(body)).raise_for_status()

    def faults(self, faults: Sequence[Row]) -> None:
        """Put faults in force; exact JSON takes no float."""
        exact = [{name: Decimal(str(value)) if isinstance(value, float) else value for name, value in fault.items()} for fault in faults]
        self.post("faults", exact)

    def get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Read an admin route."""
        return exactjson.loads(self.client.get(f"/_sandbox/{name}").raise_for_status().content)

    def seed(self, system: str, rows: Sequence[Row]) -> None:
        """Put rows into a system."""
        self.post("seed", {"kind": "records", "records": [{"system": system, **row} for row in rows], "systems": [system]})

    def books(self, system: str) -> list[Row]:
        """Every row of one system."""
        text = self.client.get("/_sandbox/books").raise_for_status().content
        rows = [cast("Row", exactjson.loads(line)) for line in text.splitlines() if line]
        return [row for row in rows if row["system"] == system]

    def reset(self) -> None:
        """Empty it; requests that are under way there must have ended."""
        self.client.post("/_sandbox/reset").raise_for_status()


class Vendor(ABC):
    """One vendor's side."""

    name: ClassVar[str]
    writes: ClassVar[tuple[str, ...]]
    """The routes of a creation's writes, as faults name them; the first is the one that makes the money."""
    reads: ClassVar[tuple[str, ...]]
    """The routes of the lists."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """For a job."""

    @abstractmethod
    def place(self, accounts: int, role: str) -> Placed:
        """Make accounts, each with an invoice."""

    @abstractmethod
    def fill(self, placed: Placed, wanted: Sequence[Wanted]) -> None:
        """Make the credits of a source."""

    @abstractmethod
    def standing(self) -> Standing:
        """What stands."""

    @abstractmethod
    def same(self, credit_id: str, book_id: str) -> bool:
        """Whether unibill's id of a credit means this one of the books."""

    def effects(self) -> int:
        """How many credits were ever made here by requests, by the server's log; those of late effects count."""
        return sum(self._made(entry) for entry in self.server.get("requests"))

    def _made(self, entry: Row) -> bool:
        method, _, path = self.writes[0].partition(" ")
        parts, wanted = entry["path"].split("/"), path.split("/")
        here = entry["method"] == method and len(parts) == len(wanted)
        if not here or any(part != want for part, want in zip(parts, wanted, strict=True) if want != "*"):
            return False
        status = entry["status"]
        hidden = entry["fault"] in {"cut-after", "late-effect", "html-error"}
        return hidden if status is None or status >= 500 else status < 300


class BillAgain(Vendor):
    """BillAgain: one POST makes a credit note with its allocations."""

    name = "billagain"
    writes = ("POST /billagain/v1/credits",)
    reads = ("GET /billagain/v1/customers/*/credits", "GET /billagain/v1/credits")

    def settings(self) -> dict[str, Any]:
        return {"vendor": self.name, **self.server.backends[self.name], "page_size": 4}

    def place(self, accounts: int, role: str) -> Placed:
        first = 100 if role == "source" else 200
        rows: list[Row] = []
        placed = Placed()
        for i in range(accounts):
            customer, invoice = first + i, first * 10 + i
            rows.append({"type": "customer", "customerID": customer, "CurrencyCode": CURRENCY})
            rows.append({"type": "invoice", "invoiceID": invoice, "customerID": customer, "Total": INVOICED})
            placed.accounts.append(str(customer))
            placed.invoices.append(str(invoice))
        self.server.seed(self.name, rows)
        return placed

    def fill(self, placed: Placed, wanted: Sequence[Wanted]) -> None:
        rows: list[Row] = []
        for i, credit in enumerate(wanted):
            invoice = int(placed.invoices[credit.account])
            rows.append(
                {
                    "type": "credit",
                    "creditNoteID": 5000 + i,
                    "customerID": int(placed.accounts[credit.account]),
                    "Amount": credit.amount,
                    "CreditNumber": f"CN-{i}",
                    "Date": "2026-03-05",
                    "Allocations": [{"invoiceID": invoice, "amountApplied": amount} for amount in credit.spent],
                }
            )
            placed.credits.append(str(5000 + i))
        self.server.seed(self.name, rows)

    def standing(self) -> Standing:
        rows = [row for row in self.server.books(self.name) if row["type"] == "credit"]
        copies = [Copy(str(row["creditNoteID"]), str(row["customerID"]), Decimal(row["Amount"])) for row in rows]
        spent = [(str(item["invoiceID"]), Decimal(item["amountApplied"])) for row in rows for item in row["Allocations"]]
        return Standing(tuple(copies), tuple(sorted(spent)))

    def same(self, credit_id: str, book_id: str) -> bool:
        return credit_id == book_id


class Socotra(Vendor):
    """Socotra: a charge makes the money, and three requests each spend a part of it."""

    name = "socotra"
    writes = (
        "POST /socotra/billing/*/accounts/*/charges",
        "PUT /socotra/billing/*/creditDistributions/*",
        "PATCH /socotra/billing/*/creditDistributions/*/validate",
        "PATCH /socotra/billing/*/creditDistributions/*/execute",
    )
    reads = ("GET /socotra/billing/*/accounts/*/charges/list", "GET /socotra/billing/*/creditDistributions/list")
    _tenant = ""

    def settings(self) -> dict[str, Any]:
        own = {"credit_charge_type": "GoodwillCredit", "reversal_type": "migration", "page_size": 10}
        return {"vendor": self.name, **self.server.backends[self.name], "tenant": self._tenant, **own}

    def place(self, accounts: int, role: str) -> Placed:
        tenant = next(row for row in self.server.books(self.name) if row["type"] == "tenant")
        self._tenant = str(tenant["locator"])[:-4] + ("a0a0" if role == "source" else "b0b0")
        rows: list[Row] = [{**tenant, "locator": self._tenant}]
        placed = Placed()
        for i in range(accounts):
            account, invoice = _locator(role, "account", i), _locator(role, "invoice", i)
            rows.append({"type": "account", "locator": account})
            rows += _invoice(invoice, account, _locator(role, "item", i), _locator(role, "transaction", i))
            placed.accounts.append(account)
            placed.invoices.append(invoice)
        self.server.seed(self.name, rows)
        return placed

    def fill(self, placed: Placed, wanted: Sequence[Wanted]) -> None:
        for i, credit in enumerate(wanted):
            account, invoice = placed.accounts[credit.account], placed.invoices[credit.account]
            charge = {"amount": -credit.amount, "chargeType": "GoodwillCredit"}
            made = self._ask("POST", f"accounts/{account}/charges", {"invoicing": "immediate", "currency": CURRENCY, "charges": [charge]})
            placed.credits.append(f"charge:{made[0]['locator']}")
            for part, amount in enumerate(credit.spent):
                place = f"creditDistributions/{_locator('source', 'distribution', i, part)}"
                body: Row = {"accountLocator": account, "amount": amount, "currency": CURRENCY}
                body["sources"] = [{"containerLocator": account, "containerType": "account", "amount": amount}]
                body["targets"] = [{"containerLocator": invoice, "containerType": "invoice", "amount": amount}]
                self._ask("PUT", place, body)
                self._ask("PATCH", f"{place}/validate")
                self._ask("PATCH", f"{place}/execute")

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        content = None if body is None else exactjson.dumps(body)
        headers = {"authorization": f"Bearer {self.server.backends[self.name]['token']}"}
        answer = self.server.client.request(method, f"/socotra/billing/{self._tenant}/{path}", content=content, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return exactjson.loads(answer.content)

    def standing(self) -> Standing:
        books = self.server.books(self.name)
        charges = [row for row in books if row["type"] == "charge" and row["chargeCategory"] == "credit"]
        undone = {row.get("reversalOfLocator") for row in charges}
        kept = [row for row in charges if "reversalOfLocator" not in row and row["locator"] not in undone]
        executed = [row for row in books if row["type"] == "creditDistribution" and row["creditDistributionState"] == "executed"]
        # The other distributions bring a credit's money from its charge's invoice to the account.
        spending = [row for row in executed if row["targets"][0]["containerType"] == "invoice"]
        targets = [(str(row["targets"][0]["containerLocator"]), Decimal(row["amount"])) for row in spending]
        copies = [Copy(str(row["locator"]), str(row["accountLocator"]), -Decimal(row["amount"])) for row in kept]
        return Standing(tuple(copies), tuple(sorted(targets)))

    def same(self, credit_id: str, book_id: str) -> bool:
        return credit_id == f"charge:{book_id}"


VENDORS: Mapping[str, type[Vendor]] = {vendor.name: vendor for vendor in (BillAgain, Socotra)}


def _invoice(locator: str, account: str, item: str, transaction: str) -> list[Row]:
    times = {"generatedTime": _MOMENT, "startTime": _MOMENT, "dueTime": _DUE, "endTime": _DUE, "timezone": "UTC"}
    fee = {"locator": item, "chargeType": "ServiceFee", "chargeCategory": "fee", "timezone": "UTC"}
    line = {"faTransactionLocator": transaction, "faTransactionTime": _MOMENT, "faTransactionNote": "invoiced", "referenceLocator": item}
    return [
        {
            "type": "invoice",
            "locator": locator,
            "accountLocator": account,
            "invoiceState": "open",
            "currency": CURRENCY,
            **times,
            "totalAmount": INVOICED,
            "totalRemainingAmount": INVOICED,
            "invoiceItems": [{**fee, "amount": INVOICED, "remainingAmount": INVOICED}],
        },
        *(
            {"type": "ledgerLine", **line, "currency": CURRENCY, "referenceType": kind, "accountingType": side, "amount": INVOICED}
            for kind, side in (("invoiceItem", "debit"), ("charge", "credit"))
        ),
    ]


def _locator(*parts: object) -> str:
    """A made-up ULID, always the same for the same parts."""
    number = int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest(), "big")
    letters = [_CROCKFORD[number // 32**place % 32] for place in range(24)]
    return "01" + "".join(letters)
