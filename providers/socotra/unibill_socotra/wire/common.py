"""What Socotra's records share.

Field names are Socotra's own, in snake case (``rename="camel"`` writes them back). Only what unibill cannot do without is
required: a locator, a state, a currency, an amount. Everything else may be absent, since the vendor's own samples and
schemas disagree about it, and absent, ``null`` and ``[]`` mean the same. Enumerations are plain text: a value that nobody
documented must not break a read. Times are text; ``mapping.times`` reads them.

Rests on Socotra's OpenAPI document (version v0) and its Credits API and Flat Charges API pages.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import msgspec

from unibill.wire import WireRecord, Words, require_finite


class SocotraRecord(WireRecord, frozen=True, kw_only=True, rename="camel"):
    """A record of Socotra."""


class CreditItem(SocotraRecord, frozen=True, kw_only=True):
    """One source or target of a credit: a container, and perhaps the part of the amount (schema CreditItem, WriteOffTarget)."""

    container_locator: str
    container_type: Words
    amount: Decimal | None = None

    def __post_init__(self) -> None:
        require_finite(self.amount)


class ValidationItem(SocotraRecord, frozen=True, kw_only=True):
    """What a validation found wrong with one element (schema ValidationItemResponse)."""

    element_type: Words | None = None
    locator: str | None = None
    errors: list[str] | None = None


class ValidationResult(SocotraRecord, frozen=True, kw_only=True):
    """Whether a validation succeeded; a 200 can carry a failure (schema ValidationResult)."""

    validation_items: list[ValidationItem] | None = None
    success: bool | None = None

    def messages(self) -> str:
        """Everything that was found wrong, as one text."""
        return "; ".join(error for item in self.validation_items or () for error in item.errors or ())


def given(**values: object) -> dict[str, object]:
    """The members of a body that are given; absent ones are left out rather than sent as null."""
    return {name: value for name, value in values.items() if value is not None}


def opaque(name: str) -> property:
    """A field whose shape the tenant's own configuration gives, read exactly and as it came; None where it is absent.

    msgspec reads fractions in an untyped field as floats, so such a field stays undocumented for the decoder and is kept among the
    unknown ones, whose digits are exact.
    """

    def value(record: WireRecord) -> object:
        return record.unknown.get(name)

    return property(value)


def raw(record: WireRecord, *without: str) -> dict[str, object]:
    """What a record holds as JSON values with the vendor's names, undocumented fields included; absent values left out.

    Args:
        record: any wire record.
        without: vendor names that have a slot elsewhere.
    """
    found = cast("dict[str, object]", _lift(msgspec.to_builtins(record, builtin_types=(Decimal,))))
    return {name: value for name, value in found.items() if name not in without and value is not None and value != [] and value != {}}


def _lift(value: object) -> object:
    """Undocumented fields moved back from ``~unknown`` to where the vendor had sent them."""
    if isinstance(value, Mapping):
        record = cast("Mapping[str, object]", value)
        lifted = {name: _lift(item) for name, item in record.items() if name != "~unknown"}
        unknown = record.get("~unknown")
        return {**lifted, **cast("Mapping[str, object]", unknown)} if isinstance(unknown, Mapping) else lifted
    if isinstance(value, (list, tuple)):
        return [_lift(item) for item in cast("list[object]", value)]
    return value
