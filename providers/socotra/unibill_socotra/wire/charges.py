"""Charges (Socotra's Flat Charges API)."""

from dataclasses import dataclass
from decimal import Decimal

from unibill.wire import Words, require_finite
from unibill_socotra.wire.common import SocotraRecord, given


class Charge(SocotraRecord, frozen=True, kw_only=True):
    """A charge on an account (ChargeResponse). It has no time of its own, no state, and no invoice."""

    locator: str
    currency: str
    amount: Decimal
    charge_category: Words
    charge_type: Words
    account_locator: str
    charge_invoicing: Words | None = None
    tag: Words | None = None
    policy_locator: str | None = None
    transaction_locator: str | None = None
    element_locator: str | None = None
    element_static_locator: str | None = None
    reversal_of_locator: str | None = None
    bundle_transaction_locator: str | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class ChargeList(SocotraRecord, frozen=True, kw_only=True):
    """A page (ListPageResponseChargeResponse)."""

    list_completed: bool
    items: list[Charge] | None = None


@dataclass(frozen=True, slots=True)
class ChargeCreate:
    """One charge of an ``addCharges`` request (ChargeCreateRequest).

    Attributes:
        amount: signed, in major units; the documents give no sign rule.
        charge_type: the name of a configured charge type whose handling is flat.
        tag: a short note.
    """

    amount: Decimal
    charge_type: str
    transaction_locator: str | None = None
    element_locator: str | None = None
    element_static_locator: str | None = None
    tag: str | None = None

    def body(self) -> dict[str, object]:
        """The request's JSON values."""
        return given(
            amount=self.amount,
            chargeType=self.charge_type,
            transactionLocator=self.transaction_locator,
            elementLocator=self.element_locator,
            elementStaticLocator=self.element_static_locator,
            tag=self.tag,
        )
