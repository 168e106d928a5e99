"""The cases of each indicator for one patient and month: the rules are asked about the days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import chain

from compliance.rules.dates import later_of_days_and_months, plus, show
from compliance.rules.facts import (
    Comprehension,
    Counselling,
    Dispensing,
    Fact,
    Lab,
    LabDecision,
    LastDose,
    Pregnancy,
    PregnancyExcluded,
    PregnancyTest,
    Prescription,
    Visit,
)
from compliance.rules.findings import Assessment
from compliance.rules.terms import (
    Analyte,
    Outcome,
    Phase,
    Requirement,
    ResultStatus,
    TestResult,
    Verdict,
)
from compliance.services.cohort import Followed, Received, Treatment, blocking, failing, sentences
from compliance.services.report_content import Case, Month

LOST_AFTER_DAYS = 42
ACT_WITHIN_DAYS = 7
LAPSING_WITHIN_DAYS = 30

ENTRY = (Requirement.ENROLMENT, Requirement.PREGNANCY_POTENTIAL)
TESTS = (
    Requirement.SCREENING_TEST,
    Requirement.TEST_BEFORE_START,
    Requirement.MONTHLY_TEST,
    Requirement.TEST_SETTING,
    Requirement.TEST_SENSITIVITY,
    Requirement.NOT_PREGNANT,
    Requirement.FIRST_WINDOW_LOCKOUT,
)
CONTRACEPTION = (
    Requirement.CONTRACEPTION_METHODS,
    Requirement.CONTRACEPTION_LEAD_IN,
    Requirement.METHOD_MATCH,
)
CONTACTS = (Visit, Counselling, Comprehension, PregnancyTest, Prescription, Dispensing)

Cases = Iterator[Case]


def prescriptions_in_order(person: Followed, month: Month) -> Cases:
    """Every prescription of the month; in order when the verdict was yes."""
    for issued in _issued(person, month):
        answer = person.at_prescription(issued)
        reason = sentences(item for item in answer.findings if item.blocks)
        yield _case(person, issued, answer.verdict is Verdict.YES, reason)


def programme_entry(person: Followed, month: Month) -> Cases:
    """First prescriptions; in order when enrolment and pregnancy potential stood."""
    for issued in _first_prescriptions(person, month):
        yield _judged(person, issued, person.at_prescription(issued), ENTRY)


def form_signed(person: Followed, month: Month) -> Cases:
    """First pick-ups; in order when the form was signed."""
    for handed in _first_dispensings(person, month):
        answer = person.at_dispensing(handed)
        yield _judged(person, handed, answer, (Requirement.ACKNOWLEDGEMENT,))


def first_tests(person: Followed, month: Month) -> Cases:
    """First prescriptions to patients who can become pregnant; in order with valid tests."""
    for issued in _first_prescriptions(person, month):
        if _can(person, issued.day):
            yield _judged(person, issued, person.at_prescription(issued), TESTS)


def monthly_tests(person: Followed, month: Month) -> Cases:
    """Later prescriptions to patients who can become pregnant; in order with a valid test."""
    first = {id(each.first_prescription) for each in person.treatments}
    for issued in _issued(person, month):
        if id(issued) not in first and _can(person, issued.day):
            yield _judged(person, issued, person.at_prescription(issued), TESTS)


def contraception_valid(person: Followed, month: Month) -> Cases:
    """Prescriptions to patients who can become pregnant; in order with valid contraception."""
    for issued in _issued(person, month):
        if _can(person, issued.day):
            yield _judged(person, issued, person.at_prescription(issued), CONTRACEPTION)


def supply_limited(person: Followed, month: Month) -> Cases:
    """Prescriptions; in order when days' supply and refills are within the limit."""
    for issued in _issued(person, month):
        answer = person.at_prescription(issued)
        yield _judged(person, issued, answer, (Requirement.DAYS_SUPPLY,))


def picked_up_in_window(person: Followed, month: Month) -> Cases:
    """Pick-ups to which a window applies; in order inside it."""
    for handed in _handed(person, month):
        answer = person.at_dispensing(handed)
        if _applies(answer, Requirement.PRESCRIPTION_WINDOW):
            yield _judged(person, handed, answer, (Requirement.PRESCRIPTION_WINDOW,))


def baseline_results(person: Followed, month: Month) -> Cases:
    """First pick-ups; in order with the baseline results of the clinic's schedule."""
    for handed in _first_dispensings(person, month):
        answer = person.at_dispensing(handed)
        if _applies(answer, Requirement.BASELINE_LABS):
            yield _judged(person, handed, answer, (Requirement.BASELINE_LABS,), warning=True)


def results_at_one_month(person: Followed, month: Month) -> Cases:
    """Courses whose first results on treatment had to be in by a day of the month."""
    for treatment in person.treatments:
        start = treatment.first_dispensing
        target = _first_target(person, start.on) if start else None
        if target is None or _ended_by(treatment, target[0]) or target[1] not in month:
            continue
        answer = person.monitored(target[1])
        late = failing(answer, (Requirement.LAB_FOLLOW_UP,))
        yield _on(person, target[1], not late, sentences(late), _next_result(person, target[1]))


def lipids_on_treatment(person: Followed, month: Month) -> Cases:
    """Courses that ended in the month; in order with a triglyceride result on treatment."""
    for treatment in person.treatments:
        start, end = treatment.first_dispensing, treatment.last_dose
        if start and end and end.on in month:
            met = any(start.on <= lab.day <= end.on for lab in _results(person, Analyte.TG))
            reason = (
                "" if met else f"No triglyceride result from {show(start.on)} to {show(end.on)}."
            )
            yield _on(person, end.on, met, reason)


def limits_acted_on(person: Followed, month: Month) -> Cases:
    """Results at or beyond the alerting grade whose seven days ended in the month."""
    for lab in person.facts(Lab):
        last = plus(lab.day, ACT_WITHIN_DAYS)
        if last not in month or lab.status is ResultStatus.ENTERED_IN_ERROR:
            continue
        grade, limit = _grade(person, lab)
        if grade < limit:
            continue
        decided = [
            item for item in person.facts(LabDecision)
            if item.analyte is lab.analyte and item.day >= lab.day
        ]  # fmt: skip
        met = any(item.day <= last for item in decided)
        done = f"Decided on {show(decided[0].day)}: {decided[0].decision}" if decided else ""
        reason = f"{lab.analyte} {lab.value} {lab.unit} of {show(lab.day)}, CTCAE grade {grade}."
        yield _on(person, lab.day, met, reason, done)


def final_tests(person: Followed, month: Month) -> Cases:
    """Courses of patients who can become pregnant whose time for the last test ended."""
    for treatment in person.treatments:
        if treatment.last_dose is None or not _can(person, treatment.last_dose.on):
            continue
        last = _last_day_of_final_test(person, treatment.last_dose.on)
        if last is None or last not in month:
            continue
        found = [
            item for item in person.monitored(last).findings
            if item.requirement is Requirement.FINAL_TEST
        ]  # fmt: skip
        met = bool(found) and all(item.outcome is Outcome.MET for item in found)
        reason = "" if met else sentences(found) or "No test after treatment is recorded."
        yield _on(person, last, met, reason, _next_negative(person, last))


def methods_lapsing(person: Followed, month: Month) -> Cases:
    """Methods in use at the end of the month that stop counting within 30 days of it."""
    if not _is_followed(person, month.last) or not _can(person, month.last):
        return
    for span in person.methods_on(month.last):
        if span.last <= plus(month.last, LAPSING_WITHIN_DAYS):
            names = ", ".join(sorted(str(method) for method in span.methods))
            reason = f"The method {names} counts until {show(span.last)}."
            yield _on(person, span.last, False, reason)


def overdue_items(person: Followed, month: Month) -> Cases:
    """What the rules had due before the end of the month and was still open at it."""
    if not _is_followed(person, month.last):
        return
    due = person.monitored(month.last).due
    for requirement, (first, last) in due.items():
        if last <= month.last:
            reason = f"{words_of(requirement)} was due from {show(first)} to {show(last)}."
            yield _on(person, last, False, reason, _next_contact(person, month.last))


def lost_to_follow_up(person: Followed, month: Month) -> Cases:
    """Patients on treatment at the end of the month, not seen for more than 42 days."""
    if not _is_followed(person, month.last):
        return
    if person.course_on(month.last).phase is not Phase.DURING:
        return
    seen = [fact.day for kind in CONTACTS for fact in person.facts(kind) if fact.day <= month.last]
    last = max(seen, default=None)
    if last is not None and last < plus(month.last, -LOST_AFTER_DAYS):
        yield _on(
            person, last, False, f"Last seen on {show(last)}.", _next_contact(person, month.last)
        )


def pregnancies(person: Followed, month: Month) -> Cases:
    """Pregnancies of the month on treatment or in follow-up."""
    for fact in person.facts(Pregnancy):
        if fact.on in month and _exposed(person, fact.on):
            yield _on(person, fact.on, False, "Pregnancy recorded.", what_followed(person, fact.on))


def overrides(person: Followed, month: Month) -> Cases:
    """Prescriptions and pick-ups decided against the verdict."""
    for fact in chain(_issued(person, month), _handed(person, month)):
        decision = person.decisions.get(fact.id)
        if decision and decision.override_reason is not None:
            yield _on(person, fact.day, False, decision.override_reason)


def is_fault(result: Received) -> bool:
    """Whether an imported result was anything but simply filed."""
    return result.disposition in ("held", "rejected") or result.without_unit


def received_as(result: Received) -> str:
    """What became of an imported result, without the laboratory's words."""
    return f"{result.disposition.capitalize()}{', without a unit' if result.without_unit else ''}."


def what_followed(person: Followed, day: dt.date) -> str:
    """How a positive or unclear test or a pregnancy was closed; empty while it is open."""
    closed = [fact for fact in person.facts(PregnancyExcluded) if fact.on >= day]
    if not closed:
        return ""
    return f"Closed on {show(closed[0].on)} by {closed[0].by}: {closed[0].reason}"


def _issued(person: Followed, month: Month) -> list[Prescription]:
    return [fact for fact in person.facts(Prescription) if fact.on in month]


def _handed(person: Followed, month: Month) -> list[Dispensing]:
    return [fact for fact in person.facts(Dispensing) if fact.on in month]


def _first_prescriptions(person: Followed, month: Month) -> Iterator[Prescription]:
    for treatment in person.treatments:
        if treatment.first_prescription and treatment.first_prescription.on in month:
            yield treatment.first_prescription


def _first_dispensings(person: Followed, month: Month) -> Iterator[Dispensing]:
    for treatment in person.treatments:
        if treatment.first_dispensing and treatment.first_dispensing.on in month:
            yield treatment.first_dispensing


def _can(person: Followed, day: dt.date) -> bool:
    return person.course_on(day).can


def _applies(answer: Assessment, requirement: Requirement) -> bool:
    return any(
        item.requirement is requirement and item.outcome is not Outcome.NOT_REQUIRED
        for item in answer.findings
    )


def _judged(
    person: Followed,
    decided: Prescription | Dispensing,
    answer: Assessment,
    requirements: Iterable[Requirement],
    *,
    warning: bool = False,
) -> Case:
    against = (failing if warning else blocking)(answer, requirements)
    return _case(person, decided, not against, sentences(against))


def _case(person: Followed, decided: Fact, met: bool, reason: str) -> Case:
    decision = person.decisions.get(decided.id)
    overridden = decision.override_reason if decision else None
    done = f"Override by {decision.by}: {overridden}" if decision and overridden else ""
    return _on(person, decided.day, met, "" if met else reason, "" if met else done)


def _on(person: Followed, day: dt.date, met: bool, reason: str = "", done: str = "") -> Case:
    return Case(local_id=person.local_id, day=day, met=met, reason=reason, done=done)


def _first_target(person: Followed, start: dt.date) -> tuple[dt.date, dt.date] | None:
    """The day on which the first results on treatment are due, and the last that counts."""
    schedule = person.terms.lab_schedule or person.provision("lab_schedule", start)
    rows = person.provision(f"follow_up_{str(schedule).replace('-', '_')}", start)
    tolerance = person.provision("lab_tolerance_days", start)
    if str(schedule) != "label" or not isinstance(rows, (tuple, list)) or not tolerance:
        return None
    unit, after = rows[0][1], rows[0][2]
    target = plus(start, after) if unit == "days" else later_of_days_and_months(start, 0, after)
    return target, plus(target, tolerance[1])  # type: ignore[index]


def _last_day_of_final_test(person: Followed, last_dose: dt.date) -> dt.date | None:
    days, months = (person.provision(name, last_dose) for name in ("tail_days", "tail_months"))
    grace = person.provision("final_test_grace_days", last_dose)
    if not isinstance(days, int) or not isinstance(months, int) or not isinstance(grace, int):
        return None
    return plus(later_of_days_and_months(last_dose, days, months), grace)


def _ended_by(treatment: Treatment, day: dt.date) -> bool:
    return treatment.last_dose is not None and treatment.last_dose.on <= day


def _results(person: Followed, analyte: Analyte) -> list[Lab]:
    return [
        lab for lab in person.facts(Lab)
        if lab.analyte is analyte and lab.status is not ResultStatus.ENTERED_IN_ERROR
    ]  # fmt: skip


def _grade(person: Followed, lab: Lab) -> tuple[int, int]:
    """The grade that the rules gave on the day of the result, and the grade that alerts."""
    limit = person.provision("lab_grade_limit", lab.day)
    grade = person.monitored(lab.day).grades.get(str(lab.analyte), 0)
    return grade, limit if isinstance(limit, int) else 99


def _is_followed(person: Followed, day: dt.date) -> bool:
    """Whether the clinic still looked after the patient at the end of a day."""
    return person.closed_on is None or person.closed_on > day


def _exposed(person: Followed, day: dt.date) -> bool:
    return any(
        each.first_dispensing is not None
        and each.first_dispensing.on <= day
        and (each.last_dose is None or day <= (_tail(person, each.last_dose) or day))
        for each in person.treatments
    )


def _tail(person: Followed, last_dose: LastDose) -> dt.date | None:
    days, months = (person.provision(name, last_dose.on) for name in ("tail_days", "tail_months"))
    if not isinstance(days, int) or not isinstance(months, int):
        return None
    return later_of_days_and_months(last_dose.on, days, months)


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


def words_of(requirement: str) -> str:
    """A requirement or symptom as words."""
    return str(requirement).replace("-", " ").capitalize()
