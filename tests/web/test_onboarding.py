"""Taking over patients by hand, over HTTP without JavaScript; and closing a course."""

from __future__ import annotations

import datetime as dt
import io

import pytest
import time_machine
from sqlalchemy import func, select

from compliance.db import db
from compliance.models import AccessLogEntry, Patient, Role
from tests.journeys.person import TOKEN, Person, text_of
from tests.services.onboarding_sheets import a_csv, a_workbook
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

ADDRESS = "/administration/onboarding"


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ada(app):
    return a_user(a_clinic(), Role.ADMINISTRATOR, "Ada Admin")


@pytest.fixture
def person(app, ada) -> Person:
    return signed_in(app, ada)


def signed_in(app, actor) -> Person:
    person = Person(app, email_of(db.session, actor))
    assert person.sign_in().status_code == 302
    return person


def upload(person: Person, content: bytes, name: str = "ours.csv") -> str:
    answer = person.submit(ADDRESS, file=(io.BytesIO(content), name))
    assert answer.status_code == 302, text_of(answer)
    return answer.headers["Location"].removesuffix("/columns")


def post(person: Person, address: str, **fields: str):
    token = TOKEN.search(person.client.get("/").get_data(as_text=True)).group(1)
    data = {"csrf_token": token, **{name.replace("__", "-"): said for name, said in fields.items()}}
    return person.client.post(address, data=data, follow_redirects=True)


COLUMNS = {
    "mrn": "MRN",
    "given_name": "First name",
    "family_name": "Last name",
    "birth_date": "DOB",
}
ROWS = (
    ["N-1", "Ann", "Lee", "02/04/1999"],
    ["N-2", "Bo", "Ng", "13/02/2001"],
    ["N-3", "Cy", "Ode", "soon"],
    ["N-4", "Di", "Poe", "14/05/1990"],
)


def patients() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Patient))


def test_a_file_is_mapped_tried_decided_loaded_and_undone(person, ada):
    a_patient(ada, mrn="N-4", given_name="Di", family_name="Poe")
    batch = upload(person, a_csv(*ROWS))
    said = person.read(f"{batch}/columns")
    assert "Read as CSV, UTF-8, separated by comma" in said
    assert "Date of birth: what is 02/04/1999?" in said
    assert "1 date can be read two ways; 2 only with the day first, 0 only with the month" in said

    said = text_of(post(person, f"{batch}/columns", **COLUMNS))
    assert "A question first" in said
    said = text_of(post(person, f"{batch}/columns", **COLUMNS, form_birth_date="dmy"))
    assert "4 rows = 2 new + 1 duplicate + 1 refused + 0 left out" in said
    assert "decide first" in said
    assert patients() == 1

    said = text_of(post(person, f"{batch}/decide", decision__5="another"))
    assert "the record number is taken" in said
    said = text_of(post(person, f"{batch}/decide", decision__5="same"))
    assert "Date of birth: found “soon”; enter a date such as 2026-04-02." in said
    said = text_of(post(person, f"{batch}/load"))
    assert "This was not done" in said
    assert "1 refused rows stay out" in said
    assert patients() == 1
    said = text_of(post(person, f"{batch}/load", refused_seen="yes"))
    assert "2 patients since" in said
    assert patients() == 3

    assert "Say why the load is undone" in text_of(post(person, f"{batch}/undo", reason=""))
    said = text_of(post(person, f"{batch}/undo", reason="The wrong list."))
    assert "The wrong list." in said
    assert "4 rows = 2 new + 1 duplicate + 1 refused + 0 left out" in said


def test_a_patient_shown_beside_a_row_is_written_down_as_looked_at(person, ada):
    patient = a_patient(ada, mrn="N-2")
    batch = upload(person, a_csv(ROWS[1]))
    said = text_of(post(person, f"{batch}/columns", **COLUMNS))
    assert patient.name in said
    looks = select(AccessLogEntry.page).where(AccessLogEntry.patient_id == patient.id)
    assert set(db.session.scalars(looks)) == {"onboarding"}


def test_all_with_a_known_number_are_decided_at_once(person, ada):
    for number in ("N-1", "N-2"):
        a_patient(ada, mrn=number)
    batch = upload(person, a_csv(*ROWS))
    post(person, f"{batch}/columns", **COLUMNS, form_birth_date="dmy")
    said = text_of(post(person, f"{batch}/decide", all_same="yes"))
    assert "may be patients that are here" not in said
    assert "1 new + 2 duplicate + 1 refused" in said


def test_a_row_is_left_out_and_taken_in_again(person):
    batch = upload(person, a_csv(ROWS[1]))
    post(person, f"{batch}/columns", **COLUMNS)
    said = text_of(post(person, f"{batch}/decide", decision__2="leave-out"))
    assert "1 row = 0 new + 0 duplicate + 0 refused + 1 left out" in said
    said = text_of(post(person, f"{batch}/decide", decision__2="back"))
    assert "1 row = 1 new" in said


def test_a_workbook_is_taken_and_its_dates_need_no_question(person):
    content = a_workbook(["N-1", "Ann", "Lee", dt.date(1999, 4, 2)])
    batch = upload(person, content, "ours.xlsx")
    assert "Read as XLSX, sheet “Sheet”" in person.read(f"{batch}/columns")
    assert "1 row = 1 new" in text_of(post(person, f"{batch}/columns", **COLUMNS))


def test_a_missing_column_and_an_unreadable_file_are_said_where_they_belong(person):
    batch = upload(person, a_csv(ROWS[1]))
    answer = post(person, f"{batch}/columns", **{**COLUMNS, "mrn": ""})
    assert answer.status_code == 422
    assert "Choose the column that holds the record number." in text_of(answer)
    answer = person.submit(ADDRESS, file=(io.BytesIO(b"PK\x03\x04x"), "x.xlsx"))
    assert (answer.status_code, "damaged or locked" in text_of(answer)) == (422, True)
    answer = person.submit(ADDRESS)
    assert "Choose a file." in text_of(answer)


def test_the_example_file_is_understood_by_itself(person):
    content = person.client.get(f"{ADDRESS}/example.csv").get_data()
    batch = upload(person, content, "example.csv")
    page = person.client.get(f"{batch}/columns").get_data(as_text=True)
    assert page.count(" selected>") == 15


def test_a_nurse_takes_nobody_over(app, ada):
    nurse = signed_in(app, a_user(ada.clinic_id))
    assert nurse.client.get(ADDRESS).status_code == 403


def test_another_clinic_does_not_find_the_file(app, person):
    batch = upload(person, a_csv(ROWS[1]))
    other = signed_in(app, a_user(a_clinic("second"), Role.ADMINISTRATOR))
    for address in (batch, f"{batch}/columns"):
        assert other.client.get(address).status_code == 404
    assert post(other, f"{batch}/load").status_code == 404


def test_a_course_is_closed_and_opened_again_on_its_pages(app, ada):
    nurse_actor = a_user(ada.clinic_id)
    nurse = signed_in(app, nurse_actor)
    address = f"/patients/{a_patient(nurse_actor).public_id}/course"
    answer = nurse.submit(f"{address}/close")
    assert (answer.status_code, "Choose one." in text_of(answer)) == (422, True)
    assert nurse.submit(f"{address}/close", reason="moved-away").status_code == 302
    assert "This course is closed" in nurse.read(f"{address}/close")
    assert nurse.submit(f"{address}/reopen", reason="Came back.").status_code == 302
    assert "This course is open" in nurse.read(f"{address}/reopen")
