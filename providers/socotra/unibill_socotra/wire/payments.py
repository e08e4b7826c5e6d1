"""Payments and disbursements (Socotra's OpenAPI document)."""

from decimal import Decimal

from unibill.wire import Words, require_finite
from unibill_socotra.wire.common import CreditItem, SocotraRecord, ValidationResult, opaque


class Subpayment(SocotraRecord, frozen=True, kw_only=True):
    """A part of an aggregate payment (SubpaymentResponse)."""

    subpayment_locator: str
    amount: Decimal

    def __post_init__(self) -> None:
        require_finite(self.amount)


class Payment(SocotraRecord, frozen=True, kw_only=True):
    """A payment, or a subpayment read by its parent (PaymentResponse)."""

    locator: str
    payment_state: Words
    currency: str
    amount: Decimal
    type: str | None = None
    remaining_amount: Decimal | None = None
    created_at: str | None = None
    created_by: Words | None = None
    account_locator: str | None = None
    targets: list[CreditItem] | None = None
    external_cash_transaction_locator: str | None = None
    validation_result: ValidationResult | None = None
    posted_at: str | None = None
    reversal_reason: Words | None = None
    reversed_at: str | None = None
    reversed_by: str | None = None
    shortfall_credit_locators: list[str] | None = None
    subpayments: list[Subpayment] | None = None
    payment_mode: str | None = None
    aggregate_payment_locator: str | None = None
    payment_number: Words | None = None
    anonymized_at: str | None = None
    next_request_time: str | None = None
    retry_plan_name: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount, self.remaining_amount)

    data = opaque("data")
    execution_log = opaque("executionLog")


class PaymentList(SocotraRecord, frozen=True, kw_only=True):
    """A page (PaymentListResponse, ListPageResponsePaymentResponse)."""

    list_completed: bool
    items: list[Payment] | None = None


class Disbursement(SocotraRecord, frozen=True, kw_only=True):
    """Money paid out to the account's holder (DisbursementResponse)."""

    locator: str
    disbursement_state: Words
    currency: str
    amount: Decimal
    type: str | None = None
    created_at: str | None = None
    created_by: Words | None = None
    account_locator: str | None = None
    sources: list[CreditItem] | None = None
    external_cash_transaction_locator: str | None = None
    validation_result: ValidationResult | None = None
    disbursement_number: Words | None = None
    anonymized_at: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)

    data = opaque("data")


class DisbursementList(SocotraRecord, frozen=True, kw_only=True):
    """A page (DisbursementListResponse)."""

    list_completed: bool
    items: list[Disbursement] | None = None
