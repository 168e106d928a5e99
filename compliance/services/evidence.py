"""Evidence in: append, correct, withdraw; and the record that the rules read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql import ColumnElement

from compliance.models import Clinic, EditionAdoption, Evidence, LimitAdoption, Patient
from compliance.models.evidence import Source
from compliance.models.patients import new_public_id
from compliance.rules.facts import (
    Adoption,
    ClinicTerms,
    Fact,
    LimitSet,
    Record,
    read_fact,
    write_fact,
)
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.bulk import insert_for_ids
from compliance.services.errors import Conflict, Invalid
from compliance.services.waiting import waiting_facts

_LATER = aliased(Evidence)


def known_evidence(
    session: Session, patient: Patient, known_at: dt.datetime | None = None
) -> Sequence[Evidence]:
    """What stands of a patient's evidence, as known at an instant (None: as known now)."""
    query = select(Evidence).where(Evidence.patient_id == patient.id, stands(known_at))
    return session.scalars(query.order_by(Evidence.happened_on, Evidence.id)).all()


def stands(known_at: dt.datetime | None = None) -> ColumnElement[bool]:
    """The condition on evidence that was neither withdrawn nor replaced, as known at an instant."""
    replaced = select(_LATER.id).where(_LATER.supersedes_id == Evidence.id)
    if known_at is None:
        return and_(Evidence.withdrawn_at.is_(None), ~replaced.exists())
    return and_(
        Evidence.recorded_at <= known_at,
        or_(Evidence.withdrawn_at.is_(None), Evidence.withdrawn_at > known_at),
        ~replaced.where(_LATER.recorded_at <= known_at).exists(),
    )


def load_record(session: Session, patient: Patient, known_at: dt.datetime | None = None) -> Record:
    """The record that the rules read, as known at an instant (None: as known now)."""
    return load_records(session, [patient], known_at)[patient.id]


def load_records(
    session: Session, patients: Sequence[Patient], known_at: dt.datetime | None = None
) -> dict[int, Record]:
    """The records of several patients by their ids, in as many queries as that of one."""
    facts: dict[int, list[Fact]] = {patient.id: [] for patient in patients}
    query = (
        select(Evidence.patient_id, Evidence.kind, Evidence.detail, Evidence.id)
        .where(Evidence.patient_id.in_(facts), stands(known_at))
        .order_by(Evidence.happened_on, Evidence.id)
    )
    for patient_id, kind, detail, row_id in session.execute(query):
        facts[patient_id].append(read_fact(kind, detail, str(row_id)))
    waiting = waiting_facts(session, patients, known_at)
    return {
        patient.id: _record(patient, (*facts[patient.id], *waiting[patient.id]))
        for patient in patients
    }


def to_record(patient: Patient, rows: Iterable[Evidence], waiting: Iterable[Fact] = ()) -> Record:
    """The record made of evidence rows that were loaded already, and of results that wait."""
    return _record(patient, (*(row.fact for row in rows), *waiting))


def _record(patient: Patient, facts: tuple[Fact, ...]) -> Record:
    return Record(born=patient.birth_date, sex_at_birth=patient.sex_at_birth, facts=facts)


def clinic_terms(
    session: Session, clinic: Clinic, known_at: dt.datetime | None = None
) -> ClinicTerms:
    """What the clinic itself decides, as known at an instant (None: as known now)."""
    query = select(EditionAdoption).where(
        EditionAdoption.clinic_id == clinic.id, EditionAdoption.programme == clinic.programme
    )
    if known_at is not None:
        query = query.where(EditionAdoption.recorded_at <= known_at)
    rows = session.scalars(query.order_by(EditionAdoption.adopted_on))
    return ClinicTerms(
        time_zone=clinic.time_zone,
        adoptions=tuple(Adoption(edition=row.edition, on=row.adopted_on) for row in rows),
        lab_schedule=clinic.lab_schedule,
        limits=_limit_sets(session, clinic, known_at),
    )


def _limit_sets(
    session: Session, clinic: Clinic, known_at: dt.datetime | None
) -> tuple[LimitSet, ...]:
    query = select(LimitAdoption).where(LimitAdoption.clinic_id == clinic.id)
    if known_at is not None:
        query = query.where(LimitAdoption.recorded_at <= known_at)
    rows = session.scalars(query.order_by(LimitAdoption.adopted_on, LimitAdoption.id))
    return tuple(LimitSet(on=row.adopted_on, keys=tuple(row.limits)) for row in rows)


def zone_of(clinic: Clinic) -> ZoneInfo:
    """The clinic's time zone."""
    return ZoneInfo(clinic.time_zone)


def local_date(clinic: Clinic, now: dt.datetime) -> dt.date:
    """The clinic's calendar date at a moment."""
    return now.astimezone(zone_of(clinic)).date()


@dataclass(slots=True)
class NewEvidence:
    """A fact to append; `id` is that of its entry once it is stored."""

    patient: Patient
    fact: Fact
    source: Source = Source.FORM
    supersedes_id: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    public_id: str = field(default_factory=new_public_id)
    id: int | None = None


def append(
    session: Session,
    actor: Actor,
    patient: Patient,
    fact: Fact,
    now: dt.datetime,
    *,
    source: Source = Source.FORM,
    supersedes: Evidence | None = None,
    extra: dict[str, Any] | None = None,
) -> Evidence:
    """Append one fact and its audit event, without assessing; callers reassess when they are done.

    Raises Invalid when the fact lies in the future or before the patient's birth.
    """
    check_day(patient, fact, now)
    if supersedes is not None:
        _check_correctable(session, supersedes, patient)
    corrected = supersedes.id if supersedes else None
    new = NewEvidence(patient, fact, source, corrected, extra or {})
    append_all(session, actor, [new], now)
    return session.get_one(Evidence, new.id)


def append_all(
    session: Session, actor: Actor, entries: Sequence[NewEvidence], now: dt.datetime
) -> None:
    """Append facts of patients of one clinic and their audit events, all at once.

    Their days, and that what they supersede still stands, were checked before.
    """
    if not entries:
        return
    session.flush()
    rows = [_row(actor, entry, now) for entry in entries]
    for entry, row_id in zip(entries, insert_for_ids(session, Evidence, rows), strict=True):
        entry.id = row_id
    happened = [_happened(actor, entry, row, now) for entry, row in zip(entries, rows, strict=True)]
    audit.append_all(session, entries[0].patient.clinic_id, happened)


def _row(actor: Actor, entry: NewEvidence, now: dt.datetime) -> dict[str, Any]:
    course = entry.patient.course
    return {
        "public_id": entry.public_id,
        "clinic_id": entry.patient.clinic_id,
        "patient_id": entry.patient.id,
        "course_id": course.id if course else None,
        "kind": entry.fact.kind,
        "happened_on": entry.fact.day,
        "detail": write_fact(entry.fact),
        "extra": entry.extra,
        "source": entry.source,
        "recorded_at": now,
        "recorded_by": actor.name,
        "recorded_by_id": actor.user_id,
        "supersedes_id": entry.supersedes_id,
    }


def _happened(
    actor: Actor, entry: NewEvidence, row: dict[str, Any], now: dt.datetime
) -> audit.Happened:
    return audit.Happened(
        now,
        actor.name,
        actor.user_id,
        entry.patient.clinic_id,
        entry.patient.id,
        "evidence.corrected" if entry.supersedes_id else "evidence.recorded",
        entry.fact.kind,
        entry.public_id,
        {
            "happened_on": entry.fact.day.isoformat(),
            "source": entry.source.value,
            "fact": row["detail"],
        },
    )


def check_day(patient: Patient, fact: Fact, now: dt.datetime) -> None:
    """Refuse what lies in the future or before the patient's birth; raises Invalid."""
    today = local_date(patient.clinic, now)
    if fact.day > today:
        raise Invalid(
            {fact.day_key.rstrip("_"): f"The date {fact.day} lies after today, {today}."
             " Record what has happened, not what is planned."}
        )  # fmt: skip
    if fact.day < patient.birth_date:
        raise Invalid(
            {fact.day_key.rstrip("_"): f"The date {fact.day} lies before the patient was born."}
        )


def _check_correctable(session: Session, row: Evidence, patient: Patient) -> None:
    if row.patient_id != patient.id:
        raise Invalid({"supersedes": "The entry to correct belongs to another patient."})
    replaced = session.scalar(select(Evidence.id).where(Evidence.supersedes_id == row.id))
    if row.withdrawn_at is not None or replaced is not None:
        raise Conflict("This entry was corrected or withdrawn already; look at the newer one.")


def withdraw(
    session: Session, actor: Actor, patient: Patient, row: Evidence, reason: str, now: dt.datetime
) -> None:
    """Mark evidence as entered in error, with a reason; raises Invalid or Conflict."""
    if not reason.strip():
        raise Invalid({"reason": "Say why this entry is withdrawn; the reason stays on record."})
    _check_correctable(session, row, patient)
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_reason = now, actor.name, reason.strip()
    audit.record(
        session,
        actor,
        "evidence.withdrawn",
        row.kind,
        row.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail={"reason": reason.strip()},
    )
