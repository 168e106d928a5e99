"""Reminders planned: what each answer asks for is written once, what no longer holds is cleared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from compliance.models import Clinic, Course, Membership, Patient, Reminder, Role, User
from compliance.models.assessments import StoredAssessment
from compliance.models.reminders import ReminderState
from compliance.rules.findings import PlannedDate
from compliance.rules.openings import read_weekdays
from compliance.rules.reminders import (
    Calendar,
    DigestSlot,
    Obligation,
    PlannedReminder,
    ReminderKind,
    Rung,
    Situation,
    known_as,
    next_digest,
    obligations,
    reminder_key,
    rungs,
    worth_planning,
)
from compliance.rules.terms import Outcome, Requirement
from compliance.services.clinic_choices import closed_days_of, leads_of, patient_hours_of

OPEN = (ReminderState.PLANNED, ReminderState.FAILED)
REMEMBERED = dt.timedelta(days=75)
DIGEST_ROLES = (Role.NURSE, Role.PRESCRIBER, Role.MANAGER)

NO_LONGER_NEEDED = "No longer needed: the step is done, or another date applies."
DATE_PASSED = "The date passed before it could be sent."
UNDELIVERED = "It could not be delivered before the date passed."


@dataclass(frozen=True, slots=True)
class Known:
    """A reminder as it stands in the database."""

    id: int
    kind: str
    obligation: str
    rung: str
    state: ReminderState
    due_at: dt.datetime
    expires_at: dt.datetime | None
    context: Mapping[str, Any]

    @property
    def live(self) -> bool:
        """Whether its obligation had not ended when it was last looked at."""
        return "over" not in self.context


Held = dict[tuple[str, str], Obligation]


def calendar_of(clinic: Clinic) -> Calendar:
    """When a clinic works."""
    return Calendar(
        clinic.time_zone,
        read_weekdays(clinic.opening_days),
        frozenset(closed_days_of(clinic)),
        patient_hours_of(clinic),
        leads_of(clinic),
    )


def situation_of(stored: StoredAssessment, course: Course, now: dt.datetime) -> Situation:
    """What the reminders need to know of a stored answer."""
    first, last = stored.window_first, stored.window_last
    return Situation(
        at=now,
        phase=stored.phase,
        plan=tuple(_planned_date(item) for item in stored.plan),
        missing={
            Requirement(item["requirement"]): Outcome(item["outcome"]) for item in stored.findings
        },
        window=(first, last) if first is not None and last is not None else None,
        window_closes_at=stored.window_closes_at,
        course_closed=course.closed_on is not None,
    )


def _planned_date(item: Mapping[str, Any]) -> PlannedDate:
    return PlannedDate(
        requirement=Requirement(item["requirement"]),
        first=dt.date.fromisoformat(item["first"]),
        last=dt.date.fromisoformat(item["last"]),
        sentence=item["sentence"],
    )


def reconcile(
    session: Session, patient: Patient, course: Course, stored: StoredAssessment, now: dt.datetime
) -> None:
    """Plan what is missing for one course, and clear what no longer holds."""
    reconcile_all(session, [(patient, course, stored)], now)


def reconcile_all(
    session: Session, answered: Sequence[tuple[Patient, Course, StoredAssessment]], now: dt.datetime
) -> None:
    """The same for several courses, each with its patient and its answer."""
    known = _known(session, [course.id for _, course, _ in answered], now)
    missing = [
        row
        for patient, course, stored in answered
        for row in _reconciled(session, patient, course, stored, known[course.id], now)
    ]
    if missing:
        session.execute(_insertion(session), missing)


def _reconciled(
    session: Session,
    patient: Patient,
    course: Course,
    stored: StoredAssessment,
    known: Sequence[Known],
    now: dt.datetime,
) -> list[dict[str, Any]]:
    """Revise or end what is planned; returns the rows that are still to be written."""
    missing: list[dict[str, Any]] = []
    held = held_obligations(patient.clinic, course, stored, known, now)
    _end_others(session, known, held, now)
    calendar = calendar_of(patient.clinic)
    for (kind, name), obligation in held.items():
        there = {row.rung: row for row in known if (row.kind, row.obligation) == (kind, name)}
        planned = rungs(obligation, calendar)
        wanted = worth_planning(planned, now)
        for item in planned:
            row = there.get(item.rung.value)
            if row is not None:
                _revise(session, row, obligation, item, wanted)
            elif item in wanted:
                missing.append(_row(patient, course, name, obligation, item, now))
    return missing


def held_obligations(
    clinic: Clinic,
    course: Course,
    stored: StoredAssessment,
    known: Sequence[Known],
    now: dt.datetime,
) -> Held:
    """What the patient owes, by kind and the name under which it is planned."""
    held: Held = {}
    for obligation in obligations(situation_of(stored, course, now), calendar_of(clinic)):
        kind = obligation.kind.value
        free = {
            row.obligation
            for row in known
            if row.kind == kind and row.live and (kind, row.obligation) not in held
        }
        held[kind, known_as(obligation, free)] = obligation
    return held


def find_obligation(
    session: Session,
    reminder: Reminder,
    patient: Patient,
    course: Course,
    stored: StoredAssessment,
    now: dt.datetime,
) -> Obligation | None:
    """What a reminder is about, as owed now; None when it is owed no longer."""
    known = _known(session, [course.id], now)[course.id]
    held = held_obligations(patient.clinic, course, stored, known, now)
    return held.get((reminder.kind, reminder.obligation))


def _known(session: Session, course_ids: Sequence[int], now: dt.datetime) -> dict[int, list[Known]]:
    query = select(
        Reminder.course_id,
        Reminder.id,
        Reminder.kind,
        Reminder.obligation,
        Reminder.rung,
        Reminder.state,
        Reminder.due_at,
        Reminder.expires_at,
        Reminder.context,
    ).where(Reminder.course_id.in_(course_ids), Reminder.due_at > now - REMEMBERED)
    found: dict[int, list[Known]] = {course_id: [] for course_id in course_ids}
    for course_id, *row in session.execute(query.order_by(Reminder.id)):
        found[course_id].append(Known(*row))
    return found


def _end_others(session: Session, known: Iterable[Known], held: Held, now: dt.datetime) -> None:
    for row in known:
        if (row.kind, row.obligation) in held or not row.live:
            continue
        _change(session, row, context={**row.context, "over": now.isoformat()})
        if row.state in OPEN and not _unsent_too_late(row, now):
            _change(session, row, state=ReminderState.CLEARED, state_reason=NO_LONGER_NEEDED)


def _unsent_too_late(row: Known, now: dt.datetime) -> bool:
    """Due, unsent and out of date: the send loop says so where staff see it."""
    return row.due_at <= now and row.expires_at is not None and row.expires_at <= now


def _revise(
    session: Session,
    row: Known,
    obligation: Obligation,
    item: PlannedReminder,
    wanted: Sequence[PlannedReminder],
) -> None:
    context = _context(obligation)
    if row.state is ReminderState.CLEARED and item in wanted:
        _change(
            session,
            row,
            state=ReminderState.PLANNED,
            state_reason="",
            due_at=item.due_at,
            expires_at=item.expires_at,
            context=context,
        )
    elif row.context != context:
        # Never later than first planned: a date that moves on each day would never be reminded of.
        due_at = min(row.due_at, item.due_at) if row.state in OPEN else row.due_at
        _change(session, row, due_at=due_at, expires_at=item.expires_at, context=context)


def _change(session: Session, row: Known, **values: Any) -> None:
    """Change a row unless somebody else moved it on meanwhile."""
    session.execute(
        update(Reminder)
        .where(Reminder.id == row.id, Reminder.state == row.state)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _context(obligation: Obligation) -> dict[str, Any]:
    return {"first": obligation.first.isoformat(), "by": obligation.by.isoformat()}


def _row(
    patient: Patient,
    course: Course,
    name: str,
    obligation: Obligation,
    item: PlannedReminder,
    now: dt.datetime,
) -> dict[str, Any]:
    recipient = f"patient:{patient.public_id}"
    return {
        "key": reminder_key(str(course.id), obligation.kind, name, item.rung, recipient),
        "clinic_id": course.clinic_id,
        "course_id": course.id,
        "patient_id": patient.id,
        "kind": obligation.kind.value,
        "obligation": name,
        "rung": item.rung.value,
        "recipient": recipient,
        "due_at": item.due_at,
        "expires_at": item.expires_at,
        "context": _context(obligation),
        "planned_at": now,
    }


def insert_reminder(session: Session, values: dict[str, Any]) -> int:
    """Plan a reminder unless its key is there; how many rows were written."""
    statement = _insertion(session).values(values).returning(Reminder.id)
    return len(session.execute(statement).all())


def _insertion(session: Session) -> Any:
    """The statement that writes reminders and passes over those whose key is there."""
    dialect = session.get_bind().dialect.name
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    table: Any = Reminder.__table__
    return insert(table).on_conflict_do_nothing(index_elements=["key"])


def reconcile_some(session: Session, after: int, now: dt.datetime, limit: int = 200) -> int:
    """Look once more at the next stored answers in turn; returns the last course, 0 at the end.

    Every change plans by itself; this repairs what a fault left unplanned, a bounded slice a call.
    """
    rows = session.scalars(
        select(StoredAssessment)
        .where(StoredAssessment.course_id > after)
        .order_by(StoredAssessment.course_id)
        .limit(limit)
    ).all()
    for row in rows:
        reconcile(session, row.patient, row.course, row, now)
    return rows[-1].course_id if len(rows) == limit else 0


def plan_digests(session: Session, now: dt.datetime) -> int:
    """Plan the next morning's digest for everybody who wants one: one a person a day."""
    mornings: dict[int, tuple[DigestSlot, int]] = {}
    for user_id, clinic in session.execute(digest_readers()):
        slot = next_digest(calendar_of(clinic), now)
        if user_id not in mornings or slot.due_at < mornings[user_id][0].due_at:
            mornings[user_id] = slot, clinic.id
    rows = (_digest_row(user, clinic, slot, now) for user, (slot, clinic) in mornings.items())
    return sum(insert_reminder(session, row) for row in rows)


def digest_readers() -> Any:
    """The query for (user id, clinic) of everybody who wants the morning digest."""
    return (
        select(User.id, Clinic)
        .join(Membership, Membership.user_id == User.id)
        .join(Clinic, Clinic.id == Membership.clinic_id)
        .where(User.active, User.wants_digest, Membership.role.in_(DIGEST_ROLES))
        .order_by(User.id, Clinic.id)
    )


def _digest_row(user_id: int, clinic_id: int, slot: DigestSlot, now: dt.datetime) -> dict[str, Any]:
    recipient, name = f"user:{user_id}", f"day:{slot.day.isoformat()}"
    return {
        "key": reminder_key("-", ReminderKind.DIGEST, name, Rung.DAILY, recipient),
        "clinic_id": clinic_id,
        "kind": ReminderKind.DIGEST.value,
        "obligation": name,
        "rung": Rung.DAILY.value,
        "recipient": recipient,
        "due_at": slot.due_at,
        "expires_at": slot.expires_at,
        "context": {"by": slot.day.isoformat()},
        "planned_at": now,
    }
