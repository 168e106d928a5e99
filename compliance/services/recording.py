"""What staff do to a record: each use-case appends, audits and reassesses in one go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Dispense, Evidence, Patient, PrescriptionOrder, Role
from compliance.models.evidence import Source
from compliance.rules.dates import show
from compliance.rules.facts import (
    Counselling,
    Dispensing,
    Fact,
    LabDecision,
    PregnancyExcluded,
    Prescription,
)
from compliance.rules.findings import Assessment
from compliance.rules.terms import Act, Requirement, Verdict
from compliance.services import audit, evidence
from compliance.services.actors import Actor
from compliance.services.assessments import ask, reassess
from compliance.services.errors import Conflict, Invalid, NotFound, NotPermitted

# What a prescriber alone states, in a visit as on the forms.
DECIDED = frozenset({Counselling, LabDecision, PregnancyExcluded})


def record_evidence(
    session: Session,
    actor: Actor,
    patient: Patient,
    fact: Fact,
    now: dt.datetime,
    *,
    source: Source = Source.FORM,
    supersedes: Evidence | None = None,
    extra: dict[str, Any] | None = None,
) -> Evidence:
    """Append one fact and reassess the patient; raises Invalid, Conflict or NotPermitted."""
    if isinstance(fact, (PregnancyExcluded, LabDecision)) and actor.role is not Role.PRESCRIBER:
        raise NotPermitted("Only a prescriber excludes a pregnancy or decides about a result.")
    row = evidence.append(
        session, actor, patient, fact, now, source=source, supersedes=supersedes, extra=extra
    )
    reassess(session, actor, patient, now)
    return row


def record_all(
    session: Session, actor: Actor, patient: Patient, facts: Iterable[Fact], now: dt.datetime
) -> list[Evidence]:
    """Append several facts of one visit and reassess once; raises Invalid or NotPermitted."""
    facts = tuple(facts)
    if actor.role is not Role.PRESCRIBER and any(type(fact) in DECIDED for fact in facts):
        raise NotPermitted("Only a prescriber confirms counselling and decides about results.")
    rows = [evidence.append(session, actor, patient, fact, now) for fact in facts]
    reassess(session, actor, patient, now)
    return rows


def withdraw_evidence(
    session: Session, actor: Actor, patient: Patient, row: Evidence, reason: str, now: dt.datetime
) -> None:
    """Withdraw an entry made in error, with a reason, and reassess the patient."""
    evidence.withdraw(session, actor, patient, row, reason, now)
    reassess(session, actor, patient, now)


def get_evidence(session: Session, patient: Patient, public_id: str) -> Evidence:
    """One entry of this patient's record; raises NotFound."""
    row = session.scalar(
        select(Evidence).where(Evidence.public_id == public_id, Evidence.patient_id == patient.id)
    )
    if row is None:
        raise NotFound("There is no such entry in this patient's record.")
    return row


def prescribe(
    session: Session,
    actor: Actor,
    patient: Patient,
    now: dt.datetime,
    *,
    days_supply: int,
    refills: int,
    daily_dose_mg: Decimal | None,
    override_reason: str = "",
) -> PrescriptionOrder:
    """Issue a prescription today; blocked unless the verdict is yes or the override says why.

    Raises NotPermitted unless a prescriber acts, Conflict in a closed course, Invalid when it is
    blocked and no reason is given.
    """
    if actor.role is not Role.PRESCRIBER:
        raise NotPermitted("Only a prescriber issues prescriptions.")
    _check_course_open(patient)
    answer = ask(session, patient, now, act=Act.PRESCRIBE, days_supply=days_supply, refills=refills)
    _check_not_locked(answer)
    reason = _override(answer, override_reason)
    today = evidence.local_date(patient.clinic, now)
    dose = float(daily_dose_mg) if daily_dose_mg is not None else None
    fact = Prescription(on=today, days_supply=days_supply, refills=refills, daily_dose_mg=dose)
    row = evidence.append(session, actor, patient, fact, now)
    order = PrescriptionOrder(
        evidence_id=row.id,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        course_id=row.course_id,
        issued_on=today,
        days_supply=days_supply,
        refills=refills,
        daily_dose_mg=daily_dose_mg,
        prescriber_id=actor.user_id,
        verdict=answer.verdict,
        edition=answer.edition,
        blocked_by=[item.value for item in answer.blocked_by],
        override_reason=reason,
        decided_at=now,
    )
    session.add(order)
    session.flush()
    _audit_decision(session, actor, patient, "prescription.issued", row, answer, reason, now)
    reassess(session, actor, patient, now)
    return order


def dispense(
    session: Session,
    actor: Actor,
    patient: Patient,
    on: dt.date,
    now: dt.datetime,
    *,
    days_supply: int,
    override_reason: str = "",
) -> Dispense:
    """Record that the medicine was handed over; says what stood against it and asks why."""
    _check_course_open(patient)
    answer = ask(session, patient, moment_of(patient, on, now), act=Act.DISPENSE,
                 days_supply=days_supply)  # fmt: skip
    reason = _override(answer, override_reason)
    order = open_prescription(session, patient, on)
    row = evidence.append(session, actor, patient, Dispensing(on=on, days_supply=days_supply), now)
    handed = Dispense(
        evidence_id=row.id,
        prescription_id=order.id if order else None,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        dispensed_on=on,
        days_supply=days_supply,
        verdict=answer.verdict,
        blocked_by=[item.value for item in answer.blocked_by],
        override_reason=reason,
    )
    session.add(handed)
    session.flush()
    _audit_decision(session, actor, patient, "dispense.recorded", row, answer, reason, now)
    reassess(session, actor, patient, now)
    return handed


def moment_of(patient: Patient, on: dt.date, now: dt.datetime) -> dt.datetime:
    """The moment at which a hand-over is judged: now, or noon at the clinic of a day gone by."""
    if on >= evidence.local_date(patient.clinic, now):
        return now
    zone = evidence.zone_of(patient.clinic)
    return dt.datetime.combine(on, dt.time(12), tzinfo=zone)


def is_locked(answer: Assessment) -> bool:
    """Whether an open alarm of pregnancy locks prescribing: no reason overrides it."""
    return Requirement.NOT_PREGNANT in answer.blocked_by


def _check_course_open(patient: Patient) -> None:
    """Nobody is treated in a course that the worklist has let go of."""
    course = patient.course
    if course is not None and course.closed_on is not None:
        closed = show(course.closed_on)
        raise Conflict(f"The course was closed on {closed}: open it again before you go on.")


def _check_not_locked(answer: Assessment) -> None:
    if is_locked(answer):
        raise Invalid(
            {
                "locked": "A positive or unclear test, a pregnancy, or a waiting result that may "
                "announce one is open: nothing can be prescribed, whatever the reason, until it "
                "is resolved or a prescriber has excluded a pregnancy."
            }
        )


def _override(answer: Assessment, reason: str) -> str | None:
    if answer.verdict is Verdict.YES:
        return None
    if len(reason.strip()) < 10:
        blocks = " ".join(finding.reason for finding in answer.findings if finding.blocks)
        raise Invalid(
            {
                "override_reason": "Prerequisites do not appear met. "
                f"{blocks} To go on all the same, say why in at least 10 characters; "
                "the reason is listed in the monthly report."
            }
        )
    return reason.strip()


def _audit_decision(
    session: Session,
    actor: Actor,
    patient: Patient,
    action: str,
    row: Evidence,
    answer: Assessment,
    reason: str | None,
    now: dt.datetime,
) -> None:
    audit.record(
        session,
        actor,
        action,
        row.kind,
        row.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail={
            "verdict": answer.verdict.value,
            "blocked_by": [item.value for item in answer.blocked_by],
            "edition": answer.edition,
            "override_reason": reason,
        },
    )


def open_prescription(session: Session, patient: Patient, on: dt.date) -> PrescriptionOrder | None:
    """The newest standing prescription issued by a day that nobody has dispensed yet."""
    filled = select(Dispense.prescription_id).join(Evidence, Evidence.id == Dispense.evidence_id)
    filled = filled.where(
        Dispense.prescription_id.is_not(None),
        Dispense.patient_id == patient.id,
        Evidence.withdrawn_at.is_(None),
    )
    return session.scalar(
        select(PrescriptionOrder)
        .join(Evidence, Evidence.id == PrescriptionOrder.evidence_id)
        .where(
            PrescriptionOrder.patient_id == patient.id,
            PrescriptionOrder.issued_on <= on,
            Evidence.withdrawn_at.is_(None),
            PrescriptionOrder.id.not_in(filled),
        )
        .order_by(PrescriptionOrder.issued_on.desc(), PrescriptionOrder.id.desc())
        .limit(1)
    )
