"""What the conformance suite is tried on: accounts in Socotra's sandbox, with a policy, its transaction and open invoices."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.settings import SocotraSettings

from tests.support.kit import steady_serving
from unibill.sandbox import Sandbox, Serving
from unibill.testing.conformance import Subject

NOBODY: Final = "01J5V8NM2GSXK6HG42PD5Z1VAZ"
STATES: Final = (
    "discarded",
    "draft",
    "posted",
    "reversed",
    "validated",
    "executed",
    "distributed",
    "approved",
    "rejected",
    "requested",
    "executing",
    "failed",
    "cancelled",
)
TYPES: Final = ("creditDistribution", "disbursement", "payment", "subpayment", "shortfallWriteOff", "writeOff")
CATEGORIES: Final = ("none", "premium", "tax", "fee", "credit", "invoiceFee", "cededPremium", "nonFinancial", "surcharge")
WRITING: Final = {"credit_charge_type": "GoodwillCredit", "reversal_type": "migration"}


@dataclass(frozen=True)
class Made:
    """The locators of what was put into the books."""

    accounts: list[str]
    invoices: list[str]
    policy: str
    transaction: str


def fill(sandbox: Sandbox) -> Made:
    """Put accounts, a policy with a charge, and two open invoices into the books."""
    system = sandbox.systems["socotra"]
    assert isinstance(system, SocotraSandbox)
    engine = system.engine
    with sandbox.transaction():
        accounts = [engine.add_account().locator for _ in range(4)]
        owner = engine.add_account().locator
        policy = engine.add_policy(owner, "EUR")
        charge = NewCharge(Decimal("3.10"), "AdjustmentTax", "t", policy.issued_transaction_locator)
        engine.charges.add(owner, [charge], "next", "EUR", policy.locator)
        invoices = [
            engine.core.store.get(type(charge), charge.locator).invoice_locator or ""
            for _ in range(2)
            for charge in engine.charges.add(accounts[0], [NewCharge(Decimal(500), "ServiceFee", "t")], "immediate", "USD")
        ]
    return Made(accounts, invoices, policy.locator, policy.issued_transaction_locator)


@contextmanager
def filled() -> Iterator[Serving]:
    """The same on a port, with ids and a clock that repeat."""
    with steady_serving({}, seed="") as serving:
        fill(serving.sandbox)
        yield serving


def made_in(sandbox: Sandbox) -> dict[str, Any]:
    """What ``fill`` made, found again in the books."""
    rows = [row for row in sandbox.books() if row["system"] == "socotra"]
    accounts = [str(row["locator"]) for row in rows if row["type"] == "account"]
    invoices = [str(row["locator"]) for row in rows if row["type"] == "invoice" and row["accountLocator"] == accounts[0]]
    (charged,) = (row for row in rows if row["type"] == "charge" and row.get("policyLocator"))
    return asdict(Made(accounts[:4], invoices, str(charged["policyLocator"]), str(charged["transactionLocator"])))


def subject(settings: SocotraSettings, made: Made, **more: Any) -> Subject:  # noqa: ANN401 - fields of a subject
    """Socotra, filled like this."""
    return Subject(
        "socotra",
        settings,
        account=made.accounts[0],
        other_account=made.accounts[1],
        currency="USD",
        missing_account=NOBODY,
        missing_credit=f"payment:{NOBODY}",
        invoices=made.invoices,
        accounts={"USD": made.accounts[1], "JPY": made.accounts[2], "KWD": made.accounts[3]},
        largest=Decimal("12345678901234567.89"),
        words={"creditState": STATES, "creditType": TYPES},
        charge_words={"chargeCategory": CATEGORIES, "chargeInvoicing": ("scheduled", "next", "immediate")},
        charge_type="ServiceFee",
        policy=made.policy,
        transaction=made.transaction,
        **more,
    )
