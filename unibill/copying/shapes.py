"""Checks of values that were read from a run store, each with a word for what is wrong.

A check takes a value and raises ``Wrong`` where it is not what unibill writes there. What passed needs no second look. msgspec's
own conversion would take NaN for an amount, and does not tell what was found.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, Final, NoReturn, TypeAlias, cast

import msgspec

Check: TypeAlias = Callable[[Any], None]
_DIGITS: Final = 100
"""How many characters an amount has at most: more are no money, and an exponent could make a number that fills the memory."""
_LARGEST: Final = 10**_DIGITS
_SHOWN: Final = 60
_FEW: Final = 12
"""So many words are named."""
_AMOUNT: Final = re.compile(r"-?[0-9]{1,99}(\.[0-9]{1,99})?")
_BEGIN: Final = "2000"
"""No run is older; and times before it may be too early for a clock to know."""
_FIRST: Final = 946_684_800_000
_LAST: Final = 253_402_300_800_000
"""The years 2000 to 9999, in milliseconds since 1970."""


class Wrong(ValueError):
    """A value is not what stands there in a run that is whole; the text goes on after the value's name."""


def _is_not(value: object, wanted: str) -> NoReturn:
    text = "nothing" if value is None else repr(value)
    raise Wrong(f"is {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}, not {wanted}")


# Values


def text(value: object) -> None:
    """Any text."""
    if type(value) is not str:
        _is_not(value, "a text")


def whole(value: object) -> None:
    """A whole number."""
    if type(value) is not int:
        _is_not(value, "a whole number")


def truth(value: object) -> None:
    """True or false."""
    if type(value) is not bool:
        _is_not(value, "true or false")


def amount(value: object) -> None:
    """An amount of money as JSON has it."""
    if not ((type(value) is int and -_LARGEST < value < _LARGEST) or type(value) is Decimal):
        _is_not(value, "an amount")


def is_amount(value: Decimal) -> bool:
    """Whether a number that was read as such can be an amount of money."""
    return value.is_finite() and -_DIGITS <= value.adjusted() <= _DIGITS


def amount_text(value: object) -> None:
    """An amount of money as a column has it: digits without an exponent."""
    if type(value) is not str or _AMOUNT.fullmatch(value) is None:
        _is_not(value, "an amount")


def day(value: object) -> None:
    """A day of the calendar, as ISO 8601 has it."""
    try:
        date.fromisoformat(cast("str", value))
    except (TypeError, ValueError):
        _is_not(value, "a day")


def moment(value: object) -> None:
    """A point in time, as ``store.now`` writes it."""
    try:
        is_one = datetime.fromisoformat(cast("str", value)).tzinfo is not None and cast("str", value) >= _BEGIN
    except (TypeError, ValueError):
        is_one = False
    if not is_one:
        _is_not(value, "a time")


def instant(value: object) -> None:
    """A point in time, in milliseconds since 1970."""
    if type(value) is not int or not _FIRST <= value < _LAST:
        _is_not(value, "a time in milliseconds")


def member(value: object) -> None:
    """An object of anything."""
    if type(value) is not dict:
        _is_not(value, "a JSON object")


def anything(_: object) -> None:
    """Any value."""


# What they are put together to


@cache
def one_of(*words: str) -> Check:
    """One of these words."""
    known = frozenset(words)

    def check(value: object) -> None:
        if type(value) is not str or value not in known:
            _is_not(value, f"one of {', '.join(sorted(known))}" if len(known) <= _FEW else "a word that unibill knows there")

    return check


def word_of(words: type[StrEnum]) -> Check:
    """One of the words of an enumeration."""
    return one_of(*words)


def maybe(check: Check) -> Check:
    """The same, or null."""

    def checked(value: object) -> None:
        if value is not None:
            check(value)

    return checked


def each(check: Check) -> Check:
    """A list of such values."""

    def checked(value: object) -> None:
        if type(value) is not list:
            _is_not(value, "a JSON list")
        for number, item in enumerate(cast("list[object]", value)):
            try:
                check(item)
            except Wrong as wrong:
                raise Wrong(_inside(f"[{number}]", wrong)) from None

    return checked


def pair(first: Check, second: Check) -> Check:
    """A list of two values."""

    def checked(value: object) -> None:
        if type(value) is not list or len(found := cast("list[object]", value)) != 2:
            _is_not(value, "a JSON list of two")
        first(found[0])
        second(found[1])

    return checked


def values(check: Check) -> Check:
    """An object whose values are such, under whatever names."""

    def checked(value: object) -> None:
        member(value)
        for name, item in cast("dict[str, object]", value).items():
            try:
                check(item)
            except Wrong as wrong:
                raise Wrong(_inside(f".{name}", wrong)) from None

    return checked


def fields(checks: Mapping[str, Check], *, perhaps: Mapping[str, Check] | None = None, only: bool = False) -> Check:
    """An object that has these fields.

    Args:
        checks: of each field.
        perhaps: of those that it may lack.
        only: whether it has no others.
    """
    known = {**checks, **(perhaps or {})}

    def checked(value: object) -> None:
        member(value)
        found = cast("dict[str, object]", value)
        for name, check in known.items():
            if name in found:
                try:
                    check(found[name])
                except Wrong as wrong:
                    raise Wrong(_inside(f".{name}", wrong)) from None
            elif name in checks:
                raise Wrong(f"lacks {name!r}")
        if only and len(found) > len(known):
            raise Wrong(f"has {next(name for name in found if name not in known)!r}, which does not belong there")

    return checked


def _inside(where: str, wrong: Wrong) -> str:
    """What is wrong, with one more step of the way to it."""
    said = str(wrong)
    return f"{where}{said}" if said.startswith((".", "[")) else f"{where} {said}"


def texts(*names: str) -> dict[str, Check]:
    """Fields that are texts."""
    return dict.fromkeys(names, text)


# JSON text


def _decimal(digits: str) -> Decimal:
    found = Decimal(digits)
    if len(digits) > _DIGITS or abs(found.adjusted()) > _DIGITS:
        raise Wrong("has a number that is too long for an amount")
    return found


_DECODER: Final = msgspec.json.Decoder(float_hook=_decimal)


def parsed(json: object, check: Check) -> Any:  # noqa: ANN401 - the check knows
    """The value of a JSON text, once it is checked.

    Raises:
        Wrong: it is no JSON, or not what the check wants.
    """
    if type(json) is not str:
        _is_not(json, "a JSON text")
    try:
        value = _DECODER.decode(json)
    except Wrong:
        raise
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Wrong(f"is no JSON ({error})") from error
    try:
        check(value)
    except Wrong as wrong:
        said = str(wrong)
        raise Wrong(f"has JSON of another shape: ${said}" if said.startswith((".", "[")) else said) from None
    return value


def json_text(check: Check) -> Check:
    """A text that is JSON itself."""

    def checked(value: object) -> None:
        parsed(value, check)

    return checked
