"""The portal sheet over HTTP: the list, several ticks with one form, and who may see it."""

from __future__ import annotations

import pytest
import time_machine
from sqlalchemy import select

from compliance.db import db
from compliance.models import AccessLogEntry, Patient, PortalEntry, Role
from tests import world
from tests.journeys.person import TOKEN, Person, text_of
from tests.services.reminding import fact, on_treatment, record
from tests.world import NOW


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic())


@pytest.fixture
def person(app, nurse):
    person = Person(app, world.email_of(db.session, nurse))
    person.sign_in()
    return person


@pytest.fixture
def address(nurse):
    return address_of(on_treatment(nurse))


def address_of(patient_id: int) -> str:
    public_id = db.session.get_one(Patient, patient_id).public_id
    return f"/patients/{public_id}/reconciliation"


def send(person: Person, address: str, **fields):
    page = person.client.get(address).get_data(as_text=True)
    seal = page.split('name="seal" value="')[1].split('"')[0]
    data = {"csrf_token": TOKEN.search(page).group(1), "seal": seal, **fields}
    return person.client.post(address, data=data)


def test_several_lines_are_ticked_with_one_form_and_shown_with_who_and_when(person, address):
    assert "To be entered" in person.read(address)
    assert send(person, address, line=["test", "enrolment"]).status_code == 302
    page = person.read(address)
    assert page.count("Ticked by Nia Nurse, 2 Apr 2026, 11:00 Eastern") == 2
    assert "Negative; collected 2 Apr 2026" in page.replace("\u00a0", " ")


def test_all_open_lines_are_ticked_with_one_button_and_the_list_is_empty(person, address):
    assert "Pregnancy test" in person.read("/reconciliation")
    send(person, address, all="yes")
    assert "Everything recorded here is ticked as entered." in person.read(address)
    assert "Nothing to enter" in person.read("/reconciliation")


def test_sending_no_line_says_so_and_writes_nothing(person, address):
    answer = send(person, address)
    assert answer.status_code == 422
    assert "Tick the lines that you have entered in the portal." in text_of(answer)
    assert db.session.scalars(select(PortalEntry)).all() == []


def test_a_sheet_that_has_changed_since_it_was_seen_is_refused(person, nurse, address):
    page = person.client.get(address).get_data(as_text=True)
    seal = page.split('name="seal" value="')[1].split('"')[0]
    patient = db.session.scalars(select(Patient)).one()
    record(nurse, patient.id, [fact("last_dose", on=NOW.date())], NOW)
    answer = send(person, address, line="test", seal=seal)
    assert answer.status_code == 409
    assert "Our record has changed meanwhile" in text_of(answer)


def test_a_difference_is_shown_with_what_was_ticked_and_its_age(person, nurse, address):
    send(person, address, all="yes")
    patient = db.session.scalars(select(Patient)).one()
    later = NOW.replace(day=30)
    with time_machine.travel(later, tick=False):
        record(nurse, patient.id, [fact("counselling", on=later.date())], later)
    with time_machine.travel(later.replace(month=5, day=3), tick=False):
        person.sign_in()
        page = person.read(address).replace("\u00a0", " ")
        assert "Differs for 3 days The portal was ticked as “2 Apr 2026”." in page
        assert "Differs: Counselling confirmed" in person.read("/reconciliation")


def test_the_record_leads_to_the_sheet(person, address):
    record = address.removesuffix("/reconciliation")
    assert f'href="{address}"' in person.client.get(record).get_data(as_text=True)


def test_looking_at_a_sheet_is_written_down(person, address):
    person.read(address)
    pages = db.session.scalars(select(AccessLogEntry.page)).all()
    assert "portal sheet" in pages


def test_another_clinics_sheet_is_not_found_for_reading_nor_for_ticking(app, person, nurse):
    other = address_of(on_treatment(world.a_user(world.a_clinic("elsewhere"))))
    person.read(other, status=404)
    token = person.token()
    answer = person.client.post(other, data={"csrf_token": token, "line": "test", "seal": "x"})
    assert answer.status_code == 404


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMINISTRATOR, Role.PHARMACIST])
def test_only_those_who_enter_in_the_portal_see_the_sheet(app, nurse, address, role):
    actor = world.a_user(nurse.clinic_id, role)
    other = Person(app, world.email_of(db.session, actor))
    other.sign_in()
    other.read("/reconciliation", status=403)
    other.read(address, status=403)


def test_a_programme_without_a_portal_says_why_there_is_nothing_to_compare(app):
    clinic = world.a_clinic("london", programme="uk-ppp", time_zone="Europe/London", country="GB")
    nurse = world.a_user(clinic)
    person = Person(app, world.email_of(db.session, nurse))
    person.sign_in()
    assert "keeps no registry in which each month is entered" in person.read("/reconciliation")
    patient = world.a_patient(nurse)
    page = person.read(f"/patients/{patient.public_id}/reconciliation")
    assert "keeps no registry" in page
    assert "Tick the chosen lines" not in page
    assert "Portal sheet" not in person.read(f"/patients/{patient.public_id}").split("Reminders")[1]
