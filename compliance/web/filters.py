"""How pages write dates, names, numbers and terms; plain functions, registered in one place."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import Flask

from compliance.web.charts import line_chart
from compliance.web.contact_words import said
from compliance.web.words import describe, fix_for, options, requirement, words

NONE = "–"
TITLES = {"Dr", "Prof", "Mr", "Mrs", "Ms", "Mx"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
BREAKABLE = re.compile(
    rf"(?:(?:{'|'.join(DAYS)}) )?\d{{1,2}} (?:{'|'.join(MONTHS)})\b(?: \d{{4}})?"
    r"|\d+(?:\.\d+)? (?:days?|mg(?:/\w+)?|[mµ]mol/L|U/L)\b"
)
MIDNIGHT = datetime.time(0, 0)

ZONES: dict[str, str] = {
    "America/New_York": "Eastern",
    "America/Detroit": "Eastern",
    "America/Toronto": "Eastern",
    "America/Kentucky/Louisville": "Eastern",
    "America/Indiana/Indianapolis": "Eastern",
    "US/Eastern": "Eastern",
    "America/Chicago": "Central",
    "America/Winnipeg": "Central",
    "US/Central": "Central",
    "America/Denver": "Mountain",
    "America/Boise": "Mountain",
    "America/Edmonton": "Mountain",
    "US/Mountain": "Mountain",
    "America/Phoenix": "Arizona time",
    "America/Los_Angeles": "Pacific",
    "America/Vancouver": "Pacific",
    "US/Pacific": "Pacific",
    "America/Anchorage": "Alaska time",
    "Pacific/Honolulu": "Hawaii time",
    "America/Halifax": "Atlantic",
    "America/Puerto_Rico": "Atlantic",
    "America/St_Johns": "Newfoundland time",
    "Europe/London": "UK time",
    "Europe/Dublin": "Irish time",
    "Pacific/Auckland": "New Zealand time",
    "UTC": "UTC",
    "Etc/UTC": "UTC",
}

Day = datetime.date | datetime.datetime | str | None
Moment = datetime.datetime | str | None


def d(value: Day) -> str:
    """A day: 2 Apr 2026; "–" for None."""
    day = _day(value)
    return NONE if day is None else f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def dw(value: Day) -> str:
    """A day with its weekday: Thu 2 Apr 2026; "–" for None."""
    day = _day(value)
    return NONE if day is None else f"{DAYS[day.weekday()]} {d(day)}"


def dm(value: Day) -> str:
    """A day without its year, where the year is beside it: Thu 2 Apr; "–" for None."""
    day = _day(value)
    return NONE if day is None else f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def month(value: Day) -> str:
    """A month: Apr 2026; "–" for None."""
    day = _day(value)
    return NONE if day is None else f"{MONTHS[day.month - 1]} {day.year}"


def dt(value: Moment, zone: str) -> str:
    """A moment in a zone: 2 Apr 2026, 14:05 Eastern; "–" for None."""
    if not value:
        return NONE
    local = _local(value, zone)
    return f"{d(local)}, {local:%H:%M} {zone_word(zone)}"


def until(value: Moment, zone: str) -> str:
    """A closing moment in a zone: Wed 8 Apr 2026, 23:59 Eastern; midnight closes the day before."""
    if not value:
        return NONE
    local = _closing(value, zone)
    return f"{dw(local)}, {local:%H:%M} {zone_word(zone)}"


def until_day(value: Moment, zone: str) -> datetime.date | None:
    """The last day that a closing moment leaves, in a zone."""
    return _closing(value, zone).date() if value else None


def zone_word(zone: str) -> str:
    """What people call a time zone: Eastern, UK time, Paris time."""
    return ZONES.get(zone) or f"{zone.rpartition('/')[2].replace('_', ' ')} time"


def in_days(value: Day, today: datetime.date) -> str:
    """How far a day is from today: today, tomorrow, in 3 days, 2 days ago; "" for None."""
    day = _day(value)
    if day is None:
        return ""
    away = (day - today).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    return near.get(away) or (f"in {away} days" if away > 0 else f"{-away} days ago")


def ago(value: datetime.datetime, now: datetime.datetime, zone: str) -> str:
    """How long ago: just now, 12 min ago, 2 h ago; from the day before on in days."""
    minutes = int((now - value).total_seconds() // 60)
    today = now.astimezone(ZoneInfo(zone)).date()
    if (day := value.astimezone(ZoneInfo(zone)).date()) < today:
        return in_days(day, today)
    if minutes < 1:
        return "just now"
    return f"{minutes} min ago" if minutes < 60 else f"{minutes // 60} h ago"


def age(born: datetime.date, today: datetime.date) -> int:
    """Whole years lived on a day."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def initials(name: str | None) -> str:
    """First and last initial of a name without its titles, for the round mark beside it."""
    bare = (name or "").partition(",")[0].replace("-", " ")
    parts = [part for part in bare.split() if part[0].isalpha() and part.strip(".") not in TITLES]
    if not parts:
        return "?"
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper()


def number(value: Decimal | int | float | str | None) -> str:
    """A number without needless zeros: 226, 5.2; "–" for None."""
    if value is None or value == "":
        return NONE
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def keep(text: str | None) -> str:
    """A sentence whose dates and amounts do not break over two lines."""
    return BREAKABLE.sub(lambda found: found.group().replace(" ", "\u00a0"), text or "")


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: 1 patient, 2 patients."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def register(app: Flask) -> None:
    """Give the templates these filters, and the chart function."""
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update(line_chart=line_chart, options=options, fix_for=fix_for)


def _day(value: Day) -> datetime.date | None:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value) if value else None
    return value.date() if isinstance(value, datetime.datetime) else value


def _closing(value: datetime.datetime | str, zone: str) -> datetime.datetime:
    local = _local(value, zone)
    return local - datetime.timedelta(minutes=1) if local.time() == MIDNIGHT else local


def _local(value: datetime.datetime | str, zone: str) -> datetime.datetime:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    return value.astimezone(ZoneInfo(zone))


FILTERS = {
    "d": d,
    "dw": dw,
    "dm": dm,
    "month": month,
    "dt": dt,
    "until": until,
    "until_day": until_day,
    "zone_word": zone_word,
    "in_days": in_days,
    "age": age,
    "ago": ago,
    "initials": initials,
    "number": number,
    "plural": plural,
    "keep": keep,
    "said": said,
    "words": words,
    "describe": describe,
    "requirement": requirement,
}
