"""The pages of laboratory results: files in, accounts, and what a person decides."""

from __future__ import annotations

import datetime as dt
import io

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db
from compliance.models import AccessLogEntry, Evidence, ImportedFile, ImportedResult, Patient, Role
from tests.interop.messages import STATUS, TG, obx, oru
from tests.journeys.person import TOKEN, Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of


@pytest.fixture
def nurse(app: Flask) -> Person:
    """A nurse who is signed in at a clinic with one patient, number T-1."""
    actor = a_user(a_clinic(), Role.NURSE)
    a_patient(actor, mrn="T-1", family_name="Okafor", birth_date=dt.date(1998, 4, 2))
    return at_work(app, actor)


def at_work(app: Flask, actor) -> Person:
    person = Person(app, email_of(db.session, actor))
    with time_machine.travel(NOW, tick=False):
        assert person.sign_in().status_code == 302
    return person


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


def send(person: Person, *contents: bytes) -> str:
    files = [(io.BytesIO(content), f"file{at}.hl7") for at, content in enumerate(contents)]
    answer = person.submit("/labs", files=files)
    assert answer.status_code == 302, text_of(answer)
    return answer.location


def labs_of(mrn: str) -> list[Evidence]:
    query = select(Evidence).join(Patient, Patient.id == Evidence.patient_id)
    rows = db.session.scalars(query.where(Patient.mrn == mrn, Evidence.kind == "lab"))
    return list(rows)


def the_result() -> ImportedResult:
    found: ImportedResult = db.session.scalars(select(ImportedResult)).one()
    return found


def click(person: Person, address: str, **fields: str):
    page = person.client.get("/labs/held").get_data(as_text=True)
    token = TOKEN.search(page).group(1)
    return person.client.post(address, data={"csrf_token": token, **fields})


def test_an_uploaded_file_is_shown_with_its_account_and_every_reason(nurse: Person) -> None:
    where = send(nurse, oru(obx(TG, "120"), obx(TG, "5.6"), obx("718-7^Hemoglobin^LN", "13")))
    said = nurse.read(where)
    assert "3 received = 1 filed + 1 held + 0 rejected + 1 ignored." in said
    assert "probably mmol/L" in said
    assert "Out of scope: “Hemoglobin”" in said
    assert len(labs_of("T-1")) == 1
    assert "file0.hl7" in nurse.read("/labs")


def test_several_files_are_taken_in_one_after_the_other(nurse: Person) -> None:
    said = nurse.read(send(nurse, oru(obx()), b"no message", oru(obx())))
    assert "file0.hl7: 1 received = 1 filed" in said
    assert "file1.hl7: 0 received" in said
    assert "no line begins with MSH" in said
    assert "file2.hl7 was received before; nothing changed." in said


def test_sending_no_file_says_so(nurse: Person) -> None:
    assert "Choose at least one file." in nurse.read(nurse.submit("/labs").location)


def test_the_file_is_shown_as_it_came_and_nothing_in_it_is_executed(nurse: Person) -> None:
    where = send(nurse, oru(obx(TG, "<script>alert(1)</script>", kind="ST")))
    page = nurse.client.get(where).get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    original = nurse.client.get(f"{where}/original")
    assert original.data == db.session.scalars(select(ImportedFile.content)).one()
    assert original.headers["Content-Disposition"].startswith("attachment")


def test_looking_at_a_file_is_written_down_for_each_patient_in_it(nurse: Person) -> None:
    where = send(nurse, oru(obx()))
    nurse.read(where)
    pages = db.session.scalars(select(AccessLogEntry.page)).all()
    assert any(page.startswith("lab file") for page in pages)


def test_an_unusual_result_is_filed_with_one_click(nurse: Person) -> None:
    send(nurse, oru(obx(TG, "1200")))
    assert "is unusual" in nurse.read("/labs/held")
    row, patient = the_result(), db.session.scalars(select(Patient)).one()
    answer = click(nurse, f"/labs/held/{row.public_id}/file", patient=patient.public_id)
    assert answer.location == "/labs/held"
    assert labs_of("T-1")[0].fact.value == "1200"
    assert "Nothing waits" in nurse.read("/labs/held")


def test_a_message_without_a_known_number_is_filed_once_somebody_says_whose_it_is(nurse) -> None:
    send(nurse, oru(obx(TG, "120"), numbers="X-7^^^HOSP^PI"))
    assert "It is Amara Okafor" in nurse.read("/labs/held")
    row, patient = the_result(), db.session.scalars(select(Patient)).one()
    click(nurse, f"/labs/held/{row.public_id}/identify", patient=patient.public_id)
    assert len(labs_of("T-1")) == 1
    send(nurse, oru(obx("1742-6^ALT^LN", "22", "U/L"), numbers="X-7^^^HOSP^PI"))
    assert len(labs_of("T-1")) == 2


def test_a_wrong_unit_is_filed_as_the_laboratory_says_when_asked(nurse: Person) -> None:
    send(nurse, oru(obx(TG, "5.6")))
    address = f"/labs/held/{the_result().public_id}"
    assert "probably mmol/L" in nurse.read(address)
    fields = {"mrn": "T-1", "analyte": "TG", "value": "5.6", "collected": "2026-04-01"}
    refused = nurse.submit(address, **fields)
    assert refused.status_code == 422
    assert "Enter this too." in text_of(refused)
    assert 'value="5.6"' in refused.get_data(as_text=True)
    assert nurse.submit(address, **fields, unit="mmol/L", note="Dr Lab").status_code == 302
    assert labs_of("T-1")[0].fact.unit == "mmol/L"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mrn": ""}, "Enter the record number."),
        ({"mrn": "T-99"}, "no patient of this clinic has that number"),
        ({"mrn": "T-1"}, "no certain meaning"),
        ({"mrn": "T-1", "value": "5.6"}, "Enter the day"),
        ({"mrn": "T-1", "result": "negative", "collected": "2027-01-01"}, "after today"),
        ({"reason": ""}, "Enter the reason."),
    ],
)
def test_a_decision_that_cannot_be_taken_names_the_field(nurse: Person, fields, said) -> None:
    send(nurse, oru(obx(TG, "5.6")))
    answer = nurse.submit(f"/labs/held/{the_result().public_id}", **fields)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert the_result().disposition.value == "held"


def test_a_stated_pregnancy_is_dismissed_only_with_a_reason_that_stays(nurse: Person) -> None:
    where = send(nurse, oru(obx(STATUS, "Y^Yes^HL70136", "", kind="CWE")))
    assert "Act now" in nurse.read("/labs/held")
    address = f"/labs/held/{the_result().public_id}"
    assert "Record a pregnancy" in nurse.read(address)
    assert nurse.submit(address, reason="Asked: a mistake at the desk.").status_code == 302
    assert "Dismissed. Asked: a mistake at the desk." in nurse.read(where)


def test_what_waits_is_shown_where_somebody_decides_about_the_patient(nurse: Person) -> None:
    send(nurse, oru(obx(STATUS, "Y^Yes^HL70136", "", kind="CWE")))
    patient = db.session.scalars(select(Patient)).one()
    for address in (f"/patients/{patient.public_id}", f"/patients/{patient.public_id}/dispense"):
        assert "1 laboratory result waits for a person" in nurse.read(address)


def test_a_decided_result_cannot_be_decided_twice(nurse: Person) -> None:
    send(nurse, oru(obx(TG, "1200")), oru(obx(TG, "5.6"), control="2"))
    patient = db.session.scalars(select(Patient)).one()
    row = db.session.scalars(select(ImportedResult)).first()
    address = f"/labs/held/{row.public_id}/file"
    click(nurse, address, patient=patient.public_id)
    click(nurse, address, patient=patient.public_id)
    assert "does not wait any more" in nurse.read("/labs/held")
    assert len(labs_of("T-1")) == 1


def test_another_clinic_sees_none_of_it(app: Flask, nurse: Person) -> None:
    where = send(nurse, oru(obx(TG, "5.6")))
    other = at_work(app, a_user(a_clinic("hillside", name="Hillside"), Role.NURSE))
    for address in (where, f"{where}/original", f"/labs/held/{the_result().public_id}"):
        other.read(address, status=404)
    assert "Nothing waits" in other.read("/labs/held")
    assert "Nothing received yet" in other.read("/labs")


def test_a_manager_looks_and_decides_nothing(app: Flask, nurse: Person) -> None:
    where = send(nurse, oru(obx(TG, "5.6")))
    clinic_id = db.session.scalars(select(Patient.clinic_id)).one()
    manager = at_work(app, a_user(clinic_id, Role.MANAGER, "Max Manager"))
    assert "probably mmol/L" in manager.read(where)
    assert "Decide" not in manager.read("/labs/held")
    manager.read(f"/labs/held/{the_result().public_id}", status=403)
    manager.read(f"{where}/original", status=403)
