"""The end of a course: closed with a reason, and opened again; what is open is said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from compliance.models import Course, Patient
from compliance.rules.findings import Assessment
from compliance.rules.terms import Outcome, Phase, Requirement, Term
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.assessments import ask, reassess
from compliance.services.errors import Conflict, Invalid, NotFound
from compliance.services.evidence import local_date
from compliance.services.patient_links import revoke_all

FOLLOW_UP = (Requirement.FINAL_TEST, Requirement.CONTRACEPTION_TAIL, Requirement.BLOOD_DONATION)
_OPEN = (Outcome.DUE, Outcome.UNMET, Outcome.UNKNOWN)


class CloseReason(Term):
    """Why a course is closed."""

    COMPLETED = "completed"
    MOVED_AWAY = "moved-away"
    STOPPED = "stopped"


SAID = {
    CloseReason.COMPLETED: "Completed",
    CloseReason.MOVED_AWAY: "Moved away",
    CloseReason.STOPPED: "Stopped",
}


def open_duties(session: Session, patient: Patient, now: dt.datetime) -> list[str]:
    """What still has to happen before the course is over, a sentence each."""
    return _duties(ask(session, patient, now))


def _duties(answer: Assessment) -> list[str]:
    pregnancy = [
        finding.reason
        for finding in answer.findings
        if finding.requirement is Requirement.NOT_PREGNANT and finding.blocks
    ]
    if answer.phase is Phase.DURING:
        return [*pregnancy, "The patient is on treatment: no last dose is recorded."]
    if answer.phase is Phase.BEFORE:
        return pregnancy
    return pregnancy + [
        finding.reason
        for finding in answer.findings
        if finding.requirement in FOLLOW_UP and finding.outcome in _OPEN
    ]


def close(
    session: Session,
    actor: Actor,
    patient: Patient,
    reason: CloseReason,
    now: dt.datetime,
    *,
    although: str = "",
) -> Course:
    """Close the newest course today; reminders stop and the worklist lets go of the patient.

    Raises Conflict when it is closed already, Invalid while duties are open and `although` is
    empty.
    """
    course = course_of(patient)
    if course.closed_on is not None:
        raise Conflict(f"This course was closed on {course.closed_on} already.")
    duties = open_duties(session, patient, now)
    if duties and not although.strip():
        raise Invalid({"although": f"Say why it ends although this is open: {' '.join(duties)}"})
    said = SAID[reason] + (f". {although.strip()}" if although.strip() else "")
    return end(session, actor, patient, said, now, duties=duties)


def end(
    session: Session,
    actor: Actor,
    patient: Patient,
    reason: str,
    now: dt.datetime,
    *,
    duties: Sequence[str] = (),
) -> Course:
    """Close the newest course with a reason in words, audit it and assess the patient again."""
    course = course_of(patient)
    course.closed_on = local_date(patient.clinic, now)
    course.closed_reason = reason
    _audit(session, actor, course, "course.closed", now, reason=reason, open_duties=list(duties))
    revoke_all(session, actor, patient, "the course was closed", now)
    reassess(session, actor, patient, now)
    return course


def reopen(
    session: Session, actor: Actor, patient: Patient, reason: str, now: dt.datetime
) -> Course:
    """Open a closed course again, with a reason; raises Conflict or Invalid."""
    course = course_of(patient)
    if course.closed_on is None:
        raise Conflict("This course is open already.")
    if not reason.strip():
        raise Invalid({"reason": "Say why the course is opened again; the reason stays on record."})
    was = course.closed_on.isoformat()
    course.closed_on, course.closed_reason = None, ""
    _audit(session, actor, course, "course.reopened", now, reason=reason.strip(), closed_on=was)
    reassess(session, actor, patient, now)
    return course


def course_of(patient: Patient) -> Course:
    """The patient's newest course; raises NotFound when there is none."""
    if patient.course is None:
        raise NotFound("This patient has no course of treatment.")
    return patient.course


def _audit(
    session: Session, actor: Actor, course: Course, action: str, now: dt.datetime, **detail: object
) -> None:
    audit.record(
        session,
        actor,
        action,
        "course",
        course.id,
        now,
        clinic_id=course.clinic_id,
        patient_id=course.patient_id,
        detail=detail,
    )
