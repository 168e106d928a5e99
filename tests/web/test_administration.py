"""The clinic's settings: tried out before they are saved, audited, and read by the rules."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from sqlalchemy import select

from compliance.db import db
from compliance.models import AuditEvent, Clinic, Membership, Role, StoredAssessment
from compliance.rules.terms import LabSchedule
from compliance.services.clinic_choices import closing_lines_of
from compliance.services.reminders import calendar_of
from tests.journeys.person import TOKEN, Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

ADDRESS = "/administration/clinic"
SETTINGS = {
    "name": "Riverside Dermatology",
    "time_zone": "America/New_York",
    "opening_days": ["1", "2", "3", "4", "5"],
    "closed_days": "",
    "language": "en",
    "second_language": "",
    "lab_schedule": "",
    "address": "",
    "phone": "",
    "email": "",
    "paper": "letter",
    "mail_from": "08:00",
    "mail_until": "20:00",
    "closing_lines": "",
    "lead_test_due": "7, 3, 1",
    "lead_window_closing": "3, 1, 0",
    "lead_statement_due": "4, 2, 0",
    "lead_final_test": "10, 4, 1",
}


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic_id(app) -> int:
    return a_clinic()


@pytest.fixture
def person(app, clinic_id) -> Person:
    return signed_in(app, a_user(clinic_id, Role.ADMINISTRATOR, "Ada Admin"))


def signed_in(app, actor) -> Person:
    person = Person(app, email_of(db.session, actor))
    assert person.sign_in().status_code == 302
    return person


def send(person: Person, address: str = ADDRESS, **changes):
    page = person.client.get(address).get_data(as_text=True)
    token = TOKEN.search(page).group(1)
    return person.client.post(address, data={"csrf_token": token, **SETTINGS, **changes})


def confirm(person: Person, **changes):
    shown = send(person, **changes)
    assert shown.status_code == 200, text_of(shown)
    seen = re.search(r'name="seen" value="(\w+)"', shown.get_data(as_text=True)).group(1)
    return send(person, seen=seen, **changes)


def clinic() -> Clinic:
    db.session.rollback()
    return db.session.scalars(select(Clinic)).one()


def test_the_page_shows_the_time_at_the_clinic(person):
    assert "It is 11:00 there now, Thu 2 Apr 2026" in person.read(ADDRESS)


def test_a_change_is_shown_with_before_and_after_and_saved_only_when_confirmed(person):
    said = text_of(send(person, name="Lakeside"))
    assert "What will change" in said
    assert "Name Riverside Dermatology Lakeside" in said
    assert clinic().name == "Riverside Dermatology"
    assert confirm(person, name="Lakeside").status_code == 302
    assert clinic().name == "Lakeside"
    assert "Ada Admin" in person.read(ADDRESS)
    assert "Name: Riverside Dermatology → Lakeside" in person.read(ADDRESS)


def test_a_change_confirmed_for_other_values_is_shown_again(person):
    shown = send(person, name="Lakeside").get_data(as_text=True)
    seen = re.search(r'name="seen" value="(\w+)"', shown).group(1)
    answer = send(person, seen=seen, name="Hillside")
    assert answer.status_code == 200
    assert clinic().name == "Riverside Dermatology"


def test_settings_left_as_they_are_change_nothing(person):
    assert "Nothing differs" in text_of(send(person))
    events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "clinic.changed"))
    assert events.all() == []


def test_a_lab_plan_tells_how_many_verdicts_change_and_assesses_everybody_again(person, clinic_id):
    nurse = a_user(clinic_id)
    patient = a_patient(nurse, potential="no", reason="assigned-male").id
    before = findings(patient)
    said = text_of(send(person, lab_schedule="none"))
    assert "of 1 verdict would change For 1 patient at least one requirement" in said
    assert findings(patient) == before
    assert confirm(person, lab_schedule="none").status_code == 302
    assert clinic().lab_schedule is LabSchedule.NONE
    assert findings(patient) != before
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "clinic.changed")
    ).one()
    assert event.detail["before"] == {"lab_schedule": ""}
    assert event.detail["after"] == {"lab_schedule": "none"}
    assert event.detail["patients"] == 1


def findings(patient_id: int) -> list:
    db.session.rollback()
    return db.session.scalars(
        select(StoredAssessment.findings).where(StoredAssessment.patient_id == patient_id)
    ).one()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"time_zone": "Mars/Olympus"}, "'Mars/Olympus'; enter an IANA time zone"),
        ({"opening_days": []}, "Choose one"),
        ({"closed_days": "31 Feb 2026"}, "'31 Feb 2026'; enter a day such as"),
        ({"second_language": "en"}, "another language than the first"),
        ({"mail_from": "20:00", "mail_until": "20:00"}, "enter a time after 20:00"),
        ({"lead_test_due": "7, 7, 1"}, "7, 7, 1; enter numbers of days that fall"),
        ({"lead_test_due": "61, 3, 1"}, "from 60 to 0"),
        ({"lead_test_due": "7, 3"}, "'7, 3'; enter three numbers"),
        ({"email": "nobody"}, "'nobody'; enter an address"),
        ({"closing_lines": "\n".join("abcdef")}, "Found 6 lines"),
        ({"link_days": "0"}, "Found 0; enter 1 to 60 days"),
        ({"link_days": "61"}, "Found 61; enter 1 to 60 days"),
        ({"name": " "}, "Enter"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_the_field(person, wrong, said):
    answer = send(person, **wrong)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert clinic().settings == {}


def test_closed_days_hours_leads_and_closing_lines_reach_the_reminders(person):
    answer = confirm(
        person,
        closed_days="24 Dec 2026\n2026-12-28",
        mail_from="09:30",
        lead_test_due="60, 5, 0",
        closing_lines="The Riverside team\n555-0100, Monday to Friday",
    )
    assert answer.status_code == 302
    here = clinic()
    calendar = calendar_of(here)
    assert not calendar.is_open(dt.date(2026, 12, 24))
    assert calendar.is_open(dt.date(2026, 12, 29))
    assert calendar.patient_hours.first == dt.time(9, 30)
    assert next(list(days.values()) for days in calendar.leads.values()) == [60, 5, 0]
    assert closing_lines_of(here) == ("The Riverside team", "555-0100, Monday to Friday")


def test_a_manager_reads_the_settings_and_cannot_change_them(app, clinic_id):
    manager = signed_in(app, a_user(clinic_id, Role.MANAGER))
    page = manager.read(ADDRESS)
    assert "An administrator changes them." in page
    token = TOKEN.search(manager.client.get("/").get_data(as_text=True)).group(1)
    manager.client.post(ADDRESS, data={"csrf_token": token, **SETTINGS, "name": "Mine"})
    assert clinic().name == "Riverside Dermatology"


@pytest.mark.parametrize("role", [Role.NURSE, Role.PRESCRIBER, Role.PHARMACIST])
def test_others_do_not_see_the_administration(app, clinic_id, role):
    person = signed_in(app, a_user(clinic_id, role))
    assert person.client.get("/administration").status_code == 403
    assert person.client.get(ADDRESS).status_code == 403


NEW = {
    "name": "Lakeside",
    "code": "lakeside",
    "programme": "uk-ppp",
    "country": "gb",
    "time_zone": "Europe/London",
}


def test_an_administrator_of_the_first_clinic_adds_another_and_works_in_it(person):
    answer = send(person, "/administration/clinics/new", **NEW)
    assert answer.status_code == 302, text_of(answer)
    assert "Lakeside (lakeside)" in person.read(ADDRESS)
    new = db.session.scalars(select(Clinic).where(Clinic.code == "lakeside")).one()
    assert (new.programme, new.country, new.paper) == ("uk-ppp", "GB", "A4")
    roles = select(Membership.role).where(Membership.clinic_id == new.id)
    assert db.session.scalars(roles).all() == [Role.ADMINISTRATOR]


def test_a_code_in_use_and_an_unknown_zone_are_refused_for_a_new_clinic(person):
    answer = send(
        person,
        "/administration/clinics/new",
        **{**NEW, "code": "riverside", "time_zone": "Europe/Lndn"},
    )
    assert answer.status_code == 422
    assert "Another clinic has this code already." in text_of(answer)
    assert "'Europe/Lndn'; enter a zone" in text_of(answer)


def test_an_administrator_of_a_later_clinic_adds_none(app, clinic_id):
    other = signed_in(app, a_user(a_clinic("second"), Role.ADMINISTRATOR))
    assert "Ask the administrator of the installation" in other.read("/administration/clinics/new")
    token = TOKEN.search(other.client.get("/").get_data(as_text=True)).group(1)
    answer = other.client.post("/administration/clinics/new", data={"csrf_token": token, **NEW})
    assert answer.status_code == 403
