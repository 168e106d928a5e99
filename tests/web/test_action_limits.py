"""The page of the clinic's action limits: what is in force, and how a prescriber adopts a set."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.interop.hl7v2 import read_file
from compliance.models import Clinic, Evidence, ImportedResult, LimitAdoption, Role
from compliance.rules.terms import Analyte
from compliance.services import adoptions
from compliance.services.actors import Actor
from compliance.services.intake import receive
from tests.interop.messages import ALT, obx, oru
from tests.journeys.person import Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

GOOD = {
    "limits_TG": ["tg-act-fasting"],
    "limits_ALT": ["alt-act", "alt-critical"],
    "on": "2026-04-02",
    "source": "Protocol of the clinic, 1 March 2026",
    "attested": "y",
}


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


def at_work(app: Flask, role: Role, name: str = "Dr Dana Derm", clinic_id: int = 0) -> Person:
    person = Person(app, email_of(db.session, a_user(clinic_id or a_clinic(), role, name)))
    assert person.sign_in().status_code == 302
    return person


def form_of(person: Person) -> str:
    page = person.client.get("/rules/limits").get_data(as_text=True)
    return page.replace("\u00a0", " ")


def refused(person: Person, **fields: object) -> str:
    answer = person.submit("/rules/limits", **fields)
    assert answer.status_code == 422
    return text_of(answer)


def adopted() -> list[LimitAdoption]:
    return list(db.session.scalars(select(LimitAdoption)))


def test_a_clinic_without_limits_of_its_own_is_told_so(app: Flask) -> None:
    said = at_work(app, Role.NURSE).read("/rules")
    assert "This clinic has adopted no action limits" in said
    assert "Adopt action limits" not in said


def test_a_prescriber_adopts_limits_which_are_then_shown_with_who_attested_them(
    app: Flask,
) -> None:
    doctor = at_work(app, Role.PRESCRIBER)
    assert "Adopt action limits" in doctor.read("/rules")
    assert doctor.submit("/rules/limits", **GOOD).status_code == 302
    (row,) = adopted()
    assert row.limits == ["tg-act-fasting", "alt-act", "alt-critical"]
    said = doctor.read("/rules").replace("\u00a0", " ")
    assert "In force from 2 Apr 2026 , signed off by Dr Dana Derm" in said
    assert "From 443 mg/dL or 5 mmol/L, fasting" in said
    assert "Protocol of the clinic, 1 March 2026" in said


def test_the_form_offers_each_limit_in_both_units_and_ticks_what_is_suggested(app: Flask) -> None:
    form = form_of(at_work(app, Role.PRESCRIBER))
    assert "Act: from 443 mg/dL or 5 mmol/L, fasting" in form
    assert "Warn: above 7.5 mmol/L (290 mg/dL)" in form
    assert 'value="tg-act-fasting" checked' in form
    assert 'value="tg-act-fasting-500" checked' not in form
    assert 'name="attested_by"' not in form


def test_the_form_opens_with_what_is_in_force(app: Flask) -> None:
    clinic_id = a_clinic()
    doctor = a_user(clinic_id, Role.PRESCRIBER)
    with transaction() as session:
        clinic = session.get(Clinic, clinic_id)
        on = dt.date(2026, 3, 1)
        adoptions.adopt_limits(session, doctor, clinic, ["ck-act"], on, "A protocol of ours", NOW)
    form = form_of(at_work(app, Role.PRESCRIBER, "Dr Two", clinic_id))
    assert 'value="ck-act" checked' in form
    assert 'value="alt-act" checked' not in form


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"limits_TG": [], "limits_ALT": []}, "Choose at least one limit."),
        ({"limits_TG": ["tg-act-fasting", "tg-act-fasting-500"]}, "Choose one of the two"),
        ({"limits_ALT": ["gpt-act"]}, "not a valid choice"),
        ({"source": "protocol"}, "in 10 characters"),
        ({"on": ""}, "Enter the day."),
        ({"attested": ""}, "only when they are signed off"),
    ],
)
def test_what_is_missing_is_said_beside_its_field_and_what_was_typed_stays(
    app: Flask, changed: dict[str, object], said: str
) -> None:
    doctor = at_work(app, Role.PRESCRIBER)
    page = refused(doctor, **{**GOOD, **changed})
    assert said in page
    assert "Something needs another look" in page
    assert adopted() == []


def test_an_administrator_names_the_prescriber_who_signed_them_off(app: Flask) -> None:
    clinic_id = a_clinic()
    doctor = a_user(clinic_id, Role.PRESCRIBER, "Dr Dana Derm")
    person = at_work(app, Role.ADMINISTRATOR, "Ada Admin", clinic_id)
    assert "Choose a prescriber." in refused(person, **GOOD)
    person.submit("/rules/limits", **GOOD, attested_by=str(doctor.user_id))
    assert [row.attested_by_id for row in adopted()] == [doctor.user_id]


@pytest.mark.parametrize("role", [Role.NURSE, Role.MANAGER])
def test_others_look_and_adopt_nothing(app: Flask, role: Role) -> None:
    person = at_work(app, role)
    person.read("/rules/limits", status=403)
    assert adopted() == []


# --- what a limit asks of people ------------------------------------------------------------------


def with_limits(doctor: Actor) -> None:
    with transaction() as session:
        clinic = session.get(Clinic, doctor.clinic_id)
        on, source = dt.date(2026, 3, 1), "A protocol of ours"
        adoptions.adopt_limits(session, doctor, clinic, ["alt-act"], on, source, NOW)


def test_a_prescriber_acknowledges_a_result_beyond_a_limit_and_the_answer_lets_go(
    app: Flask,
) -> None:
    clinic_id = a_clinic()
    doctor = a_user(clinic_id, Role.PRESCRIBER, "Dr Dana Derm")
    patient = a_patient(doctor).public_id
    with_limits(doctor)
    person = Person(app, email_of(db.session, doctor))
    person.sign_in()
    person.record_lab(patient, "ALT", "121", "U/L", limit="40")
    address = f"/patients/{patient}"
    assert "the prescriber acknowledges it first" in person.read(address)
    person.record(patient, "lab-decision", on="2026-04-02", analyte="ALT",
                  decision="Lower the dose, measure again in 2 weeks.")  # fmt: skip
    said = person.read(address)
    assert "the prescriber acknowledges it first" not in said
    fact = db.session.scalars(select(Evidence).where(Evidence.kind == "lab_decision")).one().fact
    assert (fact.analyte, fact.by) == (Analyte.ALT, "Dr Dana Derm")


def test_nobody_else_decides_about_a_result(app: Flask) -> None:
    clinic_id = a_clinic()
    patient = a_patient(a_user(clinic_id, Role.PRESCRIBER)).public_id
    nurse = at_work(app, Role.NURSE, "Nia Nurse", clinic_id)
    nurse.read(f"/patients/{patient}/record/lab-decision", status=403)


def test_a_finding_about_a_waiting_result_leads_to_it(app: Flask) -> None:
    clinic_id = a_clinic()
    doctor = a_user(clinic_id, Role.PRESCRIBER)
    patient = a_patient(doctor, mrn="T-1", family_name="Okafor", birth_date=dt.date(1998, 4, 2))
    with_limits(doctor)
    content = oru(obx(ALT, "22", ""))
    with transaction() as session:
        clinic = session.get(Clinic, clinic_id)
        receive(session, doctor, clinic, "results.hl7", content, read_file(content), NOW)
    row = db.session.scalars(select(ImportedResult)).one().public_id
    person = at_work(app, Role.NURSE, "Nia Nurse", clinic_id)
    page = person.client.get(f"/patients/{patient.public_id}").get_data(as_text=True)
    link = f'href="/labs/held/{row}"'
    assert page.count(link) == 2  # in the notice, and beside the requirement
    assert "Decide on the result" in page
