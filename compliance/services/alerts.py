"""Mails to a prescriber at once, about something that cannot wait for the morning digest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Evidence, Membership, Patient, Role, User
from compliance.rules.reminders import ReminderKind, Rung, reminder_key
from compliance.services.evidence import local_date
from compliance.services.reminders import insert_reminder

USEFUL_FOR = dt.timedelta(days=3)


def tell_of_correction(
    session: Session, patient: Patient, cause: Evidence, now: dt.datetime
) -> None:
    """Plan a mail to the patient's prescriber, or to all of the clinic, about a corrected result.

    It names nobody and nothing; it goes out in staff hours, unless it was read before.
    """
    about = f"correction:{cause.public_id}"
    for user_id in _readers(session, patient):
        recipient = f"user:{user_id}"
        insert_reminder(
            session,
            {
                "key": reminder_key("-", ReminderKind.ALERT, about, Rung.DAILY, recipient),
                "clinic_id": patient.clinic_id,
                "kind": ReminderKind.ALERT.value,
                "obligation": about,
                "rung": Rung.DAILY.value,
                "recipient": recipient,
                "due_at": now,
                "expires_at": now + USEFUL_FOR,
                "context": {
                    "by": local_date(patient.clinic, now).isoformat(),
                    "cause": cause.public_id,
                },
                "planned_at": now,
            },
        )


def _readers(session: Session, patient: Patient) -> Sequence[int]:
    query = (
        select(User.id)
        .join(Membership, Membership.user_id == User.id)
        .where(
            User.active,
            Membership.clinic_id == patient.clinic_id,
            Membership.role == Role.PRESCRIBER,
        )
        .order_by(User.id)
    )
    everybody = session.scalars(query).all()
    own = [user_id for user_id in everybody if user_id == patient.prescriber_id]
    return own or everybody
