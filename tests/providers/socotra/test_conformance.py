"""Socotra passes the suite that every provider must pass, on its sandbox."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.settings import SocotraSettings

from unibill.sandbox import Sandbox
from unibill.testing.conformance import ProviderConformance, Subject

NOBODY = "01J5V8NM2GSXK6HG42PD5Z1VAZ"
STATES = (
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
TYPES = ("creditDistribution", "disbursement", "payment", "subpayment", "shortfallWriteOff", "writeOff")
CATEGORIES = ("none", "premium", "tax", "fee", "credit", "invoiceFee", "cededPremium", "nonFinancial", "surcharge")


class TestSocotra(ProviderConformance):
    expected_failures: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        made: list[SocotraSandbox] = []

        def make(database: Any, switches: Any) -> SocotraSandbox:  # noqa: ANN401 - passed on
            made.append(SocotraSandbox(database, switches))
            return made[0]

        with Sandbox({"socotra": make}) as sandbox, sandbox.serve() as serving:
            engine = made[0].engine
            with sandbox.transaction():
                accounts = [engine.add_account().locator for _ in range(4)]
                owner = engine.add_account().locator
                policy = engine.add_policy(owner, "EUR")
                engine.charges.add(
                    owner,
                    [NewCharge(Decimal("3.10"), "AdjustmentTax", "t", policy.issued_transaction_locator)],
                    "next",
                    "EUR",
                    policy.locator,
                )
                invoices = [
                    engine.core.store.get(type(charge), charge.locator).invoice_locator or ""
                    for _ in range(2)
                    for charge in engine.charges.add(accounts[0], [NewCharge(Decimal(500), "ServiceFee", "t")], "immediate", "USD")
                ]
            yield Subject(
                "socotra",
                SocotraSettings.model_validate(
                    {**serving.backends["socotra"], "credit_charge_type": "GoodwillCredit", "reversal_type": "migration"}  # type: ignore[dict-item]  # plain JSON
                ),
                account=accounts[0],
                other_account=accounts[1],
                currency="USD",
                missing_account=NOBODY,
                missing_credit=f"payment:{NOBODY}",
                invoices=invoices,
                accounts={"USD": accounts[1], "JPY": accounts[2], "KWD": accounts[3]},
                largest=Decimal("12345678901234567.89"),
                words={"creditState": STATES, "creditType": TYPES},
                charge_words={"chargeCategory": CATEGORIES, "chargeInvoicing": ("scheduled", "next", "immediate")},
                charge_type="ServiceFee",
                policy=policy.locator,
                transaction=policy.issued_transaction_locator,
                sandbox=sandbox,
            )
