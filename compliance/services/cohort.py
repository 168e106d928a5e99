"""A clinic's patients as the report sees them: what was known at the cut-off, asked day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

from compliance.rules.assess import assess
from compliance.rules.context import Context, Index
from compliance.rules.courses import Course, course_of
from compliance.rules.facts import (
    ClinicTerms,
    Dispensing,
    Fact,
    LastDose,
    Prescription,
    Record,
    facts_of,
)
from compliance.rules.findings import Assessment, Finding, Question
from compliance.rules.programme import NoEditionError, Programme
from compliance.rules.terms import Act, Requirement
from compliance.services.report_content import Month

F = TypeVar("F", bound=Fact)

_NEW = {Prescription: 0, Dispensing: 1, LastDose: 2}  # the order within one day


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What stands beside a prescription or dispensing: who decided, when, and why against it.

    `override_reason` is None when the verdict was yes.
    """

    at: dt.datetime
    by: str
    blocked_by: tuple[str, ...] = ()
    override_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Treatment:
    """One stretch of treatment: its first prescription and pick-up, and its last dose."""

    first_prescription: Prescription | None = None
    first_dispensing: Dispensing | None = None
    last_dose: LastDose | None = None


@dataclass
class Followed:
    """One patient as known at the cut-off, and the rules' answers about any day of the past."""

    local_id: str
    record: Record
    programme: Programme
    terms: ClinicTerms
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    closed_on: dt.date | None = None
    _answers: dict[str, Assessment] = field(default_factory=dict)
    _pick_ups: dict[str, Context] = field(default_factory=dict)
    _days: dict[dt.date, Context] = field(default_factory=dict)

    def facts(self, kind: type[F]) -> list[F]:
        """Every fact of one kind, oldest first."""
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = list(facts_of(self.record.facts, kind))
        return found  # type: ignore[return-value]

    @cached_property
    def _by_kind(self) -> dict[type[Fact], list[Fact]]:
        return {}

    @cached_property
    def treatments(self) -> tuple[Treatment, ...]:
        """The stretches of treatment, oldest first; a pick-up after a last dose begins another."""
        found = [Treatment()]
        kinds = (Prescription, Dispensing, LastDose)
        events = sorted(
            (fact for kind in kinds for fact in self.facts(kind)),
            key=lambda fact: (fact.day, _NEW[type(fact)]),
        )
        for event in events:
            if isinstance(event, LastDose):
                found[-1] = replace(found[-1], last_dose=event)
                continue
            if found[-1].last_dose:
                found.append(Treatment())
            found[-1] = _with_first(found[-1], event)
        return tuple(item for item in found if item != Treatment())

    def noon(self, day: dt.date) -> dt.datetime:
        """Noon of a day at the clinic: the moment that stands for the day."""
        return dt.datetime.combine(day, dt.time(12), ZoneInfo(self.terms.time_zone))

    def when_issued(self, fact: Fact) -> dt.datetime:
        """The moment of a decision: as recorded on its own day, or noon."""
        decision = self.decisions.get(fact.id)
        zone = ZoneInfo(self.terms.time_zone)
        if decision and decision.at.astimezone(zone).date() == fact.day:
            return decision.at
        return self.noon(fact.day)

    def at_prescription(self, issued: Prescription) -> Assessment:
        """The rules' answer to this prescription on its day, before it was issued."""
        question = Question(
            at=self.when_issued(issued),
            act=Act.PRESCRIBE,
            days_supply=issued.days_supply,
            refills=issued.refills,
            by=issued.by.value,
        )
        if issued.id not in self._answers:
            record = self._before(issued)
            self._answers[issued.id] = assess(record, self.programme, self.terms, question)
        return self._answers[issued.id]

    def at_dispensing(self, handed: Dispensing) -> Context:
        """What the rules may look at on the day of a pick-up, before it happened."""
        if handed.id not in self._pick_ups:
            at = self.when_issued(handed)
            question = Question(at=at, act=Act.DISPENSE, days_supply=handed.days_supply)
            self._pick_ups[handed.id] = self._context(self._before(handed), question)
        return self._pick_ups[handed.id]

    def on(self, day: dt.date) -> Context:
        """What the rules may look at at the end of a day, when no leave is asked."""
        if day not in self._days:
            at = dt.datetime.combine(day, dt.time(23, 59, 59), ZoneInfo(self.terms.time_zone))
            self._days[day] = self._context(self.record, Question(at=at, act=Act.MONITOR))
        return self._days[day]

    def course_on(self, day: dt.date) -> Course:
        """Where the patient stood at the end of a day."""
        return course_of(self.on(day))

    def provision(self, name: str, day: dt.date) -> object:
        """A parameter's value on a day; None when nothing is required or nothing is known."""
        try:
            return self.programme.provision(name, day, self.terms.adoptions).value
        except NoEditionError:
            return None

    @cached_property
    def _index(self) -> Index:
        return Index(self.record.facts, self.terms.time_zone)

    def _context(self, record: Record, question: Question) -> Context:
        whole = record is self.record
        index = self._index if whole else Index(record.facts, self.terms.time_zone)
        return Context(record, index, self.programme, self.terms, question, question.at)

    def _before(self, decided: Prescription | Dispensing) -> Record:
        """The record without this decision and without what follows from it on the same day."""
        follows = (Dispensing, LastDose) if isinstance(decided, Prescription) else (LastDose,)
        facts = tuple(
            fact
            for fact in self.record.facts
            if fact is not decided and not (isinstance(fact, follows) and fact.day == decided.day)
        )
        return replace(self.record, facts=facts)


def _with_first(treatment: Treatment, event: Fact) -> Treatment:
    if isinstance(event, Prescription) and treatment.first_prescription is None:
        return replace(treatment, first_prescription=event)
    if isinstance(event, Dispensing) and treatment.first_dispensing is None:
        return replace(treatment, first_dispensing=event)
    return treatment


def blocking(answer: Assessment, requirements: Iterable[Requirement]) -> list[Finding]:
    """The findings of these requirements that block."""
    wanted = set(requirements)
    return [item for item in answer.findings if item.blocks and item.requirement in wanted]


def ruled(rule: Callable[[Context], Finding], context: Context) -> Finding | None:
    """What one rule finds; None where the programme says nothing about the day."""
    try:
        return rule(context)
    except NoEditionError:
        return None


def sentences(findings: Iterable[Finding]) -> str:
    """The reasons of findings, each once."""
    return " ".join(dict.fromkeys(item.reason for item in findings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One imported result: when its file came, what became of it, and whose it is if known."""

    day: dt.date
    disposition: str
    local_id: str = ""
    without_unit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFile:
    """One imported file: when it came, and how many results it said it had."""

    day: dt.date
    results: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """All of a clinic's patients and received results, as known at the cut-off."""

    people: tuple[Followed, ...]
    received: tuple[Received, ...] = ()
    files: tuple[ReceivedFile, ...] = ()

    def months(self, last: Month, count: int) -> tuple[Month, ...]:
        """So many months, oldest first, ending with the last."""
        return tuple(last.back(count - 1 - index) for index in range(count))
