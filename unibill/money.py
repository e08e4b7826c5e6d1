"""Amounts and currencies.

An amount is a ``Decimal`` in major units. How many decimals a currency has comes from the ISO 4217 table of the ``iso4217``
library; nothing here rounds.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Context, Decimal
from functools import cache
from typing import Annotated, cast

from pydantic import AfterValidator, BeforeValidator

EXACT = Context(prec=60)
"""Enough digits that sums and differences of amounts never round."""


def exact_amount(value: object) -> object:
    """Let through what has exact digits: Decimal, int, text. A float has lost them already and is refused.

    What it says repeats no value: it ends up in the errors of records that nobody checked.

    Raises:
        ValueError: a float, a bool, or a number that is not finite.
    """
    if isinstance(value, (float, bool)):
        raise ValueError(f"is a {type(value).__name__}; give a Decimal, an int or a text such as '10.10'")  # noqa: TRY004 - pydantic collects ValueErrors
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError("is not a finite amount")
    return value


Amount = Annotated[Decimal, BeforeValidator(exact_amount)]
"""A Decimal field that refuses floats, NaN and infinities."""


def _not_negative(amount: Decimal) -> Decimal:
    if amount < 0:
        raise ValueError("an amount here is never negative")
    return amount


AmountNotNegative = Annotated[Amount, AfterValidator(_not_negative)]
"""An amount of which something else says which way it goes."""


@cache
def exponent(currency: str) -> int | None:
    """How many decimals a currency has (JPY 0, USD 2, KWD 3), or None for a code that ISO 4217 does not list or gives no exponent.

    Args:
        currency: the alphabetic code, upper case.
    """
    from iso4217 import Currency

    try:
        found = Currency(currency)
    except ValueError:
        return None
    return found.exponent


def scale(amount: Decimal) -> int:
    """How many decimals an amount needs: 10.10 needs 1, 1E+2 none."""
    return max(0, -cast("int", amount.normalize(EXACT).as_tuple().exponent))


def full(amount: Decimal, currency: str) -> Decimal:
    """The amount with at least the decimals that its currency has, and every digit that it came with: 10.1 USD is 10.10."""
    digits = exponent(currency)
    if digits is None or scale(amount) > digits:
        return amount
    return amount.quantize(Decimal(1).scaleb(-digits), context=EXACT)


def add(amounts: Sequence[Decimal]) -> Decimal:
    """The exact sum; zero for none."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """The exact difference."""
    return EXACT.subtract(left, right)


def split(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split an amount by weights, conserving it to the last digit (largest remainder; ties go to the earlier part).

    Args:
        amount: not negative.
        weights: not negative, with a positive sum.
        currency: whose decimals the parts have; for a code without an exponent, or an amount finer than it, the amount's own.

    Raises:
        ValueError: a negative amount or weight, or weights that sum to zero.
    """
    total = add(weights)
    if amount < 0 or total <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("an amount is split by weights that are not negative and have a positive sum")
    unit = Decimal(1).scaleb(-max(scale(amount), exponent(currency) or 0))
    exact = [EXACT.divide(EXACT.multiply(amount, weight), total) for weight in weights]
    parts = [part.quantize(unit, ROUND_DOWN, EXACT) for part in exact]
    missing = int(EXACT.divide(subtract(amount, add(parts)), unit).to_integral_value())
    by_remainder = sorted(range(len(parts)), key=lambda i: (subtract(parts[i], exact[i]), i))
    for i in by_remainder[:missing]:
        parts[i] = EXACT.add(parts[i], unit)
    return parts
