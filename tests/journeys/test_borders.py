"""What must not be possible: another clinic's data, guessed passwords, no session."""

from __future__ import annotations

import datetime as dt
import re

import time_machine
from flask import Flask

from compliance.db import db
from compliance.models import Role
from tests.journeys.person import Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of


@time_machine.travel(NOW, tick=False)
def test_clinics_cannot_see_each_other(app: Flask) -> None:
    here, there = a_clinic("here"), a_clinic("there")
    ours, theirs = a_user(here), a_user(there)
    foreign = a_patient(theirs, family_name="Elsewhere").public_id
    person = Person(app)
    person.sign_in(email_of(db.session, ours))
    for path in ("", "/history", "/record/pregnancy-test", "/dispense"):
        status = person.client.get(f"/patients/{foreign}{path}").status_code
        assert status in (403, 404), path
    assert "Elsewhere" not in person.read("/")
    found = text_of(person.submit("/patients", q="Elsewhere"))
    assert "Nobody found" in found
    assert "Elsewhere" not in found.replace("“Elsewhere”", "")


@time_machine.travel(NOW, tick=False)
def test_nothing_is_shown_to_who_is_not_signed_in(app: Flask) -> None:
    patient = a_patient(a_user(a_clinic())).public_id
    client = app.test_client()
    for address in ("/", "/patients", f"/patients/{patient}", "/rules", "/audit", "/patients/new"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert "/sign-in" in answer.location


@time_machine.travel(NOW, tick=False)
def test_after_signing_out_the_pages_are_closed(app: Flask) -> None:
    person = Person(app)
    person.sign_in(email_of(db.session, a_user(a_clinic())))
    assert person.client.get("/").status_code == 200
    person.sign_out()
    assert person.client.get("/").status_code == 302


@time_machine.travel(NOW, tick=False)
def test_the_pharmacist_sees_no_worklist(app: Flask) -> None:
    person = Person(app)
    person.sign_in(email_of(db.session, a_user(a_clinic(), Role.PHARMACIST)))
    assert person.client.get("/patients").status_code == 403


def test_five_wrong_passwords_close_the_door_for_a_quarter_of_an_hour(app: Flask) -> None:
    with time_machine.travel(NOW, tick=False):
        email = email_of(db.session, a_user(a_clinic()))
        person = Person(app)
        for _ in range(5):
            assert person.sign_in(email, "not the password").status_code == 200
        closed = person.sign_in(email)
        assert closed.status_code == 200
        assert "Too many wrong passwords" in text_of(closed)
    with time_machine.travel(NOW + dt.timedelta(minutes=16), tick=False):
        assert Person(app).sign_in(email).status_code == 302


@time_machine.travel(NOW, tick=False)
def test_a_form_without_its_token_is_refused(app: Flask) -> None:
    person = Person(app)
    nurse = a_user(a_clinic())
    person.sign_in(email_of(db.session, nurse))
    patient = a_patient(nurse).public_id
    answer = person.client.post(
        f"/patients/{patient}/record/counselling", data={"on": "2026-04-02"}
    )
    assert answer.status_code == 400


@time_machine.travel(NOW, tick=False)
def test_pages_about_patients_are_never_cached_and_run_no_foreign_code(app: Flask) -> None:
    person = Person(app)
    nurse = a_user(a_clinic())
    person.sign_in(email_of(db.session, nurse))
    answer = person.client.get(f"/patients/{a_patient(nurse).public_id}")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@time_machine.travel(NOW, tick=False)
def test_an_error_page_never_quotes_what_was_asked_for(app: Flask) -> None:
    person = Person(app)
    person.sign_in(email_of(db.session, a_user(a_clinic())))
    page = person.read("/patients/Amara-Okafor-1998", status=404)
    assert "Okafor" not in page


@time_machine.travel(NOW, tick=False)
def test_a_search_finds_by_name_number_and_birth_date_and_no_name_enters_an_address(app) -> None:
    nurse = a_user(a_clinic())
    a_patient(nurse, given_name="Zoë", family_name="Ødegård", mrn="Q-9")
    a_patient(nurse, birth_date=dt.date(1990, 1, 5))
    person = Person(app, email_of(db.session, nurse))
    person.sign_in()
    for words in ("odegard", "ZOE", "q-9", "2 Apr 1998", "1998-04-02"):
        for address in ("/", "/patients"):
            assert "Ødegård" in text_of(person.submit(address, q=words)), (words, address)
    assert "Ødegård" not in text_of(person.submit("/", q="5 Jan 1990"))
    page = person.client.get("/").get_data(as_text=True)
    asked = re.findall(r'<form[^>]*method="get".*?</form>', page, re.S)
    assert [form for form in asked if re.search(r'type="(?:search|text|date)"', form)] == []


@time_machine.travel(NOW, tick=False)
def test_the_pharmacist_is_told_the_window_and_sees_no_name(app: Flask) -> None:
    clinic_id = a_clinic()
    patient = a_patient(a_user(clinic_id), family_name="Secretname", mrn="R-77")
    pharmacist = Person(app, email_of(db.session, a_user(clinic_id, Role.PHARMACIST)))
    pharmacist.sign_in()
    answer = text_of(pharmacist.submit("/pharmacy", mrn="r-77"))
    assert "prerequisites do not appear met" in answer
    assert "Can become pregnant" in answer
    assert patient.mrn in answer
    assert "Secretname" not in answer
    assert "No patient of this clinic" in text_of(pharmacist.submit("/pharmacy", mrn="R-78"))


@time_machine.travel(NOW, tick=False)
def test_a_fault_of_ours_says_so_quotes_nothing_and_saves_nothing(app: Flask, caplog) -> None:
    person = Person(app, email_of(db.session, a_user(a_clinic())))
    person.sign_in()

    def fail() -> str:
        raise ValueError("Amara Okafor, born 1998")

    app.view_functions["patients.index"] = fail
    fail.access_rule = "signed-in"
    page = person.read("/patients", status=500)
    assert "Something went wrong on our side" in page
    assert "Okafor" not in page
    assert "Okafor" not in caplog.text
    assert "ValueError" in caplog.text
