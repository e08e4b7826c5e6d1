"""Locators, times and currencies."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import iso4217

from unibill_socotra.sandbox.errors import invalid

Clock = Callable[[], int]
"""Gives the time in microseconds since 1970."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_ALIASES: Final = str.maketrans("ILO", "110")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def system_clock() -> int:
    """The machine's time in microseconds since 1970."""
    return time.time_ns() // 1000


class SteppingClock:
    """A clock that moves by a fixed step each time it is read; seeds use it, so that their books never depend on the day.

    Args:
        start: the first time it gives, in microseconds since 1970.
        step: microseconds between two readings.
    """

    def __init__(self, start: int, step: int) -> None:
        self.now = start
        self.step = step

    def __call__(self) -> int:
        """The time; the next reading is one step later."""
        now = self.now
        self.now += self.step
        return now


def stamp(micros: int) -> str:
    """The stored form of a time: UTC with six fraction digits and ``Z``."""
    return _text(_EPOCH + timedelta(microseconds=micros))


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def micros_of(text: str) -> int:
    """The microseconds since 1970 of a stored time.

    Raises:
        ValueError: it is not a date and time.
    """
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


class Ulids:
    """ULIDs that rise with their time and, within one millisecond, with their number; the same run gives the same ones.

    The 48 bits after the time are a counter; the last 32 a digest of it, so that no two look like neighbours.

    Args:
        start: the number of the first; a reopened database starts a new block, so that none is given twice.
    """

    def __init__(self, start: int = 0) -> None:
        self.count = start

    def new(self, micros: int) -> str:
        """The next locator, made at ``micros``."""
        self.count += 1
        count = self.count & 0xFFFFFFFFFFFF
        salt = int.from_bytes(blake2b(count.to_bytes(6, "big"), digest_size=4).digest(), "big")
        value = ((micros // 1000) << 80) | (count << 32) | salt
        return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])


def ulid(text: str) -> str:
    """A locator as the vendor spells it: upper case, I and L read as 1, O as 0.

    Raises:
        Declined: it is not a ULID; the sentence is the vendor's own.
    """
    if _ULID.fullmatch(text):
        return text
    upper = text.upper().translate(_ALIASES)
    if not _ULID.fullmatch(upper):
        raise invalid(f"Invalid ULID: '{text}'")
    return upper


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID, as tenants are."""
    return _UUID.fullmatch(text) is not None


@lru_cache(maxsize=256)
def digits_of(currency: str) -> int:
    """The decimals of an ISO 4217 currency: JPY 0, USD 2, KWD 3.

    Raises:
        Declined: there is no such currency.
    """
    try:
        known = iso4217.Currency(currency)
    except ValueError:
        raise invalid(f"{currency!r} is not an ISO 4217 currency code") from None
    return known.exponent or 0


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount with no more decimals than the currency has, half-even; fewer decimals stay as they were sent."""
    digits = digits_of(currency)
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > digits:
        return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    return amount


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name.

    Raises:
        Declined: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(f"{name!r} is not a time zone") from None


@lru_cache(maxsize=4096)
def _span(day: int, timezone: str, days: int) -> tuple[str, str]:
    start = (_EPOCH + timedelta(days=day)).replace(tzinfo=zone(timezone))
    end = start + timedelta(days=days) - timedelta(milliseconds=1)
    return _text(start.astimezone(UTC)), _text(end.astimezone(UTC))


def billing_span(micros: int, timezone: str, days: int) -> tuple[str, str]:
    """The local midnight that starts the day of ``micros``, and the last millisecond of the ``days`` days from then."""
    local = (_EPOCH + timedelta(microseconds=micros)).astimezone(zone(timezone))
    return _span(local.date().toordinal() - _EPOCH.date().toordinal(), timezone, days)
