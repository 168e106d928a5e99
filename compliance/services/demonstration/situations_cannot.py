"""Where a patient who cannot become pregnant may stand today; a function writes each course."""

from __future__ import annotations

import datetime as dt

from compliance.rules.dates import plus
from compliance.rules.facts import LabDecision, Medicine, PregnancyPotential, Symptom
from compliance.rules.terms import Analyte, Potential
from compliance.services.demonstration.cannot import CannotCourse
from compliance.services.demonstration.histories import NURSE, PRESCRIBER
from compliance.services.demonstration.staff import DOCTOR


def _treated(course: CannotCourse, pickup: dt.date, least: int = 1, most: int = 6) -> None:
    """On treatment, collected last on a day."""
    planned = course.rounds_until(pickup, course.diary.rng.randint(least, most))
    course.begin_before(planned[0].visit)
    course.rounds(planned)


def _before_visit(course: CannotCourse, visit: dt.date) -> None:
    """On treatment, every month complete until a visit that follows."""
    planned = course.rounds_before(visit, course.diary.rng.randint(1, 5))
    course.begin_before(planned[0].visit)
    course.rounds(planned)


def on_track(course: CannotCourse) -> None:
    """Collected some days ago; nothing is due for now."""
    _treated(course, course.diary.back(2, 18))


def visit_soon(course: CannotCourse) -> None:
    """The supply ends within days."""
    _treated(course, course.diary.back(24, 28))


def supply_ended(course: CannotCourse) -> None:
    """The supply has ended and nobody has come."""
    _treated(course, course.diary.back(33, 40))


def seen(course: CannotCourse) -> None:
    """Seen and counselled; the prescription is to be written."""
    visit = course.diary.back(1, 6)
    _before_visit(course, visit)
    course.visit(visit)


def awaiting_pickup(course: CannotCourse) -> None:
    """Prescribed, not collected yet."""
    visit = course.diary.back(2, 8)
    _before_visit(course, visit)
    course.visit(visit)
    course.prescribe(visit, plus(visit, 1))


def window_closing(course: CannotCourse) -> None:
    """Prescribed; the thirty days from the visit end today or tomorrow."""
    visit = plus(course.diary.closing, course.diary.rng.randint(0, 1) - 29)
    _before_visit(course, visit)
    course.visit(visit)
    course.prescribe(visit, plus(visit, 1))


def window_missed(course: CannotCourse) -> None:
    """The thirty days from the visit ended without a pick-up."""
    visit = course.diary.back(33, 40)
    _before_visit(course, visit)
    course.visit(visit)
    course.prescribe(visit, plus(visit, 1))


def just_enrolled(course: CannotCourse) -> None:
    """Enrolled; the form is not signed and no blood was taken."""
    course.begin(course.diary.back(1, 3), signed=False, blood=False)


def before_first(course: CannotCourse) -> None:
    """Enrolled with everything; the first prescription is to be written."""
    course.begin(course.diary.back(2, 8))


def undetermined(course: CannotCourse) -> None:
    """Nobody has determined yet whether the patient can become pregnant."""
    day = course.diary.back(2, 5)
    course.diary.enrol(day, Potential.UNDETERMINED, None, signed=False)


def not_confirmed(course: CannotCourse) -> None:
    """The category stands without a professional's confirmation."""
    day = course.diary.back(3, 6)
    course.begin(day)
    later = PregnancyPotential(
        from_=plus(day, 1), can_become_pregnant=Potential.NO, reason=course.reason
    )
    course.diary.write(plus(day, 1), later, NURSE)


def interacting(course: CannotCourse) -> None:
    """Takes a medicine that does not go with this one."""
    _treated(course, course.diary.back(5, 15), most=4)
    day = course.diary.back(1, 4)
    name = course.diary.rng.choice(("minocycline", "vitamin-a", "doxycycline"))
    course.diary.write(day, Medicine(name=name, from_=day), NURSE)


def abdominal_pain(course: CannotCourse) -> None:
    """Reports a symptom for which the labels say to stop."""
    _treated(course, course.diary.back(8, 15), most=4)
    day = course.diary.back(1, 2)
    course.diary.write(day, Symptom(on=day, name="abdominal-pain"), NURSE)


def triglycerides_decided(course: CannotCourse) -> None:
    """High triglycerides, and what a clinician decided about them."""
    _treated(course, course.diary.back(5, 15), least=2, most=4)
    day = course.diary.back(4, 8)
    value = str(course.diary.rng.randint(510, 690))
    course.diary.write(day, course.diary.labs.result(day, Analyte.TG, value), NURSE)
    later = course.diary.office_day(plus(day, 1), plus(day, 2))
    decision = LabDecision(
        on=later, analyte=Analyte.TG, decision="Halve the dose, repeat fasting in two weeks",
        by=DOCTOR,
    )  # fmt: skip
    course.diary.write(later, decision, PRESCRIBER)


def mistyped(course: CannotCourse) -> None:
    """A result was typed wrong and corrected; another was somebody else's and withdrawn."""
    _treated(course, course.diary.back(5, 15), least=2, most=5)
    day, labs = course.diary.back(6, 9), course.diary.labs
    wrong = course.diary.write(day, labs.result(day, Analyte.ALT, "240"), NURSE)
    course.diary.correct(wrong, plus(day, 1), labs.result(day, Analyte.ALT, "24"))
    strange = course.diary.write(day, labs.result(day, Analyte.TG, "910"), NURSE)
    course.diary.withdraw(strange, plus(day, 1), "Filed under the wrong patient.")


def overridden(course: CannotCourse) -> None:
    """One month was collected after the window, with the reason."""
    pickup = course.diary.back(3, 12)
    planned = course.rounds_until(pickup, 3)
    course.begin_before(planned[0].visit)
    course.rounds(planned[:1])
    late = planned[2]
    visit = plus(late.pickup, -33)
    course.visit(visit)
    course.prescribe(visit, plus(visit, 2))
    course.collect(late.pickup, "The pharmacy had no stock for three weeks; seen by video today.")


def ended(course: CannotCourse) -> None:
    """The last dose was some days ago; no blood is to be given yet."""
    last_dose = course.diary.back(5, 22)
    planned = course.rounds_until(plus(last_dose, -29), course.diary.rng.randint(4, 6))
    course.begin_before(planned[0].visit)
    course.rounds(planned)
    course.finish(last_dose)


def finished(course: CannotCourse) -> None:
    """The month after the last dose is over; the course is closed."""
    last_dose = course.diary.back(40, 80)
    planned = course.rounds_until(plus(last_dose, -29), course.diary.rng.randint(3, 5))
    course.begin_before(planned[0].visit)
    course.rounds(planned)
    course.finish(last_dose)
    course.diary.history.closed_on = course.diary.office_day(
        plus(last_dose, 32), plus(last_dose, 38)
    )
