"""Invoices: reading them, their debits, and settling negative ones (Socotra's OpenAPI document)."""

from unibill.flow import Effect, Flow, Request
from unibill.wire import read
from unibill_socotra.api.calls import Calls, Listing, optional
from unibill_socotra.wire.credits import Distribution, DistributionList
from unibill_socotra.wire.invoices import Debit, DebitList, Invoice, InvoiceDetails, InvoiceList


class InvoicesApi(Calls):
    """The operations on invoices."""

    def get_invoice_with_items(self, locator: str) -> Flow[Invoice]:
        """``getInvoiceWithItems``: an invoice with its lines, which lists leave out (OpenAPI)."""
        return self._get("getInvoiceWithItems", "invoices: read", self._billing("/invoices/{}", locator), Invoice)

    def fetch_invoice_details(self, locator: str) -> Flow[InvoiceDetails]:
        """``fetchInvoiceDetails``: an invoice by policy and product (OpenAPI)."""
        return self._get("fetchInvoiceDetails", "invoices: read", self._billing("/invoices/{}/details", locator), InvoiceDetails)

    def fetch_invoice_with_number(self, invoice_number: str) -> Flow[list[Invoice]]:
        """``fetchInvoiceWithNumber``: every invoice with this number, as a bare array (OpenAPI)."""
        return self._get_array("fetchInvoiceWithNumber", "invoices: read", self._billing("/invoices/numbers/{}", invoice_number), Invoice)

    def fetch_invoices_for_account(
        self,
        account_locator: str,
        *,
        include_zero_amount_invoices: bool | None = None,
        offset: int = 0,
        count: int | None = None,
        extended: bool = True,
    ) -> Flow[Listing[Invoice]]:
        """One page of ``fetchInvoicesForAccount``; its invoices have no lines (OpenAPI)."""
        return self._page(
            "fetchInvoicesForAccount",
            "invoices: read, list",
            self._billing("/invoices/accounts/{}/list", account_locator),
            InvoiceList,
            Invoice,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(includeZeroAmountInvoices=include_zero_amount_invoices),
        )

    def fetch_debits_for_an_invoice(
        self, invoice_locator: str, *, include_reversed: bool | None = None, offset: int = 0, count: int | None = None
    ) -> Flow[Listing[Debit]]:
        """One page of ``fetchDebitsForAnInvoice``: money taken out of an invoice (OpenAPI; the meaning is inferred)."""
        return self._page(
            "fetchDebitsForAnInvoice",
            "invoices: read, list",
            self._billing("/invoices/{}/debits/list", invoice_locator),
            DebitList,
            Debit,
            offset=offset,
            count=count,
            query=optional(includeReversed=include_reversed),
        )

    def settle_negative_or_zero_invoice(self, locator: str, *, forced: bool | None = None) -> Flow[list[Distribution]]:
        """``settleNegativeOrZeroInvoice``: settle it into the balance or open invoices; answers the distributions made (OpenAPI)."""
        at = self._billing("/invoices/{}/settle", locator)
        request = Request("settleNegativeOrZeroInvoice", "POST", at, optional(forced=forced), None, Effect.ONCE, "invoices: write")
        response = yield from self._answered(request)
        if response.body.lstrip()[:1] == b"[":
            return read(request, response, list[Distribution])
        return read(request, response, DistributionList).items or []
