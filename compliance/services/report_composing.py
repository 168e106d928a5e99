"""Compose the monthly report from a cohort: pure, so that the same cohort gives the same report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from compliance.rules.dates import plus, show
from compliance.rules.facts import (
    ClinicTerms,
    Dispensing,
    Fact,
    Pregnancy,
    PregnancyTest,
    Prescription,
    Symptom,
)
from compliance.rules.programme import Programme
from compliance.rules.terms import TestResult
from compliance.services.cohort import Cohort, Followed
from compliance.services.contact_effect import BackInOrder
from compliance.services.indicator_states import closed, progress, words_of
from compliance.services.indicators import DATA_QUALITY, MEASURES, measure
from compliance.services.report_content import (
    Account,
    Attention,
    Case,
    EditionRow,
    EventRow,
    ExceptionRow,
    Indicator,
    KeyFigure,
    Month,
    MonthlyReport,
    OverrideRow,
    Trend,
)

_ALARMS = {each.number: each.alarm for each in (*MEASURES, DATA_QUALITY)}
_URGENCY = (22, 20, 7, 8, 10, 24, 21, 9, 23, 14, 0, 12, 2, 1, 13, 18, 17, 25)
_ATTENTION = 6
_TRENDS = ((0, "Every prerequisite"), (8, "Monthly test"), (10, "Contraception"))
_OWN_SECTION = (22, 23, 25)
_NAMED = 4
CONTACT_DAYS = 7  # our own: a call that has had no effect after a week had none


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose month it is: clinic, programme and terms; `demonstration` marks made-up data."""

    clinic: str
    clinic_code: str
    programme: Programme
    terms: ClinicTerms
    month: Month
    cut_off: dt.datetime
    demonstration: bool = False
    audit_head: str = ""


def compose(subject: Subject, cohort: Cohort, contacts: BackInOrder | None = None) -> MonthlyReport:
    """The whole report of a month; `contacts` are those of the month (None: not told)."""
    figures = measure(cohort, subject.month)
    by_number = {each.number: each for each in figures}
    return MonthlyReport(
        clinic=subject.clinic,
        clinic_code=subject.clinic_code,
        programme=subject.programme.name,
        authority=subject.programme.authority,
        time_zone=subject.terms.time_zone,
        month=subject.month,
        cut_off=subject.cut_off,
        headline=_headline(by_number[0], subject.month),
        key_figures=_key_figures(by_number),
        trends=tuple(
            Trend(label=label, points=by_number[number].series) for number, label in _TRENDS
        ),
        attention=_attention(by_number),
        indicators=figures,
        exceptions=_exceptions(figures),
        overrides=_overrides(cohort, subject.month),
        events=_events(cohort, subject.month),
        accounts=(
            *_accounts(cohort, subject.month, by_number),
            *((_contact_account(contacts),) if contacts else ()),
        ),
        editions=_editions(subject),
        demonstration=subject.demonstration,
        audit_head=subject.audit_head,
    )


def _headline(whole: Indicator, month: Month) -> str:
    if not whole.denominator:
        return f"No prescription was issued in {month.title}."
    said = (
        f"Every prerequisite appeared met at {whole.numerator} of"
        f" {_some(whole.denominator, 'prescription')} in {month.title} ({whole.percent}%)"
    )
    before = whole.series[-2].percent if len(whole.series) > 1 else None
    return f"{said}, against {before}% the month before." if before is not None else f"{said}."


def _key_figures(by_number: dict[int, Indicator]) -> tuple[KeyFigure, ...]:
    whole, final, overdue, against = (by_number[number] for number in (0, 9, 21, 23))
    oldest = min((case.day for case in overdue.cases), default=None)
    return (
        _share_card("Prescriptions in order", whole, ""),
        _share_card("Tests after treatment", final, " whose time was up"),
        KeyFigure(
            title="Overdue at month end",
            value=str(overdue.numerator),
            detail=f"oldest since {show(oldest)}" if oldest else "nothing was overdue",
            series=overdue.series,
        ),
        KeyFigure(
            title="Overrides",
            value=str(against.numerator),
            detail="at prescribing or pick-up",
            series=against.series,
        ),
    )


def _share_card(title: str, each: Indicator, suffix: str) -> KeyFigure:
    if not each.denominator:
        return KeyFigure(title=title, value="–", detail="no cases", series=each.series)
    return KeyFigure(
        title=title,
        value=f"{each.percent}%",
        detail=f"{each.numerator} of {each.denominator}{suffix}",
        series=each.series,
    )


def _attention(by_number: dict[int, Indicator]) -> tuple[Attention, ...]:
    items = []
    for number in _URGENCY:
        each = by_number[number]
        missed = each.exceptions
        if missed:
            of = f" of {each.denominator}" if each.denominator else ""
            title = f"{_ALARMS[number]}: {len(missed)}{of}"
            items.append(Attention(title=title, detail=_named(missed)))
    return tuple(items[:_ATTENTION])


def _named(cases: Sequence[Case]) -> str:
    numbers = list(dict.fromkeys(case.local_id for case in cases))
    named = ", ".join(numbers[:_NAMED])
    more = len(numbers) - _NAMED
    said = f"{named} and {more} more" if more > 0 else named
    return f"Local number{'s' if len(numbers) > 1 else ''} {said}."


def _exceptions(figures: Iterable[Indicator]) -> tuple[ExceptionRow, ...]:
    """Every case not in order; of the overall indicator only what no other one lists."""
    rows: list[ExceptionRow] = []
    listed = [each for each in figures if each.number not in (0, *_OWN_SECTION)]
    for each in listed:
        rows += [_exception(each.title, case) for case in each.exceptions]
    seen = {(row.local_id, row.day) for row in rows}
    for each in figures:
        if each.number == 0:
            rows += [
                _exception("Another prerequisite of a prescription", case)
                for case in each.exceptions
                if (case.local_id, case.day) not in seen
            ]
    return tuple(rows)


def _exception(requirement: str, case: Case) -> ExceptionRow:
    return ExceptionRow(
        local_id=case.local_id,
        day=case.day,
        requirement=requirement,
        reason=case.reason,
        done=case.done,
    )


def _overrides(cohort: Cohort, month: Month) -> tuple[OverrideRow, ...]:
    rows = [row for person in cohort.people for row in _overrides_of(person, month)]
    return tuple(sorted(rows, key=lambda row: (row.at, row.local_id)))


def _overrides_of(person: Followed, month: Month) -> Iterable[OverrideRow]:
    for fact in chain(person.facts(Prescription), person.facts(Dispensing)):
        decision = person.decisions.get(fact.id)
        if fact.day in month and decision and decision.override_reason is not None:
            yield OverrideRow(
                at=decision.at,
                by=decision.by,
                local_id=person.local_id,
                requirements=tuple(words_of(item) for item in decision.blocked_by),
                reason=decision.override_reason,
            )


def _events(cohort: Cohort, month: Month) -> tuple[EventRow, ...]:
    rows = [row for person in cohort.people for row in _events_of(person, month)]
    return tuple(sorted(rows, key=lambda row: (row.day, row.local_id, row.event)))


def _events_of(person: Followed, month: Month) -> Iterable[EventRow]:
    for fact in person.facts(Pregnancy):
        if fact.on in month:
            yield _event(person, fact, "Pregnancy recorded")
    for test in person.facts(PregnancyTest):
        if test.collected in month and test.result is not TestResult.NEGATIVE:
            result = "Positive" if test.result is TestResult.POSITIVE else "Unclear"
            yield _event(person, test, f"{result} {test.specimen} pregnancy test")
    for symptom in person.facts(Symptom):
        stops = person.provision("stop_symptoms", symptom.on)
        if symptom.on in month and hasattr(stops, "get") and stops.get(symptom.name):
            yield EventRow(
                local_id=person.local_id,
                day=symptom.on,
                event=f"{words_of(symptom.name)}: {stops.get(symptom.name)}",
                followed=_last_dose_after(person, symptom.on),
            )


def _event(person: Followed, alarm: Fact, event: str) -> EventRow:
    followed = closed(person, alarm.day) or progress(person, alarm)
    return EventRow(local_id=person.local_id, day=alarm.day, event=event, followed=followed)


def _accounts(cohort: Cohort, month: Month, by_number: dict[int, Indicator]) -> tuple[Account, ...]:
    return (
        _prescription_account(cohort, month, by_number[0]),
        _pick_up_account(cohort, month, by_number[14]),
        _treatment_account(cohort, month),
        _result_account(cohort, month),
    )


def _prescription_account(cohort: Cohort, month: Month, whole: Indicator) -> Account:
    issued = [
        (person, fact) for person in cohort.people for fact in person.facts(Prescription)
        if fact.on in month
    ]  # fmt: skip
    overridden = sum(1 for case in whole.exceptions if case.done)
    return Account(
        title="Prescriptions issued in the month",
        parts=(
            ("Every prerequisite appeared met", whole.numerator),
            ("Not met, issued by an override with its reason", overridden),
            ("Not met by what is known now, no override", len(whole.exceptions) - overridden),
        ),
        whole=("Prescriptions issued", len(issued)),
    )


def _pick_up_account(cohort: Cohort, month: Month, windows: Indicator) -> Account:
    handed = sum(
        1 for person in cohort.people for fact in person.facts(Dispensing) if fact.on in month
    )
    return Account(
        title="Pick-ups of the month",
        parts=(
            ("Inside the window", windows.numerator),
            ("Outside the window", len(windows.exceptions)),
            ("No window applies", handed - len(windows.cases)),
        ),
        whole=("Pick-ups", handed),
    )


def _treatment_account(cohort: Cohort, month: Month) -> Account:
    spans = [
        (each.first_dispensing.on, each.last_dose.on if each.last_dose else None)
        for person in cohort.people
        for each in person.treatments
        if each.first_dispensing
    ]
    begun = sum(1 for start, _ in spans if start in month)
    ended = sum(1 for _, end in spans if end is not None and end in month)
    return Account(
        title="Courses of treatment",
        parts=(
            ("On treatment when the month began", _running(spans, plus(month.first, -1))),
            ("Begun in the month", begun),
            ("Ended in the month", -ended),
        ),
        whole=("On treatment when the month ended", _running(spans, month.last)),
    )


def _running(spans: Iterable[tuple[dt.date, dt.date | None]], day: dt.date) -> int:
    return sum(1 for start, end in spans if start <= day and (end is None or end > day))


def _result_account(cohort: Cohort, month: Month) -> Account:
    arrived = [each for each in cohort.received if each.day in month]
    labels = (
        ("filed", "Filed"),
        ("held", "Held for a person"),
        ("rejected", "Rejected with a reason"),
        ("ignored", "Not ours to file"),
    )
    parts = tuple(
        (label, sum(1 for each in arrived if each.disposition == word)) for word, label in labels
    )
    received = sum(file.results for file in cohort.files if file.day in month)
    return Account(
        title="Laboratory results received in the month",
        parts=parts,
        whole=("Results received", received),
    )


def _contact_account(contacts: BackInOrder) -> Account:
    return Account(
        title="Patients contacted while something was due",
        parts=(
            (f"Back in order within {CONTACT_DAYS} days", contacts.back),
            (f"Not in order within {CONTACT_DAYS} days", contacts.not_back),
            (f"{CONTACT_DAYS} days not over at the cut-off", contacts.running),
        ),
        whole=("Contacts in the month", contacts.contacts),
    )


def _editions(subject: Subject) -> tuple[EditionRow, ...]:
    month = subject.month
    rows: list[EditionRow] = []
    until: dt.date | None = None  # the newest edition is in force without an end
    for start, edition in subject.programme.timeline(subject.terms.adoptions):
        if start <= month.last and (until is None or until >= month.first):
            rows.append(
                EditionRow(
                    edition=edition.id,
                    in_force=_in_force(start, until, month),
                    citation=f"{edition.citation.title}, {edition.citation.published_on}",
                    href=edition.citation.href,
                )
            )
        until = plus(start, -1)
    return tuple(reversed(rows))


def _in_force(start: dt.date, until: dt.date | None, month: Month) -> str:
    begins, ends = start > month.first, until is not None and until < month.last
    if begins and ends and until:
        return f"From {show(start)} until {show(until)}"
    if begins:
        return f"From {show(start)}"
    return f"Until {show(until)}" if ends and until else "All month"


def _last_dose_after(person: Followed, day: dt.date) -> str:
    ended = [each.last_dose.on for each in person.treatments if each.last_dose]
    stop = min((on for on in ended if on >= day), default=None)
    return f"Last dose on {show(stop)}" if stop else ""


def _some(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
