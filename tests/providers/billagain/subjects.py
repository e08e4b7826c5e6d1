"""What the conformance suite is tried on: BillAgain's sandbox with customers of several currencies and open invoices."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from unibill_billagain.settings import BillAgainSettings

from tests.support.kit import steady_serving
from unibill.sandbox import Sandbox, Serving
from unibill.testing.conformance import Subject

CUSTOMERS: Final = {"ZAR": "501", "JPY": "502", "KWD": "503", "USD": "504"}
SWITCHES: Final = {"billagain": {"empty-allocations": "accept"}}


def _customer(number: str, currency: str) -> dict[str, object]:
    return {"system": "billagain", "type": "customer", "customerID": int(number), "Reference": f"C-{number}", "CurrencyCode": currency}


def _invoice(number: int) -> dict[str, object]:
    return {
        "system": "billagain",
        "type": "invoice",
        "invoiceID": number,
        "invoiceNum": number,
        "customerID": 501,
        "Reference": f"I-{number}",
        "CurrencyCode": "ZAR",
        "Total": Decimal(500),
    }


ROWS: Final = [*(_customer(number, currency) for currency, number in CUSTOMERS.items()), _invoice(7001), _invoice(7002)]
"""Customers without credits in currencies of 0, 2 and 3 decimals, and two open invoices."""


def fill(sandbox: Sandbox) -> None:
    """Put the vendor's own samples and the customers of the suite into the books."""
    sandbox.seed("documented", systems=["billagain"])
    sandbox.seed("records", records=ROWS)


@contextmanager
def filled() -> Iterator[Serving]:
    """The same on a port, with ids and a clock that repeat."""
    with steady_serving(SWITCHES, seed="") as serving:
        fill(serving.sandbox)
        yield serving


def subject(settings: BillAgainSettings, **more: Any) -> Subject:  # noqa: ANN401 - fields of a subject
    """BillAgain, filled like this."""
    return Subject(
        "billagain",
        settings,
        account="501",
        other_account="269",
        currency="ZAR",
        missing_account="999999",
        missing_credit="999999",
        invoices=("7001", "7002"),
        accounts=CUSTOMERS,
        largest=Decimal("12345678901234567.89"),
        words={"Status": ("Pending", "Allocated", "Partial", "Unallocated", "Failed")},
        draft_defaults={"number": "CN-7"},
        **more,
    )
