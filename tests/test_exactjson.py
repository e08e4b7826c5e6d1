"""JSON numbers keep their digits, both ways."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibill import exactjson
from unibill.exactjson import InexactJSON

FINITE = st.decimals(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text", ["0.10", "100.00", "12345678901234567.89", "0.0000001", "-10.10", "-0.00", "1.0", "123456789012345678901234567890.5"]
)
def test_digits_survive_both_ways(text: str) -> None:
    value = exactjson.loads(text)

    assert isinstance(value, Decimal)
    assert str(format(value, "f")) == text
    assert exactjson.dumps(value) == text.encode()


def test_an_exponent_is_read_exactly_and_written_plainly() -> None:
    assert exactjson.loads("1e-7") == Decimal("0.0000001")
    assert exactjson.dumps(Decimal("1e-7")) == b"0.0000001"


@pytest.mark.parametrize("text", ["1E+50", "1E-50", "1E+3", "-2.50E-60"])
def test_a_number_with_an_exponent_too_large_to_read_keeps_it(text: str) -> None:
    assert exactjson.dumps(Decimal(text)) == text.encode()
    assert exactjson.loads(text) == Decimal(text)


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**64, -(2**70)])
def test_integers_stay_integers_of_any_size(number: int) -> None:
    read = exactjson.loads(str(number))

    assert (type(read), read) == (int, number)
    assert exactjson.dumps(number) == str(number).encode()


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "nan", '{"a": NaN}', "[1, Infinity]"])
def test_what_is_no_number_is_refused_when_read(text: str) -> None:
    with pytest.raises(InexactJSON):
        exactjson.loads(text)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused_when_written(text: str) -> None:
    with pytest.raises(InexactJSON, match="not a number"):
        exactjson.dumps({"amount": [Decimal(text)]})


@pytest.mark.parametrize("value", [0.1, float("nan"), float("inf")])
def test_a_float_is_refused_when_written_since_its_digits_are_lost(value: float) -> None:
    with pytest.raises(InexactJSON, match="is a float"):
        exactjson.dumps({"amount": value})


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}, 1j])
def test_what_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(InexactJSON, match="no form in JSON"):
        exactjson.dumps([value])


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": 1', b"<html>", b"\xff\xfe", b'"\xc3"', b"[" * 100_000, b"01", b"1.", b".5", b"+1"])
def test_what_is_not_json_is_refused_whatever_it_is(data: bytes) -> None:
    with pytest.raises(InexactJSON):
        exactjson.loads(data)


def test_broken_unicode_is_refused_when_written() -> None:
    with pytest.raises(InexactJSON):
        exactjson.dumps({"memo": "\ud800"})


def test_broken_unicode_is_refused_when_read_as_text() -> None:
    with pytest.raises(InexactJSON):
        exactjson.loads('"\ud800"')


def test_a_structure_that_holds_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)

    with pytest.raises(InexactJSON):
        exactjson.dumps(loop)


@given(FINITE)
def test_every_finite_decimal_keeps_its_value(value: Decimal) -> None:
    read = exactjson.loads(exactjson.dumps(value))

    assert isinstance(read, (Decimal, int))
    assert Decimal(read) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_every_amount_of_cents_keeps_its_digits(value: Decimal) -> None:
    assert str(exactjson.loads(exactjson.dumps(value))) == str(value)


@given(VALUES)
def test_what_is_written_is_json_for_others_too_and_reads_back_the_same(value: object) -> None:
    data = exactjson.dumps(value)

    json.loads(data)
    assert exactjson.loads(data) == value
    assert exactjson.dumps(exactjson.loads(data)) == data
