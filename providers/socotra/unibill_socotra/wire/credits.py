"""Credits, shortfall credits, write-offs and credit distributions (Socotra's Credits API, and OpenAPI for the writes)."""

from decimal import Decimal

from unibill.wire import Words, require_finite
from unibill_socotra.wire.common import CreditItem, SocotraRecord, ValidationResult


class Credit(SocotraRecord, frozen=True, kw_only=True):
    """A record of credits/list: a projection of payments, distributions, disbursements and write-offs (CreditResponse)."""

    locator: str
    credit_state: Words
    credit_type: Words
    currency: str
    amount: Decimal
    created_at: str | None = None
    account_locator: str | None = None
    realized_at: str | None = None
    reversed_at: str | None = None
    reversal_reason: Words | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class CreditList(SocotraRecord, frozen=True, kw_only=True):
    """A page (CreditListResponse)."""

    list_completed: bool
    items: list[Credit] | None = None


class ShortfallCredit(SocotraRecord, frozen=True, kw_only=True):
    """A write-off that settles a small shortfall by itself (ShortfallCreditResponse)."""

    locator: str
    shortfall_credit_state: Words
    currency: str
    amount: Decimal
    credit_type: Words | None = None
    created_at: str | None = None
    created_by: Words | None = None
    account_locator: str | None = None
    targets: list[CreditItem] | None = None
    parent_credit_locator: str | None = None
    reversal_reason: Words | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class ShortfallCreditList(SocotraRecord, frozen=True, kw_only=True):
    """A page (ShortfallCreditListResponse, ListPageResponseShortfallCreditResponse)."""

    list_completed: bool
    items: list[ShortfallCredit] | None = None


class WriteOff(SocotraRecord, frozen=True, kw_only=True):
    """A write-off of invoices or invoice items (WriteOffResponse)."""

    locator: str
    write_off_state: Words
    currency: str
    amount: Decimal
    credit_type: Words | None = None
    created_at: str | None = None
    created_by: Words | None = None
    account_locator: str | None = None
    targets: list[CreditItem] | None = None
    reversal_reason: Words | None = None
    reversed_at: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class WriteOffList(SocotraRecord, frozen=True, kw_only=True):
    """A page (WriteOffListResponse)."""

    list_completed: bool
    items: list[WriteOff] | None = None


class Distribution(SocotraRecord, frozen=True, kw_only=True):
    """A movement of credit between containers (CreditDistributionResponse)."""

    locator: str
    credit_distribution_state: Words
    currency: str
    amount: Decimal
    created_at: str | None = None
    created_by: Words | None = None
    account_locator: str | None = None
    sources: list[CreditItem] | None = None
    targets: list[CreditItem] | None = None
    validation_result: ValidationResult | None = None
    executed_at: str | None = None
    reversal_reason: Words | None = None
    reversed_at: str | None = None
    shortfall_credit_locators: list[str] | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class DistributionList(SocotraRecord, frozen=True, kw_only=True):
    """A page (CreditDistributionListResponse, ListPageResponseCreditDistributionResponse)."""

    list_completed: bool
    items: list[Distribution] | None = None
