"""What patients reported on their own pages and nobody has seen to."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from compliance.models import PatientLink, PatientStatement, StatementKind
from compliance.services.patient_links import shut_out
from compliance.services.silences import Found, Place, Scope, Silence
from compliance.services.stated import announces_pregnancy

_SAID = {
    StatementKind.MISSED_PILL: "A missed pill, or a method that failed, was reported.",
    StatementKind.POSSIBLE_PREGNANCY: "A possible pregnancy was reported.",
    StatementKind.SYMPTOM: "A symptom was reported.",
    StatementKind.HOME_TEST: "The photo of a home test waits to be looked at.",
    StatementKind.NO_MAIL: "The patient wants no more mail.",
}


def unhandled(session: Session, scope: Scope) -> Found:
    """Statements that wait for a person, and links that wrong birth dates ended."""
    query = (
        select(PatientStatement)
        .where(PatientStatement.clinic_id == scope.clinic.id, PatientStatement.handled_at.is_(None))
        .options(joinedload(PatientStatement.patient))
    )
    found = [_statement(row) for row in session.scalars(query)]
    found += [_shut_out(link) for link in session.scalars(shut_out(scope.clinic))]
    over = select(func.count(PatientStatement.id)).where(
        PatientStatement.clinic_id == scope.clinic.id
    )
    return Found(found, session.scalar(over) or 0)


def _statement(row: PatientStatement) -> Silence:
    action = "Call the patient today" if announces_pregnancy(row) else "Look at it and close it"
    patient = row.patient
    return Silence(
        patient.name, _SAID.get(row.kind, ""), action, row.at, Place("statement"), patient
    )


def _shut_out(link: PatientLink) -> Silence:
    reason = "The links to the patient's page were ended after wrong birth dates."
    place = Place("statement")
    return Silence(
        link.patient.name, reason, "Call, then give a new link", link.revoked_at, place,
        link.patient,
    )  # fmt: skip
