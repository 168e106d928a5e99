"""What staff do about what patients stated: looked at, closed with a reason, or made evidence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from compliance.models import Patient, PatientStatement, Role, StatementKind
from compliance.rules.facts import PregnancyTest
from compliance.rules.terms import Supervision, TestResult, TestSetting
from compliance.services import audit, evidence
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.errors import Conflict, Invalid, NotFound, NotPermitted
from compliance.services.stated import announces_pregnancy

LEAST_REASON = 10  # letters


def open_statements(session: Session, actor: Actor, limit: int = 200) -> list[PatientStatement]:
    """What waits at the actor's clinic: possible pregnancies first, then the oldest."""
    query = (
        select(PatientStatement)
        .where(PatientStatement.clinic_id == actor.clinic_id, PatientStatement.handled_at.is_(None))
        .options(joinedload(PatientStatement.patient), joinedload(PatientStatement.document))
        .order_by(PatientStatement.at, PatientStatement.id)
    )
    rows = session.scalars(query.limit(limit)).all()
    return sorted(rows, key=lambda row: not announces_pregnancy(row))


def count_open(session: Session, actor: Actor) -> int:
    """How many wait."""
    query = select(func.count(PatientStatement.id)).where(
        PatientStatement.clinic_id == actor.clinic_id, PatientStatement.handled_at.is_(None)
    )
    return session.scalar(query) or 0


def statements_of(
    session: Session, patient: Patient, limit: int = 10
) -> Sequence[PatientStatement]:
    """What a patient stated, newest first."""
    query = (
        select(PatientStatement)
        .where(PatientStatement.patient_id == patient.id)
        .options(joinedload(PatientStatement.document))
        .order_by(PatientStatement.at.desc(), PatientStatement.id.desc())
    )
    return session.scalars(query.limit(limit)).all()


def get_statement(session: Session, actor: Actor, public_id: str) -> PatientStatement:
    """A statement of the actor's own clinic; raises NotFound for any other."""
    row = session.scalar(
        select(PatientStatement)
        .where(
            PatientStatement.public_id == public_id,
            PatientStatement.clinic_id == actor.clinic_id,
        )
        .with_for_update(of=PatientStatement)
    )
    if row is None:
        raise NotFound("There is no such statement at this clinic.")
    return row


def handle(
    session: Session, actor: Actor, row: PatientStatement, outcome: str, now: dt.datetime
) -> None:
    """Write down what was done about a statement, and assess the patient again.

    One that may announce a pregnancy is closed by a prescriber only, with a reason of at least 10
    letters. Raises NotPermitted, Invalid, or Conflict when somebody was quicker.
    """
    outcome = outcome.strip()
    alarming = announces_pregnancy(row)
    if alarming and actor.role is not Role.PRESCRIBER:
        raise NotPermitted("Only a prescriber closes what may announce a pregnancy.")
    if len(outcome) < (LEAST_REASON if alarming else 1):
        raise Invalid({"outcome": f"Say in at least {LEAST_REASON} letters why it is closed."})
    _close(session, actor, row, outcome, now)
    reassess(session, actor, row.patient, now)


def verify_home_test(
    session: Session, actor: Actor, row: PatientStatement, result: TestResult, now: dt.datetime
) -> None:
    """Record a home test as a person reads it from the photo, dated as the patient says.

    One that the patient did not read as negative is closed as negative by a prescriber only.
    Raises Conflict for another kind, Invalid for a day that cannot be, NotPermitted.
    """
    if row.kind is not StatementKind.HOME_TEST:
        raise Conflict("Only the photo of a home test can be verified.")
    milder = announces_pregnancy(row) and result is TestResult.NEGATIVE
    if milder and actor.role is not Role.PRESCRIBER:
        raise NotPermitted("The patient did not read it as negative: a prescriber decides.")
    zone = evidence.zone_of(row.patient.clinic)
    taken_at = dt.datetime.fromisoformat(row.detail["taken_at"])
    fact = PregnancyTest(
        collected=taken_at.astimezone(zone).date(),
        result=result,
        setting=TestSetting.HOME,
        supervision=Supervision.PHOTO,
    )
    proof = {"statement": row.public_id, "kit": row.detail["kit"]}
    found = evidence.append(session, actor, row.patient, fact, now, extra=proof)
    row.evidence_id = found.id
    _close(session, actor, row, f"Verified from the photo: {result.value}.", now)
    reassess(session, actor, row.patient, now)


def _close(
    session: Session, actor: Actor, row: PatientStatement, outcome: str, now: dt.datetime
) -> None:
    if row.handled_at is not None:
        raise Conflict(f"This was seen to already, by {row.handled_by}.")
    row.handled_at, row.handled_by, row.outcome = now, actor.name, outcome
    audit.record(
        session, actor, "statement.handled", "patient_statement", row.public_id, now,
        clinic_id=row.clinic_id, patient_id=row.patient_id,
        detail={"kind": row.kind.value, "outcome": outcome},
    )  # fmt: skip
