"""The numbers that others know a patient by: added, withdrawn, changed; two that are one person."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from compliance.models import Evidence, ImportedResult, Patient, PatientIdentifier
from compliance.models.intake import Disposition
from compliance.services import audit, courses
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotFound
from compliance.services.held import is_taken


def add(
    session: Session, actor: Actor, patient: Patient, authority: str, value: str, now: dt.datetime
) -> None:
    """Keep a number with who assigned it; audited. Raises Invalid."""
    authority, value = authority.strip(), value.strip()
    needed = {"authority": authority, "value": value}
    missing = {name: "Enter this too." for name, text in needed.items() if not text}
    if missing:
        raise Invalid(missing)
    if is_taken(session, patient.clinic_id, authority, value):
        raise Invalid({"value": f"The number {value} of {authority} belongs to a patient here."})
    session.add(
        PatientIdentifier(
            clinic_id=patient.clinic_id,
            patient_id=patient.id,
            authority=authority[:120],
            value=value[:120],
            recorded_at=now,
        )
    )
    detail = {"authority": authority, "value": value}
    _audit(session, actor, patient, "patient.identifier-added", detail, now)


def withdraw(
    session: Session, actor: Actor, patient: Patient, identifier_id: int, now: dt.datetime
) -> None:
    """Take a number away from a patient; what was filed by it stays. Audited; raises NotFound."""
    row = session.scalar(
        select(PatientIdentifier).where(
            PatientIdentifier.id == identifier_id, PatientIdentifier.patient_id == patient.id
        )
    )
    if row is None:
        raise NotFound("This patient has no such number.")
    detail = {"authority": row.authority, "value": row.value}
    session.delete(row)
    _audit(session, actor, patient, "patient.identifier-withdrawn", detail, now)


def change_record_number(
    session: Session, actor: Actor, patient: Patient, mrn: str, now: dt.datetime
) -> None:
    """Give a patient a new record number and keep the old one; audited. Raises Invalid."""
    mrn = mrn.strip()
    if not mrn or len(mrn) > 60:
        raise Invalid({"mrn": "Enter the new record number, up to 60 characters."})
    holder = _holder(session, patient, mrn)
    if holder is not None:
        raise Invalid({"mrn": f"The record number {mrn} belongs to a patient of this clinic."})
    old, patient.mrn = patient.mrn, mrn
    _audit(session, actor, patient, "patient.renumbered", {"from": old, "to": mrn}, now)
    _keep(session, actor, patient, old, now)


def join_record_number(
    session: Session, actor: Actor, patient: Patient, mrn: str, now: dt.datetime
) -> None:
    """Record that another record number is the same person's, who goes on under this record.

    Audited. Raises Invalid for its own number, Conflict while the other record has entries.
    """
    mrn = mrn.strip()
    if not mrn or mrn == patient.mrn:
        raise Invalid({"old_mrn": "Enter the other record number of the same person."})
    other = _holder(session, patient, mrn)
    if other is not None:
        _check_empty(session, other)
        _give_away(session, actor, other, patient, now)
    detail = {"number": mrn, "had_record": other is not None}
    _audit(session, actor, patient, "patient.joined", detail, now)
    _keep(session, actor, patient, mrn, now)


def _check_empty(session: Session, other: Patient) -> None:
    standing = session.scalar(
        select(func.count(Evidence.id)).where(
            Evidence.patient_id == other.id, Evidence.withdrawn_at.is_(None)
        )
    )
    if standing:
        raise Conflict(
            f"{other.mrn} is a patient of this clinic with entries of their own ({standing});"
            " nothing was joined, because two histories are never mixed by a click. Decide which"
            " record goes on. Record there what is missing, withdraw each entry of the other with"
            " the reason, then join the empty one."
        )


def _give_away(
    session: Session, actor: Actor, other: Patient, patient: Patient, now: dt.datetime
) -> None:
    """The empty record keeps its history under a number that no message can name."""
    for row in other.identifiers:
        row.patient_id = patient.id
    session.execute(
        update(ImportedResult)
        .where(ImportedResult.patient_id == other.id)
        .where(ImportedResult.disposition == Disposition.HELD)
        .values(patient_id=patient.id)
    )
    if other.course is not None and other.course.closed_on is None:
        courses.end(session, actor, other, f"Joined with {patient.mrn}.", now)
    other.mrn = f"joined-{other.public_id}"
    session.flush()


def _holder(session: Session, patient: Patient, mrn: str) -> Patient | None:
    query = select(Patient).where(Patient.clinic_id == patient.clinic_id, Patient.mrn == mrn)
    found: Patient | None = session.scalar(query)
    return found


def _keep(session: Session, actor: Actor, patient: Patient, mrn: str, now: dt.datetime) -> None:
    """A number of this clinic that goes on to find the patient."""
    code = patient.clinic.code
    if not is_taken(session, patient.clinic_id, code, mrn):
        add(session, actor, patient, code, mrn, now)


def _audit(
    session: Session,
    actor: Actor,
    patient: Patient,
    action: str,
    detail: dict[str, Any],
    now: dt.datetime,
) -> None:
    audit.record(
        session,
        actor,
        action,
        "patient",
        patient.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail=detail,
    )
