"""The days in which the medicine may be picked up, and the wait after a missed first window."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import day_ends, plus, show
from compliance.rules.facts import PregnancyTest, Visit
from compliance.rules.findings import Days, Finding
from compliance.rules.makers import met, not_required, unmet
from compliance.rules.pregnancy import unresolved
from compliance.rules.pregnancy_tests import is_open, tests_of, window_of
from compliance.rules.programme import NoEditionError
from compliance.rules.terms import Act, Phase, Requirement

WINDOW = Requirement.PRESCRIPTION_WINDOW
LOCKOUT = Requirement.FIRST_WINDOW_LOCKOUT


def open_window(ctx: Context) -> Days | None:
    """The pick-up window as things stand; None when none is open or a test has closed it."""
    try:
        window = _window(ctx)
    except NoEditionError:
        return None
    return window if is_open(ctx, window) and not unresolved(ctx) else None


def _window(ctx: Context) -> Days | None:
    if course_of(ctx).phase is Phase.AFTER:
        return None
    return tests_of(ctx).window if course_of(ctx).can else _visit_window(ctx)


def _visit_window(ctx: Context) -> Days | None:
    days = ctx.rule("window_days_cannot").value
    visit = visit_of_prescription(ctx)
    if days is None or visit is None:
        return None
    return visit.on, plus(visit.on, days - 1)


def visit_of_prescription(ctx: Context) -> Visit | None:
    """The newest visit since the last pick-up, up to the day of the prescription if issued."""
    course = course_of(ctx)
    after = course.last_dispensing
    since = plus(after.on, 1) if after else course.since
    visits = [visit for visit in ctx.known(Visit) if visit.on >= since]
    asks_anew = ctx.question.act is Act.PRESCRIBE
    issued = () if asks_anew else course.prescriptions[-1:]
    upto = [visit for visit in visits for item in issued if visit.on <= item.on]
    found = upto or visits
    return found[-1] if found else None


def prescription_window(ctx: Context) -> Finding:
    """Picked up within the days of the test, or of the visit, of this prescription."""
    return _window_of_test(ctx) if course_of(ctx).can else _window_of_visit(ctx)


def _window_of_test(ctx: Context) -> Finding:
    tests = tests_of(ctx)
    if tests.window is not None and tests.serving is not None:
        return _of_serving(ctx, tests.serving, tests.window)
    basis = (ctx.rule("window_days_can"),)
    if tests.missed is not None:
        return unmet(
            WINDOW,
            f"The pick-up window of {_days(window_of(ctx, tests.missed))} has closed without a"
            " pick-up, and no test has opened another.",
            (tests.missed.id,),
            basis,
            action="Collect a new second test when it may be, then repeat the steps",
        )
    return unmet(
        WINDOW,
        f"No pick-up window is open: a negative test that serves opens {basis[0].value} days.",
        (),
        basis,
        action="Collect the pregnancy test",
    )


def _of_serving(ctx: Context, test: PregnancyTest, window: Days) -> Finding:
    basis = (ctx.rule("window_days_can", test.collected),)
    if is_open(ctx, window):
        return met(WINDOW, _opened(ctx, window), (test.id,), basis)
    return unmet(
        WINDOW,
        f"The pick-up window of {_days(window)} has closed without a pick-up.",
        (test.id,),
        basis,
        action="Collect a new pregnancy test, then repeat the month's steps",
    )


def _opened(ctx: Context, window: Days) -> str:
    return f"The pick-up window is open until {show(window[1])}, 23:59 {zone_words(ctx)}."


def zone_words(ctx: Context) -> str:
    """The authority's time zone as people call it."""
    return _ZONES.get(ctx.programme.time_zone, ctx.programme.time_zone)


_ZONES = {"America/New_York": "Eastern"}


def _days(window: Days) -> str:
    return f"{show(window[0])} to {show(window[1])}"


def _window_of_visit(ctx: Context) -> Finding:
    basis = (ctx.rule("window_days_cannot"),)
    if basis[0].value is None:
        return not_required(WINDOW, "This edition sets no pick-up window.", basis)
    visit, window = visit_of_prescription(ctx), _visit_window(ctx)
    if visit is None or window is None:
        return unmet(WINDOW, _no_visit(ctx), (), basis, action="Record the visit")
    if is_open(ctx, window):
        return met(WINDOW, _opened(ctx, window), (visit.id,), basis)
    return unmet(
        WINDOW,
        f"The pick-up window of {_days(window)}, counted from the visit, has closed.",
        (visit.id,),
        basis,
        action="See the patient again and confirm anew",
    )


def _no_visit(ctx: Context) -> str:
    last = course_of(ctx).last_dispensing
    if last is None:
        return "No visit is recorded, and the pick-up window is counted from it."
    return f"No visit is recorded since the last pick-up on {show(last.on)}."


# --- lockout --------------------------------------------------------------------------------------


def locked_until(ctx: Context) -> dt.date | None:
    """The first day on which a test may be collected again; None when no lockout is counted."""
    tests = tests_of(ctx)
    if course_of(ctx).phase is not Phase.BEFORE or tests.missed is None:
        return None
    days = ctx.rule("lockout_days").value
    return None if days is None else plus(tests.missed.collected, days)


def first_window_lockout(ctx: Context) -> Finding:
    """After a missed first window the next test waits."""
    if course_of(ctx).phase is not Phase.BEFORE:
        return not_required(LOCKOUT, "No lockout follows a window missed after the first.")
    tests = tests_of(ctx)
    basis = (ctx.rule("lockout_days"),)
    if tests.missed is None:
        return met(LOCKOUT, "No first pick-up window has been missed.", (), basis)
    until = locked_until(ctx)
    if tests.inside_lockout and tests.serving is not None:
        return _inside(ctx, tests.missed, tests.serving, until)
    if until is not None and not ctx.clock.reached(until):
        return _waiting(ctx, tests.missed.id, tests.missed.collected, until)
    return met(LOCKOUT, "No wait after a missed first window is running.", (), basis)


def _inside(
    ctx: Context, missed: PregnancyTest, newer: PregnancyTest, until: dt.date | None
) -> Finding:
    rule = ctx.rule("lockout_days", newer.collected)
    tail = f"; the next may be collected from {show(until)}" if until else ""
    return unmet(
        LOCKOUT,
        f"The test of {show(newer.collected)} falls within {rule.value} days of the test of"
        f" {show(missed.collected)}, whose window was missed, and opens nothing{tail}.",
        (newer.id,),
        (rule,),
        action=f"Collect a new second test{f' on or after {show(until)}' if until else ''}",
        earliest=until,
    )


def _waiting(ctx: Context, missed_id: str, missed: dt.date, until: dt.date) -> Finding:
    rule = ctx.rule("lockout_days")
    return unmet(
        LOCKOUT,
        f"The first pick-up window, of the test of {show(missed)}, was missed: the next test may be"
        f" collected from {show(until)}.",
        (missed_id,),
        (rule,),
        action=f"Collect a new second test on or after {show(until)}",
        earliest=until,
    )


def closes_at(ctx: Context, window: Days | None) -> dt.datetime | None:
    """The last second of a window, in the authority's time zone."""
    return day_ends(window[1], ctx.clock.authority) if window else None
