"""The stop protocol of a patient: kept as evidence, first on the worklist, closed by few."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.db import db, transaction
from compliance.models import AuditEvent, Evidence, Patient, Role, StoredAssessment
from compliance.rules.facts import Fact, Pregnancy, PregnancyExcluded, PregnancyTest, ProtocolStep
from compliance.rules.stop_protocol import StopProtocol
from compliance.rules.terms import Specimen, Step, TestResult, TestSetting, Verdict
from compliance.rules.triage import Group
from compliance.services import assessments, letters
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotPermitted
from compliance.services.protocol_steps import record_step
from compliance.services.protocols import protocol_of
from compliance.services.recording import record_evidence, withdraw_evidence
from tests.world import NOW, a_clinic, a_patient, a_user

TODAY = NOW.date()
MIDNIGHT = dt.datetime(2026, 4, 3, 4, 0, tzinfo=dt.UTC)  # in New York, after NOW
REASON = "Two serum hCG below 5, two days apart"


@pytest.fixture
def nurse(app) -> Actor:
    return a_user(a_clinic())


@pytest.fixture
def doctor(nurse: Actor) -> Actor:
    return a_user(nurse.clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")


@pytest.fixture
def patient_id(nurse: Actor) -> int:
    return a_patient(nurse).id


def a_test(result: TestResult, on: dt.date = TODAY, **more) -> PregnancyTest:
    return PregnancyTest(collected=on, result=result, setting=TestSetting.MEDICAL, **more)


def write(actor: Actor, patient_id: int, fact: Fact, now: dt.datetime = NOW, corrects: int = 0):
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        old = session.get(Evidence, corrects) if corrects else None
        return record_evidence(session, actor, patient, fact, now, supersedes=old).id


def do(actor: Actor, patient_id: int, *steps: Step, note: str = "", now: dt.datetime = NOW) -> None:
    for step in steps:
        with transaction() as session:
            record_step(session, actor, session.get(Patient, patient_id), step, note, now)


def the_protocol(patient_id: int, now: dt.datetime = NOW) -> StopProtocol | None:
    db.session.rollback()
    return protocol_of(db.session(), db.session.get(Patient, patient_id), now)


def stored(patient_id: int) -> StoredAssessment:
    db.session.rollback()
    return db.session.query(StoredAssessment).filter_by(patient_id=patient_id).one()


def test_a_positive_test_puts_the_first_step_on_the_worklist_with_its_deadline(
    nurse: Actor, patient_id: int
) -> None:
    write(nurse, patient_id, a_test(TestResult.POSITIVE))
    row = stored(patient_id)
    assert row.verdict is Verdict.NO
    assert row.grouping == Group.ACT_NOW.value
    assert row.action.startswith("Stop the medicine (prescriber): ")
    assert row.act_by == MIDNIGHT - dt.timedelta(seconds=1)
    assert row.changes_at <= MIDNIGHT


def test_each_step_moves_the_next_action_and_stands_in_the_record_and_the_trail(
    nurse: Actor, doctor: Actor, patient_id: int
) -> None:
    cause = write(nurse, patient_id, a_test(TestResult.POSITIVE))
    do(doctor, patient_id, Step.STOP, note=" Pharmacy told ")
    assert stored(patient_id).action.startswith("Contact the patient (nurse): ")
    do(nurse, patient_id, Step.CONTACT, Step.CONFIRM)
    assert stored(patient_id).action.startswith("Report the pregnancy (prescriber): ")
    first = db.session.query(Evidence).filter_by(kind="protocol_step").order_by(Evidence.id).first()
    assert first.fact == ProtocolStep(
        id=str(first.id), on=TODAY, step=Step.STOP, cause=str(cause), by="Dr Pia Ramos",
        note="Pharmacy told",
    )  # fmt: skip
    events = db.session.query(AuditEvent).filter_by(entity="protocol_step").all()
    assert {event.action for event in events} == {"evidence.recorded"}
    assert len(events) == 3


def test_with_every_step_done_the_patient_is_no_longer_acted_on_and_still_not_permitted(
    nurse: Actor, doctor: Actor, patient_id: int
) -> None:
    write(nurse, patient_id, a_test(TestResult.POSITIVE))
    do(doctor, patient_id, Step.STOP, Step.CONTACT, Step.CONFIRM, Step.REPORT, Step.REFER)
    row = stored(patient_id)
    assert (row.grouping, row.verdict) == (Group.DUE_THIS_WEEK.value, Verdict.NO)
    assert "every step of the stop protocol is done" in row.headline


def test_the_sweep_calls_a_step_overdue_at_midnight_and_not_before(
    nurse: Actor, patient_id: int
) -> None:
    write(nurse, patient_id, a_test(TestResult.POSITIVE))
    with transaction() as session:
        assert assessments.sweep(session, MIDNIGHT - dt.timedelta(minutes=1)) == 0
    assert "Overdue" not in stored(patient_id).headline
    with transaction() as session:
        assert assessments.sweep(session, MIDNIGHT) == 1
    assert stored(patient_id).headline.endswith("Overdue: 2.")


def test_a_nurse_may_not_do_the_prescribers_steps_and_a_prescriber_may_do_all(
    nurse: Actor, doctor: Actor, patient_id: int
) -> None:
    write(nurse, patient_id, a_test(TestResult.POSITIVE))
    for step in (Step.STOP, Step.REPORT, Step.REFER):
        with pytest.raises(NotPermitted, match="prescriber"):
            do(nurse, patient_id, step)
    manager = a_user(nurse.clinic_id, Role.MANAGER, "Max Manager")
    with pytest.raises(NotPermitted):
        do(manager, patient_id, Step.CONTACT)
    do(doctor, patient_id, Step.CONTACT, Step.STOP)


def test_a_step_is_recorded_once_and_only_while_a_protocol_is_open(
    nurse: Actor, patient_id: int
) -> None:
    with pytest.raises(Conflict, match="No stop protocol"):
        do(nurse, patient_id, Step.CONTACT)
    write(nurse, patient_id, a_test(TestResult.POSITIVE))
    do(nurse, patient_id, Step.CONTACT)
    with pytest.raises(Conflict, match="already"):
        do(nurse, patient_id, Step.CONTACT)
    assert db.session.query(Evidence).filter_by(kind="protocol_step").count() == 1


def test_an_unclear_test_is_closed_by_a_repeated_test_and_by_no_button(
    nurse: Actor, doctor: Actor, patient_id: int
) -> None:
    write(nurse, patient_id, a_test(TestResult.INDETERMINATE))
    do(doctor, patient_id, Step.HOLD, Step.CONTACT)
    with pytest.raises(Invalid, match="repeated test itself"):
        do(doctor, patient_id, Step.REPEAT)
    assert stored(patient_id).action.startswith("Repeat the test (nurse)")
    later = NOW + dt.timedelta(days=1)
    write(nurse, patient_id, a_test(TestResult.NEGATIVE, later.date()), later)
    assert the_protocol(patient_id, later) is None


def test_only_a_prescriber_excludes_a_pregnancy(
    nurse: Actor, doctor: Actor, patient_id: int
) -> None:
    write(nurse, patient_id, a_test(TestResult.POSITIVE))
    excluded = PregnancyExcluded(on=TODAY, by="x", reason=REASON)
    with pytest.raises(NotPermitted):
        write(nurse, patient_id, excluded)
    assert the_protocol(patient_id).is_open
    write(doctor, patient_id, excluded)
    assert the_protocol(patient_id) is None
    assert stored(patient_id).grouping != Group.ACT_NOW.value


def test_withdrawing_the_positive_test_closes_it(nurse: Actor, patient_id: int) -> None:
    row_id = write(nurse, patient_id, a_test(TestResult.POSITIVE))
    do(nurse, patient_id, Step.CONTACT)
    with transaction() as session:
        patient, row = session.get(Patient, patient_id), session.get(Evidence, row_id)
        withdraw_evidence(session, nurse, patient, row, "Another patient's sample", NOW)
    assert the_protocol(patient_id) is None
    assert "stop protocol" not in stored(patient_id).headline


def test_a_step_that_was_not_done_after_all_is_withdrawn_and_open_again(
    nurse: Actor, patient_id: int
) -> None:
    write(nurse, patient_id, a_test(TestResult.POSITIVE))
    do(nurse, patient_id, Step.CONTACT)
    with transaction() as session:
        row = session.query(Evidence).filter_by(kind="protocol_step").one()
        patient = session.get(Patient, patient_id)
        withdraw_evidence(session, nurse, patient, row, "Nobody answered", NOW)
    assert Step.CONTACT in {task.rule.step for task in the_protocol(patient_id).open_tasks}


def test_a_corrected_entry_keeps_the_steps_that_were_done(nurse: Actor, patient_id: int) -> None:
    first = write(nurse, patient_id, a_test(TestResult.POSITIVE))
    do(nurse, patient_id, Step.CONTACT)
    second = write(nurse, patient_id, a_test(TestResult.POSITIVE, sensitivity=20), corrects=first)
    third = write(nurse, patient_id, a_test(TestResult.POSITIVE, sensitivity=10), corrects=second)
    found = the_protocol(patient_id)
    assert found.cause == str(third)
    assert Step.CONTACT not in {task.rule.step for task in found.open_tasks}


def test_a_result_that_arrives_late_starts_the_clock_when_it_arrives(
    nurse: Actor, patient_id: int
) -> None:
    collected = TODAY - dt.timedelta(days=3)
    write(nurse, patient_id, a_test(TestResult.POSITIVE, collected, specimen=Specimen.SERUM))
    found = the_protocol(patient_id)
    assert found.since == TODAY
    assert found.next.by == TODAY
    assert "Overdue" not in stored(patient_id).headline


def test_a_pregnancy_that_is_told_opens_it(nurse: Actor, patient_id: int) -> None:
    write(nurse, patient_id, Pregnancy(on=TODAY))
    steps = [task.rule.step for task in the_protocol(patient_id).open_tasks]
    assert steps == [Step.STOP, Step.CONTACT, Step.REPORT, Step.REFER]


def test_the_morning_digest_counts_open_protocols(nurse: Actor, patient_id: int) -> None:
    patient = db.session.get(Patient, patient_id)
    assert letters.waiting_at(db.session(), patient.clinic, NOW).stop_protocols == 0
    write(nurse, patient_id, a_test(TestResult.INDETERMINATE))
    db.session.rollback()
    clinic = db.session.get(Patient, patient_id).clinic
    assert letters.waiting_at(db.session(), clinic, NOW).stop_protocols == 1
