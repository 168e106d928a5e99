"""Prescriptions and hand-overs of made-up histories, judged by the rules at their moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from compliance.models import AccessLogEntry, Dispense, PrescriptionOrder
from compliance.rules.assess import assess
from compliance.rules.facts import Dispensing, Fact, Prescription, Record
from compliance.rules.findings import Assessment, Question
from compliance.rules.programme import load_programme
from compliance.rules.terms import Act, Requirement, Verdict
from compliance.services.demonstration.histories import Entry
from compliance.services.demonstration.writing import Desk, Written, note

SEEN = "Result seen by the prescriber: diet advised, a fasting sample is repeated in three weeks."
ASIDE = "Checked by telephone with the registry; the missing entry follows on the same day."


@dataclass(slots=True)
class Decision:
    """One prescription or hand-over, the answer it got, and the order that it made or fills."""

    entry: Entry
    written: Written
    answer: Assessment
    order: PrescriptionOrder | None

    @property
    def override_reason(self) -> str | None:
        """The reason that the person gave when the answer was not yes."""
        if self.answer.verdict is Verdict.YES:
            return None
        by_results = self.answer.blocked_by == (Requirement.LAB_LIMITS,)
        return self.entry.override or (SEEN if by_results else ASIDE)


def write_decisions(session: Session, desk: Desk, written: Sequence[Written]) -> None:
    """Store what each prescription and hand-over is beside the fact, and note it for the audit."""
    decisions = [one for item in written for one in _decisions(desk, item)]
    session.add_all(one.order for one in decisions if one.order is not None)
    session.flush()
    session.add_all(_handed(one) for one in decisions if isinstance(one.entry.fact, Dispensing))
    session.add_all(_look(one) for one in decisions)
    session.flush()


def _decisions(desk: Desk, written: Written) -> Iterator[Decision]:
    entries = written.in_order()
    waiting: PrescriptionOrder | None = None
    for number, entry in enumerate(entries):
        fact = entry.fact
        if not isinstance(fact, (Prescription, Dispensing)):
            continue
        answer = _answer(desk, written, entry, entries[:number])
        decision = Decision(entry, written, answer, waiting)
        if isinstance(fact, Prescription):
            decision.order = waiting = _order(decision, fact)
        else:
            waiting = None
        _audited(decision)
        yield decision


def _answer(desk: Desk, written: Written, entry: Entry, before: Sequence[Entry]) -> Assessment:
    act = Act.PRESCRIBE if isinstance(entry.fact, Prescription) else Act.DISPENSE
    person = written.history.person
    record = Record(born=person.born, sex_at_birth=person.sex, facts=_known(entry, before))
    programme = load_programme(desk.clinic.programme)
    return assess(record, programme, desk.terms, Question(at=entry.at, act=act))


def _known(entry: Entry, before: Sequence[Entry]) -> tuple[Fact, ...]:
    """What stood when an entry was recorded: nothing superseded, nothing withdrawn by then."""
    replaced = {id(item.corrects) for item in before if item.corrects}
    return tuple(
        item.fact
        for item in before
        if id(item) not in replaced and (item.withdrawn is None or item.withdrawn[0] > entry.at)
    )


def _order(decision: Decision, fact: Prescription) -> PrescriptionOrder:
    row, answer = decision.written.rows[id(decision.entry)], decision.answer
    dose = None if fact.daily_dose_mg is None else Decimal(str(fact.daily_dose_mg))
    return PrescriptionOrder(
        evidence_id=row.id,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        course_id=row.course_id,
        issued_on=fact.on,
        days_supply=fact.days_supply,
        refills=fact.refills,
        daily_dose_mg=dose,
        prescriber_id=row.recorded_by_id,
        verdict=answer.verdict,
        edition=answer.edition,
        blocked_by=[item.value for item in answer.blocked_by],
        override_reason=decision.override_reason,
        decided_at=decision.entry.at,
    )


def _handed(decision: Decision) -> Dispense:
    row, answer, fact = (
        decision.written.rows[id(decision.entry)],
        decision.answer,
        decision.entry.fact,
    )
    return Dispense(
        evidence_id=row.id,
        prescription_id=decision.order.id if decision.order else None,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        dispensed_on=fact.day,
        days_supply=row.detail.get("days_supply", 30),
        verdict=answer.verdict,
        blocked_by=[item.value for item in answer.blocked_by],
        override_reason=decision.override_reason,
    )


def _audited(decision: Decision) -> None:
    entry, answer, row = (
        decision.entry,
        decision.answer,
        decision.written.rows[id(decision.entry)],
    )
    issued = isinstance(entry.fact, Prescription)
    detail: dict[str, object] = {
        "verdict": answer.verdict.value,
        "blocked_by": [item.value for item in answer.blocked_by],
        "edition": answer.edition,
        "override_reason": decision.override_reason,
    }
    action = "prescription.issued" if issued else "dispense.recorded"
    user = decision.written.by[entry.by]
    note(decision.written, user, entry.at, action, row.kind, row.public_id, detail)


def _look(decision: Decision) -> AccessLogEntry:
    """Whoever decides looks at the record first, and the look is written down."""
    row = decision.written.rows[id(decision.entry)]
    return AccessLogEntry(
        at=decision.entry.at,
        actor=row.recorded_by,
        user_id=row.recorded_by_id,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        page=f"form: {row.kind}",
    )
