"""Mail that came back: written down once, told to staff, and settled by a person or an address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from compliance.models import Bounce, DeliveryAttempt, Patient, Reminder
from compliance.models.reminders import AttemptOutcome, ReminderState
from compliance.services import audit
from compliance.services.actors import Actor, system
from compliance.services.errors import Invalid, NotFound

ACTOR = system("returned mail")


@dataclass(frozen=True, slots=True)
class Returned:
    """One delivery report: its own Message-ID, and that of the mail that it is about.

    `final` when that mail will not arrive any more, `permanent` when no other to its address would.
    """

    id: str
    about: str
    status: str
    final: bool
    permanent: bool

    @property
    def sentence(self) -> str:
        """What it says, without the address."""
        status = f" ({self.status})" if self.status else ""
        if self.permanent:
            return f"It came back: the address does not take mail{status}."
        return f"It came back{status}." if self.final else f"It is delayed on its way{status}."


def record(session: Session, report: Returned, now: dt.datetime) -> str:
    """Write down a report, once: `recorded`, `known` already, or `unmatched` with any reminder."""
    reminder = _about(session, report.about)
    if reminder is None:
        return "unmatched"
    if not _insert(session, reminder, report, now):
        return "known"
    if report.final:
        _failed(session, reminder, report, now)
    audit.record(
        session,
        ACTOR,
        "reminder.came-back",
        "reminder",
        reminder.id,
        now,
        clinic_id=reminder.clinic_id,
        patient_id=reminder.patient_id,
        detail={"status": report.status, "final": report.final, "permanent": report.permanent},
    )
    return "recorded"


def _about(session: Session, message_id: str) -> Reminder | None:
    query = (
        select(Reminder)
        .join(DeliveryAttempt, DeliveryAttempt.reminder_id == Reminder.id)
        .where(DeliveryAttempt.message_id == message_id)
        .order_by(DeliveryAttempt.id.desc())
        .limit(1)
        .with_for_update(of=Reminder)
    )
    return session.scalars(query, execution_options={"populate_existing": True}).first()


def _insert(session: Session, reminder: Reminder, report: Returned, now: dt.datetime) -> bool:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(Bounce).values(
        clinic_id=reminder.clinic_id,
        reminder_id=reminder.id,
        report_id=report.id,
        at=now,
        status=report.status,
        permanent=report.permanent,
        detail=report.sentence,
    )
    statement = statement.on_conflict_do_nothing(index_elements=["report_id"])
    return len(session.execute(statement.returning(Bounce.id)).all()) == 1


def _failed(session: Session, reminder: Reminder, report: Returned, now: dt.datetime) -> None:
    session.add(
        DeliveryAttempt(
            reminder_id=reminder.id,
            at=now,
            outcome=AttemptOutcome.PERMANENT_FAILURE,
            detail=report.sentence,
            message_id=report.about,
        )
    )
    if reminder.state is ReminderState.SENT:
        reminder.state, reminder.state_reason = ReminderState.DEAD, report.sentence


def unresolved(clinic_id: int) -> Select[Bounce]:
    """The query for reports of addresses that take no mail, settled by nobody yet."""
    return select(Bounce).where(
        Bounce.clinic_id == clinic_id, Bounce.permanent, Bounce.resolved_at.is_(None)
    )


def came_back_to(session: Session, clinic_id: int) -> dict[str, dt.datetime]:
    """Whose address takes no mail, and since when that is known."""
    query = unresolved(clinic_id).join(Reminder).with_only_columns(Reminder.recipient, Bounce.at)
    return {recipient: at for recipient, at in session.execute(query.order_by(Bounce.at.desc()))}


def settled_for(session: Session, clinic_id: int) -> dict[str, dt.datetime]:
    """For whom it was settled last, and when."""
    query = (
        select(Reminder.recipient, Bounce.resolved_at)
        .join(Bounce, Bounce.reminder_id == Reminder.id)
        .where(Bounce.clinic_id == clinic_id, Bounce.resolved_at.is_not(None))
    )
    return {name: at for name, at in session.execute(query.order_by(Bounce.resolved_at)) if at}


def takes_no_mail(session: Session, reminder: Reminder) -> bool:
    """Whether mail to this recipient came back and nobody has settled it."""
    query = unresolved(reminder.clinic_id).join(Reminder)
    query = query.where(Reminder.recipient == reminder.recipient)
    return session.scalar(query.with_only_columns(Bounce.id).limit(1)) is not None


def resolve(session: Session, actor: Actor, reminder_id: int, now: dt.datetime) -> None:
    """A person says that the address of this reminder takes mail again; raises NotFound."""
    reminder = _own(session, actor, reminder_id)
    _settle(session, actor, _of(session, reminder), now)


def correct_address(
    session: Session, actor: Actor, reminder_id: int, address: str, now: dt.datetime
) -> Patient:
    """Give the patient of a reminder another address, which settles what came back from the old.

    Raises NotFound, and Invalid for an address that is none.
    """
    reminder = _own(session, actor, reminder_id)
    address, patient = address.strip(), reminder.patient
    if patient is None:
        raise NotFound("There is no patient to this reminder.")
    name, _, domain = address.rpartition("@")
    if not name or not domain or " " in address or len(address) > 254:
        raise Invalid({"address": f"Found {address!r}; enter one such as name@example.org."})
    patient.email = address
    audit.record(
        session,
        actor,
        "patient.address-corrected",
        "patient",
        patient.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
    )
    _settle(session, actor, _of(session, reminder), now)
    return patient


def _own(session: Session, actor: Actor, reminder_id: int) -> Reminder:
    reminder = session.scalar(
        select(Reminder).where(Reminder.id == reminder_id, Reminder.clinic_id == actor.clinic_id)
    )
    if reminder is None:
        raise NotFound("There is no such reminder at this clinic.")
    return reminder


def _of(session: Session, reminder: Reminder) -> Sequence[Bounce]:
    query = unresolved(reminder.clinic_id).join(Reminder)
    return session.scalars(query.where(Reminder.recipient == reminder.recipient)).all()


def _settle(session: Session, actor: Actor, bounces: Iterable[Bounce], now: dt.datetime) -> None:
    for bounce in bounces:
        bounce.resolved_at, bounce.resolved_by = now, actor.name
        audit.record(
            session,
            actor,
            "reminder.came-back-settled",
            "reminder",
            bounce.reminder_id,
            now,
            clinic_id=bounce.clinic_id,
            patient_id=bounce.reminder.patient_id,
        )
