"""Accounts and their ledger (Socotra's OpenAPI document)."""

from unibill.flow import Flow
from unibill_socotra.api.calls import Calls, optional
from unibill_socotra.wire.invoices import LedgerAccount
from unibill_socotra.wire.policies import Account


class AccountsApi(Calls):
    """The reads of accounts and ledger accounts."""

    def fetch_account(self, locator: str) -> Flow[Account]:
        """``fetchAccount`` (OpenAPI)."""
        return self._get("fetchAccount", "accounts: read", self._policy("/accounts/{}", locator), Account)

    def fetch_ledger_account(
        self, ref_type: str, ref_locator: str, *, currency: str | None = None, size: int | None = None
    ) -> Flow[LedgerAccount]:
        """``fetchLedgerAccount`` (OpenAPI). ``accountCreditBalance`` of an account is what it could spend now.

        Args:
            ref_type: accountCreditBalance, invoiceCreditBalance, cash, creditCash, charge, credit, installmentItem, invoiceItem,
                account, policy or accountExpenseBalance.
            ref_locator: of what the type names.
            currency: a ledger account has one balance a currency.
            size: most lines in the answer; absent means 100.
        """
        return self._get(
            "fetchLedgerAccount",
            "accounting: read",
            self._billing("/accounting/ledgerAccounts/{}/{}", ref_type, ref_locator),
            LedgerAccount,
            optional(currency=currency, size=None if size is None else str(size)),
        )
