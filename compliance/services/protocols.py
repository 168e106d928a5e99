"""The stop protocol of a patient, as the clinic's own record has it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Evidence, Patient
from compliance.rules.facts import ClinicTerms, Lab, Pregnancy, PregnancyTest, Record
from compliance.rules.findings import Assessment, Question
from compliance.rules.programme import load_programme
from compliance.rules.stop_protocol import Learned, StopProtocol, stop_protocol
from compliance.rules.terms import Act, Requirement
from compliance.rules.waiting_results import CLOSE_STATEMENT, DECIDE_FIRST
from compliance.services.evidence import clinic_terms, load_record, local_date

_ALARMING = (Pregnancy.kind, PregnancyTest.kind, Lab.kind)


def protocol_of(session: Session, patient: Patient, now: dt.datetime) -> StopProtocol | None:
    """The patient's stop protocol at a moment; None when no alarm is unresolved."""
    question = Question(at=now, act=Act.MONITOR)
    record, terms = load_record(session, patient), clinic_terms(session, patient.clinic)
    programme = load_programme(patient.programme)
    return stop_protocol(record, programme, terms, question, learned(session, patient))


def protocol_after(
    session: Session, patient: Patient, record: Record, terms: ClinicTerms, answer: Assessment
) -> StopProtocol | None:
    """The same for an answer just given; asks nothing of the database without an alarm."""
    alarmed = any(
        finding.requirement is Requirement.NOT_PREGNANT and finding.blocks
        for finding in answer.findings
    )
    if not alarmed:
        return None
    programme = load_programme(patient.programme)
    return stop_protocol(record, programme, terms, answer.question, learned(session, patient))


def needs_protocol(findings: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the findings of a stored answer call for a stop protocol.

    A result or a statement that only waits for a person calls for that person first.
    """
    return any(
        item["requirement"] == Requirement.NOT_PREGNANT.value
        and item["blocks"]
        and item["action"] not in (DECIDE_FIRST, CLOSE_STATEMENT)
        for item in findings
    )


def learned(session: Session, patient: Patient) -> Learned:
    """When the clinic learned of each test, result and pregnancy, and what each one corrects."""
    rows = session.execute(
        select(Evidence.id, Evidence.supersedes_id, Evidence.recorded_at).where(
            Evidence.patient_id == patient.id, Evidence.kind.in_(_ALARMING)
        )
    ).all()
    newer = {str(before): str(row) for row, before, _ in rows if before is not None}
    return Learned(
        on={str(row): local_date(patient.clinic, at) for row, _, at in rows},
        replaced={old: _newest(old, newer) for old in newer},
    )


def _newest(row: str, newer: Mapping[str, str]) -> str:
    while row in newer:
        row = newer[row]
    return row
