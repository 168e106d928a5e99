"""A patient on treatment, a clock that tests move, and an outbox that remembers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from email.message import EmailMessage
from types import TracebackType
from zoneinfo import ZoneInfo

from sqlalchemy import select

from compliance.db import db, transaction
from compliance.mail.delivery import Tally, send_due
from compliance.mail.errors import Undelivered
from compliance.mail.messages import Sender
from compliance.models import Patient, Reminder
from compliance.rules.facts import Fact, read_fact
from compliance.services import evidence
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from tests import world

SENDER = Sender("clinic@example.org", "https://clinic.example.org", "a secret of tests")
NEW_YORK = ZoneInfo("America/New_York")
STARTED = dt.date(2026, 3, 2)  # enrolled, first test, both methods in use
PICKED_UP = dt.date(2026, 4, 2)  # the day of world.NOW
METHODS = ["combined-pill", "male-condom"]


class Clock:
    """What time it is, until a test moves it."""

    def __init__(self, at: dt.datetime = world.NOW) -> None:
        self.at = at

    def __call__(self) -> dt.datetime:
        return self.at

    def set(self, day: dt.date, hour: int = 11, minute: int = 0) -> dt.datetime:
        """A local time in New York."""
        self.at = dt.datetime.combine(day, dt.time(hour, minute), NEW_YORK).astimezone(dt.UTC)
        return self.at


class Killed(BaseException):
    """The process ended here."""


class Remembering:
    """An outbox that takes every mail, unless `answer` raises; `after` runs when one was taken."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.mails: list[tuple[dt.datetime, EmailMessage]] = []
        self.answer: Callable[[EmailMessage], None] = lambda _message: None
        self.after: Callable[[], None] = lambda: None

    def __enter__(self) -> Remembering:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def deliver(self, message: EmailMessage) -> str:
        self.answer(message)
        self.mails.append((self.clock(), message))
        self.after()
        return "Taken."

    @property
    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for _, message in self.mails]


def temporary(_message: EmailMessage) -> None:
    raise Undelivered("450 Try later")


def permanent(_message: EmailMessage) -> None:
    raise Undelivered("550 No such user", for_good=True)


def away(_message: EmailMessage) -> None:
    raise Undelivered("The mail server cannot be reached.", server_wide=True)


def fact(kind: str, **data: object) -> Fact:
    """One fact; `from_` stands for the key `from`."""
    return read_fact(kind, {key.rstrip("_"): value for key, value in data.items()}, "")


def beginning() -> list[Fact]:
    """Everything up to the first prescription."""
    return [
        fact("acknowledgement", on=STARTED, form="enrolment", signed_by=["patient", "prescriber"]),
        fact("pregnancy_test", collected=STARTED, result="negative", setting="medical"),
        fact("contraception", method="combined-pill", from_=STARTED),
        fact("contraception", method="male-condom", from_=STARTED),
        fact("menses", started=PICKED_UP - dt.timedelta(days=1)),
    ]


def a_test(on: dt.date) -> Fact:
    return fact("pregnancy_test", collected=on, result="negative", setting="medical")


def statements(on: dt.date) -> list[Fact]:
    """What prescriber and patient enter for a prescription."""
    return [
        fact("counselling", on=on),
        fact("method_report", on=on, by="prescriber", methods=METHODS),
        fact("comprehension", on=on, passed=True),
        fact("method_report", on=on, by="patient", methods=METHODS),
    ]


def pick_up(on: dt.date) -> list[Fact]:
    return [fact("prescription", on=on, days_supply=30), fact("dispensing", on=on)]


def record(actor: Actor, patient_id: int, facts: list[Fact], now: dt.datetime) -> None:
    """Append facts and reassess once, as one transaction."""
    with transaction() as session:
        patient = session.get_one(Patient, patient_id)
        for each in facts:
            evidence.append(session, actor, patient, each, now)
        reassess(session, actor, patient, now)


def on_treatment(actor: Actor, **changes: object) -> int:
    """A patient whose first supply was picked up at world.NOW; returns the patient's id."""
    enrolled_on = changes.pop("enrolled_on", STARTED)
    patient_id = world.a_patient(actor, enrolled_on=enrolled_on, **changes).id
    facts = [*beginning(), a_test(PICKED_UP), *statements(PICKED_UP), *pick_up(PICKED_UP)]
    record(actor, patient_id, facts, world.NOW)
    return patient_id


def run(outbox: Remembering) -> Tally:
    """One run of the send loop, as the schedule does it."""
    return send_due(outbox, SENDER, outbox.clock)


def rows(patient_id: int | None = None) -> list[Reminder]:
    """The reminders there are, fresh from the database."""
    db.session.rollback()
    db.session.expire_all()
    query = select(Reminder).order_by(Reminder.due_at, Reminder.id)
    if patient_id is not None:
        query = query.where(Reminder.patient_id == patient_id)
    return list(db.session.scalars(query))


def states(patient_id: int) -> dict[str, str]:
    """Rung to state, of one patient with one obligation."""
    return {row.rung: row.state.value for row in rows(patient_id)}
