"""Results that wait: held on their way in, or read by nobody for too long."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from compliance.models import Evidence, ImportedMessage, ImportedResult, Incident, Patient
from compliance.models.evidence import Source
from compliance.models.intake import Disposition
from compliance.rules.dates import show
from compliance.rules.facts import Lab, Symptom
from compliance.rules.terms import Requirement
from compliance.services.corrections import is_unread
from compliance.services.silences import Found, Place, Scope, Silence, open_courses

UNREAD_AFTER = dt.timedelta(days=2)  # our own


def held_results(session: Session, scope: Scope) -> Found:
    """Results that came in and wait for a person."""
    over = session.scalar(
        select(func.count(ImportedResult.id)).where(ImportedResult.clinic_id == scope.clinic.id)
    )
    return Found([_held(row) for row in _waiting(session, scope)], over or 0)


def _waiting(session: Session, scope: Scope) -> list[ImportedResult]:
    query = (
        select(ImportedResult)
        .where(
            ImportedResult.clinic_id == scope.clinic.id,
            ImportedResult.disposition == Disposition.HELD,
        )
        .options(joinedload(ImportedResult.message).joinedload(ImportedMessage.file))
        .order_by(ImportedResult.urgent.desc(), ImportedResult.id)
    )
    return list(session.scalars(query))


def _held(row: ImportedResult) -> Silence:
    patient = row.patient or row.suggested_patient
    return Silence(
        f"{row.display or row.code or 'A result'} in {row.message.file.name}",
        row.reason,
        "File it to its patient, or dismiss it with a reason",
        row.message.file.received_at,
        Place("held", row.public_id),
        patient,
    )


def unread_results(session: Session, scope: Scope) -> Found:
    """Results beyond a limit without a decision, and urgent ones still held, for two days."""
    waiting = [_held(row) for row in _waiting(session, scope) if row.urgent]
    waiting += _undecided(session, scope)
    before = scope.now - UNREAD_AFTER
    late = [item for item in waiting if item.since is not None and item.since <= before]
    return Found(late, len(waiting))


def _undecided(session: Session, scope: Scope) -> Iterable[Silence]:
    """What is in a record and waits for a prescriber; what is still held is counted as such."""
    for _, patient, answer in open_courses(session, scope.clinic):
        for finding in answer.findings if answer else ():
            is_open = finding["blocks"] or finding["warns"]
            if finding["requirement"] != Requirement.LAB_LIMITS.value or not is_open:
                continue
            since = _known_since(session, patient, finding["evidence"])
            if since is not None:
                yield _unread(patient, finding, since)


def _unread(patient: Patient, finding: Mapping[str, Any], since: dt.datetime) -> Silence:
    place = Place("patient", patient.public_id)
    return Silence(patient.name, finding["reason"], finding["action"], since, place, patient)


def _known_since(session: Session, patient: Patient, evidence: Sequence[str]) -> dt.datetime | None:
    """Since when the oldest of these entries is in the record; None when none of them is."""
    rows = session.execute(
        select(Evidence.id, Evidence.recorded_at).where(
            Evidence.patient_id == patient.id, Evidence.kind.in_((Lab.kind, Symptom.kind))
        )
    )
    return min((at for row, at in rows if str(row) in evidence), default=None)


def open_incidents(session: Session, scope: Scope) -> Found:
    """Incidents that nobody has closed."""
    query = select(Incident).where(Incident.clinic_id == scope.clinic.id)
    rows = session.scalars(query.order_by(Incident.id)).all()
    return Found([_incident(row) for row in rows if row.closed_at is None], len(rows))


def _incident(row: Incident) -> Silence:
    return Silence(
        row.patient.name,
        row.detail,
        "Find out what followed, tell the patient, then close it with what was done",
        row.opened_at,
        Place("incident", row.public_id),
        row.patient,
    )


def unread_corrections(session: Session, scope: Scope) -> Found:
    """Corrected results that no prescriber has read."""
    corrected = (Evidence.clinic_id == scope.clinic.id, Evidence.source == Source.IMPORT)
    over = session.scalar(
        select(func.count(Evidence.id)).where(*corrected, Evidence.supersedes_id.is_not(None))
    )
    rows = session.execute(
        select(Evidence, Patient)
        .join(Patient, Patient.id == Evidence.patient_id)
        .where(*is_unread(scope.clinic.id))
        .order_by(Evidence.id)
    )
    return Found([_corrected(row, patient) for row, patient in rows], over or 0)


def _corrected(row: Evidence, patient: Patient) -> Silence:
    return Silence(
        patient.name,
        f"A result of {show(row.happened_on)} was corrected by the laboratory.",
        "A prescriber reads what it says now",
        row.recorded_at,
        Place("correction", row.public_id),
        patient,
    )
