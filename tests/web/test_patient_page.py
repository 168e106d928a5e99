"""The patient page: the answer first, light even for a long course, and its pages beside it."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AccessLogEntry, Evidence, Patient, PrescriptionOrder, Role
from compliance.rules.facts import read_fact
from compliance.rules.terms import Verdict
from compliance.services import evidence, notes
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from tests.journeys.person import TOKEN, Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

BOTH = ["combined-pill", "male-condom"]
MONTHS = 12
ANALYTES = (("TG", "mg/dL"), ("TC", "mg/dL"), ("ALT", "U/L"), ("AST", "U/L"), ("LDL", "mg/dL"))
PDF = b"%PDF-1.7\nsigned"


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic_id(app: Flask) -> int:
    return a_clinic()


def person(app: Flask, actor: Actor) -> Person:
    found = Person(app, email_of(db.session, actor))
    assert found.sign_in().status_code == 302
    return found


def history(actor: Actor, patient_id: int, told: list[tuple[str, dict]]) -> None:
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        for kind, data in told:
            row = evidence.append(session, actor, patient, read_fact(kind, data), NOW)
            if kind == "prescription":
                session.add(order_of(row))
        reassess(session, actor, patient, NOW)


def order_of(row: Evidence) -> PrescriptionOrder:
    return PrescriptionOrder(
        evidence_id=row.id,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        issued_on=row.happened_on,
        days_supply=30,
        daily_dose_mg=Decimal(40),
        verdict=Verdict.NO,
        edition="2023",
        override_reason="The test was done elsewhere that day; its paper came a day later.",
        decided_at=NOW,
    )


def a_year() -> list[tuple[str, dict]]:
    told: list[tuple[str, dict]] = [("weight", {"on": "2025-04-01", "kg": 60})]
    for method in BOTH:
        told.append(("contraception", {"method": method, "from": "2025-03-01"}))
    for month in range(MONTHS + 1):
        day = dt.date(2025, 3, 20) + dt.timedelta(days=30 * month)
        on, next_day = day.isoformat(), (day + dt.timedelta(days=1)).isoformat()
        told.append(
            ("pregnancy_test", {"collected": on, "result": "negative", "setting": "medical"})
        )
        told.append(("counselling", {"on": on}))
        for side in ("prescriber", "patient"):
            told.append(("method_report", {"on": on, "by": side, "methods": BOTH}))
        told.append(("comprehension", {"on": on, "passed": True}))
        told.append(("prescription", {"on": on, "daily_dose_mg": 40}))
        told.append(("dispensing", {"on": next_day}))
        for analyte, unit in ANALYTES:
            value = str(40 + month)
            told.append(
                ("lab", {"collected": on, "analyte": analyte, "value": value, "unit": unit})
            )
    return told


def test_the_page_of_a_course_of_twelve_months_stays_below_60_kb(app: Flask, clinic_id) -> None:
    prescriber = a_user(clinic_id, Role.PRESCRIBER)
    patient = a_patient(prescriber, enrolled_on=dt.date(2025, 3, 1), birth_date=dt.date(1998, 4, 2))
    history(prescriber, patient.id, a_year())
    with transaction() as session:
        here = session.get(Patient, patient.id)
        for number in range(6):
            notes.add_note(session, prescriber, here, f"Note {number}: " + "word " * 30, NOW)
    page = person(app, prescriber).client.get(f"/patients/{patient.public_id}")
    html = page.get_data(as_text=True)
    assert page.status_code == 200
    assert len(page.get_data()) < 60_000
    assert (
        html.index('class="verdict') < html.index('id="requirements"') < html.index('id="course"')
    )
    assert "All 13" in text_of(page), "older tests stand in the history"
    assert re.search(r'class="course-ring" d="(?:M\d+ \d+m-5[^M]*){13}"', html)


def test_the_timeline_is_drawn_and_says_the_same_in_its_table(app: Flask, clinic_id) -> None:
    prescriber = a_user(clinic_id, Role.PRESCRIBER)
    patient = a_patient(prescriber, enrolled_on=dt.date(2025, 3, 1))
    history(prescriber, patient.id, a_year())
    said = person(app, prescriber).read(f"/patients/{patient.public_id}")
    assert "Mar 2025 20 Pregnancy test: negative, Methods stated by the" in said
    assert "Handed over: 30 days, through" in said
    assert "Prescribed: 40 mg a day" in said
    assert "5 laboratory results" in said
    assert re.search(r"Pick-up window until [\w ]+, used", said)
    empty = a_patient(prescriber)
    assert "Nothing has happened in this course yet." in person(app, prescriber).read(
        f"/patients/{empty.public_id}"
    )


def test_every_open_requirement_has_a_button_for_a_nurse_and_none_for_a_manager(
    app: Flask, clinic_id
) -> None:
    nurse = a_user(clinic_id)
    patient = a_patient(nurse)
    address = f"/patients/{patient.public_id}/requirements"
    html = person(app, nurse).client.get(address).get_data(as_text=True)
    rows = re.findall(
        r'<li class="finding .*?(?=<li class="finding |</ul>\s*(?:<h3|<details))', html, re.S
    )
    blocking = [row for row in rows if "Not met" in row or "Not known" in row]
    assert blocking
    assert all('class="finding-fix"' in row for row in blocking)
    assert "/visit#talk" in html, "a nurse leaves counselling to the prescriber in the visit"
    manager = person(app, a_user(clinic_id, Role.MANAGER))
    assert "finding-fix" not in manager.client.get(address).get_data(as_text=True)


def test_the_dose_page_says_what_is_known_and_takes_a_target_and_a_weight(
    app: Flask, clinic_id
) -> None:
    nurse = a_user(clinic_id)
    patient = a_patient(nurse)
    history(
        nurse,
        patient.id,
        [
            ("prescription", {"on": "2026-03-04", "daily_dose_mg": 40}),
            ("dispensing", {"on": "2026-03-04", "days_supply": 30}),
        ],
    )
    desk, address = person(app, nurse), f"/patients/{patient.public_id}"
    said = desk.read(f"{address}/dose")
    assert "1200 mg" in said
    assert "Without a weight there is no dose for each kg." in said
    assert "Target Not set" in said
    desk.record(patient.public_id, "weight", on="2026-04-02", kg="60")
    assert desk.submit(f"{address}/dose", target_mg_per_kg="120").status_code == 302
    said = desk.read(address)
    assert "40 mg · 0.67 mg/kg" in said
    assert "16 % of the target; about 150 more days at this dose" in said
    refused = desk.submit(f"{address}/dose", target_mg_per_kg="0.5")
    assert refused.status_code == 422
    assert "allowed are 1 to 400 mg/kg" in text_of(refused)
    manager = person(app, a_user(clinic_id, Role.MANAGER))
    assert "Set the target" not in manager.read(f"{address}/dose")


def test_a_note_is_written_read_as_text_and_withdrawn(app: Flask, clinic_id) -> None:
    nurse = a_user(clinic_id)
    patient = a_patient(nurse)
    desk, address = person(app, nurse), f"/patients/{patient.public_id}"
    assert desk.submit(f"{address}/notes", text="<i>calls</i> after four").status_code == 302
    page = desk.client.get(address).get_data(as_text=True)
    assert "&lt;i&gt;calls&lt;/i&gt; after four" in page
    withdraw = re.search(rf'href="({address}/notes/\w+/withdraw)"', page).group(1)
    assert desk.submit(withdraw, reason="Wrong patient").status_code == 302
    assert "Withdrawn by Nia Nurse: Wrong patient" in desk.read(f"{address}/notes")
    assert desk.submit(f"{address}/notes", text=" ").status_code == 422


def test_a_document_is_a_download_under_a_policy_of_its_own_and_its_look_is_logged(
    app: Flask, clinic_id
) -> None:
    nurse = a_user(clinic_id)
    patient = a_patient(nurse)
    desk, address = person(app, nurse), f"/patients/{patient.public_id}/documents"
    assert _sent(desk, address, PDF, "form.exe").status_code == 302
    link = re.search(rf'href="({address}/\w+)" download', _html(desk, address)).group(1)
    answer = desk.client.get(link)
    assert answer.get_data() == PDF
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "form.pdf" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    db.session.rollback()
    look = db.session.scalars(select(AccessLogEntry).order_by(AccessLogEntry.id.desc())).first()
    assert (look.page, look.actor) == (f"document {link.rpartition('/')[2]}", nurse.name)
    again = _sent(desk, address, PDF, "form.pdf")
    assert again.status_code == 422
    assert "The same file is here already" in text_of(again)
    assert "no PDF, PNG, JPEG or plain text" in text_of(
        _sent(desk, address, b"MZ\x90\x00", "a.pdf")
    )


def _html(desk: Person, address: str) -> str:
    return desk.client.get(address).get_data(as_text=True)


def _sent(desk: Person, address: str, content: bytes, name: str):
    token = TOKEN.search(_html(desk, address)).group(1)
    data = {"csrf_token": token, "title": "Signed form", "file": (io.BytesIO(content), name)}
    return desk.client.post(address, data=data, content_type="multipart/form-data")


def test_notes_and_documents_are_for_the_clinical_roles_of_their_own_clinic(
    app: Flask, clinic_id
) -> None:
    nurse = a_user(clinic_id)
    patient = a_patient(nurse)
    desk, address = person(app, nurse), f"/patients/{patient.public_id}"
    desk.submit(f"{address}/notes", text="Private")
    _sent(desk, f"{address}/documents", PDF, "form.pdf")
    page = _html(desk, address)
    links = re.findall(rf'href="({address}/(?:notes|documents)[^"]*)"', page)
    assert len(links) >= 5
    manager = person(app, a_user(clinic_id, Role.MANAGER))
    stranger = person(app, a_user(a_clinic("hill"), Role.PRESCRIBER))
    assert "Private" not in manager.read(address)
    for link in links:
        assert manager.client.get(link).status_code == 403, link
        assert stranger.client.get(link).status_code == 404, link
    for part in ("/requirements", "/results", "/dose", "/history"):
        assert stranger.client.get(f"{address}{part}").status_code == 404, part


def test_the_history_shows_changes_to_all_staff_and_looks_to_oversight(
    app: Flask, clinic_id
) -> None:
    nurse = a_user(clinic_id)
    patient = a_patient(nurse)
    desk, address = person(app, nurse), f"/patients/{patient.public_id}/history"
    assert "Patient enrolled" in desk.read(f"{address}?part=changes")
    assert "Enrolment" in desk.read(address)
    assert "Who looked at it" not in desk.read(address)
    assert desk.client.get(f"{address}?part=looks").status_code == 403
    assert desk.client.get(f"{address}?part=nothing").status_code == 404
    manager = person(app, a_user(clinic_id, Role.MANAGER, "Mia Manager"))
    said = manager.read(f"{address}?part=looks")
    assert nurse.name in said
    assert "History" in said


def test_the_history_is_paged(app: Flask, clinic_id) -> None:
    nurse = a_user(clinic_id)
    patient = a_patient(nurse)
    told = [("menses", {"started": f"2026-03-{day:02}"}) for day in range(1, 32)]
    history(nurse, patient.id, told + [("symptom", {"on": "2026-03-05", "name": "headache"})] * 18)
    desk, address = person(app, nurse), f"/patients/{patient.public_id}/history"
    assert "Page 1 of 2" in desk.read(address)
    assert "Page 2 of 2" in desk.read(f"{address}?page=2")
