"""Reminders sent: claim, look again, hand over, write down what came of it."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from compliance.models import DeliveryAttempt, Patient, Reminder, StoredAssessment
from compliance.models.reminders import AttemptOutcome, ReminderState
from compliance.services import audit
from compliance.services.actors import Actor, system
from compliance.services.errors import Conflict, NotFound
from compliance.services.letters import Letter, Stop, Wait, letter_of
from compliance.services.reminders import OPEN, UNDELIVERED

ACTOR = system("reminders")
CLAIM_FOR = dt.timedelta(minutes=10)
MOST_TRIES = 8
FIRST_PAUSE, LONGEST_PAUSE = dt.timedelta(minutes=5), dt.timedelta(hours=6)

INTERRUPTED = (
    "An earlier try was interrupted and may have gone out; a resend carries the same Message-ID."
)


def due(session: Session, now: dt.datetime, limit: int) -> list[tuple[int, str]]:
    """The reminders that may be claimed now, oldest first, each with its patient's address."""
    query = (
        select(Reminder.id, func.coalesce(Patient.email, ""))
        .outerjoin(Patient, Patient.id == Reminder.patient_id)
        .where(_claimable(now))
        .order_by(Reminder.due_at, Reminder.id)
    )
    return [(each, address) for each, address in session.execute(query.limit(limit))]


def _claimable(now: dt.datetime) -> ColumnElement[bool]:
    waiting = and_(
        Reminder.state.in_(OPEN), or_(Reminder.next_try_at.is_(None), Reminder.next_try_at <= now)
    )
    stale = and_(Reminder.state == ReminderState.CLAIMED, Reminder.claimed_until <= now)
    # The states once more, so that the index of state and date serves: most of the past is sent.
    unsent = Reminder.state.in_((*OPEN, ReminderState.CLAIMED))
    return and_(unsent, Reminder.due_at <= now, or_(waiting, stale))


def claim(session: Session, reminder_id: int, owner: str, now: dt.datetime) -> bool:
    """Take one reminder for this worker; False when another one was quicker."""
    before = session.scalar(select(Reminder.state).where(Reminder.id == reminder_id))
    taken = session.execute(
        update(Reminder)
        .where(Reminder.id == reminder_id, _claimable(now))
        .values(
            state=ReminderState.CLAIMED,
            claimed_by=owner,
            claimed_until=now + CLAIM_FOR,
            tries=Reminder.tries + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return False
    if before is ReminderState.CLAIMED:
        _note(session, reminder_id, AttemptOutcome.TEMPORARY_FAILURE, INTERRUPTED, now)
    return True


def prepare(
    session: Session, reminder_id: int, answer: StoredAssessment | None, now: dt.datetime
) -> Letter | Stop | Wait:
    """The letter to send now, judged by a fresh answer; or what was decided and noted instead."""
    reminder = _locked(session, reminder_id)
    said: Letter | Stop | Wait
    if reminder.tries > MOST_TRIES:
        said = Stop(ReminderState.DEAD, UNDELIVERED)
    else:
        said = letter_of(session, reminder, answer, now)
    if isinstance(said, Stop):
        _settle(session, reminder, said, now)
    elif isinstance(said, Wait):
        _release(reminder, ReminderState.PLANNED, said.until)
        reminder.tries -= 1
    return said


def _locked(session: Session, reminder_id: int) -> Reminder:
    query = select(Reminder).where(Reminder.id == reminder_id).with_for_update(of=Reminder)
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def _settle(session: Session, reminder: Reminder, stop: Stop, now: dt.datetime) -> None:
    _release(reminder, stop.state, None)
    reminder.state_reason = stop.reason
    _note(session, reminder.id, AttemptOutcome.SKIPPED, stop.reason, now)
    if stop.state is ReminderState.DEAD:
        _audit(session, ACTOR, reminder, "reminder.given-up", stop.reason, now)


def _release(reminder: Reminder, state: ReminderState, next_try_at: dt.datetime | None) -> None:
    reminder.state, reminder.next_try_at = state, next_try_at
    reminder.claimed_by = reminder.claimed_until = None


def mark_sent(
    session: Session, reminder_id: int, detail: str, message_id: str, now: dt.datetime
) -> None:
    """Write down that a reminder went out; it did, whoever holds the claim by now."""
    reminder = _locked(session, reminder_id)
    _release(reminder, ReminderState.SENT, None)
    reminder.state_reason, reminder.sent_at = "", now
    _note(session, reminder_id, AttemptOutcome.ACCEPTED, detail, now, message_id)
    _audit(session, ACTOR, reminder, "reminder.sent", detail, now)


def mark_failed(
    session: Session,
    reminder_id: int,
    owner: str,
    detail: str,
    now: dt.datetime,
    *,
    for_good: bool = False,
    counts: bool = True,
    message_id: str = "",
) -> ReminderState:
    """Write down a try that failed: again after a pause, or given up and shown to staff.

    A try that failed because the whole server was away does not count towards giving up.
    """
    reminder = _locked(session, reminder_id)
    outcome = AttemptOutcome.PERMANENT_FAILURE if for_good else AttemptOutcome.TEMPORARY_FAILURE
    _note(session, reminder_id, outcome, detail, now, message_id)
    if reminder.state is not ReminderState.CLAIMED or reminder.claimed_by != owner:
        return reminder.state  # another worker took it over meanwhile
    reminder.state_reason = detail
    again = now + pause_after(reminder.key, reminder.tries)
    reminder.tries -= 0 if counts else 1
    if for_good or reminder.tries >= MOST_TRIES:
        _release(reminder, ReminderState.DEAD, None)
        _audit(session, ACTOR, reminder, "reminder.given-up", detail, now)
    else:
        _release(reminder, ReminderState.FAILED, again)
    return reminder.state


def pause_after(key: str, tries: int) -> dt.timedelta:
    """How long to wait after so many tries: three times longer each time, up to six hours.

    Up to a quarter is added, different for each reminder, so that they do not all come at once.
    """
    pause: dt.timedelta = min(FIRST_PAUSE * 3 ** (max(tries, 1) - 1), LONGEST_PAUSE)
    spread = hashlib.sha256(f"{key}|{tries}".encode()).digest()[0] / 255
    return pause * (1 + spread / 4)


def retry(session: Session, actor: Actor, reminder_id: int, now: dt.datetime) -> Reminder:
    """Try a reminder that could not be sent once more, because a person asks.

    Raises NotFound for another clinic's, Conflict when it is under way, sent or out of date.
    """
    found = session.scalar(
        select(Reminder.id).where(Reminder.id == reminder_id, Reminder.clinic_id == actor.clinic_id)
    )
    if found is None:
        raise NotFound("There is no such reminder at this clinic.")
    reminder = _locked(session, reminder_id)
    if reminder.state not in (ReminderState.DEAD, ReminderState.FAILED):
        raise Conflict("Only a reminder that could not be sent can be tried again.")
    if reminder.expires_at is not None and reminder.expires_at <= now:
        raise Conflict("Its date has passed; call the patient instead.")
    _release(reminder, ReminderState.FAILED, now)
    reminder.tries = 0
    _audit(session, actor, reminder, "reminder.tried-again", "", now)
    return reminder


def _note(
    session: Session,
    reminder_id: int,
    outcome: AttemptOutcome,
    detail: str,
    now: dt.datetime,
    message_id: str = "",
) -> None:
    session.add(
        DeliveryAttempt(
            reminder_id=reminder_id, at=now, outcome=outcome, detail=detail, message_id=message_id
        )
    )


def _audit(
    session: Session, actor: Actor, reminder: Reminder, action: str, detail: str, now: dt.datetime
) -> None:
    said: dict[str, Any] = {"kind": reminder.kind, "rung": reminder.rung, "detail": detail}
    audit.record(
        session,
        actor,
        action,
        "reminder",
        reminder.id,
        now,
        clinic_id=reminder.clinic_id,
        patient_id=reminder.patient_id,
        detail=said,
    )
