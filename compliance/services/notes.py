"""Notes about a patient: plain text for people to read, never for the rules."""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from compliance.models import Note, Patient
from compliance.services.actors import Actor
from compliance.services.errors import Invalid, NotFound
from compliance.services.withdrawal import audit_entry

MOST_LETTERS = 5_000


def add_note(session: Session, actor: Actor, patient: Patient, text: str, now: dt.datetime) -> Note:
    """Write a note of up to 5,000 letters, and audit it; raises Invalid."""
    text = text.strip().replace("\r\n", "\n")
    if not text:
        raise Invalid({"text": "Write the note first."})
    if len(text) > MOST_LETTERS:
        raise Invalid({"text": f"Found {len(text):,} letters; allowed are {MOST_LETTERS:,}."})
    note = Note(
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        at=now,
        by=actor.name,
        by_id=actor.user_id,
        text=text,
    )
    session.add(note)
    session.flush()
    audit_entry(
        session, actor, note, "added", now, sha256=hashlib.sha256(text.encode()).hexdigest()
    )
    return note


def get_note(session: Session, patient: Patient, public_id: str) -> Note:
    """One note about this patient; raises NotFound."""
    note = session.scalar(notes_of(patient).where(Note.public_id == public_id))
    if note is None:
        raise NotFound("There is no such note about this patient.")
    return note


def notes_of(patient: Patient) -> Select[Note]:
    """The query for all notes about a patient, newest first, with the withdrawn ones."""
    query = select(Note).where(Note.patient_id == patient.id, Note.clinic_id == patient.clinic_id)
    return query.order_by(Note.at.desc(), Note.id.desc())
