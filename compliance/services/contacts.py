"""What staff did about a patient: kept as history, shown on the worklist, counted afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import (
    Clinic,
    Contact,
    ContactOutcome,
    Membership,
    Patient,
    Role,
    StoredAssessment,
    User,
)
from compliance.rules.dates import day_begins, local_day, plus, show
from compliance.rules.terms import Outcome
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid
from compliance.services.evidence import local_date
from compliance.services.protocols import needs_protocol

SNOOZE_DAYS = 30  # our own: what is put off for longer is forgotten
COMING_DAYS = 90  # our own: an agreed day further ahead is a slip of the year
REASON_LETTERS = 500
DATED = (ContactOutcome.WILL_COME, ContactOutcome.SNOOZED)
CHASING = (Role.PRESCRIBER, Role.NURSE, Role.MANAGER, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class NewContact:
    """What somebody did: `until` is the day they will come, or on which it is asked again."""

    outcome: ContactOutcome
    reason: str
    until: dt.date | None = None
    handed_to_id: int | None = None


def record_contact(
    session: Session, actor: Actor, patient: Patient, new: NewContact, now: dt.datetime
) -> Contact:
    """Add one entry to the contact history, with where the patient stood then; audits it.

    Raises Invalid with a sentence for each field, Conflict for a patient without an answer yet.
    """
    course = patient.course
    stood = session.get(StoredAssessment, course.id) if course else None
    if stood is None:
        raise Conflict("This patient is not on the worklist yet; record something first.")
    _check(session, patient, stood, new, now)
    row = Contact(
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        course_id=stood.course_id,
        at=now,
        by=actor.name,
        by_id=actor.user_id,
        outcome=new.outcome,
        reason=new.reason.strip(),
        until=new.until if new.outcome in DATED else None,
        handed_to_id=new.handed_to_id if new.outcome is ContactOutcome.HANDED_TO else None,
        grouping=stood.grouping,
        headline=stood.headline,
    )
    session.add(row)
    session.flush()
    _audit(session, actor, row)
    return row


def _audit(session: Session, actor: Actor, row: Contact) -> None:
    audit.record(
        session,
        actor,
        "contact.recorded",
        "contact",
        row.public_id,
        row.at,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        detail={
            "outcome": row.outcome.value,
            "reason": row.reason,
            "until": row.until.isoformat() if row.until else None,
            "handed_to": row.handed_to_id,
        },
    )


def _check(
    session: Session, patient: Patient, stood: StoredAssessment, new: NewContact, now: dt.datetime
) -> None:
    faults: dict[str, str] = {}
    today = local_date(patient.clinic, now)
    if not new.reason.strip():
        faults["reason"] = "Say why; the reason stays on record."
    elif len(new.reason.strip()) > REASON_LETTERS:
        faults["reason"] = f"Found {len(new.reason.strip())} letters; enter {REASON_LETTERS}."
    if new.outcome is ContactOutcome.WILL_COME:
        faults |= _day_fault(new.until, today, plus(today, COMING_DAYS))
    if new.outcome is ContactOutcome.SNOOZED:
        faults |= _day_fault(new.until, plus(today, 1), plus(today, SNOOZE_DAYS))
        if new.until and (why := why_not_snoozed(patient.clinic, stood, new.until, now)):
            faults.setdefault("until", why)
    if new.outcome is ContactOutcome.HANDED_TO:
        faults |= _colleague_fault(session, patient, new.handed_to_id)
    if faults:
        raise Invalid(faults)


def _day_fault(day: dt.date | None, first: dt.date, last: dt.date) -> dict[str, str]:
    if day is None:
        return {"until": "Enter the day."}
    if first <= day <= last:
        return {}
    return {"until": f"Found {show(day)}; enter a day from {show(first)} to {show(last)}."}


def _colleague_fault(session: Session, patient: Patient, user_id: int | None) -> dict[str, str]:
    if any(user.id == user_id for user in colleagues(session, patient.clinic_id)):
        return {}
    return {"handed_to": "Choose a colleague of this clinic."}


def never_snoozed(stood: StoredAssessment) -> str:
    """Why this patient cannot be put off at all; "" when nothing speaks against it."""
    if needs_protocol(stood.findings):
        return (
            "A pregnancy test that is positive or unclear, or a stop protocol, cannot be put off."
        )
    doable = (Outcome.UNMET.value, Outcome.UNKNOWN.value)
    if any(item["urgent"] and item["outcome"] in doable for item in stood.findings):
        return "What is urgent cannot be put off."
    return ""


def why_not_snoozed(
    clinic: Clinic, stood: StoredAssessment, until: dt.date, now: dt.datetime
) -> str:
    """Why this patient cannot be put off until the beginning of a day; "" when it can be."""
    if why := never_snoozed(stood):
        return why
    wakes = day_begins(until, clinic.time_zone)
    moments = [at for at in (stood.window_closes_at, stood.act_by) if at and now < at <= wakes]
    if not moments:
        return ""
    last = local_day(min(moments) - dt.timedelta(seconds=1), clinic.time_zone)
    what = "window closes" if min(moments) == stood.window_closes_at else "last useful moment is"
    return f"The {what} on {show(last)}, before {show(until)}: choose a day up to then."


def colleagues(session: Session, clinic_id: int | None) -> list[User]:
    """Who can be handed a patient at a clinic, by name: whoever works with the worklist."""
    query = (
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.clinic_id == clinic_id, Membership.role.in_(CHASING), User.active)
        .order_by(User.name, User.id)
    )
    return list(session.scalars(query))


def contacts_of(session: Session, patient: Patient) -> Sequence[Contact]:
    """Everything that staff did about a patient, newest first."""
    query = select(Contact).where(
        Contact.patient_id == patient.id, Contact.clinic_id == patient.clinic_id
    )
    return session.scalars(query.order_by(Contact.id.desc())).all()
