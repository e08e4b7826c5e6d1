"""The tenant's configuration: what an administrator of the vendor's system would have deployed."""

from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct

from unibill_socotra.sandbox.records import ChargeCategory, Handling, Invoicing

TENANT: Final = "6ec2f7d0-3c7e-4c5b-9a56-2f3f2b0c9a11"
TOKEN: Final = "SOCP_01J5V8NM2GSXK6HG42PD5Z1VAE"  # noqa: S105 - the made-up token of a sandbox on loopback
USER: Final = "0a3e4a8e-5b1c-4f0e-8d5e-7c1d5f1c2b3a"
"""createdBy and reversedBy of everything done with a sandbox token."""


class ChargeType(Struct, rename="camel", frozen=True):
    """A configured charge type; the category is fixed by the type, never sent by a client."""

    category: ChargeCategory
    handling: Handling = "flat"
    invoicing: Invoicing = "next"


class NegativeInvoiceHandling(Struct, rename="camel", frozen=True):
    """What a plan says about negative invoices; None leaves it to the sandbox's switch."""

    automatically_settle_negative_invoices: Literal["toCreditBalance", "toOpenInvoices", "never"] | None = None


class ExcessCreditPlan(Struct, rename="camel", frozen=True):
    """What happens to a credit balance.

    Attributes:
        disburse_excess: whether the balance is paid out when excess funds are handled.
        auto_apply_excess_to_invoices_enabled: whether it pays open invoices by itself; None leaves it to the switch.
        disbursement_thresholds: per currency, the least balance that is paid out.
    """

    disburse_excess: bool = False
    disbursement_type: str = "StandardDisbursement"
    auto_apply_excess_to_invoices_enabled: bool | None = None
    disbursement_thresholds: dict[str, Decimal] = {}
    negative_invoice_handling: NegativeInvoiceHandling = NegativeInvoiceHandling()


class ShortfallTolerancePlan(Struct, rename="camel", frozen=True):
    """Per currency, the shortfall under which an invoice settles all the same."""

    currency_tolerances: dict[str, Decimal] = {}


class Tenant(Struct, rename="camel", frozen=True):
    """One tenant and its configuration."""

    locator: str
    default_currency: str
    default_timezone: str
    charge_types: dict[str, ChargeType]
    excess_credit_plans: dict[str, ExcessCreditPlan]
    shortfall_tolerance_plans: dict[str, ShortfallTolerancePlan]
    reversal_types: dict[str, Literal["any", "creditDistribution", "payment"]]
    default_shortfall_tolerance_plan: str | None = None


def default_tenant() -> Tenant:
    """A tenant with a charge type of every category, flat and not, and plans of every kind."""
    return Tenant(
        locator=TENANT,
        default_currency="USD",
        default_timezone="UTC",
        charge_types={
            "GoodwillCredit": ChargeType("credit", "flat", "immediate"),
            "goodwillCredit": ChargeType("credit", "flat", "next"),
            "ServiceFee": ChargeType("fee", "flat", "immediate"),
            "serviceFee": ChargeType("fee", "flat", "next"),
            "invoiceFee": ChargeType("invoiceFee", "flat", "next"),
            "AdjustmentPremium": ChargeType("premium", "flat", "immediate"),
            "AdjustmentTax": ChargeType("tax", "flat", "next"),
            "RegionalSurcharge": ChargeType("surcharge", "flat", "next"),
            "CededPremium": ChargeType("cededPremium", "flat", "next"),
            "RiskScore": ChargeType("nonFinancial", "flat", "next"),
            "Memorandum": ChargeType("none", "flat", "next"),
            "Premium": ChargeType("premium", "normal", "scheduled"),
            "PremiumTax": ChargeType("tax", "normal", "scheduled"),
            "Retention": ChargeType("fee", "retention", "scheduled"),
        },
        excess_credit_plans={
            "KeepBalance": ExcessCreditPlan(auto_apply_excess_to_invoices_enabled=False),
            "AutoApply": ExcessCreditPlan(auto_apply_excess_to_invoices_enabled=True),
            "PayOut": ExcessCreditPlan(disburse_excess=True, auto_apply_excess_to_invoices_enabled=False),
            "NeverSettle": ExcessCreditPlan(negative_invoice_handling=NegativeInvoiceHandling("never")),
            "SettleToInvoices": ExcessCreditPlan(negative_invoice_handling=NegativeInvoiceHandling("toOpenInvoices")),
        },
        shortfall_tolerance_plans={
            "StandardTolerance": ShortfallTolerancePlan({"USD": Decimal("1.00"), "CAD": Decimal("1.50"), "EUR": Decimal("0.80")}),
        },
        reversal_types={"migration": "any", "mistake": "any", "bouncedPayment": "payment", "reallocation": "creditDistribution"},
    )
