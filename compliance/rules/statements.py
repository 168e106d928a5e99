"""What prescriber and patient state for each prescription, and in which order."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import plus, show
from compliance.rules.facts import Comprehension, Counselling, MethodReport
from compliance.rules.findings import Finding
from compliance.rules.makers import due, met, unmet
from compliance.rules.pregnancy_tests import tests_of
from compliance.rules.terms import Act, Method, Requirement, Side
from compliance.rules.windows import closes_at, open_window, visit_of_prescription
from compliance.rules.words import join_methods

COUNSELLING = Requirement.COUNSELLING
COMPREHENSION = Requirement.COMPREHENSION
MATCH = Requirement.METHOD_MATCH


def counselling(ctx: Context) -> Finding:
    """The prescriber confirms counselling for this prescription, or once where that is enough."""
    return _with_test(ctx) if course_of(ctx).can else _without_test(ctx)


def _with_test(ctx: Context) -> Finding:
    basis = (ctx.rule("counselling_can"),)
    serving = tests_of(ctx).serving
    if serving is None:
        return unmet(
            COUNSELLING,
            "The prescriber's confirmation for this prescription comes on or after its test, which"
            " is not there yet.",
            (),
            basis,
            action="After the test, confirm counselling and enter the methods",
        )
    entry = confirmation(ctx, serving.collected)
    if entry is None:
        return unmet(
            COUNSELLING,
            "The prescriber has not confirmed counselling since the test of"
            f" {show(serving.collected)}.",
            (serving.id,),
            basis,
            action="Confirm counselling and enter the methods",
            act_by=closes_at(ctx, open_window(ctx)),
        )
    return met(COUNSELLING, f"Counselling was confirmed on {show(entry.on)}.", (entry.id,), basis)


def confirmation(ctx: Context, since: dt.date) -> Counselling | None:
    """The prescriber's first confirmation on or after a day."""
    return next((fact for fact in ctx.known(Counselling) if fact.on >= since), None)


def _without_test(ctx: Context) -> Finding:
    basis = (ctx.rule("counselling_cannot"),)
    course = course_of(ctx)
    last = course.last_dispensing if basis[0].value == "prescription" else None
    since = plus(last.on, 1) if last else course.since
    if basis[0].value == "prescription":
        since = max(since, _after_lapsed_prescription(ctx, since))
    entry = confirmation(ctx, since)
    if entry is not None:
        reason = f"Counselling was confirmed on {show(entry.on)}."
        return met(COUNSELLING, reason, (entry.id,), basis)
    reason = "The prescriber has not confirmed counselling"
    reason += f" since the last pick-up on {show(last.on)}." if last else "."
    action = "Confirm counselling"
    return unmet(
        COUNSELLING,
        reason,
        (last.id,) if last else (),
        basis,
        action=action,
        act_by=closes_at(ctx, open_window(ctx)),
    )


def _after_lapsed_prescription(ctx: Context, since: dt.date) -> dt.date:
    """The day after an earlier prescription that nobody picked up: its confirmation is used up."""
    visit = visit_of_prescription(ctx)
    issued = course_of(ctx).prescriptions
    earlier = issued if ctx.question.act is Act.PRESCRIBE else issued[:-1]
    lapsed = [item.on for item in earlier if visit is not None and since <= item.on < visit.on]
    return plus(lapsed[-1], 1) if lapsed else since


def comprehension(ctx: Context) -> Finding:
    """The patient's questions, passed for this prescription on or after the prescriber's entry."""
    basis = (ctx.rule("comprehension"),)
    serving = tests_of(ctx).serving
    entered = _entered_on(ctx, serving.collected) if serving else None
    if entered is None:
        return _next_step(
            ctx,
            COMPREHENSION,
            "The patient answers the questions after the prescriber's entry for this prescription.",
            "Ask the patient to answer once the prescriber has confirmed",
        )
    answers = [fact for fact in ctx.known(Comprehension) if fact.on >= entered]
    passed = next((fact for fact in answers if fact.passed), None)
    if passed is not None:
        reason = f"The patient answered the questions on {show(passed.on)}."
        return met(COMPREHENSION, reason, (passed.id,), basis)
    failed = " correctly" if answers else ""
    return _next_step(
        ctx,
        COMPREHENSION,
        f"The patient has not answered this month's questions{failed} since the prescriber's entry"
        f" of {show(entered)}.",
        "Ask the patient to answer this month's questions",
    )


def _entered_on(ctx: Context, since: dt.date) -> dt.date | None:
    """The day on which the prescriber's entry was whole: the confirmation, and the methods too."""
    entry = confirmation(ctx, since)
    mine = (fact.on for fact in ctx.known(MethodReport) if fact.by is Side.PRESCRIBER)
    named = next((day for day in mine if day >= since), None)
    return max(entry.on, named or entry.on) if entry else None


def _next_step(ctx: Context, requirement: Requirement, reason: str, action: str) -> Finding:
    """A step that follows the prescription: it blocks the pick-up, not the prescribing."""
    basis = (ctx.rule(_RULES[requirement]),)
    by = closes_at(ctx, open_window(ctx))
    if ctx.question.act is Act.PRESCRIBE:
        return due(requirement, reason, (), basis, action=action, act_by=by)
    return unmet(requirement, reason, (), basis, action=action, act_by=by)


_RULES = {COMPREHENSION: "comprehension", MATCH: "method_match"}


def method_match(ctx: Context) -> Finding:
    """Prescriber and patient entered the same methods for this prescription."""
    serving = tests_of(ctx).serving
    mine = _entries(ctx, Side.PRESCRIBER, serving.collected) if serving else []
    theirs = _entries(ctx, Side.PATIENT, serving.collected) if serving else []
    if mine and theirs:
        return _compare(ctx, mine, theirs)
    missing = "the prescriber" if not mine else "the patient"
    both = "prescriber and patient" if not mine and not theirs else missing
    have = "have" if both != missing else "has"
    since = f" since the test of {show(serving.collected)}" if serving else " since a test"
    return _next_step(
        ctx,
        MATCH,
        f"{both[0].upper()}{both[1:]} {have} not entered the methods for this prescription{since}.",
        f"Have {both} enter the methods in use",
    )


def _entries(ctx: Context, side: Side, since: dt.date) -> list[MethodReport]:
    """The newest entry of one side; all of that day, since one day has no order."""
    found = [fact for fact in ctx.known(MethodReport) if fact.by is side and fact.on >= since]
    return [fact for fact in found if fact.on == found[-1].on]


def _compare(ctx: Context, mine: list[MethodReport], theirs: list[MethodReport]) -> Finding:
    basis = (ctx.rule("method_match"),)
    evidence = tuple(fact.id for fact in (*mine, *theirs))
    stated = {_named(fact) for fact in (*mine, *theirs)}
    if len(stated) == 1:
        reason = f"Prescriber and patient both entered {join_methods(stated.pop())}."
        return met(MATCH, reason, evidence, basis)
    return unmet(
        MATCH,
        f"The prescriber entered {_all(mine)} on {show(mine[0].on)}, the patient {_all(theirs)} on"
        f" {show(theirs[0].on)}: the entries must name the same methods.",
        evidence,
        basis,
        action="Settle which methods are in use and correct the entry that is wrong",
        act_by=closes_at(ctx, open_window(ctx)),
    )


def _named(fact: MethodReport) -> frozenset[Method]:
    return frozenset(fact.methods) - {Method.NONE}


def _all(facts: list[MethodReport]) -> str:
    return " or ".join(sorted({join_methods(_named(fact)) for fact in facts}))
