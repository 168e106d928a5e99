"""Laboratory results as a course makes them: a person's own level, the drug, and chance.

value = exp(b + e + n): b the person's level, e the drug's effect, n the visit, now and then a leap.
Fitted to published cohorts; the numbers are a model of results, no limit of any authority.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from compliance.rules.facts import Lab
from compliance.rules.terms import Analyte, Sex

LEAST_EFFECT = -0.25
NO_LDL_ABOVE_TG = 400


@dataclass(frozen=True, slots=True)
class Shape:
    """How one analyte is spread: level (mu, s), effect (m, d), visit (v), leap (p, x, y)."""

    mu: float
    s: float
    m: float
    d: float
    v: float
    p: float = 0.0
    x: float = 0.0
    y: float = 0.0


SHAPES: dict[Analyte, Shape] = {
    Analyte.TG: Shape(4.40, 0.38, 0.24, 0.22, 0.22, 0.025, 0.95, 0.30),
    Analyte.TC: Shape(5.08, 0.15, 0.10, 0.08, 0.06),
    Analyte.HDL: Shape(3.86, 0.20, -0.08, 0.07, 0.07),
    Analyte.ALT: Shape(2.80, 0.38, 0.12, 0.28, 0.20, 0.008, 1.5, 0.5),
    Analyte.AST: Shape(2.96, 0.24, 0.12, 0.20, 0.15, 0.008, 1.2, 0.5),
    Analyte.GGT: Shape(2.75, 0.42, 0.08, 0.15, 0.12),
    Analyte.CK: Shape(4.75, 0.50, 0.15, 0.30, 0.35),
}

_UNITS = {Analyte.TG: "mg/dL", Analyte.TC: "mg/dL", Analyte.HDL: "mg/dL", Analyte.LDL: "mg/dL"}
_MORE_CK_IN_MEN = 0.35


class LabPerson:
    """One person's own levels and the drug's effect on them; gives a panel for any day."""

    def __init__(self, rng: Random, sex: Sex | None) -> None:
        self._rng = rng
        self._male = sex is Sex.MALE
        self._wants_ck = rng.random() < (0.3 if self._male else 0.1)
        self._level = {key: rng.gauss(shape.mu, shape.s) for key, shape in SHAPES.items()}
        self._effect = {
            key: max(LEAST_EFFECT, rng.gauss(shape.m, shape.d)) for key, shape in SHAPES.items()
        }
        if self._male:
            self._level[Analyte.CK] += _MORE_CK_IN_MEN

    def panel(self, day: dt.date, on_drug: bool) -> Iterator[Lab]:
        """Fasting lipids and liver tests of a day, sometimes creatine kinase."""
        values: dict[Analyte, int] = {
            key: self._value(key, on_drug) for key in SHAPES if key is not Analyte.GGT
        }
        if values[Analyte.TG] <= NO_LDL_ABOVE_TG:
            values[Analyte.LDL] = self._ldl(values)
        if not self._wants_ck:
            del values[Analyte.CK]
        for analyte in Analyte:
            if analyte in values:
                yield self.result(day, analyte, str(values[analyte]))

    def result(self, day: dt.date, analyte: Analyte, value: str, unit: str | None = None) -> Lab:
        """One result as this laboratory prints it, with its own upper limit."""
        return Lab(
            collected=day,
            analyte=analyte,
            value=value,
            unit=_UNITS.get(analyte, "U/L") if unit is None else unit,
            upper_limit=self._upper_limit(analyte),
            fasting=True if analyte in _UNITS else None,
        )

    def _value(self, analyte: Analyte, on_drug: bool) -> int:
        shape, rng = SHAPES[analyte], self._rng
        exponent = self._level[analyte] + rng.gauss(0, shape.v)
        if on_drug:
            exponent += self._effect[analyte]
        if rng.random() < shape.p:
            exponent += rng.gauss(shape.x, shape.y)
        return max(1, round(math.exp(exponent)))

    def _ldl(self, values: dict[Analyte, int]) -> int:
        friedewald = values[Analyte.TC] - values[Analyte.HDL] - values[Analyte.TG] / 5
        return max(10, round(friedewald + self._rng.gauss(0, 5)))

    def _upper_limit(self, analyte: Analyte) -> str:
        own = {
            Analyte.TG: "149",
            Analyte.TC: "199",
            Analyte.LDL: "129",
            Analyte.ALT: "50" if self._male else "35",
            Analyte.AST: "40" if self._male else "32",
            Analyte.CK: "320" if self._male else "200",
        }
        return own.get(analyte, "")
