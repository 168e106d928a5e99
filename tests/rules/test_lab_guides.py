"""The lines and ranges beside a course of results: the clinic's limit, and the grades."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest

from compliance.rules.facts import Dispensing, Fact, Lab, LimitSet
from compliance.rules.lab_guides import Guides, lab_guides
from compliance.rules.programme import load_programme
from compliance.rules.terms import Analyte
from tests.rules.abroad import clinic, noon
from tests.rules.histories import record

BEFORE, START, DAY = dt.date(2026, 2, 25), dt.date(2026, 3, 2), dt.date(2026, 4, 1)


def lab(analyte: str, unit: str, upper: str = "40", on: dt.date = DAY, **more: object) -> Lab:
    values = {"value": "60", **more}
    return Lab(collected=on, analyte=Analyte(analyte), unit=unit, upper_limit=upper, **values)


def guides(result: Lab, *more: Fact, keys: tuple[str, ...] = (), at: dt.date = DAY) -> Guides:
    own = (LimitSet(on=DAY, keys=keys),) if keys else ()
    terms = replace(clinic("uk-ppp"), limits=own)
    known = record([*more, result])
    moment = noon(at, "uk-ppp")
    (found,) = lab_guides(known, load_programme("uk-ppp"), terms, moment, [result])
    return found


def edges(found: Guides) -> list[tuple[int, float, float | None]]:
    return [
        (band.grade, float(band.low), None if band.high is None else float(band.high))
        for band in found.bands
    ]


@pytest.mark.parametrize(
    ("result", "keys", "limit", "strict"),
    [
        (lab("ALT", "U/L"), ("alt-warn", "alt-act", "alt-critical"), 120, True),
        (lab("ALT", "U/L"), ("alt-warn", "alt-critical"), 200, True),
        (lab("ALT", "U/L"), ("alt-bili-critical",), None, False),
        (lab("ALT", "U/L", ""), ("alt-act",), None, False),
        (lab("ALT", "U/L"), ("ck-act",), None, False),
        (lab("TG", "mg/dL", fasting=True), ("tg-act-fasting",), 443, False),
        (lab("TG", "mmol/L", value="2", fasting=True), ("tg-act-fasting",), 5, False),
        (lab("TG", "mg/dL"), ("tg-act-fasting",), None, False),
        (lab("TG", "mg/dL"), ("tg-critical-not-fasting",), Fraction(10000000, 112939) * 10, False),
    ],
)
def test_the_limit_at_which_the_clinic_acts_is_given_in_the_results_own_unit(
    result: Lab, keys: tuple[str, ...], limit: Fraction | None, strict: bool
) -> None:
    found = guides(result, keys=keys)
    assert (found.limit, found.strict) == (limit, strict)


def test_before_the_adoption_there_is_no_limit() -> None:
    keys = ("alt-act",)
    early = DAY - dt.timedelta(days=1)
    assert guides(lab("ALT", "U/L", on=early), keys=keys, at=early).limit is None
    assert guides(lab("ALT", "U/L", on=early), keys=keys, at=DAY).limit == 120


def test_grades_are_ranges_in_the_reported_unit() -> None:
    assert edges(guides(lab("TG", "mg/dL"))) == [
        (1, 150, 300),
        (2, 300, 500),
        (3, 500, 1000),
        (4, 1000, None),
    ]
    assert edges(guides(lab("TG", "mmol/L", value="2")))[0] == (1, 1.71, 3.42)
    assert edges(guides(lab("ALT", "U/L"))) == [
        (1, 40, 120),
        (2, 120, 200),
        (3, 200, 800),
        (4, 800, None),
    ]


def test_grades_follow_a_raised_baseline_and_are_not_guessed_without_a_limit() -> None:
    baseline = lab("ALT", "U/L", on=BEFORE)  # 60 with an upper limit of 40
    raised = guides(lab("ALT", "U/L"), baseline, Dispensing(on=START))
    assert edges(raised)[:2] == [(1, 90, 180), (2, 180, 300)]
    assert edges(guides(lab("ALT", "U/L", ""))) == []
    assert edges(guides(lab("ALT", "", ""))) == []
    assert edges(guides(lab("TC", "mg/dL", "")))[0] == (2, 300, 400)
    assert edges(guides(lab("TC", "mg/dL", "199")))[0] == (1, 199, 300)
