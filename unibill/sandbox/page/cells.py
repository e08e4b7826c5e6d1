"""Records as text for the page: every digit kept, card-like numbers masked."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast

import msgspec

from unibill import exactjson
from unibill.money import exponent, scale
from unibill.redact import mask_cards
from unibill.sandbox.view import Column, Entry, RecordType


def amount_text(amount: Decimal, currency: str) -> str:
    """An amount with at least the decimals of its currency: 79.8 EUR is 79.80; none of its digits is lost."""
    decimals = max(exponent(currency) or 0, scale(amount))
    written = exactjson.number(amount)
    whole, _, fraction = written.partition(".")
    if "e" in written.lower() or len(fraction) >= decimals:
        return written
    return f"{whole}.{fraction.ljust(decimals, '0')}"


def moneys(amounts: Mapping[str, Decimal]) -> list[str]:
    """One text per currency; none for those that come to nothing."""
    return [f"{amount_text(amount, code)} {code}" for code, amount in sorted(amounts.items()) if amount]


def cells(kind: RecordType, entry: Entry, *, brief: bool = False) -> list[str]:
    """What the columns of a table show of an entry; if brief, only the first amount says its currency."""
    fields = {**entry.record, **entry.extra}
    currency = str(fields.get(kind.currency or "", ""))
    texts = [_cell(column, entry, fields.get(column.field), currency) for column in kind.columns]
    moneys_at = [index for index, column in enumerate(kind.columns) if column.kind == "money"]
    if brief and currency:
        for index in moneys_at[1:]:
            texts[index] = texts[index].removesuffix(f" {currency}")
    return texts


def raw_text(record: Mapping[str, object]) -> str:
    """The whole record as JSON for people, digit for digit."""
    return msgspec.json.format(exactjson.dumps(masked(record)), indent=2).decode()


def masked(value: object) -> object:
    """The same value with card-like numbers in its texts masked; amounts and ids are not text."""
    if isinstance(value, str):
        return mask_cards(value)
    if isinstance(value, Mapping):
        return {name: masked(item) for name, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence):
        return [masked(item) for item in cast("Sequence[object]", value)]
    return value


def _cell(column: Column, entry: Entry, value: object, currency: str) -> str:
    if column.kind == "id":
        return str(value) if value is not None else entry.id
    if column.kind == "money" and isinstance(value, Mapping):
        return ", ".join(moneys(cast("Mapping[str, Decimal]", value))) or "–"
    if column.kind == "money" and isinstance(value, (Decimal, int)):
        return f"{amount_text(Decimal(value), currency)} {currency}".strip()
    if value is None:
        return ""
    return mask_cards(str(value))
