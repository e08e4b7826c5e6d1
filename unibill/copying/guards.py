"""Guards: limits past which nothing is written until somebody says so."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, cast

from unibill import exactjson
from unibill.copying.options import Guards
from unibill.copying.store import dumps
from unibill.errors import GuardStopped

_FEWEST: Final = 10
"""A share of fewer records than this says nothing."""


def tripped(
    guards: Guards, records: int, money: Mapping[str, Decimal], largest: Mapping[str, Decimal], held: int, wanted: int
) -> tuple[str, ...]:
    """The guards that a plan trips, each with the option that would let it pass.

    Args:
        guards: the limits.
        records: how many credits would be created.
        money: how much, by currency.
        largest: the largest credit of each currency.
        held: how many records are blocked or in conflict.
        wanted: how many are to be created, exist, or are held.
    """
    found: list[str] = []
    if guards.max_records is not None and records > guards.max_records:
        found.append(f"{records} credits would be created, more than {guards.max_records}; --max-records {records} would let it pass")
    for currency, amount in sorted(money.items()):
        limit = guards.max_money.get(currency)
        if limit is not None and amount > limit:
            found.append(f"{amount} {currency} would be created, more than {limit}; --max-money {currency}={amount} would let it pass")
    for currency, amount in sorted(largest.items()):
        limit = guards.max_credit.get(currency)
        if limit is not None and amount > limit:
            found.append(f"one credit is of {amount} {currency}, more than {limit}; --max-credit {currency}={amount} would let it pass")
    if guards.max_blocked is not None and wanted >= _FEWEST and Decimal(held) > guards.max_blocked * wanted:
        share = (Decimal(held) / Decimal(wanted)).quantize(Decimal("0.001"))
        share += Decimal("0.001") if share * wanted < held else 0
        found.append(
            f"{held} of {wanted} wanted credits are blocked or in conflict, more than a share of {guards.max_blocked}; "
            f"--max-blocked {share} would let it pass"
        )
    return tuple(found)


def stop(found: tuple[str, ...]) -> None:
    """Stop at guards that were tripped.

    Raises:
        GuardStopped: naming every option that would let it pass.
    """
    if found:
        raise GuardStopped("nothing was written: " + "; ".join(found) + "; --yes passes them all")


def packed(guards: Guards) -> str:
    """Guards as text, for the store."""
    return dumps(
        {
            "max_records": guards.max_records,
            "max_money": guards.max_money,
            "max_credit": guards.max_credit,
            "max_blocked": guards.max_blocked,
        }
    )


def unpacked(text: str) -> Guards:
    """Guards from the store."""
    raw = cast("dict[str, Any]", exactjson.loads(text))
    money = {currency: Decimal(amount) for currency, amount in raw["max_money"].items()}
    credit = {currency: Decimal(amount) for currency, amount in raw["max_credit"].items()}
    blocked = raw["max_blocked"]
    return Guards(raw["max_records"], money, credit, None if blocked is None else Decimal(blocked))
