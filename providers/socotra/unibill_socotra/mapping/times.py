"""Socotra's times: ISO 8601 with ``Z`` or an offset and any number of fraction digits; ULIDs, which hold one."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS: Final = {letter: value for value, letter in enumerate(ALPHABET)} | {"I": 1, "L": 1, "O": 0}
_TIME_LETTERS: Final = 10
_MICROSECONDS: Final = 6


def moment(text: str | None) -> datetime | None:
    """A time of the vendor's, with its microseconds; None where it is absent or cannot be read."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def is_exact(text: str | None, read: datetime | None) -> bool:
    """Whether reading a time lost nothing: it was read, was in UTC or an offset, and had no digits beyond the microseconds."""
    if text is None:
        return True
    if read is None:
        return False
    fraction = text.partition(".")[2]
    digits = len(fraction) - len(fraction.lstrip("0123456789"))
    return digits <= _MICROSECONDS


def day(when: datetime | None, zone: tzinfo) -> date | None:
    """The calendar day of a moment in a time zone."""
    return None if when is None else when.astimezone(zone).date()


def ulid_moment(locator: str) -> datetime | None:
    """The time in a ULID's first 48 bits, to the millisecond: an estimate of when the server made the record; None for other texts."""
    text = locator.upper()
    if len(text) != 26 or text[0] > "7":
        return None
    milliseconds = 0
    for letter in text[:_TIME_LETTERS]:
        digit = _DIGITS.get(letter)
        if digit is None:
            return None
        milliseconds = milliseconds * 32 + digit
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
