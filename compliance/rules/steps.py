"""The steps of a month as somebody might plan them, and the facts that they would be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from compliance.rules.facts import (
    Comprehension,
    Contraception,
    Counselling,
    Dispensing,
    Fact,
    MethodReport,
    PregnancyTest,
    Prescription,
    Record,
    Visit,
    facts_of,
)
from compliance.rules.terms import Method, Side, TestResult, TestSetting, Topic, VisitMode
from compliance.rules.what_if import MARK

DAYS_SUPPLY = 30


@dataclass(frozen=True, slots=True)
class Steps:
    """What is planned on which day; None: not planned. A test is supposed to be negative."""

    test: dt.date | None = None
    setting: TestSetting = TestSetting.MEDICAL
    statements: dt.date | None = None
    visit: dt.date | None = None
    prescription: dt.date | None = None
    pick_up: dt.date | None = None

    def days(self) -> dict[str, dt.date]:
        """The steps that are planned, in the order in which a month has them."""
        found = {
            "visit": self.visit,
            "test": self.test,
            "statements": self.statements,
            "prescription": self.prescription,
            "pick-up": self.pick_up,
        }
        return {name: day for name, day in found.items() if day is not None}


def assumed_facts(steps: Steps, record: Record) -> tuple[Fact, ...]:
    """The planned steps as facts, all but the pick-up, which is what is asked about."""
    facts = [*_visit(steps), *_test(steps), *_statements(steps, record), *_prescription(steps)]
    return tuple(replace(fact, id=f"{MARK}{number}") for number, fact in enumerate(facts, 1))


def picked_up(steps: Steps, days_supply: int) -> tuple[Fact, ...]:
    """The planned pick-up as a fact, for what comes after it."""
    if steps.pick_up is None:
        return ()
    return (Dispensing(on=steps.pick_up, days_supply=days_supply, id=f"{MARK}pick-up"),)


def _visit(steps: Steps) -> Iterable[Fact]:
    if steps.visit is not None:
        yield Visit(on=steps.visit, mode=VisitMode.IN_PERSON, topics=tuple(Topic))


def _test(steps: Steps) -> Iterable[Fact]:
    if steps.test is not None:
        yield PregnancyTest(
            collected=steps.test,
            result=TestResult.NEGATIVE,
            setting=steps.setting,
            home_process_documented=steps.setting is TestSetting.HOME,
        )


def _statements(steps: Steps, record: Record) -> Iterable[Fact]:
    """The month's confirmation, the same methods from both sides, and the patient's answers."""
    day = steps.statements
    if day is None:
        return
    yield Counselling(on=day)
    methods = methods_on(record, day)
    if methods:
        for side in (Side.PRESCRIBER, Side.PATIENT):
            yield MethodReport(on=day, by=side, methods=methods)
    yield Comprehension(on=day, passed=True)


def methods_on(record: Record, day: dt.date) -> tuple[Method, ...]:
    """The methods that both sides would state: those in use on the day, as recorded."""
    known = [fact for fact in record.facts if fact.day <= day]
    used: list[Method] = [
        fact.method
        for fact in facts_of(known, Contraception)
        if (fact.until is None or fact.until >= day) and fact.method is not Method.NONE
    ]
    if not used:
        reports = facts_of(known, MethodReport)
        used = list(reports[-1].methods) if reports else []
    return tuple(dict.fromkeys(used))


def _prescription(steps: Steps) -> Iterable[Fact]:
    if steps.prescription is not None:
        yield Prescription(on=steps.prescription, days_supply=DAYS_SUPPLY)
