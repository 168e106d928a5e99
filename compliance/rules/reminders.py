"""Which reminders follow from an answer: what is owed, by when, in which rungs, at which hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from compliance.rules.dates import day_is_over, local_day, plus, zone
from compliance.rules.findings import PlannedDate
from compliance.rules.terms import Outcome, Phase, Requirement, Term


class ReminderKind(Term):
    """What a reminder is about; each has its own templates in every language."""

    TEST_DUE = "test-due"
    WINDOW_OPENING = "window-opening"
    WINDOW_CLOSING = "window-closing"
    STATEMENT_DUE = "statement-due"
    VISIT = "visit"
    LABS = "labs"
    SUPPLY_ENDING = "supply-ending"
    FORM_DUE = "form-due"
    METHOD_ENDING = "method-ending"
    FINAL_TEST = "final-test"
    CONTRACEPTION_ENDING = "contraception-ending"
    DIGEST = "digest"
    ALERT = "alert"


class Rung(Term):
    """How pressing a reminder is, mildest first; a digest has one rung, the day's."""

    GENTLE = "gentle"
    FIRM = "firm"
    LAST_CALL = "last-call"
    DAILY = "daily"


RUNGS = list(Rung)
STAFF_KINDS = (ReminderKind.DIGEST, ReminderKind.ALERT)
LONGEST_CLOSURE = 30  # days; so far an open day is looked for


@dataclass(frozen=True, slots=True)
class Hours:
    """The local hours in which mail may go out: from `first` until before `last`."""

    first: dt.time
    last: dt.time


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where and when a clinic works: IANA time zone and ISO weekdays (none given: every day).

    `leads` and `patient_hours` are the clinic's own; without them the defaults below apply.
    """

    time_zone: str
    opening_days: frozenset[int] = frozenset(range(1, 8))
    closed_days: frozenset[dt.date] = frozenset()
    patient_hours: Hours | None = None
    leads: Mapping[ReminderKind, Mapping[Rung, int]] = field(default_factory=dict)

    def is_open(self, day: dt.date) -> bool:
        """Whether the clinic works on a day."""
        weekday = not self.opening_days or day.isoweekday() in self.opening_days
        return weekday and day not in self.closed_days

    def last_open_day(self, day: dt.date) -> dt.date:
        """The day itself, or the last one before it on which the clinic works."""
        days = (plus(day, -back) for back in range(LONGEST_CLOSURE))
        return next((d for d in days if self.is_open(d)), day)

    def moment(self, day: dt.date, time: dt.time) -> dt.datetime:
        """A local time on a day, in UTC."""
        return dt.datetime.combine(day, time, zone(self.time_zone)).astimezone(dt.UTC)


@dataclass(frozen=True, slots=True)
class Situation:
    """What reminders need of a stored answer; `missing` are the requirements not met now."""

    at: dt.datetime
    phase: Phase
    plan: tuple[PlannedDate, ...] = ()
    missing: Mapping[Requirement, Outcome] = field(default_factory=dict)
    window: tuple[dt.date, dt.date] | None = None
    window_closes_at: dt.datetime | None = None
    course_closed: bool = False

    @property
    def window_open(self) -> bool:
        """Whether there is a window that has not closed yet."""
        return self.window_closes_at is not None and self.at < self.window_closes_at


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something the patient owes: useful from `first`, at the latest on `by`.

    A `fixed` date follows from something that happened; others are estimates that may move.
    Lead days count back from `by`, unless it is `first` that they tell of.
    """

    kind: ReminderKind
    requirement: Requirement
    first: dt.date
    by: dt.date
    closes_at: dt.datetime
    fixed: bool = False
    from_first: bool = False

    @property
    def told_of(self) -> dt.date:
        """The day from which lead days count back."""
        return self.first if self.from_first else self.by

    @property
    def name(self) -> str:
        """The requirement and its date: the part of a reminder's key that says what is owed."""
        return f"{self.requirement.value}:{self.by.isoformat()}"


@dataclass(frozen=True, slots=True)
class PlannedReminder:
    """One rung of an obligation: when it is due, and after which instant it is of no use."""

    rung: Rung
    due_at: dt.datetime
    expires_at: dt.datetime


# ————— the defaults, in one place; no authority sets them —————

TESTS = (Requirement.SCREENING_TEST, Requirement.TEST_BEFORE_START, Requirement.MONTHLY_TEST)
STATEMENTS = (Requirement.COMPREHENSION, Requirement.METHOD_MATCH)
VISITS = (Requirement.REVIEW, Requirement.COUNSELLING)
NEXT_STEPS = (*TESTS, *VISITS, Requirement.PRESCRIPTION_WINDOW)
OWED = (Outcome.UNMET, Outcome.UNKNOWN, Outcome.DUE)

DUE_TIME = dt.time(10)
DIGEST_TIME = dt.time(7)
DIGEST_UNTIL = dt.time(15)
PATIENT_HOURS = Hours(dt.time(8), dt.time(20))
STAFF_HOURS = Hours(dt.time(6), dt.time(20))
AHEAD = 2  # so many dates of one requirement are planned; the answer that follows plans the next
SAME_DAYS = 10  # an estimate that moves by no more than this is still the same obligation


def _tests(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    if situation.phase is Phase.AFTER:
        return []
    return _planned(ReminderKind.TEST_DUE, TESTS, situation, calendar)


def _final_tests(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    if situation.phase is not Phase.AFTER:
        return []
    return _planned(ReminderKind.FINAL_TEST, (Requirement.FINAL_TEST,), situation, calendar)


def _statements(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    if any(situation.missing.get(item) in OWED for item in STATEMENTS):
        return _window(ReminderKind.STATEMENT_DUE, Requirement.COMPREHENSION, situation)
    return []


def _windows(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    if any(situation.missing.get(item) in OWED for item in STATEMENTS):
        return []  # the statement comes first, by the same day: one mail, not two
    return _window(ReminderKind.WINDOW_CLOSING, Requirement.PRESCRIPTION_WINDOW, situation)


def _window_opens(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    """That the days have begun, told once; what closes later is told by the kinds above."""
    found = _window(ReminderKind.WINDOW_OPENING, Requirement.PRESCRIPTION_WINDOW, situation)
    return [replace(item, from_first=True) for item in found]


def _visits(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    if situation.phase is Phase.AFTER or situation.window_open:
        return []
    return _planned(ReminderKind.VISIT, VISITS, situation, calendar)


def _labs(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    return _planned(ReminderKind.LABS, (Requirement.LAB_FOLLOW_UP,), situation, calendar)


def _supply(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    """The end of the supply, where nothing else that is owed already leads to the next one."""
    if situation.window_open or any(item.requirement in NEXT_STEPS for item in situation.plan):
        return []
    supply = (Requirement.DAYS_SUPPLY,)
    return _planned(ReminderKind.SUPPLY_ENDING, supply, situation, calendar)


def _forms(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    """A form to sign anew belongs to the next step at the clinic, whichever comes first."""
    owed = situation.missing.get(Requirement.ACKNOWLEDGEMENT) in OWED
    if not owed or situation.phase is not Phase.DURING:
        return []
    form = Requirement.ACKNOWLEDGEMENT
    steps = [item for item in situation.plan if item.requirement in NEXT_STEPS]
    first = sorted(steps, key=lambda item: item.last)[:1]
    alone = replace(situation, plan=tuple(replace(item, requirement=form) for item in first))
    return _planned(ReminderKind.FORM_DUE, (form,), alone, calendar)


def _methods(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    methods = (Requirement.CONTRACEPTION_METHODS,)
    return _planned(ReminderKind.METHOD_ENDING, methods, situation, calendar)


def _contraception(situation: Situation, calendar: Calendar) -> Iterable[Obligation]:
    if situation.phase is not Phase.AFTER:
        return []
    tail = (Requirement.CONTRACEPTION_TAIL,)
    return _planned(ReminderKind.CONTRACEPTION_ENDING, tail, situation, calendar)


def _window(
    kind: ReminderKind, requirement: Requirement, situation: Situation
) -> Iterable[Obligation]:
    closes_at = situation.window_closes_at
    if situation.window is None or closes_at is None or not situation.window_open:
        return []
    first, last = situation.window
    return [Obligation(kind, requirement, first, last, closes_at, fixed=True)]


def _planned(
    kind: ReminderKind,
    requirements: tuple[Requirement, ...],
    situation: Situation,
    calendar: Calendar,
) -> Iterable[Obligation]:
    for requirement in requirements:
        ahead = [item for item in situation.plan if item.requirement is requirement]
        owed = (
            Obligation(
                kind, requirement, item.first, item.last, day_is_over(item.last, calendar.time_zone)
            )
            for item in sorted(ahead, key=lambda item: (item.last, item.first))
        )
        yield from [item for item in owed if situation.at < item.closes_at][:AHEAD]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of reminder to a patient: who owes it, and so many days before for each rung."""

    find: Callable[[Situation, Calendar], Iterable[Obligation]]
    leads: Mapping[Rung, int]


PATIENT_KINDS: dict[ReminderKind, Rule] = {
    ReminderKind.TEST_DUE: Rule(_tests, {Rung.GENTLE: 7, Rung.FIRM: 3, Rung.LAST_CALL: 1}),
    ReminderKind.WINDOW_OPENING: Rule(_window_opens, {Rung.GENTLE: 0}),
    ReminderKind.WINDOW_CLOSING: Rule(_windows, {Rung.GENTLE: 3, Rung.FIRM: 1, Rung.LAST_CALL: 0}),
    ReminderKind.STATEMENT_DUE: Rule(
        _statements, {Rung.GENTLE: 4, Rung.FIRM: 2, Rung.LAST_CALL: 0}
    ),
    ReminderKind.VISIT: Rule(_visits, {Rung.GENTLE: 5, Rung.LAST_CALL: 1}),
    ReminderKind.LABS: Rule(_labs, {Rung.GENTLE: 10, Rung.FIRM: 3}),
    ReminderKind.SUPPLY_ENDING: Rule(_supply, {Rung.GENTLE: 5}),
    ReminderKind.FORM_DUE: Rule(_forms, {Rung.GENTLE: 7}),
    ReminderKind.METHOD_ENDING: Rule(_methods, {Rung.GENTLE: 21, Rung.FIRM: 7}),
    ReminderKind.CONTRACEPTION_ENDING: Rule(_contraception, {Rung.GENTLE: 1}),
    ReminderKind.FINAL_TEST: Rule(_final_tests, {Rung.GENTLE: 10, Rung.FIRM: 4, Rung.LAST_CALL: 1}),
}


def obligations(situation: Situation, calendar: Calendar) -> tuple[Obligation, ...]:
    """Everything the patient owes now and next; nothing once the course is closed."""
    if situation.course_closed:
        return ()
    return tuple(
        found for rule in PATIENT_KINDS.values() for found in rule.find(situation, calendar)
    )


def rungs(obligation: Obligation, calendar: Calendar) -> tuple[PlannedReminder, ...]:
    """The rungs of an obligation, each on a day on which the clinic works: earlier, never later."""
    planned = []
    usual = PATIENT_KINDS[obligation.kind].leads
    for rung, days in calendar.leads.get(obligation.kind, usual).items():
        day = calendar.last_open_day(plus(obligation.told_of, -days))
        due_at = calendar.moment(day, DUE_TIME)
        planned.append(PlannedReminder(rung, due_at, obligation.closes_at))
    return tuple(planned)


def worth_planning(
    planned: tuple[PlannedReminder, ...], at: dt.datetime
) -> tuple[PlannedReminder, ...]:
    """The rungs still ahead; when the obligation is seen too late for all, the last one at once."""
    ahead = tuple(item for item in planned if item.due_at > at)
    return ahead or planned[-1:]


def known_as(obligation: Obligation, known: Iterable[str]) -> str:
    """The name under which an obligation was planned already, or its own.

    An estimate that moves by a few days keeps its name, so that nobody is reminded all over again.
    """
    if obligation.fixed:
        return obligation.name
    near = {abs((day - obligation.by).days): name for name, day in _dated(obligation, known)}
    closest = min(near, default=SAME_DAYS + 1)
    return near[closest] if closest <= SAME_DAYS else obligation.name


def _dated(obligation: Obligation, known: Iterable[str]) -> Iterable[tuple[str, dt.date]]:
    for name in sorted(known):
        requirement, _, day = name.partition(":")
        if requirement == obligation.requirement.value:
            yield name, dt.date.fromisoformat(day)


def may_go(
    kind: ReminderKind, calendar: Calendar, at: dt.datetime, expires_at: dt.datetime | None
) -> dt.datetime | None:
    """The first moment from now on at which it may go out; None when that is too late.

    Never in quiet hours; on a day when the clinic is closed only if waiting would be too late.
    """
    patients = calendar.patient_hours or PATIENT_HOURS
    hours = STAFF_HOURS if kind in STAFF_KINDS else patients
    for place in (calendar, Calendar(calendar.time_zone)):
        moment = next_moment(place, hours, at)
        if expires_at is None or moment < expires_at:
            return moment
    return None


def next_moment(calendar: Calendar, hours: Hours, at: dt.datetime) -> dt.datetime:
    """The first moment from `at` on that lies in the hours of an open day."""
    today = local_day(at, calendar.time_zone)
    for ahead in range(LONGEST_CLOSURE):
        day = plus(today, ahead)
        begins, ends = calendar.moment(day, hours.first), calendar.moment(day, hours.last)
        if calendar.is_open(day) and at < ends:
            return max(at, begins)
    return at


@dataclass(frozen=True, slots=True)
class DigestSlot:
    """A clinic's morning: the day it is for, when it is due, and until when it is of use."""

    day: dt.date
    due_at: dt.datetime
    expires_at: dt.datetime


def next_digest(calendar: Calendar, at: dt.datetime) -> DigestSlot:
    """The next morning digest of a clinic: today's while it is of use, else the next open day's."""
    today = local_day(at, calendar.time_zone)
    slots = [_digest_on(calendar, plus(today, ahead)) for ahead in range(LONGEST_CLOSURE)]
    useful = (slot for slot in slots if calendar.is_open(slot.day) and at < slot.expires_at)
    return next(useful, slots[-1])


def _digest_on(calendar: Calendar, day: dt.date) -> DigestSlot:
    return DigestSlot(day, calendar.moment(day, DIGEST_TIME), calendar.moment(day, DIGEST_UNTIL))


def reminder_key(
    course: str, kind: ReminderKind, obligation: str, rung: Rung, recipient: str
) -> str:
    """The natural key: whoever plans the same reminder twice writes it once."""
    return "|".join((course, kind.value, obligation, rung.value, recipient))


def outranks(rung: Rung, other: Rung) -> bool:
    """Whether a rung is more pressing than another."""
    return RUNGS.index(rung) > RUNGS.index(other)
