"""JSON whose numbers keep their digits.

Money never passes through a binary float: ``10.10`` is read as ``Decimal("10.10")`` and written as ``10.10``. Integers
stay ``int``. ``NaN`` and the infinities are refused both ways; JSON has no such numbers.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast

import msgspec

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PLAIN_EXPONENT = 40


class InexactJSON(ValueError):
    """The bytes are not JSON, or a value cannot be written as JSON without loss."""


def loads(data: bytes | str) -> object:
    """Decode JSON, with fractions as ``Decimal`` and integers as ``int``.

    Args:
        data: UTF-8 bytes or text.

    Raises:
        InexactJSON: the data is not JSON, is nested too deeply, or is not UTF-8.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InexactJSON(str(error)) from error


def dumps(value: object) -> bytes:
    """Encode as compact JSON; a ``Decimal`` is written as a number, digit for digit and without an exponent where that stays readable.

    Raises:
        InexactJSON: a float (which has lost its digits already), a NaN, an infinity, or a type that JSON does not have.
    """
    try:
        return _ENCODER.encode(_writable(value))
    except (TypeError, RecursionError, UnicodeEncodeError) as error:
        raise InexactJSON(str(error)) from error


def number(value: Decimal) -> str:
    """The text of a decimal as a JSON number: ``1E-7`` is ``0.0000001``; every digit and trailing zero stays.

    Raises:
        InexactJSON: the value is not finite.
    """
    if not value.is_finite():
        raise InexactJSON(f"{value} is not a number that JSON can hold")
    exponent = cast("int", value.as_tuple().exponent)
    if exponent <= 0 and abs(value.adjusted()) <= _PLAIN_EXPONENT:
        return format(value, "f")
    return str(value)


def _writable(value: object) -> object:
    if value is None or isinstance(value, (str, bool, int, msgspec.Raw)):
        return value
    if isinstance(value, Decimal):
        return msgspec.Raw(number(value).encode())
    # Asking whether a value is an abstract Mapping is slow, and nearly all are dicts, lists or tuples.
    if isinstance(value, dict) or (not isinstance(value, (list, tuple)) and isinstance(value, Mapping)):
        return {str(key): _writable(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple)) or (isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray))):
        return [_writable(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, float):
        raise InexactJSON(f"{value!r} is a float; pass a Decimal, so that its digits are known")
    raise InexactJSON(f"{type(value).__name__} has no form in JSON")
