"""The portal sheet: what should be entered, what is, and since when the two differ."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from compliance.db import db, transaction
from compliance.models import AuditEvent, Clinic, Course, Evidence, Patient, PortalEntry
from compliance.rules.terms import Potential, PotentialReason
from compliance.services import evidence, reconciliation
from compliance.services.errors import Conflict, Invalid
from compliance.services.reconciliation import Line, Sheet, State
from compliance.services.recording import withdraw_evidence
from tests import world
from tests.services.reminding import PICKED_UP, STARTED, fact, on_treatment, record
from tests.world import NOW

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic())


def sheet_of(patient_id: int) -> Sheet:
    db.session.rollback()
    db.session.expire_all()
    return reconciliation.sheet_of(db.session(), db.session.get_one(Patient, patient_id))


def line(patient_id: int, key: str) -> Line:
    return next(line for line in sheet_of(patient_id).lines if line.row.key == key)


def values(patient_id: int) -> dict[str, str]:
    return {line.row.key: line.value for line in sheet_of(patient_id).lines}


def tick(nurse, patient_id: int, *keys: str, now: dt.datetime = NOW) -> int:
    """Tick these lines, or every open one."""
    sheet = sheet_of(patient_id)
    wanted = keys or [line.row.key for line in sheet.open_lines]
    with transaction() as session:
        patient = session.get_one(Patient, patient_id)
        return reconciliation.enter(session, nurse, patient, wanted, sheet.seal, now)


def listed(clinic_id: int) -> list[Sheet]:
    db.session.rollback()
    db.session.expire_all()
    return reconciliation.sheets(db.session(), db.session.get_one(Clinic, clinic_id))


def test_the_sheet_says_what_the_portal_should_show(nurse):
    patient = on_treatment(nurse)
    assert values(patient) == {
        "enrolment": "2 Mar 2026",
        "category": "Can become pregnant; from 2 Mar 2026",
        "test": "Negative; collected 2 Apr 2026",
        "counselling": "2 Apr 2026",
        "methods-prescriber": "The combined pill and condoms; 2 Apr 2026",
        "comprehension": "Passed; 2 Apr 2026",
        "methods-patient": "The combined pill and condoms; 2 Apr 2026",
        "window": "",
        "dispensing": "2 Apr 2026; 30 days' supply",
        "last-dose": "",
        "pregnancy": "",
    }


def test_a_patient_who_cannot_become_pregnant_has_no_tests_methods_or_questions(nurse):
    patient = world.a_patient(nurse, potential=Potential.NO, reason=PotentialReason.ASSIGNED_MALE)
    assert set(values(patient.id)) == {
        "enrolment", "category", "counselling", "dispensing", "last-dose", "pregnancy"
    }  # fmt: skip


def test_an_undetermined_category_hides_nothing(nurse):
    patient = world.a_patient(nurse, potential=Potential.UNDETERMINED, reason=None)
    assert "test" in values(patient.id)
    assert values(patient.id)["category"].startswith("Not determined")


def test_what_nobody_has_ticked_is_open_since_we_knew_it(nurse):
    patient = on_treatment(nurse)
    test, questions = line(patient, "test"), line(patient, "comprehension")
    assert (test.state, test.open_since) == (State.TO_ENTER, NOW)
    assert questions.state is State.TO_CHECK
    assert line(patient, "last-dose").state is State.EMPTY
    assert line(patient, "last-dose").open_since is None


def test_a_ticked_line_is_in_step_until_our_value_changes_and_then_its_age_is_told(nurse):
    patient = on_treatment(nurse)
    assert tick(nurse, patient, "test", now=NOW + HOUR) == 1
    assert line(patient, "test").state is State.ENTERED
    assert line(patient, "counselling").state is State.TO_ENTER
    later = NOW + 28 * DAY
    record(nurse, patient, [fact("pregnancy_test", collected=later.date(), result="negative",
                                 setting="medical")], later)  # fmt: skip
    test = line(patient, "test")
    assert (test.state, test.open_since) == (State.CHANGED, later)
    assert test.entry.value == "Negative; collected 2 Apr 2026"
    assert test.value == "Negative; collected 30 Apr 2026"
    tick(nurse, patient, "test", now=later + HOUR)
    assert line(patient, "test").state is State.ENTERED


def test_a_value_that_was_withdrawn_after_its_tick_differs_and_can_be_ticked_as_taken_out(nurse):
    patient = on_treatment(nurse)
    record(nurse, patient, [fact("last_dose", on=NOW.date())], NOW)
    tick(nurse, patient, "last-dose", now=NOW + HOUR)
    with transaction() as session:
        row = session.scalars(select(Evidence).where(Evidence.kind == "last_dose")).one()
        withdraw_evidence(
            session, nurse, session.get_one(Patient, patient), row, "a slip", NOW + DAY
        )
    found = line(patient, "last-dose")
    assert (found.state, found.value) == (State.CHANGED, "")
    assert found.open_since == NOW + HOUR
    tick(nurse, patient, "last-dose", now=NOW + 2 * DAY)
    assert line(patient, "last-dose").state is State.EMPTY


def test_a_corrected_value_replaces_the_one_before(nurse):
    patient = on_treatment(nurse)
    with transaction() as session:
        row = session.scalars(
            select(Evidence).where(Evidence.kind == "dispensing", Evidence.patient_id == patient)
        ).one()
        evidence.append(session, nurse, session.get_one(Patient, patient),
                        fact("dispensing", on=PICKED_UP, days_supply=28), NOW + HOUR,
                        supersedes=row)  # fmt: skip
    assert values(patient)["dispensing"] == "2 Apr 2026; 28 days' supply"


def test_an_open_window_is_compared_and_one_that_has_ended_is_no_difference(nurse):
    patient = on_treatment(nurse)
    later = NOW + 28 * DAY
    record(nurse, patient, [fact("pregnancy_test", collected=later.date(), result="negative",
                                 setting="medical")], later)  # fmt: skip
    assert line(patient, "window").value == "30 Apr 2026 to 6 May 2026"
    tick(nurse, patient, "window", now=later)
    record(nurse, patient, [], later + 8 * DAY)
    assert line(patient, "window").state is State.EMPTY


def test_the_list_has_the_oldest_difference_first_and_leaves_out_who_is_in_step(nurse):
    newer, older = on_treatment(nurse), world.a_patient(nurse, NOW - DAY).id
    assert [sheet.patient.id for sheet in listed(nurse.clinic_id)] == [older, newer]
    tick(nurse, older)
    assert [sheet.patient.id for sheet in listed(nurse.clinic_id)] == [newer]
    tick(nurse, newer)
    assert listed(nurse.clinic_id) == []


def test_the_list_and_the_sheet_agree(nurse):
    patient = on_treatment(nurse)
    tick(nurse, patient, "test", "enrolment")
    (in_list,) = listed(nurse.clinic_id)
    assert [(item.row.key, item.value, item.state) for item in in_list.lines] == [
        (item.row.key, item.value, item.state) for item in sheet_of(patient).lines
    ]


def test_closed_courses_other_clinics_and_programmes_without_a_portal_are_left_out(nurse):
    elsewhere = world.a_user(world.a_clinic("elsewhere"))
    on_treatment(elsewhere)
    british = world.a_user(
        world.a_clinic("london", programme="uk-ppp", time_zone="Europe/London", country="GB")
    )
    world.a_patient(british)
    closed = on_treatment(nurse)
    with transaction() as session:
        row = session.scalars(select(Course).where(Course.patient_id == closed)).one()
        row.closed_on = NOW.date()
    assert listed(nurse.clinic_id) == []
    assert listed(british.clinic_id) == []
    assert len(listed(elsewhere.clinic_id)) == 1
    with pytest.raises(Conflict):
        tick(british, db.session.scalars(select(Patient.id).where(
            Patient.clinic_id == british.clinic_id)).one(), "enrolment")  # fmt: skip
    assert reconciliation.has_portal("us-ipledge")
    assert not reconciliation.has_portal("uk-ppp")


def test_a_tick_is_refused_once_our_record_has_changed_since_it_was_seen(nurse):
    patient = on_treatment(nurse)
    seen = sheet_of(patient).seal
    record(nurse, patient, [fact("last_dose", on=NOW.date())], NOW + HOUR)
    with pytest.raises(Conflict), transaction() as session:
        row = session.get_one(Patient, patient)
        reconciliation.enter(session, nurse, row, ["test"], seen, NOW + HOUR)
    assert db.session.scalar(select(func.count()).select_from(PortalEntry)) == 0


@pytest.mark.parametrize("keys", [["no-such-line"], ["last-dose"]])
def test_a_line_that_is_not_open_cannot_be_ticked(nurse, keys):
    patient = on_treatment(nurse)
    with pytest.raises(Invalid):
        tick(nurse, patient, *keys)
    tick(nurse, patient, "test")
    with pytest.raises(Invalid):
        tick(nurse, patient, "test")


def test_a_tick_says_who_and_when_and_stands_in_the_audit_trail(nurse):
    patient = on_treatment(nurse)
    assert tick(nurse, patient, "test", "enrolment", now=NOW + HOUR) == 2
    entry = line(patient, "test").entry
    assert (entry.entered_by, entry.entered_by_id) == (nurse.name, nurse.user_id)
    assert entry.entered_at == NOW + HOUR
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "portal.entered")
    ).one()
    assert event.detail == {
        "enrolment": STARTED.strftime("%-d %b %Y"),
        "test": "Negative; collected 2 Apr 2026",
    }
