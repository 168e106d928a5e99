"""What patients stated, as staff read it: one sentence each, and what one click may settle."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

from sqlalchemy.orm import Session

from compliance.models import Patient, PatientStatement, Role, StatementKind
from compliance.services.patient_links import live_links
from compliance.services.stated import announces_pregnancy
from compliance.services.statement_handling import statements_of
from compliance.web.clock import now
from compliance.web.security import CLINICAL, actor
from compliance.web.words import words

TITLES = {
    StatementKind.METHODS: "Stated the month's methods",
    StatementKind.COMPREHENSION: "Answered the month's questions",
    StatementKind.MISSED_PILL: "Missed pill, or a method that failed",
    StatementKind.POSSIBLE_PREGNANCY: "Possible pregnancy",
    StatementKind.SYMPTOM: "Symptom",
    StatementKind.HOME_TEST: "Photo of a home test",
    StatementKind.NO_MAIL: "Wants no more mail",
}
ONE_CLICK = {
    StatementKind.MISSED_PILL: ("Spoke with the patient; advised", "Left a message"),
    StatementKind.SYMPTOM: ("Spoke with the patient; advised", "Seen; nothing to do"),
    StatementKind.HOME_TEST: ("Looked at; not usable",),
    StatementKind.NO_MAIL: ("Noted; will call instead",),
}
REPEATS = {
    "same": "The patient has sent the same photo before.",
    "other-patient": "The same photo came from another patient before.",
    "alike": "It looks much like an earlier photo.",
}


def row_of(row: PatientStatement) -> SimpleNamespace:
    """A statement as the list and the card show it."""
    alarming = announces_pregnancy(row)
    return SimpleNamespace(
        row=row,
        patient=row.patient,
        title=TITLES[row.kind],
        told=_told(row),
        repeat=REPEATS.get(row.detail.get("repeat", ""), ""),
        alarming=alarming,
        one_click=() if alarming else ONE_CLICK.get(row.kind, ()),
        may_close=not alarming or actor().role is Role.PRESCRIBER,
        photo=row.document,
        taken_at=dt.datetime.fromisoformat(row.detail["taken_at"])
        if row.kind is StatementKind.HOME_TEST
        else None,
    )


def _told(row: PatientStatement) -> str:
    detail = row.detail
    parts: dict[StatementKind, Any] = {
        StatementKind.METHODS: ", ".join(words(item) for item in detail.get("methods", ())),
        StatementKind.COMPREHENSION: "Some wrong" if detail.get("wrong") else "All right",
        StatementKind.HOME_TEST: f"Kit: {detail.get('kit')}. The patient reads it as "
        f"{words(detail.get('result', '')).lower()}.",
    }
    said = [words(detail["symptom"])] if detail.get("symptom") else []
    said += [f"“{detail['text']}”"] if detail.get("text") else []
    return str(parts.get(row.kind) or ". ".join(said))


def statements_context(session: Session, patient: Patient) -> dict[str, Any]:
    """What templates/patients/_statements.html asks for."""
    return {
        "statements": [row_of(row) for row in statements_of(session, patient, limit=5)],
        "links_open": len(live_links(session, patient, now())),
        "may_link": actor().role in CLINICAL,
    }
