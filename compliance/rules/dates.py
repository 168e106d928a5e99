"""Counting days: calendar dates, never blocks of 24 hours, held inside the calendar."""

from __future__ import annotations

import calendar
import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTHS = (
    "", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_FIRST, _LAST = dt.date.min.toordinal(), dt.date.max.toordinal()


@lru_cache(maxsize=8192)
def show(day: dt.date) -> str:
    """A date for a person, such as `2 Apr 2026`."""
    return f"{day.day} {_MONTHS[day.month]} {day.year}"


@lru_cache(maxsize=65536)
def plus(day: dt.date, days: int) -> dt.date:
    """`days` calendar days later (earlier when negative), held inside the calendar."""
    return dt.date.fromordinal(min(max(day.toordinal() + days, _FIRST), _LAST))


@lru_cache(maxsize=16384)
def plus_months(day: dt.date, months: int, *, beyond: bool = False) -> dt.date:
    """The same day of a later month; count from the anchor always, never from month to month.

    A month without that day gives its last day, or with `beyond` the day after it.
    """
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    if year > dt.MAXYEAR:
        return dt.date.max
    if year < dt.MINYEAR:
        return dt.date.min
    last = calendar.monthrange(year, month + 1)[1]
    clipped = dt.date(year, month + 1, min(day.day, last))
    return plus(clipped, 1) if beyond and day.day > last else clipped


def later_of_days_and_months(
    day: dt.date, days: int, months: int, *, beyond: bool = False
) -> dt.date:
    """The later of so many days and so many calendar months after a day."""
    return max(plus(day, days), plus_months(day, months, beyond=beyond))


def age_on(born: dt.date, day: dt.date, *, early: bool = False) -> int:
    """Age in whole years; born on 29 February: a year older on 1 March, or the day before it."""
    years = day.year - born.year
    return years - (day < birthday(born, years, early=early))


@lru_cache(maxsize=16384)
def birthday(born: dt.date, years: int, *, early: bool = False) -> dt.date:
    """The day on which a person reaches an age in years; of common years 1 March, or `early`."""
    year = min(born.year + years, dt.MAXYEAR)
    if (born.month, born.day) == (2, 29) and not calendar.isleap(year):
        return dt.date(year, 2, 28) if early else dt.date(year, 3, 1)
    return born.replace(year=year)


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name."""
    return ZoneInfo(name)


@lru_cache(maxsize=16384)
def day_begins(day: dt.date, zone_name: str) -> dt.datetime:
    """The first instant of a local day, in UTC."""
    return _utc(dt.datetime.combine(day, dt.time(), zone(zone_name)))


@lru_cache(maxsize=16384)
def day_ends(day: dt.date, zone_name: str) -> dt.datetime:
    """The last full second of a local day (23:59:59), in UTC."""
    return _utc(dt.datetime.combine(day, dt.time(23, 59, 59), zone(zone_name)))


@lru_cache(maxsize=16384)
def day_is_over(day: dt.date, zone_name: str) -> dt.datetime:
    """The first instant after a local day, in UTC."""
    return day_begins(plus(day, 1), zone_name)


@lru_cache(maxsize=4096)
def local_day(at: dt.datetime, zone_name: str) -> dt.date:
    """The local calendar date of an aware instant."""
    try:
        return at.astimezone(zone(zone_name)).date()
    except OverflowError:
        return at.date()


def _utc(moment: dt.datetime) -> dt.datetime:
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        return moment.replace(tzinfo=dt.UTC)
