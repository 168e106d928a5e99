"""What helps to read a course of results: the clinic's limit in force, and the ranges of grades."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from compliance.rules.action_limits import ActionLimit, Level, limits_in_force
from compliance.rules.context import Context, Index
from compliance.rules.facts import ClinicTerms, Lab, Record
from compliance.rules.findings import Question
from compliance.rules.grades import GradeBand, grade_bands
from compliance.rules.programme import Programme
from compliance.rules.quantities import Quantity
from compliance.rules.results import analyte_terms, in_unit, upper_limit
from compliance.rules.terms import Act


@dataclass(frozen=True, slots=True)
class Guides:
    """In a result's own unit: the clinic's limit (None: none), and the grades.

    `strict` says that the limit itself is still within.
    """

    limit: Fraction | None
    strict: bool
    bands: tuple[GradeBand, ...]


def lab_guides(
    record: Record, programme: Programme, terms: ClinicTerms, at: dt.datetime, labs: Iterable[Lab]
) -> list[Guides]:
    """The guides for results like each of these, at a moment."""
    index = Index(record.facts, terms.time_zone)
    ctx = Context(record, index, programme, terms, Question(at=at, act=Act.MONITOR), at)
    return [_guides(ctx, lab) for lab in labs]


def _guides(ctx: Context, lab: Lab) -> Guides:
    bands = grade_bands(ctx, lab)
    own = limits_in_force(ctx.terms.limits, ctx.today)
    for level in (Level.ACT, Level.CRITICAL, Level.WARN):
        for limit in own:
            amount = _amount(limit, lab) if limit.level is level else None
            if amount is not None:
                return Guides(amount, not limit.from_, bands)
    return Guides(None, False, bands)


def _amount(limit: ActionLimit, lab: Lab) -> Fraction | None:
    """A limit as an amount in the result's unit; None where it does not speak of such a result."""
    if not limit.speaks_of(lab) or limit.beside is not None:
        return None
    if limit.above_upper_limit is not None:
        upper = upper_limit(lab)
        return None if upper is None else upper.number * limit.above_upper_limit
    listed = limit.above or limit.from_
    terms = analyte_terms()[lab.analyte]
    unit = terms.read_as.get(lab.unit, lab.unit)
    if unit in listed:
        return listed[unit]
    other, amount = next(iter(listed.items()))
    return (
        in_unit(lab.analyte, Quantity(amount), other, unit).number if unit in terms.units else None
    )
