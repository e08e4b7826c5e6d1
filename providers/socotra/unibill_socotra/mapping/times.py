"""Socotra's times: ISO 8601 with ``Z`` or an offset and any number of fraction digits; ULIDs, which hold one."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN: Final = "0123456789abcdefghijklmnopqrstuv"
_BASE_32: Final = {
    **{ord(letter): _PLAIN[value] for value, letter in enumerate(ALPHABET)},
    **{ord(letter.lower()): _PLAIN[value] for value, letter in enumerate(ALPHABET)},
    **{ord(letter): _PLAIN[value] for letter, value in {"I": 1, "L": 1, "O": 0, "i": 1, "l": 1, "o": 0}.items()},
    **dict.fromkeys(map(ord, "Uu_+- "), "?"),
}
"""Crockford's letters, either case and with its aliases, as Python's own base 32; what neither has makes ``int`` refuse."""
_ULID_LENGTH: Final = 26
_SHORT: Final = len("2024-10-27T00:00:00.000000")
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
    """Whether reading a time lost nothing: it was read, and had no digits beyond the microseconds."""
    if text is None:
        return True
    if read is None:
        return False
    if len(text) <= _SHORT:
        return True
    fraction = text.partition(".")[2]
    return len(fraction) - len(fraction.lstrip("0123456789")) <= _MICROSECONDS


def day(when: datetime | None, zone: tzinfo) -> date | None:
    """The calendar day of a moment in a time zone."""
    return None if when is None else when.astimezone(zone).date()


def ulid_moment(locator: str) -> datetime | None:
    """The time in a ULID's first 48 bits, to the millisecond: an estimate of when the server made the record; None for other texts."""
    if len(locator) != _ULID_LENGTH or locator[0] > "7":
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(locator[:_TIME_LETTERS].translate(_BASE_32), 32))
    except (ValueError, OverflowError):
        return None
