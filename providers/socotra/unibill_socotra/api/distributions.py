"""Credit distributions: movements of credit between accounts and invoices (Socotra's OpenAPI document)."""

from collections.abc import Sequence
from decimal import Decimal

from unibill.flow import Effect, Flow
from unibill_socotra.api.calls import Calls, Listing, optional
from unibill_socotra.wire.common import CreditItem, given
from unibill_socotra.wire.credits import Distribution, DistributionList

_READ = "credit-distributions: read"
_LIST = "credit-distributions: read, list"
_WRITE = "credit-distributions: write"


class DistributionsApi(Calls):
    """The operations on credit distributions."""

    def fetch_credit_distribution(self, locator: str) -> Flow[Distribution]:
        """``fetchCreditDistribution`` (OpenAPI)."""
        return self._get("fetchCreditDistribution", _READ, self._billing("/creditDistributions/{}", locator), Distribution)

    def fetch_multiple_credit_distributions(
        self, account_locator: str | None = None, *, offset: int = 0, count: int | None = None, extended: bool = True
    ) -> Flow[Listing[Distribution]]:
        """One page of ``fetchMultipleCreditDistributions`` (OpenAPI)."""
        return self._page(
            "fetchMultipleCreditDistributions",
            _LIST,
            self._billing("/creditDistributions/list"),
            DistributionList,
            Distribution,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(accountLocator=account_locator),
        )

    def fetch_credit_distributions_for_an_invoice(
        self, locator: str, *, include_reversed: bool | None = None, offset: int = 0, count: int | None = None, extended: bool = True
    ) -> Flow[Listing[Distribution]]:
        """One page of ``fetchCreditDistributionsForAnInvoice`` (OpenAPI)."""
        return self._page(
            "fetchCreditDistributionsForAnInvoice",
            "invoices: read, list",
            self._billing("/invoices/{}/creditDistributions/list", locator),
            DistributionList,
            Distribution,
            offset=offset,
            count=count,
            extended=extended,
            query=optional(includeReversed=include_reversed),
        )

    def create_credit_distribution(
        self,
        amount: Decimal,
        sources: Sequence[CreditItem],
        targets: Sequence[CreditItem],
        *,
        account_locator: str | None = None,
        currency: str | None = None,
    ) -> Flow[Distribution]:
        """``createCreditDistribution``: a draft whose locator the server chooses (OpenAPI). It would act again if sent again."""
        return self._write(
            "createCreditDistribution",
            _WRITE,
            "POST",
            self._billing("/creditDistributions"),
            Distribution,
            _movement(amount, sources, targets, account_locator, currency),
        )

    def create_or_replace_credit_distribution(
        self,
        locator: str,
        amount: Decimal,
        sources: Sequence[CreditItem],
        targets: Sequence[CreditItem],
        *,
        account_locator: str | None = None,
        currency: str | None = None,
    ) -> Flow[Distribution]:
        """``createOrReplaceCreditDistribution``: a draft under a locator of the caller's own, or another content for it (OpenAPI).

        That an unused locator creates is inferred from the operation's name. A repetition is harmless.
        """
        return self._write(
            "createOrReplaceCreditDistribution",
            _WRITE,
            "PUT",
            self._billing("/creditDistributions/{}", locator),
            Distribution,
            _movement(amount, sources, targets, account_locator, currency),
            effect=Effect.IDEMPOTENT,
        )

    def update_credit_distribution(
        self,
        locator: str,
        *,
        amount: Decimal | None = None,
        add_sources: Sequence[CreditItem] = (),
        remove_sources: Sequence[str] = (),
        add_targets: Sequence[CreditItem] = (),
        remove_targets: Sequence[str] = (),
        account_locator: str | None = None,
        currency: str | None = None,
    ) -> Flow[Distribution]:
        """``updateCreditDistribution``: change a draft by what is added and removed (OpenAPI)."""
        body = given(
            accountLocator=account_locator,
            amount=amount,
            addSources=[_item(item) for item in add_sources],
            removeSources=list(remove_sources),
            addTargets=[_item(item) for item in add_targets],
            removeTargets=list(remove_targets),
            currency=currency,
        )
        return self._write(
            "updateCreditDistribution", _WRITE, "PATCH", self._billing("/creditDistributions/{}", locator), Distribution, body
        )

    def validate_credit_distribution(self, locator: str) -> Flow[Distribution]:
        """``validateCreditDistribution``: draft to validated; ``Rejected`` where the validation fails inside a 200 (OpenAPI)."""
        return self._change("validateCreditDistribution", "/creditDistributions/{}/validate", locator)

    def execute_credit_distribution(self, locator: str) -> Flow[Distribution]:
        """``executeCreditDistribution``: validated to executed; only now funds move (OpenAPI)."""
        return self._change("executeCreditDistribution", "/creditDistributions/{}/execute", locator, leads_to="executed")

    def reset_credit_distribution(self, locator: str) -> Flow[Distribution]:
        """``resetCreditDistribution``: validated to draft (OpenAPI)."""
        return self._change("resetCreditDistribution", "/creditDistributions/{}/reset", locator, leads_to="draft")

    def discard_credit_distribution(self, locator: str) -> Flow[Distribution]:
        """``discardCreditDistribution``: draft to discarded (OpenAPI)."""
        return self._change("discardCreditDistribution", "/creditDistributions/{}/discard", locator, leads_to="discarded")

    def reverse_credit_distribution(self, locator: str, reversal_type: str) -> Flow[Distribution]:
        """``reverseCreditDistribution``: executed to reversed, whole; the type is configured in the tenant (OpenAPI)."""
        body: dict[str, object] = {"reversalType": reversal_type}
        return self._change("reverseCreditDistribution", "/creditDistributions/{}/reverse", locator, body, leads_to="reversed")

    def _change(
        self, operation: str, template: str, locator: str, body: dict[str, object] | None = None, *, leads_to: str | None = None
    ) -> Flow[Distribution]:
        return self._write(operation, _WRITE, "PATCH", self._billing(template, locator), Distribution, body, leads_to=leads_to)


def _item(item: CreditItem) -> dict[str, object]:
    return given(containerLocator=item.container_locator, containerType=item.container_type, amount=item.amount)


def items_body(items: Sequence[CreditItem]) -> list[dict[str, object]]:
    """Sources or targets as JSON values."""
    return [_item(item) for item in items]


def _movement(
    amount: Decimal, sources: Sequence[CreditItem], targets: Sequence[CreditItem], account: str | None, currency: str | None
) -> dict[str, object]:
    return given(accountLocator=account, amount=amount, currency=currency, sources=items_body(sources), targets=items_body(targets))
