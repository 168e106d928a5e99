"""The limits that a clinic may adopt: strictly in their unit, on both sides, and by what key."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.rules.action_limits import (
    ActionLimit,
    Level,
    gravest_limit,
    limit_words,
    limits_in_force,
    suggested_limits,
)
from compliance.rules.facts import Lab, LimitSet
from compliance.rules.terms import Analyte

DAY = dt.date(2026, 4, 1)
UPPER = {"U/L": "40", "mmol/L": "1.7", "mg/dL": "150", "umol/L": "20", "": ""}
# Kept for good: a clinic's adoption names them.
KEYS = {
    "tg-warn-fasting", "tg-act-fasting", "tg-act-fasting-500", "tg-critical-fasting",
    "tg-warn-not-fasting", "tg-critical-not-fasting",
    "alt-warn", "alt-act", "alt-critical", "alt-bili-critical",
    "ast-warn", "ast-act", "ast-critical",
    "bili-warn", "bili-act", "bili-critical",
    "ck-warn", "ck-act", "ck-critical", "tc-warn", "tc-act",
}  # fmt: skip


def lab(analyte: str, value: str, unit: str, upper: str | None = None, **more: object) -> Lab:
    limit = UPPER[unit] if upper is None else upper
    return Lab(
        collected=DAY, analyte=Analyte(analyte), value=value, unit=unit, upper_limit=limit, **more
    )


def limit(key: str) -> ActionLimit:
    return next(item for item in suggested_limits() if item.key == key)


# Each limit, a result just within it and one that just reaches it; fasting where it matters.
EDGES = [
    ("tg-warn-fasting", "TG", "mg/dL", "300", "300.1", True),
    ("tg-warn-fasting", "TG", "mmol/L", "3.42", "3.43", True),
    ("tg-act-fasting", "TG", "mg/dL", "442.9", "443", True),
    ("tg-act-fasting", "TG", "mmol/L", "4.99", "5.0", True),
    ("tg-act-fasting-500", "TG", "mg/dL", "500", "500.1", True),
    ("tg-act-fasting-500", "TG", "mmol/L", "5.6469", "5.6470", True),
    ("tg-critical-fasting", "TG", "mg/dL", "800", "800.1", True),
    ("tg-critical-fasting", "TG", "mmol/L", "9.0", "9.01", True),
    ("tg-warn-not-fasting", "TG", "mg/dL", "150", "151", None),
    ("tg-critical-not-fasting", "TG", "mmol/L", "9.99", "10", False),
    ("tg-critical-not-fasting", "TG", "mg/dL", "885.4", "885.5", None),
    ("alt-warn", "ALT", "U/L", "40", "40.1", None),
    ("alt-act", "ALT", "U/L", "120", "120.1", None),
    ("alt-critical", "ALT", "U/L", "200", "200.1", None),
    ("ast-warn", "AST", "U/L", "40", "40.1", None),
    ("ast-act", "AST", "U/L", "120", "120.1", None),
    ("ast-critical", "AST", "U/L", "200", "200.1", None),
    ("bili-warn", "BILI", "umol/L", "20", "20.1", None),
    ("bili-act", "BILI", "umol/L", "30", "30.1", None),
    ("bili-critical", "BILI", "umol/L", "60", "60.1", None),
    ("ck-warn", "CK", "U/L", "40", "40.1", None),
    ("ck-act", "CK", "U/L", "200", "200.1", None),
    ("ck-critical", "CK", "U/L", "400", "400.1", None),
    ("tc-warn", "TC", "mmol/L", "7.5", "7.51", None),
    ("tc-act", "TC", "mmol/L", "10.34", "10.35", None),
]


@pytest.mark.parametrize(("key", "analyte", "unit", "within", "beyond", "fasting"), EDGES)
def test_a_limit_is_reached_on_one_side_of_its_edge_only(
    key: str, analyte: str, unit: str, within: str, beyond: str, fasting: bool | None
) -> None:
    assert limit(key).reached_by(lab(analyte, within, unit, fasting=fasting)) is False
    assert limit(key).reached_by(lab(analyte, beyond, unit, fasting=fasting)) is True


def test_every_limit_has_its_key_for_good_and_both_sides_tested() -> None:
    assert {item.key for item in suggested_limits()} == KEYS
    assert len(suggested_limits()) == len(KEYS)
    assert {key for key, *_ in EDGES} == KEYS - {"alt-bili-critical"}


@pytest.mark.parametrize(
    ("alt", "bilirubin", "reached"),
    [
        ("120.1", "40.1", True),
        ("120", "40.1", False),
        ("120.1", "40", False),
        ("120.1", None, False),
    ],
)
def test_raised_alt_is_critical_with_raised_bilirubin_of_the_same_day(
    alt: str, bilirubin: str | None, reached: bool
) -> None:
    result = lab("ALT", alt, "U/L")
    same_day = [result] + ([lab("BILI", bilirubin, "umol/L")] if bilirubin else [])
    assert limit("alt-bili-critical").reached_by(result, same_day) is reached


def test_bilirubin_without_its_limit_leaves_the_pair_open_only_when_alt_is_raised() -> None:
    bilirubin = lab("BILI", "90", "umol/L", "")
    pair = limit("alt-bili-critical")
    assert pair.reached_by(lab("ALT", "121", "U/L"), [bilirubin]) is None
    assert pair.reached_by(lab("ALT", "119", "U/L"), [bilirubin]) is False


@pytest.mark.parametrize(
    ("key", "fasting"), [("tg-act-fasting", None), ("tg-critical-not-fasting", True)]
)
def test_a_limit_for_one_kind_of_sample_leaves_the_other_alone(
    key: str, fasting: bool | None
) -> None:
    assert limit(key).reached_by(lab("TG", "950", "mg/dL", fasting=fasting)) is False


@pytest.mark.parametrize(
    ("value", "upper", "reached"),
    [(">150", "40", True), ("<300", "40", None), ("<120", "40", False), ("900", "", None)],
)
def test_what_may_lie_on_either_side_is_neither(
    value: str, upper: str, reached: bool | None
) -> None:
    assert limit("alt-act").reached_by(lab("ALT", value, "U/L", upper)) is reached


def test_of_several_limits_the_gravest_is_named() -> None:
    found = gravest_limit(lab("ALT", "250", "U/L"), suggested_limits())
    assert found is not None
    assert found.level is Level.CRITICAL
    assert gravest_limit(lab("ALT", "900", "U/L", ""), suggested_limits()) is None


def test_a_clinic_works_by_its_newest_set_from_the_day_on_and_by_none_before() -> None:
    sets = (
        LimitSet(on=dt.date(2026, 3, 1), keys=("alt-act",)),
        LimitSet(on=dt.date(2026, 4, 1), keys=("ck-act", "tc-warn")),
        LimitSet(on=dt.date(2026, 4, 1), keys=("ck-act",)),
    )
    found = {
        day: tuple(item.key for item in limits_in_force(sets, day))
        for day in (dt.date(2026, 2, 28), dt.date(2026, 3, 31), dt.date(2026, 4, 1))
    }
    assert list(found.values()) == [(), ("alt-act",), ("ck-act",)]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("tg-act-fasting", "from 443 mg/dL or 5 mmol/L, fasting"),
        ("tc-warn", "above 7.5 mmol/L (290 mg/dL)"),
        ("tg-critical-not-fasting", "from 10 mmol/L (885.4 mg/dL), not known to be fasting"),
        ("alt-warn", "above the laboratory's upper limit"),
        (
            "alt-bili-critical",
            "above 3 times the laboratory's upper limit, with bilirubin of the same day above 2"
            " times the laboratory's upper limit",
        ),
    ],
)
def test_a_limit_is_told_in_words_and_in_every_unit(key: str, said: str) -> None:
    assert limit_words(limit(key)) == said
