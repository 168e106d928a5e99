"""Corrected results: a prescriber reads each; what a laboratory takes back is withdrawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from compliance.models import AuditEvent, Evidence, ImportedResult, Incident, Patient, Role
from compliance.models.evidence import Source
from compliance.models.intake import Disposition
from compliance.services import audit, evidence, incidents
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotFound, NotPermitted
from compliance.services.held import (
    Decision,
    audit_decision,
    check_waits,
    mark_resolved,
    reassess_each,
    resolve_held,
)
from compliance.services.intake import recount
from compliance.services.taken_back import TAKEN_BACK, filed_of

READ = "correction.read"


def unread(
    session: Session, actor: Actor, patient: Patient | None = None
) -> Sequence[tuple[Evidence, Patient]]:
    """The corrected results of the clinic, or of one patient, that no prescriber has read yet."""
    query = (
        select(Evidence, Patient)
        .join(Patient, Patient.id == Evidence.patient_id)
        .where(*is_unread(actor.clinic_id))
        .order_by(Evidence.id)
    )
    if patient is not None:
        query = query.where(Evidence.patient_id == patient.id)
    return [(row, person) for row, person in session.execute(query)]


def is_unread(clinic_id: int | None) -> tuple[ColumnElement[bool], ...]:
    """The conditions on evidence that is a corrected result of a clinic and read by nobody yet."""
    event = aliased(AuditEvent)
    was_read = exists().where(
        event.patient_id == Evidence.patient_id,
        event.action == READ,
        event.entity_id == Evidence.public_id,
    )
    return (
        Evidence.clinic_id == clinic_id,
        Evidence.source == Source.IMPORT,
        Evidence.supersedes_id.is_not(None),
        ~was_read,
    )


def count_waiting(session: Session, actor: Actor) -> int:
    """How many incidents are open and corrected results unread at the actor's clinic."""
    to_read = select(func.count(Evidence.id)).where(*is_unread(actor.clinic_id))
    open_ones = select(func.count(Incident.id)).where(
        Incident.clinic_id == actor.clinic_id, Incident.closed_at.is_(None)
    )
    return (session.scalar(to_read) or 0) + (session.scalar(open_ones) or 0)


def earlier_of(session: Session, row: Evidence) -> Evidence | None:
    """What a corrected result said before."""
    return session.get(Evidence, row.supersedes_id) if row.supersedes_id else None


def mark_read(session: Session, actor: Actor, public_id: str, now: dt.datetime) -> Patient:
    """A prescriber has read a corrected result; audited. Raises NotPermitted or NotFound."""
    if actor.role is not Role.PRESCRIBER:
        raise NotPermitted("Only a prescriber reads a corrected result off this list.")
    for row, patient in unread(session, actor):
        if row.public_id == public_id:
            audit.record(
                session,
                actor,
                READ,
                row.kind,
                row.public_id,
                now,
                clinic_id=row.clinic_id,
                patient_id=row.patient_id,
            )
            return patient
    raise NotFound("No corrected result of this name waits to be read.")


def withdrawable(session: Session, result: ImportedResult) -> Evidence | None:
    """The filed entry that a held cancellation takes back, or None when there is none."""
    if result.disposition is not Disposition.HELD or result.status not in TAKEN_BACK:
        return None
    return filed_of(session, result, result.patient_id)


def withdraw_filed(
    session: Session, actor: Actor, result: ImportedResult, now: dt.datetime
) -> Evidence:
    """Withdraw the entry that the laboratory takes back, and look for decisions that rested on it.

    Audited. Raises Conflict when nothing is filed of it any more.
    """
    check_waits(result)
    row = withdrawable(session, result)
    patient = result.patient
    if row is None or patient is None:
        raise Conflict("Nothing is filed of this result that could be withdrawn.")
    reason = f"The laboratory took it back (status {result.status})."
    evidence.withdraw(session, actor, patient, row, reason, now)
    session.flush()
    incidents.open_late(session, actor, patient, row, now)
    result.disposition = Disposition.REJECTED
    mark_resolved(result, actor, now, "The filed result was withdrawn.")
    recount(result.message.file)
    audit_decision(session, actor, result, "withdraw-filed", patient, now)
    reassess_each(session, actor, [patient], now)
    return row


def dismiss_many(
    session: Session, actor: Actor, results: Sequence[ImportedResult], reason: str, now: dt.datetime
) -> int:
    """Dismiss several results that wait with one reason, all or none; each is audited."""
    if not results:
        raise Invalid({"chosen": "Choose at least one result."})
    for result in results:
        resolve_held(session, actor, result, Decision.DISMISS, now, reason=reason)
    return len(results)
