"""What a rule may look at: the facts known on the day asked, the provisions, and the clock."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from compliance.rules.anchors import anchors_of
from compliance.rules.clock import Clock, Reader
from compliance.rules.dates import day_begins, local_day, zone
from compliance.rules.facts import KINDS, ClinicTerms, Fact, Lab, Record
from compliance.rules.findings import Provision, Question
from compliance.rules.programme import Edition, JudgedOn, LedBy, NoEditionError, Programme

if TYPE_CHECKING:
    from compliance.rules.courses import Course
    from compliance.rules.cover import Cover
    from compliance.rules.issuing import Issue
    from compliance.rules.pregnancy import Alarm
    from compliance.rules.pregnancy_tests import Tests
    from compliance.rules.schemes import Protection
    from compliance.rules.terms import Analyte

F = TypeVar("F", bound=Fact)
T = TypeVar("T")
COVER, COURSE, TESTS, ISSUE, PROTECTION = "cover", "course", "tests", "issue", "protection"
SHARED: frozenset[Reader] = frozenset({COVER, COURSE, TESTS, ISSUE, PROTECTION})
_NOTHING: list[Any] = []
_UNANCHORED: Mapping[JudgedOn, dt.date] = {}


class Index:
    """The facts of one record by kind, oldest first; built once, read at any day."""

    __slots__ = ("_by_kind",)

    def __init__(self, facts: Iterable[Fact], clinic_zone: str) -> None:
        by_kind: dict[type[Fact], list[Any]] = {}
        for fact in facts:
            kind = type(fact)
            if kind is Lab:
                fact = _at_the_clinic(fact, clinic_zone)
            by_kind.setdefault(kind, []).append(fact)
        for found in by_kind.values():
            if len(found) > 1:
                found.sort(key=_AGES[type(found[0])])
        self._by_kind = by_kind

    def on(self, clock: Clock) -> dict[type[Fact], list[Any]]:
        """The facts dated on or before the clock's day; later ones do not exist yet."""
        today = clock.today
        known = {}
        for kind, found in self._by_kind.items():
            if _DAYS[kind](found[-1]) <= today:
                known[kind] = found
            else:
                known[kind] = [fact for fact in found if clock.reached(fact.day)]
        return known

    def next_after(self, day: dt.date) -> dt.date | None:
        """The first day after one that has a fact; None without one."""
        ahead = (_DAYS[kind](fact) for kind, found in self._by_kind.items() for fact in found)
        return min((later for later in ahead if later > day), default=None)


# The day alone, and the day before the id: without a call for each fact where it is no moment.
_DAYS: dict[type[Fact], Callable[[Any], Any]] = defaultdict(
    lambda: attrgetter("day"),
    {kind: attrgetter(kind.day_key) for kind in KINDS.values() if kind is not Lab},
)
_AGES: dict[type[Fact], Callable[[Any], Any]] = defaultdict(
    lambda: attrgetter("day", "id"),
    {kind: attrgetter(kind.day_key, "id") for kind in KINDS.values() if kind is not Lab},
)


def _at_the_clinic(fact: Any, clinic_zone: str) -> Any:
    collected = fact.collected
    if not isinstance(collected, dt.datetime) or collected.tzinfo is None:
        return fact
    try:
        local = collected.astimezone(zone(clinic_zone))
    except OverflowError:
        local = collected
    return replace(fact, collected=local.replace(tzinfo=None))


def next_fact_from(record: Record, clinic_zone: str, at: dt.datetime) -> dt.datetime | None:
    """The first instant at which a fact dated ahead begins to count; None without one."""
    index = Index(record.facts, clinic_zone)
    day = index.next_after(local_day(at, clinic_zone))
    return day_begins(day, clinic_zone) if day else None


def authority_zone(programme: Programme, terms: ClinicTerms, at: dt.datetime) -> str:
    """Where the days of a window end, by the edition of the moment; before any, the authority's."""
    day = local_day(at, terms.time_zone)
    rule = programme.provisions_on(day, terms.adoptions).get("days_end_at")
    return terms.time_zone if rule and rule.value == "clinic" else programme.time_zone


class Context:
    """One question about one record at one moment."""

    __slots__ = (
        "_in_force_from",
        "_provisions",
        "_timeline",
        "adoptions",
        "alarms",
        "anchors",
        "clock",
        "course",
        "cover",
        "edition",
        "facts",
        "index",
        "issue",
        "issued",
        "labs",
        "labs_for",
        "programme",
        "protection",
        "question",
        "record",
        "terms",
        "tests",
        "today",
    )

    def __init__(
        self,
        record: Record,
        index: Index,
        programme: Programme,
        terms: ClinicTerms,
        question: Question,
        at: dt.datetime,
    ) -> None:
        self.record = record
        self.programme = programme
        self.terms = terms
        self.index = index
        self.question = question
        self.clock = Clock(at, terms.time_zone, authority_zone(programme, terms, at))
        self.today = self.clock.today
        self.facts = index.on(self.clock)
        self.adoptions = terms.adoptions
        self._take_edition()
        self._read_nothing_yet()
        led = programme.led_by is LedBy.PRESCRIBER
        self.anchors = anchors_of(self) if led else _UNANCHORED

    def _take_edition(self) -> None:
        """The edition of the day asked; the clock notes when each later one begins."""
        self._timeline = self.programme.timeline(self.adoptions)
        begun = [item for item in self._timeline if self.clock.reached(item[0])]
        self._in_force_from, edition = begun[0] if begun else (dt.date.max, None)
        self.edition: Edition | None = edition
        self._provisions = self.programme.provisions_of(self.edition.id) if self.edition else {}

    def _read_nothing_yet(self) -> None:
        """What the rules share is read when the first of them asks."""
        self.alarms: list[Alarm] | None = None
        self.course: Course | None = None
        self.tests: Tests | None = None
        self.cover: Cover | None = None
        self.issue: Issue | None = None
        self.issued: Context | None = None
        self.labs: dict[Analyte, list[Lab]] | None = None
        self.labs_for: dict[str, list[Lab]] = {}
        self.protection: dict[bool, Protection] = {}

    def shared(self, name: Reader, read: Callable[[Context], T]) -> T:
        """A reading that several rules use (one of SHARED): it asks the clock in its own name."""
        reader = self.clock.reader
        self.clock.reader = name
        try:
            return read(self)
        finally:
            self.clock.reader = reader

    def wait_until(self, at: dt.datetime, readers: Set[Reader]) -> None:
        """Move on to an instant that only these readers have noted; what else was read stays.

        Where everybody noted it the facts known are others, and a new context is needed.
        """
        self.clock = Clock(at, self.terms.time_zone, self.clock.authority)
        self.today = self.clock.today
        if self.anchors:
            self.anchors = anchors_of(self)
            self.alarms = None
        if readers & SHARED:
            self.cover = None if COVER in readers else self.cover
            self.course = None if readers & {COVER, COURSE} else self.course
            self.tests = self.issue = self.issued = None
            self.protection = {}

    def known(self, kind: type[F]) -> list[F]:
        """Every fact of one kind dated on or before the day asked, oldest first."""
        return self.facts.get(kind, _NOTHING)

    def newest(self, kind: type[F]) -> F | None:
        """The newest fact of one kind."""
        found = self.facts.get(kind, _NOTHING)
        return found[-1] if found else None

    def rule(self, name: str, test: dt.date | None = None) -> Provision:
        """The provision in force for this act, or for a test collected on a day.

        Raises NoEditionError when the programme says nothing about that day.
        """
        if not self.anchors and (test is None or self._in_force_from <= test <= self.today):
            try:
                return self._provisions[name]
            except KeyError:
                raise NoEditionError(self._judged_on(name, test)) from None
        return self._provision_on(name, self._judged_on(name, test))

    def _judged_on(self, name: str, test: dt.date | None) -> dt.date:
        """The day of the act that selects the edition."""
        if self.anchors and name in self.programme.parameters:
            day = self.anchors.get(self.programme.parameters[name].judged_on)
            if day is not None:
                return day
        if test is not None and self.programme.parameters[name].judged_on is JudgedOn.TEST:
            return test
        return self.today

    def _provision_on(self, name: str, day: dt.date) -> Provision:
        for start, edition in self._timeline:
            if start <= day:
                found = self.programme.provisions_of(edition.id).get(name)
                if found is not None:
                    return found
                break
        raise NoEditionError(day)

    def has(self, name: str) -> bool:
        """Whether the edition of the day asked speaks of this parameter at all."""
        return name in self._provisions
