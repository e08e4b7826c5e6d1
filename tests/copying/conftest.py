"""Two BillAgains, each a sandbox behind a real socket: one is copied from, the other to."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.sandbox import BillAgainSandbox
from unibill_billagain.settings import BillAgainSettings

from tests.support.postgresql import a_run
from unibill import Billing
from unibill.copying import AccountMap, InvoiceMap, PlanOptions
from unibill.http import without_waiting
from unibill.sandbox import Sandbox

SOURCE_CUSTOMERS = (11, 12)
TARGET_CUSTOMERS = (21, 22)
Row = dict[str, Any]


def customer(number: int, currency: str = "ZAR") -> Row:
    return {"type": "customer", "customerID": number, "CurrencyCode": currency}


def invoice(number: int, owner: int, total: str = "1000", **more: object) -> Row:
    return {"type": "invoice", "invoiceID": number, "customerID": owner, "Total": Decimal(total), **more}


def note(number: int, owner: int, amount: str, *spent: tuple[int, str], **more: object) -> Row:
    allocations = [{"invoiceID": invoice_id, "amountApplied": Decimal(part)} for invoice_id, part in spent]
    return {
        "type": "credit",
        "creditNoteID": number,
        "customerID": owner,
        "Amount": Decimal(amount),
        "CreditNumber": f"CN-{number}",
        "Memo": f"memo {number}",
        "Date": "2026-03-05",
        "Allocations": allocations,
        **more,
    }


@dataclass
class Side:
    """One BillAgain: its sandbox, and the facade over it."""

    sandbox: Sandbox
    billing: Billing
    url: str

    def seed(self, *rows: Row) -> None:
        self.sandbox.seed("records", records=[{"system": "billagain", **row} for row in rows])

    def credits(self) -> list[Row]:
        return [row for row in self.sandbox.books() if row["type"] == "credit"]

    def credit(self, number: int) -> Row:
        return next(row for row in self.credits() if row["creditNoteID"] == number)

    def invoices(self) -> dict[int, Row]:
        return {int(str(row["invoiceID"])): row for row in self.sandbox.books() if row["type"] == "invoice"}

    def writes(self) -> list[str]:
        return [f"{entry.method} {entry.path}" for entry in self.sandbox.requests() if entry.method != "GET"]

    def sum(self) -> Decimal:
        return sum((Decimal(str(row["Amount"])) for row in self.credits()), Decimal(0))


@dataclass
class Pair:
    """A source and a target, and a run between them."""

    source: Side
    target: Side
    run: Path
    accounts: AccountMap = field(default_factory=lambda: AccountMap.from_pairs({"11": "21", "12": "22"}))
    invoices: InvoiceMap = field(default_factory=lambda: InvoiceMap.from_pairs({"31": "41", "32": "42"}))

    def options(self, **more: Any) -> PlanOptions:  # noqa: ANN401 - any field of PlanOptions
        return PlanOptions(**{"accounts": self.accounts, "invoices": self.invoices, **more})


Open = Callable[..., Side]


@pytest.fixture(scope="module")
def open_side() -> Iterator[Open]:
    """Starts a BillAgain that lives as long as the module."""
    with ExitStack() as stack:

        def opened(account: str, switches: Mapping[str, str] | None = None, **settings: Any) -> Side:  # noqa: ANN401 - any setting
            def system(database: sqlite3.Connection, chosen: Mapping[str, str]) -> BillAgainSandbox:
                return BillAgainSandbox(database, chosen, account=account)

            named = {"empty-allocations": "accept", **(switches or {})}
            sandbox = stack.enter_context(Sandbox({"billagain": system}, switches={"billagain": named}))
            serving = stack.enter_context(sandbox.serve())
            wanted = {"base_url": f"{serving.url}/billagain/v1", "account": account, "api_key": SecretStr("sandbox-key"), **settings}
            billing = stack.enter_context(Billing(f"b{account}", BillAgainProvider(BillAgainSettings(**wanted))))
            return Side(sandbox, billing, serving.url)

        yield opened


@pytest.fixture(scope="module")
def _sides(open_side: Open) -> tuple[Side, Side]:
    return open_side("1001"), open_side("2002")


@pytest.fixture
def make_pair(_sides: tuple[Side, Side], tmp_path: Path) -> Callable[[], Pair]:
    """Makes two empty systems with two customers and two invoices each, of the same two sandboxes every time."""

    def made() -> Pair:
        source, target = _sides
        for side, customers, first in ((source, SOURCE_CUSTOMERS, 31), (target, TARGET_CUSTOMERS, 41)):
            side.sandbox.reset()
            side.seed(*map(customer, customers), *(invoice(first + i, owner) for i, owner in enumerate(customers)))
        return Pair(source, target, tmp_path / "run.db")

    return made


@pytest.fixture
def pair(make_pair: Callable[[], Pair]) -> Iterator[Pair]:
    """Two empty systems with two customers and two invoices each."""
    with without_waiting():
        yield make_pair()


STORES = ("file", "postgresql")


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a run is kept: in a file, and in a database."""
    with a_run() if request.param == "postgresql" else nullcontext(str(tmp_path / "run.db")) as found:
        yield found
