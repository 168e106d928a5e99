"""What is said beside a result: grade in two units, drift, raised baseline, limits to adopt."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from compliance.rules.action_limits import Level
from compliance.rules.facts import ClinicTerms, Dispensing, Fact, Lab, LimitSet
from compliance.rules.lab_notes import LabNote, lab_notes
from compliance.rules.programme import load_programme
from compliance.rules.terms import Analyte
from tests.rules.abroad import clinic, noon
from tests.rules.histories import record

BEFORE, START, LATER = dt.date(2026, 2, 25), dt.date(2026, 3, 2), dt.date(2026, 4, 1)


def lab(analyte: str, value: str, unit: str, on: dt.date = LATER, **more: object) -> Lab:
    return Lab(collected=on, analyte=Analyte(analyte), value=value, unit=unit, **more)


def note(*facts: Fact, terms: ClinicTerms | None = None) -> LabNote:
    known = record([*facts, Dispensing(on=START)])
    at = noon(LATER, "uk-ppp")
    return lab_notes(known, load_programme("uk-ppp"), terms or clinic("uk-ppp"), at)[0]


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


def adopted(*keys: str) -> ClinicTerms:
    own = LimitSet(on=LATER, keys=keys)
    return replace(clinic("uk-ppp"), limits=(own,))


def test_a_limit_that_nobody_adopted_is_shown_as_suggested() -> None:
    found = note(lab("ALT", "121", "U/L", upper_limit="40"))
    assert found.level is Level.ACT
    assert "Suggested limit reached (act), in force where adopted" in found.sentences[0]


def test_where_the_clinic_adopted_limits_only_its_own_are_shown() -> None:
    high = lab("ALT", "121", "U/L", upper_limit="40")
    found = note(high, terms=adopted("alt-act"))
    assert "Limit of this clinic reached (act): lower or pause" in found.sentences[0]
    assert note(high, terms=adopted("ck-act")).level is None


def test_a_result_from_before_the_adoption_is_shown_by_what_is_suggested() -> None:
    found = note(lab("ALT", "121", "U/L", BEFORE, upper_limit="40"), terms=adopted("ck-act"))
    assert "Suggested" in found.sentences[0]
