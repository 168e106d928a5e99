"""From a sound result to evidence: duplicates, corrections, and what the record speaks against."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Evidence, ImportedResult, Patient
from compliance.models.evidence import Source
from compliance.models.intake import Disposition
from compliance.rules.facts import Fact, Lab, PregnancyPotential, PregnancyTest, facts_of, read_fact
from compliance.rules.terms import Potential, TestResult
from compliance.services import evidence
from compliance.services.actors import Actor
from compliance.services.errors import DomainError
from compliance.services.matching import Match


def proposed(result: ImportedResult) -> Fact | None:
    """The fact that a result would be filed as, or None when it has no certain meaning."""
    if result.proposed_fact is None:
        return None
    return read_fact(result.proposed_fact["kind"], result.proposed_fact["detail"])


def file_or_hold(
    session: Session, actor: Actor, patient: Patient, result: ImportedResult, now: dt.datetime
) -> bool:
    """File a result whose patient is certain, unless the record speaks against it; whether it was.

    The caller reassesses the patient.
    """
    fact = proposed(result)
    if fact is None:
        return _hold(result, "It has no certain meaning; a person must read it.")
    if isinstance(fact, PregnancyTest) and _cannot_become_pregnant(session, patient, fact):
        return _hold(
            result,
            "A pregnancy test of a patient who is recorded as not able to become pregnant: hCG can"
            " be a tumour marker, or it is another patient's result.",
            urgent=True,
        )
    earlier = standing(session, patient, result, fact)
    if earlier is not None and (settled := _against(result, fact, earlier)) is not None:
        return settled
    supersedes = earlier if result.status == "corrected" else None
    return _file(session, actor, patient, result, fact, supersedes, now)


def settle(
    session: Session, actor: Actor, result: ImportedResult, found: Match, now: dt.datetime
) -> None:
    """Give a judged result to whom it was matched, and file or hold it; the caller reassesses."""
    # Whose it seems is kept when a person decides otherwise: an old answer replays with it.
    seems = found.patient or found.suggestion
    result.patient_id = found.patient.id if found.patient else None
    result.suggested_patient_id = seems.id if seems else None
    if result.disposition is not Disposition.FILED:
        return
    if found.patient is None:
        result.disposition, result.reason = Disposition.HELD, found.reason
        result.waits_for_patient = True
    else:
        file_or_hold(session, actor, found.patient, result, now)


def file(
    session: Session,
    actor: Actor,
    patient: Patient,
    result: ImportedResult,
    fact: Fact,
    now: dt.datetime,
    *,
    supersedes: Evidence | None = None,
) -> Evidence:
    """Append the evidence of a result; raises Invalid or Conflict as evidence does."""
    extra = dict((result.proposed_fact or {}).get("extra", {}))
    row = evidence.append(
        session,
        actor,
        patient,
        fact,
        now,
        source=Source.IMPORT,
        supersedes=supersedes,
        extra={
            **extra,
            "as_sent": result.as_sent,
            "laboratory": result.message.sender,
            "imported_result": result.public_id,
            "collected_as_sent": result.collected,
        },
    )
    result.evidence_id, result.patient_id = row.id, patient.id
    result.disposition, result.waits_for_patient = Disposition.FILED, False
    return row


def _file(
    session: Session,
    actor: Actor,
    patient: Patient,
    result: ImportedResult,
    fact: Fact,
    supersedes: Evidence | None,
    now: dt.datetime,
) -> bool:
    try:
        file(session, actor, patient, result, fact, now, supersedes=supersedes)
    except DomainError as error:
        return _hold(result, str(error))
    result.reason = "Filed." if supersedes is None else "Filed; it corrects an earlier result."
    return True


def _hold(result: ImportedResult, reason: str, *, urgent: bool = False) -> bool:
    result.disposition, result.reason = Disposition.HELD, reason
    result.urgent = result.urgent or urgent
    return False


def _cannot_become_pregnant(session: Session, patient: Patient, fact: PregnancyTest) -> bool:
    record = evidence.load_record(session, patient)
    stated = [item for item in facts_of(record.facts, PregnancyPotential) if item.day <= fact.day]
    first = stated or facts_of(record.facts, PregnancyPotential)[:1]
    return bool(first) and first[-1].can_become_pregnant is Potential.NO


def standing(
    session: Session, patient: Patient, result: ImportedResult, fact: Fact
) -> Evidence | None:
    """What still stands of the same test of the same specimen, filed before."""
    query = (
        select(ImportedResult, Evidence)
        .join(Evidence, Evidence.id == ImportedResult.evidence_id)
        .where(
            ImportedResult.patient_id == patient.id,
            ImportedResult.code_system == result.code_system,
            ImportedResult.code == result.code,
            Evidence.happened_on == fact.day,
        )
        .order_by(Evidence.id.desc())
    )
    rows = session.execute(query).all()
    for before, row in rows:
        same = before.collected == result.collected or (
            before.order_number != "" and before.order_number == result.order_number
        )
        if same and _stands(session, row):
            return row
    return None


def _stands(session: Session, row: Evidence) -> bool:
    later = session.scalar(select(Evidence.id).where(Evidence.supersedes_id == row.id))
    return row.withdrawn_at is None and later is None


def _against(result: ImportedResult, fact: Fact, earlier: Evidence) -> bool | None:
    """What an earlier result of the same test decides; None when the new one may be filed."""
    old = earlier.fact
    if _says(old) == _says(fact):
        result.disposition, result.urgent = Disposition.IGNORED, False
        result.reason = "The same result is filed already; nothing changed."
        return False
    alarming = isinstance(fact, PregnancyTest) and fact.result is not TestResult.NEGATIVE
    if isinstance(old, PregnancyTest) and old.result is not TestResult.NEGATIVE and not alarming:
        return _hold(
            result,
            "It would replace a test that was not negative by a negative one; a person must"
            " confirm it with the laboratory.",
            urgent=True,
        )
    if result.status == "corrected" or alarming:
        return None
    return _hold(result, "It contradicts a result of the same test that is filed already.")


def _says(fact: Fact) -> tuple[object, ...]:
    if isinstance(fact, Lab):
        return (fact.analyte, fact.value, fact.unit)
    return (fact.result, fact.specimen) if isinstance(fact, PregnancyTest) else (fact,)
