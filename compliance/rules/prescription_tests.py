"""What is asked of the pregnancy test of each prescription: in time, supervised, fine enough."""

from __future__ import annotations

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import plus, show
from compliance.rules.facts import Menses, PregnancyTest
from compliance.rules.findings import Days, Finding, Provision
from compliance.rules.issuing import issue_of
from compliance.rules.makers import due, met, not_required, unknown, unmet
from compliance.rules.pregnancy import detects_enough
from compliance.rules.serving_tests import (
    Serving,
    days_before,
    serves_until,
    serving_of,
    setting_of,
    voided_on,
)
from compliance.rules.terms import (
    Cycle,
    Outcome,
    Phase,
    Requirement,
    Supervision,
    TestSetting,
)

SCREENING = Requirement.SCREENING_TEST
BEFORE_START = Requirement.TEST_BEFORE_START
MONTHLY = Requirement.MONTHLY_TEST
SETTING = Requirement.TEST_SETTING
SENSITIVITY = Requirement.TEST_SENSITIVITY


def screening_before_start(ctx: Context) -> Finding:
    """The first of two negative tests; a single one on record counts as the second."""
    basis = (ctx.rule("first_test"),)
    if not issue_of(ctx).initiation:
        return not_required(SCREENING, "Asked before the first prescription only.", basis)
    if basis[0].value is None:
        return not_required(SCREENING, "One test before the start is enough.", basis)
    serving = serving_of(ctx)
    if serving.first is not None:
        reason = f"The first test, of {show(serving.first.collected)}, is negative."
        return met(SCREENING, reason, (serving.first.id,), basis)
    if serving.test is not None:
        reason = (
            "Two negative tests on different days are asked for before the start; the one of"
            f" {show(serving.test.collected)} counts as the second, and the first, at the initial"
            " assessment, is missing."
        )
        action = "Collect another test; the one on record then counts as the first"
        return unmet(SCREENING, reason, (serving.test.id,), basis, action=action)
    reason = "No first negative pregnancy test, at the initial assessment, is recorded."
    return unmet(SCREENING, reason, (), basis, action="Collect the first pregnancy test")


def start_test(ctx: Context) -> Finding:
    """A negative test within the days before the first prescription."""
    basis = (ctx.rule("test_before_start_days"),)
    if not issue_of(ctx).initiation:
        return not_required(BEFORE_START, "Asked before the first prescription only.", basis)
    serving = serving_of(ctx)
    if serving.test is None:
        return _no_test(ctx, BEFORE_START, serving, basis)
    off_days = _off_menses_days(ctx, serving.test)
    return off_days or _served(ctx, BEFORE_START, serving.test, basis)


def month_test(ctx: Context) -> Finding:
    """A negative test for each further prescription."""
    basis = (ctx.rule("monthly_test"), ctx.rule("monthly_test_days"))
    if issue_of(ctx).initiation:
        return not_required(MONTHLY, "Asked from the second prescription on.", basis)
    if basis[0].value is None:
        return not_required(MONTHLY, "No test is asked for during treatment.", basis)
    serving = serving_of(ctx)
    if serving.test is None:
        return _no_test(ctx, MONTHLY, serving, basis)
    return _served(ctx, MONTHLY, serving.test, basis)


def _served(
    ctx: Context, requirement: Requirement, test: PregnancyTest, basis: tuple[Provision, ...]
) -> Finding:
    last = serves_until(ctx, test)
    until = f" and serves a prescription through {show(last)}" if last else ""
    reason = f"The test of {show(test.collected)} is negative{until}."
    return met(requirement, reason, (test.id,), basis)


def _no_test(
    ctx: Context, requirement: Requirement, serving: Serving, basis: tuple[Provision, ...]
) -> Finding:
    days = days_before(ctx)
    wanted = _wanted(ctx, days)
    newest = serving.newest
    older = f"; {_why_not(ctx, newest)}" if newest else ""
    return unmet(
        requirement,
        f"No negative pregnancy test {wanted} is recorded{older}.",
        (newest.id,) if newest else (),
        basis,
        action="Collect a pregnancy test",
    )


def _why_not(ctx: Context, newest: PregnancyTest) -> str:
    voided = voided_on(ctx, newest)
    named = f"the newest, of {show(newest.collected)},"
    if voided is not None:
        return f"{named} came before the positive or unclear result of {show(voided)}"
    return f"{named} is too old"


def _wanted(ctx: Context, days: int | None) -> str:
    previous = issue_of(ctx).previous_on
    if days is None:
        return f"since the previous prescription on {show(previous)}" if previous else "so far"
    return f"collected on the day of the prescription or in the {days} days before"


def _off_menses_days(ctx: Context, test: PregnancyTest) -> Finding | None:
    """Where the start should fall on certain days of the period, another day warns."""
    rule = ctx.rule("start_menses_days")
    potential = course_of(ctx).potential
    cycle = potential.cycle if potential else Cycle.UNKNOWN
    if rule.value is None or cycle in (ctx.rule("cycles_without_menses_day").value or ()):
        return None
    first, last = rule.value
    days = [(ctx.today - period.started).days + 1 for period in ctx.known(Menses)]
    for period in ctx.known(Menses):
        ctx.clock.reached(plus(period.started, first - 1))
        ctx.clock.reached(plus(period.started, last))
    if any(first <= day <= last for day in days):
        return None
    return unmet(
        BEFORE_START,
        f"The test of {show(test.collected)} is negative and in time, but the day asked is not day"
        f" {first} or {last} of a recorded period, when treatment is best started.",
        (test.id,),
        (rule, ctx.rule("test_before_start_days")),
        action=f"Start on day {first} or {last} of the next period, or record when it began",
    )


def next_test_days(ctx: Context) -> Days | None:
    """When the test of the next prescription is due; None when it is there or none is asked."""
    course = course_of(ctx)
    if not course.can or course.phase is Phase.AFTER or not course.prescriptions:
        return None
    if ctx.rule("monthly_test").value is None:
        return None
    last = course.prescriptions[-1].on
    test = serving_of(ctx).test
    if test is not None and test.collected > last:
        return None
    visit = plus(last, ctx.rule("visit_every_days").value)
    return plus(visit, -ctx.rule("test_before_visit_days").value), visit


# --- where, and how fine --------------------------------------------------------------------------


def setting_at_issue(ctx: Context) -> Finding:
    """Done where the edition of the prescription allows it, watched as it asks."""
    rule = ctx.rule("test_settings")
    basis = (rule, ctx.rule("home_supervision"))
    if rule.value is None:
        return not_required(SETTING, _not_asked(rule, "Where a test is done"), basis)
    test = serving_of(ctx).test
    if test is None:
        return due(SETTING, "No pregnancy test serves this prescription yet.", (), basis)
    outcome = setting_of(ctx, test)
    if outcome is Outcome.MET:
        reason = f"The test of {show(test.collected)} was done where it may be."
        return met(SETTING, reason, (test.id,), basis)
    if outcome is Outcome.UNKNOWN:
        return _doubtful_setting(test, (basis[1], rule))
    return _bad_setting(test, basis)


def _not_asked(rule: Provision, what: str) -> str:
    if rule.stated:
        return f"{what} is not limited here."
    return f"{what} is not stated in the sources that we know, so it is not evaluated."


_WATCHED = {
    Supervision.VIDEO: "at home, watched by video",
    Supervision.PHOTO: "at home, with a photograph only",
    Supervision.IN_PERSON: "at home, watched in person",
    Supervision.NONE: "at home, watched by nobody",
}
_PLACES = {
    TestSetting.MEDICAL: "in a medical setting",
    TestSetting.LABORATORY: "in a laboratory",
}


def _place(test: PregnancyTest) -> str:
    if test.setting is TestSetting.HOME:
        return f"was done {_WATCHED[test.supervision or Supervision.NONE]}"
    if test.setting is None:
        return "does not say where it was done"
    return f"was done {_PLACES[test.setting]}"


def _doubtful_setting(test: PregnancyTest, basis: tuple[Provision, ...]) -> Finding:
    return unknown(
        SETTING,
        f"The test of {show(test.collected)} {_place(test)}; whether that is enough is not settled"
        " by the text in force (AMBIGUOUS B4), so a person decides.",
        (test.id,),
        basis,
        action="Have the prescriber decide, or repeat the test under supervision",
    )


def _bad_setting(test: PregnancyTest, basis: tuple[Provision, ...]) -> Finding:
    laboratory = basis[0].value == {TestSetting.LABORATORY}
    wanted = "a licensed laboratory" if laboratory else "medical supervision"
    return unmet(
        SETTING,
        f"The test of {show(test.collected)} {_place(test)}; {wanted} is asked for.",
        (test.id,),
        basis,
        action=f"Repeat the test {'in' if laboratory else 'under'} {wanted}",
    )


def sensitivity_at_issue(ctx: Context) -> Finding:
    """The tests detect the hCG that they must."""
    basis = (ctx.rule("sensitivity"),)
    if basis[0].value is None:
        reason = _not_asked(basis[0], "How little hCG a test must detect")
        return not_required(SENSITIVITY, reason, basis)
    tests = _asked_tests(ctx)
    if not tests:
        return due(SENSITIVITY, "No pregnancy test serves this prescription yet.", (), basis)
    coarse = next((test for test in tests if not detects_enough(ctx, test)), None)
    evidence = tuple(test.id for test in tests)
    if coarse is None:
        reason = f"The test of {show(tests[0].collected)} detects {basis[0].value} mIU/mL."
        return met(SENSITIVITY, reason, evidence, basis)
    return unmet(
        SENSITIVITY,
        f"The test of {show(coarse.collected)} detects hCG only from {coarse.sensitivity:g} mIU/mL;"
        f" it must detect {basis[0].value}.",
        (coarse.id,),
        basis,
        action=f"Repeat with a test that detects {basis[0].value} mIU/mL or less",
    )


def _asked_tests(ctx: Context) -> list[PregnancyTest]:
    serving = serving_of(ctx)
    two = issue_of(ctx).initiation and ctx.rule("first_test").value
    first = serving.first if two else None
    return [test for test in (serving.test, first) if test is not None]
