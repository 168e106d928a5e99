"""What a visit would record and what the answer would become; nothing is stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sqlalchemy.orm import Session

from compliance.models import Patient
from compliance.rules.assess import assess
from compliance.rules.facts import Fact, Prescription, Record, Visit, facts_of
from compliance.rules.findings import Assessment, Question
from compliance.rules.terms import Act, Verdict
from compliance.rules.what_if import MARK, Situation
from compliance.services.assessments import question_about
from compliance.services.errors import Invalid
from compliance.services.evidence import check_day, local_date
from compliance.services.recording import is_locked
from compliance.services.what_if import situation_of


@dataclass(frozen=True, slots=True)
class NewPrescription:
    """The prescription that a visit ends with; `daily_dose_mg` in mg a day."""

    days_supply: int
    refills: int = 0
    daily_dose_mg: Decimal | None = None
    override_reason: str = ""


@dataclass(frozen=True, slots=True)
class VisitContent:
    """All that a visit records: facts, a prescription, and what waits for the prescriber."""

    facts: tuple[Fact, ...] = ()
    prescription: NewPrescription | None = None
    prepared: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """The facts that are new; the answer now, the one to prescribe on, and the one afterwards."""

    fresh: tuple[Fact, ...]
    now: Assessment
    decision: Assessment
    after: Assessment

    @property
    def locked(self) -> bool:
        """Whether an open alarm of pregnancy forbids to prescribe, whatever the reason."""
        return is_locked(self.decision)

    @property
    def needs_reason(self) -> bool:
        """Whether a prescription would be an override, with its reason."""
        return self.decision.verdict is not Verdict.YES and not self.locked

    @property
    def key(self) -> str:
        """What a person agreed to, in short: another key is another answer."""
        answers = (self.now, self.decision, self.after)
        parts = [f"{item.verdict.value}:{','.join(item.blocked_by)}" for item in answers]
        return ";".join([str(len(self.fresh)), *parts])


def check_days(patient: Patient, facts: Iterable[Fact], now: dt.datetime) -> None:
    """Refuse facts that lie in the future or before the birth; raises Invalid for all of them."""
    faults: dict[str, str] = {}
    for fact in facts:
        try:
            check_day(patient, fact, now)
        except Invalid as fault:
            faults |= fault.fields
    if faults:
        raise Invalid(faults)


def preview(session: Session, patient: Patient, content: VisitContent, now: dt.datetime) -> Preview:
    """What would be recorded, and the answers before and after; a dry run of finishing it."""
    stands = situation_of(session, patient)
    today = local_date(patient.clinic, now)
    fresh = _fresh(stands.record, content.facts)
    told = _with(stands, fresh)
    wanted = content.prescription
    asked = wanted or NewPrescription(days_supply=Question(at=now, act=Act.PRESCRIBE).days_supply)
    decision = _ask(
        told, Question(now, Act.PRESCRIBE, days_supply=asked.days_supply, refills=asked.refills)
    )
    after = told
    if wanted is not None and not is_locked(decision):
        after = _with(stands, (*fresh, _issued(wanted, today)))
    return Preview(
        fresh=fresh,
        now=_ask(stands, question_about(stands.record, today, now)),
        decision=decision,
        after=_ask(after, question_about(after.record, today, now)),
    )


def _fresh(record: Record, facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Only what is not on record in just these words: a visit may be entered in two halves."""
    known = {replace(fact, id="") for fact in record.facts}
    return tuple(fact for fact in facts if fact not in known and not _is_covered(record, fact))


def _is_covered(record: Record, fact: Fact) -> bool:
    """Whether a visit of that day is on record that says all that this one says."""
    return isinstance(fact, Visit) and any(
        other.on == fact.on and other.mode is fact.mode and {*fact.topics} <= {*other.topics}
        for other in facts_of(record.facts, Visit)
    )


def _with(situation: Situation, facts: Iterable[Fact]) -> Situation:
    assumed = (replace(fact, id=f"{MARK}{number}") for number, fact in enumerate(facts, 1))
    record = replace(situation.record, facts=(*situation.record.facts, *assumed))
    return replace(situation, record=record)


def _issued(wanted: NewPrescription, today: dt.date) -> Prescription:
    dose = None if wanted.daily_dose_mg is None else float(wanted.daily_dose_mg)
    return Prescription(
        on=today, days_supply=wanted.days_supply, refills=wanted.refills, daily_dose_mg=dose
    )


def _ask(situation: Situation, question: Question) -> Assessment:
    return assess(situation.record, situation.programme, situation.terms, question)
