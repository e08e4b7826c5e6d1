"""The records of the sandbox: what is stored, in the vendor's words plus what only the books need.

Times are text ``YYYY-MM-DDTHH:MM:SS.ffffffZ`` (so they sort), amounts are exact decimals, ``data`` is JSON text. ``columns`` names the attributes
that are stored beside the record so that it can be looked up by them.
"""

from decimal import Decimal
from typing import ClassVar, Literal

from msgspec import Struct, field

Side = Literal["credit", "debit"]
ContainerType = Literal["invoice", "account", "subpayment", "invoiceItem"]
Invoicing = Literal["scheduled", "next", "immediate"]
Handling = Literal["flat", "normal", "retention"]
ChargeCategory = Literal["none", "premium", "tax", "fee", "credit", "invoiceFee", "cededPremium", "nonFinancial", "surcharge"]
CreditType = Literal["creditDistribution", "disbursement", "payment", "subpayment", "shortfallWriteOff", "writeOff"]
DistributionState = Literal["draft", "validated", "executed", "reversed", "discarded"]
PaymentState = Literal["draft", "validated", "requested", "executing", "posted", "failed", "cancelled", "reversed", "discarded"]
DisbursementState = Literal["draft", "validated", "approved", "executed", "reversed", "rejected", "discarded"]
WriteOffState = Literal["draft", "distributed", "reversed"]
ReferenceType = Literal[
    "accountCreditBalance",
    "invoiceCreditBalance",
    "cash",
    "creditCash",
    "charge",
    "credit",
    "installmentItem",
    "invoiceItem",
    "account",
    "policy",
    "accountExpenseBalance",
]

PAYABLE: frozenset[str] = frozenset({"premium", "tax", "fee", "credit", "invoiceFee", "surcharge"})
"""Charge categories that reach an invoice; the others are stored and nothing more."""


class Part(Struct, rename="camel", omit_defaults=True, frozen=True):
    """A plain part of a record."""


class Item(Part, frozen=True):
    """A source or target: a container and the amount for it, if one was named."""

    container_locator: str
    container_type: ContainerType
    amount: Decimal | None = None


class Problem(Part, frozen=True):
    """One finding of a validation."""

    element_type: str
    locator: str
    errors: list[str]


class Validation(Part, frozen=True):
    """The outcome of a validation."""

    success: bool
    validation_items: list[Problem] = []


class Record(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A stored record."""

    kind: ClassVar[str] = ""
    columns: ClassVar[tuple[str, ...]] = ()

    locator: str


class Account(Record):
    """A customer's account."""

    kind: ClassVar[str] = "account"

    account_type: str
    account_number: str
    created_at: str
    created_by: str
    account_state: Literal["draft", "validated", "discarded"] = "validated"
    billing_level: Literal["account", "inherit", "policy"] = "account"
    excess_credit_plan_name: str | None = None
    shortfall_tolerance_plan_name: str | None = None
    timezone: str | None = None
    data: str = "{}"


class Policy(Record):
    """A policy, with what billing needs of it."""

    kind: ClassVar[str] = "policy"
    columns: ClassVar[tuple[str, ...]] = ("account_locator",)

    account_locator: str
    product_name: str
    currency: str
    timezone: str
    created_at: str
    created_by: str
    start_time: str
    end_time: str
    issued_transaction_locator: str
    term_locator: str
    segment_locator: str
    policy_number: str | None = None
    invoice_fee_amount: Decimal | None = None


class Transaction(Record):
    """A transaction of a policy (issuance, change, cancellation)."""

    kind: ClassVar[str] = "transaction"
    columns: ClassVar[tuple[str, ...]] = ("policy_locator",)

    policy_locator: str
    transaction_type: str
    effective_time: str


class Element(Record):
    """An element of a policy, as one transaction made it."""

    kind: ClassVar[str] = "element"
    columns: ClassVar[tuple[str, ...]] = ("transaction_locator", "static_locator")

    transaction_locator: str
    policy_locator: str
    static_locator: str
    element_type: str


class Quote(Record):
    """A quote."""

    kind: ClassVar[str] = "quote"
    columns: ClassVar[tuple[str, ...]] = ("account_locator",)

    account_locator: str
    quote_state: str
    product_name: str
    currency: str
    created_at: str
    created_by: str
    element_locator: str
    element_type: str
    policy_locator: str | None = None
    invoice_fee_amount: Decimal | None = None


class Charge(Record):
    """A charge on an account; ``waiting`` is ``account currency`` until it is on an invoice."""

    kind: ClassVar[str] = "charge"
    columns: ClassVar[tuple[str, ...]] = (
        "account_locator",
        "policy_locator",
        "transaction_locator",
        "reversal_of_locator",
        "waiting",
    )

    account_locator: str
    amount: Decimal
    currency: str
    charge_category: ChargeCategory
    charge_type: str
    charge_invoicing: Invoicing
    created_at: str
    tag: str | None = None
    policy_locator: str | None = None
    transaction_locator: str | None = None
    element_locator: str | None = None
    element_static_locator: str | None = None
    reversal_of_locator: str | None = None
    invoice_locator: str | None = None
    waiting: str | None = None


class InvoiceItem(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A line of an invoice; ``remaining_amount`` is what is still to be settled, with the sign of ``amount``."""

    locator: str
    charge_type: str
    charge_category: str
    amount: Decimal
    remaining_amount: Decimal
    timezone: str
    charge_locator: str | None = None
    settlement_time: str | None = None
    unsettled_time: str | None = None
    policy_locator: str | None = None
    quote_locator: str | None = None
    element_static_locator: str | None = None
    element_type: str | None = None
    installment_item_locators: list[str] = field(default_factory=list[str])
    transaction_locators: list[str] = field(default_factory=list[str])


class Invoice(Record):
    """An invoice; ``open_key`` is ``account currency`` while it is open."""

    kind: ClassVar[str] = "invoice"
    columns: ClassVar[tuple[str, ...]] = ("account_locator", "invoice_number", "open_key", "total_is_zero")

    account_locator: str
    invoice_state: Literal["open", "settled", "discarded"]
    currency: str
    timezone: str
    generated_time: str
    due_time: str
    start_time: str
    end_time: str
    total_amount: Decimal
    total_remaining_amount: Decimal
    invoice_items: list[InvoiceItem]
    invoice_type: Literal["normal", "aggregate"] = "normal"
    invoice_number: str | None = None
    settled_time: str | None = None
    unsettled_time: str | None = None
    open_key: str | None = None

    @property
    def total_is_zero(self) -> int:
        """1 for an invoice whose total is zero (lists leave it out unless asked)."""
        return int(not self.total_amount)


class Slice(Part, frozen=True):
    """What an application took from one invoice item."""

    item_locator: str
    amount: Decimal


class Application(Record):
    """What one credit did to one invoice: positive pays it, negative takes the money out of a negative invoice.

    The total of an invoice less its unreversed applications is always its remaining amount.
    """

    kind: ClassVar[str] = "application"
    columns: ClassVar[tuple[str, ...]] = ("invoice_locator", "credit_locator", "parent_locator")

    invoice_locator: str
    credit_type: CreditType
    credit_locator: str
    currency: str
    amount: Decimal
    slices: list[Slice]
    counterpart_type: ContainerType
    counterpart_locator: str
    applied_at: str
    parent_locator: str | None = None
    reversed_at: str | None = None


class Asked(Part, frozen=True):
    """A distribution as its last writer asked for it."""

    account_locator: str | None
    amount: Decimal
    currency: str
    sources: list[Item]
    targets: list[Item]


class Distribution(Record):
    """A credit distribution: money moved from sources to targets."""

    kind: ClassVar[str] = "creditDistribution"
    columns: ClassVar[tuple[str, ...]] = ("account_locator",)

    credit_distribution_state: DistributionState
    currency: str
    amount: Decimal
    created_at: str
    created_by: str
    sources: list[Item]
    targets: list[Item]
    asked: Asked
    account_locator: str | None = None
    validation_result: Validation | None = None
    executed_at: str | None = None
    reversal_reason: str | None = None
    reversed_at: str | None = None
    shortfall_credit_locators: list[str] = []


class Subpayment(Part, frozen=True):
    """A reference from an aggregate payment to one of its subpayments."""

    subpayment_locator: str
    amount: Decimal


class Payment(Record):
    """A payment, or a subpayment when ``aggregate_payment_locator`` is set; ``surplus`` is what went to the credit balance."""

    kind: ClassVar[str] = "payment"
    columns: ClassVar[tuple[str, ...]] = ("account_locator", "aggregate_payment_locator")

    payment_state: PaymentState
    payment_type: str
    currency: str
    amount: Decimal
    created_at: str
    created_by: str
    targets: list[Item]
    asked_targets: list[Item]
    payment_mode: Literal["normal", "aggregate"] = "normal"
    data: str = "{}"
    account_locator: str | None = None
    ledger_account_locator: str | None = None
    surplus: Decimal | None = None
    validation_result: Validation | None = None
    posted_at: str | None = None
    reversal_reason: str | None = None
    reversed_at: str | None = None
    reversed_by: str | None = None
    shortfall_credit_locators: list[str] = []
    subpayments: list[Subpayment] = []
    aggregate_payment_locator: str | None = None
    payment_number: str | None = None
    retry_plan_name: str | None = None


class WriteOff(Record):
    """A write-off of invoices, at the expense of the business."""

    kind: ClassVar[str] = "writeOff"
    columns: ClassVar[tuple[str, ...]] = ("account_locator",)

    write_off_state: WriteOffState
    currency: str
    amount: Decimal
    created_at: str
    created_by: str
    account_locator: str
    targets: list[Item]
    distributed_at: str | None = None
    reversal_reason: str | None = None
    reversed_at: str | None = None


class Shortfall(Record):
    """A shortfall credit: what a payment or distribution lacked, within the tolerance."""

    kind: ClassVar[str] = "shortfallCredit"
    columns: ClassVar[tuple[str, ...]] = ("account_locator", "parent_credit_locator")

    shortfall_credit_state: WriteOffState
    currency: str
    amount: Decimal
    created_at: str
    created_by: str
    account_locator: str
    targets: list[Item]
    parent_credit_locator: str
    distributed_at: str | None = None
    reversal_reason: str | None = None
    reversed_at: str | None = None


class Disbursement(Record):
    """Money paid out to the customer from the credit balance."""

    kind: ClassVar[str] = "disbursement"
    columns: ClassVar[tuple[str, ...]] = ("account_locator",)

    disbursement_state: DisbursementState
    disbursement_type: str
    currency: str
    amount: Decimal
    created_at: str
    created_by: str
    sources: list[Item]
    account_locator: str
    data: str = "{}"
    disbursement_number: str | None = None
    executed_at: str | None = None
    reversed_at: str | None = None


KINDS: tuple[type[Record], ...] = (
    Account,
    Policy,
    Transaction,
    Element,
    Quote,
    Charge,
    Invoice,
    Application,
    Distribution,
    Payment,
    WriteOff,
    Shortfall,
    Disbursement,
)
"""Every kind of record, in the order in which the books list them."""
