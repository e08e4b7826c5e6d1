"""Accounts, policies and quotes, as far as credits and charges touch them (Socotra's OpenAPI document)."""

from decimal import Decimal

from unibill.wire import Words, require_finite
from unibill_socotra.wire.common import SocotraRecord, ValidationResult, opaque


class Account(SocotraRecord, frozen=True, kw_only=True):
    """An account; credits and charges hang on it (AccountResponse)."""

    locator: str
    type: str | None = None
    account_state: Words | None = None
    created_at: str | None = None
    created_by: Words | None = None
    delinquency_plan_name: str | None = None
    shortfall_tolerance_plan_name: str | None = None
    auto_renewal_plan_name: str | None = None
    excess_credit_plan_name: str | None = None
    validation_result: ValidationResult | None = None
    billing_level: str | None = None
    invoicing_plan_name: str | None = None
    region: str | None = None
    invoice_document: str | None = None
    timezone: str | None = None
    account_number: Words | None = None
    anonymized_at: str | None = None
    payment_execution_retry_plan_name: str | None = None
    state: str | None = None

    data = opaque("data")
    preferences = opaque("preferences")
    contacts = opaque("contacts")


class Policy(SocotraRecord, frozen=True, kw_only=True):
    """A policy, answered when its invoice fee is set (PolicyResponse)."""

    locator: str
    account_locator: str | None = None
    branch_head_transaction_locators: list[str] | None = None
    issued_transaction_locator: str | None = None
    product_name: str | None = None
    timezone: str | None = None
    currency: str | None = None
    duration_basis: str | None = None
    created_at: str | None = None
    created_by: Words | None = None
    delinquency_plan_name: str | None = None
    auto_renewal_plan_name: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    latest_term_locator: str | None = None
    billing_level: str | None = None
    region: str | None = None
    policy_number: Words | None = None
    latest_segment_locator: str | None = None
    statuses: list[str] | None = None
    invoice_fee_amount: Decimal | None = None
    anonymized_at: str | None = None
    coverage_end_time: str | None = None
    moratorium_elections: dict[str, str] | None = None
    jurisdiction: str | None = None
    producer_code: str | None = None
    producer_code_of_record: str | None = None
    validation_result: ValidationResult | None = None

    def __post_init__(self) -> None:
        require_finite(self.invoice_fee_amount)

    contacts = opaque("contacts")
    static = opaque("static")


class Quote(SocotraRecord, frozen=True, kw_only=True):
    """A quote, answered when its invoice fee is set (QuoteResponse)."""

    locator: str
    quote_state: Words | None = None
    product_name: str | None = None
    account_locator: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    timezone: str | None = None
    currency: str | None = None
    underwriting_status: str | None = None
    expiration_time: str | None = None
    policy_locator: str | None = None
    delinquency_plan_name: str | None = None
    duration_basis: str | None = None
    group_locator: str | None = None
    auto_renewal_plan_name: str | None = None
    billing_level: str | None = None
    region: str | None = None
    quote_number: Words | None = None
    duration: Decimal | None = None
    accepted_time: str | None = None
    issued_time: str | None = None
    validation_result: ValidationResult | None = None
    quick_quote_locator: str | None = None
    anonymized_at: str | None = None
    invoice_fee_amount: Decimal | None = None
    created_by: Words | None = None
    created_at: str | None = None
    jurisdiction: str | None = None
    producer_code: str | None = None
    reserved_policy_number: Words | None = None
    policy_number: Words | None = None

    def __post_init__(self) -> None:
        require_finite(self.duration, self.invoice_fee_amount)

    element = opaque("element")
    preferences = opaque("preferences")
    contacts = opaque("contacts")
    static = opaque("static")
