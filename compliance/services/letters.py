"""What a reminder would say now, and to whom; or why it must not go out any more."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.models import (
    Clinic,
    Evidence,
    ImportedResult,
    Incident,
    Patient,
    Reminder,
    StoredAssessment,
    User,
)
from compliance.models.intake import Disposition
from compliance.models.patients import Discretion
from compliance.models.reminders import ReminderState
from compliance.rules.reminders import Obligation, ReminderKind, Rung, may_go, outranks
from compliance.rules.triage import Group
from compliance.services.bounces import takes_no_mail
from compliance.services.clinic_choices import closing_lines_of
from compliance.services.corrections import is_unread
from compliance.services.patient_links import link_for
from compliance.services.protocols import needs_protocol
from compliance.services.reminders import (
    DATE_PASSED,
    NO_LONGER_NEEDED,
    OPEN,
    UNDELIVERED,
    calendar_of,
    digest_readers,
    find_obligation,
)

RECENT = dt.timedelta(days=14)

NOT_WANTED = "The patient does not want reminders."
NO_ADDRESS = "There is no e-mail address for this patient."
CAME_BACK = "Mail to this address came back; call, and ask for another address."
OVERTAKEN = "A more pressing reminder of the same step goes out instead."
NO_READER = "This person does not want the morning digest, or works here no longer."
NOTHING_WAITS = "Nothing waited for anybody that morning."
LEFT = "This person works here no longer."
READ_ALREADY = "It was read meanwhile."


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits at one clinic: counts only."""

    clinic: str
    act_now: int = 0
    window_open: int = 0
    due_this_week: int = 0
    held_results: int = 0
    unsent: int = 0
    stop_protocols: int = 0  # among those who need action now

    @property
    def total(self) -> int:
        """Everything that wants a person."""
        groups = self.act_now + self.window_open + self.due_this_week
        return groups + self.held_results + self.unsent


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail is made from; it holds no more than the mail may say."""

    reminder_id: int
    key: str
    kind: ReminderKind
    rung: Rung
    to: str
    language: str
    detailed: bool
    clinic: str
    clinic_phone: str
    clinic_email: str
    first: dt.date | None
    by: dt.date
    closing: tuple[str, ...] = ()  # the last lines, as the clinic words them
    waiting: tuple[Waiting, ...] = ()
    page: str = ""  # where the patient's own page begins, as a path
    unsubscribe: str = ""  # the path that ends reminders with one click


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a reminder does not go out, and the state that it ends in."""

    state: ReminderState
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The first moment at which a reminder may go out."""

    until: dt.datetime


def letter_of(
    session: Session, reminder: Reminder, answer: StoredAssessment | None, now: dt.datetime
) -> Letter | Stop | Wait:
    """What to do with a reminder now, judged by a fresh answer."""
    patient = reminder.patient
    if patient is None:
        said = _to_staff(session, reminder, now)
    else:
        said = _to_patient(session, reminder, patient, answer, now)
    if isinstance(said, Stop):
        return said
    clinic = session.get_one(Clinic, reminder.clinic_id)
    moment = may_go(said.kind, calendar_of(clinic), now, reminder.expires_at)
    if moment is None:
        return _too_late(reminder)
    return Wait(moment) if moment > now else _with_page(session, reminder, said, now)


def _with_page(session: Session, reminder: Reminder, said: Letter, now: dt.datetime) -> Letter:
    """A patient's letter that goes out now carries a link to the patient's own page."""
    if reminder.patient is None:
        return said
    page = link_for(session, reminder.patient, reminder, now)
    return replace(said, page=page, unsubscribe=f"{page}/stop")


def _to_patient(
    session: Session,
    reminder: Reminder,
    patient: Patient,
    answer: StoredAssessment | None,
    now: dt.datetime,
) -> Letter | Stop:
    obligation = _still_owed(session, reminder, patient, answer, now)
    late = reminder.expires_at is not None and reminder.expires_at <= now
    if obligation is None and not late:
        return Stop(ReminderState.CLEARED, NO_LONGER_NEEDED)
    if not patient.reminders_wanted:
        return Stop(ReminderState.SKIPPED, NOT_WANTED)
    if not patient.email:
        return Stop(ReminderState.SKIPPED, NO_ADDRESS)
    if _overtaken(session, reminder, now):
        return Stop(ReminderState.SKIPPED, OVERTAKEN)
    if takes_no_mail(session, reminder):
        return Stop(ReminderState.DEAD, CAME_BACK)
    if obligation is None or late:
        return _too_late(reminder)
    return _patient_letter(reminder, patient, obligation)


def _still_owed(
    session: Session,
    reminder: Reminder,
    patient: Patient,
    answer: StoredAssessment | None,
    now: dt.datetime,
) -> Obligation | None:
    course = patient.course
    if answer is None or course is None or course.id != reminder.course_id:
        return None
    return find_obligation(session, reminder, patient, course, answer, now)


def _patient_letter(reminder: Reminder, patient: Patient, obligation: Obligation) -> Letter:
    return Letter(
        reminder_id=reminder.id,
        key=reminder.key,
        kind=obligation.kind,
        rung=Rung(reminder.rung),
        to=patient.email,
        language=patient.language,
        detailed=patient.discretion is Discretion.DETAILED,
        clinic=patient.clinic.name,
        clinic_phone=patient.clinic.phone,
        clinic_email=patient.clinic.email,
        first=obligation.first,
        by=obligation.by,
        closing=closing_lines_of(patient.clinic),
    )


def _too_late(reminder: Reminder) -> Stop:
    """A patient who was not reminded in time is shown to staff; a digest is simply old."""
    if reminder.patient_id is None:
        return Stop(ReminderState.SKIPPED, DATE_PASSED)
    return Stop(ReminderState.DEAD, UNDELIVERED if reminder.state_reason else DATE_PASSED)


def _overtaken(session: Session, reminder: Reminder, now: dt.datetime) -> bool:
    others = session.execute(
        select(Reminder.rung, Reminder.state, Reminder.due_at).where(
            Reminder.course_id == reminder.course_id,
            Reminder.kind == reminder.kind,
            Reminder.obligation == reminder.obligation,
            Reminder.recipient == reminder.recipient,
            Reminder.id != reminder.id,
        )
    )
    ours = Rung(reminder.rung)
    return any(
        outranks(Rung(rung), ours)
        and (state is ReminderState.SENT or (state in OPEN and due_at <= now))
        for rung, state, due_at in others
    )


def _to_staff(session: Session, reminder: Reminder, now: dt.datetime) -> Letter | Stop:
    user = session.get(User, int(reminder.recipient.removeprefix("user:")))
    if ReminderKind(reminder.kind) is ReminderKind.ALERT:
        return _alert(session, reminder, user)
    rows = session.execute(digest_readers().where(User.id == user.id)).all() if user else []
    clinics: list[Clinic] = [clinic for _, clinic in rows]
    if user is None or not clinics:
        return Stop(ReminderState.SKIPPED, NO_READER)
    waiting = tuple(waiting_at(session, clinic, now) for clinic in clinics)
    if not any(item.total for item in waiting):
        return Stop(ReminderState.SKIPPED, NOTHING_WAITS)
    return replace(_staff_letter(reminder, user, clinics[0]), waiting=waiting)


def _alert(session: Session, reminder: Reminder, user: User | None) -> Letter | Stop:
    if user is None or not user.active:
        return Stop(ReminderState.SKIPPED, LEFT)
    cause = reminder.context["cause"]
    unread = select(Evidence.id).where(Evidence.public_id == cause, *is_unread(reminder.clinic_id))
    opened = (
        select(Incident.id)
        .join(Evidence, Evidence.id == Incident.cause_id)
        .where(Evidence.public_id == cause, Incident.closed_at.is_(None))
    )
    if session.scalar(unread) is None and session.scalar(opened) is None:
        return Stop(ReminderState.CLEARED, READ_ALREADY)
    return _staff_letter(reminder, user, session.get_one(Clinic, reminder.clinic_id))


def _staff_letter(reminder: Reminder, user: User, home: Clinic) -> Letter:
    return Letter(
        reminder_id=reminder.id,
        key=reminder.key,
        kind=ReminderKind(reminder.kind),
        rung=Rung(reminder.rung),
        to=user.email,
        language=home.language,
        detailed=False,
        clinic=home.name,
        clinic_phone=home.phone,
        clinic_email=home.email,
        first=None,
        by=dt.date.fromisoformat(reminder.context["by"]),
    )


def waiting_at(session: Session, clinic: Clinic, now: dt.datetime) -> Waiting:
    """What waits at a clinic, as counts."""
    query = select(StoredAssessment.grouping, func.count()).group_by(StoredAssessment.grouping)
    rows = session.execute(query.where(StoredAssessment.clinic_id == clinic.id))
    counts = {grouping: count for grouping, count in rows}
    held = select(func.count()).where(
        ImportedResult.clinic_id == clinic.id,
        ImportedResult.disposition == Disposition.HELD,
        ImportedResult.resolved_at.is_(None),
    )
    unsent = select(func.count()).where(
        Reminder.clinic_id == clinic.id,
        Reminder.state == ReminderState.DEAD,
        Reminder.due_at > now - RECENT,
    )
    acute = select(StoredAssessment.findings).where(
        StoredAssessment.clinic_id == clinic.id,
        StoredAssessment.grouping == Group.ACT_NOW.value,
    )
    return Waiting(
        clinic=clinic.name,
        act_now=counts.get(Group.ACT_NOW.value, 0),
        window_open=counts.get(Group.WINDOW_OPEN.value, 0),
        due_this_week=counts.get(Group.DUE_THIS_WEEK.value, 0),
        held_results=session.scalar(held) or 0,
        unsent=session.scalar(unsent) or 0,
        stop_protocols=sum(needs_protocol(findings) for findings in session.scalars(acute)),
    )
