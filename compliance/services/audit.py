"""The audit trail: one hash chain a clinic, written in the transaction of the change itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import AccessLogEntry, AuditEvent, AuditHead, Patient
from compliance.services.actors import Actor

GENESIS = "0" * 64


def record(
    session: Session,
    actor: Actor,
    action: str,
    entity: str,
    entity_id: object,
    now: dt.datetime,
    *,
    clinic_id: int | None = None,
    patient_id: int | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one event to the chain of its clinic (or of the installation)."""
    chain = f"clinic-{clinic_id}" if clinic_id is not None else "installation"
    head = session.get(AuditHead, chain, with_for_update=True)
    if head is None:
        head = AuditHead(chain=chain, sequence=0, hash=GENESIS)
        session.add(head)
    event = AuditEvent(
        chain=chain,
        sequence=head.sequence + 1,
        at=now,
        actor=actor.name,
        actor_id=actor.user_id,
        clinic_id=clinic_id,
        patient_id=patient_id,
        action=action,
        entity=entity,
        entity_id=str(entity_id),
        detail=detail or {},
        previous_hash=head.hash,
    )
    event.hash = link(event)
    head.sequence, head.hash = event.sequence, event.hash
    session.add(event)
    return event


def link(event: AuditEvent) -> str:
    """The hash of an event: over everything it says and the hash of the one before."""
    said = [
        event.chain,
        event.sequence,
        event.at.astimezone(dt.UTC).isoformat(),
        event.actor,
        event.actor_id,
        event.clinic_id,
        event.patient_id,
        event.action,
        event.entity,
        event.entity_id,
        event.detail,
        event.previous_hash,
    ]
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ChainProof:
    """What walking a chain found: how many events, its head, and the first fault."""

    chain: str
    events: int
    head: str
    fault: str | None


def verify(session: Session, chain: str) -> ChainProof:
    """Walk one chain from its beginning; names the first event that does not fit."""
    previous, count = GENESIS, 0
    rows = session.scalars(
        select(AuditEvent).where(AuditEvent.chain == chain).order_by(AuditEvent.sequence)
    )
    for event in rows:
        count += 1
        if event.sequence != count:
            return ChainProof(chain, count, previous, f"event {count} is missing")
        if event.previous_hash != previous or event.hash != link(event):
            return ChainProof(chain, count, previous, f"event {count} was changed")
        previous = event.hash
    head = session.get(AuditHead, chain)
    if head is not None and (head.sequence, head.hash) != (count, previous):
        return ChainProof(chain, count, previous, f"the tail after event {count} is missing")
    return ChainProof(chain, count, previous, None)


def head(session: Session, chain: str) -> AuditHead | None:
    """The last link of a chain; None while it is empty."""
    return session.get(AuditHead, chain)


def head_before(session: Session, chain: str, moment: dt.datetime) -> str:
    """The last link written before a moment, as it is printed; "" while there was none.

    A chain whose tail was cut off together with its head verifies; against this it does not.
    """
    event = session.scalar(
        select(AuditEvent)
        .where(AuditEvent.chain == chain, AuditEvent.at < moment)
        .order_by(AuditEvent.sequence.desc())
        .limit(1)
    )
    return f"event {event.sequence:,}, {event.hash}" if event else ""


def log_access(
    session: Session, actor: Actor, patient: Patient, page: str, now: dt.datetime
) -> None:
    """Write down that somebody looked at a patient."""
    session.add(
        AccessLogEntry(
            at=now,
            actor=actor.name,
            user_id=actor.user_id,
            clinic_id=patient.clinic_id,
            patient_id=patient.id,
            page=page,
        )
    )
