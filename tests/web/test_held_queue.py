"""What waits is decided by one click each, by one reason for several, and by mapping its code."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db
from compliance.models import (
    AuditEvent,
    CodeMapping,
    Evidence,
    ImportedResult,
    Incident,
    Patient,
    PatientIdentifier,
    Role,
)
from compliance.models.intake import Disposition
from compliance.services.actors import Actor
from tests.interop.messages import TG, obx, oru
from tests.journeys.person import TOKEN, Person, text_of
from tests.services.test_corrections import LATER, dispense, urine
from tests.services.test_intake import take
from tests.web.test_labs import at_work, labs_of
from tests.world import NOW, a_clinic, a_patient, a_user

LOCAL = "tt-0001-02^Triglyceride^WinPath"


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW + dt.timedelta(hours=3), tick=False):
        yield


@pytest.fixture
def actor(app: Flask) -> Actor:
    return a_user(a_clinic(), Role.NURSE)


@pytest.fixture
def patient(actor: Actor) -> Patient:
    return a_patient(actor, mrn="T-1", family_name="Okafor", birth_date=dt.date(1998, 4, 2))


@pytest.fixture
def nurse(app: Flask, actor: Actor, patient: Patient) -> Person:
    return at_work(app, actor)


def held_one() -> ImportedResult:
    query = select(ImportedResult).where(ImportedResult.disposition == Disposition.HELD)
    found: ImportedResult = db.session.scalars(query).one()
    return found


def post(person: Person, page: str, address: str, **fields: Any) -> Any:
    shown = person.client.get(page).get_data(as_text=True)
    token = TOKEN.search(shown).group(1)
    return person.client.post(address, data={"csrf_token": token, **fields})


def test_a_code_is_mapped_after_a_look_at_what_would_change(nurse: Person, actor: Actor) -> None:
    take(actor, oru(obx(LOCAL, "1.6", "mmol/L")))
    assert "Map the code" in nurse.read("/labs/held")
    assert "tt-0001-02" in nurse.read("/labs/codes")
    address = f"/labs/codes/{held_one().public_id}"
    looked = nurse.submit(address, target="14927-8", look="yes")
    assert "1 result would be read again: 1 filed, 0 held." in text_of(looked)
    assert labs_of("T-1") == []
    assert nurse.submit(address, target="14927-8", map="yes").location == "/labs/codes"
    assert [row.fact.unit for row in labs_of("T-1")] == ["mmol/L"]
    said = nurse.read("/labs/codes")
    assert "Nia Nurse" in said
    mapping = db.session.scalars(select(CodeMapping)).one()
    post(nurse, "/labs/codes", "/labs/codes/unmap", mapping=mapping.id)
    assert "1 filed result stay" in nurse.read("/labs/codes")
    assert db.session.scalars(select(CodeMapping)).all() == []


def test_mapping_without_a_choice_names_the_field(nurse: Person, actor: Actor) -> None:
    take(actor, oru(obx(LOCAL, "1.6", "mmol/L")))
    answer = nurse.submit(f"/labs/codes/{held_one().public_id}", target="", look="yes")
    assert answer.status_code == 422
    assert "Choose" in text_of(answer)


def test_a_unit_that_the_laboratory_confirmed_is_filed_with_who_said_so(
    nurse: Person, actor: Actor
) -> None:
    take(actor, oru(obx(TG, "5.6")))
    row = held_one()
    page, address = f"/labs/held/{row.public_id}", f"/labs/held/{row.public_id}/unit"
    assert "The laboratory confirmed the unit" in nurse.read(page)
    post(nurse, page, address, confirmed_unit="mmol/L", confirmed_by="")
    assert "Enter who confirmed it." in nurse.read(page)
    post(nurse, page, address, confirmed_unit="stone", confirmed_by="Dr Lab")
    assert labs_of("T-1") == []
    answer = post(nurse, page, address, confirmed_unit="mmol/L", confirmed_by="Dr Lab")
    assert answer.location == "/labs/held"
    (entry,) = labs_of("T-1")
    assert (entry.fact.value, entry.fact.unit) == ("5.6", "mmol/L")
    assert "Dr Lab of the laboratory confirmed" in db.session.get(ImportedResult, row.id).resolution


def test_several_results_are_dismissed_with_one_reason(nurse: Person, actor: Actor) -> None:
    take(actor, oru(obx(TG, "5.6"), obx(TG, "5.7", at="20260331083000-0400")))
    names = db.session.scalars(select(ImportedResult.public_id)).all()
    post(nurse, "/labs/held", "/labs/held/dismiss", chosen=names)
    assert "Enter the reason." in nurse.read("/labs/held")
    post(nurse, "/labs/held", "/labs/held/dismiss", many_reason="Another clinic's.")
    assert "Choose at least one result." in nurse.read("/labs/held")
    post(nurse, "/labs/held", "/labs/held/dismiss", chosen=names, many_reason="Another clinic's.")
    assert "Nothing waits" in nurse.read("/labs/held")
    actions = db.session.scalars(select(AuditEvent.action)).all()
    assert actions.count("result.resolved") == 2


def test_the_count_is_the_list_on_every_page_of_the_queue(nurse: Person, actor: Actor) -> None:
    days = [dt.date(2025, 6, 1) + dt.timedelta(days=at) for at in range(53)]
    take(actor, oru(*(obx(TG, "5.6", at=f"{day:%Y%m%d}083000-0400") for day in days)))
    shown = [nurse.read(f"/labs/held?page={page}") for page in (1, 2, 3)]
    assert "53 results" in shown[0]
    assert sum(page.count("probably mmol/L") for page in shown) == 53
    assert "Page 3 of 3" in nurse.read("/labs/held?page=99")
    assert len(nurse.client.get("/labs/held").data) < 60_000


def test_what_the_laboratory_takes_back_is_withdrawn_by_a_click_and_checked(
    app: Flask, nurse: Person, actor: Actor, patient: Patient
) -> None:
    doctor = a_user(actor.clinic_id or 0, Role.PRESCRIBER, "Dr P")
    take(actor, urine("Negative"))
    dispense(doctor, patient)
    take(actor, urine("Negative", "W", "2"))
    name = held_one().public_id
    assert "Withdraw the filed result" in nurse.read("/labs/held")
    assert "Withdraw the filed result" in nurse.read(f"/labs/held/{name}")
    post(nurse, "/labs/held", f"/labs/held/{name}/withdraw-filed")
    row = db.session.scalars(select(Evidence).where(Evidence.kind == "pregnancy_test")).one()
    assert row.withdrawn_by == "Nia Nurse"
    assert "withdrawn afterwards" in nurse.read("/incidents")


def test_an_incident_and_a_corrected_result_stay_until_somebody_has_seen_to_them(
    app: Flask, nurse: Person, actor: Actor, patient: Patient
) -> None:
    doctor = a_user(actor.clinic_id or 0, Role.PRESCRIBER, "Dr P")
    take(actor, urine("Negative"))
    dispense(doctor, patient)
    take(actor, urine("Positive", "C", "2"), now=LATER)
    said = nurse.read(f"/patients/{patient.public_id}")
    assert "1 open incident" in said
    assert "1 corrected result: read it" in said
    said = nurse.read("/incidents")
    assert "would have been blocked" in said
    assert "A prescriber or manager closes it." in said
    person = at_work(app, doctor)
    incident = db.session.scalars(select(Incident)).one().public_id
    where = f"/incidents/{incident}/close"
    assert person.submit(where, reason="").status_code == 422
    assert person.submit(where, reason="Called; the pack came back.").location == "/incidents"
    corrected = db.session.scalars(
        select(Evidence).where(Evidence.supersedes_id.is_not(None))
    ).one()
    post(person, "/incidents", f"/incidents/corrections/{corrected.public_id}/read")
    said = person.read("/incidents")
    assert "No open incident" in said
    assert "Nothing to read" in said
    assert "Called; the pack came back." in said


def test_an_open_incident_and_an_unread_correction_stand_on_the_board(
    app: Flask, nurse: Person, actor: Actor, patient: Patient
) -> None:
    doctor = a_user(actor.clinic_id or 0, Role.PRESCRIBER, "Dr P")
    take(actor, urine("Negative"))
    dispense(doctor, patient)
    take(actor, urine("Positive", "C", "2"), now=LATER)
    person = at_work(app, doctor)
    assert "rested on a result" in person.read("/board/incidents")
    assert "was corrected by the laboratory" in person.read("/board/corrections")


def test_a_number_is_added_and_what_waited_under_it_is_filed_and_told(
    nurse: Person, actor: Actor, patient: Patient
) -> None:
    take(actor, oru(obx(TG, "120"), numbers="X-7^^^HOSP^PI"))
    where = f"/patients/{patient.public_id}/identifiers"
    assert post(nurse, where, f"{where}/add", authority="", value="X-7").status_code == 422
    post(nurse, where, f"{where}/add", authority="HOSP", value="X-7")
    assert "1 result waited for this patient: 1 filed, 0 held." in nurse.read(where)
    number = db.session.scalars(select(PatientIdentifier)).one()
    again = post(nurse, where, f"{where}/add", authority="HOSP", value="X-7")
    assert "belongs to a patient here" in text_of(again)
    post(nurse, where, f"{where}/withdraw", number=number.id)
    assert db.session.scalars(select(PatientIdentifier)).all() == []
    actions = db.session.scalars(select(AuditEvent.action)).all()
    assert {"patient.identifier-added", "patient.identifier-withdrawn"} <= set(actions)


def test_a_changed_record_number_finds_what_comes_under_either(
    nurse: Person, actor: Actor, patient: Patient
) -> None:
    where = f"/patients/{patient.public_id}/identifiers"
    take(actor, oru(obx(TG, "120"), numbers="T-88^^^RIVERSIDE^MR"))
    post(nurse, where, f"{where}/renumber", mrn="T-88")
    assert "1 result waited" in nurse.read(where)
    take(actor, oru(obx(TG, "130", at="20260331083000-0400"), control="5"))
    assert len(labs_of("T-88")) == 2


def test_two_numbers_of_one_person_are_joined_only_while_one_record_is_empty(
    nurse: Person, actor: Actor, patient: Patient
) -> None:
    where = f"/patients/{patient.public_id}/identifiers"
    other = a_patient(actor, mrn="T-2")
    refused = post(nurse, where, f"{where}/join", old_mrn="T-2")
    assert refused.status_code == 422
    assert "two histories are never mixed" in text_of(refused)
    for row in db.session.scalars(select(Evidence).where(Evidence.patient_id == other.id)).all():
        address = f"/patients/{other.public_id}/evidence/{row.public_id}/withdraw"
        nurse.submit(address, reason="Entered twice.")
    post(nurse, where, f"{where}/join", old_mrn="T-2")
    assert "Both numbers are this patient's" in nurse.read(where)
    take(actor, oru(obx(TG, "120"), numbers="T-2^^^RIVERSIDE^MR"))
    assert len(labs_of("T-1")) == 1


def test_what_waited_is_told_after_enrolment(app: Flask, nurse: Person, actor: Actor) -> None:
    take(actor, oru(obx(TG, "120"), numbers="T-9^^^RIVERSIDE^MR", name="Berg^Ida"))
    answer = nurse.submit(
        "/patients/new",
        mrn="T-9",
        given_name="Ida",
        family_name="Berg",
        birth_date="1998-04-02",
        can_become_pregnant="no",
        reason="assigned-male",
        cycle="unknown",
        language="en",
        discretion="neutral",
    )
    assert answer.status_code == 302, text_of(answer)
    said = nurse.read(answer.location)
    assert "1 result waited for this patient: 1 filed, 0 held." in said


def test_patients_are_looked_for_again_when_somebody_asks(
    app: Flask, nurse: Person, actor: Actor
) -> None:
    take(actor, oru(obx(TG, "120"), numbers="T-9^^^RIVERSIDE^MR", name="Berg^Ida"), "a.hl7")
    take(actor, oru(obx(TG, "130"), numbers="X-1^^^HOSP^PI", name="Berg^Ida"), "b.hl7")
    take(actor, oru(obx(TG, "140"), numbers="X-2^^^HOSP^PI", name="Nobody^N"), "c.hl7")
    a_patient(actor, mrn="T-9", family_name="Berg", given_name="Ida")
    post(nurse, "/labs/held", "/labs/held/match-again")
    said = nurse.read("/labs/held")
    assert "1 result found their patient: 1 filed, 0 held. 1 more suggested by name." in said
    assert len(labs_of("T-9")) == 1
    assert "2 results that the system does not decide" in said


def test_another_clinics_pages_are_not_found(app: Flask, nurse: Person, actor: Actor) -> None:
    take(actor, oru(obx(TG, "5.6")))
    name = held_one().public_id
    stranger = at_work(app, a_user(a_clinic("hillside"), Role.NURSE))
    for address in (f"/labs/codes/{name}", f"/labs/held/{name}"):
        assert stranger.client.get(address).status_code == 404
    post(stranger, "/labs/codes", f"/labs/held/{name}/withdraw-filed")
    assert held_one().disposition is Disposition.HELD
