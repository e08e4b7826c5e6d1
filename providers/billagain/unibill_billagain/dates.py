"""BillAgain's two forms of a day, and the zone that joins them.

A credit note's ``Date`` goes in as ``05 Apr 2016`` and comes back as ``2016-04-04T22:00:00Z``: midnight of that day at
UTC+02:00 (both printed on https://docs.billagain.com/developer/credits; that the zone is +02:00 follows from them). Cutting
the text after ten characters is off by a day, and a day is lost at every such round trip. So the day is taken in the
backend's ``time_zone``, and written with English month names from a table, never from the locale.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OFFSET: Final = re.compile(r"(?:UTC)?([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_BASIC: Final = len("20160404") + 1
"""More digits in one piece than a day has."""
_FRACTION: Final = re.compile(r"\.0*[1-9]")


@lru_cache(64)
def zone_of(text: str) -> tzinfo:
    """The zone of a setting.

    Args:
        text: an offset such as ``UTC+02:00`` or ``+02:00``, or an IANA name such as ``Africa/Johannesburg``.

    Raises:
        ValueError: neither.
    """
    if match := _OFFSET.fullmatch(text):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{text!r} is no time zone; give an offset such as 'UTC+02:00' or '+02:00', or an IANA name such as 'Africa/Johannesburg'"
        ) from error


def written(day: date) -> str:
    """A day as BillAgain's input samples print it: ``05 Apr 2016``. The only form that the documents show."""
    return f"{day.day:02d} {MONTHS[day.month - 1]} {day.year:04d}"


@lru_cache(4096)
def read(text: str, zone: tzinfo) -> tuple[date | None, bool]:
    """The day that a ``Date`` of an answer means.

    Args:
        text: ISO 8601 with ``Z`` or an offset and 0 to 7 fraction digits; without an offset it counts as local to ``zone``.
        zone: the backend's.

    Returns:
        The day, or None where the text is no date; and whether the text says nothing but this day, so that it can be dropped.
    """
    if text[:_BASIC].isdecimal() and len(text) >= _BASIC:
        return None, False  # a number of seconds or milliseconds, whose digits Python may take for a day of long ago
    try:
        moment = datetime.fromisoformat(text)
        local = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(zone)
        midnight = datetime(local.year, local.month, local.day, tzinfo=zone)
        # In UTC, because a zone may have no midnight on the day its clocks change, or two.
        exact = midnight.astimezone(UTC) == local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None, False
    # Python cuts the seventh digit of .NET's fractions, so a fraction is looked for in the text.
    return local.date(), exact and not _FRACTION.search(text)
