"""What is said beside a result: grade in two units, drift, raised baseline, limits to adopt."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.rules.action_limits import Level, gravest_limit, suggested_limits
from compliance.rules.facts import Dispensing, Fact, Lab
from compliance.rules.lab_notes import LabNote, lab_notes
from compliance.rules.programme import load_programme
from compliance.rules.terms import Analyte
from tests.rules.abroad import clinic, noon
from tests.rules.histories import record

BEFORE, START, LATER = dt.date(2026, 2, 25), dt.date(2026, 3, 2), dt.date(2026, 4, 1)


def lab(analyte: str, value: str, unit: str, on: dt.date = LATER, **more: object) -> Lab:
    return Lab(collected=on, analyte=Analyte(analyte), value=value, unit=unit, **more)


def note(*facts: Fact) -> LabNote:
    known = record([*facts, Dispensing(on=START)])
    at = noon(LATER, "uk-ppp")
    return lab_notes(known, load_programme("uk-ppp"), clinic("uk-ppp"), at)[0]


def test_the_same_amount_in_another_unit_may_have_another_grade_and_that_is_said() -> None:
    for value, unit, grade, said in (
        ("503", "mg/dL", 3, "as 5.681 mmol/L it would be grade 2, not 3"),
        ("5.68", "mmol/L", 2, "as 502.9 mg/dL it would be grade 3, not 2"),
    ):
        found = note(lab("TG", value, unit, fasting=True))
        assert found.grade == grade
        assert said in " ".join(found.sentences)
    assert "Borderline" not in " ".join(note(lab("TG", "4.5", "mmol/L")).sentences)


@pytest.mark.parametrize(
    ("value", "said"), [("31", False), ("32", True), ("40", True), ("41", False)]
)
def test_a_value_that_doubled_inside_the_range_is_named(value: str, said: bool) -> None:
    base = lab("ALT", "16", "U/L", BEFORE, upper_limit="40")
    found = note(base, lab("ALT", value, "U/L", upper_limit="40"))
    assert ("inside the range" in " ".join(found.sentences)) is said


def test_a_raised_baseline_is_shown_beside_the_upper_limit() -> None:
    base = lab("ALT", "60", "U/L", BEFORE, upper_limit="40")
    found = note(base, lab("ALT", "85", "U/L", upper_limit="40"))
    assert found.grade == 0
    assert "1.42 times the baseline, 2.12 times the laboratory's upper limit" in found.sentences[0]


def test_the_baseline_is_compared_across_units_exactly() -> None:
    base = lab("ALT", "0.25", "ukat/L", BEFORE, upper_limit="0.67")
    assert "2 times" in note(base, lab("ALT", "30", "U/L", upper_limit="40")).sentences[0]


def test_a_result_in_doubt_has_no_grade_and_says_so() -> None:
    found = note(lab("TG", "2.1", ""))
    assert found.grade is None
    assert "in doubt" in found.sentences[0]
    assert found.level is None


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "fasting", "level"),
    [
        ("TG", "300", "mg/dL", True, None),
        ("TG", "300.1", "mg/dL", True, Level.WARN),
        ("TG", "442.9", "mg/dL", True, Level.WARN),
        ("TG", "443", "mg/dL", True, Level.ACT),
        ("TG", "3.42", "mmol/L", True, None),
        ("TG", "4.99", "mmol/L", True, Level.WARN),
        ("TG", "5.0", "mmol/L", True, Level.ACT),
        ("TG", "9.9", "mmol/L", False, Level.WARN),
        ("TG", "10", "mmol/L", False, Level.CRITICAL),
        ("TG", "900", "mg/dL", False, Level.CRITICAL),
        ("ALT", "40", "U/L", None, None),
        ("ALT", "120", "U/L", None, Level.WARN),
        ("ALT", "120.1", "U/L", None, Level.ACT),
        ("ALT", "200.1", "U/L", None, Level.CRITICAL),
        ("TC", "7.5", "mmol/L", None, None),
        ("TC", "10.35", "mmol/L", None, Level.ACT),
        ("ALT", ">150", "U/L", None, Level.ACT),
        ("ALT", "<300", "U/L", None, None),
    ],
)
def test_a_limit_that_a_clinic_may_adopt_is_reached_strictly_in_its_unit(
    analyte: str, value: str, unit: str, fasting: bool | None, level: Level | None
) -> None:
    upper = {"U/L": "40", "mmol/L": "1.7", "mg/dL": "150"}[unit]
    found = gravest_limit(lab(analyte, value, unit, fasting=fasting, upper_limit=upper))
    assert (found.level if found else None) is level


def test_without_the_laboratorys_limit_its_multiples_are_not_guessed() -> None:
    assert gravest_limit(lab("ALT", "900", "U/L")) is None
    assert len(suggested_limits()) == 18
