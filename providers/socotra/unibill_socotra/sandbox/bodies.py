"""Request bodies: the vendor's schemas, and how JSON is checked against them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, TypeVar, cast

import msgspec
from msgspec import Struct

from unibill import exactjson
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.errors import invalid
from unibill_socotra.sandbox.identity import ulid

B = TypeVar("B", bound="Body")


class Body(Struct, rename="camel", frozen=True, kw_only=True):
    """A request body; fields that the schema does not have are ignored."""


class CreditItem(Body, frozen=True):
    """CreditItem and WriteOffTarget."""

    container_locator: str
    container_type: r.ContainerType
    amount: Decimal | None = None

    def item(self) -> r.Item:
        """The item that is stored."""
        return r.Item(ulid(self.container_locator), self.container_type, self.amount)


class ChargeCreate(Body, frozen=True):
    """ChargeCreateRequest."""

    amount: Decimal
    charge_type: str
    transaction_locator: str | None = None
    element_locator: str | None = None
    element_static_locator: str | None = None
    tag: str | None = None


class ChargesCreate(Body, frozen=True):
    """ChargesCreateRequest."""

    charges: list[ChargeCreate]
    policy_locator: str | None = None
    invoicing: r.Invoicing | None = None
    currency: str | None = None


class ChargesReversal(Body, frozen=True):
    """ChargesReversalRequest; ``invoicing`` is required here."""

    charges: list[str]
    invoicing: r.Invoicing


class DistributionWrite(Body, frozen=True):
    """CreditDistributionCreateRequest and CreditDistributionPutRequest."""

    amount: Decimal
    sources: list[CreditItem]
    targets: list[CreditItem]
    account_locator: str | None = None
    currency: str | None = None


class DistributionUpdate(Body, frozen=True):
    """CreditDistributionUpdateRequest; its four collections may be empty or left out."""

    add_sources: list[CreditItem] = []
    remove_sources: list[str] = []
    add_targets: list[CreditItem] = []
    remove_targets: list[str] = []
    account_locator: str | None = None
    amount: Decimal | None = None
    currency: str | None = None


class Reversal(Body, frozen=True):
    """CreditDistributionReverseRequest, which payments use too."""

    reversal_type: str


class PaymentCreate(Body, frozen=True):
    """PaymentCreateRequest."""

    type: str
    amount: Decimal
    data: dict[str, object]
    targets: list[CreditItem]
    account_locator: str | None = None
    currency: str | None = None
    use_default_financial_instrument: bool | None = None
    financial_instrument_locator: str | None = None
    transaction_method: Literal["ach", "cash", "eft", "standard", "wire"] | None = None
    transaction_number: str | None = None
    payment_mode: Literal["normal", "aggregate"] | None = None
    retry_plan_name: str | None = None


class WriteOffCreate(Body, frozen=True):
    """WriteOffRequest."""

    account_locator: str
    targets: list[CreditItem]


class InvoiceFee(Body, frozen=True):
    """UpdateInvoiceFeeAmountRequest."""

    invoice_fee_amount: Decimal


def parse(kind: type[B], data: bytes) -> B:
    """A request body, checked.

    Raises:
        Declined: it is not JSON, not an object, lacks a field, or a field has another type; amounts must be JSON numbers.
    """
    try:
        value = exactjson.loads(data)
    except exactjson.InexactJSON as error:
        raise invalid(f"the body is not JSON: {error}") from error
    _no_text_amounts(value, "$")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error


def _no_text_amounts(value: object, path: str) -> None:
    if isinstance(value, Mapping):
        for name, part in cast("Mapping[str, object]", value).items():
            if name in ("amount", "invoiceFeeAmount") and isinstance(part, str):
                raise invalid(f"{name} must be a number, not text - at `{path}.{name}`")
            if name != "data":
                _no_text_amounts(part, f"{path}.{name}")
    elif isinstance(value, list):
        for index, part in enumerate(cast("list[object]", value)):
            _no_text_amounts(part, f"{path}[{index}]")
