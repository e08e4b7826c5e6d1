"""The requests of an apply with httpx and json, in threads that each have a client: ``apply_by_hand URL CREDITS ACCOUNTS CONCURRENCY LATENCY``."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx

from tests.benchmarks.billing_server import TARGET
from tests.benchmarks.racers.apply_course import Course

_PAGE = {"page": "1", "page_size": "200"}


class Hands:
    """The clients, one a thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._own = threading.local()
        self._tls = httpx.create_ssl_context()

    def _client(self) -> httpx.Client:
        if not hasattr(self._own, "client"):
            self._own.client = httpx.Client(verify=self._tls)
        client: httpx.Client = self._own.client
        return client

    def list(self, side: str, customer: int) -> list[dict[str, Any]]:
        """A customer's credit notes, digits kept."""
        answer = self._client().get(f"{self._url}/{side}/v1/customers/{customer}/credits", params=_PAGE)
        found: list[dict[str, Any]] = json.loads(answer.content, parse_float=Decimal)
        return found

    def copy(self, number: int) -> None:
        """Copy a customer's credit notes; none has more than a page."""
        notes = self.list("source", number)
        self.list("target", TARGET + number)
        for note in notes:
            rest = note["Amount"] - sum((item["amountApplied"] for item in note["Allocations"]), Decimal(0))
            body = (
                f'{{"customerID":{TARGET + number},"Date":"05 Mar 2026","CurrencyCode":"{note["CurrencyCode"]}","Amount":{rest},'
                f'"CreditNumber":"{note["CreditNumber"]}","Memo":"{note["Memo"]}","Allocations":[]}}'
            )
            answer = self._client().post(f"{self._url}/target/v1/credits", content=body, headers={"content-type": "application/json"})
            json.loads(answer.content, parse_float=Decimal)
        self.list("target", TARGET + number)


def main(told: list[str]) -> None:
    """Copy account by account, then look at each once more."""
    course = Course.of(told)
    hands = Hands(course.server.url)
    numbers = range(1, course.accounts + 1)
    with ThreadPoolExecutor(course.concurrency) as pool:

        def copy_all() -> None:
            list(pool.map(hands.copy, numbers))
            list(pool.map(lambda number: hands.list("target", TARGET + number), numbers))

        course.run(copy_all)


if __name__ == "__main__":
    main(sys.argv[1:])
