"""What a patient states is seen to by staff: a list, one click each, and a lock that holds."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AuditEvent, Clinic, Evidence, Patient, PatientStatement, Role
from compliance.services import board, courses
from compliance.services.actors import Actor
from compliance.services.silences import Scope
from tests.journeys.person import TOKEN, Person, text_of
from tests.journeys.test_patient_page import Telephone, a_photo, send_photo
from tests.world import NOW, a_clinic, a_user, email_of


@pytest.fixture
def doctor(app: Flask) -> Actor:
    return a_user(a_clinic(phone="+1 555 0100"), Role.PRESCRIBER, "Dr Pia Ramos")


@pytest.fixture
def phone(app: Flask, doctor: Actor) -> Any:
    with time_machine.travel(NOW, tick=False):
        phone = Telephone(app, doctor)
        phone.enter()
        yield phone


def a_person(app: Flask, actor: Actor) -> Person:
    person = Person(app, email_of(db.session, actor))
    assert person.sign_in().status_code == 302
    return person


@pytest.fixture
def prescriber(app: Flask, doctor: Actor, phone: Telephone) -> Person:
    return a_person(app, doctor)


@pytest.fixture
def nurse(app: Flask, doctor: Actor, phone: Telephone) -> Person:
    return a_person(app, a_user(doctor.clinic_id, Role.NURSE))


def post(person: Person, address: str, **data: str) -> str:
    token = TOKEN.search(person.client.get("/statements").get_data(as_text=True))
    token = token or TOKEN.search(person.client.get("/").get_data(as_text=True))
    sent = {"csrf_token": token.group(1), **data}
    return text_of(person.client.post(address, data=sent, follow_redirects=True))


def figure(doctor: Actor) -> int:
    clinic = db.session.get(Clinic, doctor.clinic_id)
    scope = Scope(clinic, NOW, None)  # type: ignore[arg-type]
    return board.count(db.session(), board.figure_of("statements"), scope).count


def test_a_possible_pregnancy_is_on_the_worklist_and_stays_until_a_prescriber_closes_it(
    phone: Telephone, prescriber: Person, nurse: Person, doctor: Actor
) -> None:
    assert figure(doctor) == 0
    phone.send("report", kind="possible-pregnancy")
    assert "stated a possible pregnancy" in nurse.read("/")
    assert figure(doctor) == 1
    record = f"/patients/{phone.patient.public_id}"
    for page in (record, f"{record}/requirements"):
        assert "See what was stated" in nurse.read(page)
    (said,) = phone.said()
    address = f"/statements/{said.public_id}/handle"
    assert "Only a prescriber" in post(nurse, address, outcome="Called her, all is well")
    assert phone.stored().grouping == "act-now"
    assert "at least 10 letters" in post(prescriber, address, outcome="fine")
    shown = post(prescriber, address, outcome="Serum test of today is negative")
    assert "It is closed" in shown
    assert "possible pregnancy" not in (phone.stored().headline or "")
    assert figure(doctor) == 0
    actions = db.session.scalars(select(AuditEvent.action)).all()
    assert actions.count("statement.made") == actions.count("statement.handled") == 1


def test_prescribing_is_locked_while_a_possible_pregnancy_is_open(
    phone: Telephone, prescriber: Person
) -> None:
    from compliance.services.assessments import ask
    from compliance.services.recording import is_locked

    def locked(**known: Any) -> bool:
        db.session.expire_all()
        patient = db.session.get(Patient, phone.patient.id)
        return is_locked(ask(db.session(), patient, NOW, **known))

    assert not locked()
    phone.send("report", kind="possible-pregnancy")
    assert locked()
    (said,) = phone.said()
    post(prescriber, f"/statements/{said.public_id}/handle", outcome="Test is negative")
    assert not locked()


def test_a_missed_pill_is_closed_with_one_click_and_only_once(
    phone: Telephone, nurse: Person
) -> None:
    phone.send("report", kind="missed-pill", text="Two days")
    shown = nurse.read("/statements")
    assert "“Two days”" in shown
    (said,) = phone.said()
    address = f"/statements/{said.public_id}/handle"
    assert "It is closed" in post(nurse, address, outcome="Spoke with the patient; advised")
    assert "seen to already" in post(nurse, address, outcome="Left a message")
    assert "Nothing waits" in nurse.read("/statements")


def test_a_photo_becomes_a_home_test_only_as_a_person_reads_it(
    phone: Telephone, nurse: Person
) -> None:
    send_photo(phone, a_photo())
    (said,) = phone.said()
    shown = post(nurse, f"/statements/{said.public_id}/verify", result="positive")
    assert "as you read it" in shown
    (row,) = phone.evidence("pregnancy_test")
    assert (row.detail["result"], row.detail["setting"]) == ("positive", "home")
    assert row.recorded_by == "Nia Nurse"
    assert phone.stored().grouping == "act-now"


def test_a_nurse_cannot_turn_a_positive_home_test_into_a_negative_one(
    phone: Telephone, nurse: Person
) -> None:
    send_photo(phone, a_photo(), result="positive")
    (said,) = phone.said()
    answer = post(nurse, f"/statements/{said.public_id}/verify", result="negative")
    assert "a prescriber decides" in answer
    assert phone.evidence("pregnancy_test") == []


def test_another_clinic_neither_sees_nor_closes_a_statement(app: Flask, phone: Telephone) -> None:
    phone.send("report", kind="missed-pill", text="Ours alone")
    (said,) = phone.said()
    far = a_person(app, a_user(a_clinic("hillside", name="Hillside Skin"), Role.PRESCRIBER))
    assert "Ours alone" not in far.read("/statements")
    post(far, f"/statements/{said.public_id}/handle", outcome="Closed from far away")
    db.session.expire_all()
    assert db.session.get(PatientStatement, said.id).handled_at is None
    assert far.client.get(f"/patients/{phone.patient.public_id}/link").status_code == 404


def test_staff_show_a_link_that_opens_the_page_and_end_it_again(
    app: Flask, phone: Telephone, nurse: Person
) -> None:
    page = f"/patients/{phone.patient.public_id}/link"
    token = TOKEN.search(nurse.client.get(page).get_data(as_text=True)).group(1)
    shown = nurse.client.post(f"{page}/show", data={"csrf_token": token}).get_data(as_text=True)
    phone.token = re.search(r"/p/([\w-]{43})", shown).group(1)
    assert phone.enter().status_code == 302
    ended = nurse.client.post(f"{page}/revoke", data={"csrf_token": token}, follow_redirects=True)
    assert "No link works" in text_of(ended)
    assert phone.enter().status_code == 404


def test_a_link_is_sent_by_mail_in_the_patients_language(
    app: Flask, doctor: Actor, nurse: Person, tmp_path: Any
) -> None:
    page = f"/patients/{Telephone(app, doctor, language='es').patient.public_id}/link"
    token = TOKEN.search(nurse.client.get(page).get_data(as_text=True)).group(1)
    sent = nurse.client.post(f"{page}/send", data={"csrf_token": token}, follow_redirects=True)
    assert "A link was sent" in text_of(sent)
    (file,) = (tmp_path / "mail").glob("*.eml")
    assert "Abrir su p" in file.read_text(encoding="utf-8", errors="replace")


def test_a_link_goes_out_as_a_text_that_names_nothing(
    app: Flask, doctor: Actor, nurse: Person, tmp_path: Any
) -> None:
    phone = Telephone(app, doctor, phone="+1 555 0142")
    page = f"/patients/{phone.patient.public_id}/link"
    token = TOKEN.search(nurse.client.get(page).get_data(as_text=True)).group(1)
    sent = nurse.client.post(f"{page}/text", data={"csrf_token": token}, follow_redirects=True)
    assert "as a text for +1 555 0142" in text_of(sent)
    (file,) = (tmp_path / "sms").iterdir()
    said = file.read_text(encoding="utf-8")
    assert "Riverside Dermatology: your page" in said
    assert phone.patient.family_name not in said
    phone.token = re.search(r"/p/([\w-]{43})", said).group(1)
    assert phone.enter().status_code == 302


def test_too_many_wrong_birth_dates_are_told_on_the_list_and_the_board(
    phone: Telephone, nurse: Person, doctor: Actor
) -> None:
    for _ in range(5):
        phone.enter(year="1990")
    assert "Links ended after wrong birth dates" in nurse.read("/statements")
    assert figure(doctor) == 1
    phone.token = phone.new_link(doctor)
    assert figure(doctor) == 0


def test_a_closed_course_ends_the_links(phone: Telephone, doctor: Actor) -> None:
    with transaction() as session:
        patient = session.get(Patient, phone.patient.id)
        courses.end(session, doctor, patient, "Moved away", NOW)
    assert phone.client.get(f"/p/{phone.token}").status_code == 404


def test_what_is_stated_shows_on_the_patients_page_too(phone: Telephone, nurse: Person) -> None:
    phone.send("report", kind="symptom", symptom="severe-headache")
    assert "Severe headache" in nurse.read("/statements")
    assert "Severe headache" in nurse.read(f"/patients/{phone.patient.public_id}")
    assert db.session.scalar(select(Evidence.id).where(Evidence.kind == "symptom"))
