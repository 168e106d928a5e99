"""Contraception where a scheme is asked for: enough on the day, for long enough, not weakened."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.counting import months_after
from compliance.rules.courses import course_of
from compliance.rules.dates import plus, show
from compliance.rules.exemptions import exempted, exemption_finding, silent_exemption
from compliance.rules.facts import Contraception, Medicine
from compliance.rules.findings import Finding, Provision
from compliance.rules.issuing import issue_of
from compliance.rules.makers import met, not_required, unknown, unmet
from compliance.rules.schemes import Role, Use, methods, protection_of
from compliance.rules.terms import Method, Outcome, Requirement
from compliance.rules.words import join, join_methods, sentence

METHODS = Requirement.CONTRACEPTION_METHODS
LEAD_IN = Requirement.CONTRACEPTION_LEAD_IN
INTERACTION = Requirement.INTERACTION
Basis = tuple[Provision, ...]

_NEEDED = {
    "sole-or-two": "one user-independent method, or a hormonal method together with a barrier, is"
    " asked for",
    "one-preferably-two": "at least one effective method is asked for, preferably with a barrier"
    " beside it",
    "primary-and-barrier": "one primary method and one barrier at once, or abstinence as the"
    " chosen method, is asked for",
}


def methods_in_use(ctx: Context) -> Finding:
    """The scheme is satisfied on the day, or an exemption does."""
    protection = protection_of(ctx)
    worth = protection.worth(ctx.today)
    used = protection.on(ctx.today)
    if worth is Outcome.MET:
        return _enough(ctx, used)
    exemption = exempted(ctx)
    if exemption is not None:
        return exemption_finding(ctx, exemption)
    if worth is Outcome.UNKNOWN:
        return _left_open(ctx, used)
    return silent_exemption(ctx) or _too_little(ctx, used)


def _basis(ctx: Context) -> Basis:
    names = ("scheme", "sole_methods", "effective_methods", "barrier_methods", "method_lasts")
    return tuple(ctx.rule(name) for name in names)


def _evidence(used: list[Use]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(use.evidence for use in used))


def _enough(ctx: Context, used: list[Use]) -> Finding:
    counted = [use for use in used if use.certain]
    reason = f"In use: {_named(counted)}.{_lapsing(ctx, counted)}"
    preferred = ctx.rule("barrier_preferred")
    if preferred.value and not any(use.role is Role.BARRIER for use in counted):
        reason = f"In use: {_named(counted)}; preferably a barrier is used beside it."
        basis = (preferred, *_basis(ctx))
        action = "Recommend a barrier method as well"
        return unmet(METHODS, reason, _evidence(counted), basis, action=action)
    return met(METHODS, reason, _evidence(counted), _basis(ctx))


def _named(used: list[Use]) -> str:
    return join_methods(frozenset(use.method for use in used))


def _lapsing(ctx: Context, used: list[Use]) -> str:
    """What ends soon, shown in good time; it does not block."""
    soon = int(ctx.rule("due_soon_days").value)
    ends: dict[Method, dt.date] = {}
    for use in used:
        ends[use.method] = max(use.last, ends.get(use.method, dt.date.min))
    ending = [
        f"{sentence(join_methods(frozenset({method})))} counts through {show(last)} only."
        for method, last in ends.items()
        if last < dt.date.max and ctx.clock.reached(plus(last, -soon))
    ]
    return "".join(f" {text}" for text in sorted(ending))


def _left_open(ctx: Context, used: list[Use]) -> Finding:
    return unknown(
        METHODS,
        f"{sentence(_named(used))}: whether this is enough is left open by the text, or by a device"
        " that is not recorded (AMBIGUOUS B5), so a person decides.",
        _evidence(used),
        (ctx.rule("open_methods"), ctx.rule("held_after_methods"), *_basis(ctx)),
        action="Have the prescriber decide, or agree on a method that counts",
    )


def _too_little(ctx: Context, used: list[Use]) -> Finding:
    named = [fact for fact in ctx.known(Contraception) if fact.method is not Method.NONE]
    recorded = [fact for fact in named if not _over(ctx, fact)]
    what = _what_counts(used, recorded)
    return unmet(
        METHODS,
        f"{what}; {_NEEDED[ctx.rule('scheme').value]}.",
        _evidence(used) or tuple(fact.id for fact in recorded),
        _basis(ctx),
        action="Agree on contraception that satisfies the scheme and record it",
    )


def _over(ctx: Context, fact: Contraception) -> bool:
    return fact.until is not None and ctx.clock.reached(plus(fact.until, 1))


def _what_counts(used: list[Use], recorded: list[Contraception]) -> str:
    if used:
        return f"Only {_named(used)} counts today"
    if recorded:
        named = join_methods(frozenset(fact.method for fact in recorded))
        return f"Recorded is {named}, which does not count today"
    return "No contraception in use is recorded"


# --- for long enough ------------------------------------------------------------------------------


def protected_long_enough(ctx: Context) -> Finding:
    """The whole scheme has been met without a break for the time asked before the first dose."""
    basis = (ctx.rule("lead_in_months"), ctx.rule("lead_in_days"))
    if basis[0].value is None:
        basis = (basis[1], basis[0])
    if not issue_of(ctx).initiation:
        return not_required(LEAD_IN, "Counted before the first dose only.", basis)
    if exempted(ctx) is not None:
        return not_required(LEAD_IN, "Not asked of a patient who is exempted.", basis)
    since = protection_of(ctx).since(ctx.today)
    if since is None:
        return _not_counting(basis)
    ready = ready_on(ctx, since)
    evidence = _evidence(protection_of(ctx).on(ctx.today))
    if ctx.clock.reached(ready):
        reason = f"Contraception has been in place without a break since {show(since)}."
        return met(LEAD_IN, reason, evidence, basis)
    return _too_soon(ctx, since, ready, basis)


def _too_soon(ctx: Context, since: dt.date, ready: dt.date, basis: Basis) -> Finding:
    evidence = _evidence(protection_of(ctx).on(ctx.today))
    return unmet(
        LEAD_IN,
        f"Contraception is in place since {show(since)}; {_asked_for(ctx)} before the first dose,"
        f" so from {show(ready)}.",
        evidence,
        basis,
        action=f"Prescribe on or after {show(ready)}, with contraception unbroken until then",
        earliest=ready,
    )


def _not_counting(basis: Basis) -> Finding:
    return unmet(
        LEAD_IN,
        "The time before the first dose cannot be counted while contraception is not in place.",
        (),
        basis,
        action="Agree on contraception, then count the time from the day it protects",
    )


def ready_on(ctx: Context, since: dt.date) -> dt.date:
    """The first day on which contraception in place since a day has lasted long enough."""
    days, months = ctx.rule("lead_in_days").value, ctx.rule("lead_in_months").value
    return max(plus(since, days or 0), months_after(ctx, since, months or 0))


def _asked_for(ctx: Context) -> str:
    days, months = ctx.rule("lead_in_days").value, ctx.rule("lead_in_months").value
    if days:
        return f"{days} days of it are asked for"
    if months == 1:
        return "one calendar month of it is asked for"
    return f"{months} calendar months of it are asked for"


# --- other medicines ------------------------------------------------------------------------------


def medicines_taken(ctx: Context) -> Finding:
    """Nothing that must not be combined, and nothing that leaves too little contraception."""
    basis = (ctx.rule("forbidden_medicines"), ctx.rule("enzyme_inducers"))
    forbidden = forbidden_taken(ctx)
    if forbidden:
        return _must_not_combine(forbidden, basis)
    if course_of(ctx).can and exempted(ctx) is None:
        more = (ctx.rule("weakened_methods"), ctx.rule("inducer_days_after"))
        return _weakening(ctx, (basis[1], *more, basis[0]))
    return met(INTERACTION, "No medicine is taken that must not be combined.", (), basis)


def forbidden_taken(ctx: Context) -> list[Medicine]:
    """The medicines that are taken on the day and must not be combined with this one."""
    listed = ctx.rule("forbidden_medicines").value or {}
    return [
        item
        for item in ctx.known(Medicine)
        if item.name in listed
        and not (item.until is not None and ctx.clock.reached(plus(item.until, 1)))
    ]


def _must_not_combine(taken: list[Medicine], basis: Basis) -> Finding:
    listed = basis[0].value
    names = sorted({item.name for item in taken})
    words = join(f"{name}, which {listed[name]}" for name in names)
    return unmet(
        INTERACTION,
        f"Taken at the same time: {words}; it must not be combined with isotretinoin.",
        tuple(item.id for item in taken),
        basis,
        action=f"Stop {join(names)} first, and record its last day",
    )


def _weakening(ctx: Context, basis: Basis) -> Finding:
    lost = _lost(ctx)
    worth = protection_of(ctx).worth(ctx.today)
    if not lost:
        return met(INTERACTION, "No medicine interferes with the contraception.", (), basis)
    names = join(sorted({item.name for item in _inducers(ctx)}))
    what = join_methods(lost)
    evidence = tuple(item.id for item in _inducers(ctx))
    if worth is Outcome.MET:
        reason = f"{sentence(names)} takes {what} out of count; what remains is enough."
        return met(INTERACTION, reason, evidence, basis)
    after = ctx.rule("inducer_days_after").value
    reason = (
        f"{sentence(names)} weakens {what} while taken and for {after} days after; what remains"
        " is not enough."
    )
    action = "Agree on contraception that the medicine does not weaken"
    maker = unknown if worth is Outcome.UNKNOWN else unmet
    return maker(INTERACTION, reason, evidence, basis, action=action)


def _lost(ctx: Context) -> frozenset[Method]:
    """The methods that would count today but for a medicine."""
    left = {use.method for use in protection_of(ctx).on(ctx.today)}
    before = {use.method for use in protection_of(ctx, weakened=False).on(ctx.today)}
    return frozenset(before - left) & methods(ctx, "weakened_methods")


def _inducers(ctx: Context) -> list[Medicine]:
    listed = ctx.rule("enzyme_inducers").value or {}
    after = ctx.rule("inducer_days_after").value or 0
    return [
        item
        for item in ctx.known(Medicine)
        if item.name in listed
        and not (item.until is not None and ctx.clock.reached(plus(item.until, after + 1)))
    ]
