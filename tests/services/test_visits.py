"""A visit is kept version by version, previewed as it will be, and recorded whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from flask import Flask

from compliance.db import db, transaction
from compliance.models import AuditEvent, Evidence, Patient, Role, StoredAssessment, VisitDraft
from compliance.rules.facts import (
    Comprehension,
    Counselling,
    Fact,
    LabDecision,
    MethodReport,
    PregnancyTest,
    Visit,
    read_fact,
)
from compliance.rules.terms import Analyte, Method, Side, TestResult, TestSetting, Topic, VisitMode
from compliance.services import visits
from compliance.services.actors import Actor
from compliance.services.errors import Invalid, NotFound, NotPermitted
from compliance.services.recording import record_evidence
from compliance.services.visit_opening import opening_of
from compliance.services.visit_preview import NewPrescription, VisitContent, preview
from compliance.services.visits import Changed, finish, open_draft, save
from tests.world import NOW, a_clinic, a_patient, a_user

TODAY = NOW.date()
BEGAN = dt.date(2026, 3, 2)
BOTH = (Method.COMBINED_PILL, Method.MALE_CONDOM)
TYPED = {"weight_kg": ["61"]}


@pytest.fixture
def doctor(app: Flask) -> Actor:
    return a_user(a_clinic(), Role.PRESCRIBER, "Dr Pia Ramos")


@pytest.fixture
def patient_id(doctor: Actor) -> int:
    """Enrolled a month ago, on both methods since."""
    patient = a_patient(doctor, enrolled_on=BEGAN)
    signed = ["patient", "prescriber"]
    tell(doctor, patient.id, "acknowledgement", on=BEGAN, form="enrolment", signed_by=signed)
    first = {"collected": BEGAN, "result": "negative", "setting": "medical"}
    tell(doctor, patient.id, "pregnancy_test", **first)
    for method in BOTH:
        tell(doctor, patient.id, "contraception", method=method.value, from_=BEGAN)
    tell(doctor, patient.id, "menses", started=dt.date(2026, 4, 1))
    return patient.id


def tell(actor: Actor, patient_id: int, kind: str, now: dt.datetime = NOW, **data) -> None:
    data = {key.rstrip("_"): value for key, value in data.items()}
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        record_evidence(session, actor, patient, read_fact(kind, data), now)


def a_test(result: TestResult = TestResult.NEGATIVE) -> PregnancyTest:
    return PregnancyTest(collected=TODAY, result=result, setting=TestSetting.MEDICAL)


def routine(*more: Fact, prescribe: bool = True, reason: str = "") -> VisitContent:
    facts = (
        a_test(),
        Counselling(on=TODAY),
        *(MethodReport(on=TODAY, by=side, methods=BOTH) for side in Side),
        Comprehension(on=TODAY, passed=True),
        Visit(on=TODAY, topics=(Topic.MENTAL_HEALTH,)),
        *more,
    )
    wanted = NewPrescription(30, 0, Decimal(40), reason) if prescribe else None
    return VisitContent(facts, wanted)


def keep(
    actor: Actor, patient_id: int, version: int = 0, now: dt.datetime = NOW, **answers: list[str]
) -> int:
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        return save(session, actor, patient, answers or TYPED, version, now).version


def looked(patient_id: int, content: VisitContent) -> str:
    return preview(db.session, db.session.get(Patient, patient_id), content, NOW).key


def record(actor: Actor, patient_id: int, content: VisitContent, version: int = 1) -> VisitDraft:
    shown = looked(patient_id, content)
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        return finish(session, actor, patient, version, content, shown, NOW)


def count() -> int:
    db.session.rollback()
    return db.session.query(Evidence).count()


@pytest.mark.parametrize("result", list(TestResult))
@pytest.mark.parametrize("prescribe", [True, False])
def test_what_the_preview_says_is_what_it_becomes(doctor, patient_id, result, prescribe) -> None:
    content = routine(prescribe=prescribe, reason="Should it come to that.")
    content = replace(content, facts=(a_test(result), *content.facts[1:]))
    expected = preview(db.session, db.session.get(Patient, patient_id), content, NOW).after
    db.session.rollback()
    keep(doctor, patient_id)
    record(doctor, patient_id, content)
    stored = db.session.query(StoredAssessment).one()
    assert (stored.act, stored.verdict) == (expected.question.act, expected.verdict)
    assert [row["reason"] for row in stored.findings] == [row.reason for row in expected.findings]


def test_a_preview_stores_nothing(doctor, patient_id) -> None:
    before = count()
    looked(patient_id, routine())
    assert not db.session.new
    assert count() == before


def test_a_recorded_visit_keeps_no_second_copy_of_what_was_typed(doctor, patient_id) -> None:
    keep(doctor, patient_id)
    record(doctor, patient_id, routine())
    draft = db.session.query(VisitDraft).one()
    assert draft.answers == {}
    assert len(draft.outcome["recorded"]) == 7
    assert open_draft(db.session, db.session.get(Patient, patient_id)) is None
    said = [event.detail for event in db.session.query(AuditEvent) if event.entity == "visit"]
    assert said[-1]["recorded"] == draft.outcome["recorded"]


def test_a_visit_of_which_one_part_fails_records_no_part(doctor, patient_id) -> None:
    keep(doctor, patient_id)
    before = count()
    blocked = VisitContent((Visit(on=TODAY),), NewPrescription(30))
    with pytest.raises(Invalid, match="say why"):
        record(doctor, patient_id, blocked)
    future = VisitContent((Visit(on=TODAY), Visit(on=TODAY + dt.timedelta(days=1))))
    with pytest.raises(Invalid, match="lies after today"):
        record(doctor, patient_id, future)
    assert count() == before
    assert db.session.query(VisitDraft).one().finished_at is None


def test_a_nurse_neither_prescribes_nor_confirms_nor_decides(doctor, patient_id) -> None:
    nurse = a_user(doctor.clinic_id)
    keep(nurse, patient_id)
    decided = LabDecision(on=TODAY, analyte=Analyte.TG, decision="go on unchanged", by=nurse.name)
    for content in (
        VisitContent((Counselling(on=TODAY),)),
        VisitContent((decided,)),
        VisitContent((), NewPrescription(30, override_reason="A reason that is long enough.")),
    ):
        before = count()
        with pytest.raises(NotPermitted):
            record(nurse, patient_id, content)
        assert count() == before
    record(nurse, patient_id, VisitContent((a_test(),), prepared={"days_supply": "30"}))
    assert db.session.query(VisitDraft).one().outcome["prepared"] == {"days_supply": "30"}


def test_a_positive_test_in_the_visit_locks_its_prescription(doctor, patient_id) -> None:
    keep(doctor, patient_id)
    content = VisitContent(
        (a_test(TestResult.POSITIVE),), NewPrescription(30, override_reason="However long it is.")
    )
    draft = record(doctor, patient_id, content)
    assert draft.outcome["locked"] is True
    assert [row.kind for row in db.session.query(Evidence) if row.kind == "prescription"] == []


def test_what_stands_already_is_not_recorded_twice(doctor, patient_id) -> None:
    keep(doctor, patient_id)
    record(doctor, patient_id, routine(prescribe=False))
    before = count()
    keep(doctor, patient_id, weight_kg=["62"])
    again = routine(prescribe=False)
    half = Visit(on=TODAY)  # asked less than the visit that is on record
    record(doctor, patient_id, VisitContent((*again.facts, half, a_test(TestResult.INDETERMINATE))))
    assert count() == before + 1
    remote = VisitContent((Visit(on=TODAY, mode=VisitMode.REMOTE),))
    keep(doctor, patient_id, weight_kg=["63"])
    record(doctor, patient_id, remote)
    assert count() == before + 2


def test_another_window_is_noticed_at_every_saving_and_at_the_end(doctor, patient_id) -> None:
    assert keep(doctor, patient_id) == 1
    assert keep(doctor, patient_id, 0) == 1  # the same text: no conflict, no new version
    with pytest.raises(Changed, match="Dr Pia Ramos saved this visit"):
        keep(doctor, patient_id, 0, weight_kg=["62"])
    assert keep(doctor, patient_id, 1, weight_kg=["62"]) == 2
    with pytest.raises(Changed):
        record(doctor, patient_id, routine(), version=1)
    record(doctor, patient_id, routine(), version=2)
    with pytest.raises(Changed, match="recorded or thrown away"):
        keep(doctor, patient_id, 2, weight_kg=["63"])


def test_a_visit_holds_20_000_characters_and_not_one_more(doctor, patient_id) -> None:
    spare = visits.MOST_TYPED - len(json.dumps({"note": [""]}))
    assert keep(doctor, patient_id, note=["x" * spare]) == 1
    with pytest.raises(Invalid, match="at most 20,000"):
        keep(doctor, patient_id, 1, note=["x" * (spare + 1)])


def test_a_visit_belongs_to_its_patient_and_a_thrown_away_one_to_nobody(doctor, patient_id) -> None:
    keep(doctor, patient_id)
    done = record(doctor, patient_id, routine()).public_id
    patient = db.session.get(Patient, patient_id)
    assert visits.get_visit(db.session, patient, done).public_id == done
    db.session.rollback()
    other = a_patient(doctor)
    with pytest.raises(NotFound):
        visits.get_visit(db.session, db.session.get(Patient, other.id), done)
    db.session.rollback()
    keep(doctor, other.id)
    with transaction() as session:
        visits.discard(session, doctor, session.get(Patient, other.id), 1, NOW)
    thrown = db.session.query(VisitDraft).filter_by(patient_id=other.id).one()
    with pytest.raises(NotFound):
        visits.get_visit(db.session, db.session.get(Patient, other.id), thrown.public_id)


def test_a_prescription_of_last_month_is_not_the_question_of_this_visit(doctor, patient_id) -> None:
    keep(doctor, patient_id)
    record(doctor, patient_id, routine())
    patient = db.session.get(Patient, patient_id)
    for days, act in ((7, "dispense"), (8, "prescribe")):
        opening = opening_of(db.session, patient, NOW + dt.timedelta(days=days))
        assert opening.answer.question.act == act


def test_results_beyond_the_limit_wait_until_a_prescriber_decides(doctor, patient_id) -> None:
    lab = {"collected": TODAY, "analyte": "TG", "value": "900", "unit": "mg/dL"}
    tell(doctor, patient_id, "lab", **lab)
    waiting = opening_of(db.session, db.session.get(Patient, patient_id), NOW).waiting_labs()
    assert [item.value for item in waiting] == ["900"]
    db.session.rollback()
    keep(doctor, patient_id)
    decided = LabDecision(on=TODAY, analyte=Analyte.TG, decision="stop", by=doctor.name)
    record(doctor, patient_id, VisitContent((decided,)))
    opening = opening_of(db.session, db.session.get(Patient, patient_id), NOW)
    assert opening.waiting_labs() == ()
