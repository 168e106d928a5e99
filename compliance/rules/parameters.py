"""The parameters that a programme may have, and how each one's value is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from compliance.rules.terms import (
    Cycle,
    Form,
    LabSchedule,
    Method,
    PotentialReason,
    Signer,
    Term,
    TestSetting,
    Topic,
)

Reader = tuple[Callable[[Any], Any], str]


def _yes(value: Any) -> bool:
    if value is not True:
        raise TypeError
    return True


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _pair(value: Any) -> tuple[int, int]:
    first, last = value
    return _whole(first), _whole(last)


def _word(term: type[Term]) -> Reader:
    return (lambda value: term(value)), " | ".join(str(item) for item in term)


def _words(term: type[Term]) -> Reader:
    read, allowed = _word(term)
    return (lambda value: frozenset(read(item) for item in _list(value))), f"a list of: {allowed}"


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _names(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise TypeError
    return MappingProxyType(dict(value))


def _lasting(value: Any) -> tuple[tuple[Method, str, int, dt.date], ...]:
    return tuple(_one_lasting(**item) for item in _list(value))


def _one_lasting(
    *, method: str, unit: str, count: int, since: dt.date = dt.date.min
) -> tuple[Method, str, int, dt.date]:
    if unit not in ("days", "months") or type(since) is not dt.date:
        raise ValueError
    return Method(method), unit, _whole(count), since


def _targets(value: Any) -> tuple[tuple[frozenset[str], str, int, int], ...]:
    return tuple(_one_target(**item) for item in _list(value))


def _one_target(
    *, tests: list[str], unit: str, after: int, every: int = 0
) -> tuple[frozenset[str], str, int, int]:
    if unit not in ("days", "months") or not set(tests) <= {"ALT", "TG", "fasting TG"}:
        raise ValueError
    return frozenset(tests), unit, _whole(after), _whole(every)


def _choice(*allowed: str) -> Reader:
    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError
        return str(value)

    return read, " | ".join(allowed)


YES: Reader = (_yes, "true (or not_required = true)")
WHOLE: Reader = (_whole, "a whole number, 0 or more")
PAIR: Reader = (_pair, "two whole numbers, [first, last]")
NAMES: Reader = (_names, "a table of name = why")
LASTING: Reader = (_lasting, "a list of { method, unit = days | months, count, since }")
TARGETS: Reader = (
    _targets,
    "a list of { tests = [ALT | TG | fasting TG], unit = days | months, after, every }",
)
TESTS: Reader = (
    lambda value: frozenset(_choice("ALT", "TG", "fasting TG")[0](item) for item in _list(value)),
    "a list of: ALT | TG | fasting TG",
)

PARAMETERS: dict[str, Reader] = {
    "enrolment": YES,
    "cannot_reasons": _words(PotentialReason),
    "form": _word(Form),
    "form_signers": _words(Signer),
    "guardian_below_age": WHOLE,
    "first_test": YES,
    "tests_apart_days": WHOLE,
    "menses_days": PAIR,
    "menses_days_after_missed_window": PAIR,
    "cycles_without_menses_day": _words(Cycle),
    "monthly_test": YES,
    "suggested_test_days": WHOLE,
    "settings_before": _words(TestSetting),
    "settings_during": _words(TestSetting),
    "settings_after_gap": _words(TestSetting),
    "certified_before": YES,
    "certified_during": YES,
    "home_process": YES,
    "sensitivity": WHOLE,
    "not_pregnant": YES,
    "unclear_cleared_in": _words(TestSetting),
    "hcg_unclear_from": WHOLE,
    "hcg_positive_from": WHOLE,
    "primary_methods": _words(Method),
    "secondary_methods": _words(Method),
    "sole_methods": _words(Method),
    "two_primary": _choice("accept", "hold", "reject"),
    "method_lasts": LASTING,
    "lead_in_days": WHOLE,
    "gap_days": WHOLE,
    "counselling_can": _choice("prescription", "enrolment"),
    "counselling_cannot": _choice("prescription", "enrolment"),
    "comprehension": _choice("prescription"),
    "method_match": YES,
    "window_days_can": WHOLE,
    "window_days_cannot": WHOLE,
    "lockout_days": WHOLE,
    "supply_days": WHOLE,
    "refills": WHOLE,
    "interacting_medicines": NAMES,
    "lab_schedule": _word(LabSchedule),
    "baseline_days": WHOLE,
    "baseline_label": TESTS,
    "baseline_peak_dose": TESTS,
    "follow_up_label": TARGETS,
    "follow_up_peak_dose": TARGETS,
    "lab_tolerance_days": PAIR,
    "lab_grade_limit": WHOLE,
    "stop_symptoms": NAMES,
    "course_gap_months": WHOLE,
    "final_test": YES,
    "final_test_grace_days": WHOLE,
    "tail_days": WHOLE,
    "tail_months": WHOLE,
    "contraception_tail": YES,
    "blood_donation": YES,
    "review_topics": _words(Topic),
    "second_prescriber": YES,
    "in_person_start": YES,
    "prescriber_scope": YES,
}
