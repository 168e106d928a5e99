"""Results that wait for a person: who looks, what they decide, and that it stays on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.models import (
    ImportedFile,
    ImportedMessage,
    ImportedResult,
    Patient,
    PatientIdentifier,
)
from compliance.models.intake import Disposition
from compliance.rules.facts import Fact, write_fact
from compliance.rules.terms import Term
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.errors import Conflict, Invalid, NotFound
from compliance.services.filing import file, file_or_hold, proposed
from compliance.services.intake import recount
from compliance.services.waiting import waits_for


class Decision(Term):
    """What a person decides about a held result."""

    FILE = "file"
    DISMISS = "dismiss"


def held_results(
    session: Session, actor: Actor, limit: int = 50, offset: int = 0
) -> Sequence[ImportedResult]:
    """What waits at the actor's clinic: what may announce a pregnancy first, then the oldest."""
    query = (
        select(ImportedResult)
        .where(
            ImportedResult.clinic_id == actor.clinic_id,
            ImportedResult.disposition == Disposition.HELD,
        )
        .order_by(ImportedResult.urgent.desc(), ImportedResult.id)
        .limit(limit)
        .offset(offset)
    )
    return session.scalars(query).all()


def count_held(session: Session, actor: Actor) -> int:
    """How many results wait at the actor's clinic."""
    query = select(func.count(ImportedResult.id)).where(
        ImportedResult.clinic_id == actor.clinic_id,
        ImportedResult.disposition == Disposition.HELD,
    )
    return session.scalar(query) or 0


def waiting_for(session: Session, patient: Patient) -> Sequence[ImportedResult]:
    """What waits and is this patient's, or may be: nobody decides about them without seeing it."""
    query = (
        select(ImportedResult)
        .where(waits_for(patient))
        .order_by(ImportedResult.urgent.desc(), ImportedResult.id)
    )
    return session.scalars(query).all()


def get_file(session: Session, actor: Actor, public_id: str) -> ImportedFile:
    """A received file of the actor's own clinic; raises NotFound for any other."""
    row = session.scalar(
        select(ImportedFile).where(
            ImportedFile.public_id == public_id, ImportedFile.clinic_id == actor.clinic_id
        )
    )
    if row is None:
        raise NotFound("There is no such file at this clinic.")
    return row


def get_result(session: Session, actor: Actor, public_id: str) -> ImportedResult:
    """A result of the actor's own clinic; raises NotFound for any other."""
    row = session.scalar(
        select(ImportedResult).where(
            ImportedResult.public_id == public_id, ImportedResult.clinic_id == actor.clinic_id
        )
    )
    if row is None:
        raise NotFound("There is no such result at this clinic.")
    return row


def resolve_held(
    session: Session,
    actor: Actor,
    result: ImportedResult,
    decision: Decision,
    now: dt.datetime,
    *,
    patient: Patient | None = None,
    fact: Fact | None = None,
    reason: str = "",
) -> None:
    """File a held result to a named patient, as proposed or as a person read it, or dismiss it.

    Audited. Raises Conflict when it does not wait any more, Invalid when patient, fact or reason
    is missing.
    """
    check_waits(result)
    seemed = result.patient or result.suggested_patient
    if decision is Decision.DISMISS:
        _dismiss(result, reason)
        about = result.patient
    else:
        about = _file(session, actor, result, patient, fact, now)
    mark_resolved(result, actor, now, _sentence(decision, about, fact, reason))
    recount(result.message.file)
    audit_decision(session, actor, result, decision.value, about, now)
    reassess_each(session, actor, (about, seemed), now)


def reassess_each(
    session: Session, actor: Actor, people: Iterable[Patient | None], now: dt.datetime
) -> None:
    """The answers of whom a result concerned before and after, each once."""
    for patient in {person.id: person for person in people if person is not None}.values():
        reassess(session, actor, patient, now)


def _dismiss(result: ImportedResult, reason: str) -> None:
    if not reason.strip():
        raise Invalid({"reason": "Say why this result is dismissed; the reason stays on record."})
    result.disposition = Disposition.REJECTED


def _file(
    session: Session,
    actor: Actor,
    result: ImportedResult,
    patient: Patient | None,
    fact: Fact | None,
    now: dt.datetime,
) -> Patient:
    if patient is None or patient.clinic_id != result.clinic_id:
        raise Invalid({"patient": "Choose the patient of this clinic whose result this is."})
    chosen = fact or proposed(result)
    if chosen is None:
        raise Invalid(
            {"value": "As it was sent this has no certain meaning: enter what the laboratory says."}
        )
    file(session, actor, patient, result, chosen, now)
    return patient


def identify(
    session: Session,
    actor: Actor,
    message: ImportedMessage,
    patient: Patient,
    now: dt.datetime,
    *,
    remember: bool = False,
) -> int:
    """Say whose message this is: what waited for that alone is filed; returns how many were.

    With `remember` its numbers are kept, so that the next message finds the patient by itself.
    """
    if patient.clinic_id != message.clinic_id:
        raise Invalid({"patient": "Choose a patient of this clinic."})
    waiting = [item for item in message.results if item.waits_for_patient]
    if not waiting:
        raise Conflict("Nothing of this message waits for its patient any more.")
    filed, seemed = 0, [item.suggested_patient for item in waiting]
    for result in waiting:
        check_waits(result)
        result.patient_id, result.waits_for_patient = patient.id, False
        result.suggested_patient_id = patient.id
        if file_or_hold(session, actor, patient, result, now):
            filed += 1
            mark_resolved(result, actor, now, f"{actor.name} said that it is {patient.name}'s.")
        audit_decision(session, actor, result, "identify", patient, now)
    if remember:
        _remember(session, actor, message, patient, now)
    recount(message.file)
    reassess_each(session, actor, (patient, *seemed), now)
    return filed


def _remember(
    session: Session, actor: Actor, message: ImportedMessage, patient: Patient, now: dt.datetime
) -> None:
    for authority, value, _type in message.patient_identifiers:
        if not authority or is_taken(session, message.clinic_id, authority, value):
            continue
        session.add(
            PatientIdentifier(
                clinic_id=message.clinic_id,
                patient_id=patient.id,
                authority=authority[:120],
                value=value[:120],
                recorded_at=now,
            )
        )
        audit.record(
            session,
            actor,
            "patient.identifier-added",
            "patient",
            patient.public_id,
            now,
            clinic_id=patient.clinic_id,
            patient_id=patient.id,
            detail={"authority": authority, "value": value},
        )


def is_taken(session: Session, clinic_id: int, authority: str, value: str) -> bool:
    """Whether a patient of the clinic is known under this number already."""
    query = select(PatientIdentifier.id).where(
        PatientIdentifier.clinic_id == clinic_id,
        PatientIdentifier.authority == authority[:120],
        PatientIdentifier.value == value[:120],
    )
    return session.scalar(query) is not None


def check_waits(result: ImportedResult) -> None:
    """Raise Conflict when a result does not wait for a person any more."""
    if result.disposition is not Disposition.HELD:
        raise Conflict("This result does not wait any more; somebody else decided.")


def mark_resolved(result: ImportedResult, actor: Actor, now: dt.datetime, sentence: str) -> None:
    """Say that a result waits no more, since when, and by whom and how it was settled."""
    result.resolved_at, result.resolved_by, result.resolution = now, actor.name, sentence
    result.waits_for_patient = False


def _sentence(decision: Decision, patient: Patient | None, fact: Fact | None, reason: str) -> str:
    said = f" {reason.strip()}" if reason.strip() else ""
    if decision is Decision.DISMISS:
        return f"Dismissed.{said}"
    how = "as a person read it" if fact is not None else "as it was sent"
    return f"Filed to {patient.name if patient else 'nobody'} {how}.{said}"


def audit_decision(
    session: Session,
    actor: Actor,
    result: ImportedResult,
    decision: str,
    patient: Patient | None,
    now: dt.datetime,
) -> None:
    """Put what was decided about a result into the audit trail."""
    known = proposed(result)
    detail: dict[str, Any] = {
        "decision": decision,
        "disposition": result.disposition.value,
        "resolution": result.resolution,
        "held_because": result.reason,
        "proposed": write_fact(known) if known else None,
    }
    audit.record(
        session,
        actor,
        "result.resolved",
        "imported_result",
        result.public_id,
        now,
        clinic_id=result.clinic_id,
        patient_id=patient.id if patient else None,
        detail=detail,
    )
