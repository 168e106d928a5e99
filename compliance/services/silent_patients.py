"""Patients of whom nothing is heard: no next date, no address, a stop protocol at a halt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from compliance.models import (
    Contact,
    Course,
    Membership,
    Patient,
    Reminder,
    StoredAssessment,
    User,
)
from compliance.models.reminders import ReminderState
from compliance.rules.clock import Clock
from compliance.rules.dates import day_begins, day_ends, show
from compliance.rules.programme import load_programme
from compliance.rules.stop_protocol import StopProtocol
from compliance.rules.triage import Group
from compliance.services import bounces, protocols
from compliance.services.reminders import DIGEST_ROLES
from compliance.services.silences import Found, Place, Scope, Silence, open_courses

_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
LATE_BY = dt.timedelta(minutes=5)  # five sweeps


def no_next_date(session: Session, scope: Scope) -> Found:
    """Open courses for which no plan, worklist or contact has a date ahead."""
    rows, agreed = open_courses(session, scope.clinic), _agreed(session, scope)
    silent = [
        _undated(scope, course, patient, answer)
        for course, patient, answer in rows
        if course.id not in agreed and not _has_date(scope, answer)
    ]
    return Found(silent, len(rows))


def _agreed(session: Session, scope: Scope) -> set[int]:
    """The courses for which a contact named a day that is still to come."""
    query = select(Contact.course_id).where(
        Contact.clinic_id == scope.clinic.id, Contact.until >= scope.today
    )
    return set(session.scalars(query))


def _has_date(scope: Scope, answer: StoredAssessment | None) -> bool:
    if answer is None:
        return False
    if answer.act_by is not None and answer.act_by > scope.now:
        return True
    return any(day >= scope.today for day in _planned(answer))


def _planned(answer: StoredAssessment) -> Iterable[dt.date]:
    return (dt.date.fromisoformat(item["last"]) for item in answer.plan)


def _undated(
    scope: Scope, course: Course, patient: Patient, answer: StoredAssessment | None
) -> Silence:
    zone = scope.clinic.time_zone
    passed = [day_ends(day, zone) for day in _planned(answer)] if answer else []
    if answer and answer.act_by:
        passed.append(answer.act_by)
    return Silence(
        patient.name,
        answer.headline if answer else "This course was never assessed.",
        (answer.action if answer else "") or "Settle with the patient what comes next",
        max(passed, default=day_begins(course.opened_on, zone)),
        Place("patient", patient.public_id),
        patient,
    )


def undeliverable(session: Session, scope: Scope) -> Found:
    """Who is to get mail and has no address, or one at which the newest mail was given up."""
    given_up = _given_up(session, scope) | bounces.came_back_to(session, scope.clinic.id)
    patients = [
        (course, patient)
        for course, patient, _ in open_courses(session, scope.clinic)
        if patient.reminders_wanted
    ]
    readers = _readers(session, scope)
    silent = [
        _unreached(scope, course, patient, given_up.get(f"patient:{patient.public_id}"))
        for course, patient in patients
        if not patient.email or f"patient:{patient.public_id}" in given_up
    ]
    silent += [
        _unread_digest(user, given_up[f"user:{user.id}"])
        for user in readers
        if f"user:{user.id}" in given_up
    ]
    return Found(silent, len(patients) + len(readers))


def _given_up(session: Session, scope: Scope) -> dict[str, dt.datetime]:
    """Whose newest mail was given up, and when it was due."""
    dead = func.max(case((Reminder.state == ReminderState.DEAD, Reminder.due_at)))
    sent = func.max(case((Reminder.state == ReminderState.SENT, Reminder.due_at)))
    rows = session.execute(
        select(Reminder.recipient, dead, sent)
        .where(
            Reminder.clinic_id == scope.clinic.id,
            Reminder.state.in_((ReminderState.DEAD, ReminderState.SENT)),
        )
        .group_by(Reminder.recipient)
    )
    settled = bounces.settled_for(session, scope.clinic.id)
    return {
        recipient: failed
        for recipient, failed, reached in rows
        if failed is not None and max(reached or _NEVER, settled.get(recipient, _NEVER)) < failed
    }


def _readers(session: Session, scope: Scope) -> list[User]:
    query = (
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(
            Membership.clinic_id == scope.clinic.id,
            Membership.role.in_(DIGEST_ROLES),
            User.active,
            User.wants_digest,
        )
    )
    return list(session.scalars(query.order_by(User.id)))


def _unreached(
    scope: Scope, course: Course, patient: Patient, failed: dt.datetime | None
) -> Silence:
    reason = "Reminders are wanted and there is no e-mail address."
    if patient.email:
        reason = "The address does not take mail: the newest was given up, or came back."
    return Silence(
        patient.name,
        reason,
        "Call the patient and ask for an address, or note that no reminders are wanted",
        failed or day_begins(course.opened_on, scope.clinic.time_zone),
        Place("patient", patient.public_id),
        patient,
    )


def _unread_digest(user: User, failed: dt.datetime) -> Silence:
    return Silence(
        user.name,
        "The address does not take mail: the newest digest was given up, or came back.",
        "Have an administrator correct the address",
        failed,
        Place("reminders"),
    )


def overdue_steps(session: Session, scope: Scope) -> Found:
    """Steps of open stop protocols whose last day is over."""
    rows = open_courses(session, scope.clinic, Group.ACT_NOW)
    silent: list[Silence] = []
    open_steps = 0
    for _, patient, answer in rows:
        if answer is None or not protocols.needs_protocol(answer.findings):
            continue
        protocol = protocols.protocol_of(session, patient, scope.now)
        if protocol is not None:
            open_steps += len(protocol.open_tasks)
            silent += _late_steps(scope, patient, protocol)
    return Found(silent, open_steps)


def _late_steps(scope: Scope, patient: Patient, protocol: StopProtocol) -> Iterable[Silence]:
    zone = scope.clinic.time_zone
    clock = Clock(scope.now, zone, load_programme(patient.programme).time_zone)
    for task in protocol.overdue(clock):
        yield Silence(
            patient.name,
            f"{task.rule.title} was due on {show(task.by)}. {protocol.why}.",
            f"{task.rule.owner.value.capitalize()}: {task.rule.task}",
            day_ends(task.by, zone),
            Place("protocol", patient.public_id),
            patient,
        )


def stale_answers(session: Session, scope: Scope) -> Found:
    """Stored answers that time has changed and that no sweep has computed again."""
    rows = open_courses(session, scope.clinic)
    silent = [
        Silence(
            patient.name,
            "Time has changed this answer and no sweep has computed it again.",
            "See why the schedule stands still; opening Today computes it at once",
            answer.changes_at,
            Place("patient", patient.public_id),
            patient,
        )
        for _, patient, answer in rows
        if answer and answer.changes_at and answer.changes_at <= scope.now - LATE_BY
    ]
    return Found(silent, len(rows))
