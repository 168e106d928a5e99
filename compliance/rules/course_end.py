"""What still binds after the last dose: one test, contraception, tests of blood at the end."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import day_ends, plus, show
from compliance.rules.exemptions import exempted
from compliance.rules.facts import PregnancyTest
from compliance.rules.findings import Days, Finding, Provision
from compliance.rules.follow_up import ended_on, tail_of
from compliance.rules.issuing import issue_of
from compliance.rules.labs import named_tests, results_for, schedule_of
from compliance.rules.makers import due, met, not_required, unmet
from compliance.rules.pregnancy import detects_enough
from compliance.rules.schemes import protection_of
from compliance.rules.serving_tests import setting_of
from compliance.rules.terms import LabSchedule, Outcome, Requirement, TestResult

FINAL = Requirement.FINAL_TEST
TAIL = Requirement.CONTRACEPTION_TAIL
GAP = Requirement.COURSE_GAP
LABS = Requirement.LAB_FOLLOW_UP
Basis = tuple[Provision, ...]


def last_test_from(ctx: Context, last_dose: dt.date) -> dt.date:
    """The first day on which the test after treatment may be collected."""
    days = ctx.rule("final_test_after_days").value
    return tail_of(ctx, last_dose) if days is None else plus(last_dose, days)


def last_test_due(ctx: Context) -> Days | None:
    """The day of the test after treatment; None when it is there or none is asked."""
    ended = ended_on(ctx)
    if ended is None or not course_of(ctx).can or ctx.rule("final_test").value is None:
        return None
    target = last_test_from(ctx, ended)
    return None if _last_test(ctx, target) else (target, target)


def _last_test(ctx: Context, target: dt.date) -> PregnancyTest | None:
    return next(
        (
            test
            for test in ctx.known(PregnancyTest)
            if test.collected >= target
            and test.result is TestResult.NEGATIVE
            and setting_of(ctx, test) is not Outcome.UNMET
            and detects_enough(ctx, test)
        ),
        None,
    )


def test_after_treatment(ctx: Context) -> Finding:
    """One negative test when the time after the last dose has passed."""
    basis = tuple(ctx.rule(name) for name in _FINAL_RULES)
    ended = ended_on(ctx)
    if basis[0].value is None:
        return not_required(FINAL, "No test after treatment is asked for.", basis)
    if ended is None or not course_of(ctx).can:
        return not_required(FINAL, "Asked after treatment of a patient who can.", basis)
    target = last_test_from(ctx, ended)
    found = _last_test(ctx, target)
    if found is not None:
        reason = f"The test after treatment, of {show(found.collected)}, is negative."
        return met(FINAL, reason, (found.id,), basis)
    return _final_test_missing(ctx, target, basis)


test_after_treatment.__test__ = False  # type: ignore[attr-defined]  # pytest: a rule, no test

_FINAL_RULES = ("final_test", "final_test_grace_days", "final_test_after_days", "tail_days")


def _final_test_missing(ctx: Context, target: dt.date, basis: Basis) -> Finding:
    last = plus(target, basis[1].value)
    action = f"Collect the pregnancy test after treatment on or after {show(target)}"
    if ctx.clock.reached(plus(last, 1)):
        reason = f"The pregnancy test after treatment was due on {show(target)} and is missing."
        return unmet(FINAL, reason, (), basis, action=action, earliest=target)
    reason = f"The pregnancy test after treatment is due on {show(target)}."
    by = day_ends(last, ctx.terms.time_zone)
    return due(FINAL, reason, (), basis, action=action, earliest=target, act_by=by)


def protected_after(ctx: Context) -> Finding:
    """Contraception goes on, through the last day of the time after the last dose."""
    basis = tuple(ctx.rule(name) for name in ("contraception_tail", "tail_days", "tail_months"))
    ended = ended_on(ctx)
    if basis[0].value is None or not course_of(ctx).can or ended is None:
        reason = "Asked after the last dose of a patient who can become pregnant."
        return not_required(TAIL, reason, basis)
    tail = tail_of(ctx, ended)
    if ctx.clock.reached(plus(tail, 1)):
        return not_required(TAIL, f"Contraception was needed through {show(tail)}.", basis)
    if exempted(ctx) is not None:
        reason = f"Exempted; the agreement holds through {show(tail)}."
        return met(TAIL, reason, (), basis)
    gap = protection_of(ctx).gap(ended, ctx.today)
    if gap is None:
        reason = f"Contraception is in place; it is needed through {show(tail)}."
        return met(TAIL, reason, (), basis)
    return unmet(
        TAIL,
        f"Contraception was not in place on {show(gap)}; it is needed through {show(tail)}.",
        (),
        basis,
        action=f"Agree on contraception through {show(tail)}",
        act_by=day_ends(tail, ctx.terms.time_zone),
    )


def rested_between_courses(ctx: Context) -> Finding:
    """Enough days from the last dose of a course to the first of the next."""
    basis = (ctx.rule("course_gap_days"),)
    ready = next_course_from(ctx)
    ended = course_of(ctx).ended
    if basis[0].value is None:
        words = "asked for" if basis[0].stated else "stated in the sources that we know"
        return not_required(GAP, f"No time between two courses is {words}.", basis)
    if ready is None or ended is None:
        return not_required(GAP, "No earlier course has ended before this one begins.", basis)
    if ctx.clock.reached(ready):
        reason = f"The earlier course ended on {show(ended.on)}, long enough ago."
        return met(GAP, reason, (ended.id,), basis)
    return unmet(
        GAP,
        f"The earlier course ended on {show(ended.on)}; another one begins after at least"
        f" {basis[0].value} days, from {show(ready)}.",
        (ended.id,),
        basis,
        action=f"Wait until {show(ready)}",
        earliest=ready,
    )


def next_course_from(ctx: Context) -> dt.date | None:
    """The first day for another course; None where none has ended or no time is set."""
    days = ctx.rule("course_gap_days").value
    ended = course_of(ctx).ended
    if days is None or ended is None or not issue_of(ctx).initiation:
        return None
    return plus(ended.on, days)


def blood_tests_at_end(ctx: Context) -> Finding:
    """The blood tests that a plan asks for when treatment ends."""
    basis = (ctx.rule("labs_at_end"), ctx.rule("lab_tolerance_days"))
    ended = ended_on(ctx)
    if not basis[0].value or ended is None or schedule_of(ctx) is not LabSchedule.LABEL:
        return not_required(LABS, "No blood test is asked for at the end of treatment.", basis)
    first, last = _days_at_end(ctx, ended)
    missing = _missing_at_end(ctx, ended)
    if not missing:
        return met(LABS, "The blood tests at the end of treatment are there.", (), basis)
    words, action = named_tests(missing), f"Have {named_tests(missing)} measured"
    if ctx.clock.reached(plus(last, 1)):
        reason = f"At the end of treatment on {show(ended)} no result for {words} was collected."
        return unmet(LABS, reason, (), basis, action=action)
    reason = f"At the end of treatment {words} are due on {show(ended)}."
    by = day_ends(last, ctx.terms.time_zone)
    return due(LABS, reason, (), basis, action=action, earliest=first, act_by=by)


def _days_at_end(ctx: Context, ended: dt.date) -> Days:
    early, late = ctx.rule("lab_tolerance_days").value
    return plus(ended, -early), plus(ended, late)


def _missing_at_end(ctx: Context, ended: dt.date) -> list[str]:
    first, last = _days_at_end(ctx, ended)
    return [
        test
        for test in ctx.rule("labs_at_end").value
        if not any(first <= lab.day <= last for lab in results_for(ctx, test))
    ]


def labs_at_end_due(ctx: Context) -> Days | None:
    """The day of the blood tests at the end of treatment; None when they are there or not asked."""
    ended = ended_on(ctx)
    if ended is None or blood_tests_at_end(ctx).outcome in (Outcome.MET, Outcome.NOT_REQUIRED):
        return None
    return ended, ended
