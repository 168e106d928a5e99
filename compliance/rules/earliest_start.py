"""The first day on which a prescription could be written, if what is missing is done in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from compliance.rules.context import Context
from compliance.rules.counting import months_after
from compliance.rules.course_end import next_course_from
from compliance.rules.courses import course_of
from compliance.rules.dates import plus
from compliance.rules.earliest import earliest_by
from compliance.rules.exemptions import exempted, may_be_recorded
from compliance.rules.facts import Contraception
from compliance.rules.issuing import issue_of
from compliance.rules.pregnancy import Alarm, clears_from
from compliance.rules.protection import forbidden_taken
from compliance.rules.schemes import protection_of, recorded_protection
from compliance.rules.serving_tests import serving_of
from compliance.rules.supply import renewal_from, supply_limit
from compliance.rules.terms import Binding, ExemptionReason, Method, Outcome


def earliest_prescription(ctx: Context) -> dt.date | None:
    """The first day for a prescription: whatever can be had today is taken as done today."""
    return earliest_by(ctx, _by_prescription)


def _by_prescription(ctx: Context, unclear: list[Alarm]) -> dt.date:
    days = [ctx.today, *_repeats(ctx, unclear), *_medicines(ctx), *_courses(ctx), *_supply(ctx)]
    if course_of(ctx).can and issue_of(ctx).initiation:
        days += [*_two_tests(ctx), _lead_in(ctx)]
    return max(days)


def _repeats(ctx: Context, signs: list[Alarm]) -> Iterable[dt.date]:
    return (clears_from(ctx, alarm) for alarm in signs)


def _medicines(ctx: Context) -> Iterable[dt.date]:
    """The day after the last day of a medicine that must not be combined; stopped today at best."""
    return (plus(item.until or ctx.today, 1) for item in forbidden_taken(ctx))


def _courses(ctx: Context) -> Iterable[dt.date]:
    ready = next_course_from(ctx)
    return () if ready is None else (ready,)


def _supply(ctx: Context) -> Iterable[dt.date]:
    ready = renewal_from(ctx)
    binds = supply_limit(ctx).binding is Binding.MUST
    return (ready,) if ready is not None and binds else ()


def _two_tests(ctx: Context) -> Iterable[dt.date]:
    """Two tests fall on different days; one on record counts as the first."""
    serving = serving_of(ctx)
    if ctx.rule("first_test").value is None or serving.first or serving.test:
        return
    yield plus(ctx.today, 1)


def _lead_in(ctx: Context) -> dt.date:
    """Counted by the edition of the day on which the first prescription would fall."""
    if exempted(ctx) is not None or may_be_recorded(ctx) or _may_agree_abstinence(ctx):
        return ctx.today
    since = protection_of(ctx).since(ctx.today) or _protected_from(ctx)
    starts = [day for day, _ in ctx.programme.timeline(ctx.adoptions) if day > ctx.today]
    for first in (ctx.today, *sorted(starts)):
        ready = max(first, _ready(ctx, since, first))
        if not any(first < start <= ready for start in starts):
            return ready
    return ready


def _protected_from(ctx: Context) -> dt.date:
    """The day from which what is on record protects, or today for what is begun today."""
    ahead = recorded_protection(ctx)
    starts = sorted(use.first for use in ahead.uses if use.first > ctx.today)
    return next((day for day in starts if ahead.worth(day) is not Outcome.UNMET), ctx.today)


def _ready(ctx: Context, since: dt.date, on: dt.date) -> dt.date:
    days = ctx.programme.provision("lead_in_days", on, ctx.adoptions).value
    months = ctx.programme.provision("lead_in_months", on, ctx.adoptions).value
    return max(plus(since, days or 0), months_after(ctx, since, months or 0))


def _may_agree_abstinence(ctx: Context) -> bool:
    """Abstinence that is named as a method can be recorded as an exemption today."""
    reasons = ctx.rule("exemption_reasons").value or frozenset()
    return ExemptionReason.ESTABLISHED_ABSTINENCE in reasons and any(
        fact.method is Method.ABSTINENCE and (fact.until is None or fact.until >= ctx.today)
        for fact in ctx.known(Contraception)
    )
