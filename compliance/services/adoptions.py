"""Adoptions: a clinic attests, with its source, that it works by an edition from a day on."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Clinic, EditionAdoption, Patient
from compliance.rules.programme import load_programme
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.errors import Conflict, Invalid


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
    for patient in session.scalars(select(Patient).where(Patient.clinic_id == clinic.id)):
        reassess(session, actor, patient, now)
    return row


def _check(session: Session, clinic: Clinic, edition: str, on: dt.date, source: str) -> None:
    known = {item.id: item for item in load_programme(clinic.programme).editions}
    faults: dict[str, str] = {}
    if edition not in known:
        faults["edition"] = f"Found {edition!r}; allowed: {', '.join(known)}."
    elif on < known[edition].published:
        faults["on"] = f"Found {on}; the edition was published on {known[edition].published}."
    if len(source.strip()) < 10:
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
