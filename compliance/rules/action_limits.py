"""A clinic's action limits, apart from the laboratory's range: which of them a result reaches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from compliance.rules.dates import show
from compliance.rules.facts import Lab, LimitSet
from compliance.rules.findings import Citation, Provision
from compliance.rules.quantities import Quantity
from compliance.rules.results import analyte_terms, in_unit, upper_limit, usable
from compliance.rules.strict_toml import Table
from compliance.rules.terms import Analyte, Binding, Term

FOLDER = Path(__file__).resolve().parent.parent / "terminology"


class Level(Term):
    """What a clinic does about a result that reaches a limit, the mildest first."""

    WARN = "warn"
    ACT = "act"
    CRITICAL = "critical"


_GRAVITY = {level: number for number, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Beside:
    """What another result of the same day must be above, in multiples of its own upper limit."""

    analyte: Analyte
    above_upper_limit: Fraction


@dataclass(frozen=True, slots=True)
class ActionLimit:
    """One limit, by the key that adoptions name: for fasting samples, for others, or all (None).

    Of a limit and its variants (`variant_of`) a clinic adopts one.
    """

    key: str
    analyte: Analyte
    level: Level
    advice: str
    fasting: bool | None
    above: Mapping[str, Fraction]
    from_: Mapping[str, Fraction]
    above_upper_limit: Fraction | None
    beside: Beside | None
    variant_of: str

    @property
    def holds(self) -> bool:
        """Whether a result that reaches it waits for a person."""
        return self.level is not Level.WARN

    def reached_by(self, lab: Lab, same_day: Iterable[Lab] = ()) -> bool | None:
        """Whether a result reaches it, with the others of its day; None where nobody can tell."""
        if not self.speaks_of(lab):
            return False
        alone = self._reached_alone(lab)
        if alone is False or self.beside is None:
            return alone
        found = {_above(other, self.beside.above_upper_limit) for other in same_day
                 if other.analyte is self.beside.analyte}  # fmt: skip
        beside = True if True in found else None if None in found else False
        return beside if alone else (False if beside is False else None)

    def speaks_of(self, lab: Lab) -> bool:
        """Whether it is about results of this analyte and of samples like this one."""
        fits = self.fasting is None or self.fasting is bool(lab.fasting)
        return fits and lab.analyte is self.analyte

    def _reached_alone(self, lab: Lab) -> bool | None:
        if self.above_upper_limit is not None:
            return _above(lab, self.above_upper_limit)
        value = usable(lab)
        return None if value is None else self._beyond(lab, value)

    def _beyond(self, lab: Lab, value: Quantity) -> bool | None:
        listed = self.above or self.from_
        unit = analyte_terms()[lab.analyte].read_as.get(lab.unit, lab.unit)
        if unit not in listed:
            other = next(iter(listed))
            value, unit = in_unit(lab.analyte, value, unit, other), other
        compare = value.above if self.above else value.at_least
        return compare(listed[unit])


def _above(lab: Lab, times: Fraction) -> bool | None:
    value, limit = usable(lab), upper_limit(lab)
    return None if value is None or limit is None else value.above(limit.number * times)


def limit_words(limit: ActionLimit) -> str:
    """A limit in words, with each amount in every unit of the analyte: `above 300 mg/dL or …`."""
    words = f"above {_times_upper(limit.above_upper_limit)}" if limit.above_upper_limit else ""
    words = words or f"{'above' if limit.above else 'from'} {_amounts_in_words(limit)}"
    if limit.fasting is not None:
        words += ", fasting" if limit.fasting else ", not known to be fasting"
    if limit.beside is not None:
        times = _times_upper(limit.beside.above_upper_limit)
        other = analyte_terms()[limit.beside.analyte].name.partition(",")[0].lower()
        words += f", with {other} of the same day above {times}"
    return words


def _times_upper(times: Fraction) -> str:
    limit = "the laboratory's upper limit"
    return limit if times == 1 else f"{float(times):g} times {limit}"


def _amounts_in_words(limit: ActionLimit) -> str:
    listed = limit.above or limit.from_
    first, amount = next(iter(listed.items()))
    exact = [f"{float(value):g} {unit}" for unit, value in listed.items()]
    units = analyte_terms()[limit.analyte].units
    near = [
        f"{float(in_unit(limit.analyte, Quantity(amount), first, unit).number):.4g} {unit}"
        for unit in units
        if unit not in listed
    ]
    return " or ".join(exact) + "".join(f" ({each})" for each in near)


# --- the limits on file, and those in force -------------------------------------------------------


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
        item.text("key"),
        _analyte(item),
        Level(item.checked("level", item.text("level"), [one.value for one in Level])),
        item.text("advice"),
        item.truth("fasting", None),
        _amounts(item, "above"),
        _amounts(item, "from"),
        _multiple(item),
        _beside(item.table("beside")) if "beside" in item else None,
        item.text("variant_of") if "variant_of" in item else "",
    )
    item.done()
    return limit


def _analyte(item: Table) -> Analyte:
    return Analyte(item.checked("analyte", item.text("analyte"), [one.value for one in Analyte]))


def _beside(item: Table) -> Beside:
    beside = Beside(_analyte(item), item.exact("above_upper_limit", item.text("above_upper_limit")))
    item.done()
    return beside


def _amounts(item: Table, key: str) -> Mapping[str, Fraction]:
    return {unit: item.exact(key, text) for unit, text in item.texts(key, {}).items()}


def _multiple(item: Table) -> Fraction | None:
    key = "above_upper_limit"
    return item.exact(key, item.text(key)) if key in item else None


def set_in_force(sets: Sequence[LimitSet], on: dt.date) -> LimitSet | None:
    """The set of limits that a clinic works by on a day; None before its first adoption.

    Of two sets from the same day the later in the sequence counts.
    """
    begun = [(one.on, number, one) for number, one in enumerate(sets) if one.on <= on]
    return max(begun)[2] if begun else None


def adoption_as_provision(chosen: LimitSet) -> Provision:
    """The clinic's adoption as the provision that a finding rests on: it binds like a must."""
    title = f"Action limits of this clinic, in force from {show(chosen.on)}"
    source = Citation(title, "", chosen.on.isoformat())
    return Provision("clinic_limits", ", ".join(chosen.keys), Binding.MUST, "", source)


def limits_in_force(sets: Sequence[LimitSet], on: dt.date) -> tuple[ActionLimit, ...]:
    """The limits that a clinic has adopted for results of a day; none before its first adoption."""
    chosen = set_in_force(sets, on)
    return _by_keys(chosen.keys) if chosen else ()


@cache
def _by_keys(keys: tuple[str, ...]) -> tuple[ActionLimit, ...]:
    return tuple(limit for limit in suggested_limits() if limit.key in keys)


def gravest_limit(
    lab: Lab, among: Iterable[ActionLimit], same_day: Sequence[Lab] = ()
) -> ActionLimit | None:
    """The gravest limit that a result certainly reaches; None when it reaches none."""
    reached = [limit for limit in among if limit.reached_by(lab, same_day)]
    return max(reached, key=lambda limit: _GRAVITY[limit.level], default=None)
