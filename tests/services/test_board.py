"""The board of silences: each figure counts what it says, on both sides, and never guesses zero."""

from __future__ import annotations

import datetime as dt
import os

import pytest
from sqlalchemy import select, text, update

from compliance.db import db, transaction
from compliance.interop.hl7v2 import read_file
from compliance.models import (
    AuditEvent,
    Clinic,
    Contact,
    ContactOutcome,
    Course,
    Evidence,
    JobRun,
    Patient,
    Reminder,
    Role,
    StoredAssessment,
    User,
)
from compliance.models.reminders import ReminderState
from compliance.rules.facts import Lab, PregnancyTest
from compliance.rules.terms import Analyte, Step, TestResult, TestSetting
from compliance.services import adoptions, board, held, jobs, silent_decisions
from compliance.services.board import Counted
from compliance.services.errors import Conflict, NotFound, NotPermitted
from compliance.services.intake import receive
from compliance.services.protocol_steps import record_step
from compliance.services.recording import dispense, record_evidence, withdraw_evidence
from compliance.services.silences import Scope
from tests import world
from tests.interop.messages import SERUM_HCG, TG, obx, oru
from tests.services.reminding import on_treatment, record
from tests.world import NOW

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
SECOND = dt.timedelta(seconds=1)
MIDNIGHT = dt.datetime(2026, 4, 3, 4, 0, tzinfo=dt.UTC)  # in New York, after NOW


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic())


@pytest.fixture
def doctor(nurse):
    return world.a_user(nurse.clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")


@pytest.fixture
def look(nurse, tmp_path):
    """Count one figure of the nurse's clinic at a moment."""

    def look(key: str, now: dt.datetime = NOW, clinic_id: int = 0) -> Counted:
        db.session.rollback()
        db.session.expire_all()
        clinic = db.session.get_one(Clinic, clinic_id or nurse.clinic_id)
        return board.count(db.session(), board.figure_of(key), Scope(clinic, now, tmp_path / "b"))

    return look


def of(counted: Counted) -> tuple[int | None, int]:
    """The figure, and over how many."""
    return counted.count, counted.found.over


def names(counted: Counted) -> set[str]:
    return {item.what for item in counted.silences}


def change(table, **values) -> None:
    with transaction() as session:
        session.execute(update(table).values(**values))


def a_positive_test(nurse, patient_id: int, now: dt.datetime = NOW) -> None:
    with transaction() as session:
        fact = PregnancyTest(
            collected=now.date(), result=TestResult.POSITIVE, setting=TestSetting.MEDICAL
        )
        record_evidence(session, nurse, session.get_one(Patient, patient_id), fact, now)


def results(clinic_id: int, *segments: str, now: dt.datetime = NOW) -> None:
    """A file of results that wait for a person."""
    with transaction() as session:
        clinic = session.get_one(Clinic, clinic_id)
        content = oru(*segments, numbers="NOBODY^^^RIVERSIDE^MR")
        actor = world.system("tests")
        receive(session, actor, clinic, "lab.hl7", content, read_file(content), now)


# --- patients -------------------------------------------------------------------------------------


def test_a_patient_with_a_date_ahead_is_expected_and_one_whose_dates_are_over_is_not(nurse, look):
    on_treatment(nurse)
    assert of(look("no-next-date")) == (0, 1)
    row = db.session.scalars(select(StoredAssessment)).one()
    last = max(dt.date.fromisoformat(item["last"]) for item in row.plan)
    end = dt.datetime.combine(last, dt.time(23, 59), dt.UTC)  # before midnight in New York
    assert row.act_by is None or row.act_by < end
    assert of(look("no-next-date", end)) == (0, 1)
    assert of(look("no-next-date", end + DAY)) == (1, 1)
    assert look("no-next-date", end + 3 * DAY).oldest.date() == last + DAY  # UTC


def test_a_last_useful_moment_ahead_is_a_date_until_it_has_passed(nurse, look):
    world.a_patient(nurse)
    change(StoredAssessment, plan=[], act_by=NOW + SECOND)
    assert of(look("no-next-date")) == (0, 1)
    change(StoredAssessment, act_by=NOW)
    assert of(look("no-next-date")) == (1, 1)


def test_a_day_agreed_at_a_contact_is_a_date_until_it_is_over(nurse, look):
    patient = world.a_patient(nurse)
    change(StoredAssessment, plan=[], act_by=None)
    assert of(look("no-next-date")) == (1, 1)
    with transaction() as session:
        course = session.get_one(Patient, patient.id).course
        session.add(
            Contact(
                clinic_id=nurse.clinic_id, patient_id=patient.id, course_id=course.id, at=NOW,
                by=nurse.name, outcome=ContactOutcome.WILL_COME, reason="Comes then.",
                until=NOW.date(), grouping="act-now", headline="",
            )
        )  # fmt: skip
    assert of(look("no-next-date", MIDNIGHT - SECOND)) == (0, 1)
    assert of(look("no-next-date", MIDNIGHT)) == (1, 1)


def test_a_course_that_was_never_assessed_is_silent_and_a_closed_one_is_not(nurse, look):
    world.a_patient(nurse)
    with transaction() as session:
        session.execute(StoredAssessment.__table__.delete())
    found = look("no-next-date")
    assert of(found) == (1, 1)
    assert found.silences[0].reason == "This course was never assessed."
    change(Course, closed_on=NOW.date())
    assert of(look("no-next-date")) == (0, 0)


def test_only_the_newest_course_of_a_patient_counts(nurse, look):
    patient = world.a_patient(nurse)
    with transaction() as session:
        session.add(Course(patient_id=patient.id, clinic_id=nurse.clinic_id, opened_on=NOW.date()))
    assert look("no-next-date").found.over == 1


def test_no_figure_looks_into_another_clinic(nurse, look):
    other = world.a_clinic("elsewhere")
    world.a_patient(nurse, email="")
    assert of(look("undeliverable")) == (1, 2)
    assert of(look("undeliverable", clinic_id=other)) == (0, 0)
    assert of(look("no-next-date", clinic_id=other)) == (0, 0)


def test_who_wants_reminders_and_has_no_address_cannot_be_reached(nurse, look):
    world.a_patient(nurse)
    change(User, wants_digest=False)
    assert of(look("undeliverable")) == (0, 1)
    change(Patient, email="")
    assert of(look("undeliverable")) == (1, 1)
    change(Patient, reminders_wanted=False)
    assert of(look("undeliverable")) == (0, 0)


def test_an_address_at_which_the_newest_mail_was_given_up_counts_until_one_arrives(nurse, look):
    on_treatment(nurse)
    change(User, wants_digest=False)
    first, second = list(db.session.scalars(select(Reminder).order_by(Reminder.due_at)))[:2]
    assert of(look("undeliverable")) == (0, 1)
    with transaction() as session:
        session.get_one(Reminder, first.id).state = ReminderState.DEAD
    found = look("undeliverable")
    assert of(found) == (1, 1)
    assert found.silences[0].since == first.due_at
    with transaction() as session:
        session.get_one(Reminder, second.id).state = ReminderState.SENT
    assert of(look("undeliverable")) == (0, 1)


def test_a_reader_of_the_digest_who_cannot_be_reached_counts_too(nurse, look):
    with transaction() as session:
        session.add(
            Reminder(
                key="d", clinic_id=nurse.clinic_id, kind="digest", obligation="day", rung="daily",
                recipient=f"user:{nurse.user_id}", due_at=NOW, planned_at=NOW,
                state=ReminderState.SENT,
            )
        )  # fmt: skip
    assert of(look("undeliverable")) == (0, 1)
    change(Reminder, state=ReminderState.DEAD)
    assert names(look("undeliverable")) == {nurse.name}


def test_a_step_of_a_stop_protocol_counts_once_its_last_day_is_over(nurse, doctor, look):
    patient_id = world.a_patient(nurse).id
    assert of(look("stop-steps")) == (0, 0)
    a_positive_test(nurse, patient_id)
    count, steps = of(look("stop-steps", MIDNIGHT - SECOND))
    assert (count, steps) == (0, 5)
    late = look("stop-steps", MIDNIGHT)
    assert late.count == 2
    assert late.state == "grave"
    with transaction() as session:
        patient = session.get_one(Patient, patient_id)
        record_step(session, doctor, patient, Step.STOP, "", NOW)
    assert of(look("stop-steps", MIDNIGHT)) == (1, 4)


def test_an_answer_that_time_changed_counts_after_five_minutes_without_a_sweep(nurse, look):
    world.a_patient(nurse)
    change(StoredAssessment, changes_at=NOW)
    assert of(look("answers", NOW + 5 * MINUTE - SECOND)) == (0, 1)
    assert of(look("answers", NOW + 5 * MINUTE)) == (1, 1)


# --- results --------------------------------------------------------------------------------------


def test_a_held_result_counts_until_somebody_decides(nurse, look):
    assert of(look("held")) == (0, 0)
    results(nurse.clinic_id, obx(TG, "120"))
    found = look("held", NOW + DAY)
    assert of(found) == (1, 1)
    assert found.oldest == NOW
    with transaction() as session:
        row = held.held_results(session, nurse)[0]
        held.resolve_held(session, nurse, row, held.Decision.DISMISS, NOW, reason="not ours")
    assert of(look("held")) == (0, 1)


def test_an_urgent_result_that_is_held_counts_as_unread_after_two_days(nurse, look):
    results(nurse.clinic_id, obx(SERUM_HCG, "Positive", "", kind="ST"), obx(TG, "120"))
    assert of(look("unread", NOW + 2 * DAY - SECOND)) == (0, 1)
    assert of(look("unread", NOW + 2 * DAY)) == (1, 1)
    assert of(look("held", NOW + 2 * DAY)) == (2, 2)


def test_a_result_beyond_a_limit_counts_as_unread_after_two_days_without_a_decision(nurse, look):
    patient = on_treatment(nurse)
    fact = Lab(collected=NOW.date(), analyte=Analyte.TG, value="900", unit="mg/dL")
    record(nurse, patient, [fact], NOW)
    assert of(look("unread", NOW + 2 * DAY - SECOND)) == (0, 1)
    found = look("unread", NOW + 2 * DAY)
    assert of(found) == (1, 1)
    assert "900" in found.silences[0].reason


def test_a_held_result_that_keeps_an_answer_open_is_counted_once_as_held(nurse, look):
    on_treatment(nurse, mrn="T-1", birth_date=dt.date(1998, 4, 2), family_name="Okafor")
    with transaction() as session:
        clinic = session.get_one(Clinic, nurse.clinic_id)
        content = oru(obx(TG, "180", ""))  # without a unit
        receive(session, nurse, clinic, "lab.hl7", content, read_file(content), NOW)
    row = db.session.scalars(select(StoredAssessment)).one()
    assert "waits for a person" in str(row.findings)
    assert of(look("unread", NOW + 3 * DAY)) == (0, 0)
    assert look("held", NOW + 3 * DAY).count == 1


# --- decisions ------------------------------------------------------------------------------------


def an_override(actor, patient_id: int, now: dt.datetime = NOW) -> str:
    """A hand-over that nothing allows, recorded by this person; returns its entry's public id."""
    with transaction() as session:
        patient = session.get_one(Patient, patient_id)
        handed = dispense(session, actor, patient, now.date() - DAY, now, days_supply=30,
                          override_reason="The pharmacy had opened it already.")  # fmt: skip
        return session.get_one(Evidence, handed.evidence_id).public_id


def test_an_override_by_a_nurse_waits_for_a_prescriber_who_signs_it_once(nurse, doctor, look):
    patient_id = world.a_patient(nurse).id
    assert of(look("overrides")) == (0, 0)
    public_id = an_override(nurse, patient_id)
    found = look("overrides")
    assert of(found) == (1, 1)
    assert "The pharmacy had opened it already." in found.silences[0].reason
    with pytest.raises(NotPermitted), transaction() as session:
        silent_decisions.countersign(session, nurse, public_id, NOW)
    with transaction() as session:
        silent_decisions.countersign(session, doctor, public_id, NOW)
    assert of(look("overrides")) == (0, 1)
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "override.countersigned")
    ).one()
    assert (event.actor, event.entity_id, event.patient_id) == (doctor.name, public_id, patient_id)
    with pytest.raises(Conflict), transaction() as session:
        silent_decisions.countersign(session, doctor, public_id, NOW)


def test_a_prescribers_own_override_is_signed_and_a_withdrawn_one_is_gone(nurse, doctor, look):
    patient_id = world.a_patient(nurse).id
    an_override(doctor, patient_id)
    assert of(look("overrides")) == (0, 1)
    public_id = an_override(nurse, patient_id)
    assert of(look("overrides")) == (1, 2)
    with transaction() as session:
        row = session.scalars(select(Evidence).where(Evidence.public_id == public_id)).one()
        patient = session.get_one(Patient, patient_id)
        withdraw_evidence(session, nurse, patient, row, "another patient's", NOW)
    assert of(look("overrides")) == (0, 1)


def test_a_prescriber_of_another_clinic_finds_no_override_here(nurse, look):
    public_id = an_override(nurse, world.a_patient(nurse).id)
    stranger = world.a_user(world.a_clinic("elsewhere"), Role.PRESCRIBER)
    with pytest.raises(NotFound), transaction() as session:
        silent_decisions.countersign(session, stranger, public_id, NOW)


def test_an_unconfirmed_edition_counts_from_thirty_days_before_until_it_is_adopted(
    nurse, doctor, look
):
    announced = dt.datetime(2026, 11, 15, 17, 0, tzinfo=dt.UTC)
    count, editions = of(look("editions", announced - 31 * DAY))
    assert (count, editions) == (0, 3)
    assert of(look("editions", announced - 30 * DAY)) == (1, 3)
    past = look("editions", announced)
    assert "which has passed" in past.silences[0].reason
    with transaction() as session:
        clinic = session.get_one(Clinic, nurse.clinic_id)
        adoptions.adopt(session, doctor, clinic, "2026", announced.date(), "Notice of 1 Nov", NOW)
    assert of(look("editions", announced)) == (0, 3)


# --- the machine ----------------------------------------------------------------------------------


def ran(name: str, at: dt.datetime, **changes) -> None:
    values = {"started_at": at, "finished_at": at, "succeeded": True, **changes}
    with transaction() as session:
        session.merge(JobRun(name=name, **values))


def test_the_schedule_is_silent_when_it_never_ran_and_ninety_seconds_after_its_last_sign(look):
    assert of(look("heartbeat")) == (1, 1)
    ran(jobs.HEARTBEAT, NOW)
    assert of(look("heartbeat", NOW + 90 * SECOND - SECOND)) == (0, 1)
    assert of(look("heartbeat", NOW + 90 * SECOND)) == (1, 1)


def test_a_beginning_is_a_sign_of_life_too(look):
    ran(jobs.HEARTBEAT, NOW, finished_at=None, succeeded=None)
    assert of(look("heartbeat", NOW + MINUTE)) == (0, 1)


def test_a_job_that_never_ran_failed_or_is_late_counts(look):
    for name in jobs.EVERY:
        ran(name, NOW)
    assert of(look("jobs")) == (0, len(jobs.EVERY))
    ran("sweep", NOW, succeeded=False, failures=3, detail="KeyError at x.py:1")
    found = look("jobs")
    assert of(found) == (1, len(jobs.EVERY))
    assert found.silences[0].reason == "Its last run failed, 3 times in a row: KeyError at x.py:1"
    with transaction() as session:
        session.delete(session.get_one(JobRun, "backup"))
    assert names(look("jobs")) == {"Answers that time changes", "Backup"}


def test_a_job_is_late_after_two_of_its_rounds_and_five_minutes(look):
    for name in jobs.EVERY:
        ran(name, NOW + DAY)
    ran("reminders", NOW)
    assert of(look("jobs", NOW + 15 * MINUTE))[0] == 0
    assert names(look("jobs", NOW + 15 * MINUTE + SECOND)) == {"Reminders"}


def test_a_job_that_is_trying_again_after_a_failure_still_counts(look):
    for name in jobs.EVERY:
        ran(name, NOW)
    ran("sweep", NOW, finished_at=None, succeeded=None, failures=1)
    assert look("jobs").count == 1


def test_a_backup_is_too_old_after_twenty_six_hours(look, tmp_path):
    none = look("backups")
    assert of(none) == (1, 0)
    assert none.silences[0].reason == "No backup has been made yet."
    folder = tmp_path / "b"
    os.makedirs(folder)
    (folder / NOW.strftime("clinic-%Y%m%d-%H%M%S.db")).touch()
    fresh = look("backups", NOW + dt.timedelta(hours=26))
    assert of(fresh) == (0, 1)
    assert "clinic-20260402-150000.db" in fresh.found.said
    assert of(look("backups", NOW + dt.timedelta(hours=26, seconds=1))) == (1, 1)


# --- the board itself -----------------------------------------------------------------------------


def test_a_figure_that_cannot_be_counted_is_unknown_and_harms_no_other(nurse, look, tmp_path):
    world.a_patient(nurse)
    with transaction() as session:
        session.execute(text("ALTER TABLE imported_result RENAME TO gone"))
    clinic = db.session.get_one(Clinic, nurse.clinic_id)
    found = {
        item.figure.key: item
        for item in board.count_all(db.session(), Scope(clinic, NOW, tmp_path / "b"))
    }
    assert found["held"].count is None
    assert found["held"].state == "unknown"
    assert found["unread"].count is None
    assert {key for key, item in found.items() if item.count is None} == {"held", "unread"}
    assert of(found["no-next-date"])[1] == 1
    with transaction() as session:
        session.execute(text("ALTER TABLE gone RENAME TO imported_result"))


def test_a_fault_is_logged_without_anything_of_a_patient(nurse, look, caplog):
    world.a_patient(nurse, family_name="Secretname")
    change(StoredAssessment, plan=[{"last": "Secretname"}], act_by=None)
    assert look("no-next-date").count is None
    assert "figure no-next-date: ValueError at" in caplog.text
    assert "Secretname" not in caplog.text


def test_the_oldest_stands_first_and_what_never_was_right_before_all(look):
    ran("sweep", NOW, succeeded=False)
    ran("reminders", NOW - DAY, succeeded=False)
    found = look("jobs")
    assert [item.since for item in found.silences][-2:] == [NOW - DAY, NOW]
    assert found.silences[0].since is None
    assert found.oldest == NOW - DAY


def test_an_unknown_figure_is_refused():
    with pytest.raises(NotFound):
        board.figure_of("no-such-figure")


def test_every_figure_says_what_it_counts_over_what_and_why(app):
    keys = [figure.key for figure in board.FIGURES]
    assert len(set(keys)) == len(keys) >= 11
    for figure in board.FIGURES:
        assert figure.counts.endswith(".")
        assert figure.means.endswith(".")
        assert figure.remedy.endswith(".")
        assert all(figure.over)
