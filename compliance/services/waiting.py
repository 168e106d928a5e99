"""Received results that wait for a person, as the rules see them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from compliance.models import ImportedFile, ImportedMessage, ImportedResult, Patient
from compliance.models.intake import Disposition
from compliance.rules.facts import PregnancyTest, WaitingResult
from compliance.rules.terms import Analyte, TestResult
from compliance.services.stated import stated_facts


def waits_for(patient: Patient) -> ColumnElement[bool]:
    """What is held and is this patient's, or may be as long as nobody has said whose it is."""
    return and_(ImportedResult.clinic_id == patient.clinic_id, _waits([patient.id]))


def _waits(patient_ids: Sequence[int]) -> ColumnElement[bool]:
    suggested = ImportedResult.suggested_patient_id.in_(patient_ids)
    whose = or_(
        ImportedResult.patient_id.in_(patient_ids),
        and_(ImportedResult.patient_id.is_(None), suggested),
    )
    return and_(ImportedResult.disposition == Disposition.HELD, whose)


def waiting_facts(
    session: Session, patients: Sequence[Patient], known_at: dt.datetime | None = None
) -> dict[int, list[WaitingResult]]:
    """What waited for a person at an instant (None: now) and may bear on each patient's answer."""
    people = {patient.id: patient for patient in patients}
    query = (
        select(ImportedResult, ImportedFile.received_at)
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .join(ImportedFile, ImportedFile.id == ImportedMessage.file_id)
        .where(ImportedResult.clinic_id.in_({patient.clinic_id for patient in patients}))
        .order_by(ImportedResult.id)
    )
    if known_at is None:
        query = query.where(_waits(list(people)))
    else:
        query = query.where(_waited(list(people), known_at), ImportedFile.received_at <= known_at)
    found: dict[int, list[WaitingResult]] = {patient_id: [] for patient_id in people}
    for row, received_at in session.execute(query):
        for patient_id in _whose(row, known_at) & people.keys():
            zone = ZoneInfo(people[patient_id].clinic.time_zone)
            on = received_at.astimezone(zone).date()
            found[patient_id] += _facts(row, on, people[patient_id])
    for patient_id, stated in stated_facts(session, patients, known_at):
        found[patient_id].append(stated)
    return found


def _waited(patient_ids: Sequence[int], known_at: dt.datetime) -> ColumnElement[bool]:
    """The same at an instant: what was resolved since then counts as whose it seemed at arrival."""
    since = and_(
        ImportedResult.resolved_at > known_at, ImportedResult.suggested_patient_id.in_(patient_ids)
    )
    return or_(_waits(patient_ids), since)


def _whose(row: ImportedResult, known_at: dt.datetime | None) -> set[int]:
    """Whom a result that waits, or waited at an instant, may concern."""
    found = []
    if row.disposition is Disposition.HELD:
        found.append(row.patient_id or row.suggested_patient_id)
    if known_at is not None and row.resolved_at is not None and row.resolved_at > known_at:
        found.append(row.suggested_patient_id)
    return {patient_id for patient_id in found if patient_id is not None}


def _facts(row: ImportedResult, on: dt.date, patient: Patient) -> Iterator[WaitingResult]:
    pregnancy = _may_announce_pregnancy(row)
    if not pregnancy and row.analyte is None:
        return
    yield WaitingResult(
        id=row.public_id,
        on=on,
        analyte=Analyte(row.analyte) if row.analyte else None,
        pregnancy=pregnancy,
        urgent=row.urgent,
        certain=row.patient_id == patient.id,
    )


def _may_announce_pregnancy(row: ImportedResult) -> bool:
    """A pregnancy test that is not plainly negative, or a text that states a pregnancy."""
    meant = row.proposed_fact or {}
    if meant.get("kind") == PregnancyTest.kind:
        return row.urgent or meant["detail"]["result"] != TestResult.NEGATIVE.value
    if row.analyte is None:
        return row.urgent
    return row.analyte == Analyte.HCG.value
