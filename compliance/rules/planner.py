"""The planner: the answer for a day with planned steps, and what each day of some weeks is for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from compliance.rules.assess import assess
from compliance.rules.courses import supply_ends
from compliance.rules.dates import day_begins, day_is_over, local_day, plus, zone
from compliance.rules.facts import Dispensing, Fact, LastDose, PregnancyTest, facts_of
from compliance.rules.findings import Assessment, Days, PlannedDate, Question
from compliance.rules.openings import Openings
from compliance.rules.plan import plan
from compliance.rules.steps import Steps, assumed_facts, picked_up
from compliance.rules.terms import Act, Phase, Requirement, Verdict
from compliance.rules.what_if import MARK, NOON, Situation, Supposition, open_supply, suppose

TESTS = (
    Requirement.SCREENING_TEST,
    Requirement.TEST_BEFORE_START,
    Requirement.MONTHLY_TEST,
    Requirement.FINAL_TEST,
)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the calendar, and what it is for.

    `verdict` answers whether the act may be done on this day as planned (None: the day is over),
    `window` whether it lies inside an open window, `test` whether it is among the best days for
    the next test, `closes_at` the last useful moment when that falls on this day, `events` what
    was recorded or is planned on it: (kind, whether it is only planned).
    """

    on: dt.date
    today: bool
    past: bool
    asked: bool
    open: bool
    holiday: str
    verdict: Verdict | None
    window: bool
    test: bool
    supply_ends: bool
    closes_at: dt.datetime | None
    events: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The answer for the day asked, and what follows from the steps.

    `done` says that a pick-up is planned and may be done; else nothing is counted from it.
    `windows` are the windows that are or would be open on the days of the calendar, each with its
    last useful moment; `tests` the best days for tests; `supplies` the hand-overs with the day on
    which their supply ends, the newest last.
    """

    asked: dt.date
    answer: Assessment
    done: bool
    assumed: tuple[Fact, ...]
    ahead: tuple[PlannedDate, ...]
    weeks: tuple[tuple[Day, ...], ...]
    windows: Mapping[Days, dt.datetime]
    tests: tuple[Days, ...]
    supplies: tuple[tuple[Dispensing, dt.date], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to see: steps, an act, a first day and a number of whole weeks."""

    steps: Steps
    act: Act
    first: dt.date
    weeks: int = 6


def look_ahead(
    here: Situation, wanted: Wanted, what: Supposition, openings: Openings, now: dt.datetime
) -> Outlook:
    """The outlook for planned steps; `what` supposes an edition or programme beside them."""
    return _Look(here, wanted, what, openings, now).outlook()


class _Look:
    """One look at a situation with steps planned in it."""

    def __init__(
        self,
        here: Situation,
        wanted: Wanted,
        what: Supposition,
        openings: Openings,
        now: dt.datetime,
    ) -> None:
        self.wanted = wanted
        self.openings = openings
        self.now = now
        self.zone = here.terms.time_zone
        self.today = local_day(now, self.zone)
        self.assumed = assumed_facts(wanted.steps, here.record)
        self.before = suppose(here, replace(what, assumed=self.assumed))
        self.pick_up = wanted.steps.pick_up
        self.asked = self.pick_up or max(wanted.steps.days().values(), default=self.today)
        self.days_supply, self.refills = open_supply(self.before.record, self.asked)
        self.after = self.before
        self.answer = self.ask(self.asked)
        self.done = self.pick_up is not None and self.answer.verdict is Verdict.YES
        if self.done:
            handed = picked_up(wanted.steps, self.days_supply)
            self.after = suppose(self.before, Supposition(assumed=handed))

    def outlook(self) -> Outlook:
        days = self.calendar_days()
        found = self.answers(days)
        tests = tuple(dict.fromkeys(self.test_days(self.answer.phase)))
        windows = self.windows((*found.values(), self.answer))
        supplies = self.supplies()
        cells = tuple(self.cell(day, found.get(day), tests, windows, supplies) for day in days)
        return Outlook(
            asked=self.asked,
            answer=self.answer,
            done=self.done,
            assumed=self.assumed,
            ahead=self.plan_after(),
            weeks=tuple(cells[at : at + 7] for at in range(0, len(cells), 7)),
            windows=windows,
            tests=tests,
            supplies=supplies,
        )

    # --- questions ---

    def moment(self, day: dt.date) -> dt.datetime:
        """Now for today, noon at the clinic for any other day."""
        if day == self.today:
            return self.now
        return dt.datetime.combine(day, NOON, tzinfo=zone(self.zone))

    def ask(self, day: dt.date) -> Assessment:
        """May it be done on this day? After the planned pick-up the next one is asked about."""
        there = self.after if self.pick_up is not None and day > self.pick_up else self.before
        question = Question(
            at=self.moment(day),
            act=self.wanted.act,
            days_supply=self.days_supply,
            refills=self.refills,
        )
        return assess(there.record, there.programme, there.terms, question)

    def answers(self, days: Sequence[dt.date]) -> dict[dt.date, Assessment]:
        """The answer of each day from today on; asked anew only where time changes it."""
        found: dict[dt.date, Assessment] = {}
        newest: Assessment | None = None
        for day in days:
            if day < self.today:
                continue
            turns = newest.changes_at if newest else None
            stale = newest is None or (turns is not None and turns <= self.moment(day))
            if stale or (self.pick_up is not None and day == plus(self.pick_up, 1)):
                newest = self.ask(day)
            if newest is not None:
                found[day] = newest
        return found

    # --- dates ---

    def calendar_days(self) -> list[dt.date]:
        return [plus(self.wanted.first, number) for number in range(self.wanted.weeks * 7)]

    def test_days(self, phase: Phase) -> Iterable[Days]:
        """The best days for the tests that come next; the final ones once the course has ended."""
        for item in self.plan_after():
            final = item.requirement is Requirement.FINAL_TEST
            if item.requirement in TESTS and (phase is Phase.AFTER or not final):
                yield item.first, item.last

    def plan_after(self) -> tuple[PlannedDate, ...]:
        """What lies ahead once every step is done."""
        return self.planned(self.after, max(self.asked, self.today))

    def planned(self, there: Situation, day: dt.date) -> tuple[PlannedDate, ...]:
        return plan(there.record, there.programme, there.terms, self.moment(day))

    def windows(self, found: Iterable[Assessment]) -> dict[Days, dt.datetime]:
        """The windows that still wait for a pick-up, each with its last useful moment."""
        return {
            item.window: item.window_closes_at
            for item in found
            if item.window is not None
            and item.window_closes_at is not None
            and not self.used(item.window)
        }

    def used(self, window: Days) -> bool:
        """Whether the planned pick-up falls into a window and may be done."""
        return bool(self.done and self.pick_up and window[0] <= self.pick_up <= window[1])

    def supplies(self) -> tuple[tuple[Dispensing, dt.date], ...]:
        """Each hand-over of the running course with the last day of its supply."""
        facts = self.after.record.facts
        ended = max((fact.day for fact in facts_of(facts, LastDose)), default=dt.date.min)
        handed = [item for item in facts_of(facts, Dispensing) if item.on > ended]
        return tuple((item, supply_ends(item)) for item in handed)

    # --- cells ---

    def cell(
        self,
        day: dt.date,
        found: Assessment | None,
        tests: Sequence[Days],
        windows: Mapping[Days, dt.datetime],
        supplies: Sequence[tuple[Dispensing, dt.date]],
    ) -> Day:
        return Day(
            on=day,
            today=day == self.today,
            past=day < self.today,
            asked=day == self.asked,
            open=self.openings.is_open(day),
            holiday=self.openings.holidays.get(day, ""),
            verdict=found.verdict if found and self.wanted.act is not Act.MONITOR else None,
            window=bool(found and found.window and found.window[0] <= day <= found.window[1]),
            test=day >= self.today and any(first <= day <= last for first, last in tests),
            supply_ends=_runs_out(supplies, day),
            closes_at=next((at for at in windows.values() if self.falls_on(at, day)), None),
            events=tuple(self.events(day)),
        )

    def events(self, day: dt.date) -> Iterable[tuple[str, bool]]:
        """What is planned on a day, and the tests and hand-overs that were recorded on it."""
        seen = {(Dispensing.kind, True)} if day == self.pick_up else set()
        for fact in self.before.record.facts:
            planned = fact.id.startswith(MARK)
            if fact.day == day and (planned or isinstance(fact, _TOLD)):
                seen.add((fact.kind, planned))
        return sorted(seen)

    def falls_on(self, at: dt.datetime, day: dt.date) -> bool:
        """Whether a moment lies on this day at the clinic."""
        return day_begins(day, self.zone) <= at < day_is_over(day, self.zone)


def _runs_out(supplies: Sequence[tuple[Dispensing, dt.date]], day: dt.date) -> bool:
    """Whether a supply ends on this day and none was handed over before it did."""
    newest = [end for item, end in supplies if item.on <= day][-1:]
    return newest == [day]


_TOLD = (PregnancyTest, Dispensing)
