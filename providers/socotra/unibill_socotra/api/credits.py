"""Reading credits and shortfall credits (Socotra's Credits API)."""

from unibill.flow import Flow
from unibill_socotra.api.calls import Calls, Listing, optional
from unibill_socotra.wire.credits import Credit, CreditList, ShortfallCredit, ShortfallCreditList


class CreditsApi(Calls):
    """The operations of the Credits API: reads only."""

    def fetch_credits(
        self, account_locator: str | None = None, *, offset: int = 0, count: int | None = None, extended: bool = True
    ) -> Flow[Listing[Credit]]:
        """One page of ``fetchCredits``: payments, distributions, disbursements and write-offs (Credits API, "Fetch Credits")."""
        return self._page(
            "fetchCredits",
            "credits: read, list",
            self._billing("/credits/list"),
            CreditList,
            Credit,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(accountLocator=account_locator),
        )

    def fetch_shortfall_credit(self, locator: str) -> Flow[ShortfallCredit]:
        """``fetchShortfallCredit`` (Credits API). One rendering of the page prints a list under it; the answer is one object."""
        return self._get("fetchShortfallCredit", "shortfall-credits: read", self._billing("/shortfallCredits/{}", locator), ShortfallCredit)

    def fetch_multiple_shortfall_credits(
        self, account_locator: str | None = None, *, offset: int = 0, count: int | None = None, extended: bool = True
    ) -> Flow[Listing[ShortfallCredit]]:
        """One page of ``fetchMultipleShortfallCredits`` (Credits API)."""
        return self._page(
            "fetchMultipleShortfallCredits",
            "shortfall-credits: read, list",
            self._billing("/shortfallCredits/list"),
            ShortfallCreditList,
            ShortfallCredit,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(accountLocator=account_locator),
        )

    def fetch_credits_for_an_invoice(
        self, locator: str, *, include_reversed: bool | None = None, offset: int = 0, count: int | None = None, extended: bool = True
    ) -> Flow[Listing[Credit]]:
        """One page of ``fetchCreditsForAnInvoice`` (Credits API).

        Whether ``amount`` is the whole credit or the part for this invoice is not documented.
        """
        return self._page(
            "fetchCreditsForAnInvoice",
            "invoices: read, list",
            self._billing("/invoices/{}/credits/list", locator),
            CreditList,
            Credit,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(includeReversed=include_reversed),
        )

    def list_shortfall_credits(self, payment_locator: str, *, offset: int = 0, count: int | None = None) -> Flow[Listing[ShortfallCredit]]:
        """One page of ``listShortfallCredits``: the shortfall credits of a payment (OpenAPI)."""
        return self._page(
            "listShortfallCredits",
            "payments: read, list",
            self._billing("/payments/{}/shortfallCredits/list", payment_locator),
            ShortfallCreditList,
            ShortfallCredit,
            offset=offset,
            count=count,
        )
