"""Invoices, their details and debits, and ledger accounts (Socotra's OpenAPI document)."""

from decimal import Decimal

from unibill.wire import Words, require_finite
from unibill_socotra.wire.common import SocotraRecord


class InvoiceItem(SocotraRecord, frozen=True, kw_only=True):
    """A line of an invoice (InvoiceItemResponse). It does not name the charge it came from."""

    locator: str
    amount: Decimal
    charge_type: Words | None = None
    charge_category: Words | None = None
    remaining_amount: Decimal | None = None
    settlement_time: str | None = None
    invoice_locator: str | None = None
    installment_item_locators: list[str] | None = None
    timezone: str | None = None
    quote_locator: str | None = None
    policy_locator: str | None = None
    element_static_locator: str | None = None
    element_type: Words | None = None
    transaction_locators: list[str] | None = None
    unsettled_time: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount, self.remaining_amount)


class Invoice(SocotraRecord, frozen=True, kw_only=True):
    """An invoice: whole with its items (InvoiceResponse), or as lists have it, without (InvoiceSummaryView)."""

    locator: str
    account_locator: str
    invoice_state: Words
    currency: str
    invoice_items: list[InvoiceItem] | None = None
    generated_time: str | None = None
    due_time: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    unsettled_time: str | None = None
    timezone: str | None = None
    invoice_number: Words | None = None
    autopay_time: str | None = None
    settled_time: str | None = None
    aggregated_invoice_locator: str | None = None
    invoice_type: Words | None = None
    total_amount: Decimal | None = None
    total_remaining_amount: Decimal | None = None

    def __post_init__(self) -> None:
        require_finite(self.total_amount, self.total_remaining_amount)


class InvoiceList(SocotraRecord, frozen=True, kw_only=True):
    """A page (InvoiceListResponse)."""

    list_completed: bool
    items: list[Invoice] | None = None


class InstallmentItemSummary(SocotraRecord, frozen=True, kw_only=True):
    """What of an instalment stands behind an invoice's line (InstallmentItemSummary)."""

    amount: Decimal
    installment_item_locator: str | None = None
    installment_locator: str | None = None
    element_locator: str | None = None
    transaction_locator: str | None = None
    transaction_type: Words | None = None
    transaction_category: Words | None = None
    transaction_effective_time: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class FlatChargeSummary(SocotraRecord, frozen=True, kw_only=True):
    """The flat charge behind an invoice's line, without its locator (FlatChargeSummary)."""

    amount: Decimal
    transaction_locator: str | None = None
    transaction_type: Words | None = None
    transaction_category: Words | None = None
    transaction_effective_time: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class InvoiceItemSummary(SocotraRecord, frozen=True, kw_only=True):
    """A line of an invoice with what stands behind it (InvoiceItemSummary)."""

    amount: Decimal
    remaining_amount: Decimal | None = None
    invoice_item_locator: str | None = None
    element_type: Words | None = None
    element_static_locator: str | None = None
    charge_type: Words | None = None
    charge_category: Words | None = None
    settlement_time: str | None = None
    installment_item_summaries: list[InstallmentItemSummary] | None = None
    flat_charge_summary: FlatChargeSummary | None = None
    unsettled_time: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount, self.remaining_amount)


class InvoiceSummary(SocotraRecord, frozen=True, kw_only=True):
    """The lines of one policy or quote on an invoice (InvoiceSummary)."""

    policy_locator: str | None = None
    quote_locator: str | None = None
    product_name: str | None = None
    invoice_item_summaries: list[InvoiceItemSummary] | None = None


class InvoiceDetails(SocotraRecord, frozen=True, kw_only=True):
    """An invoice by policy and product (InvoiceDetailsResponse)."""

    invoice_locator: str
    account_locator: str
    invoice_state: Words
    currency: str
    total_amount: Decimal
    total_remaining_amount: Decimal
    start_time: str | None = None
    end_time: str | None = None
    generated_time: str | None = None
    due_time: str | None = None
    timezone: str | None = None
    invoice_number: Words | None = None
    invoice_summaries: list[InvoiceSummary] | None = None
    autopay_time: str | None = None
    unsettled_time: str | None = None
    settled_time: str | None = None
    aggregated_invoice_locator: str | None = None
    invoice_type: Words | None = None

    def __post_init__(self) -> None:
        require_finite(self.total_amount, self.total_remaining_amount)


class Debit(SocotraRecord, frozen=True, kw_only=True):
    """Money taken out of an invoice (DebitResponse; the meaning is inferred from its fields)."""

    amount: Decimal
    invoice_locator: str | None = None
    target_type: Words | None = None
    target_locator: str | None = None
    reversed: bool | None = None
    reversed_at: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class DebitList(SocotraRecord, frozen=True, kw_only=True):
    """A page (ListPageResponseDebitResponse)."""

    list_completed: bool
    items: list[Debit] | None = None


class LedgerLine(SocotraRecord, frozen=True, kw_only=True):
    """A line of a ledger account; the sign is in ``accounting_type`` (LedgerAccountLineItem)."""

    amount: Decimal
    accounting_type: Words
    fa_transaction_locator: str | None = None
    fa_transaction_time: str | None = None
    fa_transaction_note: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class LedgerAccount(SocotraRecord, frozen=True, kw_only=True):
    """A ledger account in one currency (LedgerAccountResponse)."""

    balance: Decimal
    currency: str
    reference_locator: str | None = None
    reference_type: Words | None = None
    line_items: list[LedgerLine] | None = None

    def __post_init__(self) -> None:
        require_finite(self.balance)
