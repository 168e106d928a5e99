"""The cases of prescriptions and pick-ups: each is judged by the rules on its own day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import chain

from compliance.rules.enrolments import acknowledgement
from compliance.rules.facts import Dispensing, Fact, Prescription
from compliance.rules.findings import Finding
from compliance.rules.labs import baseline_labs
from compliance.rules.terms import Outcome, Requirement, Verdict
from compliance.rules.windows import prescription_window
from compliance.services.cohort import Followed, blocking, ruled, sentences
from compliance.services.report_content import Case, Month

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

Cases = Iterator[Case]


def prescriptions_in_order(person: Followed, month: Month) -> Cases:
    """Every prescription of the month; in order when the verdict was yes."""
    for issued in issued_in(person, month):
        answer = person.at_prescription(issued)
        against = [item for item in answer.findings if item.blocks]
        yield _case(person, issued, answer.verdict is Verdict.YES, against)


def programme_entry(person: Followed, month: Month) -> Cases:
    """First prescriptions; in order when enrolment and pregnancy potential stood."""
    for issued in _first_prescriptions(person, month):
        yield _prescribed(person, issued, ENTRY)


def form_signed(person: Followed, month: Month) -> Cases:
    """First pick-ups; in order when the form was signed."""
    for handed in _first_dispensings(person, month):
        found = ruled(acknowledgement, person.at_dispensing(handed))
        if found is not None:
            yield _picked_up(person, handed, found)


def first_tests(person: Followed, month: Month) -> Cases:
    """First prescriptions to patients who can become pregnant; in order with valid tests."""
    for issued in _first_prescriptions(person, month):
        if can(person, issued.day):
            yield _prescribed(person, issued, TESTS)


def monthly_tests(person: Followed, month: Month) -> Cases:
    """Later prescriptions to patients who can become pregnant; in order with a valid test."""
    first = {id(each.first_prescription) for each in person.treatments}
    for issued in issued_in(person, month):
        if id(issued) not in first and can(person, issued.day):
            yield _prescribed(person, issued, TESTS)


def contraception_valid(person: Followed, month: Month) -> Cases:
    """Prescriptions to patients who can become pregnant; in order with valid contraception."""
    for issued in issued_in(person, month):
        if can(person, issued.day):
            yield _prescribed(person, issued, CONTRACEPTION)


def supply_limited(person: Followed, month: Month) -> Cases:
    """Prescriptions; in order when days' supply and refills are within the limit."""
    for issued in issued_in(person, month):
        yield _prescribed(person, issued, (Requirement.DAYS_SUPPLY,))


def picked_up_in_window(person: Followed, month: Month) -> Cases:
    """Pick-ups to which a window applies; in order inside it."""
    for handed in handed_in(person, month):
        found = ruled(prescription_window, person.at_dispensing(handed))
        if found is not None and found.outcome is not Outcome.NOT_REQUIRED:
            yield _picked_up(person, handed, found)


def baseline_results(person: Followed, month: Month) -> Cases:
    """First pick-ups; in order with the baseline results of the clinic's schedule."""
    for handed in _first_dispensings(person, month):
        found = ruled(baseline_labs, person.at_dispensing(handed))
        if found is not None and found.outcome is not Outcome.NOT_REQUIRED:
            yield _picked_up(person, handed, found)


def overrides(person: Followed, month: Month) -> Cases:
    """Prescriptions and pick-ups decided against the verdict."""
    for fact in chain(issued_in(person, month), handed_in(person, month)):
        decision = person.decisions.get(fact.id)
        if decision and decision.override_reason is not None:
            yield case(person, fact.day, False, decision.override_reason)


def issued_in(person: Followed, month: Month) -> list[Prescription]:
    """The prescriptions of a month."""
    return [fact for fact in person.facts(Prescription) if fact.on in month]


def handed_in(person: Followed, month: Month) -> list[Dispensing]:
    """The pick-ups of a month."""
    return [fact for fact in person.facts(Dispensing) if fact.on in month]


def can(person: Followed, day: dt.date) -> bool:
    """Whether the programme treats the patient as one who can become pregnant on a day."""
    return person.course_on(day).can


def case(person: Followed, day: dt.date, met: bool, reason: str = "", done: str = "") -> Case:
    """One case of a patient; a case in order says neither reason nor what was done."""
    if met:
        return Case(local_id=person.local_id, day=day, met=True)
    return Case(local_id=person.local_id, day=day, met=False, reason=reason, done=done)


def _first_prescriptions(person: Followed, month: Month) -> Iterator[Prescription]:
    for treatment in person.treatments:
        if treatment.first_prescription and treatment.first_prescription.on in month:
            yield treatment.first_prescription


def _first_dispensings(person: Followed, month: Month) -> Iterator[Dispensing]:
    for treatment in person.treatments:
        if treatment.first_dispensing and treatment.first_dispensing.on in month:
            yield treatment.first_dispensing


def _prescribed(
    person: Followed, issued: Prescription, requirements: Iterable[Requirement]
) -> Case:
    against = blocking(person.at_prescription(issued), requirements)
    return _case(person, issued, not against, against)


def _picked_up(person: Followed, handed: Dispensing, found: Finding) -> Case:
    return _case(person, handed, not (found.blocks or found.warns), [found])


def _case(person: Followed, decided: Fact, met: bool, against: Iterable[Finding]) -> Case:
    decision = person.decisions.get(decided.id)
    overridden = decision.override_reason if decision else None
    done = f"Override by {decision.by}: {overridden}" if decision and overridden else ""
    return case(person, decided.day, met, sentences(against), done)
