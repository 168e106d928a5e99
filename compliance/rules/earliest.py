"""The first day on which everything could be met, if what is missing is done in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.cover import cover_of
from compliance.rules.dates import plus
from compliance.rules.follow_up import donation_from
from compliance.rules.lead_in import broken_since, enrolled_from
from compliance.rules.pregnancy import Alarm, Sign, unresolved
from compliance.rules.pregnancy_tests import tests_of
from compliance.rules.programme import NoEditionError
from compliance.rules.terms import Act, Phase
from compliance.rules.windows import locked_until

Count = Callable[[Context, list[Alarm]], dt.date]


def earliest_day(ctx: Context) -> dt.date | None:
    """The first day for an act under a registry. Predicts no period."""
    return earliest_by(ctx, _with_registry)


def earliest_by(ctx: Context, count: Count) -> dt.date | None:
    """Never before the day asked, counted from what is missing and from the unclear tests.

    None when a person must decide first, when treatment is over, or when the day asked lies before
    the first edition.
    """
    try:
        if ctx.question.act is Act.DONATE_BLOOD:
            return donation_from(ctx)[1]
        signs = unresolved(ctx)
        if any(alarm.sign is not Sign.UNCLEAR for alarm in signs):
            return None
        return None if course_of(ctx).phase is Phase.AFTER else count(ctx, signs)
    except NoEditionError:
        return None


def _with_registry(ctx: Context, unclear: list[Alarm]) -> dt.date:
    course = course_of(ctx)
    repeat = plus(unclear[-1].day, 1) if unclear else ctx.today
    if not course.can:
        return max(ctx.today, repeat)
    counted = _during if course.phase is Phase.DURING else _before
    return max(ctx.today, repeat, counted(ctx))


def _during(ctx: Context) -> dt.date:
    if broken_since(ctx) is None:
        return ctx.today
    since = cover_of(ctx).covered_since(ctx.today) or ctx.today
    return plus(since, ctx.rule("lead_in_days").value)


def _before(ctx: Context) -> dt.date:
    """A second test that is there and still serves lies after all of these days."""
    test = tests_of(ctx).first
    first = test.collected if test else ctx.today
    apart = plus(first, ctx.rule("tests_apart_days").value)
    return max(_lead_in(ctx), apart, locked_until(ctx) or ctx.today)


def _lead_in(ctx: Context) -> dt.date:
    since = cover_of(ctx).same_pair_since(ctx.today) or ctx.today
    start = enrolled_from(ctx) or ctx.today
    counted = max(since, start, course_of(ctx).count_from)
    return plus(counted, ctx.rule("lead_in_days").value)
