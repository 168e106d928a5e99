"""How much of the medicine a patient has taken, as far as the record says."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from compliance.rules.facts import Dispensing, Prescription, Record, Weight, facts_of


def cumulative_mg(record: Record, on: dt.date) -> Decimal:
    """Milligrams taken from all that was handed over, through a day, if taken as prescribed.

    A hand-over counts by the newest prescription before it; without a dose it adds nothing.
    """
    handed = [fact for fact in facts_of(record.facts, Dispensing) if fact.on <= on]
    return sum((_taken(record, fact, on) for fact in handed), Decimal(0))


def _taken(record: Record, handed: Dispensing, on: dt.date) -> Decimal:
    issued = [fact for fact in facts_of(record.facts, Prescription) if fact.on <= handed.on]
    if not issued or issued[-1].daily_dose_mg is None:
        return Decimal(0)
    days = min(handed.days_supply, (on - handed.on).days + 1)
    return Decimal(str(issued[-1].daily_dose_mg)) * days


def latest_weight(record: Record, on: dt.date) -> Weight | None:
    """The newest weight on record on a day."""
    found = [fact for fact in facts_of(record.facts, Weight) if fact.on <= on]
    return found[-1] if found else None
