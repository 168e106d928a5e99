"""The dose of a course against its target, honest about what is not known."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask

from compliance.db import db, transaction
from compliance.models import AuditEvent, Course, Patient
from compliance.rules.facts import Dispensing, LastDose, Prescription, Record, Weight
from compliance.services import doses
from compliance.services.errors import Invalid
from tests.world import NOW, a_clinic, a_patient, a_user

START = dt.date(2026, 3, 2)
ISSUED, HANDED = Prescription(on=START, daily_dose_mg=40), Dispensing(on=START)


def patient(**course: object) -> Patient:
    return Patient(courses=[Course(opened_on=START, **course)])


def summary(*facts, on: dt.date = dt.date(2026, 3, 31), **course) -> doses.DoseSummary:
    record = Record(born=dt.date(1998, 4, 2), facts=facts)
    return doses.dose_summary(patient(**course), record, on)


def test_the_dose_is_told_for_the_day_for_each_kilogram_and_against_the_target() -> None:
    found = summary(ISSUED, HANDED, Weight(on=START, kg=60), target_mg_per_kg=Decimal(120))
    assert (found.daily_mg, found.daily_mg_per_kg) == (40, Decimal("0.67"))
    assert (found.taken.mg, found.mg_per_kg) == (1200, Decimal("20.0"))
    assert (found.percent, found.days_left) == (16, 150)


def test_a_target_that_is_reached_has_no_days_left() -> None:
    weight = Weight(on=START, kg=60)
    assert summary(ISSUED, HANDED, weight, target_mg_per_kg=Decimal(20)).days_left == 0
    assert summary(ISSUED, HANDED, weight, target_mg_per_kg=Decimal("20.1")).days_left == 1


def test_after_the_last_dose_no_days_are_left_until_the_medicine_is_handed_over_again() -> None:
    ended = LastDose(on=dt.date(2026, 3, 20))
    weight, target = Weight(on=START, kg=60), {"target_mg_per_kg": Decimal(120)}
    found = summary(ISSUED, HANDED, ended, weight, **target)
    assert (found.ended, found.days_left, found.taken.days) == (True, None, 19)
    again = Dispensing(on=dt.date(2026, 3, 21))
    found = summary(ISSUED, HANDED, ended, again, weight, **target)
    assert not found.ended
    assert found.days_left is not None


def test_without_a_weight_a_dose_or_a_target_nothing_is_made_up() -> None:
    found = summary(Prescription(on=START), HANDED)
    assert (found.daily_mg, found.daily_mg_per_kg, found.mg_per_kg) == (None, None, None)
    assert (found.percent, found.days_left, found.target_mg_per_kg) == (None, None, None)
    assert found.taken.unknown_days == 30


def test_the_weight_of_the_course_counts_until_one_is_recorded() -> None:
    entered = summary(ISSUED, weight_kg=Decimal("58.5"))
    assert (entered.weight_kg, entered.weight_on) == (Decimal("58.5"), None)
    weighed = summary(ISSUED, Weight(on=START, kg=61.2), weight_kg=Decimal("58.5"))
    assert (weighed.weight_kg, weighed.weight_on) == (Decimal("61.2"), START)


def test_an_earlier_course_adds_nothing_to_this_one() -> None:
    twice = Patient(courses=[Course(opened_on=START), Course(opened_on=dt.date(2026, 9, 1))])
    record = Record(born=dt.date(1998, 4, 2), facts=(ISSUED, HANDED))
    found = doses.dose_summary(twice, record, dt.date(2026, 9, 2))
    assert (found.taken.mg, found.issued) == (0, None)


@pytest.mark.parametrize("mg_per_kg", ["0.9", "400.1", "-1"])
def test_a_target_outside_1_to_400_is_refused(app: Flask, mg_per_kg: str) -> None:
    nurse = a_user(a_clinic())
    with pytest.raises(Invalid, match="allowed are 1 to 400"):
        aim(nurse, a_patient(nurse).id, mg_per_kg)


def test_a_target_is_set_and_taken_back_with_an_audit_event_each(app: Flask) -> None:
    nurse = a_user(a_clinic())
    patient = a_patient(nurse).id
    aim(nurse, patient, "120")
    assert db.session.get(Patient, patient).course.target_mg_per_kg == 120
    aim(nurse, patient, None)
    assert db.session.get(Patient, patient).course.target_mg_per_kg is None
    events = db.session.query(AuditEvent).filter_by(action="course.target-set").all()
    assert [event.detail for event in events] == [
        {"mg_per_kg": "120", "was": None},
        {"mg_per_kg": None, "was": "120"},
    ]


def aim(actor, patient_id: int, mg_per_kg: str | None) -> None:
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        wanted = Decimal(mg_per_kg) if mg_per_kg else None
        doses.set_target(session, actor, patient, wanted, NOW)
