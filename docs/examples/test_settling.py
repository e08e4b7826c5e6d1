# ruff: noqa: S101 - a test asserts
"""How an app's own tests use unibill: on a cassette, on a local sandbox, or live, with one option."""

from datetime import date
from decimal import Decimal

import unibill
from unibill import AllocationDraft, CreditDraft
from unibill.testing.backends import Backends


def settle(billing: unibill.Billing, invoice: str, amount: Decimal) -> Decimal:
    """The app's own code: a credit of 100 for one invoice; gives what is left of it."""
    draft = CreditDraft(
        account_id="269",
        currency="ZAR",
        amount=Decimal("100.00"),
        issued_on=date(2026, 5, 4),
        allocations=(AllocationDraft(target_id=invoice, amount=amount),),
    )
    credit = billing.credits.create(draft, key=f"settle-{invoice}")
    return credit.amount if credit.remaining is None else credit.remaining


def test_an_invoice_is_settled_once(unibill_billing: Backends) -> None:
    """Settling it again under the same key changes nothing."""
    billing = unibill_billing("billagain")
    left = [settle(billing, "11351", Decimal("60.60")) for _ in range(2)]
    assert left == [Decimal("39.40"), Decimal("39.40")]
