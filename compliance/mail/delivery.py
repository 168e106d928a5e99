"""The send loop: one reminder at a time, each step its own transaction."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage

from compliance.db import transaction
from compliance.mail.errors import Undelivered
from compliance.mail.messages import Sender, message_id, message_of
from compliance.mail.outbox import Outbox
from compliance.models import Reminder
from compliance.services import sending
from compliance.services.assessments import reassess
from compliance.services.letters import Letter, Stop

Clock = Callable[[], dt.datetime]
Tally = Counter[str]  # how many went which way: sent, failed, dead, skipped, cleared, waiting

log = logging.getLogger("compliance.mail")


def send_due(
    outbox: Outbox,
    sender: Sender,
    clock: Clock,
    limit: int = 500,
    go_on: Callable[[], bool] = lambda: True,
) -> Tally:
    """Send what is due, up to a limit; stops early when the server takes nothing at all.

    A worker killed at any line loses nothing: its claim is taken over, under the same Message-ID.
    """
    owner, tally = uuid.uuid4().hex, Tally()
    with transaction() as session:
        waiting = sending.due(session, clock(), limit)
    with outbox as open_outbox:
        for reminder_id in waiting:
            if not go_on() or not _send_one(open_outbox, sender, reminder_id, owner, clock, tally):
                break
    return tally


def _send_one(
    outbox: Outbox, sender: Sender, reminder_id: int, owner: str, clock: Clock, tally: Tally
) -> bool:
    """Claim, look again, hand over, mark; False when the next one would fare no better."""
    with transaction() as session:
        if not sending.claim(session, reminder_id, owner, clock()):
            return True
    try:
        message = _prepare(sender, reminder_id, clock(), tally)
        if message is None:
            return True
        detail = outbox.deliver(message)
    except Undelivered as failure:
        _failed(reminder_id, owner, failure, sender, clock(), tally)
        return not failure.server_wide
    except Exception as error:  # one bad letter must not hold up the others
        # The kind of an error, never its text: it may quote a patient's data.
        log.error("reminder %s: %s", reminder_id, type(error).__name__)
        fault = Undelivered(f"It could not be prepared or sent ({type(error).__name__}).")
        _failed(reminder_id, owner, fault, sender, clock(), tally)
        return True
    with transaction() as session:
        sending.mark_sent(session, reminder_id, detail, message["Message-ID"], clock())
    tally["sent"] += 1
    return True


def _prepare(
    sender: Sender, reminder_id: int, now: dt.datetime, tally: Tally
) -> EmailMessage | None:
    """The message, judged by an answer computed at this moment; None when it must not go now."""
    with transaction() as session:
        patient = session.get_one(Reminder, reminder_id).patient
        answer = reassess(session, sending.ACTOR, patient, now) if patient else None
        said = sending.prepare(session, reminder_id, answer, now)
    if isinstance(said, Letter):
        return message_of(said, sender, now)
    tally[said.state.value if isinstance(said, Stop) else "waiting"] += 1
    return None


def _failed(
    reminder_id: int,
    owner: str,
    failure: Undelivered,
    sender: Sender,
    now: dt.datetime,
    tally: Tally,
) -> None:
    with transaction() as session:
        key = session.get_one(Reminder, reminder_id).key
        state = sending.mark_failed(
            session,
            reminder_id,
            owner,
            failure.detail,
            now,
            for_good=failure.for_good,
            counts=not failure.server_wide,
            message_id=message_id(key, sender),
        )
    tally[state.value] += 1
