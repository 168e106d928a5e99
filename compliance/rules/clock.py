"""The clock that the rules ask; it remembers every date ahead at which an answer may turn."""

from __future__ import annotations

import datetime as dt

from compliance.rules.dates import day_begins, day_is_over, local_day


class Clock:
    """What time it is at the clinic and at the authority.

    The rules never compare with today themselves: they ask `reached` and `over`, and the clock
    notes each date asked about that still lies ahead. Between two notes nothing can change.
    """

    __slots__ = ("_authority", "_clinic", "_over", "_reached", "at", "today")

    def __init__(self, at: dt.datetime, clinic_zone: str, authority_zone: str) -> None:
        self.at = at
        self.today = local_day(at, clinic_zone)
        self._clinic = clinic_zone
        self._authority = authority_zone
        self._reached: set[dt.date] = set()
        self._over: set[dt.date] = set()

    def reached(self, day: dt.date) -> bool:
        """Whether this day has begun at the clinic."""
        if day <= self.today:
            return True
        self._reached.add(day)
        return False

    def over(self, day: dt.date) -> bool:
        """Whether this day has ended where the authority counts."""
        if day_is_over(day, self._authority) <= self.at:
            return True
        self._over.add(day)
        return False

    def moments_ahead(self) -> list[dt.datetime]:
        """Every instant noted, soonest first."""
        noted = {day_begins(day, self._clinic) for day in self._reached}
        noted |= {day_is_over(day, self._authority) for day in self._over}
        return sorted(moment for moment in noted if moment > self.at)
