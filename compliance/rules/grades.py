"""CTCAE v5.0 grades: exact, in the reported unit, against the limit or the baseline."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.facts import Lab
from compliance.rules.quantities import Quantity
from compliance.rules.results import (
    analyte_terms,
    in_unit,
    newest_results,
    read_limit,
    read_result,
    results,
    upper_limit,
    usable,
)
from compliance.rules.terms import Analyte

FILE = Path(__file__).resolve().parent.parent / "terminology" / "ctcae-v5.toml"


@dataclass(frozen=True, slots=True)
class Bands:
    """Where the first grade begins and up to where each grade reaches, upper ends included."""

    up_to: tuple[Fraction, ...]
    from_: Fraction | None = None
    above: Fraction | None = None
    above_upper_limit: bool = False
    first_grade: int = 1
    use: str = "instead"

    def grade(self, value: Quantity, unit_of: Fraction, limit: Quantity | None) -> int | None:
        """The grade of a value measured in multiples of `unit_of`; None when it cannot be told."""
        begun = self._begun(value, unit_of, limit)
        if not begun:
            return 0 if begun is False else None
        for number, end in enumerate(self.up_to, self.first_grade):
            beyond = value.above(end * unit_of)
            if beyond is None:
                return None
            if not beyond:
                return number
        return self.first_grade + len(self.up_to)

    def _begun(self, value: Quantity, unit_of: Fraction, limit: Quantity | None) -> bool | None:
        if self.from_ is not None:
            return value.at_least(self.from_ * unit_of)
        if self.above_upper_limit:
            return self._above_limit(value, limit)
        return value.above((self.above or Fraction(0)) * unit_of)

    def _above_limit(self, value: Quantity, limit: Quantity | None) -> bool | None:
        if limit is None:
            # Without the laboratory's limit the first grade cannot be told from none.
            return value.above(self.up_to[0]) or None
        return value.above(limit.number)


@cache
def _table() -> dict[Analyte, dict[str, Any]]:
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {Analyte(key): _read(item) for key, item in data["grades"].items()}


def _read(item: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = {
        key: _bands(item[key]) for key in ("upper_limit", "baseline") if key in item
    }
    read["units"] = {unit: _bands(bands) for unit, bands in item.get("units", {}).items()}
    return read


def _bands(item: dict[str, Any]) -> Bands:
    return Bands(
        tuple(Fraction(end) for end in item["up_to"]),
        Fraction(item["from"]) if "from" in item else None,
        Fraction(item["above"]) if "above" in item else None,
        item.get("above_upper_limit", False),
        item.get("first_grade", 1),
        item.get("use", "instead"),
    )


def graded_analytes() -> frozenset[Analyte]:
    """The analytes that the scale speaks of."""
    return frozenset(_table())


@dataclass(frozen=True, slots=True)
class GradeBand:
    """One grade as a range in a result's unit: above `low`, up to and with `high` (None: open)."""

    grade: int
    low: Fraction
    high: Fraction | None


def grade_bands(ctx: Context, lab: Lab) -> tuple[GradeBand, ...]:
    """The ranges in which results like this one are graded, by its own limit or baseline."""
    table = _table().get(lab.analyte)
    if table is None or usable(lab) is None:
        return ()
    unit = analyte_terms()[lab.analyte].read_as.get(lab.unit, lab.unit)
    limit = upper_limit(lab)
    abnormal = _abnormal_baseline(ctx, lab) if "baseline" in table else None
    if unit in table["units"]:
        return _ranges(table["units"][unit], Fraction(1), limit)
    if abnormal is not None:
        own: Bands = table["baseline"]
        return _ranges(own, abnormal, limit) if own.use == "instead" else ()
    if limit is None or "upper_limit" not in table:
        return ()
    return _ranges(table["upper_limit"], limit.number, limit)


def _ranges(bands: Bands, scale: Fraction, limit: Quantity | None) -> tuple[GradeBand, ...]:
    """A scale as ranges; without the laboratory's limit a first grade that hangs on it is left."""
    start: Fraction | None = (bands.from_ or bands.above or Fraction(0)) * scale
    if bands.above_upper_limit:
        start = limit.number if limit else None
    ends = [end * scale for end in bands.up_to]
    lows, highs = [start, *ends], [*ends, None]
    return tuple(
        GradeBand(grade, low, high)
        for grade, (low, high) in enumerate(zip(lows, highs, strict=True), bands.first_grade)
        if low is not None and (high is None or low < high)
    )


def grades_of(ctx: Context) -> dict[str, int]:
    """The grade of the newest result of every analyte that has one."""
    if not ctx.known(Lab):
        return {}
    found = {}
    for analyte in _table():
        grade = newest_grade(ctx, analyte) if results(ctx, analyte) else None
        if grade is not None:
            found[analyte.value] = grade
    return found


def newest_grade(ctx: Context, analyte: Analyte) -> int | None:
    """The worst grade among the newest results; None when one of them cannot be graded."""
    grades = [grade_of(ctx, lab) for lab in newest_results(ctx, analyte)]
    known = [grade for grade in grades if grade is not None]
    return max(known) if known and len(known) == len(grades) else None


def grade_of(ctx: Context, lab: Lab) -> int | None:
    """The grade of one result; None when its value, unit or limits do not allow one."""
    table = _table().get(lab.analyte)
    if table is None or usable(lab) is None:
        return None
    abnormal = _abnormal_baseline(ctx, lab) if "baseline" in table else None
    return _grade(lab.analyte, lab.value, lab.unit, lab.upper_limit, abnormal)


@lru_cache(maxsize=16384)
def _grade(
    analyte: Analyte, text: str, unit: str, limit_text: str, abnormal: Fraction | None
) -> int | None:
    """The grade of a result as written, where `abnormal` is a baseline above its limit."""
    value, table = read_result(analyte, text, unit), _table()[analyte]
    if value is None:
        return None
    unit = analyte_terms()[analyte].read_as.get(unit, unit)
    limit = read_limit(limit_text)
    if unit in table["units"]:
        bands: Bands = table["units"][unit]
        return bands.grade(value, Fraction(1), limit)
    return _relative(value, table, limit, abnormal)


def _relative(
    value: Quantity, table: dict[str, Any], limit: Quantity | None, abnormal: Fraction | None
) -> int | None:
    by_limit: int | None = table["upper_limit"].grade(value, limit.number, None) if limit else None
    if abnormal is None:
        return by_limit if "upper_limit" in table else None
    bands: Bands = table["baseline"]
    by_baseline = bands.grade(value, abnormal, None)
    if bands.use == "instead":
        return by_baseline
    if by_limit is None or by_baseline is None:
        return None
    return max(by_limit, by_baseline)


def _abnormal_baseline(ctx: Context, lab: Lab) -> Fraction | None:
    """The newest result before the first dose, in this result's unit, if it was above its limit."""
    first = course_of(ctx).first_dispensing
    if first is None or lab.day <= first.on:
        return None
    return _abnormal(_baseline(ctx, lab.analyte, first.on), lab)


def _baseline(ctx: Context, analyte: Analyte, on: dt.date) -> Lab | None:
    before = [lab for lab in results(ctx, analyte) if lab.day <= on and usable(lab)]
    return before[-1] if before else None


def _abnormal(baseline: Lab | None, lab: Lab) -> Fraction | None:
    if baseline is None:
        return None
    value, limit = usable(baseline), upper_limit(baseline)
    if value is None or limit is None or value.comparator or value.number <= limit.number:
        return None
    return in_unit(lab.analyte, value, baseline.unit, lab.unit).number
