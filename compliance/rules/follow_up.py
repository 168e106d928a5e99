"""What still binds after the last dose: two tests, contraception, and no blood donation."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.counting import later_of
from compliance.rules.courses import course_of
from compliance.rules.cover import cover_of
from compliance.rules.dates import day_ends, plus, show
from compliance.rules.facts import Dispensing, LastDose, PregnancyTest
from compliance.rules.findings import Days, Finding, Provision
from compliance.rules.makers import due, met, not_required, unmet
from compliance.rules.pregnancy import detects_enough
from compliance.rules.pregnancy_tests import Stage, setting_fault
from compliance.rules.terms import Act, Phase, Requirement, TestResult

FINAL = Requirement.FINAL_TEST
TAIL = Requirement.CONTRACEPTION_TAIL
BLOOD = Requirement.BLOOD_DONATION


def tail_of(ctx: Context, last_dose: dt.date) -> dt.date:
    """The last day of the month after the last dose."""
    days, months = ctx.rule("tail_days").value, ctx.rule("tail_months").value
    return later_of(ctx, last_dose, days, months)


def ended_on(ctx: Context) -> dt.date | None:
    """The day of the last dose, once the course has ended."""
    course = course_of(ctx)
    return course.ended.on if course.phase is Phase.AFTER and course.ended else None


def _counted_tests(ctx: Context, since: dt.date) -> list[PregnancyTest]:
    return [
        test
        for test in ctx.known(PregnancyTest)
        if test.collected >= since
        and test.result is TestResult.NEGATIVE
        and setting_fault(ctx, test, Stage.FINAL) is None
        and detects_enough(ctx, test)
    ]


def final_test_due(ctx: Context) -> Days | None:
    """The day of the next test after treatment; None when none is left."""
    ended = ended_on(ctx)
    if ended is None or not course_of(ctx).can:
        return None
    tests = _counted_tests(ctx, ended)
    if not tests:
        return ended, ended
    tail = tail_of(ctx, ended)
    done = any(test.collected >= tail for test in tests[1:])
    return None if done else (tail, tail)


def final_test(ctx: Context) -> Finding:
    """A test at the end of treatment, and one when a month has passed."""
    basis = (ctx.rule("final_test"), ctx.rule("final_test_grace_days"), ctx.rule("tail_days"))
    ended = ended_on(ctx)
    if not course_of(ctx).can:
        return not_required(FINAL, "Not asked of a patient who cannot become pregnant.", basis)
    if ended is None:
        return not_required(FINAL, "Tests after treatment are counted from the last dose.", basis)
    tests = _counted_tests(ctx, ended)
    target = final_test_due(ctx)
    if target is None:
        evidence = tuple(test.id for test in tests)
        return met(FINAL, "Both tests after treatment are negative.", evidence, basis)
    return _test_missing(ctx, tests, target[0], basis)


def _test_missing(
    ctx: Context, tests: list[PregnancyTest], target: dt.date, basis: tuple[Provision, ...]
) -> Finding:
    """The next test after treatment: late once the days of grace are over, due until then."""
    evidence = tuple(test.id for test in tests)
    last = plus(target, basis[1].value)
    words = "at the end of treatment" if not tests else "one month after the last dose"
    action = f"Collect the pregnancy test {words}"
    if ctx.clock.reached(plus(last, 1)):
        reason = f"The pregnancy test {words} was due on {show(target)} and is not recorded."
        return unmet(FINAL, reason, evidence, basis, action=action, earliest=target)
    reason = f"The pregnancy test {words} is due on {show(target)}."
    by = day_ends(last, ctx.terms.time_zone)
    return due(FINAL, reason, evidence, basis, action=action, earliest=target, act_by=by)


def contraception_tail(ctx: Context) -> Finding:
    """The pair goes on until a month has passed."""
    basis = (ctx.rule("contraception_tail"), ctx.rule("tail_days"), ctx.rule("tail_months"))
    ended = ended_on(ctx)
    if not course_of(ctx).can:
        return not_required(TAIL, "Not asked of a patient who cannot become pregnant.", basis)
    if ended is None:
        return not_required(TAIL, "Counted from the last dose, once it is known.", basis)
    tail = tail_of(ctx, ended)
    if ctx.clock.reached(plus(tail, 1)):
        return not_required(TAIL, f"Contraception was needed through {show(tail)}.", basis)
    gap = cover_of(ctx).first_gap(ended, ctx.today)
    if gap is None:
        return met(
            TAIL, f"A complete pair is in use; it is needed through {show(tail)}.", (), basis
        )
    return unmet(
        TAIL,
        f"No complete pair was in use on {show(gap)}; it is needed through {show(tail)}.",
        (),
        basis,
        action=f"Agree with the patient on two methods through {show(tail)}",
        act_by=day_ends(tail, ctx.terms.time_zone),
    )


def donation_from(ctx: Context) -> tuple[bool, dt.date | None]:
    """Whether blood may not be donated, and from which day it may again, when that is known."""
    given = ctx.newest(Dispensing)
    ended = ctx.newest(LastDose)
    if given is not None and (ended is None or given.on > ended.on):
        return True, None
    if ended is None:
        return False, None
    free = plus(tail_of(ctx, ended.on), 1)
    return not ctx.clock.reached(free), free


def blood_donation(ctx: Context) -> Finding:
    """No blood donation from the first dose until a month after the last."""
    basis = (ctx.rule("blood_donation"), ctx.rule("tail_days"), ctx.rule("tail_months"))
    barred, free = donation_from(ctx)
    if not barred:
        since = f" since {show(free)}" if free else ", as no dose is recorded"
        return met(BLOOD, f"Blood may be donated{since}.", (), basis)
    if free is None:
        reason = "Blood may not be donated during treatment, nor for a month after the last dose."
    else:
        reason = f"Blood may not be donated through {show(plus(free, -1))}."
    if ctx.question.act is not Act.DONATE_BLOOD:
        return due(BLOOD, reason, (), basis, earliest=free)
    action = f"Donate on or after {show(free)}" if free else "Donate once a month has passed"
    return unmet(BLOOD, reason, (), basis, action=action, earliest=free)
