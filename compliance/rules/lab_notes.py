"""What a person should see beside each newest result: grade, drift, and limits that it reaches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from compliance.rules.action_limits import (
    ActionLimit,
    Level,
    gravest_limit,
    limits_in_force,
    set_in_force,
    suggested_limits,
)
from compliance.rules.context import Context, Index
from compliance.rules.courses import course_of
from compliance.rules.dates import show
from compliance.rules.facts import ClinicTerms, Lab, Record
from compliance.rules.findings import Question
from compliance.rules.grades import grade_of
from compliance.rules.programme import Programme
from compliance.rules.quantities import Quantity
from compliance.rules.results import (
    analyte_terms,
    in_unit,
    newest_results,
    results,
    results_of_day,
    upper_limit,
    usable,
)
from compliance.rules.terms import Act, Analyte

DOUBLED = 2  # our own: inside the range a value that doubled since the baseline is worth a look


@dataclass(frozen=True, slots=True)
class LabNote:
    """One newest result: its grade (None: not gradable), sentences, and the clinic's level."""

    analyte: Analyte
    lab: Lab
    grade: int | None
    sentences: tuple[str, ...]
    level: Level | None


def lab_notes(
    record: Record, programme: Programme, terms: ClinicTerms, at: dt.datetime
) -> tuple[LabNote, ...]:
    """The newest result of every analyte, as known at a moment, with what it means."""
    index = Index(record.facts, terms.time_zone)
    ctx = Context(record, index, programme, terms, Question(at=at, act=Act.MONITOR), at)
    return tuple(_note(ctx, lab) for analyte in Analyte for lab in newest_results(ctx, analyte))


def _note(ctx: Context, lab: Lab) -> LabNote:
    limit = _limit(ctx, lab)
    advice = _advice(limit, adopted=_adopted(ctx, lab))
    parts = (_doubtful(lab), *_against_baseline(ctx, lab), _borderline(ctx, lab), advice)
    said = tuple(part for part in parts if part)
    return LabNote(lab.analyte, lab, grade_of(ctx, lab), said, limit.level if limit else None)


def _doubtful(lab: Lab) -> str:
    if usable(lab) is not None:
        return ""
    return "The unit or the number is in doubt: a person confirms it, nothing is converted."


def _adopted(ctx: Context, lab: Lab) -> bool:
    return set_in_force(ctx.terms.limits, lab.day) is not None


def _limit(ctx: Context, lab: Lab) -> ActionLimit | None:
    """The gravest limit reached: of the clinic's own, or of those suggested if it has none."""
    if _adopted(ctx, lab):
        among = limits_in_force(ctx.terms.limits, lab.day)
    else:
        among = tuple(limit for limit in suggested_limits() if not limit.variant_of)
    return gravest_limit(lab, among, results_of_day(ctx, lab))


def _advice(limit: ActionLimit | None, *, adopted: bool) -> str:
    if limit is None:
        return ""
    if adopted:
        return f"Limit of this clinic reached ({limit.level}): {limit.advice}."
    return f"Suggested limit reached ({limit.level}), in force where adopted: {limit.advice}."


def _against_baseline(ctx: Context, lab: Lab) -> Iterable[str]:
    """A raised baseline is named beside the laboratory's limit; inside the range a drift is."""
    value, base = usable(lab), _baseline(ctx, lab)
    if value is None or base is None or value.comparator:
        return
    before = _plain(base, lab)
    if before is None or not before.number:
        return
    times = value.number / before.number
    limit = upper_limit(lab)
    if limit is not None and before.number > limit.number:
        by_limit = _times(value.number / limit.number)
        yield (
            f"The baseline of {show(base.day)} was raised: {_times(times)} times the baseline,"
            f" {by_limit} times the laboratory's upper limit."
        )
    elif times >= DOUBLED and (limit is None or value.number <= limit.number):
        yield f"{_times(times)} times the baseline of {show(base.day)}, inside the range."


def _baseline(ctx: Context, lab: Lab) -> Lab | None:
    first = course_of(ctx).first_dispensing
    if first is None or lab.day <= first.on:
        return None
    before = [item for item in results(ctx, lab.analyte) if item.day <= first.on and usable(item)]
    return before[-1] if before else None


def _plain(base: Lab, lab: Lab) -> Quantity | None:
    """The baseline in the unit of the newer result, when it is an exact number."""
    value = usable(base)
    if value is None or value.comparator:
        return None
    return in_unit(lab.analyte, value, base.unit, lab.unit)


def _times(value: Fraction) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def _borderline(ctx: Context, lab: Lab) -> str:
    """Where the scale's limits in another unit would give another grade."""
    value, grade = usable(lab), grade_of(ctx, lab)
    if value is None or grade is None or value.comparator:
        return ""
    for unit in analyte_terms()[lab.analyte].units:
        there = _in_text(lab, value, unit)
        other = grade_of(ctx, there) if there.unit != lab.unit else grade
        if other is not None and other != grade:
            return f"Borderline: as {_rounded(there)} it would be grade {other}, not {grade}."
    return ""


def _in_text(lab: Lab, value: Quantity, unit: str) -> Lab:
    """The same result written in another unit, exact to nine places, and its limit with it."""
    number = in_unit(lab.analyte, value, lab.unit, unit).number
    limit = upper_limit(lab)
    moved = in_unit(lab.analyte, limit, lab.unit, unit).number if limit else None
    text = "" if moved is None else _decimal(moved)
    return replace(lab, value=_decimal(number), unit=unit, upper_limit=text)


def _decimal(number: Fraction) -> str:
    scaled = round(number * 10**9)
    return f"{scaled // 10**9}.{scaled % 10**9:09d}"


def _rounded(lab: Lab) -> str:
    return f"{float(lab.value):.4g} {lab.unit}"
