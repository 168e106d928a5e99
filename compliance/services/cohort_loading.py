"""Load a clinic's cohort as known at an instant, in a handful of queries however many patients."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from compliance.models import (
    Clinic,
    Course,
    Dispense,
    Evidence,
    ImportedFile,
    ImportedMessage,
    ImportedResult,
    Patient,
    PrescriptionOrder,
    User,
)
from compliance.models.intake import Disposition
from compliance.rules.facts import Fact, Record, read_fact
from compliance.rules.programme import load_programme
from compliance.rules.terms import Analyte
from compliance.services.cohort import Cohort, Decision, Followed, Received, ReceivedFile
from compliance.services.evidence import clinic_terms


def load_cohort(session: Session, clinic: Clinic, known_at: dt.datetime) -> Cohort:
    """Every patient of the clinic with what was known at the instant."""
    terms = clinic_terms(session, clinic, known_at)
    facts = _facts(session, clinic, known_at)
    decisions = _decisions(session, clinic, known_at)
    closed = _closed(session, clinic)
    zone = ZoneInfo(clinic.time_zone)
    query = select(Patient.id, Patient.mrn, Patient.birth_date, Patient.sex_at_birth,
                   Patient.programme)  # fmt: skip
    query = query.where(Patient.clinic_id == clinic.id, Patient.created_at <= known_at)
    people = tuple(
        Followed(
            local_id=row.mrn,
            record=Record(
                born=row.birth_date, sex_at_birth=row.sex_at_birth, facts=tuple(facts[row.id])
            ),
            programme=load_programme(row.programme),
            terms=terms,
            decisions=decisions,
            closed_on=closed.get(row.id),
        )
        for row in session.execute(query.order_by(Patient.mrn))
    )
    return Cohort(
        people=people,
        received=_received(session, clinic, known_at, zone),
        files=_files(session, clinic, known_at, zone),
    )


def _facts(session: Session, clinic: Clinic, known_at: dt.datetime) -> dict[int, list[Fact]]:
    """The standing facts of every patient: not replaced and not withdrawn by the instant."""
    later = aliased(Evidence)
    replaced = select(later.supersedes_id).where(
        later.clinic_id == clinic.id,
        later.supersedes_id.is_not(None),
        later.recorded_at <= known_at,
    )
    query = select(Evidence.id, Evidence.patient_id, Evidence.kind, Evidence.detail).where(
        Evidence.clinic_id == clinic.id,
        Evidence.recorded_at <= known_at,
        or_(Evidence.withdrawn_at.is_(None), Evidence.withdrawn_at > known_at),
        Evidence.id.not_in(replaced),
    )
    found: dict[int, list[Fact]] = defaultdict(list)
    for row in session.execute(query.order_by(Evidence.happened_on, Evidence.id)):
        found[row.patient_id].append(read_fact(row.kind, row.detail, str(row.id)))
    return found


def _decisions(session: Session, clinic: Clinic, known_at: dt.datetime) -> dict[str, Decision]:
    issued = (
        select(
            Evidence.id,
            PrescriptionOrder.decided_at.label("at"),
            User.name.label("by"),
            Evidence.recorded_by,
            PrescriptionOrder.blocked_by,
            PrescriptionOrder.override_reason,
        )
        .join(Evidence, Evidence.id == PrescriptionOrder.evidence_id)
        .outerjoin(User, User.id == PrescriptionOrder.prescriber_id)
        .where(PrescriptionOrder.clinic_id == clinic.id, Evidence.recorded_at <= known_at)
    )
    handed = (
        select(
            Evidence.id,
            Evidence.recorded_at.label("at"),
            Evidence.recorded_by.label("by"),
            Evidence.recorded_by,
            Dispense.blocked_by,
            Dispense.override_reason,
        )
        .join(Evidence, Evidence.id == Dispense.evidence_id)
        .where(Dispense.clinic_id == clinic.id, Evidence.recorded_at <= known_at)
    )
    rows = [*session.execute(issued), *session.execute(handed)]
    return {
        str(row.id): Decision(
            at=row.at,
            by=row.by or row.recorded_by,
            blocked_by=tuple(row.blocked_by),
            override_reason=row.override_reason,
        )
        for row in rows
    }


def _closed(session: Session, clinic: Clinic) -> dict[int, dt.date | None]:
    """The day on which each patient's newest course was closed; None while it is open."""
    query = select(Course.patient_id, Course.closed_on).where(Course.clinic_id == clinic.id)
    return {row.patient_id: row.closed_on for row in session.execute(query.order_by(Course.id))}


def _received(
    session: Session, clinic: Clinic, known_at: dt.datetime, zone: ZoneInfo
) -> tuple[Received, ...]:
    query = (
        select(
            ImportedFile.received_at,
            ImportedResult.disposition,
            ImportedResult.resolved_at,
            ImportedResult.analyte,
            ImportedResult.unit,
            Patient.mrn,
        )
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .join(ImportedFile, ImportedFile.id == ImportedMessage.file_id)
        .outerjoin(Patient, Patient.id == ImportedResult.patient_id)
        .where(ImportedResult.clinic_id == clinic.id, ImportedFile.received_at <= known_at)
        .order_by(ImportedResult.id)
    )
    return tuple(
        Received(
            day=row.received_at.astimezone(zone).date(),
            disposition=_then(row.disposition, row.resolved_at, known_at),
            local_id=row.mrn or "not matched",
            without_unit=row.analyte not in (None, Analyte.HCG.value) and not row.unit,
        )
        for row in session.execute(query)
    )


def _then(disposition: Disposition, resolved_at: dt.datetime | None, known_at: dt.datetime) -> str:
    """What had become of a result by the instant: one that a person resolved later was held."""
    if resolved_at is not None and resolved_at > known_at:
        return Disposition.HELD.value
    return disposition.value


def _files(
    session: Session, clinic: Clinic, known_at: dt.datetime, zone: ZoneInfo
) -> tuple[ReceivedFile, ...]:
    query = select(ImportedFile.received_at, ImportedFile.received).where(
        ImportedFile.clinic_id == clinic.id, ImportedFile.received_at <= known_at
    )
    return tuple(
        ReceivedFile(day=row.received_at.astimezone(zone).date(), results=row.received)
        for row in session.execute(query.order_by(ImportedFile.id))
    )
