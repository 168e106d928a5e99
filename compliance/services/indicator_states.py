"""The cases of results, ends of treatment and safety: what time or the laboratory brought about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from compliance.rules.action_limits import gravest_limit, limit_words, limits_in_force
from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.cover import cover_of
from compliance.rules.dates import plus, show
from compliance.rules.facts import (
    Comprehension,
    Counselling,
    Dispensing,
    Fact,
    Lab,
    LabDecision,
    Pregnancy,
    PregnancyExcluded,
    PregnancyTest,
    Prescription,
    Visit,
)
from compliance.rules.findings import Finding
from compliance.rules.follow_up import final_test, tail_of
from compliance.rules.grades import grade_of
from compliance.rules.labs import lab_follow_up, lab_target
from compliance.rules.makers import unmet
from compliance.rules.pregnancy_tests import is_open, tests_of
from compliance.rules.programme import NoEditionError
from compliance.rules.results import results_of_day
from compliance.rules.stop_protocol import protocol_in
from compliance.rules.terms import Analyte, Outcome, Phase, Requirement, ResultStatus, TestResult
from compliance.rules.testing import suggested_test_days
from compliance.services.cohort import Followed, Received, Treatment, ruled
from compliance.services.indicator_cases import can, case
from compliance.services.report_content import Case, Month

LOST_AFTER_DAYS = 42
ACT_WITHIN_DAYS = 7
LAPSING_WITHIN_DAYS = 30
CONTACTS: tuple[type[Fact], ...] = (
    Visit,
    Counselling,
    Comprehension,
    PregnancyTest,
    Prescription,
    Dispensing,
)

Cases = Iterator[Case]


def results_at_one_month(person: Followed, month: Month) -> Cases:
    """Courses whose first results on treatment had to be in by a day of the month."""
    for treatment in person.treatments:
        days = _days_of_first_results(person, treatment)
        if days is None or days[1] not in month:
            continue
        found = ruled(lab_follow_up, person.on(days[1]))
        if found is None or found.outcome is Outcome.NOT_REQUIRED:
            continue
        met = found.outcome is Outcome.MET
        reason = f"The results were not complete from {show(days[0])} to {show(days[1])}."
        yield case(person, days[1], met, reason, _next_result(person, days[1]))


def lipids_on_treatment(person: Followed, month: Month) -> Cases:
    """Courses that ended in the month; in order with a triglyceride result on treatment."""
    for treatment in person.treatments:
        start, end = treatment.first_dispensing, treatment.last_dose
        if start and end and end.on in month:
            met = any(start.on <= lab.day <= end.on for lab in _results(person, Analyte.TG))
            reason = f"No triglyceride result from {show(start.on)} to {show(end.on)}."
            yield case(person, end.on, met, reason)


def limits_acted_on(person: Followed, month: Month) -> Cases:
    """Results beyond the alerting grade or the clinic's limit, their seven days in the month."""
    for lab in person.facts(Lab):
        last = plus(lab.day, ACT_WITHIN_DAYS)
        if last not in month or lab.analyte is Analyte.HCG:
            continue
        beyond = _beyond(person, lab)
        if not beyond:
            continue
        decided = _decisions_on(person, lab)
        done = f"Decided on {show(decided[0].day)}: {decided[0].decision}" if decided else ""
        reason = f"{lab.analyte} {lab.value} {lab.unit} of {show(lab.day)}, {beyond}."
        yield case(person, lab.day, any(item.day <= last for item in decided), reason, done)


def final_tests(person: Followed, month: Month) -> Cases:
    """Courses of patients who can become pregnant whose time for the last test ended."""
    for treatment in person.treatments:
        last = _last_day_of_final_test(person, treatment)
        if last is None or last not in month or not can(person, last):
            continue
        if person.course_on(last).phase is not Phase.AFTER:
            continue
        found = ruled(final_test, person.on(last))
        if found is not None:
            reason = f"By {show(last)} both tests after treatment were not recorded."
            met = found.outcome is Outcome.MET
            yield case(person, last, met, reason, _next_negative(person, last))


def methods_lapsing(person: Followed, month: Month) -> Cases:
    """Methods in use at the end of the month that stop counting within 30 days of it."""
    if not is_followed(person, month.last) or not can(person, month.last):
        return
    for span in cover_of(person.on(month.last)).in_use(month.last):
        if span.last <= plus(month.last, LAPSING_WITHIN_DAYS):
            names = ", ".join(sorted(words_of(method).lower() for method in span.methods))
            yield case(person, span.last, False, f"The {names} counts until {show(span.last)}.")


def overdue_items(person: Followed, month: Month) -> Cases:
    """What the rules had due before the end of the month and was still open at it."""
    if not is_followed(person, month.last):
        return
    context = person.on(month.last)
    for found, since in (
        (ruled(final_test, context), None),
        (ruled(lab_follow_up, context), _lab_day(context)),
        (_overdue_test(context), None),
    ):
        if found is not None and found.outcome is Outcome.UNMET:
            day = since or found.earliest or month.last
            yield case(person, day, False, found.reason, _next_contact(person, month.last))


def lost_to_follow_up(person: Followed, month: Month) -> Cases:
    """Patients on treatment at the end of the month, not seen for more than 42 days."""
    if not is_followed(person, month.last):
        return
    if person.course_on(month.last).phase is not Phase.DURING:
        return
    seen = [fact.day for kind in CONTACTS for fact in person.facts(kind) if fact.day <= month.last]
    last = max(seen, default=None)
    if last is not None and last < plus(month.last, -LOST_AFTER_DAYS):
        done = _next_contact(person, month.last)
        yield case(person, last, False, f"Last seen on {show(last)}.", done)


def pregnancies(person: Followed, month: Month) -> Cases:
    """Pregnancies of the month on treatment or in follow-up."""
    for fact in person.facts(Pregnancy):
        if fact.on in month and _exposed(person, fact.on):
            yield case(person, fact.on, False, "Pregnancy recorded.", closed(person, fact.on))


def is_fault(result: Received) -> bool:
    """Whether an imported result was anything but simply filed."""
    return result.disposition in ("held", "rejected") or result.without_unit


def received_as(result: Received) -> str:
    """What became of an imported result, without the laboratory's words."""
    return f"{result.disposition.capitalize()}{', without a unit' if result.without_unit else ''}."


def closed(person: Followed, day: dt.date) -> str:
    """How a positive or unclear test or a pregnancy was closed; empty while it is open."""
    for fact in person.facts(PregnancyExcluded):
        if fact.on >= day:
            return f"Closed on {show(fact.on)} by {fact.by}: {fact.reason}"
    return ""


def progress(person: Followed, alarm: Fact) -> str:
    """What followed a positive or unclear test or a pregnancy, by what was known at the cut-off."""
    found = protocol_in(person.on(max(fact.day for fact in person.record.facts)))
    if found is None:
        return "Resolved by a later negative test"
    if alarm.id not in found.causes:
        return "A later result followed"
    if not found.is_open:
        return "Every step of the stop protocol done; not closed yet"
    done = len(found.tasks) - len(found.open_tasks)
    return f"Open: {done} of {len(found.tasks)} steps of the stop protocol done"


def is_followed(person: Followed, day: dt.date) -> bool:
    """Whether the clinic still looked after the patient at the end of a day."""
    return person.closed_on is None or person.closed_on > day


def words_of(term: str) -> str:
    """A requirement, method or symptom as words."""
    return str(term).replace("-", " ").capitalize()


def _days_of_first_results(
    person: Followed, treatment: Treatment
) -> tuple[dt.date, dt.date] | None:
    """The days within which the first results on treatment count; None when none are asked."""
    start, end = treatment.first_dispensing, treatment.last_dose
    tolerance = person.provision("lab_tolerance_days", start.on) if start else None
    target = _lab_day(person.on(start.on)) if start else None
    if target is None or not isinstance(tolerance, tuple) or (end and end.on <= target):
        return None
    return plus(target, -tolerance[0]), plus(target, tolerance[1])


def _lab_day(context: Context) -> dt.date | None:
    try:
        target = lab_target(context)
    except NoEditionError:
        return None
    return target[0] if target else None


def _overdue_test(context: Context) -> Finding | None:
    """The monthly test, when the supply has ended and no test of an open window is there."""
    course = course_of(context)
    if not course.can or course.phase is not Phase.DURING:
        return None
    try:
        tests, (first, last) = tests_of(context), suggested_test_days(context)
    except NoEditionError:
        return None
    if (tests.serving and is_open(context, tests.window)) or not context.clock.reached(
        plus(last, 1)
    ):
        return None
    reason = f"The monthly pregnancy test was due from {show(first)} to {show(last)}."
    action = "Collect the pregnancy test"
    return unmet(Requirement.MONTHLY_TEST, reason, action=action, earliest=first)


def _last_day_of_final_test(person: Followed, treatment: Treatment) -> dt.date | None:
    """A month after the last dose, and the days of grace."""
    if treatment.last_dose is None:
        return None
    ended = treatment.last_dose.on
    grace = person.provision("final_test_grace_days", ended)
    tail = _tail(person, ended)
    return plus(tail, grace) if tail and isinstance(grace, int) else None


def _tail(person: Followed, last_dose: dt.date) -> dt.date | None:
    try:
        return tail_of(person.on(last_dose), last_dose)
    except NoEditionError:
        return None


def _results(person: Followed, analyte: Analyte) -> list[Lab]:
    return [
        lab
        for lab in person.facts(Lab)
        if lab.analyte is analyte and lab.status is not ResultStatus.ENTERED_IN_ERROR
    ]


def _beyond(person: Followed, lab: Lab) -> str:
    """What a result reaches that somebody has to act on; empty for nothing."""
    if lab.status is ResultStatus.ENTERED_IN_ERROR:
        return ""
    grade = _alerting_grade(person, lab)
    if grade is not None:
        return f"CTCAE grade {grade}"
    own = limits_in_force(person.terms.limits, lab.day)
    limit = gravest_limit(lab, own, results_of_day(person.on(lab.day), lab)) if own else None
    return f"the clinic's limit: {limit_words(limit)}" if limit and limit.holds else ""


def _alerting_grade(person: Followed, lab: Lab) -> int | None:
    """The result's grade, when it reaches the one at which the programme alerts."""
    limit = person.provision("lab_grade_limit", lab.day)
    if not isinstance(limit, int):
        return None
    grade = grade_of(person.on(lab.day), lab)
    return grade if grade is not None and grade >= limit else None


def _decisions_on(person: Followed, lab: Lab) -> list[LabDecision]:
    return [
        item
        for item in person.facts(LabDecision)
        if item.analyte is lab.analyte and item.day >= lab.day
    ]


def _exposed(person: Followed, day: dt.date) -> bool:
    for each in person.treatments:
        if each.first_dispensing is None or each.first_dispensing.on > day:
            continue
        tail = _tail(person, each.last_dose.on) if each.last_dose else None
        if tail is None or day <= tail:
            return True
    return False


def _next_negative(person: Followed, day: dt.date) -> str:
    for test in person.facts(PregnancyTest):
        if test.collected > day and test.result is TestResult.NEGATIVE:
            return f"Negative test on {show(test.collected)}, after the time"
    return ""


def _next_result(person: Followed, day: dt.date) -> str:
    later = [lab.day for lab in person.facts(Lab) if lab.day > day]
    return f"Results of {show(later[0])}, after the time" if later else ""


def _next_contact(person: Followed, day: dt.date) -> str:
    later = [fact.day for kind in CONTACTS for fact in person.facts(kind) if fact.day > day]
    return f"Seen on {show(min(later))}" if later else ""
