"""The audit trail: one hash chain a clinic, written in the transaction of the change itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import AccessLogEntry, AuditEvent, AuditHead, Patient
from compliance.services.actors import Actor
from compliance.services.bulk import insert_rows

GENESIS = "0" * 64
_plainly = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


@dataclass(slots=True)
class Happened:
    """One change, before it has its place in the chain of a clinic."""

    at: dt.datetime
    actor: str
    actor_id: int | None
    clinic_id: int | None
    patient_id: int | None
    action: str
    entity: str
    entity_id: str
    detail: dict[str, Any] = field(default_factory=dict)


_HAPPENED = [item.name for item in fields(Happened)]


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
) -> None:
    """Append one event to the chain of its clinic (or of the installation)."""
    event = Happened(
        now,
        actor.name,
        actor.user_id,
        clinic_id,
        patient_id,
        action,
        entity,
        str(entity_id),
        detail or {},
    )
    append_all(session, clinic_id, [event])


def append_all(session: Session, clinic_id: int | None, happened: Iterable[Happened]) -> None:
    """Append changes to the chain of a clinic (None: of the installation), in this order."""
    chain = f"clinic-{clinic_id}" if clinic_id is not None else "installation"
    session.flush()  # what the events are about comes first
    head = session.get(AuditHead, chain, with_for_update=True)
    if head is None:
        head = AuditHead(chain=chain, sequence=0, hash=GENESIS)
        session.add(head)
    events = []
    for item in happened:
        event = {name: getattr(item, name) for name in _HAPPENED}
        event |= {"chain": chain, "sequence": head.sequence + 1, "previous_hash": head.hash}
        event["hash"] = _hash(event)
        head.sequence, head.hash = event["sequence"], event["hash"]
        events.append(event)
    insert_rows(session, AuditEvent, events)


def _hash(event: Mapping[str, Any]) -> str:
    """The hash of an event: over everything it says and the hash of the one before."""
    said = [
        event["chain"],
        event["sequence"],
        event["at"].astimezone(dt.UTC).isoformat(),
        event["actor"],
        event["actor_id"],
        event["clinic_id"],
        event["patient_id"],
        event["action"],
        event["entity"],
        event["entity_id"],
        event["detail"],
        event["previous_hash"],
    ]
    return hashlib.sha256(_plainly(said).encode()).hexdigest()


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
    table = AuditEvent.__table__
    rows = session.execute(
        select(table).where(table.c.chain == chain).order_by(table.c.sequence),
        execution_options={"yield_per": 1000},
    )
    for event in (row._asdict() for row in rows):
        count += 1
        if event["sequence"] != count:
            return ChainProof(chain, count, previous, f"event {count} is missing")
        if event["previous_hash"] != previous or event["hash"] != _hash(event):
            return ChainProof(chain, count, previous, f"event {count} was changed")
        previous = event["hash"]
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
