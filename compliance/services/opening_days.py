"""The days on which a clinic is open: its own weekdays, and the public holidays of its country."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from compliance.models import Clinic
from compliance.rules.openings import Openings, read_weekdays
from compliance.services.clinic_choices import closed_days_of


def openings_of(clinic: Clinic, first: dt.date, last: dt.date) -> Openings:
    """When the clinic opens, with its closed days and the holidays of the years of both days."""
    years = tuple(range(first.year, last.year + 1))
    found = public_holidays(clinic.country, years) or {}
    own = dict.fromkeys(closed_days_of(clinic), "the clinic's own closed day")
    return Openings(read_weekdays(clinic.opening_days), own | found)


def holidays_are_known(clinic: Clinic) -> bool:
    """Whether the public holidays of the clinic's country are known here."""
    return public_holidays(clinic.country, (2026,)) is not None


@lru_cache(maxsize=64)
def public_holidays(country: str, years: tuple[int, ...]) -> dict[dt.date, str] | None:
    """National public holidays by day, named in English; None for a country not known here."""
    import holidays  # loaded on first use: most commands and pages never ask

    try:
        return dict(holidays.country_holidays(country, years=years, language="en_US"))
    except NotImplementedError:
        return None
