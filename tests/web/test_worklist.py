"""Today: filters in the address, search in the body, what was done, the file, sizes and states."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import (
    AccessLogEntry,
    AuditEvent,
    Contact,
    ContactOutcome,
    Patient,
    Role,
    StoredAssessment,
)
from compliance.services import contacts
from compliance.services.actors import Actor
from compliance.services.contacts import NewContact
from compliance.web.csv_answer import safe_cell
from compliance.web.filters import ago
from tests.journeys.person import Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

REASON = "The visit has to be arranged"
LIMIT = 60_000  # bytes of a page's own HTML


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def nurse(app: Flask) -> Actor:
    return a_user(a_clinic())


def at_work(app: Flask, actor: Actor) -> Person:
    person = Person(app, email_of(db.session, actor))
    assert person.sign_in().status_code == 302
    return person


def put(patient: Patient, **columns: object) -> None:
    with transaction() as session:
        query = select(StoredAssessment).where(StoredAssessment.patient_id == patient.id)
        row = session.scalar(query)
        for name, value in columns.items():
            setattr(row, name, value)


def write_down(person: Person, patient: Patient, outcome: str, query: str = "", **more: str):
    address = f"/patients/{patient.public_id}/contact{query}"
    return person.submit(address, outcome=outcome, **{"reason": REASON, **more})


def test_what_was_done_stands_on_the_row_and_on_the_patients_page(app, nurse) -> None:
    patient = a_patient(nurse)
    person = at_work(app, nurse)
    assert write_down(person, patient, "no-answer", more="mailbox full").status_code == 302
    with time_machine.travel(NOW + dt.timedelta(hours=2), tick=False):
        said = f"No answer · 2 h ago by Nia Nurse: {REASON}: mailbox full"
        assert said in person.read("/")
        page = person.read(f"/patients/{patient.public_id}")
    assert f"No answer 2 h ago by Nia Nurse {REASON}: mailbox full" in page
    row = db.session.scalar(select(Contact))
    assert row.outcome is ContactOutcome.NO_ANSWER


def test_after_writing_down_one_is_back_where_one_came_from(app, nurse) -> None:
    patient = a_patient(nurse)
    person = at_work(app, nurse)
    answer = write_down(person, patient, "called", "?group=due-this-week&sort=name&page=2&x=1")
    assert answer.location == "/?group=due-this-week&sort=name&page=2"
    answer = write_down(person, patient, "called", "?from=patient")
    assert answer.location == f"/patients/{patient.public_id}#contacts"


def test_what_is_missing_is_said_beside_the_field_and_nothing_is_written(app, nurse) -> None:
    patient = a_patient(nurse)
    person = at_work(app, nurse)
    for fields, said in (
        ({"outcome": "will-come"}, "Enter the day."),
        ({"outcome": "snoozed", "until": "2026-04-02"}, "enter a day from 3 Apr 2026"),
        ({"outcome": "handed-to"}, "Choose a colleague of this clinic."),
        ({"outcome": "called", "reason": ""}, "Choose one."),
        ({"outcome": "called", "reason": "other"}, "Say why; the reason stays on record."),
        ({"outcome": "called", "reason": "other", "more": "x" * 401}, "at most 400 letters"),
    ):
        answer = write_down(person, patient, **fields)
        assert answer.status_code == 422, fields
        assert said in text_of(answer), fields
    assert db.session.scalar(select(Contact)) is None


def test_snooze_is_not_offered_while_a_stop_protocol_is_open(app, nurse) -> None:
    patient = a_patient(nurse)
    person = at_work(app, nurse)
    test = {"result": "positive", "specimen": "urine", "setting": "medical"}
    person.record(patient.public_id, "pregnancy-test", collected="2026-04-01", **test)
    page = person.read(f"/patients/{patient.public_id}/contact")
    assert "Snooze is not offered: a pregnancy test that is positive or unclear" in page
    answer = write_down(person, patient, "snoozed", until="2026-04-03")
    assert answer.status_code == 422
    assert db.session.scalar(select(Contact)) is None


def test_who_is_put_off_leaves_the_list_for_a_tile_of_its_own(app, nurse) -> None:
    patient = a_patient(nurse, family_name="Sleeper")
    put(patient, act_by=None, window_closes_at=None)
    person = at_work(app, nurse)
    assert write_down(person, patient, "snoozed", until="2026-04-05").status_code == 302
    assert "Recorded for Amara Sleeper." in person.read("/")
    page = person.read("/")
    assert "1 Snoozed" in page
    assert "Amara Sleeper" not in page
    assert "Nothing to do now" in page
    apart = person.read("/?group=snoozed")
    assert "Amara Sleeper" in apart
    assert "Snoozed until 5 Apr 2026" in apart
    with time_machine.travel(NOW + dt.timedelta(days=3), tick=False):
        person.sign_in()
        assert "Amara Sleeper" in person.read("/")


def test_the_filters_stay_in_the_address_and_what_means_nothing_is_left_out(app, nurse) -> None:
    doctor = a_user(nurse.clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")
    a_patient(nurse, family_name="Withramos", prescriber_id=doctor.user_id)
    a_patient(nurse, family_name="Withnobody")
    person = at_work(app, nurse)
    page = person.read(f"/?prescriber={doctor.user_id}&phase=before&sort=name&whose=nobody")
    assert "Withramos" in page
    assert "Withnobody" not in page
    assert "1 patient · Prescriber: Dr Pia Ramos · Phase: Before treatment" in page
    html = person.client.get(f"/?prescriber={doctor.user_id}&whose=nobody").get_data(as_text=True)
    assert f'href="/?prescriber={doctor.user_id}&amp;group=act-now"' in html
    assert "whose=nobody" not in html
    assert "Nobody here" in person.read("/?phase=during")
    for wrong in ("?group=closed", "?phase=x", "?prescriber=9999", "?sort=mrn", "?page=x"):
        assert "Withnobody" in person.read(f"/{wrong}")


def test_mine_shows_what_was_handed_to_me(app, nurse) -> None:
    handed, other = (a_patient(nurse, family_name=name) for name in ("Handed", "Other"))
    person = at_work(app, nurse)
    me = str(nurse.user_id)
    assert write_down(person, handed, "handed-to", handed_to=me).status_code == 302
    for whose in ("mine", "to-me"):
        page = person.read(f"/?whose={whose}")
        assert "Amara Handed" in page
        assert f"Amara {other.family_name}" not in page
    assert "Handed to Nia Nurse" in page


@pytest.mark.parametrize("text", ["2 Apr 2001", "2001-04-02", "02/04/2001", "2 april 2001"])
def test_a_birth_date_is_found_as_people_type_it(app, nurse, text) -> None:
    a_patient(nurse, family_name="Spring", birth_date=dt.date(2001, 4, 2))
    a_patient(nurse, family_name="Winter", birth_date=dt.date(2001, 2, 4))
    a_patient(nurse, family_name="Other")
    page = text_of(at_work(app, nurse).submit("/", q=text))
    assert "Amara Spring" in page
    assert "born 2 Apr 2001" in page
    assert ("Amara Winter" in page) is ("/" in text)
    assert ("read as 2 Apr 2001 and 4 Feb 2001" in page) is ("/" in text)
    assert "Amara Other" not in page


def test_a_part_of_the_record_number_is_enough(app, nurse) -> None:
    a_patient(nurse, family_name="Found", mrn="HR-41702")
    a_patient(nurse, family_name="Other", mrn="HR-50000")
    page = text_of(at_work(app, nurse).submit("/", q="4170"))
    assert "Amara Found" in page
    assert "Amara Other" not in page


def test_a_search_keeps_the_filters_and_says_where_else_somebody_is(app, nurse) -> None:
    put(a_patient(nurse, family_name="Here"), grouping="waiting")
    put(a_patient(nurse, family_name="Hereafter"), grouping="on-track")
    person = at_work(app, nurse)
    found = text_of(person.submit("/?group=waiting", q="here"))
    assert "Amara Here " in found
    assert "Amara Hereafter" not in found
    nobody = text_of(person.submit("/?group=waiting", q="hereafter"))
    assert "Nobody in “Waiting” matches “hereafter”, but 1 patient in other groups." in nobody
    assert "Nobody found" in text_of(person.submit("/", q="zzzz"))


def test_a_script_gets_the_list_without_its_frame(app, nurse) -> None:
    a_patient(nurse, family_name="Found")
    person = at_work(app, nurse)
    token = person.token()
    answer = person.client.post(
        "/", data={"csrf_token": token, "q": "found"}, headers={"X-Fragment": "yes"}
    )
    html = answer.get_data(as_text=True)
    assert "<html" not in html
    assert 'id="results"' in html
    assert "Amara Found" in html
    refused = person.client.post("/", data={"q": "found"}, headers={"X-Fragment": "yes"})
    assert refused.status_code != 200


def test_the_file_holds_the_filtered_list_and_is_written_down(app, nurse) -> None:
    bad = a_patient(nurse, given_name="=1+1", family_name="Formula", mrn="@SUM")
    put(bad, grouping="waiting")
    put(a_patient(nurse, family_name="Other"), grouping="on-track")
    person = at_work(app, nurse)
    assert write_down(person, bad, "reached").status_code == 302
    answer = person.client.get("/today.csv?group=waiting")
    assert answer.headers["Content-Type"].startswith("text/csv")
    name = answer.headers["Content-Disposition"]
    assert name == 'attachment; filename="worklist-waiting-2026-04-02.csv"'
    head, row = csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")))
    assert head[:3] == ["Group", "Patient", "Record number"]
    assert row[:3] == ["Waiting", "'=1+1 Formula", "'@SUM"]
    assert row[-3:] == ["2 Apr 2026: Reached", "Nia Nurse", REASON]
    event = db.session.scalar(select(AuditEvent).where(AuditEvent.action == "worklist.exported"))
    assert event.detail == {"patients": 1, "filters": {"group": "waiting"}}
    looked = select(AccessLogEntry.patient_id).where(AccessLogEntry.page == "worklist file")
    assert list(db.session.scalars(looked)) == [bad.id]


@pytest.mark.parametrize("text", ["=A1", "+1", "-1", "@x", "\tx", "\rx"])
def test_nothing_in_a_file_is_taken_for_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert safe_cell(f"x{text}") == f"x{text}"


def test_fifty_rows_a_page_stay_under_sixty_kilobytes(app, nurse) -> None:
    for _ in range(51):
        patient = a_patient(nurse, given_name="Bartholomew", family_name="Featherstonehaugh")
        new = NewContact(ContactOutcome.CALLED, "A reason of a good length. " * 8)
        with transaction() as session:
            there = session.get(Patient, patient.id)
            contacts.record_contact(session, nurse, there, new, NOW)
        put(patient, headline="The supply ended on 2 Apr 2026. " * 4, action="Settle it. " * 8)
    person = at_work(app, nurse)
    first = person.client.get("/").get_data()
    assert first.count(b"What I did<span") == 50
    assert len(first) < LIMIT
    assert b"Page 1 of 2" in first
    assert person.client.get("/?page=2").get_data().count(b"What I did<span") == 1
    assert "The list is shorter now" in person.read("/?page=3")


def test_the_states_without_rows_say_what_to_do(app, nurse) -> None:
    person = at_work(app, nurse)
    assert "No patients yet" in person.read("/")
    assert "No patient is in “Act now” at this moment." in person.read("/?group=act-now")


def test_no_clinic_can_write_down_or_read_what_another_does(app, nurse) -> None:
    patient = a_patient(nurse, family_name="Ours")
    stranger = at_work(app, a_user(a_clinic("elsewhere"), Role.PRESCRIBER))
    assert stranger.client.get(f"/patients/{patient.public_id}/contact").status_code == 404
    token = stranger.token()
    data = {"csrf_token": token, "outcome": "called", "reason": REASON}
    answer = stranger.client.post(f"/patients/{patient.public_id}/contact", data=data)
    assert answer.status_code == 404
    assert db.session.scalar(select(Contact)) is None
    assert "Ours" not in stranger.client.get("/today.csv").get_data(as_text=True)


def test_the_pharmacist_gets_neither_the_list_nor_the_file_nor_the_form(app, nurse) -> None:
    patient = a_patient(nurse)
    pharmacist = at_work(app, a_user(nurse.clinic_id, Role.PHARMACIST, "Phil"))
    assert pharmacist.client.get("/").location == "/pharmacy"
    for address in ("/today.csv", f"/patients/{patient.public_id}/contact"):
        assert pharmacist.client.get(address).status_code == 403


def test_looking_at_the_form_is_a_look_at_the_patient(app, nurse) -> None:
    patient = a_patient(nurse)
    at_work(app, nurse).read(f"/patients/{patient.public_id}/contact")
    pages = select(AccessLogEntry.page).where(AccessLogEntry.patient_id == patient.id)
    assert "contact" in list(db.session.scalars(pages))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "just now"), (59, "just now"), (60, "1 min ago"), (3599, "59 min ago"),
     (3600, "1 h ago"), (39599, "10 h ago"), (39601, "yesterday"), (200_000, "2 days ago")],
)  # fmt: skip
def test_how_long_ago_is_told_in_hours_of_the_same_day_and_then_in_days(seconds, said) -> None:
    assert ago(NOW - dt.timedelta(seconds=seconds), NOW, "America/New_York") == said


def test_no_link_of_the_page_carries_what_was_searched(app, nurse) -> None:
    a_patient(nurse, family_name="Secretname")
    html = at_work(app, nurse).submit("/", q="secretname").get_data(as_text=True)
    assert not re.search(r'(?:href|action)="[^"]*secretname', html, re.I)
