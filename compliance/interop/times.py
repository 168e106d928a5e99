"""Times as laboratories write them: kept as sent, read only where there is one way to read them."""

from __future__ import annotations

import datetime as dt
import re

from compliance.services.incoming import Stamp

_TIME = re.compile(
    r"(?P<year>\d{4})-?(?:(?P<month>\d{2})-?(?:(?P<day>\d{2})"
    r"(?:[ T]?(?P<hour>\d{2}):?(?:(?P<minute>\d{2}):?(?:(?P<second>\d{2})(?:\.\d+)?)?)?)?)?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?\Z"
)
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def read_stamp(text: str, source: str = "", zone: dt.tzinfo | None = None) -> Stamp:
    """A time with its day and moment; `zone` counts where the time itself names none."""
    written = text.strip()
    found = _TIME.match(written)
    if found is None or not found["day"]:
        return Stamp(written, None, None, source)
    try:
        day = dt.date(int(found["year"]), int(found["month"]), int(found["day"]))
        moment = _moment(found, day, zone)
    except ValueError:
        return Stamp(written, None, None, source)
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return Stamp(written, None, None, source)
    return Stamp(written, day, moment, source)


def read_zone(text: str) -> dt.tzinfo | None:
    """The offset at the end of a time, when it has one that exists; raises nothing."""
    found = _TIME.match(text.strip())
    try:
        return _offset(found["zone"]) if found and found["zone"] else None
    except ValueError:
        return None


def _moment(found: re.Match[str], day: dt.date, zone: dt.tzinfo | None) -> dt.datetime | None:
    if found["hour"] is None:
        return None
    time = dt.time(int(found["hour"]), int(found["minute"] or 0), int(found["second"] or 0))
    own = _offset(found["zone"]) if found["zone"] else zone
    return dt.datetime.combine(day, time, tzinfo=own)


def _offset(text: str) -> dt.tzinfo:
    if text == "Z":
        return dt.UTC
    digits = text[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 14 or minutes > 59:
        raise ValueError(text)
    offset = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-offset if text[0] == "-" else offset)
