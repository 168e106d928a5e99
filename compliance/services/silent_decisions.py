"""Decisions that wait for a signature: overrides by others, and editions to adopt."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, exists, or_, select
from sqlalchemy.orm import Session, aliased

from compliance.models import (
    AuditEvent,
    Dispense,
    Evidence,
    Membership,
    Patient,
    PrescriptionOrder,
    Role,
)
from compliance.rules.dates import day_begins, plus, show
from compliance.rules.programme import Edition, load_programme
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.adoptions import adoptions_of
from compliance.services.errors import Conflict, NotFound, NotPermitted
from compliance.services.silences import Found, Place, Scope, Silence

COUNTERSIGNED = "override.countersigned"
NEAR_DAYS = 30
_WORDS = {"prescription": "Prescription", "dispensing": "Dispensing"}


def unsigned_overrides(session: Session, scope: Scope) -> Found:
    """Overrides that somebody else than a prescriber made and no prescriber has countersigned."""
    silent: list[Silence] = []
    over = 0
    for table in (PrescriptionOrder, Dispense):
        rows = session.execute(_overrides(table, scope.clinic.id)).all()
        over += len(rows)
        silent += [_override(*row) for row in rows if not row[-1]]
    return Found(silent, over)


def _overrides(table: Any, clinic_id: int) -> Select[Any]:
    """Each standing override: its evidence, patient and reason, and whether it is signed."""
    return (
        select(Evidence, Patient, table.override_reason, _is_signed(clinic_id))
        .select_from(table)
        .join(Evidence, Evidence.id == table.evidence_id)
        .join(Patient, Patient.id == Evidence.patient_id)
        .where(
            table.clinic_id == clinic_id,
            table.override_reason.is_not(None),
            Evidence.withdrawn_at.is_(None),
        )
        .order_by(Evidence.recorded_at)
    )


def _is_signed(clinic_id: int) -> ColumnElement[bool]:
    """Whether a prescriber of the clinic made it, or has countersigned it since."""
    prescribers = select(Membership.user_id).where(
        Membership.clinic_id == clinic_id, Membership.role == Role.PRESCRIBER
    )
    event = aliased(AuditEvent)
    countersigned = exists().where(
        event.patient_id == Evidence.patient_id,
        event.action == COUNTERSIGNED,
        event.entity_id == cast(Evidence.public_id, String),
    )
    by_prescriber = Evidence.recorded_by_id.in_(prescribers) & Evidence.recorded_by_id.is_not(None)
    return or_(by_prescriber, countersigned)


def _override(row: Evidence, patient: Patient, reason: str, _signed: bool) -> Silence:
    return Silence(
        patient.name,
        f"{_WORDS[row.kind]} of {show(row.happened_on)}, recorded by {row.recorded_by}: “{reason}”",
        "A prescriber reads the reason and countersigns, or withdraws the entry",
        row.recorded_at,
        Place("override", row.public_id),
        patient,
    )


def countersign(session: Session, actor: Actor, public_id: str, now: dt.datetime) -> Patient:
    """A prescriber signs an override that somebody else made; returns whose it was.

    Raises NotPermitted for another role, NotFound when there is no such override at the clinic,
    Conflict when it is signed already.
    """
    if actor.role is not Role.PRESCRIBER or actor.clinic_id is None:
        raise NotPermitted("Only a prescriber countersigns an override.")
    row, patient, reason, signed = _find(session, actor.clinic_id, public_id)
    if signed:
        raise Conflict("This override is signed already.")
    audit.record(
        session,
        actor,
        COUNTERSIGNED,
        row.kind,
        row.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail={"override_reason": reason, "made_by": row.recorded_by},
    )
    return patient


def _find(session: Session, clinic_id: int, public_id: str) -> tuple[Evidence, Patient, str, bool]:
    for table in (PrescriptionOrder, Dispense):
        found = session.execute(
            _overrides(table, clinic_id).where(Evidence.public_id == public_id)
        ).first()
        if found is not None:
            row, patient, reason, signed = found
            return row, patient, reason, signed
    raise NotFound("There is no such override at this clinic.")


def unadopted_editions(session: Session, scope: Scope) -> Found:
    """Editions near or past their announced day that are neither confirmed nor adopted here."""
    adopted = {row.edition for row in adoptions_of(session, scope.clinic)}
    editions = load_programme(scope.clinic.programme).editions
    near = plus(scope.today, NEAR_DAYS)
    silent = [
        _edition(item, scope)
        for item in editions
        if not item.confirmed and item.id not in adopted and item.in_force_from <= near
    ]
    return Found(silent, len(editions))


def _edition(item: Edition, scope: Scope) -> Silence:
    day = show(item.in_force_from)
    passed = item.in_force_from <= scope.today
    return Silence(
        f"Edition {item.id}",
        f"Announced for {day}{', which has passed' if passed else ''}; nobody has confirmed it. "
        f"{item.summary}",
        "Ask the authority; then attest from which day this clinic works by it",
        day_begins(item.published, scope.clinic.time_zone),
        Place("rules"),
    )
