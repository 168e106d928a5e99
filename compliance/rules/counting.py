"""How months, ages and limits are counted where the authority's text leaves it open: parameters."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from compliance.rules.context import Context
from compliance.rules.dates import age_on, birthday, later_of_days_and_months, plus_months
from compliance.rules.quantities import Quantity


def months_after(ctx: Context, day: dt.date, months: int) -> dt.date:
    """The same day of a later month, as the programme counts in months without that day."""
    return plus_months(day, months, beyond=_beyond_short_months(ctx))


def later_of(ctx: Context, day: dt.date, days: int, months: int) -> dt.date:
    """The later of so many days and so many months after a day, as the programme counts."""
    return later_of_days_and_months(day, days, months, beyond=_beyond_short_months(ctx))


def _beyond_short_months(ctx: Context) -> bool:
    return bool(ctx.rule("day_missing_in_month").value == "next day")


def age(ctx: Context, day: dt.date) -> int:
    """The patient's age in whole years on a day."""
    return age_on(ctx.record.born, day, early=_early_birthday(ctx))


def reaches_age(ctx: Context, years: int) -> dt.date:
    """The day on which the patient reaches an age in years."""
    return birthday(ctx.record.born, years, early=_early_birthday(ctx))


def _early_birthday(ctx: Context) -> bool:
    return bool(ctx.rule("leap_day_birthday").value == "28 February")


def in_excess(ctx: Context, value: Quantity, limit: Fraction) -> bool | None:
    """Whether a result is in excess of a limit; None when a censored value does not say."""
    itself = ctx.rule("limit_itself").value
    return value.at_least(limit) if itself == "beyond" else value.above(limit)
