"""Notes and documents entered in error: kept, marked, with who said so and why."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from compliance.models import Document, Note
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid


def withdraw_entry(
    session: Session, actor: Actor, row: Note | Document, reason: str, now: dt.datetime
) -> None:
    """Mark a note or a document as withdrawn, and audit it; raises Invalid or Conflict."""
    if not reason.strip():
        raise Invalid({"reason": "Say why it is withdrawn; the reason stays on record."})
    if row.withdrawn_at is not None:
        raise Conflict(f"This was withdrawn already, by {row.withdrawn_by}.")
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_reason = now, actor.name, reason.strip()
    audit_entry(session, actor, row, "withdrawn", now, reason=reason.strip())


def audit_entry(
    session: Session,
    actor: Actor,
    row: Note | Document,
    what: str,
    now: dt.datetime,
    **detail: object,
) -> None:
    """Write down in the audit trail what happened to a note or a document."""
    kind = row.__tablename__
    audit.record(
        session,
        actor,
        f"{kind}.{what}",
        kind,
        row.public_id,
        now,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        detail=detail,
    )
