"""On which days a clinic is open, and the last or next such day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from compliance.rules.dates import plus, show

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LONGEST_CLOSURE = 21  # days; a clinic that opens on no weekday at all has no next open day


@dataclass(frozen=True, slots=True)
class Openings:
    """The weekdays on which a clinic opens (1 is Monday, 7 Sunday) and its public holidays."""

    weekdays: frozenset[int]
    holidays: Mapping[dt.date, str] = field(default_factory=dict)

    def is_open(self, day: dt.date) -> bool:
        """Whether the clinic opens on this day."""
        return day.isoweekday() in self.weekdays and day not in self.holidays

    def closed_words(self, day: dt.date) -> str:
        """That the clinic is closed on a day, with the holiday where it is one."""
        holiday = self.holidays.get(day)
        return f"the clinic is closed ({holiday})" if holiday else "the clinic is closed"

    def last_open(self, first: dt.date, last: dt.date) -> dt.date | None:
        """The last open day from `first` to `last`, both included; None when there is none."""
        days = (plus(last, -back) for back in range((last - first).days + 1))
        return next((day for day in days if self.is_open(day)), None)

    def next_open(self, day: dt.date) -> dt.date | None:
        """This day or the next on which it opens; None when none comes within three weeks."""
        days = (plus(day, ahead) for ahead in range(_LONGEST_CLOSURE + 1))
        return next((later for later in days if self.is_open(later)), None)


def read_weekdays(text: str) -> frozenset[int]:
    """ISO weekdays written as `1,2,3,4,5`."""
    return frozenset(int(part) for part in text.split(",") if part.strip())


def show_day(day: dt.date) -> str:
    """A day with its weekday, such as `Thu 2 Apr 2026`."""
    return f"{_NAMES[day.weekday()][:3]} {show(day)}"
