"""A possible pregnancy that a patient stated: it holds every answer until a clinician closes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from compliance.models import Patient, PatientStatement, StatementKind
from compliance.rules.facts import WaitingResult
from compliance.rules.terms import TestResult


def announces_pregnancy(row: PatientStatement) -> bool:
    """Whether a statement may announce a pregnancy: said so, or a home test not negative."""
    if row.kind is StatementKind.HOME_TEST:
        return bool(row.detail.get("result") != TestResult.NEGATIVE.value)
    return row.kind is StatementKind.POSSIBLE_PREGNANCY


def stated_facts(
    session: Session, patients: Sequence[Patient], known_at: dt.datetime | None = None
) -> Iterator[tuple[int, WaitingResult]]:
    """What patients stated that may announce a pregnancy, open at an instant (None: now).

    Each comes with the id of its patient.
    """
    people = {patient.id: patient for patient in patients}
    query = select(PatientStatement).where(
        PatientStatement.patient_id.in_(people),
        PatientStatement.kind.in_((StatementKind.POSSIBLE_PREGNANCY, StatementKind.HOME_TEST)),
    )
    if known_at is None:
        query = query.where(PatientStatement.handled_at.is_(None))
    else:
        still_open = or_(
            PatientStatement.handled_at.is_(None), PatientStatement.handled_at > known_at
        )
        query = query.where(PatientStatement.at <= known_at, still_open)
    for row in session.scalars(query.order_by(PatientStatement.id)):
        if announces_pregnancy(row):
            yield row.patient_id, _fact(row, people[row.patient_id])


def _fact(row: PatientStatement, patient: Patient) -> WaitingResult:
    on = row.at.astimezone(ZoneInfo(patient.clinic.time_zone)).date()
    return WaitingResult(id=row.public_id, on=on, pregnancy=True, urgent=True, stated=True)
