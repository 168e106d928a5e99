"""What waits in the queue holds the answer until a person decides, and an old answer replays so."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.interop.hl7v2 import read_file
from compliance.models import Clinic, ImportedResult, Patient, Role, StoredAssessment
from compliance.rules.findings import Finding
from compliance.rules.terms import Act, Outcome, Requirement
from compliance.services import assessments, held
from compliance.services.actors import Actor
from compliance.services.adoptions import adopt_limits
from compliance.services.held import Decision
from compliance.services.intake import receive
from compliance.services.protocols import needs_protocol
from compliance.services.recording import is_locked
from tests.interop.messages import ALT, HCG, STATUS, TG, URINE_HCG, obx, oru
from tests.world import NOW, a_clinic, a_patient, a_user

BORN = dt.date(1998, 4, 2)
LATER = NOW + dt.timedelta(hours=2)
LIMITS, NOT_PREGNANT = Requirement.LAB_LIMITS, Requirement.NOT_PREGNANT


@pytest.fixture
def doctor(app: Any) -> Actor:
    return a_user(a_clinic(), Role.PRESCRIBER, "Dr Dana Derm")


@pytest.fixture
def patient(doctor: Actor) -> Patient:
    return a_patient(doctor, mrn="T-1", family_name="Okafor", birth_date=BORN)


def adopt(doctor: Actor, *keys: str) -> None:
    with transaction() as session:
        clinic = session.get(Clinic, doctor.clinic_id)
        adopt_limits(session, doctor, clinic, keys, NOW.date(), "Protocol of 1 March", NOW)


def take(doctor: Actor, content: bytes) -> ImportedResult:
    with transaction() as session:
        clinic = session.get(Clinic, doctor.clinic_id)
        receive(session, doctor, clinic, "results.hl7", content, read_file(content), NOW)
    return db.session.scalars(select(ImportedResult).order_by(ImportedResult.id.desc())).first()


def finding(
    patient: Patient, requirement: Requirement, known_at: dt.datetime | None = None
) -> Finding:
    session = db.session()
    session.expire_all()
    person = session.get(Patient, patient.id)
    found = assessments.ask(session, person, LATER, act=Act.MONITOR, known_at=known_at)
    return next(item for item in found.findings if item.requirement is requirement)


def stored(patient: Patient) -> dict[str, Any]:
    db.session.expire_all()
    row = db.session.scalars(
        select(StoredAssessment).where(StoredAssessment.patient_id == patient.id)
    ).one()
    return {item["requirement"]: item for item in row.findings}


def decide(doctor: Actor, row: ImportedResult, decision: Decision, **more: Any) -> None:
    with transaction() as session:
        held.resolve_held(
            session, doctor, session.get(ImportedResult, row.id), decision, LATER, **more
        )


def test_a_result_without_a_unit_holds_at_once_where_its_analyte_has_a_limit(
    doctor: Actor, patient: Patient
) -> None:
    adopt(doctor, "tg-act-fasting")
    row = take(doctor, oru(obx(TG, "2.1", "")))
    found = stored(patient)["lab-limits"]
    assert found["blocks"]
    assert found["evidence"] == [row.public_id]
    assert "(TG) waits for a person since 2 Apr 2026" in found["reason"]


def test_it_does_not_hold_where_the_clinic_limits_another_analyte(
    doctor: Actor, patient: Patient
) -> None:
    adopt(doctor, "alt-act")
    take(doctor, oru(obx(TG, "2.1", "")))
    assert not stored(patient)["lab-limits"]["blocks"]


@pytest.mark.parametrize("decision", list(Decision))
def test_the_decision_of_a_person_lets_go_at_once(
    doctor: Actor, patient: Patient, decision: Decision
) -> None:
    adopt(doctor, "tg-act-fasting")
    row = take(doctor, oru(obx(TG, "1200")))  # unusual: it waits to be confirmed
    assert stored(patient)["lab-limits"]["blocks"]
    decide(doctor, row, decision, patient=db.session.get(Patient, patient.id), reason="Not hers.")
    after = stored(patient)["lab-limits"]
    assert row.public_id not in after["evidence"]


@pytest.mark.parametrize(
    ("content", "waits"),
    [
        (oru(obx(STATUS, "Y^Yes^HL70136", "", kind="CWE")), True),
        (oru(obx(URINE_HCG, "Negative", "", kind="ST", status="P")), True),
        (oru(obx(HCG, "1200", "")), True),
        (oru(obx(ALT, "22", "")), False),
    ],
)
def test_what_may_announce_a_pregnancy_holds_and_locks_but_opens_no_protocol_yet(
    doctor: Actor, patient: Patient, content: bytes, waits: bool
) -> None:
    take(doctor, content)
    found = stored(patient)["not-pregnant"]
    assert found["blocks"] is waits
    assert ("may announce a pregnancy" in found["reason"]) is waits
    assert not needs_protocol(list(stored(patient).values()))
    person = db.session.get(Patient, patient.id)
    assert is_locked(assessments.ask(db.session(), person, LATER)) is waits


def test_a_positive_answer_that_waits_is_urgent(doctor: Actor, patient: Patient) -> None:
    take(doctor, oru(obx(STATUS, "Y^Yes^HL70136", "", kind="CWE")))
    assert stored(patient)["not-pregnant"]["urgent"]


def test_a_plainly_negative_test_that_only_waits_for_its_patient_holds_nothing(
    doctor: Actor, patient: Patient
) -> None:
    take(doctor, oru(obx(URINE_HCG, "Negative", "", kind="ST"), processing="D"))
    assert finding(patient, NOT_PREGNANT).outcome is Outcome.MET


def test_a_result_that_may_be_this_patients_holds_until_somebody_says_whose_it_is(
    doctor: Actor, patient: Patient
) -> None:
    other = a_patient(doctor, mrn="T-2", family_name="Nobody", birth_date=BORN)
    adopt(doctor, "tg-act-fasting")
    row = take(doctor, oru(obx(TG, "120"), numbers="X-9^^^CITYLAB^PI"))
    assert row.patient_id is None
    assert row.suggested_patient_id == patient.id
    assert "not certain that it is this patient's" in stored(patient)["lab-limits"]["reason"]
    with transaction() as session:
        message = session.get(ImportedResult, row.id).message
        held.identify(session, doctor, message, session.get(Patient, other.id), LATER)
    assert not stored(patient)["lab-limits"]["blocks"]


def test_an_old_answer_replays_with_what_waited_then(doctor: Actor, patient: Patient) -> None:
    adopt(doctor, "tg-act-fasting")
    row = take(doctor, oru(obx(TG, "2.1", "")))
    decide(doctor, row, Decision.DISMISS, reason="The laboratory sent it by mistake.")
    assert not finding(patient, LIMITS).blocks
    for known_at, blocks in (
        (NOW - dt.timedelta(seconds=1), False),
        (NOW, True),
        (LATER - dt.timedelta(seconds=1), True),
        (LATER, False),
    ):
        assert finding(patient, LIMITS, known_at).blocks is blocks
