"""Results that waited for a patient are found again: a number is certain, a name only suggests."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.orm import Session

from compliance.models import Clinic, ImportedFile, ImportedMessage, ImportedResult, Patient
from compliance.models.intake import Disposition
from compliance.services.actors import Actor
from compliance.services.filing import file_or_hold
from compliance.services.held import audit_decision, mark_resolved, reassess_each
from compliance.services.intake import recount
from compliance.services.matching import Match, match
from compliance.services.rereading import Original, Reader, originals


@dataclass(slots=True)
class Found:
    """How many results waited for a patient: filed, held as theirs, and perhaps theirs."""

    filed: int = 0
    held: int = 0
    suggested: int = 0

    @property
    def sentence(self) -> str:
        """What was found, for a person; "" when nothing was."""
        told = ""
        if self.filed or self.held:
            count = self.filed + self.held
            told = f"{count} {_results(count)} waited for this patient:"
            told += f" {self.filed} filed, {self.held} held."
        if self.suggested:
            told += f" {self.suggested} more may be theirs by name and birth date: a person decides"
            told += " in the queue of results that wait."
        return told.strip()


def _results(count: int) -> str:
    return "result" if count == 1 else "results"


def find_again(
    session: Session, actor: Actor, patient: Patient, read: Reader, now: dt.datetime
) -> Found:
    """Give a patient what waits under their numbers, file or hold it, and reassess; audited.

    What only their name and birth date fit is suggested to a person and never filed.
    """
    session.flush()
    return _look(session, actor, _perhaps_theirs(session, patient), patient, read, now)


def find_all_again(session: Session, actor: Actor, read: Reader, now: dt.datetime) -> Found:
    """The same for everybody at the actor's clinic, such as after patients were taken over."""
    session.flush()
    query = select(ImportedResult).where(
        ImportedResult.clinic_id == actor.clinic_id,
        ImportedResult.disposition == Disposition.HELD,
        ImportedResult.patient_id.is_(None),
    )
    rows = session.scalars(query.order_by(ImportedResult.id)).all()
    return _look(session, actor, rows, None, read, now)


def _look(
    session: Session,
    actor: Actor,
    rows: Sequence[ImportedResult],
    patient: Patient | None,
    read: Reader,
    now: dt.datetime,
) -> Found:
    """Match what waits again, for one patient or (None) for whoever it names."""
    found, files, people = Found(), set[ImportedFile](), list[Patient | None]()
    for original in originals(rows, read):
        row = original.row
        clinic = session.get_one(Clinic, row.clinic_id)
        matched = match(session, clinic, original.result.subject)
        whose = patient or matched.patient or matched.suggestion
        if whose is None:
            continue
        people += [row.suggested_patient, whose]
        if _give(session, actor, whose, original, matched, found, now):
            files.add(row.message.file)
    session.flush()
    for file in files:
        recount(file)
    if files or found.suggested:
        reassess_each(session, actor, people, now)
    return found


def _perhaps_theirs(session: Session, patient: Patient) -> Sequence[ImportedResult]:
    """What waits without a patient and names one of the numbers or the birth date."""
    query = (
        select(ImportedResult)
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .where(
            ImportedResult.clinic_id == patient.clinic_id,
            ImportedResult.disposition == Disposition.HELD,
            ImportedResult.patient_id.is_(None),
            or_(*_signs(session, patient)),
        )
        .order_by(ImportedResult.id)
    )
    return session.scalars(query).all()


def _signs(session: Session, patient: Patient) -> list[ColumnElement[bool]]:
    session.refresh(patient, ["identifiers"])
    numbers = [patient.mrn, *(item.value for item in patient.identifiers)]
    stored = cast(ImportedMessage.patient_identifiers, Text)
    born = ImportedMessage.patient_born
    return [
        *(stored.contains(json.dumps(number)[1:-1], autoescape=True) for number in numbers),
        born.startswith(f"{patient.birth_date:%Y%m%d}"),
        born.startswith(patient.birth_date.isoformat()),
    ]


def _give(
    session: Session,
    actor: Actor,
    patient: Patient,
    original: Original,
    matched: Match,
    found: Found,
    now: dt.datetime,
) -> bool:
    """Give one result to the patient when its numbers say so; whether they did."""
    row = original.row
    if matched.patient is None or matched.patient.id != patient.id:
        if row.suggested_patient_id is None and matched.suggestion is patient:
            row.suggested_patient_id = patient.id
            found.suggested += 1
        return False
    row.patient_id = row.suggested_patient_id = patient.id
    if row.waits_for_patient and file_or_hold(session, actor, patient, row, now):
        mark_resolved(row, actor, now, f"Found by its number when it became {patient.name}'s.")
    row.waits_for_patient = False
    if row.disposition is Disposition.FILED:
        found.filed += 1
    elif row.disposition is Disposition.HELD:
        found.held += 1
    audit_decision(session, actor, row, "found-again", patient, now)
    return True
