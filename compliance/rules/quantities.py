"""A laboratory's number as it was written: exact, with its comparator, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

_NUMBER = re.compile(r"\s*(<=|>=|<|>|≤|≥)?\s*(\d{1,12}(?:[.,]\d{1,12})?)\s*", re.ASCII)
_THOUSANDS = re.compile(r"\d{1,3},\d{3}")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, or everything below (`<`, `<=`) or above (`>`, `>=`) it."""

    number: Fraction
    comparator: str = ""

    def above(self, limit: Fraction | int) -> bool | None:
        """Whether the value is above a limit; None when a censored value does not say."""
        if self.comparator in ("<", "<="):
            return False if self.number <= limit else None
        if self.comparator == ">":
            return True if self.number >= limit else None
        if self.comparator == ">=":
            return True if self.number > limit else None
        return self.number > limit

    def at_least(self, limit: Fraction | int) -> bool | None:
        """Whether the value is at or above a limit; None when a censored value does not say."""
        if self.comparator == "<":
            return False if self.number <= limit else None
        if self.comparator == "<=":
            return False if self.number < limit else None
        if self.comparator in (">", ">="):
            return True if self.number >= limit else None
        return self.number >= limit

    def times(self, factor: Fraction) -> Quantity:
        """The same value in another unit."""
        return Quantity(self.number * factor, self.comparator)


@lru_cache(maxsize=4096)
def read_quantity(text: str) -> Quantity | None:
    """Read `12.5`, `1,7`, `<0.5`, `>1000`; None when it is no number or could be two.

    `1,234` may be a decimal comma or a separator of thousands, so nobody may guess.
    """
    found = _NUMBER.fullmatch(text)
    if not found or _THOUSANDS.fullmatch(found[2]):
        return None
    comparator = (found[1] or "").replace("≤", "<=").replace("≥", ">=")
    return Quantity(Fraction(found[2].replace(",", ".")), comparator)
