"""Questions about a patient that change nothing: what if, and what was known then."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Dispense, Evidence, Patient, PrescriptionOrder
from compliance.rules.assess import assess
from compliance.rules.facts import Record
from compliance.rules.findings import Assessment, Question
from compliance.rules.programme import load_programme
from compliance.rules.terms import Act
from compliance.rules.what_if import Situation
from compliance.services.assessments import question_about
from compliance.services.errors import Invalid, NotFound
from compliance.services.evidence import clinic_terms, known_evidence, to_record
from compliance.services.recording import moment_of
from compliance.services.waiting import waiting_facts

Decided = PrescriptionOrder | Dispense


def situation_of(
    session: Session,
    patient: Patient,
    known_at: dt.datetime | None = None,
    *,
    before: Evidence | None = None,
) -> Situation:
    """What the rules are asked of, as known at an instant (None: as known now).

    `before` leaves out that entry and every one made after it, whatever its moment.
    """
    rows = known_evidence(session, patient, known_at)
    if before is not None:
        rows = [row for row in rows if (row.recorded_at, row.id) < (before.recorded_at, before.id)]
    return Situation(
        to_record(patient, rows, waiting_facts(session, [patient], known_at)[patient.id]),
        load_programme(patient.programme),
        clinic_terms(session, patient.clinic, known_at),
    )


def replay(session: Session, patient: Patient, decided: Decided) -> Assessment:
    """The answer on which a prescription or a hand-over was decided, from what was known then."""
    row = decided.evidence
    now = situation_of(session, patient, row.recorded_at, before=row)
    return assess(now.record, now.programme, now.terms, _question(now.record, patient, decided))


def decisions_of(session: Session, patient: Patient, limit: int) -> list[Decided]:
    """The latest prescriptions and hand-overs that still stand, newest first."""
    found: list[Decided] = []
    for table in (PrescriptionOrder, Dispense):
        query = select(table).join(Evidence, Evidence.id == table.evidence_id)
        query = query.where(table.patient_id == patient.id, Evidence.withdrawn_at.is_(None))
        found += session.scalars(query.order_by(table.id.desc()).limit(limit))
    return sorted(found, key=lambda item: item.evidence.recorded_at, reverse=True)[:limit]


def _question(record: Record, patient: Patient, decided: Decided) -> Question:
    at, days = decided.evidence.recorded_at, decided.days_supply
    if isinstance(decided, PrescriptionOrder):
        return Question(at=at, act=Act.PRESCRIBE, days_supply=days, refills=decided.refills)
    moment = moment_of(patient, decided.dispensed_on, at)
    return question_about(record, decided.dispensed_on, moment, Act.DISPENSE, days_supply=days)


def find_patient(session: Session, public_id: str, mrn: str = "", clinic_code: str = "") -> Patient:
    """A patient by public id, or by record number at a clinic; raises NotFound or Invalid."""
    if public_id:
        patient = session.scalar(select(Patient).where(Patient.public_id == public_id))
    elif not clinic_code:
        raise Invalid({"clinic": "A record number needs the clinic's code as well."})
    else:
        clinic = session.scalar(select(Clinic).where(Clinic.code == clinic_code))
        if clinic is None:
            raise NotFound(f"No clinic has the code {clinic_code!r}.")
        patient = session.scalar(
            select(Patient).where(Patient.clinic_id == clinic.id, Patient.mrn == mrn.strip())
        )
    if patient is None:
        raise NotFound("There is no such patient.")
    return patient
