"""Everything that happened to a record, and who looked at it, page by page."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import url_for
from sqlalchemy import Select, select

from compliance.db import db
from compliance.models import AccessLogEntry, AuditEvent, Contact, Evidence, Patient, Role
from compliance.services.evidence import local_date
from compliance.web.security import CLINICAL, OVERSIGHT

PARTS = {
    "recorded": "Everything recorded",
    "contacts": "What was done",
    "changes": "What was changed",
    "looks": "Who looked at it",
}
PER_PAGE = 50


def parts_for(role: Role | None) -> dict[str, str]:
    """The parts of the history that a role may see: who looked is for oversight only."""
    return {key: said for key, said in PARTS.items() if key != "looks" or role in OVERSIGHT}


def history_context(
    patient: Patient, part: str, role: Role | None, moment: dt.datetime
) -> dict[str, Any]:
    """Everything that templates/patients/history.html asks for."""
    address = url_for("patients.history", public_id=patient.public_id, part=part)
    return {
        "patient": patient,
        "part": part,
        "parts": parts_for(role),
        "page": db.paginate(_query(patient, part), per_page=PER_PAGE, error_out=False),
        "page_url": f"{address}&page=",
        "may_withdraw": role in CLINICAL,
        "today": local_date(patient.clinic, moment),
    }


def _query(patient: Patient, part: str) -> Select[Any]:
    if part == "looks":
        looks = select(AccessLogEntry).where(AccessLogEntry.patient_id == patient.id)
        return looks.order_by(AccessLogEntry.id.desc())
    if part == "changes":
        changes = select(AuditEvent).where(AuditEvent.patient_id == patient.id)
        return changes.order_by(AuditEvent.id.desc())
    if part == "contacts":
        contacts = select(Contact).where(Contact.patient_id == patient.id)
        return contacts.order_by(Contact.id.desc())
    recorded = select(Evidence).where(Evidence.patient_id == patient.id)
    return recorded.order_by(Evidence.happened_on.desc(), Evidence.id.desc())
