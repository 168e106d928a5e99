"""Simulated weeks with failures, crashes and changes: whatever happens, the promises hold."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from compliance.db import db, transaction
from compliance.models import Course, Patient, Reminder
from compliance.models.reminders import ReminderState
from compliance.rules.reminders import PATIENT_HOURS
from compliance.services import evidence, reminders, sending
from compliance.services.actors import Actor
from compliance.services.assessments import reassess, sweep
from tests import world
from tests.services.reminding import (
    NEW_YORK,
    SENDER,
    Clock,
    Killed,
    Remembering,
    a_test,
    fact,
    on_treatment,
    permanent,
    pick_up,
    run,
    statements,
    temporary,
)

numbers = itertools.count(1)
EVENTS = st.sampled_from(
    [
        "nothing", "nothing", "nothing", "nothing", "run twice", "run at night", "replan",
        "fail", "refuse", "die after", "die before", "test", "pick up", "withdraw the test",
        "not wanted", "wanted", "no address", "last dose", "outage",
    ]
)  # fmt: skip


@dataclass
class Month:
    """One patient, the clock, the outbox, and what the test itself knows to be true."""

    nurse: Actor
    patient_id: int
    clock: Clock
    outbox: Remembering
    crashes: int = 0
    seen: int = 0

    def happen(self, event: str) -> None:
        getattr(self, "_" + event.replace(" ", "_"))()

    def go(self) -> None:
        with transaction() as session:
            sweep(session, self.clock())
        try:
            run(self.outbox)
        except Killed:
            self.crashes += 1
        self.outbox.answer = lambda _message: None
        self.outbox.after = lambda: None
        self.check()

    def check(self) -> None:
        """Every mail since the last look: permitted, wanted, needed."""
        for at, message in self.outbox.mails[self.seen :]:
            here = at.astimezone(NEW_YORK)
            assert PATIENT_HOURS.first <= here.time() < PATIENT_HOURS.last
            row = self.reminder_of(str(message["Message-ID"]))
            assert row.expires_at is None or at < row.expires_at
            assert row.patient is not None
            assert row.patient.reminders_wanted
            assert row.patient.email
            if row.kind == "test-due":
                assert not self.has_a_test_that_serves(here.date())
            if here.isoweekday() > 5:
                assert here.date() + dt.timedelta(days=2) >= row.expires_at.astimezone(
                    NEW_YORK
                ).date() - dt.timedelta(days=1)
        self.seen = len(self.outbox.mails)

    def reminder_of(self, message_id: str) -> Reminder:
        from compliance.mail.messages import message_id as derive

        db.session.rollback()
        db.session.expire_all()
        found = db.session.scalars(select(Reminder).where(Reminder.patient_id == self.patient_id))
        return next(row for row in found if derive(row.key, SENDER) == message_id)

    def has_a_test_that_serves(self, today: dt.date) -> bool:
        """A negative test since the last pick-up whose seven days are not over."""
        patient = db.session.get_one(Patient, self.patient_id)
        known = evidence.known_evidence(db.session(), patient)
        handed = max(row.happened_on for row in known if row.kind == "dispensing")
        since = max(handed + dt.timedelta(days=1), today - dt.timedelta(days=6))
        return any(row.kind == "pregnancy_test" and row.happened_on >= since for row in known)

    def add(self, *facts) -> None:
        with transaction() as session:
            patient = session.get_one(Patient, self.patient_id)
            for each in facts:
                evidence.append(session, self.nurse, patient, each, self.clock())
            reassess(session, self.nurse, patient, self.clock())

    def set(self, **values: object) -> None:
        with transaction() as session:
            patient = session.get_one(Patient, self.patient_id)
            for name, value in values.items():
                setattr(patient, name, value)

    @property
    def today(self) -> dt.date:
        return self.clock().astimezone(NEW_YORK).date()

    def _nothing(self) -> None:
        self.go()

    def _run_twice(self) -> None:
        self.go()
        self.go()

    def _run_at_night(self) -> None:
        self.clock.at += dt.timedelta(hours=11)
        self.go()

    def _replan(self) -> None:
        with transaction() as session:
            reminders.reconcile_some(session, 0, self.clock())
        self.go()

    def _fail(self) -> None:
        self.outbox.answer = temporary
        self.go()

    def _refuse(self) -> None:
        self.outbox.answer = permanent
        self.go()

    def _die_after(self) -> None:
        def die() -> None:
            raise Killed

        self.outbox.after = die
        self.go()

    def _die_before(self) -> None:
        def die(_message: object) -> None:
            raise Killed

        self.outbox.answer = die
        self.go()

    def _test(self) -> None:
        self.add(a_test(self.today))
        self.go()

    def _pick_up(self) -> None:
        self.add(a_test(self.today), *statements(self.today), *pick_up(self.today))
        self.go()

    def _withdraw_the_test(self) -> None:
        with transaction() as session:
            patient = session.get_one(Patient, self.patient_id)
            known = evidence.known_evidence(session, patient)
            for row in [row for row in known if row.kind == "pregnancy_test"][-1:]:
                evidence.withdraw(session, self.nurse, patient, row, "wrong", self.clock())
            reassess(session, self.nurse, patient, self.clock())
        self.go()

    def _not_wanted(self) -> None:
        self.set(reminders_wanted=False)
        self.go()

    def _wanted(self) -> None:
        self.set(reminders_wanted=True, email="amara@example.org")
        self.go()

    def _no_address(self) -> None:
        self.set(email="")
        self.go()

    def _last_dose(self) -> None:
        self.add(fact("last_dose", on=self.today))
        self.go()

    def _outage(self) -> None:
        self.clock.at += dt.timedelta(days=5)
        self.go()


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(EVENTS, st.sampled_from([4, 12, 24])), min_size=25, max_size=45))
def test_over_weeks_of_faults_each_key_goes_out_once_and_only_while_it_is_needed(app, events):
    forget_earlier_examples()
    nurse = world.a_user(world.a_clinic(f"clinic-{next(numbers)}"))
    clock = Clock()
    month = Month(nurse, on_treatment(nurse), clock, Remembering(clock))
    clock.set(dt.date(2026, 4, 22), 9)
    for event, hours in events:
        month.happen(event)
        clock.at += dt.timedelta(hours=hours)
    clock.at += dt.timedelta(days=1)
    clock.set(month.today, 11)
    for _ in range(3):  # whatever was under way comes to its end
        month.go()
        clock.at += sending.CLAIM_FOR
    counts = Counter(month.outbox.ids)
    assert sum(counts.values()) - len(counts) <= month.crashes
    assert all(count <= 1 + month.crashes for count in counts.values())
    every_due_one_is_accounted_for(month)


def forget_earlier_examples() -> None:
    with transaction() as session:
        session.execute(update(Course).values(closed_on=dt.date(2026, 1, 1)))
        session.execute(update(Reminder).values(state=ReminderState.CLEARED))


def every_due_one_is_accounted_for(month: Month) -> None:
    """Sent, or skipped, dead or cleared with a reason, or waiting with a time to be tried again."""
    db.session.rollback()
    db.session.expire_all()
    for row in db.session.scalars(
        select(Reminder).where(
            Reminder.patient_id == month.patient_id, Reminder.due_at <= month.clock()
        )
    ):
        if row.state is ReminderState.SENT:
            assert row.sent_at is not None
        elif row.state in (ReminderState.PLANNED, ReminderState.FAILED, ReminderState.CLAIMED):
            waits_until = row.next_try_at or row.claimed_until
            assert waits_until is not None
            assert waits_until > month.clock() - sending.CLAIM_FOR
        else:
            assert row.state_reason
