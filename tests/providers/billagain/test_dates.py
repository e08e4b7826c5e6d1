"""The off-by-one trap: a day goes in as 05 Apr 2016 and comes back as 2016-04-04T22:00:00Z."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unibill_billagain import dates

PLUS_TWO = timezone(timedelta(hours=2))
ZONES = [
    "UTC+02:00",
    "-11:30",
    "+14:00",
    "UTC",
    "Africa/Johannesburg",
    "America/Sao_Paulo",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Asia/Beirut",
]


def sent_by_the_vendor(text: str, zone: tzinfo) -> str:
    """What BillAgain makes of an input date: midnight of that day in its zone, printed in UTC."""
    day, month, year = text.split()
    midnight = datetime(int(year), dates.MONTHS.index(month) + 1, int(day), tzinfo=zone)
    return midnight.astimezone(UTC).isoformat().replace("+00:00", "Z")


def test_the_printed_date_is_the_day_that_was_sent_and_not_the_one_its_text_begins_with() -> None:
    assert dates.read("2016-04-04T22:00:00Z", PLUS_TWO) == (date(2016, 4, 5), True)
    assert dates.written(date(2016, 4, 5)) == "05 Apr 2016"


@pytest.mark.parametrize(
    ("text", "day", "exact"),
    [
        ("2016-04-05T00:00:00+02:00", date(2016, 4, 5), True),
        ("2016-04-04T22:00:00.0000000Z", date(2016, 4, 5), True),
        ("2016-04-04T22:00:00.0000001Z", date(2016, 4, 5), False),
        ("2016-04-03T15:26:05.7987439Z", date(2016, 4, 3), False),
        ("2016-04-03T15:01:24.48Z", date(2016, 4, 3), False),
        ("2016-04-03T17:25:46.2089071+02:00", date(2016, 4, 3), False),
        ("2016-04-04T21:59:59Z", date(2016, 4, 4), False),
        ("2016-04-05T23:30:00-05:00", date(2016, 4, 6), False),
        ("2016-04-05T00:00:00", date(2016, 4, 5), True),
        ("2016-04-05", date(2016, 4, 5), True),
        ("0001-01-01T00:00:00Z", None, False),
        ("9999-12-31T23:00:00Z", None, False),
        ("05.04.2016", None, False),
        ("soon", None, False),
    ],
)
def test_offsets_fractions_and_nonsense_are_read(text: str, day: date | None, exact: bool) -> None:
    assert dates.read(text, PLUS_TWO) == (day, exact)


@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)), st.sampled_from(ZONES))
def test_no_day_is_lost_or_won_over_repeated_round_trips_in_any_zone(day: date, name: str) -> None:
    zone, now = dates.zone_of(name), day
    for _ in range(3):
        read, exact = dates.read(sent_by_the_vendor(dates.written(now), zone), zone)
        assert (read, exact) == (day, True)
        now = read or now


def test_a_wrong_zone_would_drift_and_the_right_one_does_not() -> None:
    text = sent_by_the_vendor("05 Apr 2016", PLUS_TWO)
    assert dates.read(text, UTC) == (date(2016, 4, 4), False)
    assert dates.read(text, PLUS_TWO) == (date(2016, 4, 5), True)


def test_months_are_english_and_days_have_two_digits() -> None:
    written = [dates.written(date(2021, month, 9)) for month in range(1, 13)]
    assert " ".join(text.split()[1] for text in written) == "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
    assert written[0] == "09 Jan 2021"


@pytest.mark.parametrize(
    ("text", "hours"),
    [("UTC+02:00", 2.0), ("+02:00", 2.0), ("UTC-03:30", -3.5), ("Africa/Johannesburg", 2.0), ("UTC", 0.0), ("+00:00", 0.0)],
)
def test_a_zone_is_an_offset_or_a_name(text: str, hours: float) -> None:
    assert datetime(2020, 6, 1, tzinfo=dates.zone_of(text)).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["1712121200", "1712121200123", "1712121200123.5", "0"])
def test_a_number_of_seconds_or_milliseconds_is_no_day_of_long_ago(text: str) -> None:
    assert dates.read(text, PLUS_TWO) == (None, False)


@pytest.mark.parametrize(
    "text", ["", "2", "+2", "+24:00", "+02:60", "UTC+2", "Mars/Olympus", "../etc/passwd", "Africa", "GMT+02:00", "\x00"]
)
def test_what_is_no_zone_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(ValueError, match="give an offset such as 'UTC\\+02:00'"):
        dates.zone_of(text)
