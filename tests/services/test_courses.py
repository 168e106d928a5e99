"""Closing a course and opening it again: nothing is left unfinished unsaid."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AuditEvent, Patient, Reminder, Role, StoredAssessment
from compliance.models.reminders import ReminderState
from compliance.rules.facts import Dispensing, LastDose, PregnancyTest, Prescription
from compliance.rules.terms import TestResult
from compliance.services import courses, recording
from compliance.services.courses import CloseReason
from compliance.services.errors import Conflict, Invalid
from tests.services.reminding import on_treatment
from tests.world import NOW, a_clinic, a_patient, a_user

LATER = NOW + dt.timedelta(minutes=5)


@pytest.fixture
def nurse(app):
    return a_user(a_clinic())


def close(actor, patient_id: int, reason=CloseReason.STOPPED, although: str = "", now=LATER):
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        return courses.close(session, actor, patient, reason, now, although=although)


def record(actor, patient_id: int, *facts, now=LATER) -> None:
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        for fact in facts:
            recording.record_evidence(session, actor, patient, fact, now)


def stored(patient_id: int) -> StoredAssessment:
    db.session.rollback()
    return db.session.scalars(
        select(StoredAssessment).where(StoredAssessment.patient_id == patient_id)
    ).one()


def test_a_course_that_never_began_closes_and_leaves_the_worklist(nurse):
    patient = a_patient(nurse).id
    close(nurse, patient, CloseReason.MOVED_AWAY)
    row = stored(patient)
    assert row.grouping == "closed"
    assert row.headline == "Closed on 2 Apr 2026: Moved away"
    assert row.patient.course.closed_on == dt.date(2026, 4, 2)


def test_a_course_under_treatment_closes_only_with_a_reason(nurse):
    patient = a_patient(nurse).id
    record(nurse, patient, Prescription(on=dt.date(2026, 4, 1)), Dispensing(on=dt.date(2026, 4, 1)))
    with pytest.raises(Invalid) as refused:
        close(nurse, patient)
    assert "no last dose is recorded" in refused.value.fields["although"]
    assert stored(patient).patient.course.closed_on is None
    close(nurse, patient, although="Treated elsewhere from now on.")
    course = stored(patient).patient.course
    assert course.closed_reason == "Stopped. Treated elsewhere from now on."


def test_open_follow_up_is_named_and_what_is_done_is_not(nurse):
    patient = a_patient(nurse).id
    start, end = dt.date(2026, 3, 3), dt.date(2026, 3, 25)
    record(nurse, patient, Prescription(on=start), Dispensing(on=start), LastDose(on=end))
    with pytest.raises(Invalid) as refused:
        close(nurse, patient, CloseReason.COMPLETED)
    assert "test" in refused.value.fields["although"]


def test_reminders_stop_with_the_course_and_come_back_with_it(nurse):
    patient = on_treatment(nurse)
    planned = select(Reminder).where(
        Reminder.patient_id == patient, Reminder.state == ReminderState.PLANNED
    )
    before = len(db.session.scalars(planned).all())
    assert before > 0
    now = db.session.scalars(planned).first().planned_at + dt.timedelta(minutes=1)
    close(nurse, patient, although="Moved.", now=now)
    db.session.rollback()
    assert db.session.scalars(planned).all() == []
    with transaction() as session:
        courses.reopen(session, nurse, session.get(Patient, patient), "Came back.", now)
    db.session.rollback()
    assert len(db.session.scalars(planned).all()) == before


def test_an_alarm_of_pregnancy_stays_on_the_worklist_of_a_closed_course(nurse):
    patient = a_patient(nurse).id
    close(nurse, patient)
    positive = PregnancyTest(
        collected=dt.date(2026, 4, 2),
        result=TestResult.POSITIVE,
    )
    record(nurse, patient, positive)
    assert stored(patient).grouping == "act-now"


def test_closing_twice_and_opening_an_open_course_are_refused(nurse):
    patient = a_patient(nurse).id
    with pytest.raises(Conflict), transaction() as session:
        courses.reopen(session, nurse, session.get(Patient, patient), "No reason.", LATER)
    close(nurse, patient)
    with pytest.raises(Conflict):
        close(nurse, patient)


def test_closing_and_opening_are_audited_with_what_was_open(nurse):
    patient = a_patient(nurse).id
    close(nurse, patient)
    with pytest.raises(Invalid), transaction() as session:
        courses.reopen(session, nurse, session.get(Patient, patient), " ", LATER)
    with transaction() as session:
        courses.reopen(session, nurse, session.get(Patient, patient), "An error.", LATER)
    db.session.rollback()
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.entity == "course", AuditEvent.actor_id.is_not(None))
    ).all()
    assert [event.action for event in events] == ["course.closed", "course.reopened"]
    assert events[0].detail == {"reason": "Stopped", "open_duties": []}
    assert events[1].detail == {"reason": "An error.", "closed_on": "2026-04-02"}
    assert stored(patient).grouping != "closed"


def test_nobody_is_prescribed_for_in_a_closed_course(nurse):
    doctor = a_user(nurse.clinic_id, Role.PRESCRIBER)
    patient = a_patient(nurse).id
    close(nurse, patient)
    how = {"days_supply": 30, "override_reason": "Agreed with the patient by telephone."}
    with pytest.raises(Conflict, match="closed on 2 Apr 2026"), transaction() as session:
        who = session.get(Patient, patient)
        recording.prescribe(session, doctor, who, LATER, refills=0, daily_dose_mg=None, **how)
    with pytest.raises(Conflict, match="open it again"), transaction() as session:
        who = session.get(Patient, patient)
        recording.dispense(session, nurse, who, dt.date(2026, 4, 2), LATER, **how)
    with transaction() as session:
        who = session.get(Patient, patient)
        courses.reopen(session, nurse, who, "Goes on.", LATER)
        recording.prescribe(session, doctor, who, LATER, refills=0, daily_dose_mg=None, **how)
