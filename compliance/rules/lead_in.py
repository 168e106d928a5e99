"""From when the days on two methods count, and when they are enough."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.cover import cover_of
from compliance.rules.dates import plus
from compliance.rules.facts import Enrolment


def lead_in_ready(ctx: Context, on: dt.date) -> dt.date | None:
    """The first day on which the second test may be collected, for the pair in use on a day."""
    since = cover_of(ctx).same_pair_since(on)
    start = enrolled_from(ctx)
    if since is None or start is None:
        return None
    return plus(max(since, start, course_of(ctx).count_from), ctx.rule("lead_in_days").value)


def enrolled_from(ctx: Context) -> dt.date | None:
    """The enrolment that counts: the first of this qualification, else the newest before it."""
    since, newest = course_of(ctx).since, None
    for fact in ctx.known(Enrolment):
        newest = fact.on
        if newest >= since:
            break
    return newest


def broken_since(ctx: Context) -> dt.date | None:
    """The first day since the last dispensing that no complete pair covers; None if unbroken."""
    last = course_of(ctx).last_dispensing
    return cover_of(ctx).first_gap(last.on, ctx.today) if last else None
