"""A BillAgain of any size in one process: a source that is computed, and a target that keeps its own books.

It is made to cost little, so that it can carry measurements, and to judge: every credit that is written is compared with the one
that it must be a copy of, and counted. ``GET /books`` tells what stands there and what was wrong. The source's credits are
``/source/v1/credits``, the target's ``/target/v1/credits``; credit ``n`` of the source is in customer ``1 + n % accounts`` and
belongs into customer ``1_000_000 + …`` of the target.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

from tests.benchmarks.punctual import Punctual

TARGET: Final = 1_000_000
"""Customers of the target are called by the number of the source's, and this."""
FIRST_COPY: Final = 50_000_000
MEMO: Final = "goodwill for order "


@dataclass(frozen=True)
class Source:
    """The credits that there are to copy, each computed from its number.

    Attributes:
        credits: how many.
        accounts: over how many customers.
    """

    credits: int
    accounts: int

    def amount(self, number: int) -> Decimal:
        """What remains of a credit: two decimals, with trailing zeros among them."""
        return Decimal(100 + number * 7919 % 999_900) / 100

    def text(self, number: int) -> str:
        """A credit note as JSON; of every third, a part was spent."""
        rest = self.amount(number)
        spent, status, edges = Decimal(0), "Unallocated", ""
        if number % 3 == 0:
            spent, status = Decimal("5.50"), "Partial"
            edges = f'{{"allocationID":{number + 1},"invoiceID":{number % 5000 + 1},"creditNoteID":0,"amountApplied":{spent}}}'
        return (
            f'{{"creditNoteID":{number + 1},"customerID":{1 + number % self.accounts},"Status":"{status}","Date":"2026-03-04T22:00:00Z",'
            f'"CurrencyCode":"ZAR","Amount":{rest + spent:.2f},"CreditNumber":"CN-{number + 1}","Memo":"{MEMO}{number + 1}",'
            f'"Allocations":[{edges}]}}'
        )

    def page(self, customer: int | None, page: int, size: int) -> str:
        """A page of a customer's list, or of all."""
        first, step = (0, 1) if customer is None else (customer - 1, self.accounts)
        start = first + (page - 1) * size * step
        return "[" + ",".join(map(self.text, range(start, min(start + size * step, self.credits), step))) + "]"


class Target:
    """The credits that were written, and what is wrong with them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._by_account: dict[int, list[str]] = {}
        self._times = bytearray(source.credits)
        self.written = 0
        self.wrong: list[str] = []

    def create(self, body: bytes) -> str:
        """Take a credit note into the books and give it as it stands there."""
        told = json.loads(body, parse_float=Decimal, parse_int=int)
        number = int(told["Memo"].removeprefix(MEMO)) - 1
        customer, amount = told["customerID"], told["Amount"]
        self._check(number, customer, amount, told)
        self._times[number] += self._times[number] < 255
        self.written += 1
        text = (
            f'{{"creditNoteID":{FIRST_COPY + self.written},"customerID":{customer},"Status":"Unallocated","Date":"2026-03-04T22:00:00Z",'
            f'"CurrencyCode":"{told["CurrencyCode"]}","Amount":{amount},"CreditNumber":"{told["CreditNumber"]}","Memo":"{told["Memo"]}",'
            '"Allocations":[]}'
        )
        self._by_account.setdefault(customer, []).append(text)
        return text

    def _check(self, number: int, customer: int, amount: object, told: dict[str, Any]) -> None:
        wanted = self._source.amount(number)
        right = (
            (isinstance(amount, Decimal) and str(amount) == f"{wanted:.2f}")
            and customer == TARGET + 1 + number % self._source.accounts
            and told["CurrencyCode"] == "ZAR"
            and told["Date"] == "05 Mar 2026"
        )
        if not right and len(self.wrong) < 20:
            self.wrong.append(f"credit {number + 1}: {body_text(told)}")

    def page(self, customer: int, page: int, size: int) -> str:
        """A page of a customer's list."""
        return "[" + ",".join(self._by_account.get(customer, [])[(page - 1) * size : page * size]) + "]"

    def books(self) -> dict[str, object]:
        """How often each credit stands there."""
        once = self._times.count(1)
        missing = self._times.count(0)
        return {"written": self.written, "once": once, "missing": missing, "twice": len(self._times) - once - missing, "wrong": self.wrong}


def body_text(told: dict[str, Any]) -> str:
    """A request's body, for people."""
    return json.dumps(told, default=str)


class System:
    """Both sides behind one port, with the time that each answer takes."""

    def __init__(self, source: Source, latency: float) -> None:
        self.source = source
        self.latency = latency
        self._target = Target(source)
        self._requests = 0
        self._connections = {"source": 0, "target": 0}
        self._most = dict(self._connections)

    def count(self, target: bytes, by: int) -> None:
        """A connection to a side was made or lost."""
        side = target.decode().split("/")[1]
        if side in self._connections:
            self._connections[side] += by
            self._most[side] = max(self._most[side], self._connections[side])

    def answer(self, method: bytes, target: bytes, body: bytes) -> tuple[int, bytes, float]:
        """Status, body, and after how long it goes out."""
        status, text, seconds = self._said(method, target.decode(), body)
        return status, text.encode(), seconds

    def _said(self, method: bytes, path: str, body: bytes) -> tuple[int, str, float]:
        place, _, query = path.partition("?")
        if place == "/books":
            books = self._target.books() | {"requests": self._requests, "connections": self._most}
            return 200, json.dumps(books), 0.0
        if place == "/reset":
            self._reset(json.loads(body))
            return 200, "{}", 0.0
        self._requests += 1
        if method == b"POST":
            return 201, self._target.create(body), self.latency
        asked = parse_qs(query)
        page, size = int(asked["page"][0]), int(asked["page_size"][0])
        parts = place.split("/")
        customer = int(parts[4]) if parts[3] == "customers" else None
        if parts[1] == "source":
            return 200, self.source.page(customer, page, size), self.latency
        return 200, self._target.page(customer or 0, page, size), self.latency

    def _reset(self, told: dict[str, Any]) -> None:
        self.source = Source(told.get("credits", self.source.credits), told.get("accounts", self.source.accounts))
        self.latency = told.get("latency", self.latency)
        self._target = Target(self.source)
        self._requests = 0
        self._most = dict(self._connections)


def main() -> None:
    """Serve as the command line says, until the process is ended; the first line of the output is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credits", type=int, default=20_000)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    asked = parser.parse_args()
    system = System(Source(asked.credits, asked.accounts), asked.latency)
    server = Punctual(system.answer, system.count)
    sys.stdout.write(f"http://127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
