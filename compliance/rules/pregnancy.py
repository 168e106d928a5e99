"""A positive or unclear test, or a pregnancy: it stops everything until it is resolved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from compliance.rules.context import Context
from compliance.rules.dates import plus, show
from compliance.rules.facts import Lab, Pregnancy, PregnancyExcluded, PregnancyTest
from compliance.rules.findings import Finding, Provision
from compliance.rules.makers import met, unknown, unmet
from compliance.rules.programme import NoEditionError
from compliance.rules.results import read_result, results
from compliance.rules.terms import Analyte, Requirement, Term, TestResult

NOT_PREGNANT = Requirement.NOT_PREGNANT


class Sign(Term):
    """What points to a pregnancy, the gravest first."""

    PREGNANCY = "pregnancy"
    POSITIVE = "positive"
    UNCLEAR = "unclear"
    UNREADABLE = "unreadable"


_GRAVITY = {sign: number for number, sign in enumerate(Sign)}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One sign of a pregnancy on one day."""

    day: dt.date
    sign: Sign
    evidence: str


def alarms(ctx: Context) -> list[Alarm]:
    """Every sign of a pregnancy on record, resolved or not, oldest first."""
    if ctx.alarms is None:
        ctx.alarms = _alarms(ctx)
    return ctx.alarms


def _alarms(ctx: Context) -> list[Alarm]:
    found = [Alarm(fact.on, Sign.PREGNANCY, fact.id) for fact in ctx.known(Pregnancy)]
    for test in ctx.known(PregnancyTest):
        if test.result is not TestResult.NEGATIVE:
            found.append(Alarm(test.collected, _SIGNS[test.result], test.id))
    found += _quantitative(ctx)
    if len(found) > 1:
        found.sort(key=lambda alarm: (alarm.day, -_GRAVITY[alarm.sign]))
    return found


_SIGNS = {TestResult.POSITIVE: Sign.POSITIVE, TestResult.INDETERMINATE: Sign.UNCLEAR}


def unresolved(ctx: Context) -> list[Alarm]:
    """The signs that nothing has resolved; a later negative lifts an unclear one only."""
    signs = alarms(ctx)
    if not signs:
        return []
    closed = max((fact.on for fact in ctx.known(PregnancyExcluded)), default=dt.date.min)
    return [
        alarm
        for alarm in signs
        if alarm.day > closed and not (alarm.sign is Sign.UNCLEAR and _cleared(ctx, alarm))
    ]


def _cleared(ctx: Context, alarm: Alarm) -> bool:
    """By a later negative test that counts, or a later hCG below the unclear range."""
    since = clears_from(ctx, alarm)
    low_hcg = any(
        lab.day >= since and _read_hcg(ctx, lab) is None for lab in results(ctx, Analyte.HCG)
    )
    if ctx.has("unclear_cleared_after_days"):
        return low_hcg or any(_repeats(ctx, since))
    settings = _clearing_settings(ctx)
    return any(test.setting in settings for test in _repeats(ctx, since)) or low_hcg


def _repeats(ctx: Context, since: dt.date) -> Iterable[PregnancyTest]:
    """The negative tests from a day on that detect what they must."""
    return (
        test
        for test in ctx.known(PregnancyTest)
        if test.collected >= since
        and test.result is TestResult.NEGATIVE
        and _detects_enough(ctx, test)
    )


def detects_enough(ctx: Context, test: PregnancyTest) -> bool:
    """Whether a test detects the hCG that it must; true where no limit is set."""
    limit = ctx.rule("sensitivity", test.collected).value
    return limit is None or test.sensitivity <= limit


def _detects_enough(ctx: Context, test: PregnancyTest) -> bool:
    try:
        return detects_enough(ctx, test)
    except NoEditionError:
        return False


def clears_from(ctx: Context, alarm: Alarm) -> dt.date:
    """The first day on which a repeat may resolve an unclear test."""
    if not ctx.has("unclear_cleared_after_days"):
        return plus(alarm.day, 1)
    return plus(alarm.day, ctx.rule("unclear_cleared_after_days").value)


def _clearing_settings(ctx: Context) -> frozenset[Term]:
    try:
        settings: frozenset[Term] = ctx.rule("unclear_cleared_in").value
    except NoEditionError:
        return frozenset()
    return settings


def _quantitative(ctx: Context) -> Iterable[Alarm]:
    for lab in results(ctx, Analyte.HCG):
        sign = _read_hcg(ctx, lab)
        if sign is not None:
            yield Alarm(lab.day, sign, lab.id)


def _read_hcg(ctx: Context, lab: Lab) -> Sign | None:
    value = read_result(lab.analyte, lab.value, lab.unit)
    if value is None or not ctx.has("hcg_positive_from"):
        return Sign.UNREADABLE
    if value.at_least(ctx.rule("hcg_positive_from").value):
        return Sign.POSITIVE
    if value.at_least(ctx.rule("hcg_unclear_from").value) is False:
        return None
    return Sign.UNCLEAR


def not_pregnant(ctx: Context) -> Finding:
    """No positive test, no pregnancy, and no unclear test left unresolved."""
    basis = _basis(ctx)
    open_signs = unresolved(ctx)
    if open_signs:
        gravest = min(open_signs, key=lambda alarm: (_GRAVITY[alarm.sign], alarm.day))
        if gravest.sign is Sign.UNCLEAR and ctx.has("unclear_cleared_after_days"):
            return _unclear_for_days(ctx, gravest, basis)
        return _FINDINGS[gravest.sign](gravest, basis)
    if ctx.has("unclear_cleared_after_days"):
        basis = (*basis, ctx.rule("unclear_cleared_after_days"))
    return met(NOT_PREGNANT, "No positive or unclear test and no pregnancy is open.", (), basis)


def _basis(ctx: Context) -> tuple[Provision, ...]:
    # A positive test blocks on any day, also on one before the first edition.
    try:
        return (ctx.rule("not_pregnant"),)
    except NoEditionError:
        return ()


def _pregnancy(alarm: Alarm, basis: tuple[Provision, ...]) -> Finding:
    return unmet(
        NOT_PREGNANT,
        f"A pregnancy was confirmed on {show(alarm.day)}: treatment stops at once.",
        (alarm.evidence,),
        basis,
        action="Stop, reverse any authorisation, refer to obstetrics and report the pregnancy",
        urgent=True,
    )


def _positive(alarm: Alarm, basis: tuple[Provision, ...]) -> Finding:
    return unmet(
        NOT_PREGNANT,
        f"The pregnancy test of {show(alarm.day)} is positive: treatment stops at once, and a later"
        " negative test does not lift this.",
        (alarm.evidence,),
        basis,
        action="Stop, call the patient today, reverse any authorisation and arrange confirmation",
        urgent=True,
    )


def _unclear(alarm: Alarm, basis: tuple[Provision, ...]) -> Finding:
    return unmet(
        NOT_PREGNANT,
        f"The pregnancy test of {show(alarm.day)} is unclear, which is not negative; a test in a"
        " medical setting on a later day resolves it (AMBIGUOUS A15).",
        (alarm.evidence,),
        basis,
        action="Repeat the test in a medical setting, serum preferred",
        earliest=plus(alarm.day, 1),
        urgent=True,
    )


def _unclear_for_days(ctx: Context, alarm: Alarm, basis: tuple[Provision, ...]) -> Finding:
    since = clears_from(ctx, alarm)
    return unmet(
        NOT_PREGNANT,
        f"The pregnancy test or hCG of {show(alarm.day)} is unclear, which is not negative; a"
        f" negative repeat on or after {show(since)} resolves it.",
        (alarm.evidence,),
        (*basis, ctx.rule("unclear_cleared_after_days")),
        action=f"Prescribe nothing, and repeat the test on or after {show(since)}",
        earliest=since,
        urgent=True,
    )


def _unreadable(alarm: Alarm, basis: tuple[Provision, ...]) -> Finding:
    return unknown(
        NOT_PREGNANT,
        f"The hCG result of {show(alarm.day)} cannot be read with certainty.",
        (alarm.evidence,),
        basis,
        action="Have the hCG result corrected, or repeat the test in a medical setting",
        urgent=True,
    )


_FINDINGS = {
    Sign.PREGNANCY: _pregnancy,
    Sign.POSITIVE: _positive,
    Sign.UNCLEAR: _unclear,
    Sign.UNREADABLE: _unreadable,
}
