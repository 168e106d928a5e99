"""What happened in a course, lane by lane, for its picture over the months."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Patient, Reminder
from compliance.models.reminders import ReminderState
from compliance.rules.dates import plus, show
from compliance.rules.facts import (
    Dispensing,
    Lab,
    LastDose,
    MethodReport,
    Pregnancy,
    PregnancyTest,
    Prescription,
    Record,
    facts_of,
)
from compliance.rules.past_windows import past_windows
from compliance.rules.terms import Side, TestResult
from compliance.rules.what_if import Situation
from compliance.services.contacts import contacts_of
from compliance.services.evidence import local_date
from compliance.web.contact_words import said
from compliance.web.filters import number, plural
from compliance.web.timeline import Bar, Lane, Level, Mark, Timeline, draw_timeline
from compliance.web.words import words

SHOWN_DAYS = 730  # two years: what is older stands in the history
LEAD_DAYS = 62  # what qualified for a later course happened up to so long before it was opened

_RESULTS = {
    TestResult.NEGATIVE: ("ring", "neg"),
    TestResult.POSITIVE: ("diamond", "POS"),
    TestResult.INDETERMINATE: ("triangle", "unclear"),
}


def course_timeline(
    session: Session, patient: Patient, situation: Situation, today: dt.date
) -> Timeline | None:
    """The picture of the newest course; None while nothing has happened in it."""
    since = _since(patient, today)
    record = situation.record
    known = Record(
        born=record.born,
        sex_at_birth=record.sex_at_birth,
        facts=tuple(fact for fact in record.facts if since <= fact.day <= today),
    )
    lanes = [
        Lane("Pregnancy tests", marks=list(_tests(known)), words=True),
        Lane("Statements", marks=list(_statements(known))),
        Lane("Pick-up windows", bars=list(_windows(situation, since, today))),
        Lane("Handed over", bars=list(_supplies(known))),
        Lane("Dose", levels=list(_doses(known)), unit="mg"),
        Lane("Laboratory", marks=list(_labs(known))),
        Lane("Reminders sent", marks=list(_reminders(session, patient, since))),
        Lane("Contacts", marks=list(_contacts(session, patient, since))),
    ]
    ended = facts_of(known.facts, LastDose)
    return draw_timeline(lanes, today, last_dose=ended[-1].on if ended else None)


def _since(patient: Patient, today: dt.date) -> dt.date:
    course = patient.course
    if course is None or len(patient.courses) < 2:
        return plus(today, -SHOWN_DAYS)
    return max(plus(course.opened_on, -LEAD_DAYS), plus(today, -SHOWN_DAYS))


def _tests(record: Record) -> Iterator[Mark]:
    for test in facts_of(record.facts, PregnancyTest):
        shape, word = _RESULTS[test.result]
        yield Mark(test.collected, shape, f"Pregnancy test: {test.result.value}", word)
    for fact in facts_of(record.facts, Pregnancy):
        yield Mark(fact.on, "diamond", "Pregnancy recorded", "PREGNANT")


def _statements(record: Record) -> Iterator[Mark]:
    for report in facts_of(record.facts, MethodReport):
        shape = "disc-high" if report.by is Side.PATIENT else "square-low"
        yield Mark(report.on, shape, f"Methods stated by the {words(report.by).lower()}")


def _windows(situation: Situation, since: dt.date, today: dt.date) -> Iterator[Bar]:
    for window in past_windows(situation.record, situation.programme, situation.terms, today):
        if window.first >= since:
            over = "not used" if window.last < today else "open"
            told = f"Pick-up window until {show(window.last)}, {'used' if window.used else over}"
            yield Bar(window.first, window.last, told, open=not window.used)


def _supplies(record: Record) -> Iterator[Bar]:
    before = 0
    for fact in facts_of(record.facts, Dispensing):
        last = plus(fact.on, fact.days_supply - 1)
        told = f"Handed over: {plural(fact.days_supply, 'day')}, through {show(last)}"
        yield Bar(
            fact.on, last, told, "" if fact.days_supply == before else f"{fact.days_supply} d"
        )
        before = fact.days_supply


def _doses(record: Record) -> Iterator[Level]:
    for fact in facts_of(record.facts, Prescription):
        dose = fact.daily_dose_mg
        said = "Prescribed, dose not known" if dose is None else f"Prescribed: {dose:g} mg a day"
        yield Level(fact.on, None if dose is None else Decimal(number(dose)), said)
    for ended in facts_of(record.facts, LastDose)[-1:]:
        yield Level(ended.on, None, "Last dose")


def _labs(record: Record) -> Iterator[Mark]:
    for day, found in groupby(facts_of(record.facts, Lab), key=lambda lab: lab.day):
        yield Mark(day, "tick", plural(sum(1 for _ in found), "laboratory result"))


def _reminders(session: Session, patient: Patient, since: dt.date) -> Iterator[Mark]:
    query = select(Reminder.sent_at).where(
        Reminder.patient_id == patient.id,
        Reminder.clinic_id == patient.clinic_id,
        Reminder.state == ReminderState.SENT,
        Reminder.sent_at.is_not(None),
    )
    days = _days(patient, session.scalars(query.order_by(Reminder.sent_at)), since)
    for day, found in groupby(days):
        yield Mark(day, "tick", plural(sum(1 for _ in found), "reminder") + " sent")


def _days(
    patient: Patient, moments: Iterable[dt.datetime | None], since: dt.date
) -> Iterator[dt.date]:
    for at in moments:
        if at is not None and (day := local_date(patient.clinic, at)) >= since:
            yield day


def _contacts(session: Session, patient: Patient, since: dt.date) -> Iterator[Mark]:
    for row in reversed(contacts_of(session, patient)):
        day = local_date(patient.clinic, row.at)
        if day >= since:
            yield Mark(day, "cross", said(row, row.handed_to.name if row.handed_to else ""))
