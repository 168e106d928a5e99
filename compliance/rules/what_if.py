"""What if: the same question of the same record under other suppositions; nothing is stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from compliance.rules.case_reader import CaseError
from compliance.rules.dates import local_day, show, zone
from compliance.rules.facts import (
    ClinicTerms,
    Dispensing,
    Fact,
    Prescription,
    Record,
    facts_of,
    write_fact,
)
from compliance.rules.findings import Assessment, Question
from compliance.rules.programme import Edition, Programme, load_programme, programme_ids
from compliance.rules.terms import Act, Requirement

MARK = "assumed-"
NOON = dt.time(12)
_FIRST_YEAR = 1900  # before it nobody recorded anything, and zones reach the calendar's edge


@dataclass(frozen=True, slots=True)
class Situation:
    """What a question is asked of: a record, the rules, and what the clinic decided."""

    record: Record
    programme: Programme
    terms: ClinicTerms


@dataclass(frozen=True, slots=True)
class Supposition:
    """What is supposed instead of what is; None: as it is.

    `at` and `known_at` may be naive: then they are the clinic's local time. `edition` is taken as
    adopted from the beginning. `assumed` are facts whose ids begin with the mark.
    """

    at: dt.datetime | None = None
    edition: str | None = None
    programme: str | None = None
    assumed: tuple[Fact, ...] = ()
    known_at: dt.datetime | None = None

    def __bool__(self) -> bool:
        return self != Supposition()


def read_moment(option: str, text: str) -> dt.datetime:
    """A date-time, local unless it has an offset; a day alone is its noon. Raises CaseError."""
    try:
        if len(text.strip()) == len("2026-04-02"):
            return dt.datetime.combine(dt.date.fromisoformat(text.strip()), NOON)
        return dt.datetime.fromisoformat(text.strip())
    except ValueError:
        allowed = "a day or a local or offset date-time such as 2026-04-02T09:30:00"
        raise CaseError(option, "", f"found {text!r} (allowed: {allowed})") from None


def in_zone(moment: dt.datetime, zone_name: str) -> dt.datetime:
    """The moment, aware: a naive one is local time in this zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=zone(zone_name))


def past_moment(option: str, moment: dt.datetime, zone_name: str, now: dt.datetime) -> dt.datetime:
    """The moment, aware, when something can have been known at it; raises CaseError."""
    known_at = in_zone(moment, zone_name)
    if moment.year < _FIRST_YEAR or known_at > now:
        raise CaseError(option, "", f"found {moment} (allowed: a moment that is past)")
    return known_at


# --- the situation supposed -----------------------------------------------------------------------


def suppose(now: Situation, what: Supposition) -> Situation:
    """The situation under a supposition; raises CaseError for an unknown programme or edition."""
    programme, terms = now.programme, now.terms
    if what.programme is not None and what.programme != programme.id:
        programme = _programme(what.programme)
        terms = replace(terms, adoptions=())  # an adoption is of another authority's edition
    if what.edition is not None:
        programme = under_edition(programme, what.edition)
        terms = replace(terms, adoptions=())
    record = replace(now.record, facts=(*now.record.facts, *what.assumed))
    return Situation(record, programme, terms)


def _programme(programme_id: str) -> Programme:
    if programme_id not in programme_ids():
        allowed = " | ".join(programme_ids())
        raise CaseError("--programme", "", f"found {programme_id!r} (allowed: {allowed})")
    return load_programme(programme_id)


def under_edition(programme: Programme, edition_id: str) -> Programme:
    """The programme as if this edition had applied from the beginning, and no other ever."""
    known = [edition.id for edition in programme.editions]
    if edition_id not in known:
        allowed = " | ".join(known)
        raise CaseError("--edition", programme.id, f"found {edition_id!r} (allowed: {allowed})")
    editions = tuple(_only(edition, edition_id) for edition in programme.editions)
    return replace(programme, editions=editions, _timelines={})


def _only(edition: Edition, chosen: str) -> Edition:
    """Confirmed from the first day, or waiting for an adoption that never comes."""
    if edition.id == chosen:
        return replace(edition, confirmed=True, in_force_from=dt.date.min)
    return replace(edition, confirmed=False)


def known_by(now: Situation, known_at: dt.datetime) -> Situation:
    """What a case had by a moment: it says when things happened, so each is known from its day."""
    day = local_day(in_zone(known_at, now.terms.time_zone), now.terms.time_zone)
    facts = tuple(fact for fact in now.record.facts if fact.day <= day)
    adoptions = tuple(item for item in now.terms.adoptions if item.on <= day)
    return Situation(
        replace(now.record, facts=facts), now.programme, replace(now.terms, adoptions=adoptions)
    )


# --- the questions --------------------------------------------------------------------------------


def questions_at(now: Situation, at: dt.datetime) -> tuple[Question, ...]:
    """May it be prescribed, and may it be handed over, at this moment?"""
    day = local_day(at, now.terms.time_zone)
    days, refills = open_supply(now.record, day)
    return (
        Question(at=at, act=Act.PRESCRIBE),
        Question(at=at, act=Act.DISPENSE, days_supply=days, refills=refills),
    )


def open_supply(record: Record, day: dt.date) -> tuple[int, int]:
    """Days' supply and refills of the prescription that waits for its pick-up; else 30 and 0."""
    known = [fact for fact in record.facts if fact.day <= day]
    issued, handed = facts_of(known, Prescription), facts_of(known, Dispensing)
    if issued and (not handed or handed[-1].day < issued[-1].day):
        return issued[-1].days_supply, issued[-1].refills
    return 30, 0


def check_assumed(what: Supposition, now: Situation, asked: Iterable[dt.datetime]) -> None:
    """Refuse what could not count: facts after the last day asked, or before the birth."""
    last = max((local_day(at, now.terms.time_zone) for at in asked), default=None)
    for fact in what.assumed:
        key = f"{fact.kind}.{fact.day_key.rstrip('_')}"
        if last is not None and fact.day > last:
            allowed = f"on or before the day asked, {last}"
            raise CaseError("--assume", key, f"found {fact.day} (allowed: {allowed})")
        if fact.day < now.record.born:
            allowed = f"from the day of birth on, {now.record.born}"
            raise CaseError("--assume", key, f"found {fact.day} (allowed: {allowed})")


# --- what rests on it -----------------------------------------------------------------------------


def rests_on(found: Assessment) -> dict[Requirement, tuple[str, ...]]:
    """The findings whose evidence is assumed, each with the ids of what it rests on."""
    marked: dict[Requirement, tuple[str, ...]] = {}
    for finding in found.findings:
        ids = tuple(item for item in finding.evidence if item.startswith(MARK))
        if ids:
            marked[finding.requirement] = (*marked.get(finding.requirement, ()), *ids)
    return marked


def conditions(what: Supposition, time_zone: str, of_a_case: bool) -> list[str]:
    """What is supposed, in one sentence each."""
    said = []
    if what.programme is not None:
        name = load_programme(what.programme).name
        said.append(f"Judged as if this record were under {name}; adoptions do not carry over.")
    if what.edition is not None:
        said.append(
            f"Every act is judged as if edition {what.edition} had been adopted from the beginning."
        )
    if what.known_at is not None:
        said.append(f"As known at {_moment(what.known_at, time_zone)}{_axis(of_a_case)}.")
    said += [f"{fact.id}: {fact_line(fact)}" for fact in what.assumed]
    return said


def _axis(of_a_case: bool) -> str:
    """A case file has one axis of time only."""
    return ", each fact from its own day on" if of_a_case else ""


def _moment(at: dt.datetime, time_zone: str) -> str:
    aware = in_zone(at, time_zone)
    try:
        local = aware.astimezone(zone(time_zone))
    except OverflowError:
        local = aware
    return f"{show(local.date())} {local:%H:%M}"


def fact_line(fact: Fact) -> str:
    """A fact in one line, as it may be assumed again: kind key=value …"""
    pairs = (f"{key}={_plain(value)}" for key, value in write_fact(fact).items())
    return " ".join((fact.kind, *pairs))


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if " " in str(value) else str(value)
