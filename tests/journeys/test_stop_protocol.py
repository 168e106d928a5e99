"""A positive test on the patient's page: a nurse and a prescriber go through the stop protocol."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from flask import Flask

from compliance.db import db
from compliance.models import Role
from tests.journeys.person import TOKEN, Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

POSITIVE = {"result": "positive", "specimen": "urine", "setting": "medical"}
UNCLEAR = {**POSITIVE, "result": "indeterminate"}
TODAY = NOW.date().isoformat()


@pytest.fixture
def clinic_id(app: Flask) -> int:
    return a_clinic()


@pytest.fixture
def team(app: Flask, clinic_id: int) -> dict[str, Person]:
    """A nurse, a prescriber and a manager of one clinic, signed in on 2 April 2026."""
    names = {Role.NURSE: "Nia Nurse", Role.PRESCRIBER: "Dr Pia Ramos", Role.MANAGER: "Max Manager"}
    people = {}
    for role, name in names.items():
        people[role.value] = Person(app, email_of(db.session, a_user(clinic_id, role, name)))
        with time_machine.travel(NOW, tick=False):
            people[role.value].sign_in()
    return people


@pytest.fixture
def patient(clinic_id: int) -> str:
    return a_patient(a_user(clinic_id), phone="212 555 0100").public_id


def card(person: Person, patient: str) -> str:
    """What the card of the stop protocol says; empty when there is none."""
    page = person.client.get(f"/patients/{patient}").get_data(as_text=True)
    found = re.search(r'<section[^>]*id="protocol".*?</section>', page, re.S)
    return found.group() if found else ""


def tick(person: Person, patient: str, step: str, note: str = ""):
    """Press the button of a step, without JavaScript."""
    page = person.client.get(f"/patients/{patient}").get_data(as_text=True)
    token = TOKEN.search(page).group(1)
    address = f"/patients/{patient}/protocol/{step}"
    return person.client.post(address, data={"csrf_token": token, "note": note})


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@time_machine.travel(NOW, tick=False)
def test_nurse_and_prescriber_go_through_the_protocol_step_by_step(team, patient: str) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    assert card(nurse, patient) == ""
    nurse.record(patient, "pregnancy-test", collected=TODAY, **POSITIVE)
    shown = plain(card(nurse, patient))
    assert "The pregnancy test of 2 Apr 2026 is positive" in shown
    assert "0 of 5 steps done" in shown
    assert "Thu 2 Apr 2026, 23:59 Eastern" in shown
    assert "212 555 0100" in shown
    assert "our own target" in shown
    assert "MedWatch" in shown
    assert f'action="/patients/{patient}/protocol/contact"' in card(nurse, patient)
    assert f'action="/patients/{patient}/protocol/stop"' not in card(nurse, patient)
    assert "Stop the medicine (prescriber)" in nurse.read("/?group=act-now")

    assert tick(prescriber, patient, "stop", "Pharmacy told").status_code == 302
    assert "Contact the patient (nurse)" in nurse.read("/?group=act-now")
    assert tick(nurse, patient, "contact").status_code == 302
    shown = plain(card(nurse, patient))
    assert "2 of 5 steps done" in shown
    assert "2 Apr 2026, 11:00 Eastern , Dr Pia Ramos: Pharmacy told" in shown
    assert "2 Apr 2026, 11:00 Eastern , Nia Nurse" in shown
    for step in ("confirm", "report", "refer"):
        assert tick(prescriber, patient, step).status_code == 302
    assert "every step of the stop protocol is done" in plain(card(nurse, patient))
    assert "<form" not in card(prescriber, patient)


@time_machine.travel(NOW, tick=False)
def test_who_does_not_own_a_step_sees_no_button_and_is_refused(team, patient: str) -> None:
    team["nurse"].record(patient, "pregnancy-test", collected=TODAY, **POSITIVE)
    assert "<form" not in card(team["manager"], patient)
    assert card(team["manager"], patient)
    assert tick(team["manager"], patient, "contact").status_code == 403
    assert tick(team["nurse"], patient, "stop").status_code == 403
    assert tick(team["nurse"], patient, "dance").status_code == 404
    assert "0 of 5 steps done" in plain(card(team["nurse"], patient))


@time_machine.travel(NOW, tick=False)
def test_a_button_pressed_twice_records_once_and_says_so(team, patient: str) -> None:
    nurse = team["nurse"]
    nurse.record(patient, "pregnancy-test", collected=TODAY, **POSITIVE)
    tick(nurse, patient, "contact")
    assert tick(nurse, patient, "contact").status_code == 302
    page = nurse.read(f"/patients/{patient}")
    assert "This step is recorded already: contact the patient." in page
    assert "1 of 5 steps done" in page


@time_machine.travel(NOW, tick=False)
def test_a_note_that_is_too_long_is_refused_with_its_reason(team, patient: str) -> None:
    nurse = team["nurse"]
    nurse.record(patient, "pregnancy-test", collected=TODAY, **POSITIVE)
    tick(nurse, patient, "contact", "x" * 501)
    page = nurse.read(f"/patients/{patient}")
    assert "Enter at most 500 letters." in page
    assert "0 of 5 steps done" in page


@time_machine.travel(NOW, tick=False)
def test_an_overdue_step_says_so_from_midnight_at_the_clinic(team, patient: str) -> None:
    nurse = team["nurse"]
    nurse.record(patient, "pregnancy-test", collected=TODAY, **POSITIVE)
    midnight = dt.datetime(2026, 4, 3, 4, 0, tzinfo=dt.UTC)
    with time_machine.travel(midnight - dt.timedelta(minutes=1), tick=False):
        nurse.sign_in()
        assert "Overdue" not in nurse.read(f"/patients/{patient}")
    with time_machine.travel(midnight, tick=False):
        assert plain(card(nurse, patient)).count("Overdue") == 2
        assert "Overdue: 2." in nurse.read("/")


@time_machine.travel(NOW, tick=False)
def test_an_unclear_test_is_repeated_and_not_ticked_off(team, patient: str) -> None:
    nurse = team["nurse"]
    nurse.record(patient, "pregnancy-test", collected=TODAY, **UNCLEAR)
    shown = card(nurse, patient)
    assert "0 of 3 steps done" in plain(shown)
    assert "from Fri 3 Apr 2026" in plain(shown)
    assert f'href="/patients/{patient}/record/pregnancy-test"' in shown
    assert tick(team["prescriber"], patient, "repeat").status_code == 422
    with time_machine.travel(NOW + dt.timedelta(days=1), tick=False):
        nurse.sign_in()
        negative = {**POSITIVE, "result": "negative", "collected": "2026-04-03"}
        nurse.record(patient, "pregnancy-test", **negative)
        assert card(nurse, patient) == ""


@time_machine.travel(NOW, tick=False)
def test_a_prescriber_excludes_a_pregnancy_and_a_nurse_cannot(team, patient: str) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    nurse.record(patient, "pregnancy-test", collected=TODAY, **POSITIVE)
    address = f"/patients/{patient}/record/pregnancy-excluded"
    assert nurse.client.get(address).status_code == 403
    assert address not in card(nurse, patient)
    assert address in card(prescriber, patient)
    prescriber.record(patient, "pregnancy-excluded", on=TODAY, reason="Two serum hCG below 5")
    assert card(prescriber, patient) == ""
    assert "Dr Pia Ramos: Two serum hCG below 5" in nurse.read(f"/patients/{patient}")


@time_machine.travel(NOW, tick=False)
def test_another_clinics_patient_has_no_steps_here(team, patient: str) -> None:
    elsewhere = a_patient(a_user(a_clinic("there")))
    foreign = elsewhere.public_id
    token = TOKEN.search(team["nurse"].client.get("/patients/new").get_data(as_text=True)).group(1)
    answer = team["nurse"].client.post(
        f"/patients/{foreign}/protocol/contact", data={"csrf_token": token}
    )
    assert answer.status_code == 404
    assert text_of(answer)
