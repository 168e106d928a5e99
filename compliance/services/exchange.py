"""What other programs may read of a clinic, page by page, and the log of whom they looked at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, func, insert, select
from sqlalchemy.orm import Session, aliased

from compliance.models import (
    AccessLogEntry,
    AuditEvent,
    Course,
    Evidence,
    Patient,
    PatientIdentifier,
    StoredAssessment,
)
from compliance.services.actors import Actor
from compliance.services.errors import Invalid

PAGE = 50  # how many a page holds unless it is said


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` (inclusive) up to `high` (exclusive), both aware; None: without that end."""

    low: dt.datetime | None = None
    high: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search asks: whose, when it happened, when it last changed, and which page."""

    patients: Sequence[str] = ()  # all of these at once: two different ones are nobody
    key: str | None = None
    identifier: tuple[str, str] | None = None  # authority ("" for any) and value
    days: Sequence[Span] = field(default_factory=tuple)
    updated: Sequence[Span] = field(default_factory=tuple)
    after: str = ""  # the key of the last one on the page before
    count: int = PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """How many there are in all, those of this page, and whether more follow."""

    total: int
    rows: Sequence[Any]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one kind of thing stands: rows of (thing, patient, updated, …), and what to ask by."""

    query: Select[*tuple[Any, ...]]
    clinic: Any
    order: Any
    key: Any
    updated: Any
    day: Any


_Later = aliased(Evidence)


def evidence_shelf(*kinds: str) -> Shelf:
    """Evidence of these kinds (none: of all), with the moment at which another replaced it."""
    updated = func.coalesce(Evidence.withdrawn_at, _Later.recorded_at, Evidence.recorded_at)
    query = (
        select(Evidence, Patient, updated.label("updated"), _Later.recorded_at.label("replaced"))
        .join(Patient, Patient.id == Evidence.patient_id)
        .outerjoin(_Later, _Later.supersedes_id == Evidence.id)
    )
    if kinds:
        query = query.where(Evidence.kind.in_(kinds))
    return Shelf(
        query, Evidence.clinic_id, Evidence.id, Evidence.public_id, updated, Evidence.happened_on
    )


def patient_shelf() -> Shelf:
    """The patients; a patient changed when an event about the patient itself was written last."""
    changed = (
        select(func.max(AuditEvent.at))
        .where(AuditEvent.patient_id == Patient.id, AuditEvent.entity == "patient")
        .scalar_subquery()
    )
    updated = func.coalesce(changed, Patient.created_at)
    query = select(Patient.id, Patient, updated.label("updated"))
    return Shelf(
        query, Patient.clinic_id, Patient.id, Patient.public_id, updated, Patient.birth_date
    )


def assessment_shelf(day: Any = None) -> Shelf:
    """The stored answer about each patient's newest course; `day` is the date asked by."""
    other = aliased(Course)
    newest = select(func.max(other.id)).where(other.patient_id == Patient.id).scalar_subquery()
    query = (
        select(StoredAssessment, Patient, StoredAssessment.assessed_at.label("updated"))
        .join(Patient, Patient.id == StoredAssessment.patient_id)
        .join(Course, Course.id == StoredAssessment.course_id)
        .where(StoredAssessment.course_id == newest)
    )
    return Shelf(
        query,
        StoredAssessment.clinic_id,
        StoredAssessment.course_id,
        Patient.public_id,
        StoredAssessment.assessed_at,
        StoredAssessment.assessed_at if day is None else day,
    )


def audit_shelf() -> Shelf:
    """The clinic's audit events by their number in its chain; some concern no patient."""
    query = select(AuditEvent, Patient, AuditEvent.at.label("updated")).outerjoin(
        Patient, Patient.id == AuditEvent.patient_id
    )
    return Shelf(
        query,
        AuditEvent.clinic_id,
        AuditEvent.sequence,
        AuditEvent.sequence,
        AuditEvent.at,
        AuditEvent.at,
    )


def find(session: Session, actor: Actor, shelf: Shelf, wanted: Wanted) -> Page:
    """One page of what is wanted at the actor's clinic, oldest first.

    Raises Invalid for a page after something that is not there.
    """
    query = _asked(shelf, wanted).where(shelf.clinic == actor.clinic_id)
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    if wanted.after:
        query = query.where(shelf.order > _place(session, actor, shelf, wanted.after))
    page = query.order_by(shelf.order).limit(wanted.count + 1)
    rows = session.execute(page).all() if wanted.count else []
    return Page(total, rows[: wanted.count], len(rows) > wanted.count > 0)


def every(session: Session, actor: Actor, shelf: Shelf, wanted: Wanted) -> Sequence[Any]:
    """All of what is wanted at the actor's clinic, oldest first, whatever the page."""
    query = _asked(shelf, wanted).where(shelf.clinic == actor.clinic_id)
    return session.execute(query.order_by(shelf.order)).all()


def _place(session: Session, actor: Actor, shelf: Shelf, key: str) -> int:
    start = shelf.query.where(shelf.clinic == actor.clinic_id, _is_key(shelf, key))
    found = session.scalar(start.with_only_columns(shelf.order))
    if found is None:
        raise Invalid({"_cursor": "The link to this page is not one of ours; search again."})
    return int(found)


def _is_key(shelf: Shelf, key: str) -> Any:
    if shelf.key is AuditEvent.sequence:
        number = int(key) if key.isascii() and key.isdecimal() and len(key) < 10 else 0
        return shelf.key == number
    return shelf.key == key


def _asked(shelf: Shelf, wanted: Wanted) -> Select[*tuple[Any, ...]]:
    query = shelf.query
    if wanted.key is not None:
        query = query.where(_is_key(shelf, wanted.key))
    for public_id in wanted.patients:
        query = query.where(Patient.public_id == public_id)
    if wanted.identifier is not None:
        query = query.where(_has_identifier(*wanted.identifier))
    for spans, column in ((wanted.days, shelf.day), (wanted.updated, shelf.updated)):
        for span in spans:
            query = _within(query, column, span)
    return query


def _has_identifier(authority: str, value: str) -> ColumnElement[bool]:
    numbers = select(PatientIdentifier.patient_id).where(PatientIdentifier.value == value)
    if authority:
        return Patient.id.in_(numbers.where(PatientIdentifier.authority == authority))
    return (Patient.mrn == value) | Patient.id.in_(numbers)


def _within(query: Select[*tuple[Any, ...]], column: Any, span: Span) -> Select[*tuple[Any, ...]]:
    low, high = span.low, span.high
    if isinstance(column.type, Date):
        if low is not None:
            query = query.where(column >= low.date())
        if high is not None:
            last = (high - dt.timedelta(microseconds=1)).date()
            query = query.where(column <= last)
        return query
    if low is not None:
        query = query.where(column >= low)
    return query if high is None else query.where(column < high)


def log_reads(
    session: Session, actor: Actor, patients: Iterable[int], what: str, now: dt.datetime
) -> None:
    """Write down that the actor's program looked at these patients of its clinic, each once."""
    look = {"at": now, "actor": actor.name, "user_id": actor.user_id, "page": what}
    looks = [
        {**look, "clinic_id": actor.clinic_id, "patient_id": patient_id}
        for patient_id in dict.fromkeys(patients)
    ]
    if looks:
        session.execute(insert(AccessLogEntry), looks)
