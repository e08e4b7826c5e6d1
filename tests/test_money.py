"""Amounts are exact, currencies have their own decimals, and a split loses nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from unibill import money

AMOUNTS = st.decimals(min_value=0, max_value=Decimal("1e15"), places=2)
WEIGHTS = st.lists(st.decimals(min_value=0, max_value=Decimal("1e9"), places=4), min_size=1, max_size=12).filter(
    lambda weights: sum(weights) > 0
)


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("USD", 2), ("ZAR", 2), ("KWD", 3), ("CLF", 4)])
def test_each_currency_has_its_own_exponent(currency: str, digits: int) -> None:
    assert money.exponent(currency) == digits


@pytest.mark.parametrize("code", ["XAU", "ZZZ", "usd", ""])
def test_a_code_without_an_exponent_has_none(code: str) -> None:
    assert money.exponent(code) is None


@pytest.mark.parametrize(
    ("text", "digits"), [("10.10", 1), ("100.00", 0), ("1E+2", 0), ("0.001", 3), ("1E-7", 7), ("0.00", 0), ("-0.5", 1)]
)
def test_the_scale_is_the_decimals_an_amount_needs(text: str, digits: int) -> None:
    assert money.scale(Decimal(text)) == digits


@pytest.mark.parametrize("value", [0.1, True, Decimal("NaN"), Decimal("Infinity"), Decimal("sNaN"), "NaN", "Infinity", "ten"])
def test_an_amount_that_is_not_exact_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Decimal](money.Amount).validate_python(value)


@pytest.mark.parametrize("value", ["12345678901234567.89", Decimal("0.10"), 7])
def test_an_exact_amount_is_taken_with_its_digits(value: object) -> None:
    assert str(TypeAdapter[Decimal](money.Amount).validate_python(value)) == str(value)


def test_sums_and_differences_do_not_round_where_the_default_context_would() -> None:
    huge, cent = Decimal("99999999999999999999999999999999.99"), Decimal("0.01")

    assert money.add([huge, cent]) == Decimal("100000000000000000000000000000000.00")
    assert money.subtract(money.add([huge, cent]), cent) == huge
    assert money.add([]) == 0


@given(AMOUNTS, WEIGHTS, st.sampled_from(["JPY", "USD", "KWD", "ZZZ"]))
def test_a_split_conserves_the_amount_to_the_last_digit(amount: Decimal, weights: list[Decimal], currency: str) -> None:
    parts = money.split(amount, weights, currency)

    assert money.add(parts) == amount
    assert len(parts) == len(weights)
    assert all(part >= 0 for part in parts)
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@given(AMOUNTS, WEIGHTS)
def test_each_part_of_a_split_is_within_one_unit_of_its_exact_share(amount: Decimal, weights: list[Decimal]) -> None:
    total = sum(weights)

    for part, weight in zip(money.split(amount, weights, "USD"), weights, strict=True):
        assert abs(part - amount * weight / total) < Decimal("0.0100000001")


def test_ties_of_a_split_go_to_the_earlier_part() -> None:
    assert money.split(Decimal("100.00"), [Decimal(1)] * 3, "USD") == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    assert money.split(Decimal(1000), [Decimal(1)] * 3, "JPY") == [Decimal(334), Decimal(333), Decimal(333)]


@pytest.mark.parametrize(("amount", "weights"), [("-1", ["1"]), ("1", ["0"]), ("1", []), ("1", ["2", "-1"])])
def test_a_split_that_makes_no_sense_is_refused(amount: str, weights: list[str]) -> None:
    with pytest.raises(ValueError, match="positive sum"):
        money.split(Decimal(amount), [Decimal(weight) for weight in weights], "USD")
