"""The clock that the rules ask; it remembers every date ahead at which an answer may turn."""

from __future__ import annotations

import datetime as dt

from compliance.rules.dates import day_begins, day_is_over, local_day

Reader = str
EVERYBODY: Reader = ""


class Clock:
    """What time it is at the clinic and at the authority.

    The rules never compare with today themselves: they ask `reached` and `over`, and the clock
    notes each date asked about that still lies ahead. Between two notes nothing can change.
    `reader` is who asks, and each note keeps who asked about it: the answers of the others do not
    turn there.
    """

    __slots__ = ("_clinic", "_over", "_reached", "at", "authority", "reader", "today")

    def __init__(self, at: dt.datetime, clinic_zone: str, authority_zone: str) -> None:
        self.at = at
        self.today = local_day(at, clinic_zone)
        self._clinic = clinic_zone
        self.authority = authority_zone
        self.reader: Reader = EVERYBODY
        self._reached: dict[dt.date, set[Reader]] = {}
        self._over: dict[dt.date, set[Reader]] = {}

    def reached(self, day: dt.date) -> bool:
        """Whether this day has begun at the clinic."""
        if day <= self.today:
            return True
        self._reached.setdefault(day, set()).add(self.reader)
        return False

    def over(self, day: dt.date) -> bool:
        """Whether this day has ended where the authority counts."""
        if day_is_over(day, self.authority) <= self.at:
            return True
        self._over.setdefault(day, set()).add(self.reader)
        return False

    def moments_ahead(self) -> list[dt.datetime]:
        """Every instant noted, soonest first."""
        return sorted(self.readers_ahead())

    def readers_ahead(self) -> dict[dt.datetime, set[Reader]]:
        """Every instant noted, with those whose answers may turn at it."""
        ahead: dict[dt.datetime, set[Reader]] = {}
        for day, readers in self._reached.items():
            ahead.setdefault(day_begins(day, self._clinic), set()).update(readers)
        for day, readers in self._over.items():
            ahead.setdefault(day_is_over(day, self.authority), set()).update(readers)
        return {moment: readers for moment, readers in ahead.items() if moment > self.at}
