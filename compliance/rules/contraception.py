"""Contraception: whether the methods in use are enough, and have been for long enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.cover import Span, cover_of, worth
from compliance.rules.dates import plus, show
from compliance.rules.findings import Finding, Provision
from compliance.rules.lead_in import broken_since, lead_in_ready
from compliance.rules.makers import met, unknown, unmet
from compliance.rules.pregnancy_tests import tests_of
from compliance.rules.terms import Method, Outcome, Phase, Requirement
from compliance.rules.words import join_methods, sentence

METHODS = Requirement.CONTRACEPTION_METHODS
LEAD_IN = Requirement.CONTRACEPTION_LEAD_IN


def contraception_methods(ctx: Context) -> Finding:
    """Two effective methods at once, at least one of them primary; or abstinence."""
    used = cover_of(ctx).in_use(ctx.today)
    methods = _named(used)
    evidence = tuple(dict.fromkeys(item for span in used for item in span.evidence))
    basis = _method_basis(ctx)
    value = worth(ctx, _named(span for span in used if span.accepted))
    if value is Outcome.MET:
        return met(METHODS, f"In use: {join_methods(methods)}.", evidence, basis)
    if value is Outcome.UNMET and worth(ctx, methods) is not Outcome.UNMET:
        return _device_over(ctx, used)
    if value is Outcome.UNKNOWN:
        return unknown(
            METHODS,
            f"{sentence(join_methods(methods))} are two primary methods; whether they are"
            " enough without a secondary one is left open, so a person decides (AMBIGUOUS A7).",
            evidence,
            (ctx.rule("two_primary"),),
            action="Add a secondary method, or have the prescriber decide",
        )
    return unmet(METHODS, _shortfall(ctx, methods), evidence, basis, action=_addition(ctx, methods))


def _named(spans: Iterable[Span]) -> frozenset[Method]:
    return frozenset(method for span in spans for method in span.methods)


def _device_over(ctx: Context, used: list[Span]) -> Finding:
    """The pair stands or falls with a device that is not named and may have lasted long enough."""
    doubtful = _named(used) - _named(span for span in used if span.accepted)
    return unknown(
        METHODS,
        f"In use for longer than every model is sure to last: {join_methods(doubtful)}. The model"
        " is not recorded, so a person decides.",
        tuple(item for span in used if not span.accepted for item in span.evidence),
        (ctx.rule("held_after_methods"), ctx.rule("method_lasts")),
        action="Record the change of the device, or have the prescriber decide",
    )


def _method_basis(ctx: Context) -> tuple[Provision, ...]:
    return ctx.rule("primary_methods"), ctx.rule("secondary_methods"), ctx.rule("sole_methods")


def _shortfall(ctx: Context, methods: frozenset[Method]) -> str:
    if not methods:
        return "No contraception in use is recorded; two methods together are needed, one primary."
    primary = methods & ctx.rule("primary_methods").value
    secondary = methods & ctx.rule("secondary_methods").value
    if primary:
        return f"Only {join_methods(primary)} counts; a second, barrier method is needed beside it."
    if secondary:
        return f"In use: {join_methods(methods)}; at least one method must be a primary one."
    return f"In use: {join_methods(methods)}, which is not accepted; two methods are needed."


def _addition(ctx: Context, methods: frozenset[Method]) -> str:
    if methods & ctx.rule("primary_methods").value:
        return "Agree on a secondary method with the patient and record it"
    return "Agree on two methods, one of them primary, with the patient and record them"


def contraception_lead_in(ctx: Context) -> Finding:
    """Thirty days on the same complete pair, or abstinent, before the second test."""
    if course_of(ctx).phase is Phase.DURING:
        return _unbroken(ctx)
    basis = (ctx.rule("lead_in_days"),)
    ready = lead_in_ready(ctx, ctx.today)
    test = _second_test(ctx)
    if ready is None:
        return unmet(LEAD_IN, _cannot_count(ctx), (), basis, action=_start_counting(ctx))
    if test is not None and test >= ready:
        return met(LEAD_IN, f"The pair has been in use long enough since {show(ready)}.", (), basis)
    if test is None and ctx.clock.reached(ready):
        return met(LEAD_IN, f"The second test may be collected since {show(ready)}.", (), basis)
    return unmet(
        LEAD_IN,
        f"The second test may be collected from {show(ready)}, {basis[0].value} days after the"
        f" later of enrolment and the first day of both methods{_collected(test)}.",
        _pair_evidence(ctx),
        basis,
        action=f"Collect the second test on or after {show(ready)}",
        earliest=ready,
    )


def _collected(test: dt.date | None) -> str:
    return f"; it was collected on {show(test)}" if test else ""


def _pair_evidence(ctx: Context) -> tuple[str, ...]:
    return tuple(item for span in cover_of(ctx).pairs(ctx.today) for item in span.evidence)


def _cannot_count(ctx: Context) -> str:
    if cover_of(ctx).same_pair_since(ctx.today) is None:
        return "The days on two methods cannot be counted while no complete pair is in use."
    return "The days on two methods are counted from the enrolment, which is not recorded."


def _start_counting(ctx: Context) -> str:
    if cover_of(ctx).same_pair_since(ctx.today) is None:
        return "Record two methods in use, one of them primary"
    return "Record the enrolment"


def _unbroken(ctx: Context) -> Finding:
    """In mid-course: some complete pair on every day, else the days again and a person's review."""
    basis = (ctx.rule("lead_in_days"),)
    gap = broken_since(ctx)
    if gap is None:
        return met(
            LEAD_IN, "A complete pair was in use on every day since the last pick-up.", (), basis
        )
    since = cover_of(ctx).covered_since(ctx.today)
    if since is None:
        return unmet(
            LEAD_IN,
            f"No complete pair has been in use since {show(gap)}; treatment goes on only after"
            f" {basis[0].value} days on a new pair and a review (AMBIGUOUS A13).",
            (),
            basis,
            action="Agree on a new pair and begin to count its days",
        )
    return _anew(ctx, gap, since, basis)


def _anew(ctx: Context, gap: dt.date, since: dt.date, basis: tuple[Provision, ...]) -> Finding:
    """A pair is complete again after a break: its days, and then a person's review."""
    ready = plus(since, basis[0].value)
    test = _second_test(ctx)
    if test is None or test < ready:
        return unmet(
            LEAD_IN,
            f"The pair was broken on {show(gap)} and is complete again since {show(since)}; the"
            f" test may be collected from {show(ready)} (AMBIGUOUS A13).",
            _pair_evidence(ctx),
            basis,
            action=f"Collect the pregnancy test on or after {show(ready)}",
            earliest=ready,
        )
    return unknown(
        LEAD_IN,
        f"The pair was broken on {show(gap)} and {basis[0].value} days on the new one have passed;"
        " a person reviews before treatment goes on (AMBIGUOUS A13).",
        _pair_evidence(ctx),
        basis,
        action="Have the prescriber review the change of methods",
    )


def _second_test(ctx: Context) -> dt.date | None:
    serving = tests_of(ctx).serving
    return serving.collected if serving else None
