"""Typing in a laboratory's fax: one date, several rows, judged as what a laboratory sends."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db
from compliance.models import Evidence, Patient, Role
from compliance.rules.terminology import load_terminology
from compliance.rules.terms import Analyte
from compliance.services.typed_results import usual_unit
from tests.journeys.person import TOKEN, Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

PANEL = {
    "collected": "2026-04-01",
    "value-TG": "120", "unit-TG": "mg/dL", "limit-TG": "150",
    "value-TC": "190", "unit-TC": "mg/dL",
    "value-LDL": "110", "unit-LDL": "mg/dL",
    "value-HDL": "50", "unit-HDL": "mg/dL",
    "value-ALT": "22", "unit-ALT": "U/L", "limit-ALT": "40",
    "value-AST": "<10", "unit-AST": "U/L",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def nurse(app: Flask) -> Person:
    actor = a_user(a_clinic(), Role.NURSE)
    a_patient(actor, mrn="T-1", family_name="Okafor", birth_date=dt.date(1998, 4, 2))
    person = Person(app, email_of(db.session, actor))
    assert person.sign_in().status_code == 302
    return person


def address() -> str:
    return f"/patients/{db.session.scalars(select(Patient.public_id)).one()}/record/lab-results"


def post(person: Person, **fields: str):
    token = TOKEN.search(person.client.get("/").get_data(as_text=True)).group(1)
    data = {"csrf_token": token, **{name.replace("_", "-"): said for name, said in fields.items()}}
    return person.client.post(address(), data=data)


def recorded() -> list[tuple[str, str, str, str]]:
    rows = db.session.scalars(select(Evidence).where(Evidence.kind == "lab").order_by(Evidence.id))
    facts = [row.fact for row in rows]
    return [(item.analyte.value, item.value, item.unit, item.upper_limit) for item in facts]


def test_a_whole_panel_is_recorded_at_once(nurse: Person) -> None:
    answer = post(nurse, **PANEL)
    assert answer.status_code == 302, text_of(answer)
    assert recorded() == [
        ("TG", "120", "mg/dL", "150"),
        ("TC", "190", "mg/dL", ""),
        ("LDL", "110", "mg/dL", ""),
        ("HDL", "50", "mg/dL", ""),
        ("ALT", "22", "U/L", "40"),
        ("AST", "<10", "U/L", ""),
    ]
    row = db.session.scalars(select(Evidence).where(Evidence.kind == "lab")).first()
    assert row.extra["as_sent"] == "120 mg/dL"


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        ({"unit-TG": "U/L"}, "unit-TG", "cannot be in U/L"),
        ({"unit-TG": ""}, "unit-TG", "cannot be in no unit"),
        ({"value-TG": "1.7"}, "value-TG", "probably mmol/L"),
        ({"value-TG": "120-130"}, "value-TG", "is a range"),
        ({"value-TG": "high"}, "value-TG", "is not a number"),
        ({"value-TG": "1,200"}, "value-TG", "thousands separator"),
        ({"collected": "2026-04-03"}, "value-TG", "lies in the future"),
        ({"collected": ""}, "collected", "Enter the day"),
    ],
)
def test_what_cannot_be_right_is_refused_beside_its_field_and_nothing_is_kept(
    nurse: Person, change: dict[str, str], where: str, said: str
) -> None:
    answer = post(nurse, **{**PANEL, **change})
    assert answer.status_code == 422
    assert f'id="{where}-error"' in answer.get_data(as_text=True)
    assert said in text_of(answer)
    assert recorded() == []


def test_an_unusual_value_is_asked_about_and_taken_when_it_is_typed_again(nurse: Person) -> None:
    high = {**PANEL, "value-TG": "1200"}
    answer = post(nurse, **high)
    assert answer.status_code == 422
    assert "Is that right?" in text_of(answer)
    assert 'name="again-TG"' in answer.get_data(as_text=True)
    assert post(nurse, **{**high, "again-TG": "120"}).status_code == 422
    assert recorded() == []
    assert post(nurse, **{**high, "again-TG": "1200"}).status_code == 302
    assert recorded()[0] == ("TG", "1200", "mg/dL", "150")


def test_the_same_result_of_the_same_day_is_not_recorded_twice(nurse: Person) -> None:
    one = {"collected": "2026-04-01", "value-TG": "120", "unit-TG": "mg/dL"}
    assert post(nurse, **one).status_code == 302
    answer = post(nurse, **one)
    assert answer.status_code == 422
    assert "is on record already" in text_of(answer)
    assert post(nurse, **{**one, "collected": "2026-03-31"}).status_code == 302
    assert len(recorded()) == 2


def test_an_empty_form_asks_for_a_value(nurse: Person) -> None:
    answer = post(nurse, collected="2026-04-01")
    assert answer.status_code == 422
    assert "Enter at least one value." in text_of(answer)


def test_a_fasting_sample_is_recorded_as_one(nurse: Person) -> None:
    post(nurse, **{**PANEL, "fasting": "yes"})
    row = db.session.scalars(select(Evidence).where(Evidence.kind == "lab")).first()
    assert row.fact.fasting is True


def test_the_usual_unit_of_the_clinics_country_is_offered_and_none_where_it_is_not_certain(
    nurse: Person,
) -> None:
    triglycerides = load_terminology().analytes[Analyte.TG]
    units = [usual_unit(triglycerides, country) for country in ("US", "GB", "DE")]
    assert units == ["mg/dL", "mmol/L", ""]
    page = nurse.client.get(address()).get_data(as_text=True)
    assert '<option value="mg/dL" selected>' in page
    assert len(page) < 60_000


def test_the_old_address_of_the_form_leads_to_the_panel(nurse: Person) -> None:
    answer = nurse.client.get(address().removesuffix("-results"))
    assert answer.location == address()
