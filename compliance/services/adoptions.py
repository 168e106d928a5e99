"""Adoptions: a clinic attests, with its source, by which edition and limits it works since when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Clinic, EditionAdoption, LimitAdoption, Patient, Role
from compliance.rules.action_limits import limit_words, suggested_limits
from compliance.rules.programme import load_programme
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.errors import Conflict, Invalid
from compliance.services.patients import prescribers


def adopt(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    edition: str,
    on: dt.date,
    source: str,
    now: dt.datetime,
) -> EditionAdoption:
    """Record an adoption and reassess every patient of the clinic; raises Invalid or Conflict."""
    _check(session, clinic, edition, on, source)
    row = EditionAdoption(
        clinic_id=clinic.id,
        programme=clinic.programme,
        edition=edition,
        adopted_on=on,
        source=source.strip(),
        attested_by_id=actor.user_id,
        recorded_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor,
        "edition.adopted",
        "clinic",
        clinic.code,
        now,
        clinic_id=clinic.id,
        detail={"edition": edition, "on": on.isoformat(), "source": source.strip()},
    )
    _reassess_all(session, actor, clinic, now)
    return row


def _reassess_all(session: Session, actor: Actor, clinic: Clinic, now: dt.datetime) -> None:
    for patient in session.scalars(select(Patient).where(Patient.clinic_id == clinic.id)):
        reassess(session, actor, patient, now)


def _check(session: Session, clinic: Clinic, edition: str, on: dt.date, source: str) -> None:
    known = {item.id: item for item in load_programme(clinic.programme).editions}
    faults: dict[str, str] = {}
    if edition not in known:
        faults["edition"] = f"Found {edition!r}; allowed: {', '.join(known)}."
    elif on < known[edition].published:
        faults["on"] = f"Found {on}; the edition was published on {known[edition].published}."
    if not _named(source):
        faults["source"] = "Name the notice or letter that you rely on, in at least 10 characters."
    if faults:
        raise Invalid(faults)
    taken = select(EditionAdoption.id).where(
        EditionAdoption.clinic_id == clinic.id, EditionAdoption.edition == edition
    )
    if session.scalar(taken) is not None:
        raise Conflict("This clinic has recorded its adoption of that edition already.")


def adoptions_of(session: Session, clinic: Clinic) -> list[EditionAdoption]:
    """What a clinic has adopted, oldest first."""
    query = select(EditionAdoption).where(EditionAdoption.clinic_id == clinic.id)
    return list(session.scalars(query.order_by(EditionAdoption.adopted_on)))


def _named(source: str) -> bool:
    return len(source.strip()) >= 10


def adopt_limits(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    keys: Sequence[str],
    on: dt.date,
    source: str,
    now: dt.datetime,
    *,
    attested_by: int | None = None,
) -> LimitAdoption:
    """Record the whole set of action limits from a day on, and reassess every patient.

    A prescriber attests it: the actor, or the one whom another actor names. Raises Invalid.
    """
    attester = actor.user_id if actor.role is Role.PRESCRIBER else attested_by
    faults = _faults_of_set(keys)
    if not _named(source):
        faults["source"] = "Name the decision or protocol that you rely on, in 10 characters."
    if attester not in {user.id for user in prescribers(session, clinic)}:
        faults["attested_by"] = "Choose the prescriber of this clinic who signed these limits off."
    if faults:
        raise Invalid(faults)
    row = LimitAdoption(
        clinic_id=clinic.id,
        adopted_on=on,
        limits=list(keys),
        source=source.strip(),
        attested_by_id=attester,
        recorded_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor,
        "limits.adopted",
        "clinic",
        clinic.code,
        now,
        clinic_id=clinic.id,
        detail=adoption_detail(row),
    )
    _reassess_all(session, actor, clinic, now)
    return row


def adoption_detail(row: LimitAdoption) -> dict[str, object]:
    """What the audit trail keeps of an adoption of limits."""
    return {
        "limits": row.limits,
        "on": row.adopted_on.isoformat(),
        "source": row.source,
        "attested_by": row.attested_by_id,
    }


def _faults_of_set(keys: Sequence[str]) -> dict[str, str]:
    known = {limit.key: limit for limit in suggested_limits()}
    foreign = [key for key in keys if key not in known]
    if foreign:
        return {"limits": f"Found {', '.join(foreign)}; allowed: {', '.join(known)}."}
    if not keys:
        return {"limits": "Choose at least one limit."}
    for limit in (known[key] for key in keys):
        if limit.variant_of in keys:
            said = f"{limit_words(known[limit.variant_of])} and {limit_words(limit)}"
            return {"limits": f"Choose one of the two: {limit.analyte} {said}."}
    return {}


def limit_adoptions_of(session: Session, clinic: Clinic) -> list[LimitAdoption]:
    """The sets of action limits that a clinic has adopted, oldest first."""
    query = select(LimitAdoption).where(LimitAdoption.clinic_id == clinic.id)
    return list(session.scalars(query.order_by(LimitAdoption.adopted_on, LimitAdoption.id)))
