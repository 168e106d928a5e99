"""Many audit events at once: linked in the order of their moments, as if recorded one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy.orm import Session

from compliance.models import AuditEvent, AuditHead
from compliance.services import audit


@dataclass(slots=True)
class Happened:
    """One change, before it has its place in the chain of a clinic."""

    at: dt.datetime
    actor: str
    actor_id: int
    clinic_id: int
    patient_id: int | None
    action: str
    entity: str
    entity_id: str
    detail: dict[str, Any] = field(default_factory=dict)


_COLUMNS = [item.name for item in fields(Happened)]


def append_all(session: Session, clinic_id: int, happened: Iterable[Happened]) -> None:
    """Append changes to the chain of a clinic, oldest first."""
    chain = f"clinic-{clinic_id}"
    session.flush()
    head = session.get(AuditHead, chain, with_for_update=True)
    if head is None:
        head = AuditHead(chain=chain, sequence=0, hash=audit.GENESIS)
        session.add(head)
    events = []
    for item in sorted(happened, key=lambda item: item.at):
        events.append(_after(head, item))
        head.sequence, head.hash = events[-1].sequence, events[-1].hash
    session.bulk_save_objects(events)
    session.flush()


def _after(head: AuditHead, item: Happened) -> AuditEvent:
    event = AuditEvent(
        chain=head.chain,
        sequence=head.sequence + 1,
        previous_hash=head.hash,
        **{name: getattr(item, name) for name in _COLUMNS},
    )
    event.hash = audit.link(event)
    return event
