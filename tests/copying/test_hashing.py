"""Facts of money are the same texts everywhere, and different ones are different texts."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibill.copying.hashing import amount_key

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(lambda amount: abs(amount.adjusted()) < 40)


@given(AMOUNTS, AMOUNTS, st.integers(1, 30))
def test_two_amounts_have_one_key_only_if_they_are_equal_whatever_precision_an_app_has_set(
    one: Decimal, other: Decimal, digits: int
) -> None:
    keys = amount_key(one), amount_key(other)
    with localcontext(prec=digits):
        assert (amount_key(one), amount_key(other)) == keys
    assert (keys[0] == keys[1]) is (one == other)
    assert Decimal(keys[0]) == one


@pytest.mark.parametrize(
    ("written", "key"),
    [("10.10", "10.1"), ("1E+3", "1000"), ("-0.00", "0"), ("12345678901234567890123456789.10", "12345678901234567890123456789.1")],
)
def test_a_key_is_the_amount_in_full_without_zeros_at_its_end(written: str, key: str) -> None:
    assert amount_key(Decimal(written)) == key
