"""Did it help: how many patients were back in order within days of being contacted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Contact, ContactOutcome, Evidence
from compliance.rules.dates import day_is_over, local_day, plus
from compliance.rules.triage import Group
from compliance.services.assessments import place_of

OUT_OF_ORDER = (Group.ACT_NOW, Group.DUE_THIS_WEEK)
REACHING = (ContactOutcome.CALLED, ContactOutcome.REACHED, ContactOutcome.WILL_COME)
_INSTANT = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class BackInOrder:
    """Contacts, split in three: back in order in time, not, and days that are not over yet."""

    contacts: int
    back: int
    not_back: int
    running: int


def back_in_order(
    session: Session,
    clinic_id: int,
    since: dt.datetime,
    until: dt.datetime,
    days: int,
    *,
    known_at: dt.datetime,
) -> BackInOrder:
    """How many contacts of [since, until) were followed by order within `days` calendar days.

    A contact counts when the patient stood in "act now" or "due this week" and was called, was
    reached or said they will come; an attempt without an answer, a snooze and a hand-over do not.

    Back in order means: something recorded or withdrawn after the contact, up to the end of the
    n-th day at the clinic, took the patient out of these two groups. It is computed again from
    the evidence as it was known just before and at that moment, so the same question gets the
    same answer later. What time alone moves, such as a window that closed unused, does not count.
    Contacts whose days are not over at `known_at` and that are not back yet are `running`.
    """
    zone = session.get_one(Clinic, clinic_id).time_zone
    rows = session.scalars(_contacts(clinic_id, since, until, known_at)).all()
    back = not_back = running = 0
    for row in rows:
        end = day_is_over(plus(local_day(row.at, zone), days), zone)
        if _came_back(session, row, min(end, known_at + _INSTANT)):
            back += 1
        elif end > known_at:
            running += 1
        else:
            not_back += 1
    return BackInOrder(len(rows), back, not_back, running)


def _contacts(
    clinic_id: int, since: dt.datetime, until: dt.datetime, known_at: dt.datetime
) -> Select[Contact]:
    return (
        select(Contact)
        .where(
            Contact.clinic_id == clinic_id,
            Contact.at >= since,
            Contact.at < until,
            Contact.at <= known_at,
            Contact.grouping.in_([group.value for group in OUT_OF_ORDER]),
            Contact.outcome.in_(REACHING),
        )
        .order_by(Contact.id)
    )


def _came_back(session: Session, row: Contact, end: dt.datetime) -> bool:
    """Whether one of the entries after the contact, and before `end`, put things in order."""
    return any(
        _is_out(session, row, moment - _INSTANT) and not _is_out(session, row, moment)
        for moment in _moments(session, row, end)
    )


def _is_out(session: Session, row: Contact, at: dt.datetime) -> bool:
    _, _, place = place_of(session, row.patient, at, at)
    return place.group in OUT_OF_ORDER


def _moments(session: Session, row: Contact, end: dt.datetime) -> list[dt.datetime]:
    """When something was recorded or withdrawn about the patient after the contact."""
    query = select(Evidence.recorded_at, Evidence.withdrawn_at).where(
        Evidence.patient_id == row.patient_id
    )
    found = {at for pair in session.execute(query) for at in pair if at and row.at < at < end}
    return sorted(found)
