"""Spreadsheets of laboratories over HTTP without JavaScript: described once, read from then on."""

from __future__ import annotations

import datetime as dt
import io

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db
from compliance.models import AuditEvent, ColumnMapping, Evidence, ImportedFile, Role
from tests.journeys.person import TOKEN, Person, text_of
from tests.services.onboarding_sheets import a_workbook
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

HEADINGS = "Chart,Drawn,TG,ALT,Remark"
WIDE = f"{HEADINGS}\nT-1,2026-04-01,120,22,fine\n".encode()
DESCRIBED = {
    "sender": "Hillside Lab",
    "constant-authority": "riverside",
    "number": "Chart",
    "collected": "Drawn",
    "column-TG": "TG",
    "unit-TG": "mg/dL",
    "column-ALT": "ALT",
    "unit-ALT": "U/L",
    "all_final": "yes",
    "date_form": "iso",
    "decimal": ".",
}


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def nurse(app: Flask) -> Person:
    """A nurse who is signed in at a clinic with one patient, number T-1."""
    actor = a_user(a_clinic(), Role.NURSE, "Nora Nurse")
    a_patient(actor, mrn="T-1", family_name="Okafor", birth_date=dt.date(1998, 4, 2))
    return signed_in(app, actor)


def signed_in(app: Flask, actor) -> Person:
    person = Person(app, email_of(db.session, actor))
    assert person.sign_in().status_code == 302
    return person


def upload(person: Person, content: bytes, name: str = "april.csv") -> str:
    answer = person.submit("/labs", files=[(io.BytesIO(content), name)])
    assert answer.status_code == 302, text_of(answer)
    return answer.location


def post(person: Person, address: str, **fields: str):
    token = TOKEN.search(person.client.get("/labs").get_data(as_text=True)).group(1)
    return person.client.post(address, data={"csrf_token": token, **fields})


def filed() -> list[tuple[str, str, str]]:
    rows = db.session.scalars(select(Evidence).where(Evidence.kind == "lab").order_by(Evidence.id))
    return [(row.fact.analyte.value, row.fact.value, row.fact.unit) for row in rows]


def test_a_spreadsheet_that_nobody_described_waits_and_nothing_of_it_is_read(nurse) -> None:
    where = upload(nurse, WIDE)
    assert where.startswith("/labs/columns/files/")
    said = nurse.read(where)
    assert "1 row wait" in said
    assert filed() == []
    stored = db.session.scalars(select(ImportedFile)).one()
    assert stored.content == WIDE
    assert "Nobody has said yet" in stored.error
    assert "april.csv" in nurse.read("/labs/columns")


def test_known_headings_are_proposed_and_chosen_only_by_a_person(nurse: Person) -> None:
    page = nurse.client.get(upload(nurse, WIDE)).get_data(as_text=True)
    assert '<option value="TG" selected>' in page
    assert '<option value="ALT" selected>' in page
    assert "fine" in page


def test_trying_shows_the_account_and_stores_nothing(nurse: Person) -> None:
    where = upload(nurse, WIDE)
    said = text_of(post(nurse, where, do="try", **DESCRIBED))
    assert "2 = 2 filed" in said
    assert "Save, and take the file in" in said
    assert filed() == []
    assert db.session.scalars(select(ColumnMapping)).all() == []


def test_a_described_spreadsheet_is_taken_in_and_the_next_one_by_itself(nurse: Person) -> None:
    where = upload(nurse, WIDE)
    answer = post(nurse, where, do="save", **DESCRIBED)
    assert answer.status_code == 302, text_of(answer)
    assert filed() == [("TG", "120", "mg/dL"), ("ALT", "22", "U/L")]
    row = db.session.scalars(select(ColumnMapping)).one()
    assert (row.sender, row.mapped_by) == ("Hillside Lab", "Nora Nurse")
    later = upload(nurse, f"{HEADINGS}\nT-1,2026-03-30,150,30,\n".encode(), "may.csv")
    assert later.startswith("/labs/files/")
    assert filed()[2:] == [("TG", "150", "mg/dL"), ("ALT", "30", "U/L")]
    assert len(db.session.scalars(select(ImportedFile)).all()) == 2


def test_the_same_row_in_the_next_file_changes_nothing(nurse: Person) -> None:
    post(nurse, upload(nurse, WIDE), do="save", **DESCRIBED)
    said = nurse.read(upload(nurse, WIDE + b"T-1,2026-03-02,100,20,\n", "more.csv"))
    assert "The same message was received before" in said
    assert len(filed()) == 4


def test_a_workbook_is_read_as_a_csv_file_is(nurse: Person) -> None:
    sheet = a_workbook(["T-1", dt.date(2026, 4, 1), 120, 22.5, None], headings=HEADINGS.split(","))
    answer = post(nurse, upload(nurse, sheet, "april.xlsx"), do="save", **DESCRIBED)
    assert answer.status_code == 302, text_of(answer)
    assert filed() == [("TG", "120", "mg/dL"), ("ALT", "22.5", "U/L")]


def test_a_unit_that_does_not_fit_is_refused_beside_its_field(nurse: Person) -> None:
    where = upload(nurse, WIDE)
    answer = post(nurse, where, do="save", **{**DESCRIBED, "unit-TG": "U/L"})
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'href="#unit-TG"' in page
    assert 'id="unit-TG-error"' in page
    assert "Triglycerides cannot be in U/L" in text_of(answer)
    assert filed() == []


def test_what_is_missing_is_said_beside_its_field(nurse: Person) -> None:
    where = upload(nurse, WIDE)
    fields = {**DESCRIBED, "number": "", "collected": "", "sender": "Lab"}
    page = post(nurse, where, do="try", **fields).get_data(as_text=True)
    assert 'id="number-error"' in page
    assert 'id="collected-error"' in page


def test_results_are_held_unless_somebody_says_that_all_are_final(nurse: Person) -> None:
    fields = {**DESCRIBED, "all_final": ""}
    post(nurse, upload(nurse, WIDE), do="save", **fields)
    assert filed() == []
    assert "It is not final (no status)" in nurse.read("/labs/held")


def test_a_description_is_changed_and_deleted_and_each_is_on_record(nurse: Person) -> None:
    post(nurse, upload(nurse, WIDE), do="save", **DESCRIBED)
    row = db.session.scalars(select(ColumnMapping)).one()
    address = f"/labs/columns/{row.id}"
    assert 'value="Hillside Lab"' in nurse.client.get(address).get_data(as_text=True)
    changed = {**DESCRIBED, "column-TG": "", "unit-TG": "", "sender": "Hillside"}
    assert post(nurse, address, **changed).status_code == 302
    db.session.expire_all()
    assert [item["code"] for item in row.columns["analytes"]] == ["1742-6"]
    assert "Hillside" in nurse.read("/labs/columns")
    assert post(nurse, f"{address}/delete").status_code == 302
    assert db.session.scalars(select(ColumnMapping)).all() == []
    actions = db.session.scalars(select(AuditEvent.action)).all()
    assert {"columns.described", "columns.changed", "columns.deleted"} <= set(actions)


def test_two_laboratories_cannot_have_the_same_headings_or_the_same_name(nurse: Person) -> None:
    post(nurse, upload(nurse, WIDE), do="save", **DESCRIBED)
    other = upload(nurse, b"Chart,Day,TG\nT-1,2026-03-30,150\n", "other.csv")
    fields = {"number": "Chart", "collected": "Day", "column-TG": "TG", "unit-TG": "mg/dL"}
    answer = post(nurse, other, do="save", sender="hillside lab", date_form="iso", **fields)
    assert answer.status_code == 422
    assert "has a spreadsheet with other headings already" in text_of(answer)


def test_another_clinics_description_is_not_there(app: Flask, nurse: Person) -> None:
    post(nurse, upload(nurse, WIDE), do="save", **DESCRIBED)
    row = db.session.scalars(select(ColumnMapping)).one()
    stranger = signed_in(app, a_user(a_clinic("hillside", name="Hillside"), Role.NURSE))
    assert stranger.client.get(f"/labs/columns/{row.id}").status_code == 404
    assert upload(stranger, WIDE).startswith("/labs/columns/files/")
    assert "Hillside Lab" not in stranger.read("/labs/columns")


def test_a_manager_may_look_and_not_describe(app: Flask, nurse: Person) -> None:
    where = upload(nurse, WIDE)
    clinic_id = db.session.scalars(select(ImportedFile.clinic_id)).one()
    manager = signed_in(app, a_user(clinic_id, Role.MANAGER))
    assert "april.csv" in manager.read("/labs/columns")
    assert manager.client.get(where).status_code == 403


def test_the_page_stays_small_when_a_spreadsheet_has_many_columns(nurse: Person) -> None:
    names = [f"Analyte number {at}" for at in range(200)]
    content = ",".join(["Patient", "Date", "Value", *names]) + "\n" + ",".join(["x"] * 203) + "\n"
    page = nurse.client.get(upload(nurse, content.encode()))
    assert page.status_code == 200
    assert len(page.data) < 60_000


def test_a_table_that_cannot_be_read_says_why(nurse: Person) -> None:
    said = nurse.read(upload(nurse, b"Chart,Drawn,TG\nT-1,\x00,1\n", "broken.csv"))
    assert "NUL bytes" in said


def test_a_long_spreadsheet_is_shown_page_by_page(nurse: Person) -> None:
    rows = "".join(f"T-1,2026-03-{at % 28 + 1:02},{100 + at},,\n" for at in range(60))
    where = upload(nurse, f"{HEADINGS}\n{rows}".encode())
    post(nurse, where, do="save", **DESCRIBED)
    shown = where.replace("/columns/files/", "/files/")
    first = nurse.client.get(shown)
    assert len(first.data) < 60_000
    assert "Page 1 of 3" in text_of(first)
    assert "row 61" in nurse.read(f"{shown}?page=3")
