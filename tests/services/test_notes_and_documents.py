"""Notes and documents: kept as they came, withdrawn with a reason, never seen by another clinic."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AuditEvent, Document, Patient
from compliance.services import audit, documents, notes
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotFound
from compliance.services.withdrawal import withdraw_entry
from tests.world import NOW, a_clinic, a_patient, a_user

LATER = NOW + dt.timedelta(minutes=5)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\nsigned"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"


@pytest.fixture
def nurse(app: Flask) -> Actor:
    return a_user(a_clinic())


def wrote(actor: Actor, patient_id: int, text: str, now: dt.datetime = NOW) -> str:
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        return notes.add_note(session, actor, patient, text, now).public_id


def kept(
    actor: Actor, patient_id: int, content: bytes = PDF, name: str = "form.pdf", title: str = "Form"
) -> str:
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        return documents.add_document(session, actor, patient, title, name, content, NOW).public_id


def withdrawn(actor: Actor, patient_id: int, get, public_id: str, reason: str) -> None:
    with transaction() as session:
        patient = session.get(Patient, patient_id)
        withdraw_entry(session, actor, get(session, patient, public_id), reason, LATER)


def document(public_id: str) -> Document:
    db.session.rollback()
    return db.session.scalars(select(Document).where(Document.public_id == public_id)).one()


def actions(patient_id: int) -> list[str]:
    db.session.rollback()
    query = select(AuditEvent.action).where(AuditEvent.patient_id == patient_id)
    return list(db.session.scalars(query.order_by(AuditEvent.id)))


# --- notes ----------------------------------------------------------------------------------------


def test_notes_are_kept_as_written_and_shown_newest_first(nurse: Actor) -> None:
    patient = a_patient(nurse).id
    wrote(nurse, patient, "  Prefers calls\r\nafter four.  ")
    wrote(nurse, patient, "<b>Moved</b>", LATER)
    rows = db.session.scalars(notes.notes_of(db.session.get(Patient, patient))).all()
    assert [row.text for row in rows] == ["<b>Moved</b>", "Prefers calls\nafter four."]
    assert {(row.by, row.by_id) for row in rows} == {(nurse.name, nurse.user_id)}
    assert actions(patient)[-2:] == ["note.added", "note.added"]


@pytest.mark.parametrize(("letters", "taken"), [(0, False), (1, True), (5000, True), (5001, False)])
def test_a_note_has_between_one_and_five_thousand_letters(
    nurse: Actor, letters: int, taken: bool
) -> None:
    patient = a_patient(nurse).id
    if taken:
        assert wrote(nurse, patient, "x" * letters)
        return
    with pytest.raises(Invalid) as refused:
        wrote(nurse, patient, "x" * letters)
    assert set(refused.value.fields) == {"text"}


def test_a_withdrawn_note_stays_with_who_and_why_and_is_withdrawn_once(nurse: Actor) -> None:
    patient = a_patient(nurse).id
    note = wrote(nurse, patient, "About somebody else")
    with pytest.raises(Invalid):
        withdrawn(nurse, patient, notes.get_note, note, "  ")
    withdrawn(nurse, patient, notes.get_note, note, "Wrong patient")
    row = notes.get_note(db.session(), db.session.get(Patient, patient), note)
    assert (row.text, row.withdrawn_reason) == ("About somebody else", "Wrong patient")
    assert (row.withdrawn_by, row.withdrawn_at) == (nurse.name, LATER)
    with pytest.raises(Conflict):
        withdrawn(nurse, patient, notes.get_note, note, "Again")
    assert actions(patient)[-1] == "note.withdrawn"
    assert audit.verify(db.session(), f"clinic-{nurse.clinic_id}").fault is None


def test_the_audit_trail_holds_no_words_of_a_note(nurse: Actor) -> None:
    patient = a_patient(nurse).id
    wrote(nurse, patient, "Something private")
    db.session.rollback()
    said = db.session.scalars(
        select(AuditEvent.detail).where(AuditEvent.action == "note.added")
    ).one()
    assert "private" not in str(said)


# --- documents ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        ("Grüße\n".encode(), "text/plain"),
        (b" %PDF-1.7 \x00", None),
        (b"MZ\x90\x00", None),
        (b"PK\x03\x04\x14\x00", None),
        (b"\xff\xfetext", None),
    ],
)
def test_what_a_file_is_its_content_says(content: bytes, media_type: str | None) -> None:
    assert documents.media_type_of(content) == media_type


def test_a_document_comes_back_byte_for_byte_under_a_name_that_its_content_gives(
    nurse: Actor,
) -> None:
    patient = a_patient(nurse).id
    row = document(kept(nurse, patient, PDF, r"C:\temp\a b.exe"))
    assert (row.content, row.size) == (PDF, len(PDF))
    assert (row.file_name, row.media_type) == ("a b.pdf", "application/pdf")
    page = document(kept(nurse, patient, b"<script>alert(1)</script>", "../../page.html"))
    assert (page.file_name, page.media_type) == ("page.txt", "text/plain")
    assert actions(patient)[-1] == "document.added"


def test_an_executable_an_empty_file_and_a_missing_title_are_refused(nurse: Actor) -> None:
    patient = a_patient(nurse).id
    for content, title, field in (
        (b"MZ\x90\x00", "Form", "file"),
        (b" \n", "Form", "file"),
        (PDF, " ", "title"),
        (PDF, "x" * 201, "title"),
    ):
        with pytest.raises(Invalid) as refused:
            kept(nurse, patient, content, "form.pdf", title)
        assert set(refused.value.fields) == {field}


def test_ten_megabytes_are_taken_and_one_byte_more_is_not(nurse: Actor) -> None:
    patient = a_patient(nurse).id
    assert kept(nurse, patient, b"a" * documents.MOST_BYTES)
    with pytest.raises(Invalid, match="allowed are 10,485,760"):
        kept(nurse, patient, b"b" * (documents.MOST_BYTES + 1))


def test_the_same_file_is_told_and_may_come_again_once_it_was_withdrawn(nurse: Actor) -> None:
    patient = a_patient(nurse).id
    first = kept(nurse, patient, PDF, title="Signed form")
    with pytest.raises(Invalid, match="here already: “Signed form”, added on 2 Apr 2026"):
        kept(nurse, patient, PDF, "other.pdf", "Another title")
    withdrawn(nurse, patient, documents.get_document, first, "Wrong page")
    assert kept(nurse, patient, PDF) != first
    assert document(first).content == PDF


def test_a_file_that_another_patient_has_too_is_noticed_within_the_clinic_only(nurse) -> None:
    one, other = a_patient(nurse).id, a_patient(nurse).id
    stranger = a_user(a_clinic("there"))
    kept(stranger, a_patient(stranger).id)
    assert not documents.elsewhere(db.session(), document(kept(nurse, one)))
    assert documents.elsewhere(db.session(), document(kept(nurse, other)))


def test_a_note_or_a_document_is_found_with_its_own_patient_only(nurse: Actor) -> None:
    patient, other = a_patient(nurse).id, a_patient(nurse)
    note, form = wrote(nurse, patient, "Mine"), kept(nurse, patient)
    other = db.session.get(Patient, other.id)
    with pytest.raises(NotFound):
        notes.get_note(db.session(), other, note)
    with pytest.raises(NotFound):
        documents.get_document(db.session(), other, form)
