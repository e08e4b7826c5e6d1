"""Write-offs: an expense to the business, never a customer's own money (Socotra's OpenAPI document)."""

from collections.abc import Sequence

from unibill.flow import Flow
from unibill_socotra.api.calls import Calls, Listing, optional
from unibill_socotra.api.distributions import items_body
from unibill_socotra.wire.common import CreditItem
from unibill_socotra.wire.credits import WriteOff, WriteOffList


class WriteOffsApi(Calls):
    """The operations on write-offs."""

    def write_off(self, account_locator: str, targets: Sequence[CreditItem]) -> Flow[WriteOff]:
        """``writeOff``: write off invoices or items in order; an omitted amount means all that is unsettled (OpenAPI)."""
        body = {"accountLocator": account_locator, "targets": items_body(targets)}
        return self._write("writeOff", "write-offs: write", "POST", self._billing("/writeOffs"), WriteOff, body)

    def write_off_invoice(self, locator: str) -> Flow[WriteOff]:
        """``writeOffInvoice``: write off all that an invoice leaves open (OpenAPI)."""
        return self._write("writeOffInvoice", "invoices: write", "PATCH", self._billing("/invoices/{}/writeOff", locator), WriteOff)

    def reverse_write_off(self, locator: str) -> Flow[WriteOff]:
        """``reverseWriteOff``: undo one, in full only (OpenAPI)."""
        return self._write("reverseWriteOff", "write-offs: write", "PATCH", self._billing("/writeOffs/{}/reverse", locator), WriteOff)

    def fetch_write_off(self, locator: str) -> Flow[WriteOff]:
        """``fetchWriteOff`` (OpenAPI)."""
        return self._get("fetchWriteOff", "write-offs: read", self._billing("/writeOffs/{}", locator), WriteOff)

    def fetch_multiple_write_offs(
        self, account_locator: str | None = None, *, offset: int = 0, count: int | None = None, extended: bool = True
    ) -> Flow[Listing[WriteOff]]:
        """One page of ``fetchMultipleWriteOffs`` (OpenAPI)."""
        return self._page(
            "fetchMultipleWriteOffs",
            "write-offs: read, list",
            self._billing("/writeOffs/list"),
            WriteOffList,
            WriteOff,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(accountLocator=account_locator),
        )
