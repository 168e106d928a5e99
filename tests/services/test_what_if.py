"""What was known then: an old decision gives the same answer after everything that came later."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import func, select

from compliance.db import db, transaction
from compliance.models import AccessLogEntry, Clinic, Dispense, Evidence, Patient, PrescriptionOrder
from compliance.models.users import Role
from compliance.rules.assess import assess
from compliance.rules.facts import read_fact
from compliance.rules.findings import Assessment, Question
from compliance.rules.terms import Act, Requirement, Verdict
from compliance.services import adoptions, recording
from compliance.services.actors import Actor
from compliance.services.errors import Invalid, NotFound
from compliance.services.what_if import find_patient, replay, situation_of
from tests.world import NOW, a_clinic, a_patient, a_user

BOTH = ["combined-pill", "male-condom"]
AUTUMN = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC)  # a Friday, 10:00 in New York
BEGAN, TODAY = "2026-10-15", "2026-11-20"


@pytest.fixture
def prescriber(app: Flask) -> Actor:
    return a_user(a_clinic(), Role.PRESCRIBER, "Dr Pia Prescriber")


def told(actor: Actor, patient: Patient, at: dt.datetime, kind: str, **data) -> Evidence:
    """One fact recorded at a moment."""
    data = {key.rstrip("_"): value for key, value in data.items()}
    with transaction() as session:
        patient = session.get(Patient, patient.id)
        supersedes = data.pop("supersedes", None)
        if supersedes is not None:
            supersedes = session.get(Evidence, supersedes)
        return recording.record_evidence(
            session, actor, patient, read_fact(kind, data), at, supersedes=supersedes
        )


def ready(prescriber: Actor, setting: str = "medical") -> tuple[Patient, Evidence]:
    """A patient whose second test was collected today, and that test."""
    patient = a_patient(prescriber, AUTUMN, enrolled_on=dt.date(2026, 10, 15))
    test = {"result": "negative", "setting": "medical"}
    told(prescriber, patient, AUTUMN, "pregnancy_test", collected=BEGAN, **test)
    signed = ["patient", "prescriber"]
    told(prescriber, patient, AUTUMN, "acknowledgement", on=BEGAN, form="enrolment",
         signed_by=signed)  # fmt: skip
    for method in BOTH:
        told(prescriber, patient, AUTUMN, "contraception", method=method, from_=BEGAN)
    told(prescriber, patient, AUTUMN, "menses", started="2026-11-18")
    test["setting"] = setting
    second = told(prescriber, patient, AUTUMN, "pregnancy_test", collected=TODAY, **test)
    told(prescriber, patient, AUTUMN, "counselling", on=TODAY)
    for side in ("prescriber", "patient"):
        told(prescriber, patient, AUTUMN, "method_report", on=TODAY, by=side, methods=BOTH)
    told(prescriber, patient, AUTUMN, "comprehension", on=TODAY, passed=True)
    return patient, second


def later(**delta: float) -> dt.datetime:
    return AUTUMN + dt.timedelta(**delta)


def decide(prescriber: Actor, patient: Patient) -> tuple[int, int]:
    """Prescribe half an hour later and hand over an hour after that; the ids of both."""
    with transaction() as session:
        patient = session.get(Patient, patient.id)
        order = recording.prescribe(
            session, prescriber, patient, later(minutes=30), days_supply=30, refills=0,
            daily_dose_mg=None,
        )  # fmt: skip
        handed = recording.dispense(
            session, prescriber, patient, dt.date(2026, 11, 20), later(minutes=90), days_supply=30
        )
        return order.id, handed.id


def again(decided: PrescriptionOrder | Dispense) -> Assessment:
    return replay(db.session(), db.session.get(Patient, decided.patient_id), decided)


def test_an_old_decision_gives_the_same_answer_after_corrections_withdrawals_and_adoptions(
    prescriber: Actor,
) -> None:
    patient, test = ready(prescriber)
    order_id, handed_id = decide(prescriber, patient)
    wrong = told(prescriber, patient, later(days=2), "pregnancy_test", collected=TODAY,
                 result="positive", setting="medical", supersedes=test.id)  # fmt: skip
    with transaction() as session:
        row = session.scalar(select(Evidence).where(Evidence.kind == "counselling"))
        recording.withdraw_evidence(
            session, prescriber, session.get(Patient, patient.id), row, "made in error",
            later(days=3),
        )  # fmt: skip
        clinic = session.get(Clinic, prescriber.clinic_id)
        source = "The notice of 16 June 2026"
        adoptions.adopt(
            session, prescriber, clinic, "2026", dt.date(2026, 11, 15), source, later(days=4)
        )
    assert wrong.id != test.id
    for decided in (
        db.session.get(PrescriptionOrder, order_id),
        db.session.get(Dispense, handed_id),
    ):
        found = again(decided)
        assert (found.verdict, list(found.blocked_by)) == (Verdict.YES, [])
        assert (found.verdict, found.edition) == (decided.verdict, "2023-discretion")
    now = situation_of(db.session(), db.session.get(Patient, patient.id))
    asked = Question(at=later(minutes=30), act=Act.DISPENSE)
    today = assess(now.record, now.programme, now.terms, asked)
    assert today.edition == "2026", "asked again today, the adoption and the correction count"
    assert Requirement.NOT_PREGNANT in today.blocked_by


def test_a_decision_against_the_verdict_replays_with_what_stood_against_it(
    prescriber: Actor,
) -> None:
    patient, _ = ready(prescriber, setting="home")
    with transaction() as session:
        order = recording.prescribe(
            session, prescriber, session.get(Patient, patient.id), later(minutes=30),
            days_supply=60, refills=1, daily_dose_mg=None,
            override_reason="the registry confirmed by telephone",
        )  # fmt: skip
        order_id = order.id
    told(prescriber, patient, later(hours=2), "pregnancy_test", collected=TODAY, result="negative",
         setting="medical")  # fmt: skip
    order = db.session.get(PrescriptionOrder, order_id)
    found = again(order)
    assert found.verdict is Verdict.NO
    assert [item.value for item in found.blocked_by] == order.blocked_by
    assert Requirement.DAYS_SUPPLY in found.blocked_by, "60 days and a refill were asked for"


def test_a_decision_does_not_see_itself_nor_what_was_recorded_at_the_same_moment_after_it(
    prescriber: Actor,
) -> None:
    patient, _ = ready(prescriber)
    order_id, _ = decide(prescriber, patient)
    told(prescriber, patient, later(minutes=30), "pregnancy", on=TODAY)
    order = db.session.get(PrescriptionOrder, order_id)
    known = situation_of(
        db.session(), db.session.get(Patient, patient.id), order.decided_at, before=order.evidence
    )
    kinds = {fact.kind for fact in known.record.facts}
    assert "comprehension" in kinds
    assert not kinds & {"prescription", "pregnancy"}
    assert again(order).verdict is Verdict.YES


def test_a_patient_is_found_by_public_id_or_by_number_at_a_clinic(prescriber: Actor) -> None:
    patient = a_patient(prescriber, mrn="T-1")
    found = find_patient(db.session(), patient.public_id)
    assert found.id == patient.id
    assert find_patient(db.session(), "", " T-1 ", "riverside").id == patient.id
    with pytest.raises(NotFound, match="no such patient"):
        find_patient(db.session(), "nobody")
    with pytest.raises(NotFound, match="no such patient"):
        find_patient(db.session(), "", "T-2", "riverside")
    with pytest.raises(NotFound, match="No clinic has the code 'hill'"):
        find_patient(db.session(), "", "T-1", "hill")
    with pytest.raises(Invalid, match="needs the clinic's code"):
        find_patient(db.session(), "", "T-1")


def test_asking_reads_only(prescriber: Actor) -> None:
    patient, _ = ready(prescriber)
    before = db.session.scalar(select(func.count(Evidence.id)))
    situation_of(db.session(), db.session.get(Patient, patient.id), NOW)
    assert db.session.scalar(select(func.count(Evidence.id))) == before
    assert db.session.scalar(select(func.count(AccessLogEntry.id))) == 0
    assert not db.session.new
    assert not db.session.dirty
