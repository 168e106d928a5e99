"""The pick-up windows of a record: each as it was opened, by what was known on that day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from compliance.rules.assess import assess
from compliance.rules.dates import day_ends
from compliance.rules.facts import (
    ClinicTerms,
    Dispensing,
    LastDose,
    PregnancyTest,
    Prescription,
    Record,
    Visit,
    facts_of,
)
from compliance.rules.findings import Question
from compliance.rules.programme import Programme
from compliance.rules.terms import Act


@dataclass(frozen=True, slots=True)
class PastWindow:
    """The first and the last day of a window, and whether the medicine was picked up in it."""

    first: dt.date
    last: dt.date
    used: bool


def past_windows(
    record: Record, programme: Programme, terms: ClinicTerms, through: dt.date
) -> list[PastWindow]:
    """Every window that a test, a prescription or a visit opened up to a day, oldest first."""
    handed = [fact.on for fact in facts_of(record.facts, Dispensing)]
    found: dict[dt.date, dt.date] = {}
    for day in _openers(record, through):
        window = _window_on(record, programme, terms, day)
        if window is not None:
            found[window[1]] = min(window[0], found.get(window[1], window[0]))
    return [
        PastWindow(first, last, any(first <= day <= last for day in handed))
        for last, first in sorted(found.items())
    ]


def _openers(record: Record, through: dt.date) -> list[dt.date]:
    """The days on which a window may have begun; none while a course was over."""
    kinds = (PregnancyTest, Prescription, Visit)
    days = {fact.day for fact in record.facts if isinstance(fact, kinds) and fact.day <= through}
    return [day for day in sorted(days) if not _is_over(record, day)]


def _is_over(record: Record, day: dt.date) -> bool:
    ended = [fact.on for fact in facts_of(record.facts, LastDose) if fact.on <= day]
    if not ended:
        return False
    kinds = (Prescription, Dispensing)
    again = (fact.day for fact in record.facts if isinstance(fact, kinds))
    return not any(ended[-1] < item <= day for item in again)


def _window_on(
    record: Record, programme: Programme, terms: ClinicTerms, day: dt.date
) -> tuple[dt.date, dt.date] | None:
    """The window at the end of a day, as if nothing had been picked up on that day."""
    known = tuple(
        fact
        for fact in record.facts
        if fact.day < day or (fact.day == day and not isinstance(fact, Dispensing))
    )
    issued = facts_of(known, Prescription)
    question = Question(
        at=day_ends(day, terms.time_zone),
        act=Act.DISPENSE,
        days_supply=issued[-1].days_supply if issued else 30,
    )
    return assess(replace(record, facts=known), programme, terms, question).window
