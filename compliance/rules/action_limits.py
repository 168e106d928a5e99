"""A clinic's action limits, apart from the laboratory's range: which of them a result reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from compliance.rules.facts import Lab
from compliance.rules.quantities import Quantity
from compliance.rules.results import analyte_terms, in_unit, upper_limit, usable
from compliance.rules.strict_toml import Table
from compliance.rules.terms import Analyte, Term

FOLDER = Path(__file__).resolve().parent.parent / "terminology"


class Level(Term):
    """What a clinic does about a result that reaches a limit, the mildest first."""

    WARN = "warn"
    ACT = "act"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class ActionLimit:
    """One limit: for fasting samples, for others, or for all (None)."""

    analyte: Analyte
    level: Level
    advice: str
    fasting: bool | None
    above: Mapping[str, Fraction]
    from_: Mapping[str, Fraction]
    above_upper_limit: Fraction | None

    def reached_by(self, lab: Lab) -> bool:
        """Whether a result certainly reaches it; never where it cannot be compared."""
        value = usable(lab)
        if value is None or lab.analyte is not self.analyte or not self._for_sample(lab):
            return False
        if self.above_upper_limit is not None:
            limit = upper_limit(lab)
            return limit is not None and bool(value.above(limit.number * self.above_upper_limit))
        return self._beyond(lab, value)

    def _for_sample(self, lab: Lab) -> bool:
        return self.fasting is None or self.fasting is bool(lab.fasting)

    def _beyond(self, lab: Lab, value: Quantity) -> bool:
        listed = self.above or self.from_
        unit = analyte_terms()[lab.analyte].read_as.get(lab.unit, lab.unit)
        if unit not in listed:
            other = next(iter(listed))
            value, unit = in_unit(lab.analyte, value, unit, other), other
        compare = value.above if self.above else value.at_least
        return bool(compare(listed[unit]))


@cache
def suggested_limits() -> tuple[ActionLimit, ...]:
    """The limits that a clinic may adopt; raises TerminologyError for a file that is wrong."""
    table = Table.load(FOLDER, "action-limits.toml")
    table.skip("citation")
    found = tuple(_limit(item) for item in table.tables("limit"))
    table.done()
    return found


def _limit(item: Table) -> ActionLimit:
    limit = ActionLimit(
        Analyte(item.checked("analyte", item.text("analyte"), [one.value for one in Analyte])),
        Level(item.checked("level", item.text("level"), [one.value for one in Level])),
        item.text("advice"),
        item.truth("fasting", None),
        _amounts(item, "above"),
        _amounts(item, "from"),
        _multiple(item),
    )
    item.done()
    return limit


def _amounts(item: Table, key: str) -> Mapping[str, Fraction]:
    return {unit: item.exact(key, text) for unit, text in item.texts(key, {}).items()}


def _multiple(item: Table) -> Fraction | None:
    key = "above_upper_limit"
    return item.exact(key, item.text(key)) if key in item else None


def gravest_limit(lab: Lab) -> ActionLimit | None:
    """The gravest limit that a result reaches; None when it reaches none."""
    reached = [limit for limit in suggested_limits() if limit.reached_by(lab)]
    order = list(Level)
    return max(reached, key=lambda limit: order.index(limit.level), default=None)
