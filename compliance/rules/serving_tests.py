"""Which negative pregnancy test serves a prescription, where each prescription has its own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import plus
from compliance.rules.facts import PregnancyTest
from compliance.rules.issuing import issue_of
from compliance.rules.pregnancy import alarms, detects_enough
from compliance.rules.terms import Outcome, Supervision, TestResult, TestSetting

_RANK = {Outcome.MET: 2, Outcome.UNKNOWN: 1, Outcome.UNMET: 0}
_SUPERVISED = {"accept": Outcome.MET, "hold": Outcome.UNKNOWN, "reject": Outcome.UNMET}


@dataclass(frozen=True, slots=True)
class Serving:
    """The test of the prescription asked about, the first of two where two are asked, the newest.

    `test` is the best of those collected in time; it may still fail by its setting or sensitivity.
    """

    test: PregnancyTest | None
    first: PregnancyTest | None
    newest: PregnancyTest | None


def serving_of(ctx: Context) -> Serving:
    """The tests as they serve the prescription asked about."""
    negatives = _negatives(ctx)
    void_before = _last_alarm(ctx)
    in_time = [test for test in negatives if test.collected >= void_before and _in_time(ctx, test)]
    best = max(in_time, key=lambda test: (_quality(ctx, test), test.collected), default=None)
    before = best.collected if best else dt.date.max
    earlier = [test for test in negatives if test.collected < before]
    first = max(earlier, key=lambda test: detects_enough(ctx, test), default=None)
    return Serving(best, first, negatives[-1] if negatives else None)


def _last_alarm(ctx: Context) -> dt.date:
    """A test before the newest positive or unclear one serves no prescription, resolved or not."""
    found = alarms(ctx)
    return found[-1].day if found else dt.date.min


def voided_on(ctx: Context, test: PregnancyTest) -> dt.date | None:
    """The day of a later positive or unclear result, after which a test serves nothing; or None."""
    last = _last_alarm(ctx)
    return last if test.collected < last else None


def _negatives(ctx: Context) -> list[PregnancyTest]:
    since = course_of(ctx).since
    return [
        test
        for test in ctx.known(PregnancyTest)
        if test.result is TestResult.NEGATIVE and test.collected >= since
    ]


def _in_time(ctx: Context, test: PregnancyTest) -> bool:
    last = serves_until(ctx, test)
    if last is not None:
        return not ctx.clock.reached(plus(last, 1))
    previous = issue_of(ctx).previous_on
    return previous is None or test.collected > previous


def serves_until(ctx: Context, test: PregnancyTest) -> dt.date | None:
    """The last day of prescribing for which a test serves; None where no number of days is set."""
    days = days_before(ctx)
    return None if days is None else plus(test.collected, days)


def days_before(ctx: Context) -> int | None:
    """How many days before the prescription its test may be collected."""
    initiation = issue_of(ctx).initiation
    name = "test_before_start_days" if initiation else "monthly_test_days"
    days: int | None = ctx.rule(name).value
    return days


def _quality(ctx: Context, test: PregnancyTest) -> int:
    fine = detects_enough(ctx, test)
    return _RANK[setting_of(ctx, test)] + (3 if fine else 0)


def counts(ctx: Context, test: PregnancyTest) -> bool:
    """Whether a test was done where it may be and detects what it must."""
    return setting_of(ctx, test) is Outcome.MET and detects_enough(ctx, test)


def setting_of(ctx: Context, test: PregnancyTest) -> Outcome:
    """MET where the test was done as it may be, UNKNOWN where a person decides, else UNMET."""
    allowed = ctx.rule("test_settings").value
    if allowed is None or test.setting in allowed:
        return Outcome.MET
    if test.setting is not TestSetting.HOME:
        return Outcome.UNMET
    watched: str = ctx.rule("home_supervision").value[test.supervision or Supervision.NONE]
    return _SUPERVISED[watched]
