"""What staff did, in the words of the pages."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any, Protocol

from flask import url_for
from sqlalchemy.orm import Session

from compliance.models import ContactOutcome, Patient
from compliance.rules.dates import show
from compliance.services import contacts

FROM, PATIENT = "from", "patient"  # in the address of the form: where to go back to
_FROM_PATIENT: dict[str, Any] = {FROM: PATIENT}

SAID = {
    ContactOutcome.CALLED: "Called",
    ContactOutcome.REACHED: "Reached",
    ContactOutcome.NO_ANSWER: "No answer",
    ContactOutcome.WILL_COME: "Will come",
    ContactOutcome.SNOOZED: "Snoozed",
    ContactOutcome.HANDED_TO: "Handed on",
}


class Entry(Protocol):
    """An entry of the contact history, or what the worklist knows of it."""

    @property
    def outcome(self) -> ContactOutcome:
        """What came of it."""

    @property
    def until(self) -> dt.date | None:
        """The day they will come, or on which it is asked again."""


def said(entry: Entry, colleague: str = "") -> str:
    """What was done, in a few words: "Snoozed until 5 Apr 2026", "Handed to Nia Nurse"."""
    if entry.outcome is ContactOutcome.HANDED_TO and colleague:
        return f"Handed to {colleague}"
    if entry.until is None:
        return SAID[entry.outcome]
    word = "on" if entry.outcome is ContactOutcome.WILL_COME else "until"
    return f"{SAID[entry.outcome]} {word} {show(entry.until)}"


def contacts_context(session: Session, patient: Patient, moment: dt.datetime) -> dict[str, Any]:
    """What templates/patients/_contacts.html asks for."""
    rows = [
        SimpleNamespace(
            at=row.at,
            by=row.by,
            title=said(row, row.handed_to.name if row.handed_to else ""),
            reason=row.reason,
            status=row.outcome.value,
        )
        for row in contacts.contacts_of(session, patient)
    ]
    return {
        "contact_rows": rows,
        "contact_new_url": url_for("contacts.record", public_id=patient.public_id, **_FROM_PATIENT),
        "moment": moment,
    }
