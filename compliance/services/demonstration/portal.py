"""What the made-up staff have ticked as entered in the portal: most of it, as in a real week."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from compliance.models import Clinic, PortalEntry, User
from compliance.rules.dates import show
from compliance.services import audit
from compliance.services.actors import system
from compliance.services.reconciliation import Line, Sheet, sheets

AFTER = dt.timedelta(minutes=25)
LATELY = dt.timedelta(days=2)
FORGOTTEN, OUTDATED = 9, 13  # one patient in so many
MONTH = dt.timedelta(days=28)


def tick(session: Session, clinic: Clinic, nurse: User, now: dt.datetime) -> None:
    """Tick what is older than two days, but for a few lines forgotten and a few out of date."""
    for number, sheet in enumerate(sheets(session, clinic)):
        ticked = _ticked(sheet, number, now)
        session.add_all(_entry(clinic, sheet, line, nurse, value) for line, value in ticked)
        audit.record(
            session,
            system("demonstration"),
            "portal.entered",
            "patient",
            sheet.patient.public_id,
            now,
            clinic_id=clinic.id,
            patient_id=sheet.patient.id,
            detail={line.row.key: value for line, value in ticked},
        )


def _ticked(sheet: Sheet, number: int, now: dt.datetime) -> list[tuple[Line, str]]:
    found = [
        (line, line.value)
        for line in sheet.open_lines
        if line.known_at is not None and line.known_at < now - LATELY
    ]
    if found and number % FORGOTTEN == 4:
        found.pop()
    if number % OUTDATED == 5:
        found = [(line, _before(line) if line.row.key == "counselling" else value)
                 for line, value in found]  # fmt: skip
    return found


def _before(line: Line) -> str:
    """The counselling of the month before, as it stood when it was ticked."""
    return show((line.known_at - MONTH).date()) if line.known_at else ""


def _entry(clinic: Clinic, sheet: Sheet, line: Line, nurse: User, value: str) -> PortalEntry:
    known = line.known_at or clinic.created_at
    return PortalEntry(
        clinic_id=clinic.id,
        patient_id=sheet.patient.id,
        line=line.row.key,
        value=value,
        entered_at=known + AFTER if value == line.value else known - MONTH,
        entered_by=nurse.name,
        entered_by_id=nurse.id,
    )
