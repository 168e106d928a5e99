"""What is asked of the pregnancy tests: when, where and how fine."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.courses import course_of, supply_ends
from compliance.rules.dates import day_ends, plus, show
from compliance.rules.facts import PregnancyTest
from compliance.rules.findings import Finding, Provision
from compliance.rules.lead_in import lead_in_ready
from compliance.rules.makers import due, met, not_required, unmet
from compliance.rules.pregnancy import detects_enough
from compliance.rules.pregnancy_tests import (
    Fault,
    SettingFault,
    Stage,
    Tests,
    certified_rule,
    is_open,
    monthly_stage,
    setting_fault,
    setting_rule,
    tests_of,
)
from compliance.rules.terms import Phase, Requirement
from compliance.rules.words import join

SCREENING = Requirement.SCREENING_TEST
BEFORE_START = Requirement.TEST_BEFORE_START
MONTHLY = Requirement.MONTHLY_TEST
SETTING = Requirement.TEST_SETTING
SENSITIVITY = Requirement.TEST_SENSITIVITY


def screening_test(ctx: Context) -> Finding:
    """The first of two negative tests before treatment."""
    if course_of(ctx).phase is not Phase.BEFORE:
        return not_required(SCREENING, "The two tests are asked for before the first dose only.")
    first = tests_of(ctx).first
    if first is None:
        return unmet(
            SCREENING,
            f"No first negative pregnancy test that counts is recorded{_since(ctx)}.",
            (),
            (ctx.rule("first_test"),),
            action="Collect the first pregnancy test in a medical setting",
        )
    return met(
        SCREENING,
        f"The first test, of {show(first.collected)}, is negative.",
        (first.id,),
        (ctx.rule("first_test", first.collected),),
    )


def _since(ctx: Context) -> str:
    course = course_of(ctx)
    if course.since == dt.date.min:
        return ""
    why = " (AMBIGUOUS A12: a long gap with a broken pair)" if course.restarted else ""
    return f" since qualifying began anew on {show(course.since)}{why}"


def test_before_start(ctx: Context) -> Finding:
    """The second test: far enough from the first, on the right days, just before treatment."""
    if course_of(ctx).phase is not Phase.BEFORE:
        return not_required(BEFORE_START, "The two tests are asked for before the first dose only.")
    tests = tests_of(ctx)
    if tests.serving is None:
        return _no_second_test(ctx, tests)
    day = tests.serving.collected
    basis = (ctx.rule("tests_apart_days", day), ctx.rule("menses_days", day))
    faults = tuple(set(tests.faults) - {Fault.LEAD_IN})
    if not faults:
        reason = f"The second test, of {show(day)}, is negative and meets the rules."
        return met(BEFORE_START, reason, (tests.serving.id,), basis)
    return unmet(
        BEFORE_START,
        f"The second test, of {show(day)}, does not serve: {_why(ctx, tests, faults)}.",
        (tests.serving.id,),
        basis,
        action=_remedy(faults),
        earliest=_apart(ctx, tests) if Fault.TOO_SOON in faults else None,
    )


test_before_start.__test__ = False  # type: ignore[attr-defined]  # pytest: a rule, no test


def _no_second_test(ctx: Context, tests: Tests) -> Finding:
    apart = ctx.rule("tests_apart_days")
    if tests.first is None:
        return unmet(
            BEFORE_START,
            f"The second test comes at least {apart.value} days after a first one that counts.",
            (),
            (apart,),
            action="Collect the first test, then plan the second",
        )
    ready = _ready(ctx, tests)
    return unmet(
        BEFORE_START,
        f"No second negative pregnancy test that counts has been collected since the first, of"
        f" {show(tests.first.collected)}; the earliest day is {show(ready)}.",
        (tests.first.id,),
        (apart, ctx.rule("menses_days")),
        action=f"Collect the second test in a medical setting{_when(ctx)}",
        earliest=ready,
    )


def _ready(ctx: Context, tests: Tests) -> dt.date:
    return max(_apart(ctx, tests), lead_in_ready(ctx, ctx.today) or dt.date.min)


def _apart(ctx: Context, tests: Tests) -> dt.date:
    first = tests.first.collected if tests.first else dt.date.min
    return plus(first, ctx.rule("tests_apart_days").value)


def _when(ctx: Context) -> str:
    """When in the cycle, where the cycle is known to ask for it."""
    potential = course_of(ctx).potential
    if potential is None or potential.cycle in ctx.rule("cycles_without_menses_day").value:
        return ""
    first, last = ctx.rule("menses_days").value
    return f", on days {first} to {last} of the period when cycles are regular"


def _why(ctx: Context, tests: Tests, faults: tuple[Fault, ...]) -> str:
    first, last = ctx.rule("menses_days").value
    words = {
        Fault.TOO_SOON: f"it comes before {show(_apart(ctx, tests))}, when"
        f" {ctx.rule('tests_apart_days').value} days have passed since the first",
        Fault.NOT_IN_MENSES: f"it is not on days {first} to {last} of a recorded period",
        Fault.CYCLE_UNKNOWN: "whether it must fall into the period cannot be told while the"
        " cycle is not recorded",
    }
    return join(words[fault] for fault in Fault if fault in faults)


def _remedy(faults: tuple[Fault, ...]) -> str:
    if faults == (Fault.CYCLE_UNKNOWN,):
        return "Record the patient's cycle"
    if Fault.NOT_IN_MENSES in faults:
        return "Record when the period began, or repeat the test in the first days of the next one"
    return "Repeat the second test in a medical setting"


def monthly_test(ctx: Context) -> Finding:
    """One negative test for each prescription, collected after the previous pick-up."""
    last = course_of(ctx).last_dispensing
    if course_of(ctx).phase is not Phase.DURING or last is None:
        reason = "Asked from the second prescription on; two tests come before the first."
        return not_required(MONTHLY, reason)
    serving = tests_of(ctx).serving
    if serving is not None:
        reason = f"The test of {show(serving.collected)} is negative."
        basis = (ctx.rule("monthly_test", serving.collected),)
        return met(MONTHLY, reason, (serving.id,), basis)
    first, end = suggested_test_days(ctx)
    return unmet(
        MONTHLY,
        "No negative pregnancy test that counts has been collected since the last pick-up on"
        f" {show(last.on)}.",
        (last.id,),
        (ctx.rule("monthly_test"), ctx.rule("suggested_test_days")),
        action="Collect a pregnancy test",
        earliest=first,
        act_by=day_ends(end, ctx.terms.time_zone),
    )


def suggested_test_days(ctx: Context) -> tuple[dt.date, dt.date]:
    """When the next test is best collected: from some days before the supply ends until it has."""
    last = course_of(ctx).last_dispensing
    end = plus(supply_ends(last), 1) if last else dt.date.max
    return plus(end, -ctx.rule("suggested_test_days").value), end


# --- where, and how fine --------------------------------------------------------------------------


def test_setting(ctx: Context) -> Finding:
    """Done where this stage allows it, with its process documented."""
    tests = tests_of(ctx)
    for test in reversed(_that_matter(ctx, tests)):
        stage = stage_of(ctx, tests, test)
        fault = setting_fault(ctx, test, stage)
        if fault is not None:
            return _bad_setting(ctx, test, stage, fault)
    used = [test for test in (tests.first, tests.serving) if test]
    if not used:
        return due(SETTING, "No pregnancy test is recorded yet.", (), ())
    newest = used[-1]
    return met(
        SETTING,
        f"The test of {show(newest.collected)} was done where it may be.",
        tuple(test.id for test in used),
        (setting_rule(ctx, newest, stage_of(ctx, tests, newest)),),
    )


test_setting.__test__ = False  # type: ignore[attr-defined]  # pytest: a rule, no test


def stage_of(ctx: Context, tests: Tests, test: PregnancyTest) -> Stage:
    """What a test is meant for."""
    if course_of(ctx).phase is Phase.DURING:
        return monthly_stage(ctx, test)
    before = tests.first is None or test.collected <= tests.first.collected
    return Stage.FIRST if before else Stage.SECOND


def _that_matter(ctx: Context, tests: Tests) -> tuple[PregnancyTest, ...]:
    """Rejected tests, unless the window of a good one is still open."""
    return () if is_open(ctx, tests.window) else tests.rejected


def _bad_setting(ctx: Context, test: PregnancyTest, stage: Stage, fault: SettingFault) -> Finding:
    rule = setting_rule(ctx, test, stage)
    basis = (rule, ctx.rule("home_process", test.collected))
    if fault is SettingFault.NOT_CERTIFIED:
        certified = certified_rule(ctx, test, stage)
        basis = (certified, rule) if certified else basis
    return unmet(
        SETTING,
        f"The test of {show(test.collected)} does not count: {_PLACES[fault, stage]}.",
        (test.id,),
        basis,
        action=_BETTER[fault] if stage is Stage.MONTHLY else "Repeat it in a medical setting",
    )


_HOME = {
    Stage.FIRST: "it was done at home, and before the first dose a medical setting is needed",
    Stage.SECOND: "it was done at home, and before the first dose a medical setting is needed",
    Stage.MONTHLY: "it was done at home, which this edition does not allow",
    Stage.AFTER_GAP: "it was done at home after a long gap in therapy, when a medical setting is"
    " needed (AMBIGUOUS A12)",
    Stage.FINAL: "it was done at home, which this edition does not allow",
}
_PLACES = {
    **{(SettingFault.HOME, stage): words for stage, words in _HOME.items()},
    **{(SettingFault.NOT_RECORDED, stage): "where it was done is not recorded" for stage in Stage},
    **{
        (SettingFault.NO_PROCESS, stage): "it was done at home without a documented process against"
        " misreading and falsification"
        for stage in Stage
    },
    **{
        (SettingFault.NOT_CERTIFIED, stage): "it was not done in a CLIA-certified laboratory"
        for stage in Stage
    },
}
_BETTER = {
    SettingFault.HOME: "Repeat it in a medical setting",
    SettingFault.NOT_RECORDED: "Record where it was done, or repeat it in a medical setting",
    SettingFault.NO_PROCESS: "Repeat it in a medical setting, or at home under the documented"
    " process",
    SettingFault.NOT_CERTIFIED: "Repeat it in a CLIA-certified laboratory",
}


def test_sensitivity(ctx: Context) -> Finding:
    """The test detects the hCG that it must."""
    tests = tests_of(ctx)
    for test in reversed(_that_matter(ctx, tests)):
        if not detects_enough(ctx, test):
            return _coarse(test, ctx.rule("sensitivity", test.collected))
    used = [test for test in (tests.first, tests.serving) if test]
    if not used:
        return due(SENSITIVITY, "No pregnancy test is recorded yet.", (), ())
    newest = used[-1]
    rule = ctx.rule("sensitivity", newest.collected)
    return met(
        SENSITIVITY,
        f"The test of {show(newest.collected)} detects {rule.value} mIU/mL.",
        tuple(test.id for test in used),
        (rule,),
    )


test_sensitivity.__test__ = False  # type: ignore[attr-defined]  # pytest: a rule, no test


def _coarse(test: PregnancyTest, rule: Provision) -> Finding:
    return unmet(
        SENSITIVITY,
        f"The test of {show(test.collected)} detects hCG only from {test.sensitivity:g} mIU/mL; it"
        f" must detect {rule.value}.",
        (test.id,),
        (rule,),
        action=f"Repeat with a test that detects {rule.value} mIU/mL or less",
    )
