"""What is known when a visit begins: what it must settle, and what can be offered as it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from compliance.models import Patient
from compliance.rules.assess import assess
from compliance.rules.doses import cumulative_mg, latest_weight
from compliance.rules.facts import (
    Fact,
    Lab,
    MethodReport,
    PregnancyTest,
    Prescription,
    Record,
    Weight,
    facts_of,
)
from compliance.rules.findings import Assessment, Finding, Provision
from compliance.rules.terms import Act, Outcome, Requirement, Side
from compliance.services.assessments import question_about
from compliance.services.evidence import local_date
from compliance.services.what_if import situation_of

JUST_ISSUED_DAYS = 7  # our own: a prescription older than this is last month's, not this visit's
TESTS = frozenset(
    {
        Requirement.SCREENING_TEST,
        Requirement.TEST_BEFORE_START,
        Requirement.MONTHLY_TEST,
        Requirement.FINAL_TEST,
        Requirement.TEST_SETTING,
    }
)
F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Opening:
    """One patient at the beginning of a visit; `answer` is the question that the visit settles."""

    today: dt.date
    record: Record
    answer: Assessment
    rules: Mapping[str, Provision]
    cumulative_mg: Decimal

    @property
    def asked(self) -> frozenset[Requirement]:
        """What the programme asks of this patient at all."""
        return frozenset(
            item.requirement
            for item in self.answer.findings
            if item.outcome is not Outcome.NOT_REQUIRED
        )

    @property
    def open(self) -> tuple[Finding, ...]:
        """What today must settle, or had better: what blocks first; no mere advice."""
        found = self.answer.findings
        due = (item for item in found if item.outcome is Outcome.DUE and item.action)
        return (
            *(item for item in found if item.blocks),
            *(item for item in found if item.warns),
            *due,
        )

    @property
    def test(self) -> PregnancyTest | None:
        """The newest pregnancy test."""
        return self._newest(PregnancyTest)

    @property
    def prescription(self) -> Prescription | None:
        """The newest prescription."""
        return self._newest(Prescription)

    @property
    def weight(self) -> Weight | None:
        """The newest weight."""
        return latest_weight(self.record, self.today)

    def statement(self, side: Side) -> MethodReport | None:
        """What one side stated last."""
        found = [fact for fact in facts_of(self.record.facts, MethodReport) if fact.by is side]
        return found[-1] if found else None

    def waiting_labs(self) -> tuple[Lab, ...]:
        """The filed results that wait for a prescriber's decision."""
        ids = {
            item
            for finding in self.answer.findings
            if finding.requirement is Requirement.LAB_LIMITS and finding in self.open
            for item in finding.evidence
        }
        return tuple(fact for fact in facts_of(self.record.facts, Lab) if fact.id in ids)

    def value(self, name: str) -> Any:
        """What the programme says today about a parameter; None where it has none."""
        provision = self.rules.get(name)
        return provision.value if provision else None

    def _newest(self, kind: type[F]) -> F | None:
        found = [fact for fact in facts_of(self.record.facts, kind) if fact.day <= self.today]
        return found[-1] if found else None


def opening_of(session: Session, patient: Patient, now: dt.datetime) -> Opening:
    """What is known of a patient at the beginning of a visit."""
    stands = situation_of(session, patient)
    today = local_date(patient.clinic, now)
    question = question_about(stands.record, today, now)
    if question.act is Act.DISPENSE and _is_last_months(stands.record, today):
        question = question_about(stands.record, today, now, Act.PRESCRIBE)
    return Opening(
        today=today,
        record=stands.record,
        answer=assess(stands.record, stands.programme, stands.terms, question),
        rules=stands.programme.provisions_on(today, stands.terms.adoptions),
        cumulative_mg=cumulative_mg(stands.record, today),
    )


def _is_last_months(record: Record, today: dt.date) -> bool:
    issued = facts_of(record.facts, Prescription)
    return (today - issued[-1].on).days > JUST_ISSUED_DAYS
