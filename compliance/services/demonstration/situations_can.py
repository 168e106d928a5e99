"""Where a patient who can become pregnant may stand today; each function writes one such course."""

from __future__ import annotations

import datetime as dt

from compliance.rules.dates import plus
from compliance.rules.facts import (
    Comprehension,
    InteractionAcknowledged,
    Medicine,
    Pregnancy,
    PregnancyExcluded,
)
from compliance.rules.terms import Analyte, TestResult
from compliance.services.demonstration.can import CanCourse, Step
from compliance.services.demonstration.histories import NURSE, PRESCRIBER
from compliance.services.demonstration.staff import DOCTOR


def _treated(course: CanCourse, pickup: dt.date, least: int = 1, most: int = 6) -> None:
    """On treatment, collected last on a day."""
    planned = course.months_until(pickup, course.diary.rng.randint(least, most))
    course.qualify(planned[0].test)
    course.months(planned)


def _before_test(course: CanCourse, test: dt.date, most: int = 6) -> None:
    """On treatment, every month complete until a test that follows."""
    planned = course.months_before(test, course.diary.rng.randint(1, most))
    course.qualify(planned[0].test)
    course.months(planned)


def _closing_in(course: CanCourse, days: int) -> dt.date:
    """The day of the test whose window ends so many days after the authority's today."""
    return plus(course.diary.closing, days - 6)


# --- before treatment -----------------------------------------------------------------------------


def lead_in_running(course: CanCourse) -> None:
    """Enrolled, on two methods, waiting for the second test."""
    course.begin(course.diary.back(6, 20))


def just_enrolled(course: CanCourse) -> None:
    """Enrolled a day or two ago; the form is not signed yet."""
    course.begin(course.diary.back(1, 2), signed=False)


def second_test_soon(course: CanCourse) -> None:
    """The second test may be collected in a few days."""
    day = course.diary.back(25, 28)
    course.begin(day)
    course.diary.panel(course.diary.office_day(plus(day, 9), plus(day, 20)), on_drug=False)


def second_test_now(course: CanCourse) -> None:
    """The second test may be collected, and has not been."""
    day = course.diary.back(31, 34)
    course.begin(day)
    course.diary.panel(course.diary.office_day(plus(day, 9), plus(day, 25)), on_drug=False)


def first_window_open(course: CanCourse) -> None:
    """The first prescription is written and waits at the pharmacy."""
    test = _closing_in(course, course.diary.rng.randint(2, 4))
    course.qualify(test)
    course.menses(test)
    course.test(test)
    course.steps(test, Step.PRESCRIBED)


def first_window_closing(course: CanCourse) -> None:
    """The first window closes today or tomorrow and the patient's answers are missing."""
    test = _closing_in(course, course.diary.rng.randint(0, 1))
    course.qualify(test)
    course.menses(test)
    course.test(test)
    course.steps(test, Step.ENTERED)
    course.diary.prescribe(course.diary.office_day(plus(test, 2), plus(test, 4)))


def first_window_missed(course: CanCourse) -> None:
    """The first window closed without a pick-up not long ago."""
    test = course.diary.back(9, 11)
    course.qualify(test)
    course.menses(test)
    course.test(test)
    course.steps(test, Step.PRESCRIBED)


def second_attempt(course: CanCourse) -> None:
    """The first window was missed, the next period served, and treatment goes on."""
    pickup = course.diary.back(3, 14)
    planned = course.months_until(pickup, course.diary.rng.randint(1, 3))
    missed = plus(planned[0].test, -course.diary.rng.randint(27, 29))
    course.qualify(missed)
    course.menses(missed)
    course.test(missed)
    course.steps(missed, Step.PRESCRIBED)
    course.months(planned)


def test_too_early(course: CanCourse) -> None:
    """The second test was collected before the days on two methods were over."""
    test = course.diary.back(2, 4)
    course.qualify(test, enrolled=plus(test, -27))
    course.menses(test)
    course.test(test)
    course.steps(test, Step.ENTERED)


# --- on treatment ---------------------------------------------------------------------------------


def on_track(course: CanCourse) -> None:
    """Collected some days ago; nothing is due for now."""
    _treated(course, course.diary.back(2, 15))


def test_soon(course: CanCourse) -> None:
    """The next test is suggested within days."""
    _treated(course, course.diary.back(19, 22))


def test_now(course: CanCourse) -> None:
    """The days of the suggested test have begun."""
    _treated(course, course.diary.back(25, 28))


def test_late(course: CanCourse) -> None:
    """The supply has ended and nobody has tested."""
    _treated(course, course.diary.back(33, 37))


def ready_to_prescribe(course: CanCourse) -> None:
    """Test, entry and answers are in; the prescription is to be written."""
    test = _closing_in(course, course.diary.rng.randint(2, 4))
    _before_test(course, test)
    course.test(test)
    course.steps(test, Step.ANSWERED)


def awaiting_pickup(course: CanCourse) -> None:
    """Prescribed; the window closes today, tomorrow or soon after."""
    test = _closing_in(course, course.diary.rng.randint(0, 2))
    _before_test(course, test)
    course.test(test)
    course.steps(test, Step.PRESCRIBED)


def statements_differ(course: CanCourse) -> None:
    """The patient and the prescriber name different methods in an open window."""
    test = _closing_in(course, course.diary.rng.randint(1, 2))
    _before_test(course, test)
    course.test(test)
    course.steps(test, Step.ENTERED)
    day = course.diary.office_day(plus(test, 2), plus(test, 3))
    course.diary.prescribe(day)
    course.diary.write(day, Comprehension(on=day, passed=True), NURSE)
    course.state(day, course.kit.methods[:1])


def not_counselled(course: CanCourse) -> None:
    """Tested, and nobody has made the prescriber's entry; the window closes today or tomorrow."""
    test = _closing_in(course, course.diary.rng.randint(0, 1))
    _before_test(course, test)
    course.test(test)


def window_missed(course: CanCourse) -> None:
    """A later window closed without a pick-up."""
    test = course.diary.back(8, 10)
    _before_test(course, test)
    course.test(test)
    course.steps(test, Step.PRESCRIBED)


def home_test_undocumented(course: CanCourse) -> None:
    """A home test without a documented process serves for nothing."""
    test = course.diary.back(1, 3)
    _before_test(course, test)
    course.test(test, home=True, process=False)
    course.steps(test, Step.ANSWERED)


def positive_test(course: CanCourse) -> None:
    """A positive test in the last days."""
    test = course.diary.back(1, 2)
    _before_test(course, test)
    course.test(test, TestResult.POSITIVE)


def unclear_test(course: CanCourse) -> None:
    """A faint line that nobody has resolved."""
    test = course.diary.back(2, 4)
    _before_test(course, test)
    course.test(test, TestResult.INDETERMINATE)
    course.steps(test, Step.ENTERED)


def pregnant(course: CanCourse) -> None:
    """A positive test some weeks ago, confirmed; the course is still open."""
    test = course.diary.back(20, 26)
    _before_test(course, test, most=3)
    course.test(test, TestResult.POSITIVE)
    day = course.diary.office_day(plus(test, 2), plus(test, 4))
    course.diary.write(day, Pregnancy(on=day), PRESCRIBER)


def false_alarm(course: CanCourse) -> None:
    """A positive test some months ago that a named person closed with a reason."""
    pickup = course.diary.back(4, 12)
    planned = course.months_until(pickup, 4)
    course.qualify(planned[0].test)
    course.months(planned[:2])
    test = plus(planned[2].test, -4)
    course.test(test, TestResult.POSITIVE)
    day = plus(test, 3)
    reason = "Two serum hCG below 5 IU/L, 48 hours apart; cross-reaction suspected."
    excluded = PregnancyExcluded(on=day, by=DOCTOR, reason=reason)
    course.diary.write(day, excluded, PRESCRIBER)
    course.months(planned[2:])


def long_gap(course: CanCourse) -> None:
    """No pick-up for more than two months, the course still open."""
    _treated(course, course.diary.back(68, 85), most=4)


def two_primary(course: CanCourse) -> None:
    """Two primary methods: the text leaves it open, so a person decides each month."""
    course.tidy = True
    reason = "Two highly effective methods, counselled; accepted by the prescriber, see letter."
    test = _closing_in(course, 3)
    planned = course.months_before(test, 2)
    course.qualify(planned[0].test)
    for month in planned:
        course.test(month.test)
        course.steps(month.test, Step.COLLECTED, month.pickup, reason)
    course.test(test)
    course.steps(test, Step.ANSWERED)


def overridden(course: CanCourse) -> None:
    """On track, but one pick-up went against the verdict, with its reason."""
    pickup = course.diary.back(3, 12)
    planned = course.months_until(pickup, course.diary.rng.randint(2, 4))
    course.qualify(planned[0].test)
    course.months(planned[:-1])
    course.test(planned[-1].test)
    course.steps(planned[-1].test, Step.ENTERED, planned[-1].pickup)
    day = course.diary.office_day(plus(planned[-1].test, 1), pickup)
    reason = "Questions answered by telephone with the nurse; the portal was down, entered later."
    course.diary.prescribe(day, reason)
    course.collect(pickup, reason)


def interacting(course: CanCourse) -> None:
    """Another doctor began an antibiotic that does not go with the medicine."""
    _treated(course, course.diary.back(5, 14), most=4)
    name = course.diary.rng.choice(("doxycycline", "minocycline", "carbamazepine"))
    day = course.diary.back(1, 4)
    course.diary.write(day, Medicine(name=name, from_=day), NURSE)


def interaction_acknowledged(course: CanCourse) -> None:
    """A medicine that weakens pills, known and acknowledged."""
    _treated(course, course.diary.back(5, 14), most=4)
    day = course.diary.back(20, 24)
    course.diary.write(day, Medicine(name="st-johns-wort", from_=day), NURSE)
    seen = InteractionAcknowledged(medicine="st-johns-wort", on=plus(day, 1))
    course.diary.write(plus(day, 1), seen, PRESCRIBER)


def high_triglycerides(course: CanCourse) -> None:
    """The newest triglycerides are far above the limit and nobody has decided."""
    _treated(course, course.diary.back(4, 12), least=2, most=4)
    day = course.diary.back(2, 3)
    value = str(course.diary.rng.randint(520, 780))
    course.diary.write(day, course.diary.labs.result(day, Analyte.TG, value), NURSE)


def no_unit(course: CanCourse) -> None:
    """The newest triglycerides came without a unit."""
    _treated(course, course.diary.back(4, 12), least=2, most=4)
    day = course.diary.back(2, 3)
    course.diary.write(day, course.diary.labs.result(day, Analyte.TG, "1.9", unit=""), NURSE)


# --- after treatment ------------------------------------------------------------------------------


def _ended(course: CanCourse, last_dose: dt.date, end_test: bool = True) -> dt.date:
    planned = course.months_until(plus(last_dose, -29), course.diary.rng.randint(4, 5))
    course.qualify(planned[0].test)
    course.months(planned)
    return course.finish(last_dose, end_test)


def tail_running(course: CanCourse) -> None:
    """The last dose was some days ago; the month after it runs."""
    _ended(course, course.diary.back(6, 20))


def final_test_soon(course: CanCourse) -> None:
    """The test a month after the last dose falls due within days."""
    _ended(course, plus(course.diary.today, -course.diary.rng.randint(27, 29)))


def final_test_now(course: CanCourse) -> None:
    """The test a month after the last dose is due."""
    _ended(course, plus(course.diary.today, -course.diary.rng.randint(31, 33)))


def final_test_missed(course: CanCourse) -> None:
    """The month after the last dose ended weeks ago and nobody has tested."""
    _ended(course, course.diary.back(48, 58), end_test=course.diary.rng.random() < 0.5)


def finished(course: CanCourse) -> None:
    """Everything was done; the course is closed."""
    final = _ended(course, course.diary.back(42, 66))
    day = course.diary.office_day(final, plus(final, 4))
    course.test(day)
    course.diary.history.closed_on = day
