"""Payments and disbursements (Socotra's OpenAPI document)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from unibill.flow import Flow
from unibill_socotra.api.calls import Calls, Listing, optional
from unibill_socotra.api.distributions import items_body
from unibill_socotra.wire.common import CreditItem, given
from unibill_socotra.wire.payments import Disbursement, DisbursementList, Payment, PaymentList

_WRITE = "payments: write"


class PaymentsApi(Calls):
    """The operations on payments, and the reads of disbursements."""

    def fetch_payment(self, locator: str) -> Flow[Payment]:
        """``fetchPayment`` (OpenAPI)."""
        return self._get("fetchPayment", "payments: read", self._billing("/payments/{}", locator), Payment)

    def fetch_multiple_payments(
        self,
        account_locator: str | None = None,
        *,
        target_container_locator: str | None = None,
        offset: int = 0,
        count: int | None = None,
        extended: bool = True,
    ) -> Flow[Listing[Payment]]:
        """One page of ``fetchMultiplePayments`` (OpenAPI). A payment may have been created without an account."""
        return self._page(
            "fetchMultiplePayments",
            "payments: read, list",
            self._billing("/payments/list"),
            PaymentList,
            Payment,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(accountLocator=account_locator, targetContainerLocator=target_container_locator),
        )

    def fetch_payments_for_an_invoice(
        self, locator: str, *, include_reversed: bool | None = None, offset: int = 0, count: int | None = None, extended: bool = True
    ) -> Flow[Listing[Payment]]:
        """One page of ``fetchPaymentsForAnInvoice`` (OpenAPI)."""
        return self._page(
            "fetchPaymentsForAnInvoice",
            "invoices: read, list",
            self._billing("/invoices/{}/payments/list", locator),
            PaymentList,
            Payment,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(includeReversed=include_reversed),
        )

    def fetch_subpayments(self, locator: str, *, offset: int = 0, count: int | None = None) -> Flow[Listing[Payment]]:
        """One page of ``fetchSubpayments``: the parts of an aggregate payment (OpenAPI)."""
        return self._page(
            "fetchSubpayments",
            "payments: read, list",
            self._billing("/payments/{}/subpayments/list", locator),
            PaymentList,
            Payment,
            offset=offset,
            count=count,
        )

    def create_payment(
        self,
        type: str,
        amount: Decimal,
        targets: Sequence[CreditItem],
        *,
        account_locator: str | None = None,
        currency: str | None = None,
        data: Mapping[str, object] | None = None,
        use_default_financial_instrument: bool | None = None,
        financial_instrument_locator: str | None = None,
        transaction_method: str | None = None,
        transaction_number: str | None = None,
        payment_mode: str | None = None,
        retry_plan_name: str | None = None,
    ) -> Flow[Payment]:
        """``createPayment``: a draft; nothing moves before it is posted (OpenAPI)."""
        body = given(
            accountLocator=account_locator,
            type=type,
            amount=amount,
            currency=currency,
            data=dict(data or {}),
            targets=items_body(targets),
            useDefaultFinancialInstrument=use_default_financial_instrument,
            financialInstrumentLocator=financial_instrument_locator,
            transactionMethod=transaction_method,
            transactionNumber=transaction_number,
            paymentMode=payment_mode,
            retryPlanName=retry_plan_name,
        )
        return self._write("createPayment", _WRITE, "POST", self._billing("/payments"), Payment, body)

    def validate_payment(self, locator: str) -> Flow[Payment]:
        """``validatePayment``: draft to validated; ``Rejected`` where the validation fails inside a 200 (OpenAPI)."""
        return self._write("validatePayment", _WRITE, "PATCH", self._billing("/payments/{}/validate", locator), Payment)

    def post_payment(self, locator: str) -> Flow[Payment]:
        """``postPayment``: validated to posted; what exceeds its targets goes to the account's credit balance (OpenAPI)."""
        return self._write("postPayment", _WRITE, "PATCH", self._billing("/payments/{}/post", locator), Payment, leads_to="posted")

    def reverse_payment(self, locator: str, reversal_type: str) -> Flow[Payment]:
        """``reversePayment``: posted to reversed; the type is configured in the tenant (OpenAPI)."""
        at = self._billing("/payments/{}/reverse", locator)
        return self._write("reversePayment", _WRITE, "PATCH", at, Payment, {"reversalType": reversal_type}, leads_to="reversed")

    def fetch_disbursement(self, locator: str) -> Flow[Disbursement]:
        """``fetchDisbursement`` (OpenAPI)."""
        return self._get("fetchDisbursement", "disbursements: read", self._billing("/disbursements/{}", locator), Disbursement)

    def fetch_multiple_disbursements(
        self, account_locator: str | None = None, *, offset: int = 0, count: int | None = None, extended: bool = True
    ) -> Flow[Listing[Disbursement]]:
        """One page of ``fetchMultipleDisbursements`` (OpenAPI)."""
        return self._page(
            "fetchMultipleDisbursements",
            "disbursements: read, list",
            self._billing("/disbursements/list"),
            DisbursementList,
            Disbursement,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(accountLocator=account_locator),
        )
