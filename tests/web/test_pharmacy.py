"""The pharmacy's page: one patient's window, supply, category and test date, and nothing beside."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AccessLogEntry, Patient, Role
from compliance.rules.terms import Potential, PotentialReason
from compliance.services.recording import prescribe
from compliance.web.security import SIGNED_IN, rule_of
from tests import world
from tests.journeys.person import Person, text_of
from tests.services.reminding import PICKED_UP, a_test, beginning, fact, record, statements
from tests.world import NOW

LABELS = [
    "Record number",
    "Born",
    "Category",
    "Window",
    "Days' supply prescribed",
    "Newest pregnancy test collected",
]
# Beside the check: the way in and out, and the start page, which leads here.
OPEN_TO_PHARMACISTS = {"pharmacy.check", "worklist.today"}


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic(phone="555-0100"))


@pytest.fixture
def person(app, nurse):
    actor = world.a_user(nurse.clinic_id, Role.PHARMACIST, "Osei Brightwell")
    person = Person(app, world.email_of(db.session, actor))
    person.sign_in()
    return person


def ready(nurse, *more, **changes) -> Patient:
    """A patient whose window opened today, with what more is recorded."""
    patient = world.a_patient(
        nurse, mrn="T-77", enrolled_on=PICKED_UP - dt.timedelta(days=31), **changes
    )
    facts = [*beginning(), a_test(PICKED_UP), *statements(PICKED_UP), *more]
    record(nurse, patient.id, facts, NOW)
    return patient


def prescribed(nurse, patient: Patient) -> None:
    doctor = world.a_user(nurse.clinic_id, Role.PRESCRIBER)
    with transaction() as session:
        prescribe(session, doctor, session.get_one(Patient, patient.id), NOW, days_supply=30,
                  refills=0, daily_dose_mg=None)  # fmt: skip


def check(person: Person, mrn: str = "T-77") -> str:
    answer = person.submit("/pharmacy", mrn=mrn)
    assert answer.status_code == 200, text_of(answer)
    return answer.get_data(as_text=True).replace("\u00a0", " ")


def said(page: str) -> dict[str, str]:
    rows = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)
    return {label.replace("&#39;", "'"): value for label, value in rows}


def test_an_open_window_is_told_with_its_end_the_supply_the_category_and_the_test(person, nurse):
    patient = ready(nurse)
    prescribed(nurse, patient)
    page = check(person)
    assert list(said(page)) == LABELS
    assert said(page) | {"Born": ""} == {
        "Record number": "T-77",
        "Born": "",
        "Category": "Can become pregnant",
        "Window": "Thu 2 Apr 2026 to Wed 8 Apr 2026",
        "Days' supply prescribed": "30 days",
        "Newest pregnancy test collected": "Thu 2 Apr 2026",
    }
    assert "Prerequisites appear met until Wed 8 Apr 2026, 23:59" in page
    for private in (patient.family_name, patient.email, "condom", "pill and", "counsel", "egative"):
        assert private not in page


def test_without_a_prescription_nothing_is_said_to_be_ready(person, nurse):
    ready(nurse)
    page = check(person)
    assert "Nothing to hand over: no prescription is open" in page
    assert "No open prescription" in said(page)["Days' supply prescribed"]
    assert "appear met until" not in page
    assert "Call the clinic: 555-0100." in page


def test_a_closed_window_and_a_positive_test_say_only_not_now(person, nurse):
    ready(
        nurse,
        fact("pregnancy_test", collected=PICKED_UP, result="positive", setting="medical"),
    )
    page = check(person)
    assert "ositive" not in page
    assert "appear met until" not in page
    assert "Call the clinic" in page
    assert list(said(page)) == LABELS


def test_a_patient_who_cannot_become_pregnant_needs_no_test(person, nurse):
    world.a_patient(nurse, mrn="T-77", potential=Potential.NO, reason=PotentialReason.ASSIGNED_MALE)
    found = said(check(person))
    assert found["Category"] == "Cannot become pregnant"
    assert found["Newest pregnancy test collected"] == "None on record"


def test_the_look_is_written_down_and_a_number_of_another_clinic_is_unknown(person, nurse):
    ready(nurse)
    check(person)
    assert db.session.scalars(select(AccessLogEntry.page)).all() == ["pharmacy check"]
    world.a_patient(world.a_user(world.a_clinic("elsewhere")), mrn="E-1")
    answer = person.submit("/pharmacy", mrn="E-1")
    assert answer.status_code == 422
    assert "No patient of this clinic has that record number." in text_of(answer)


def test_a_number_is_found_in_any_case_and_with_spaces_around_it(person, nurse):
    ready(nurse)
    assert said(check(person, " t-77 "))["Record number"] == "T-77"


def test_no_other_page_declares_itself_open_to_pharmacists(app: Flask):
    open_ones = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if isinstance(found := rule_of(app, rule.endpoint), tuple) and Role.PHARMACIST in found
    }
    assert open_ones == OPEN_TO_PHARMACISTS


def test_every_other_address_refuses_a_pharmacist(app: Flask, person, nurse):
    patient = ready(nurse)
    refused = 0
    for rule in app.url_map.iter_rules():
        found = rule_of(app, rule.endpoint)
        if not isinstance(found, tuple) or Role.PHARMACIST in found or "GET" not in rule.methods:
            continue
        address = rule.rule
        for name in rule.arguments:
            address = re.sub(rf"<(\w+:)?{name}>", _value(rule, name, patient), address)
        assert person.client.get(address).status_code == 403, address
        refused += 1
    assert refused > 20


def _value(rule, name: str, patient: Patient) -> str:
    return "1" if f"<int:{name}>" in rule.rule else patient.public_id


def test_the_start_page_leads_a_pharmacist_to_the_check(person):
    answer = person.client.get("/")
    assert (answer.status_code, answer.location) == (302, "/pharmacy")
    page = person.client.get("/pharmacy").get_data(as_text=True)
    nav = page.split('aria-label="Main"')[1].split("</nav>")[0]
    assert re.findall(r'href="([^"]+)"', nav) == ["/pharmacy"]


def test_what_a_signed_in_pharmacist_may_do_beside_it_is_the_account_itself(app: Flask):
    own = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule_of(app, rule.endpoint) == SIGNED_IN
    }
    assert own
    assert [one for one in own if not one.startswith(("security.", "accounts."))] == []
