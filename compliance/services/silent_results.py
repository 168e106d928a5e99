"""Results that wait: held on their way in, or read by nobody for too long."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from compliance.models import Evidence, ImportedMessage, ImportedResult, Patient
from compliance.models.intake import Disposition
from compliance.rules.terms import Requirement
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
    for _, patient, answer in open_courses(session, scope.clinic):
        for finding in answer.findings if answer else ():
            open_one = finding["blocks"] or finding["warns"]
            if finding["requirement"] == Requirement.LAB_LIMITS.value and open_one:
                ids = [int(item) for item in finding["evidence"]]
                yield _unread(session, patient, finding["reason"], finding["action"], ids)


def _unread(
    session: Session, patient: Patient, reason: str, action: str, ids: list[int]
) -> Silence:
    since = session.scalar(select(func.min(Evidence.recorded_at)).where(Evidence.id.in_(ids)))
    return Silence(
        patient.name, reason, action, since, Place("patient", patient.public_id), patient
    )
