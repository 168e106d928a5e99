"""Evidence on two time axes: what happened, and what we knew when."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.db import db, transaction
from compliance.models import Evidence, Patient, StoredAssessment
from compliance.models.evidence import AppendOnly
from compliance.rules.facts import PregnancyTest, facts_of, read_fact
from compliance.rules.terms import Potential, PotentialReason, TestResult
from compliance.services import evidence, recording
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid
from tests.world import NOW, a_clinic, a_patient, a_user

TODAY = NOW.date()
LATER = NOW + dt.timedelta(hours=2)


@pytest.fixture
def nurse(app) -> Actor:
    return a_user(a_clinic())


@pytest.fixture
def patient_id(nurse: Actor) -> int:
    return a_patient(nurse).id


def a_test(result: TestResult = TestResult.NEGATIVE, day: dt.date = TODAY) -> PregnancyTest:
    return PregnancyTest(collected=day, result=result)


def record(nurse: Actor, patient_id: int, fact: PregnancyTest, now: dt.datetime, **more) -> int:
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        supersedes = more.get("supersedes")
        row = recording.record_evidence(
            session,
            nurse,
            patient,
            fact,
            now,
            supersedes=session.get(Evidence, supersedes) if supersedes else None,
        )
        return row.id


def results_known(patient_id: int, known_at: dt.datetime | None = None) -> list[TestResult]:
    patient = db.session.get(Patient, patient_id)
    record = evidence.load_record(db.session(), patient, known_at)
    return [test.result for test in facts_of(record.facts, PregnancyTest)]


def test_a_correction_replaces_the_old_value_and_the_past_still_knows_the_old_one(
    nurse: Actor, patient_id: int
) -> None:
    first = record(nurse, patient_id, a_test(TestResult.NEGATIVE), NOW)
    record(nurse, patient_id, a_test(TestResult.POSITIVE), LATER, supersedes=first)
    assert results_known(patient_id) == [TestResult.POSITIVE]
    assert results_known(patient_id, LATER - dt.timedelta(seconds=1)) == [TestResult.NEGATIVE]
    assert results_known(patient_id, LATER) == [TestResult.POSITIVE]


def test_a_withdrawn_entry_was_known_until_it_was_withdrawn(nurse: Actor, patient_id: int) -> None:
    row_id = record(nurse, patient_id, a_test(), NOW)
    with transaction() as session:
        patient, row = session.get(Patient, patient_id), session.get(Evidence, row_id)
        recording.withdraw_evidence(session, nurse, patient, row, "Mixed up two cups.", LATER)
    assert results_known(patient_id) == []
    assert results_known(patient_id, LATER - dt.timedelta(seconds=1)) == [TestResult.NEGATIVE]
    assert results_known(patient_id, LATER) == []


def test_what_was_corrected_or_withdrawn_once_cannot_be_again(
    nurse: Actor, patient_id: int
) -> None:
    first = record(nurse, patient_id, a_test(), NOW)
    record(nurse, patient_id, a_test(TestResult.INDETERMINATE), NOW, supersedes=first)
    with pytest.raises(Conflict):
        record(nurse, patient_id, a_test(TestResult.POSITIVE), LATER, supersedes=first)


def test_a_withdrawal_needs_a_reason(nurse: Actor, patient_id: int) -> None:
    row_id = record(nurse, patient_id, a_test(), NOW)
    with pytest.raises(Invalid) as refused, transaction() as session:
        patient, row = session.get(Patient, patient_id), session.get(Evidence, row_id)
        recording.withdraw_evidence(session, nurse, patient, row, "  ", LATER)
    assert "Say why" in refused.value.fields["reason"]


def test_evidence_can_be_neither_edited_nor_deleted(nurse: Actor, patient_id: int) -> None:
    row_id = record(nurse, patient_id, a_test(), NOW)
    with pytest.raises(AppendOnly), transaction() as session:
        session.get(Evidence, row_id).happened_on = dt.date(2026, 1, 1)
    with pytest.raises(AppendOnly), transaction() as session:
        session.delete(session.get(Evidence, row_id))
    assert db.session.get(Evidence, row_id).happened_on == TODAY


def test_tomorrow_cannot_be_recorded_and_today_can(nurse: Actor, patient_id: int) -> None:
    record(nurse, patient_id, a_test(day=TODAY), NOW)
    with pytest.raises(Invalid) as refused:
        record(nurse, patient_id, a_test(day=TODAY + dt.timedelta(days=1)), NOW)
    assert "lies after today" in refused.value.fields["collected"]


def test_today_is_the_clinics_day_not_the_servers(nurse: Actor, patient_id: int) -> None:
    late_evening = dt.datetime(2026, 4, 3, 3, 30, tzinfo=dt.UTC)  # 23:30 on 2 April in New York
    with pytest.raises(Invalid):
        record(nurse, patient_id, a_test(day=dt.date(2026, 4, 3)), late_evening)
    record(nurse, patient_id, a_test(day=dt.date(2026, 4, 3)), late_evening + dt.timedelta(hours=1))


def test_if_any_step_fails_nothing_is_written(
    nurse: Actor, patient_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = db.session.query(Evidence).count()
    db.session.rollback()

    def fail(*_args: object) -> None:
        raise RuntimeError("the last step fails")

    monkeypatch.setattr(recording, "reassess", fail)
    with pytest.raises(RuntimeError):
        record(nurse, patient_id, a_test(), NOW)
    assert db.session.query(Evidence).count() == before


def test_each_new_fact_changes_the_stored_answer_at_once(nurse: Actor, patient_id: int) -> None:
    record(nurse, patient_id, a_test(TestResult.POSITIVE), NOW)
    stored = db.session.query(StoredAssessment).filter_by(patient_id=patient_id).one()
    blocks = {item["requirement"] for item in stored.findings if item["blocks"]}
    assert "not-pregnant" in blocks
    assert stored.grouping == "act-now"


def answer(patient_id: int) -> tuple[object, ...]:
    """What is stored as the answer, without the ids of the evidence."""
    db.session.rollback()
    row = db.session.query(StoredAssessment).filter_by(patient_id=patient_id).one()
    findings = [{**item, "evidence": []} for item in row.findings]
    return row.verdict, row.grouping, row.headline, row.changes_at, findings, row.plan


@pytest.mark.parametrize("result", list(TestResult))
def test_adding_and_withdrawing_a_fact_leaves_the_answer_as_it_was(
    nurse: Actor, patient_id: int, result: TestResult
) -> None:
    before = answer(patient_id)
    row_id = record(nurse, patient_id, a_test(result), NOW)
    assert answer(patient_id) != before
    with transaction() as session:
        patient, row = session.get(Patient, patient_id), session.get(Evidence, row_id)
        recording.withdraw_evidence(session, nurse, patient, row, "Mixed up two cups.", NOW)
    assert answer(patient_id) == before


@pytest.mark.parametrize("wrong", [TestResult.POSITIVE, TestResult.INDETERMINATE])
def test_a_corrected_fact_equals_having_had_it_right(
    nurse: Actor, patient_id: int, wrong: TestResult
) -> None:
    other_id = a_patient(nurse).id
    record(nurse, other_id, a_test(TestResult.NEGATIVE), NOW)
    first = record(nurse, patient_id, a_test(wrong), NOW)
    assert answer(patient_id) != answer(other_id)
    record(nurse, patient_id, a_test(TestResult.NEGATIVE), NOW, supersedes=first)
    assert answer(patient_id) == answer(other_id)


def asked_and_blocked(nurse: Actor, days_supply: int, refills: int) -> tuple[str, list[str]]:
    """The stored answer for a man whose prescription of so many days waits to be handed over."""
    man = a_patient(nurse, potential=Potential.NO, reason=PotentialReason.ASSIGNED_MALE)
    signed = {"form": "enrolment", "signed_by": ["patient", "prescriber"]}
    supply = {"days_supply": days_supply, "refills": refills}
    with transaction() as session:
        patient = session.get(Patient, man.id)
        for kind, data in (
            ("acknowledgement", signed),
            ("visit", {}),
            ("counselling", {}),
            ("prescription", supply),
        ):
            fact = read_fact(kind, {"on": TODAY, **data})
            recording.record_evidence(session, nurse, patient, fact, NOW)
    row = db.session.query(StoredAssessment).filter_by(patient_id=man.id).one()
    return row.act.value, [item["requirement"] for item in row.findings if item["blocks"]]


@pytest.mark.parametrize(
    ("days_supply", "refills", "blocked"),
    [(30, 0, []), (31, 0, ["days-supply"]), (30, 1, ["days-supply"])],
)
def test_the_stored_answer_judges_the_supply_that_was_prescribed(
    nurse: Actor, days_supply: int, refills: int, blocked: list[str]
) -> None:
    assert asked_and_blocked(nurse, days_supply, refills) == ("dispense", blocked)
