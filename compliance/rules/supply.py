"""How much is prescribed, how soon again, and until when it may be handed over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from compliance.rules.context import Context
from compliance.rules.course_end import next_course_from
from compliance.rules.courses import course_of, supply_ends
from compliance.rules.dates import day_ends, plus, show
from compliance.rules.exemptions import exempted
from compliance.rules.facts import Prescription
from compliance.rules.findings import Days, Finding, Provision, Question
from compliance.rules.issuing import issue_of, issued_context
from compliance.rules.makers import met, not_required, unmet
from compliance.rules.pregnancy import unresolved
from compliance.rules.programme import NoEditionError
from compliance.rules.protection import ready_on
from compliance.rules.schemes import protection_of
from compliance.rules.serving_tests import counts, serves_until, serving_of
from compliance.rules.terms import Act, Binding, Phase, Requirement

SUPPLY = Requirement.DAYS_SUPPLY
WINDOW = Requirement.PRESCRIPTION_WINDOW
Basis = tuple[Provision, ...]


def supply_within_limit(ctx: Context) -> Finding:
    """The days of all supplies together within the limit, and not renewed too early."""
    found = _limited(issued_context(ctx), None)
    if found.blocks or ctx.question.act is not Act.DISPENSE or issue_of(ctx).waiting is None:
        return found
    asked = _limited(issued_context(ctx), ctx.question)
    return asked if asked.blocks or not found.warns else found


def _limited(ctx: Context, asked: Question | None) -> Finding:
    """Judge the prescription of the context, or what is asked about it at the pharmacy."""
    question = asked or ctx.question
    limit = supply_limit(ctx)
    basis = (limit, ctx.rule("refills"), ctx.rule("renewal_days_left"))
    if limit.value is None:
        return not_required(SUPPLY, "No limit on the days' supply is set for this patient.", basis)
    total = question.days_supply * (1 + question.refills)
    refills = basis[1].value
    if total > limit.value or (refills is not None and question.refills > refills):
        return _too_much(question, basis)
    return _too_early(ctx, basis) or met(SUPPLY, f"Supply for {total} days.", (), basis)


def supply_limit(ctx: Context) -> Provision:
    """The rule on the days' supply for this patient."""
    return ctx.rule("supply_days" if course_of(ctx).can else "supply_days_cannot")


def _too_much(question: Question, basis: Basis) -> Finding:
    words = f"{question.days_supply} days with {question.refills or 'no'} refills"
    limit = f"{basis[0].value} days, each refill counted as a further supply"
    none = "" if basis[1].value is None else ", and without a refill"
    return unmet(
        SUPPLY,
        f"The prescription is for {words}; at most {limit}{none}.",
        (),
        basis,
        action=f"Write it for at most {basis[0].value} days in all{none}",
    )


def _too_early(ctx: Context, basis: Basis) -> Finding | None:
    ready = renewal_from(ctx)
    last = course_of(ctx).last_dispensing
    if ready is None or last is None or ctx.clock.reached(ready):
        return None
    return unmet(
        SUPPLY,
        f"The supply of {show(last.on)} lasts through {show(supply_ends(last))}; it is renewed when"
        f" at most {basis[2].value} days are left, from {show(ready)}.",
        (last.id,),
        basis,
        action=f"Prescribe on or after {show(ready)}",
        earliest=ready,
    )


def renewal_from(ctx: Context) -> dt.date | None:
    """The first day for a renewal; None where nothing was handed over or no limit is set."""
    last = course_of(ctx).last_dispensing
    left = ctx.rule("renewal_days_left").value
    if last is None or left is None or supply_limit(ctx).value is None:
        return None
    return plus(supply_ends(last), 1 - left)


# --- until when -----------------------------------------------------------------------------------


def handed_over_in_time(ctx: Context) -> Finding:
    """Handed over within the days of the prescription; the last day warns."""
    basis: Basis = (ctx.rule("window_days"), ctx.rule("window_days_shown"))
    if ctx.question.act is not Act.DISPENSE:
        return not_required(WINDOW, "Counted from the day of the prescription on.", basis)
    waiting = issue_of(ctx).waiting
    if waiting is None:
        return _nothing_waits(ctx, basis)
    basis = tuple(issued_context(ctx).rule(item.parameter) for item in basis)
    if not course_of(ctx).can:
        return not_required(WINDOW, "No days are set for this patient.", basis)
    if basis[0].value is None:
        return not_required(WINDOW, _no_days(basis[0]), basis)
    return _within(ctx, waiting, basis)


def _no_days(rule: Provision) -> str:
    if rule.stated:
        return "No days for the hand-over are set."
    return (
        "Within how many days it is handed over is not stated in the sources that we know, so it"
        " is not evaluated; the same day as the prescription is preferred."
    )


def _nothing_waits(ctx: Context, basis: Basis) -> Finding:
    course = course_of(ctx)
    if not course.prescriptions:
        reason = "No prescription is recorded, so there is nothing to hand over."
    else:
        reason = f"The prescription of {show(course.prescriptions[-1].on)} was handed over already."
    evidence = tuple(item.id for item in course.prescriptions[-1:])
    rules = tuple(item for item in basis if item.value is not None)
    return unmet(WINDOW, reason, evidence, rules, action="Have a new prescription issued")


def _within(ctx: Context, waiting: Prescription, basis: Basis) -> Finding:
    shown, last = (plus(waiting.on, item.value) for item in (basis[1], basis[0]))
    issued = f"The prescription of {show(waiting.on)}"
    if ctx.clock.reached(plus(last, 1)):
        return unmet(
            WINDOW,
            f"{issued} could be handed over through {show(last)}; its days are over.",
            (waiting.id,),
            basis,
            action="Have a new prescription issued, with its own test",
        )
    if ctx.clock.reached(plus(shown, 1)):
        return unmet(
            WINDOW,
            f"{issued} is at the end of its days: counted strictly they ended on {show(shown)}"
            f" (AMBIGUOUS B1); the last day is {show(last)}.",
            (waiting.id,),
            (basis[1], basis[0]),
            action=f"Hand it over by {show(last)}",
            act_by=day_ends(last, ctx.terms.time_zone),
        )
    return met(WINDOW, f"{issued} is handed over by {show(shown)}.", (waiting.id,), basis)


# --- as things stand ------------------------------------------------------------------------------


def days_open(ctx: Context) -> Days | None:
    """The first and last day on which this may be done as things stand; None when it is not."""
    try:
        found = hand_over_days(ctx) if _asks_hand_over(ctx) else _prescribing_days(ctx)
    except NoEditionError:
        return None
    if found is None or ctx.clock.reached(plus(found[1], 1)) or unresolved(ctx):
        return None
    return found


def _asks_hand_over(ctx: Context) -> bool:
    return ctx.question.act is Act.DISPENSE or (
        ctx.question.act is Act.MONITOR and issue_of(ctx).waiting is not None
    )


def hand_over_days(ctx: Context) -> Days | None:
    """The days in which the prescription that waits may be handed over; None without any."""
    waiting = issue_of(ctx).waiting
    if waiting is None or not course_of(ctx).can:
        return None
    day = waiting.on
    days = ctx.programme.provision("window_days", day, ctx.adoptions).value
    return None if days is None else (day, plus(day, days))


def _prescribing_days(ctx: Context) -> Days | None:
    """The days of prescribing that the test serves, and not before what is counted has passed."""
    if not course_of(ctx).can or course_of(ctx).phase is Phase.AFTER:
        return None
    test = serving_of(ctx).test
    last = serves_until(ctx, test) if test else None
    if test is None or last is None or not counts(ctx, test):
        return None
    first = max([test.collected, *_counted(ctx)])
    return (first, last) if first <= last else None


def _counted(ctx: Context) -> Iterable[dt.date]:
    """The first days that the passing of time alone allows: renewal, gap, contraception."""
    renewal, course = renewal_from(ctx), next_course_from(ctx)
    if renewal is not None and supply_limit(ctx).binding is Binding.MUST:
        yield renewal
    if course is not None:
        yield course
    since = protection_of(ctx).since(ctx.today)
    if since is not None and issue_of(ctx).initiation and exempted(ctx) is None:
        yield ready_on(ctx, since)
