"""Corrections supersede, are read by a prescriber, and open an incident when they come too late."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from compliance.db import db, transaction
from compliance.interop.formats import read_file
from compliance.models import Evidence, ImportedResult, Incident, Patient, Role
from compliance.models.intake import Disposition
from compliance.rules.facts import read_fact
from compliance.services import corrections, held, incidents, recording
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotFound, NotPermitted
from compliance.services.patients import get_patient
from compliance.services.rematching import find_again
from tests.interop.messages import TG, obx, oru
from tests.services.test_intake import BORN, Place, filed, result, said, take
from tests.world import NOW, a_clinic, a_patient, a_user

LATER = NOW + dt.timedelta(hours=2)
URINE = "2106-3^Choriogonadotropin [Presence] in Urine^LN"


@pytest.fixture
def place(app: Any) -> Place:
    nurse = a_user(a_clinic(), Role.NURSE)
    return Place(nurse, a_patient(nurse, mrn="T-1", family_name="Okafor", birth_date=BORN))


@pytest.fixture
def prescriber(place: Place) -> Actor:
    return a_user(place.nurse.clinic_id or 0, Role.PRESCRIBER, "Dr P")


def urine(answer: str, status: str = "F", control: str = "1") -> bytes:
    return oru(obx(URINE, answer, "", kind="ST", status=status), control=control)


def dispense(prescriber: Actor, patient: Patient) -> None:
    """A prescription and a hand-over now, with a reason for whatever else is missing."""
    with transaction() as session:
        mine = get_patient(session, prescriber, patient.public_id)
        why = "tests: other requirements are not what this is about"
        recording.prescribe(
            session,
            prescriber,
            mine,
            NOW + dt.timedelta(minutes=1),
            days_supply=30,
            refills=0,
            daily_dose_mg=None,
            override_reason=why,
        )


def opened() -> Sequence[Incident]:
    return db.session.scalars(select(Incident).order_by(Incident.id)).all()


def test_a_correction_that_would_have_blocked_a_prescription_is_an_incident(
    place: Place, prescriber: Actor
) -> None:
    take(place.nurse, urine("Negative"))
    dispense(prescriber, place.patient)
    take(place.nurse, urine("Positive", "C", "2"), now=LATER)
    (incident,) = opened()
    assert "would have been blocked" in incident.detail
    assert (incident.patient_id, incident.opened_at) == (place.patient.id, LATER)
    assert incident.closed_at is None


@pytest.mark.parametrize("value", ["121", "119"])
def test_a_correction_that_changes_nothing_is_no_incident(
    place: Place, prescriber: Actor, value: str
) -> None:
    take(place.nurse, oru(obx(TG, "120"), control="1"))
    dispense(prescriber, place.patient)
    take(place.nurse, oru(obx(TG, value, status="C"), control="2"), now=LATER)
    assert opened() == []


def test_a_correction_before_the_prescription_is_no_incident(
    place: Place, prescriber: Actor
) -> None:
    take(place.nurse, oru(obx(TG, "950"), control="1"), now=NOW - dt.timedelta(hours=2))
    take(
        place.nurse,
        oru(obx(TG, "120", status="C"), control="2"),
        now=NOW - dt.timedelta(hours=1),
    )
    dispense(prescriber, place.patient)
    assert opened() == []


def test_the_same_correction_twice_is_one_incident_and_a_second_one_another(
    place: Place, prescriber: Actor
) -> None:
    take(place.nurse, urine("Negative"))
    dispense(prescriber, place.patient)
    take(place.nurse, urine("Positive", "C", "2"), now=LATER)
    again = take(place.nurse, urine("POSITIVE", "C", "3"), now=LATER)
    assert said(again) == ["ignored"]
    assert len(opened()) == 1
    take(place.nurse, urine("Indeterminate", "C", "4"), now=LATER)
    assert len(opened()) == 2


def test_an_incident_is_closed_once_with_a_reason_by_its_own_clinic(
    place: Place, prescriber: Actor
) -> None:
    take(place.nurse, urine("Negative"))
    dispense(prescriber, place.patient)
    take(place.nurse, urine("Positive", "C", "2"), now=LATER)
    name = opened()[0].public_id
    stranger = a_user(a_clinic("hillside"), Role.PRESCRIBER)
    for actor, reason, error in (
        (stranger, "Called.", NotFound),
        (prescriber, " ", Invalid),
        (prescriber, "Called the patient.", None),
        (prescriber, "Again.", Conflict),
    ):
        if error is None:
            with transaction() as session:
                incidents.close(session, actor, name, reason, LATER)
        else:
            with pytest.raises(error), transaction() as session:
                incidents.close(session, actor, name, reason, LATER)
    assert incidents.incidents_of(db.session(), prescriber) == []
    assert len(incidents.incidents_of(db.session(), prescriber, closed=True)) == 1


def test_a_corrected_result_waits_until_a_prescriber_has_read_it(
    place: Place, prescriber: Actor
) -> None:
    take(place.nurse, oru(obx(TG, "120"), control="1"))
    assert corrections.unread(db.session(), prescriber) == []
    take(place.nurse, oru(obx(TG, "130", status="C"), control="2"))
    ((row, patient),) = corrections.unread(db.session(), prescriber)
    assert patient.id == place.patient.id
    name = row.public_id
    with pytest.raises(NotPermitted), transaction() as session:
        corrections.mark_read(session, place.nurse, name, LATER)
    with transaction() as session:
        corrections.mark_read(session, prescriber, name, LATER)
    assert corrections.unread(db.session(), prescriber) == []


def test_the_original_that_comes_after_its_correction_is_held(place: Place) -> None:
    assert said(take(place.nurse, oru(obx(TG, "130", status="C"), control="2"))) == ["filed"]
    late = take(place.nurse, oru(obx(TG, "120"), control="1"))
    assert said(late) == ["held"]
    assert "corrected this result already" in late.results[0].reason


def test_a_correction_of_what_a_person_corrected_by_hand_is_held(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "120"), control="1"))
    row = db.session.scalars(select(Evidence).where(Evidence.kind == "lab")).one()
    fact = read_fact(
        "lab", {"collected": "2026-04-01", "analyte": "TG", "value": "125", "unit": "mg/dL"}
    )
    with transaction() as session:
        patient = get_patient(session, place.nurse, place.patient.public_id)
        before = session.get(Evidence, row.id)
        recording.record_evidence(session, place.nurse, patient, fact, NOW, supersedes=before)
    for control, status in (("2", "C"), ("3", "F")):
        again = take(place.nurse, oru(obx(TG, "130", status=status), control=control))
        assert said(again) == ["held"]
        assert "a person has withdrawn or corrected it" in again.results[0].reason
    assert [item.value for item in filed(place.patient)] == ["125"]


@pytest.mark.parametrize(("status", "value"), [("X", ""), ("W", "120"), ("D", "120")])
def test_a_result_that_the_laboratory_takes_back_is_withdrawn_by_a_click(
    place: Place, prescriber: Actor, status: str, value: str
) -> None:
    take(place.nurse, oru(obx(TG, "120"), control="1"))
    dispense(prescriber, place.patient)
    back = take(place.nurse, oru(obx(TG, value, status=status), control="2"), now=LATER)
    assert said(back) == ["held"]
    assert "takes back a result that is filed here" in back.results[0].reason
    waiting = result()
    assert waiting.urgent
    assert corrections.withdrawable(db.session(), waiting) is not None
    with transaction() as session:
        corrections.withdraw_filed(
            session, place.nurse, session.get(ImportedResult, waiting.id), LATER
        )
    assert filed(place.patient) == []
    assert db.session.scalar(select(func.count(ImportedResult.id)).where(
        ImportedResult.disposition == Disposition.HELD)) == 0  # fmt: skip


def test_a_cancelled_result_that_was_never_filed_is_ignored(place: Place) -> None:
    assert said(take(place.nurse, oru(obx(TG, "", status="X")))) == ["ignored"]


def test_a_negative_test_taken_back_after_the_prescription_is_an_incident(
    place: Place, prescriber: Actor
) -> None:
    take(place.nurse, urine("Negative"))
    dispense(prescriber, place.patient)
    take(place.nurse, urine("Negative", "W", "2"), now=LATER)
    with transaction() as session:
        waiting = session.get(ImportedResult, result().id)
        corrections.withdraw_filed(session, place.nurse, waiting, LATER)
    (incident,) = opened()
    assert "withdrawn afterwards" in incident.detail


def test_several_results_are_dismissed_with_one_reason_or_none_at_all(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "5.6"), obx(TG, "5.7", at="20260331083000-0400")))
    query = select(ImportedResult).where(ImportedResult.disposition == Disposition.HELD)
    with pytest.raises(Invalid), transaction() as session:
        corrections.dismiss_many(session, place.nurse, session.scalars(query).all(), " ", NOW)
    assert held.count_held(db.session(), place.nurse) == 2
    with transaction() as session:
        rows = session.scalars(query).all()
        corrections.dismiss_many(session, place.nurse, rows, "Another department's.", NOW)
    assert held.count_held(db.session(), place.nurse) == 0


def test_what_waited_for_an_unknown_number_is_found_at_enrolment(app: Any) -> None:
    nurse = a_user(a_clinic(), Role.NURSE)
    take(
        nurse,
        oru(obx(TG, "120"), obx(TG, "5.6", at="20260330083000-0400"), numbers="T-7^^^RIVERSIDE^MR"),
    )
    patient = a_patient(nurse, mrn="T-7", family_name="Okafor", birth_date=BORN)
    with transaction() as session:
        mine = get_patient(session, nurse, patient.public_id)
        found = find_again(session, nurse, mine, read_file, LATER)
    assert (found.filed, found.held, found.suggested) == (1, 1, 0)
    assert found.sentence == "2 results waited for this patient: 1 filed, 1 held."
    assert len(filed(patient)) == 1
    with transaction() as session:
        again = find_again(
            session, nurse, get_patient(session, nurse, patient.public_id), read_file, LATER
        )
    assert again.sentence == ""


def test_a_name_and_a_birth_date_only_suggest(app: Any) -> None:
    nurse = a_user(a_clinic(), Role.NURSE)
    take(nurse, oru(obx(TG, "120"), numbers="X-1^^^HOSP^PI"))
    patient = a_patient(nurse, mrn="T-7", family_name="Okafor", birth_date=BORN)
    with transaction() as session:
        mine = get_patient(session, nurse, patient.public_id)
        found = find_again(session, nurse, mine, read_file, LATER)
    assert (found.filed, found.held, found.suggested) == (0, 0, 1)
    waiting = result()
    assert (waiting.patient_id, waiting.suggested_patient_id) == (None, patient.id)
    assert filed(patient) == []


def test_nothing_of_another_person_with_the_same_digits_is_taken(app: Any) -> None:
    nurse = a_user(a_clinic(), Role.NURSE)
    take(nurse, oru(obx(TG, "120"), numbers="T-7^^^HOSP^PI", name="Berg^Ida", born="19700101"))
    patient = a_patient(nurse, mrn="T-7", family_name="Okafor", birth_date=BORN)
    with transaction() as session:
        mine = get_patient(session, nurse, patient.public_id)
        assert find_again(session, nurse, mine, read_file, LATER).filed == 0
    assert result().patient_id is None
