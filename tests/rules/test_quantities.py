"""A laboratory's number is exact, keeps its comparator, and is never guessed."""

from __future__ import annotations

from fractions import Fraction

import pytest

from compliance.rules.quantities import Quantity, read_quantity
from compliance.rules.results import in_unit, read_result
from compliance.rules.terms import Analyte


@pytest.mark.parametrize(
    ("text", "number", "comparator"),
    [
        ("12", "12", ""),
        (" 12.50 ", "12.5", ""),
        ("1,7", "1.7", ""),
        ("0,1234", "0.1234", ""),
        ("<0.5", "0.5", "<"),
        ("> 1000", "1000", ">"),
        ("≤ 5", "5", "<="),
        (">=3,5", "3.5", ">="),
    ],
)
def test_numbers_are_read_as_written(text: str, number: str, comparator: str) -> None:
    assert read_quantity(text) == Quantity(Fraction(number), comparator)


@pytest.mark.parametrize(
    "text", ["", "abc", "1,234", "1.2.3", "-5", "1e9", "5-10", "negative", "<", "1 200", "٣"]
)
def test_what_is_no_number_or_could_be_two_is_refused(text: str) -> None:
    assert read_quantity(text) is None


TEN = Fraction(10)


@pytest.mark.parametrize(
    ("text", "above", "at_least"),
    [
        ("10", False, True),
        ("10.1", True, True),
        ("9.9", False, False),
        ("<10", False, False),
        ("<=10", False, None),
        ("<10.1", None, None),
        ("<9", False, False),
        (">10", True, True),
        (">=10", None, True),
        (">9", None, None),
        (">=10.1", True, True),
        (">=9", None, None),
    ],
)
def test_a_censored_value_says_only_what_it_says(
    text: str, above: bool | None, at_least: bool | None
) -> None:
    value = read_quantity(text)
    assert value is not None
    assert value.above(TEN) is above
    assert value.at_least(TEN) is at_least


@pytest.mark.parametrize(
    ("analyte", "text", "unit"),
    [
        (Analyte.TG, "90", ""),
        (Analyte.TG, "90", "g/L"),
        (Analyte.TG, "120", "mmol/L"),
        (Analyte.TG, "20", "mmol/L"),
        (Analyte.TG, "8", "mg/dL"),
        (Analyte.ALT, "0.4", "U/L"),
        (Analyte.ALT, "21000", "U/L"),
    ],
)
def test_what_cannot_be_in_its_unit_is_never_used(analyte: Analyte, text: str, unit: str) -> None:
    assert read_result(analyte, text, unit) is None


def test_conversion_is_exact() -> None:
    two = in_unit(Analyte.ALT, Quantity(Fraction(2)), "ukat/L", "U/L")
    assert two.number == 120
