"""From a sound result to evidence: duplicates, corrections, and what the record speaks against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from compliance.models import Evidence, ImportedResult, Patient
from compliance.models.evidence import Source
from compliance.models.intake import Disposition
from compliance.rules.facts import (
    Fact,
    Lab,
    PregnancyPotential,
    PregnancyTest,
    Record,
    facts_of,
    read_fact,
)
from compliance.rules.terms import Potential, ResultStatus, TestResult
from compliance.services import evidence, incidents
from compliance.services.actors import Actor
from compliance.services.drafts import Draft
from compliance.services.errors import DomainError
from compliance.services.evidence import NewEvidence
from compliance.services.matching import Match
from compliance.services.portions import portions
from compliance.services.taken_back import TAKEN_BACK, filed_of, is_same

_BY_HAND = (
    "A result of the same test was filed and a person has withdrawn or corrected it since; compare"
    " both before you file this one."
)
Result = ImportedResult | Draft
_Key = tuple[int, dt.date]


def proposed(result: Result) -> Fact | None:
    """The fact that a result would be filed as, or None when it has no certain meaning."""
    if isinstance(result, Draft):
        return result.fact
    if result.proposed_fact is None:
        return None
    return read_fact(result.proposed_fact["kind"], result.proposed_fact["detail"])


@dataclass(frozen=True, slots=True)
class Standing:
    """A result that was filed before and still stands as evidence, or will once it is written."""

    entry: Evidence | NewEvidence
    fact: Fact
    system: str
    code: str
    collected: str
    order_number: str
    by_hand: bool = False  # a person withdrew or corrected it since, so it stands no more

    def is_same_test(self, result: Result) -> bool:
        """Whether a result is of the same test of the same specimen."""
        same_order = self.order_number != "" and self.order_number == result.order_number
        same_code = (self.system, self.code) == (result.code_system, result.code)
        return same_code and (self.collected == result.collected or same_order)


@dataclass(slots=True)
class Filing:
    """Results on their way into the record: what stands is read once, what is filed written once.

    Nothing is stored before `write`; the caller reassesses the patients.
    """

    session: Session
    actor: Actor
    now: dt.datetime
    standing: dict[_Key, list[Standing]] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    filed: list[tuple[Result, NewEvidence]] = field(default_factory=list)

    def look(self, results: Iterable[tuple[Patient, Result]]) -> None:
        """Read what stands of the same days, and the record where a pregnancy test came."""
        tested: dict[int, Patient] = {}
        keys: set[_Key] = set()
        for patient, result in results:
            fact = proposed(result)
            if fact is not None:
                keys.add((patient.id, fact.day))
            if isinstance(fact, PregnancyTest) and patient.id not in self.records:
                tested[patient.id] = patient
        self._look_up(keys - self.standing.keys())
        if tested:
            self.records |= evidence.load_records(self.session, list(tested.values()))

    def _look_up(self, keys: set[_Key]) -> None:
        self.standing |= {key: [] for key in keys}
        for portion in portions(sorted(keys)):
            later = aliased(Evidence)
            query = (
                select(ImportedResult, Evidence, later.id)
                .join(Evidence, Evidence.id == ImportedResult.evidence_id)
                .outerjoin(later, later.supersedes_id == Evidence.id)
                .where(
                    ImportedResult.patient_id.in_({patient_id for patient_id, _ in portion}),
                    Evidence.happened_on.in_({day for _, day in portion}),
                    or_(later.id.is_(None), later.source != Source.IMPORT),
                )
                .order_by(Evidence.id.desc())
            )
            wanted = set(portion)
            for before, row, newer in self.session.execute(query):
                if (key := (row.patient_id, row.happened_on)) in wanted:
                    item = _standing(before, row, row.fact)
                    by_hand = row.withdrawn_at is not None or newer is not None
                    self.standing[key].append(replace(item, by_hand=by_hand))

    def settle(self, result: Result, found: Match) -> None:
        """Give a judged result to whom it was matched, and file or hold it."""
        # Whose it seems is kept when a person decides otherwise: an old answer replays with it.
        seems = found.patient or found.suggestion
        result.patient_id = found.patient.id if found.patient else None
        result.suggested_patient_id = seems.id if seems else None
        if result.disposition is not Disposition.FILED:
            if found.patient is not None and result.status in TAKEN_BACK:
                self._take_back(found.patient, result)
        elif found.patient is None:
            result.disposition, result.reason = Disposition.HELD, found.reason
            result.waits_for_patient = True
        else:
            self.file_or_hold(found.patient, result)

    def _take_back(self, patient: Patient, result: Result) -> None:
        """Hold what the laboratory cancels when it is filed here: a person withdraws it."""
        coming = (
            item
            for (patient_id, _day), known in self.standing.items()
            for item in known
            if patient_id == patient.id and not item.by_hand
        )
        is_coming = any(
            (item.system, item.code) == (result.code_system, result.code)
            and is_same(result, item.collected, item.order_number)
            for item in coming
        )
        if is_coming or filed_of(self.session, result, patient.id) is not None:
            _hold(
                result,
                f"The laboratory takes back a result that is filed here (status {result.status})."
                " Withdraw what is filed, or dismiss this with a reason.",
                urgent=True,
            )

    def file_or_hold(self, patient: Patient, result: Result) -> bool:
        """File a result whose patient is certain, or hold it; whether it was filed."""
        fact = proposed(result)
        if fact is None:
            return _hold(result, "It has no certain meaning; a person must read it.")
        if isinstance(fact, PregnancyTest) and self._cannot_become_pregnant(patient, fact):
            return _hold(
                result,
                "A pregnancy test of a patient who is recorded as not able to become pregnant: hCG"
                " can be a tumour marker, or it is another patient's result.",
                urgent=True,
            )
        earlier = self.earlier(patient, result, fact)
        if earlier is not None and earlier.by_hand:
            return _hold(result, _BY_HAND)
        if earlier is not None and (settled := _against(result, fact, earlier.fact)) is not None:
            return settled
        supersedes = earlier if result.status == "corrected" else None
        try:
            self.file(patient, result, fact, supersedes)
        except DomainError as error:
            return _hold(result, str(error))
        result.reason = "Filed." if supersedes is None else "Filed; it corrects an earlier result."
        return True

    def earlier(self, patient: Patient, result: Result, fact: Fact) -> Standing | None:
        """What still stands of the same test of the same specimen, filed before."""
        if (patient.id, fact.day) not in self.standing:
            self._look_up({(patient.id, fact.day)})
        known = [item for item in self.standing[patient.id, fact.day] if item.is_same_test(result)]
        return min(known, key=lambda item: item.by_hand, default=None)

    def _cannot_become_pregnant(self, patient: Patient, fact: PregnancyTest) -> bool:
        if patient.id not in self.records:
            self.records[patient.id] = evidence.load_record(self.session, patient)
        known = facts_of(self.records[patient.id].facts, PregnancyPotential)
        first = [item for item in known if item.day <= fact.day] or known[:1]
        return bool(first) and first[-1].can_become_pregnant is Potential.NO

    def file(
        self, patient: Patient, result: Result, fact: Fact, supersedes: Standing | None = None
    ) -> None:
        """Make a result evidence; raises Invalid or Conflict as evidence does."""
        evidence.check_day(patient, fact, self.now)
        if supersedes is not None and supersedes.entry.id is None:
            self.write()  # the entry to correct gets its number
        extra = dict((result.proposed_fact or {}).get("extra", {}))
        new = NewEvidence(
            patient,
            fact,
            source=Source.IMPORT,
            supersedes_id=supersedes.entry.id if supersedes else None,
            extra={
                **extra,
                "as_sent": result.as_sent,
                "laboratory": result.message.sender,
                "imported_result": result.public_id,
                "collected_as_sent": result.collected,
            },
        )
        known = self.standing.setdefault((patient.id, fact.day), [])
        if supersedes is not None:
            known.remove(supersedes)
        known.insert(0, _standing(result, new, fact))
        self.filed.append((result, new))
        result.patient_id = patient.id
        result.disposition, result.waits_for_patient = Disposition.FILED, False

    def write(self) -> None:
        """Store what was filed, with its audit events."""
        evidence.append_all(self.session, self.actor, [new for _, new in self.filed], self.now)
        for result, new in self.filed:
            result.evidence_id = new.id
        corrections = [new for _, new in self.filed if new.supersedes_id is not None]
        self.filed.clear()
        for new in corrections:
            cause = self.session.get_one(Evidence, new.id)
            incidents.open_late(self.session, self.actor, new.patient, cause, self.now)


def _standing(result: Result, entry: Evidence | NewEvidence, fact: Fact) -> Standing:
    return Standing(
        entry, fact, result.code_system, result.code, result.collected, result.order_number
    )


def file_or_hold(
    session: Session, actor: Actor, patient: Patient, result: ImportedResult, now: dt.datetime
) -> bool:
    """File a result whose patient is certain, unless the record speaks against it; whether it was.

    The caller reassesses the patient.
    """
    filing = Filing(session, actor, now)
    is_filed = filing.file_or_hold(patient, result)
    filing.write()
    return is_filed


def settle(
    session: Session, actor: Actor, result: ImportedResult, found: Match, now: dt.datetime
) -> None:
    """Give a judged result to whom it was matched, and file or hold it; the caller reassesses."""
    filing = Filing(session, actor, now)
    filing.settle(result, found)
    filing.write()


def file(
    session: Session,
    actor: Actor,
    patient: Patient,
    result: ImportedResult,
    fact: Fact,
    now: dt.datetime,
) -> None:
    """File a result as a person read it; a corrected one supersedes what stands of the same test.

    Raises Invalid or Conflict as evidence does.
    """
    filing = Filing(session, actor, now)
    corrects = result.status == "corrected"
    before = filing.earlier(patient, result, fact) if corrects else None
    filing.file(patient, result, fact, None if before is None or before.by_hand else before)
    filing.write()


def _hold(result: Result, reason: str, *, urgent: bool = False) -> bool:
    result.disposition, result.reason = Disposition.HELD, reason
    result.urgent = result.urgent or urgent
    return False


def _against(result: Result, fact: Fact, old: Fact) -> bool | None:
    """What an earlier result of the same test decides; None when the new one may be filed."""
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
    if isinstance(old, Lab) and old.status is ResultStatus.CORRECTED:
        return _hold(
            result,
            "The laboratory corrected this result already and the correction is filed: this is"
            " probably the original, come late. Dismiss it unless the laboratory says otherwise.",
        )
    return _hold(result, "It contradicts a result of the same test that is filed already.")


def _says(fact: Fact) -> tuple[object, ...]:
    if isinstance(fact, Lab):
        return (fact.analyte, fact.value, fact.unit)
    return (fact.result, fact.specimen) if isinstance(fact, PregnancyTest) else (fact,)
