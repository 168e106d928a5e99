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


def waits_for(patient: Patient) -> ColumnElement[bool]:
    """What is held and is this patient's, or may be as long as nobody has said whose it is."""
    maybe = and_(
        ImportedResult.patient_id.is_(None), ImportedResult.suggested_patient_id == patient.id
    )
    whose = or_(ImportedResult.patient_id == patient.id, maybe)
    return and_(ImportedResult.disposition == Disposition.HELD, whose)


def waiting_facts(
    session: Session, patient: Patient, known_at: dt.datetime | None = None
) -> Sequence[WaitingResult]:
    """What waited for a person at an instant (None: now) and may bear on this patient's answer."""
    query = (
        select(ImportedResult, ImportedFile.received_at)
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .join(ImportedFile, ImportedFile.id == ImportedMessage.file_id)
        .order_by(ImportedResult.id)
    )
    if known_at is None:
        query = query.where(waits_for(patient))
    else:
        query = query.where(_waited_for(patient, known_at), ImportedFile.received_at <= known_at)
    zone = ZoneInfo(patient.clinic.time_zone)
    rows = session.execute(query).all()
    return tuple(
        fact
        for row, received_at in rows
        for fact in _facts(row, received_at.astimezone(zone).date(), patient)
    )


def _waited_for(patient: Patient, known_at: dt.datetime) -> ColumnElement[bool]:
    """The same at an instant: what was resolved since then counts as whose it seemed at arrival."""
    since = and_(
        ImportedResult.resolved_at > known_at, ImportedResult.suggested_patient_id == patient.id
    )
    return or_(waits_for(patient), since)


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
