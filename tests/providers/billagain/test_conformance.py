"""BillAgain passes the suite that every provider must pass, on its sandbox."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from unibill_billagain.sandbox import BillAgainSandbox
from unibill_billagain.settings import BillAgainSettings

from unibill.sandbox import Sandbox
from unibill.testing.conformance import ProviderConformance, Subject

CUSTOMERS = {"ZAR": "501", "JPY": "502", "KWD": "503", "USD": "504"}


def customer(number: str, currency: str) -> dict[str, object]:
    return {"system": "billagain", "type": "customer", "customerID": int(number), "Reference": f"C-{number}", "CurrencyCode": currency}


def invoice(number: int) -> dict[str, object]:
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


ROWS = [*(customer(number, currency) for currency, number in CUSTOMERS.items()), invoice(7001), invoice(7002)]
"""Customers without credits in currencies of 0, 2 and 3 decimals, and two open invoices."""


class TestBillAgain(ProviderConformance):
    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        with Sandbox([BillAgainSandbox], switches={"billagain": {"empty-allocations": "accept"}}) as sandbox, sandbox.serve() as serving:
            sandbox.seed("documented", systems=["billagain"])
            sandbox.seed("records", records=ROWS)
            yield Subject(
                "billagain",
                BillAgainSettings.model_validate(serving.backends["billagain"]),
                account="501",
                other_account="269",
                currency="ZAR",
                missing_account="999999",
                missing_credit="999999",
                invoices=("7001", "7002"),
                accounts=CUSTOMERS,
                largest=Decimal("12345678901234567.89"),
                words={"Status": ("Pending", "Allocated", "Partial", "Unallocated", "Failed")},
                sandbox=sandbox,
                draft_defaults={"number": "CN-7"},
            )
