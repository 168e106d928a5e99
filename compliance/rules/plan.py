"""Everything that lies ahead, to the end of follow-up, as dates with a sentence each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from compliance.rules.context import Context, Index
from compliance.rules.courses import course_of, supply_ends
from compliance.rules.dates import plus, show
from compliance.rules.enrolments import earlier_course_until
from compliance.rules.facts import ClinicTerms, LastDose, Record
from compliance.rules.findings import PlannedDate, Question
from compliance.rules.follow_up import donation_from, ended_on, final_test_due, tail_of
from compliance.rules.lead_in import lead_in_ready
from compliance.rules.method_status import COUNTING, due_soon_days, statuses
from compliance.rules.plan_by_prescription import PARTS, labs_ahead
from compliance.rules.pregnancy import unresolved
from compliance.rules.pregnancy_tests import is_open, tests_of
from compliance.rules.programme import LedBy, NoEditionError, Programme
from compliance.rules.statements import comprehension, counselling, method_match
from compliance.rules.terms import Act, Outcome, Phase, Requirement
from compliance.rules.testing import suggested_test_days
from compliance.rules.windows import locked_until, open_window, zone_words

Dates = Iterable[PlannedDate]


def plan(
    record: Record, programme: Programme, terms: ClinicTerms, at: dt.datetime
) -> tuple[PlannedDate, ...]:
    """All dates ahead, soonest first; what is overdue stays in until it is done."""
    question = Question(at=at, act=Act.MONITOR)
    index = Index(record.facts, terms.time_zone)
    ctx = Context(record, index, programme, terms, question, at)
    if unresolved(ctx):
        return tuple(_safely(ctx, _donation))
    parts = PARTS if programme.led_by is LedBy.PRESCRIBER else _PARTS
    ahead = (*parts[course_of(ctx).phase], _methods_ending)
    found = [item for part in ahead for item in _safely(ctx, part)]
    return tuple(sorted(found, key=lambda item: (item.first, item.last, item.requirement)))


def _safely(ctx: Context, part: Callable[[Context], Dates]) -> list[PlannedDate]:
    try:
        return list(part(ctx))
    except NoEditionError:
        return []


# --- before the first dose ------------------------------------------------------------------------


def _second_test(ctx: Context) -> Dates:
    course = course_of(ctx)
    tests = tests_of(ctx) if course.can else None
    if tests is None or tests.first is None or open_window(ctx):
        return
    apart = plus(tests.first.collected, ctx.rule("tests_apart_days").value)
    ready = lead_in_ready(ctx, ctx.today)
    if ready is None:
        return
    first = max(apart, ready, locked_until(ctx) or ready)
    days = ctx.rule("menses_days").value
    cycles = ctx.rule("cycles_without_menses_day").value
    free = course.potential is not None and course.potential.cycle in cycles
    when = "" if free or not days else f", on days {days[0]} to {days[1]} of a period"
    yield PlannedDate(
        Requirement.TEST_BEFORE_START,
        first,
        plus(first, _week(ctx)),
        f"The second pregnancy test may be collected from {show(first)}{when}.",
    )


def _week(ctx: Context) -> int:
    """A test is best collected within as many days as its window has."""
    days: int = ctx.rule("window_days_can").value
    return days - 1


def _lockout(ctx: Context) -> Dates:
    until = locked_until(ctx) if course_of(ctx).can else None
    missed = tests_of(ctx).missed if until else None
    if until and missed and not ctx.clock.reached(until):
        yield PlannedDate(
            Requirement.FIRST_WINDOW_LOCKOUT,
            missed.collected,
            plus(until, -1),
            f"After the missed first window no test is collected before {show(until)}.",
        )


def _earlier_course(ctx: Context) -> Dates:
    gap = earlier_course_until(ctx)
    if gap is not None:
        yield PlannedDate(
            Requirement.COURSE_GAP,
            gap[0],
            plus(gap[1], -1),
            f"The label advises against another course before {show(gap[1])}.",
        )


# --- the month ------------------------------------------------------------------------------------


def _next_test(ctx: Context) -> Dates:
    if not course_of(ctx).can or is_open(ctx, tests_of(ctx).window):
        return
    first, last = suggested_test_days(ctx)
    yield PlannedDate(
        Requirement.MONTHLY_TEST,
        first,
        last,
        f"The next pregnancy test is best collected from {show(first)} to {show(last)}.",
    )
    closes = plus(last, _week(ctx))
    yield PlannedDate(
        Requirement.PRESCRIPTION_WINDOW,
        first,
        closes,
        f"Its pick-up window has {_week(ctx) + 1} days from the test on, so it closes between"
        f" {show(plus(first, _week(ctx)))} and {show(closes)}, 23:59 {zone_words(ctx)}; the"
        " prescriber's confirmation and the patient's answers belong inside it.",
    )


def _next_visit(ctx: Context) -> Dates:
    course = course_of(ctx)
    last = course.last_dispensing
    if course.can or last is None or open_window(ctx):
        return
    if ctx.rule("counselling_cannot").value != "prescription":
        return
    end = plus(supply_ends(last), 1)
    first = plus(end, -ctx.rule("suggested_test_days").value)
    yield PlannedDate(
        Requirement.COUNSELLING,
        first,
        end,
        f"The next visit, with the prescriber's confirmation, is best from {show(first)} to"
        f" {show(end)}.",
    )


def _open_window(ctx: Context) -> Dates:
    window = open_window(ctx)
    if window is None:
        return
    close = f"{show(window[1])}, 23:59 {zone_words(ctx)}"
    for requirement, rule, words in _STATEMENTS:
        asked = course_of(ctx).can or requirement is Requirement.COUNSELLING
        if asked and rule(ctx).outcome is not Outcome.MET:
            yield PlannedDate(requirement, *window, f"{words} by {close}.")
    yield PlannedDate(
        Requirement.PRESCRIPTION_WINDOW, *window, f"The medicine is picked up by {close}."
    )


_STATEMENTS = (
    (
        Requirement.COUNSELLING,
        counselling,
        "The prescriber confirms counselling and enters the methods",
    ),
    (Requirement.COMPREHENSION, comprehension, "The patient answers the month's questions"),
    (Requirement.METHOD_MATCH, method_match, "Both have entered the same methods"),
)


def _supply(ctx: Context) -> Dates:
    last = course_of(ctx).last_dispensing
    if last is not None:
        end = supply_ends(last)
        yield PlannedDate(
            Requirement.DAYS_SUPPLY,
            end,
            end,
            f"The supply picked up on {show(last.on)} lasts through {show(end)}.",
        )


def _if_it_ended(ctx: Context) -> Dates:
    """Follow-up is counted from the last dose; until that is known, from the end of the supply."""
    last = course_of(ctx).last_dispensing
    if last is None:
        return
    end = supply_ends(last)
    tail = tail_of(ctx, end)
    since = f"If {show(end)} is the last dose"
    if course_of(ctx).can:
        yield PlannedDate(
            Requirement.FINAL_TEST,
            end,
            end,
            f"{since}, a pregnancy test at the end of treatment is due on {show(end)}.",
        )
        yield PlannedDate(
            Requirement.FINAL_TEST,
            tail,
            plus(tail, ctx.rule("final_test_grace_days").value),
            f"{since}, the last pregnancy test is due on {show(tail)}.",
        )
        yield PlannedDate(
            Requirement.CONTRACEPTION_TAIL,
            end,
            tail,
            f"{since}, contraception goes on through {show(tail)}.",
        )
    yield PlannedDate(
        Requirement.BLOOD_DONATION,
        end,
        tail,
        f"{since}, no blood is donated through {show(tail)}.",
    )


def _methods_ending(ctx: Context) -> Dates:
    """Methods that count now and have a last day, to be renewed before it."""
    if not course_of(ctx).can:
        return
    for status in statuses(ctx):
        if status.state in COUNTING and status.until is not None:
            yield PlannedDate(
                Requirement.CONTRACEPTION_METHODS,
                plus(status.until, -due_soon_days(ctx)),
                status.until,
                status.sentence,
            )


# --- afterwards -----------------------------------------------------------------------------------


def _final_tests(ctx: Context) -> Dates:
    ended, target = ended_on(ctx), final_test_due(ctx)
    if ended is None or target is None:
        return
    grace = ctx.rule("final_test_grace_days").value
    if target[0] == ended:
        yield PlannedDate(
            Requirement.FINAL_TEST,
            ended,
            plus(ended, grace),
            f"The pregnancy test at the end of treatment is due on {show(ended)}.",
        )
    tail = tail_of(ctx, ended)
    yield PlannedDate(
        Requirement.FINAL_TEST,
        tail,
        plus(tail, grace),
        f"The last pregnancy test is due on {show(tail)}.",
    )


def _contraception(ctx: Context) -> Dates:
    ended = ended_on(ctx)
    tail = tail_of(ctx, ended) if ended else None
    if ended and tail and course_of(ctx).can and not ctx.clock.reached(plus(tail, 1)):
        yield PlannedDate(
            Requirement.CONTRACEPTION_TAIL,
            ended,
            tail,
            f"Contraception goes on through {show(tail)}.",
        )


def _donation(ctx: Context) -> Dates:
    barred, free = donation_from(ctx)
    ended = ctx.newest(LastDose)
    if barred and free is not None and ended is not None:
        yield PlannedDate(
            Requirement.BLOOD_DONATION,
            ended.on,
            plus(free, -1),
            f"Blood may be donated again from {show(free)}.",
        )


_PARTS: dict[Phase, tuple[Callable[[Context], Dates], ...]] = {
    Phase.BEFORE: (_earlier_course, _lockout, _second_test, _open_window),
    Phase.DURING: (_open_window, _next_test, _next_visit, _supply, labs_ahead, _if_it_ended),
    Phase.AFTER: (_final_tests, _contraception, _donation),
}
