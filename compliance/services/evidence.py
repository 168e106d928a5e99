"""Evidence in: append, correct, withdraw; and the record that the rules read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from compliance.models import Clinic, EditionAdoption, Evidence, LimitAdoption, Patient
from compliance.models.evidence import Source
from compliance.rules.facts import Adoption, ClinicTerms, Fact, LimitSet, Record, write_fact
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid
from compliance.services.waiting import waiting_facts


def known_evidence(
    session: Session, patient: Patient, known_at: dt.datetime | None = None
) -> Sequence[Evidence]:
    """What stands of a patient's evidence, as known at an instant (None: as known now)."""
    later = aliased(Evidence)
    replaced = select(later.supersedes_id).where(
        later.patient_id == patient.id, later.supersedes_id.is_not(None)
    )
    query = select(Evidence).where(Evidence.patient_id == patient.id)
    if known_at is None:
        query = query.where(Evidence.withdrawn_at.is_(None))
    else:
        replaced = replaced.where(later.recorded_at <= known_at)
        query = query.where(
            Evidence.recorded_at <= known_at,
            or_(Evidence.withdrawn_at.is_(None), Evidence.withdrawn_at > known_at),
        )
    query = query.where(Evidence.id.not_in(replaced))
    return session.scalars(query.order_by(Evidence.happened_on, Evidence.id)).all()


def load_record(session: Session, patient: Patient, known_at: dt.datetime | None = None) -> Record:
    """The record that the rules read, as known at an instant (None: as known now)."""
    rows = known_evidence(session, patient, known_at)
    return to_record(patient, rows, waiting_facts(session, patient, known_at))


def to_record(patient: Patient, rows: Iterable[Evidence], waiting: Iterable[Fact] = ()) -> Record:
    """The record made of evidence rows that were loaded already, and of results that wait."""
    facts = (*(row.fact for row in rows), *waiting)
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
    course = patient.course
    row = Evidence(
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        course_id=course.id if course else None,
        kind=fact.kind,
        happened_on=fact.day,
        detail=write_fact(fact),
        extra=extra or {},
        source=source,
        recorded_at=now,
        recorded_by=actor.name,
        recorded_by_id=actor.user_id,
        supersedes_id=supersedes.id if supersedes else None,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor,
        "evidence.corrected" if supersedes else "evidence.recorded",
        fact.kind,
        row.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail={"happened_on": fact.day.isoformat(), "source": source.value, "fact": row.detail},
    )
    return row


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
