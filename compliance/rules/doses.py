"""How much of the medicine a patient has taken, as far as the record says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from compliance.rules.dates import plus
from compliance.rules.facts import (
    Dispensing,
    LastDose,
    Prescription,
    Record,
    Weight,
    facts_of,
)


@dataclass(frozen=True, slots=True)
class Supply:
    """One hand-over as it is taken: from `first`, `days` of it by the day asked.

    `daily_mg` is that of the newest prescription up to the hand-over; None where it has none.
    """

    handed: Dispensing
    first: dt.date
    days: int
    daily_mg: Decimal | None

    @property
    def mg(self) -> Decimal:
        """Milligrams taken of it; 0 where the dose is not known."""
        return (self.daily_mg or Decimal(0)) * self.days


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken by a day, if it was taken as prescribed: one day's dose a day.

    `mg` leaves out the `unknown_days`, for which medicine was there but no dose is on record.
    """

    supplies: tuple[Supply, ...]

    @property
    def mg(self) -> Decimal:
        """Milligrams taken, as far as the dose is known."""
        return sum((item.mg for item in self.supplies), Decimal(0))

    @property
    def days(self) -> int:
        """Days with medicine."""
        return sum(item.days for item in self.supplies)

    @property
    def unknown_days(self) -> int:
        """Days with medicine, but without a dose on record."""
        return sum(item.days for item in self.supplies if item.daily_mg is None)


def taken(record: Record, on: dt.date, since: dt.date = dt.date.min) -> Taken:
    """What was taken of all that was handed over from `since` on, through a day.

    A supply that comes early is begun when the one before it has ended; after the last dose
    nothing more is taken.
    """
    return Taken(tuple(_supplies(record, on, since)))


def _supplies(record: Record, on: dt.date, since: dt.date) -> Iterator[Supply]:
    issued = facts_of(record.facts, Prescription)
    ended = [fact.on for fact in facts_of(record.facts, LastDose)]
    free_from = dt.date.min
    for fact in facts_of(record.facts, Dispensing):
        if not since <= fact.on <= on:
            continue
        first = max(fact.on, free_from)
        through = min([on, *(day for day in ended if day >= fact.on)])
        days = max(0, min(fact.days_supply, (through - first).days + 1))
        free_from = plus(first, fact.days_supply)
        yield Supply(fact, first, days, _dose_on(issued, fact.on))


def _dose_on(issued: list[Prescription], day: dt.date) -> Decimal | None:
    known = [fact for fact in issued if fact.on <= day]
    if not known or known[-1].daily_dose_mg is None:
        return None
    return Decimal(str(known[-1].daily_dose_mg))


def cumulative_mg(record: Record, on: dt.date) -> Decimal:
    """Milligrams taken from all that was handed over, through a day, if taken as prescribed.

    A hand-over counts by the newest prescription before it; without a dose it adds nothing.
    """
    return taken(record, on).mg


def latest_weight(record: Record, on: dt.date) -> Weight | None:
    """The newest weight on record on a day."""
    found = [fact for fact in facts_of(record.facts, Weight) if fact.on <= on]
    return found[-1] if found else None
