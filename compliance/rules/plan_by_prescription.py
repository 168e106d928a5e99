"""The dates ahead where each prescription is judged by its own day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from compliance.rules.context import Context
from compliance.rules.course_end import last_test_due, last_test_from, next_course_from
from compliance.rules.courses import course_of, supply_ends
from compliance.rules.dates import plus, show
from compliance.rules.exemptions import exempted
from compliance.rules.findings import PlannedDate
from compliance.rules.follow_up import ended_on, tail_of
from compliance.rules.issuing import issue_of
from compliance.rules.labs import lab_target, named_tests
from compliance.rules.prescription_tests import next_test_days
from compliance.rules.protection import ready_on
from compliance.rules.schemes import protection_of
from compliance.rules.supply import hand_over_days, renewal_from
from compliance.rules.terms import Phase, Requirement

Dates = Iterable[PlannedDate]


def _lead_in(ctx: Context) -> Dates:
    since = None
    if course_of(ctx).can and exempted(ctx) is None and issue_of(ctx).initiation:
        since = protection_of(ctx).since(ctx.today)
    ready = ready_on(ctx, since) if since else None
    if since and ready and not ctx.clock.reached(ready):
        yield PlannedDate(
            Requirement.CONTRACEPTION_LEAD_IN,
            since,
            plus(ready, -1),
            f"With contraception unbroken the first prescription may be from {show(ready)}.",
        )


def _earlier_course(ctx: Context) -> Dates:
    ready = next_course_from(ctx)
    ended = course_of(ctx).ended
    if ready and ended and not ctx.clock.reached(ready):
        yield PlannedDate(
            Requirement.COURSE_GAP,
            ended.on,
            plus(ready, -1),
            f"Another course begins on {show(ready)} at the earliest.",
        )


def _hand_over(ctx: Context) -> Dates:
    days = hand_over_days(ctx)
    if days is not None and not ctx.clock.reached(plus(days[1], 1)):
        shown = plus(days[0], ctx.rule("window_days_shown").value)
        yield PlannedDate(
            Requirement.PRESCRIPTION_WINDOW,
            *days,
            f"The medicine is handed over by {show(shown)}; the last day is {show(days[1])}.",
        )


def _next_test(ctx: Context) -> Dates:
    days = next_test_days(ctx)
    if days is not None:
        yield PlannedDate(
            Requirement.MONTHLY_TEST,
            *days,
            f"The next pregnancy test is due from {show(days[0])} to {show(days[1])}.",
        )


def _next_visit(ctx: Context) -> Dates:
    issued = course_of(ctx).prescriptions
    if issued:
        visit = plus(issued[-1].on, ctx.rule("visit_every_days").value)
        yield PlannedDate(Requirement.REVIEW, visit, visit, f"The next visit is on {show(visit)}.")


def _supply(ctx: Context) -> Dates:
    last = course_of(ctx).last_dispensing
    if last is None:
        return
    end = supply_ends(last)
    first = renewal_from(ctx)
    again = f" It is renewed from {show(first)}." if first else ""
    yield PlannedDate(
        Requirement.DAYS_SUPPLY,
        min(first or end, end),
        end,
        f"The supply of {show(last.on)} lasts through {show(end)}.{again}",
    )


def labs_ahead(ctx: Context) -> Dates:
    """The next laboratory tests of the clinic's schedule, with their tolerance."""
    target = lab_target(ctx)
    if target is not None:
        early, late = ctx.rule("lab_tolerance_days").value
        yield PlannedDate(
            Requirement.LAB_FOLLOW_UP,
            plus(target[0], -early),
            plus(target[0], late),
            f"Blood is taken for {named_tests(target[1])} on {show(target[0])} or near it.",
        )


def _if_it_ended(ctx: Context) -> Dates:
    """Follow-up is counted from the last dose; until that is known, from the end of the supply."""
    last = course_of(ctx).last_dispensing
    if last is not None:
        end = supply_ends(last)
        yield from _follow_up(ctx, end, f"If {show(end)} is the last dose, ")


def _follow_up(ctx: Context, end: dt.date, since: str) -> Dates:
    tail = tail_of(ctx, end)
    if course_of(ctx).can:
        yield from _final_test(ctx, last_test_from(ctx, end), since)
        yield PlannedDate(
            Requirement.CONTRACEPTION_TAIL,
            end,
            tail,
            _sentence(f"{since}contraception goes on through {show(tail)}."),
        )
    yield PlannedDate(
        Requirement.BLOOD_DONATION,
        end,
        tail,
        _sentence(f"{since}no blood is donated through {show(tail)}."),
    )


def _final_test(ctx: Context, target: dt.date, since: str) -> Dates:
    if ctx.rule("final_test").value is not None:
        yield PlannedDate(
            Requirement.FINAL_TEST,
            target,
            plus(target, ctx.rule("final_test_grace_days").value),
            _sentence(f"{since}the pregnancy test after treatment is due on {show(target)}."),
        )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _afterwards(ctx: Context) -> Dates:
    ended = ended_on(ctx)
    if ended is None:
        return
    tail = tail_of(ctx, ended)
    done = {Requirement.FINAL_TEST} if last_test_due(ctx) is None else set()
    if ctx.clock.reached(plus(tail, 1)):
        done |= {Requirement.CONTRACEPTION_TAIL, Requirement.BLOOD_DONATION}
    yield from (item for item in _follow_up(ctx, ended, "") if item.requirement not in done)


PARTS: dict[Phase, tuple[Callable[[Context], Dates], ...]] = {
    Phase.BEFORE: (_earlier_course, _lead_in, _hand_over, _next_test, _next_visit),
    Phase.DURING: (_hand_over, _next_test, _next_visit, _supply, labs_ahead, _if_it_ended),
    Phase.AFTER: (_afterwards,),
}
