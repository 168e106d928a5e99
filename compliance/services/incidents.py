"""Incidents: a correction that came too late for a decision that it would have blocked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.models import Dispense, Evidence, Incident, Patient, PrescriptionOrder
from compliance.models.incidents import IncidentKind
from compliance.rules.assess import assess
from compliance.rules.dates import show
from compliance.rules.findings import Finding
from compliance.services import alerts, audit
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotFound
from compliance.services.what_if import Decided, replay, situation_of

_CHECKED = 200  # decisions of one patient, newest first: years of treatment


def open_late(
    session: Session, actor: Actor, patient: Patient, cause: Evidence, now: dt.datetime
) -> list[Incident]:
    """Open an incident for each decision that a correction or withdrawal would have blocked.

    Each decision is asked again at its own moment, with what was known then and with the corrected
    entry in place of the wrong one. An incident is unique by decision and cause; audited. The
    prescriber is told of every correction.
    """
    wrong = _wrong(session, cause)
    if not wrong:
        return []
    alerts.tell_of_correction(session, patient, cause, now)
    named = {str(number) for number in wrong}
    opened = []
    for decided in _decisions_after(session, patient, wrong):
        blocks = _newly_blocking(session, patient, decided, cause, named)
        if blocks and not _is_open(session, decided, cause):
            opened.append(_open(session, actor, patient, decided, cause, blocks, now))
    return opened


def _wrong(session: Session, cause: Evidence) -> set[int]:
    """The entries that the cause corrects, or the cause itself when it was withdrawn."""
    wrong = {cause.id} if cause.withdrawn_at is not None else set()
    earlier = cause.supersedes_id
    while earlier is not None:
        wrong.add(earlier)
        row = session.get(Evidence, earlier)
        earlier = row.supersedes_id if row else None
    return wrong


def _decisions_after(session: Session, patient: Patient, wrong: set[int]) -> list[Decided]:
    """The standing decisions that were taken while a wrong entry was known."""
    first = session.scalar(select(func.min(Evidence.recorded_at)).where(Evidence.id.in_(wrong)))
    found: list[Decided] = []
    for table in (PrescriptionOrder, Dispense):
        query = select(table).join(Evidence, Evidence.id == table.evidence_id)
        query = query.where(table.patient_id == patient.id, Evidence.withdrawn_at.is_(None))
        query = query.where(Evidence.recorded_at >= first).order_by(table.id.desc())
        found += session.scalars(query.limit(_CHECKED))
    return found


def _newly_blocking(
    session: Session, patient: Patient, decided: Decided, cause: Evidence, wrong: set[str]
) -> list[Finding]:
    """What would have blocked the decision with the correction known, and did not block it."""
    answer = replay(session, patient, decided)
    then = situation_of(session, patient, decided.evidence.recorded_at, before=decided.evidence)
    right = [fact for fact in then.record.facts if fact.id not in wrong]
    if len(right) == len(then.record.facts):
        return []
    if cause.withdrawn_at is None:
        right.append(cause.fact)
    record = replace(then.record, facts=tuple(right))
    after = assess(record, then.programme, then.terms, answer.question)
    before = set(answer.blocked_by)
    return [item for item in after.findings if item.blocks and item.requirement not in before]


def _is_open(session: Session, decided: Decided, cause: Evidence) -> bool:
    query = select(Incident.id).where(
        Incident.decision_id == decided.evidence_id, Incident.cause_id == cause.id
    )
    return session.scalar(query) is not None


def _open(
    session: Session,
    actor: Actor,
    patient: Patient,
    decided: Decided,
    cause: Evidence,
    blocks: Sequence[Finding],
    now: dt.datetime,
) -> Incident:
    row = Incident(
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        kind=IncidentKind.LATE_CORRECTION,
        decision_id=decided.evidence_id,
        cause_id=cause.id,
        detail=_told(decided, cause, blocks),
        opened_at=now,
    )
    session.add(row)
    session.flush()
    _audit(session, actor, row, "incident.opened", now, {"detail": row.detail})
    return row


def _told(decided: Decided, cause: Evidence, blocks: Sequence[Finding]) -> str:
    """What happened, in sentences that a person can act on."""
    is_order = isinstance(decided, PrescriptionOrder)
    did = "The prescription" if is_order else "The hand-over"
    how = "withdrawn" if cause.withdrawn_at is not None else "corrected"
    on = show(decided.evidence.happened_on)
    reasons = " ".join(item.reason for item in blocks)
    return (
        f"{did} of {on} rested on a result of {show(cause.happened_on)} that was {how} afterwards."
        f" With what is known now it would have been blocked: {reasons}"
    )


def incidents_of(
    session: Session, actor: Actor, patient: Patient | None = None, *, closed: bool = False
) -> Sequence[Incident]:
    """The open (or the closed) incidents of the clinic or of one patient, newest first."""
    query = select(Incident).where(Incident.clinic_id == actor.clinic_id)
    query = query.where(Incident.closed_at.is_not(None) if closed else Incident.closed_at.is_(None))
    if patient is not None:
        query = query.where(Incident.patient_id == patient.id)
    return session.scalars(query.order_by(Incident.id.desc())).all()


def get_incident(session: Session, actor: Actor, public_id: str) -> Incident:
    """An incident of the actor's own clinic; raises NotFound for any other."""
    row = session.scalar(
        select(Incident).where(
            Incident.public_id == public_id, Incident.clinic_id == actor.clinic_id
        )
    )
    if row is None:
        raise NotFound("There is no such incident at this clinic.")
    return row


def close(
    session: Session, actor: Actor, public_id: str, reason: str, now: dt.datetime
) -> Incident:
    """Close an incident with what was done about it; audited.

    Raises NotFound, Conflict when it is closed already, Invalid without a reason.
    """
    row = get_incident(session, actor, public_id)
    if row.closed_at is not None:
        raise Conflict(f"{row.closed_by} closed this incident already.")
    if not reason.strip():
        raise Invalid({"reason": "Say what was found out and done; it stays on record."})
    row.closed_at, row.closed_by, row.closed_reason = now, actor.name, reason.strip()
    _audit(session, actor, row, "incident.closed", now, {"reason": reason.strip()})
    return row


def _audit(
    session: Session,
    actor: Actor,
    row: Incident,
    action: str,
    now: dt.datetime,
    detail: dict[str, str],
) -> None:
    audit.record(
        session,
        actor,
        action,
        "incident",
        row.public_id,
        now,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        detail=detail,
    )
