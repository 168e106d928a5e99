"""The send loop: claim, look again, hand over, mark; one reminder at a time.

In this order a worker killed at any line loses nothing, and doubles at most the mail in flight,
under the same Message-ID. A kill spares what the system has already been given to write, so not
every mark waits for the disk; after a power cut up to LASTING_EVERY mails may go out again.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections import Counter
from collections.abc import Callable

from compliance.db import transaction
from compliance.mail.errors import Undelivered
from compliance.mail.messages import Sender, message_id, message_of
from compliance.mail.outbox import Outbox
from compliance.mail.pace import Due, Pace
from compliance.models import Reminder
from compliance.services import sending
from compliance.services.assessments import reassess
from compliance.services.letters import Letter, Stop

LASTING_EVERY = 20  # mails: so many at most are doubled by a power cut

Clock = Callable[[], dt.datetime]
Tally = Counter[str]  # how many went which way: sent, failed, dead, skipped, cleared, waiting

log = logging.getLogger("compliance.mail")


def send_due(
    outbox: Outbox,
    sender: Sender,
    clock: Clock,
    limit: int = 500,
    go_on: Callable[[], bool] = lambda: True,
    pace: Pace | None = None,
) -> Tally:
    """Send all that is due, `limit` read at a time; stops when the server takes nothing at all."""
    pace = pace or Pace()
    with outbox as open_outbox:
        worker = _Worker(open_outbox, sender, clock)
        while waiting := _due(clock(), limit):
            before = worker.claimed
            for reminder_id in pace.in_turn(waiting):
                if not go_on() or not worker.send(reminder_id):
                    return worker.tally
            if worker.claimed == before:  # others are at work on the same ones
                break
    return worker.tally


def _due(now: dt.datetime, limit: int) -> list[Due]:
    with transaction() as session:
        found = sending.due(session, now, limit)
    return [Due(each, address.rpartition("@")[2].lower()) for each, address in found]


class _Worker:
    """One run of the loop."""

    def __init__(self, outbox: Outbox, sender: Sender, clock: Clock) -> None:
        self.outbox, self.sender, self.clock = outbox, sender, clock
        self.owner, self.tally = uuid.uuid4().hex, Tally()
        self.claimed = 0

    def send(self, reminder_id: int) -> bool:
        """Send one, unless it must not go now; False when the next one would fare no better."""
        with transaction(lasting=False) as session:
            if not sending.claim(session, reminder_id, self.owner, self.clock()):
                return True
        self.claimed += 1
        try:
            letter = self._look_again(reminder_id)
            if letter is None:
                return True
            message = message_of(letter, self.sender, self.clock())
            detail = self.outbox.deliver(message)
        except Exception as error:  # one bad letter must not hold up the others
            failure = _understood(reminder_id, error)
            self._failed(reminder_id, failure)
            return not failure.server_wide
        self.tally["sent"] += 1
        with transaction(lasting=self.tally["sent"] % LASTING_EVERY == 0) as session:
            sending.mark_sent(session, reminder_id, detail, message["Message-ID"], self.clock())
        return True

    def _look_again(self, reminder_id: int) -> Letter | None:
        """The letter, judged by an answer that holds at this moment; None when it must not go."""
        with transaction(lasting=False) as session:
            patient = session.get_one(Reminder, reminder_id).patient
            answer = reassess(session, sending.ACTOR, patient, self.clock()) if patient else None
            said = sending.prepare(session, reminder_id, answer, self.clock())
        if isinstance(said, Letter):
            return said
        self.tally[said.state.value if isinstance(said, Stop) else "waiting"] += 1
        return None

    def _failed(self, reminder_id: int, failure: Undelivered) -> None:
        with transaction() as session:
            key = session.get_one(Reminder, reminder_id).key
            state = sending.mark_failed(
                session,
                reminder_id,
                self.owner,
                failure.detail,
                self.clock(),
                for_good=failure.for_good,
                counts=not failure.server_wide,
                message_id=message_id(key, self.sender),
            )
        self.tally[state.value] += 1


def _understood(reminder_id: int, error: Exception) -> Undelivered:
    if isinstance(error, Undelivered):
        return error
    # The kind of an error, never its text: it may quote a patient's data.
    log.error("reminder %s: %s", reminder_id, type(error).__name__)
    return Undelivered(f"It could not be prepared or sent ({type(error).__name__}).")
