"""The parameters that a programme may have, and how each one's value is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from compliance.rules.terms import (
    Analyte,
    Cycle,
    ExemptionReason,
    Form,
    LabSchedule,
    Method,
    PotentialReason,
    Profession,
    Signer,
    Supervision,
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


def _forms(value: Any) -> tuple[tuple[Form, bool, str], ...]:
    return tuple(_one_form(**item) for item in _list(value))


def _one_form(*, form: str, who: str, version: str) -> tuple[Form, bool, str]:
    if who not in ("everyone", "can become pregnant") or not isinstance(version, str):
        raise ValueError
    return Form(form), who == "everyone", version


def _supervised(value: Any) -> Mapping[Supervision, str]:
    read = {Supervision(key): item for key, item in value.items()}
    if set(read) != set(Supervision) or not set(read.values()) <= {"accept", "hold", "reject"}:
        raise ValueError
    return MappingProxyType(read)


def _beyond(value: Any) -> Mapping[Analyte, Mapping[str, str]]:
    read = {Analyte(key): _in_units(item) for key, item in value.items()}
    return MappingProxyType(read)


def _in_units(item: Any) -> Mapping[str, str]:
    """Limits stay text: exact, and shown as they were written."""
    for limit in item.values():
        if not isinstance(limit, str) or Fraction(limit) <= 0:
            raise ValueError
    return MappingProxyType(dict(item))


def _ages(value: Any) -> Mapping[Method, int]:
    return MappingProxyType({Method(key): _whole(age) for key, age in value.items()})


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
FORMS: Reader = (
    _forms,
    "a list of { form, who = everyone | can become pregnant, version }",
)
SUPERVISED: Reader = (
    _supervised,
    "a table of every supervision = accept | hold | reject",
)
AGES: Reader = (_ages, "a table of method = age in years")
BEYOND: Reader = (_beyond, "a table of analyte = { unit = limit as text }")
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
    "days_end_at": _choice("authority", "clinic"),
    "day_missing_in_month": _choice("last day", "next day"),
    "leap_day_birthday": _choice("28 February", "1 March"),
    "limit_itself": _choice("within", "beyond"),
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
    "outside_reasons": _words(PotentialReason),
    "ended_reasons": _words(PotentialReason),
    "open_reasons": _words(PotentialReason),
    "forms": FORMS,
    "form_after_first_dose": _choice("must", "should"),
    "guardian_may_sign_below_age": WHOLE,
    "second_prescriber_below_age": WHOLE,
    "prescribers": _words(Profession),
    "prescribers_open": _words(Profession),
    "test_before_start_days": WHOLE,
    "start_menses_days": PAIR,
    "monthly_test_days": WHOLE,
    "visit_every_days": WHOLE,
    "test_before_visit_days": WHOLE,
    "test_settings": _words(TestSetting),
    "home_supervision": SUPERVISED,
    "unclear_cleared_after_days": WHOLE,
    "scheme": _choice("sole-or-two", "one-preferably-two", "primary-and-barrier"),
    "barrier_preferred": YES,
    "effective_methods": _words(Method),
    "barrier_methods": _words(Method),
    "open_methods": _words(Method),
    "documented_methods": _words(Method),
    "sole_lasts": LASTING,
    "endless_from_age": AGES,
    "held_after_methods": _words(Method),
    "due_soon_days": WHOLE,
    "exemption_reasons": _words(ExemptionReason),
    "exemption_on_form": YES,
    "exemption_reattested": YES,
    "lead_in_months": WHOLE,
    "enzyme_inducers": NAMES,
    "weakened_methods": _words(Method),
    "inducer_days_after": WHOLE,
    "forbidden_medicines": NAMES,
    "supply_days_cannot": WHOLE,
    "renewal_days_left": WHOLE,
    "window_days": WHOLE,
    "window_days_shown": WHOLE,
    "review_topics_follow_up": _words(Topic),
    "lab_limits_beyond": BEYOND,
    "labs_at_end": TESTS,
    "course_gap_days": WHOLE,
    "final_test_after_days": WHOLE,
    "in_person_start": YES,
    "prescriber_scope": YES,
}
