"""Charges and invoice fees (Socotra's Flat Charges API)."""

from collections.abc import Sequence
from decimal import Decimal

from unibill.flow import Effect, Flow
from unibill_socotra.api.calls import Calls, Listing, optional
from unibill_socotra.wire.charges import Charge, ChargeCreate, ChargeList
from unibill_socotra.wire.common import given
from unibill_socotra.wire.policies import Policy, Quote


class ChargesApi(Calls):
    """The operations of the Flat Charges API."""

    def add_charges(
        self,
        account_locator: str,
        charges: Sequence[ChargeCreate],
        *,
        policy_locator: str | None = None,
        invoicing: str | None = None,
        currency: str | None = None,
    ) -> Flow[list[Charge]]:
        """``addCharges``: put flat charges on an account (Flat Charges API). The answer is a bare array; its order is not documented.

        Args:
            account_locator: the account; policies and transactions named must belong to it.
            charges: share policy, invoicing and currency.
            policy_locator: the policy that they belong to; its time zone becomes that of the invoice's lines.
            invoicing: ``scheduled``, ``next`` or ``immediate``; absent leaves it to the charge type.
            currency: absent takes the policy's or the tenant's.
        """
        body = given(policyLocator=policy_locator, invoicing=invoicing, currency=currency, charges=[charge.body() for charge in charges])
        return self._write_array("addCharges", "charges: write", self._billing("/accounts/{}/charges", account_locator), Charge, body)

    def reverse_charges(self, account_locator: str, charge_locators: Sequence[str], *, invoicing: str) -> Flow[list[Charge]]:
        """``reverseCharges``: answers new charges whose ``reversalOfLocator`` names the originals (Flat Charges API).

        ``invoicing`` is required here, unlike on create.
        """
        body = {"invoicing": invoicing, "charges": list(charge_locators)}
        return self._write_array(
            "reverseCharges", "charges: write", self._billing("/accounts/{}/charges/reverse", account_locator), Charge, body
        )

    def fetch_charges_by_account(self, account_locator: str, *, offset: int = 0, count: int | None = None) -> Flow[Listing[Charge]]:
        """One page of ``fetchChargesByAccount`` (Flat Charges API)."""
        return self._page(
            "fetchChargesByAccount",
            "charges: read, list",
            self._billing("/accounts/{}/charges/list", account_locator),
            ChargeList,
            Charge,
            offset=offset,
            count=count,
        )

    def fetch_charges_by_policy(self, policy_locator: str, *, offset: int = 0, count: int | None = None) -> Flow[Listing[Charge]]:
        """One page of ``fetchChargesByPolicy`` (Flat Charges API)."""
        return self._page(
            "fetchChargesByPolicy",
            "charges: read, list",
            self._billing("/policies/{}/charges/list", policy_locator),
            ChargeList,
            Charge,
            offset=offset,
            count=count,
        )

    def fetch_charges_by_transaction(
        self, transaction_locator: str, *, include_all: bool | None = None, offset: int = 0, count: int | None = None
    ) -> Flow[Listing[Charge]]:
        """One page of ``fetchChargesByTransaction`` (Flat Charges API). What ``includeAll`` adds is not documented."""
        return self._page(
            "fetchChargesByTransaction",
            "charges: read, list",
            self._billing("/transactions/{}/charges/list", transaction_locator),
            ChargeList,
            Charge,
            offset=offset,
            count=count,
            query=optional(includeAll=include_all),
        )

    def update_quote_invoice_fee_amount(self, locator: str, invoice_fee_amount: Decimal) -> Flow[Quote]:
        """``updateQuoteInvoiceFeeAmount``: set a quote's invoice fee, which sets the same amount however often (Flat Charges API)."""
        return self._write(
            "updateQuoteInvoiceFeeAmount",
            "quotes: write",
            "PATCH",
            self._policy("/quotes/{}/invoiceFeeAmount", locator),
            Quote,
            {"invoiceFeeAmount": invoice_fee_amount},
            effect=Effect.IDEMPOTENT,
        )

    def update_policy_invoice_fee_amount(self, locator: str, invoice_fee_amount: Decimal) -> Flow[Policy]:
        """``updatePolicyInvoiceFeeAmount``: set a policy's invoice fee, which sets the same amount however often (Flat Charges API)."""
        return self._write(
            "updatePolicyInvoiceFeeAmount",
            "policies: write",
            "PATCH",
            self._policy("/policies/{}/invoiceFeeAmount", locator),
            Policy,
            {"invoiceFeeAmount": invoice_fee_amount},
            effect=Effect.IDEMPOTENT,
        )
