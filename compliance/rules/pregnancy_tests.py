"""Which pregnancy test serves, which window it opened, and whether a lockout runs."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from compliance.rules.context import TESTS, Context
from compliance.rules.courses import Course, course_of, supply_ends
from compliance.rules.cover import cover_of
from compliance.rules.dates import plus
from compliance.rules.facts import Menses, PregnancyTest
from compliance.rules.findings import Days, Provision
from compliance.rules.lead_in import lead_in_ready
from compliance.rules.pregnancy import alarms, detects_enough
from compliance.rules.terms import Cycle, Phase, Term, TestResult, TestSetting


class Stage(Term):
    """What a test is meant for, which decides where it may be done."""

    FIRST = "first"
    SECOND = "second"
    MONTHLY = "monthly"
    AFTER_GAP = "after-gap"
    FINAL = "final"


class Fault(Term):
    """Why a second test opens no window."""

    TOO_SOON = "too-soon"
    NOT_IN_MENSES = "not-in-menses"
    CYCLE_UNKNOWN = "cycle-unknown"
    LEAD_IN = "lead-in"


class SettingFault(Term):
    """Why the place of a test does not serve."""

    NOT_RECORDED = "not-recorded"
    HOME = "home"
    NO_PROCESS = "no-process"
    NOT_CERTIFIED = "not-certified"


class Tests(NamedTuple):
    """How the tests are read on the day asked.

    `first` is the screening test, `serving` the test of the next prescription, `faults` what keeps
    a second test from serving, `window` the days that the serving test opened (over or not),
    `missed` the test whose first window closed without a pick-up, `inside_lockout` that the newest
    test was collected in the wait that followed, `rejected` the tests of this month or start that
    count for nothing.
    """

    first: PregnancyTest | None = None
    serving: PregnancyTest | None = None
    faults: tuple[Fault, ...] = ()
    window: Days | None = None
    missed: PregnancyTest | None = None
    inside_lockout: bool = False
    rejected: tuple[PregnancyTest, ...] = ()


Tests.__test__ = False  # type: ignore[attr-defined]  # pytest: what was read, no test


def tests_of(ctx: Context) -> Tests:
    """The tests of the course, read as of the day asked."""
    if ctx.tests is None:
        reader = _during if course_of(ctx).phase is Phase.DURING else _before
        ctx.tests = ctx.shared(TESTS, reader)
    return ctx.tests


def is_open(ctx: Context, window: Days | None) -> bool:
    """Whether a window has not yet closed, in the authority's time zone."""
    return window is not None and not ctx.clock.over(window[1])


def setting_fault(ctx: Context, test: PregnancyTest, stage: Stage) -> SettingFault | None:
    """Why the place of this test does not serve at this stage; None when it does."""
    if test.setting is None:
        return SettingFault.NOT_RECORDED
    if test.setting not in setting_rule(ctx, test, stage).value:
        return SettingFault.HOME
    if test.setting is TestSetting.HOME:
        asked = ctx.rule("home_process", test.collected).value
        return SettingFault.NO_PROCESS if asked and not test.home_process_documented else None
    certified = certified_rule(ctx, test, stage)
    if certified and certified.value and test.clia_certified is False:
        return SettingFault.NOT_CERTIFIED
    return None


_SETTINGS = {
    Stage.FIRST: "settings_before",
    Stage.SECOND: "settings_before",
    Stage.MONTHLY: "settings_during",
    Stage.AFTER_GAP: "settings_after_gap",
    Stage.FINAL: "settings_during",
}


def setting_rule(ctx: Context, test: PregnancyTest, stage: Stage) -> Provision:
    """Where a test of this stage may be done, by the edition of its collection."""
    return ctx.rule(_SETTINGS[stage], test.collected)


def certified_rule(ctx: Context, test: PregnancyTest, stage: Stage) -> Provision | None:
    """The rule on certification; the first test has none."""
    if stage is Stage.FIRST:
        return None
    name = "certified_before" if stage is Stage.SECOND else "certified_during"
    return ctx.rule(name, test.collected)


def _counts(ctx: Context, test: PregnancyTest, stage: Stage) -> bool:
    return setting_fault(ctx, test, stage) is None and detects_enough(ctx, test)


def _negatives(ctx: Context, since: dt.date) -> list[PregnancyTest]:
    return [
        test
        for test in ctx.known(PregnancyTest)
        if test.result is TestResult.NEGATIVE and test.collected >= since
    ]


def _last_alarm(ctx: Context) -> dt.date:
    """A test before the newest positive or unclear one serves no more, resolved or not."""
    found = alarms(ctx)
    return found[-1].day if found else dt.date.min


# --- before the first dose ------------------------------------------------------------------------


def _before(ctx: Context) -> Tests:
    negatives = _negatives(ctx, course_of(ctx).since)
    first = next((test for test in negatives if _counts(ctx, test, Stage.FIRST)), None)
    if first is None:
        return Tests(rejected=tuple(negatives))
    after = max(plus(first.collected, 1), _last_alarm(ctx))
    later = [test for test in negatives if test.collected >= after]
    counted = [test for test in later if _counts(ctx, test, Stage.SECOND)]
    seconds = _one_a_day(counted)
    newest = seconds[-1].collected if seconds else first.collected
    rejected = tuple(test for test in later if test.collected >= newest and test not in counted)
    return _follow(ctx, first, seconds, rejected)


def _one_a_day(tests: list[PregnancyTest]) -> list[PregnancyTest]:
    return list({test.collected: test for test in tests}.values())


def _follow(
    ctx: Context,
    first: PregnancyTest,
    seconds: list[PregnancyTest],
    rejected: tuple[PregnancyTest, ...],
) -> Tests:
    """Walk through the second tests: each may open a window, or fall in a lockout."""
    opener: PregnancyTest | None = None
    faults: tuple[Fault, ...] = ()
    inside = False
    for test in seconds:
        missed = opener if opener and test.collected > window_of(ctx, opener)[1] else None
        inside = missed is not None and _in_lockout(ctx, missed, test)
        faults = _faults(ctx, first, test, missed)
        if not inside and not faults:
            opener = test
    serving = seconds[-1] if seconds else None
    opened = serving is not None and serving is opener
    window = window_of(ctx, serving) if serving and opened else None
    missed = opener if opener and ctx.clock.over(window_of(ctx, opener)[1]) else None
    return Tests(first, serving, faults, window, missed, inside, rejected)


def window_of(ctx: Context, test: PregnancyTest) -> Days:
    """The first and last day of the pick-up window that a test opens."""
    days = ctx.rule("window_days_can", test.collected).value
    return test.collected, plus(test.collected, days - 1)


def _in_lockout(ctx: Context, missed: PregnancyTest, test: PregnancyTest) -> bool:
    days = ctx.rule("lockout_days", test.collected).value
    return days is not None and test.collected < plus(missed.collected, days)


def _faults(
    ctx: Context, first: PregnancyTest, test: PregnancyTest, missed: PregnancyTest | None
) -> tuple[Fault, ...]:
    found = []
    if test.collected < plus(first.collected, ctx.rule("tests_apart_days", test.collected).value):
        found.append(Fault.TOO_SOON)
    cycle = _cycle_fault(ctx, test, missed)
    if cycle:
        found.append(cycle)
    ready = lead_in_ready(ctx, test.collected)
    if ready is None or test.collected < ready:
        found.append(Fault.LEAD_IN)
    return tuple(found)


def _cycle_fault(ctx: Context, test: PregnancyTest, missed: PregnancyTest | None) -> Fault | None:
    potential = course_of(ctx).potential
    cycle = potential.cycle if potential else Cycle.UNKNOWN
    if cycle in ctx.rule("cycles_without_menses_day", test.collected).value:
        return None
    if missed and _exempt_repeat(ctx, test, missed):
        return None
    if cycle is Cycle.UNKNOWN:
        return Fault.CYCLE_UNKNOWN
    first, last = ctx.rule("menses_days", test.collected).value
    inside = any(
        first <= (test.collected - period.started).days + 1 <= last for period in ctx.known(Menses)
    )
    return None if inside else Fault.NOT_IN_MENSES


def _exempt_repeat(ctx: Context, test: PregnancyTest, missed: PregnancyTest) -> bool:
    """The immediate repeat after a missed window, where the edition ties it to no menses day."""
    if ctx.rule("menses_days_after_missed_window", test.collected).value is not None:
        return False
    return cover_of(ctx).first_gap(missed.collected, test.collected) is None


# --- during treatment -----------------------------------------------------------------------------


def _during(ctx: Context) -> Tests:
    last = course_of(ctx).last_dispensing
    since = plus(last.on, 1) if last else course_of(ctx).since
    negatives = _negatives(ctx, max(since, _last_alarm(ctx)))
    counted = [test for test in negatives if _counts(ctx, test, monthly_stage(ctx, test))]
    serving = counted[-1] if counted else None
    rejected = tuple(
        test
        for test in negatives
        if (serving is None or test.collected > serving.collected)
        and not _counts(ctx, test, monthly_stage(ctx, test))
    )
    window = window_of(ctx, serving) if serving else None
    return Tests(serving=serving, window=window, rejected=rejected)


def monthly_stage(ctx: Context, test: PregnancyTest) -> Stage:
    """A test long after the end of the supply is one after a gap."""
    return Stage.AFTER_GAP if _after_gap(ctx, course_of(ctx), test) else Stage.MONTHLY


def _after_gap(ctx: Context, course: Course, test: PregnancyTest) -> bool:
    last = course.last_dispensing
    if last is None or not ctx.has("gap_days"):
        return False
    return test.collected > plus(supply_ends(last), ctx.rule("gap_days").value)
