"""The answer to one question: every requirement's finding, and what follows from them together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from compliance.rules.clinic_limits import with_clinic_limits
from compliance.rules.clock import EVERYBODY, Reader
from compliance.rules.context import SHARED, Context, Index
from compliance.rules.contraception import contraception_lead_in, contraception_methods
from compliance.rules.courses import course_of
from compliance.rules.dates import show
from compliance.rules.earliest import earliest_day
from compliance.rules.earliest_start import earliest_prescription
from compliance.rules.enrolments import (
    acknowledgement,
    course_gap,
    enrolment,
    pregnancy_potential,
)
from compliance.rules.facts import ClinicTerms, Record
from compliance.rules.findings import Assessment, Days, Finding, Question
from compliance.rules.follow_up import (
    blood_donation,
    contraception_tail,
    final_test,
    final_test_due,
)
from compliance.rules.grades import grades_of
from compliance.rules.labs import baseline_labs, lab_follow_up, lab_limits, lab_target
from compliance.rules.makers import not_required, unknown
from compliance.rules.pregnancy import not_pregnant
from compliance.rules.pregnancy_tests import is_open, tests_of
from compliance.rules.prescriber_led import NEXT, rules_for
from compliance.rules.prescriptions import (
    days_supply,
    in_person_start,
    interaction,
    prescriber_scope,
    review,
    second_prescriber,
)
from compliance.rules.programme import LedBy, NoEditionError, Programme
from compliance.rules.statements import comprehension, counselling, method_match
from compliance.rules.supply import days_open
from compliance.rules.terms import Act, Binding, Outcome, Phase, Requirement, Verdict
from compliance.rules.testing import (
    monthly_test,
    screening_test,
    suggested_test_days,
    test_before_start,
    test_sensitivity,
    test_setting,
)
from compliance.rules.waiting_results import with_waiting_pregnancy
from compliance.rules.windows import (
    closes_at,
    first_window_lockout,
    open_window,
    prescription_window,
)

Rule = Callable[[Context], Finding]
Rules = Mapping[Requirement, Rule]

# In the order in which a person does them: who, tests, contraception, statements, pick-up, advice.
ASKED: Rules = {
    Requirement.NOT_PREGNANT: with_waiting_pregnancy(not_pregnant),
    Requirement.ENROLMENT: enrolment,
    Requirement.PREGNANCY_POTENTIAL: pregnancy_potential,
    Requirement.ACKNOWLEDGEMENT: acknowledgement,
    Requirement.SCREENING_TEST: screening_test,
    Requirement.TEST_BEFORE_START: test_before_start,
    Requirement.MONTHLY_TEST: monthly_test,
    Requirement.TEST_SETTING: test_setting,
    Requirement.TEST_SENSITIVITY: test_sensitivity,
    Requirement.FIRST_WINDOW_LOCKOUT: first_window_lockout,
    Requirement.CONTRACEPTION_METHODS: contraception_methods,
    Requirement.CONTRACEPTION_LEAD_IN: contraception_lead_in,
    Requirement.COUNSELLING: counselling,
    Requirement.COMPREHENSION: comprehension,
    Requirement.METHOD_MATCH: method_match,
    Requirement.PRESCRIPTION_WINDOW: prescription_window,
    Requirement.DAYS_SUPPLY: days_supply,
    Requirement.INTERACTION: interaction,
    Requirement.REVIEW: review,
    Requirement.BASELINE_LABS: baseline_labs,
    Requirement.LAB_FOLLOW_UP: lab_follow_up,
    Requirement.LAB_LIMITS: with_clinic_limits(lab_limits),
    Requirement.COURSE_GAP: course_gap,
    Requirement.BLOOD_DONATION: blood_donation,
    Requirement.SECOND_PRESCRIBER: second_prescriber,
    Requirement.IN_PERSON_START: in_person_start,
    Requirement.PRESCRIBER_SCOPE: prescriber_scope,
}
AFTERWARDS: Rules = {
    Requirement.NOT_PREGNANT: with_waiting_pregnancy(not_pregnant),
    Requirement.PREGNANCY_POTENTIAL: pregnancy_potential,
    Requirement.FINAL_TEST: final_test,
    Requirement.CONTRACEPTION_TAIL: contraception_tail,
    Requirement.BLOOD_DONATION: blood_donation,
    Requirement.LAB_LIMITS: with_clinic_limits(lab_limits),
}
DONATION: Rules = {Requirement.BLOOD_DONATION: blood_donation}
IF_CAN = frozenset(
    {
        Requirement.SCREENING_TEST,
        Requirement.TEST_BEFORE_START,
        Requirement.MONTHLY_TEST,
        Requirement.TEST_SETTING,
        Requirement.TEST_SENSITIVITY,
        Requirement.FIRST_WINDOW_LOCKOUT,
        Requirement.CONTRACEPTION_METHODS,
        Requirement.CONTRACEPTION_LEAD_IN,
        Requirement.COMPREHENSION,
        Requirement.METHOD_MATCH,
    }
)


def _not_asked(requirement: Requirement) -> Rule:
    finding = not_required(requirement, "Not asked of a patient who cannot become pregnant.")
    return lambda ctx: finding


ASKED_WHO_CANNOT: Rules = {
    requirement: _not_asked(requirement) if requirement in IF_CAN else rule
    for requirement, rule in ASKED.items()
}


class Snapshot(NamedTuple):
    """What time may change about an answer: what each rule found, and what else was read."""

    edition: str
    phase: Phase
    findings: dict[Requirement, Finding]
    readings: dict[str, Any]


def assess(
    record: Record, programme: Programme, terms: ClinicTerms, question: Question
) -> Assessment:
    """Answer one question from the facts known on its day; never raises on a readable record."""
    index = Index(record.facts, terms.time_zone)
    ctx = Context(record, index, programme, terms, question, question.at)
    return _answer(ctx, _snapshot(ctx))


def _answer(ctx: Context, now: Snapshot) -> Assessment:
    findings = tuple(now.findings.values())
    verdict = _verdict(findings)
    window = now.readings[WINDOW]
    return Assessment(
        question=ctx.question,
        time_zone=ctx.terms.time_zone,
        programme=ctx.programme.id,
        authority_zone=ctx.clock.authority,
        edition=now.edition,
        phase=now.phase,
        verdict=verdict,
        findings=findings,
        window=window,
        window_closes_at=closes_at(ctx, window),
        earliest=None if verdict is not Verdict.NO else _earliest(ctx),
        due=now.readings[DUE],
        grades=now.readings[GRADES],
        changes_at=_changes_at(ctx, now),
    )


# --- when time alone changes the answer -----------------------------------------------------------


def _changes_at(ctx: Context, now: Snapshot) -> dt.datetime | None:
    """The first noted instant at which the answer differs; each look ahead may note more.

    Who noted an instant reads again at it; what everybody shares makes everybody read again.
    """
    ahead = ctx.clock.readers_ahead()
    while ahead:
        moment = min(ahead)
        readers = ahead.pop(moment)
        if EVERYBODY in readers:
            ctx = Context(ctx.record, ctx.index, ctx.programme, ctx.terms, ctx.question, moment)
        else:
            ctx.wait_until(moment, readers)
        if EVERYBODY in readers or readers & SHARED:
            differs = _other_course(ctx, now) or _differs(ctx, now, [*readers, *_all_readers(now)])
        else:
            differs = _differs(ctx, now, readers)
        if differs:
            return moment
        for later, more in ctx.clock.readers_ahead().items():
            ahead.setdefault(later, set()).update(more)
    return None


def _other_course(ctx: Context, now: Snapshot) -> bool:
    """Whether other rules are asked than now."""
    return (
        _edition(ctx) != now.edition
        or course_of(ctx).phase is not now.phase
        or _rules(ctx).keys() != now.findings.keys()
    )


def _all_readers(now: Snapshot) -> Iterable[Reader]:
    return (*now.findings, *now.readings)


def _differs(ctx: Context, now: Snapshot, readers: Iterable[Reader]) -> bool:
    """Whether any of these readers finds something else than now; the likeliest come first."""
    for reader in dict.fromkeys(readers):
        if reader in now.findings:
            requirement = Requirement(reader)
            if _finding(ctx, requirement) != now.findings[requirement]:
                return True
        elif reader in _READINGS and _reading(ctx, reader) != now.readings[reader]:
            return True
    return False


def _snapshot(ctx: Context) -> Snapshot:
    return Snapshot(
        edition=_edition(ctx),
        phase=course_of(ctx).phase,
        findings=_findings(ctx),
        readings={reader: _reading(ctx, reader) for reader in _READINGS},
    )


def _edition(ctx: Context) -> str:
    return ctx.edition.id if ctx.edition else ""


def _reading(ctx: Context, reader: Reader) -> Any:
    ctx.clock.reader = reader
    found = _READINGS[reader](ctx)
    ctx.clock.reader = EVERYBODY
    return found


def _by_prescriber(ctx: Context) -> bool:
    return ctx.programme.led_by is LedBy.PRESCRIBER


def _earliest(ctx: Context) -> dt.date | None:
    return earliest_prescription(ctx) if _by_prescriber(ctx) else earliest_day(ctx)


def _rules(ctx: Context) -> Rules:
    if _by_prescriber(ctx):
        return rules_for(ctx)
    if ctx.question.act is Act.DONATE_BLOOD:
        return DONATION
    if course_of(ctx).phase is Phase.AFTER:
        return AFTERWARDS
    return ASKED if course_of(ctx).can else ASKED_WHO_CANNOT


def _findings(ctx: Context) -> dict[Requirement, Finding]:
    found = {}
    for requirement, rule in _rules(ctx).items():
        ctx.clock.reader = requirement
        try:
            found[requirement] = rule(ctx)
        except NoEditionError as error:
            found[requirement] = _not_recorded(ctx, requirement, error.day)
    ctx.clock.reader = EVERYBODY
    return found


def _finding(ctx: Context, requirement: Requirement) -> Finding:
    ctx.clock.reader = requirement
    try:
        return _rules(ctx)[requirement](ctx)
    except NoEditionError as error:
        return _not_recorded(ctx, requirement, error.day)
    finally:
        ctx.clock.reader = EVERYBODY


def _not_recorded(ctx: Context, requirement: Requirement, day: dt.date) -> Finding:
    return unknown(
        requirement,
        f"What {ctx.programme.name} asked on {show(day)} is not recorded here.",
        action="Have a person decide by the text that was in force then",
    )


def _verdict(findings: tuple[Finding, ...]) -> Verdict:
    must = Binding.MUST
    binding = {finding.outcome for finding in findings if finding.binding is must}
    if Outcome.UNMET in binding:
        return Verdict.NO
    return Verdict.HOLD if Outcome.UNKNOWN in binding else Verdict.YES


def _window(ctx: Context) -> Days | None:
    return days_open(ctx) if _by_prescriber(ctx) else open_window(ctx)


def _due(ctx: Context) -> dict[Requirement, Days]:
    """What comes next, each with its first and last day."""
    if ctx.question.act is Act.DONATE_BLOOD:
        return {}
    found: dict[Requirement, Days] = {}
    for requirement, days in (NEXT if _by_prescriber(ctx) else _NEXT).items():
        try:
            value = days(ctx)
        except NoEditionError:
            value = None
        if value is not None:
            found[requirement] = value
    return found


def _next_test(ctx: Context) -> Days | None:
    course = course_of(ctx)
    if not course.can or course.phase is not Phase.DURING:
        return None
    tests = tests_of(ctx)
    if tests.serving and is_open(ctx, tests.window):
        return None
    return suggested_test_days(ctx)


def _next_labs(ctx: Context) -> Days | None:
    target = lab_target(ctx)
    return (target[0], target[0]) if target else None


_NEXT: Mapping[Requirement, Callable[[Context], Days | None]] = {
    Requirement.MONTHLY_TEST: _next_test,
    Requirement.LAB_FOLLOW_UP: _next_labs,
    Requirement.FINAL_TEST: final_test_due,
}
WINDOW, DUE, GRADES = "window", "due", "grades"
_READINGS: Mapping[Reader, Callable[[Context], Any]] = {
    WINDOW: _window,
    DUE: _due,
    GRADES: grades_of,
}
