"""Which prescription a question is about, what came before it, and what is judged on its day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from compliance.rules.context import ISSUE, Context
from compliance.rules.courses import course_of
from compliance.rules.dates import day_begins, plus
from compliance.rules.facts import Dispensing, Prescription
from compliance.rules.findings import Finding
from compliance.rules.terms import Act

Rule = Callable[[Context], Finding]


@dataclass(frozen=True, slots=True)
class Issue:
    """The place of the prescription asked about in its course.

    `previous_on` is the day of the prescription before it, or of the last hand-over where none is
    recorded; None at the first. `waiting` is the newest prescription that has not been handed over
    in full.
    """

    previous_on: dt.date | None
    waiting: Prescription | None

    @property
    def initiation(self) -> bool:
        """Whether it is the first of its course."""
        return self.previous_on is None


def issue_of(ctx: Context) -> Issue:
    """The prescription that the question is about."""
    if ctx.issue is None:
        ctx.issue = ctx.shared(ISSUE, _read)
    return ctx.issue


def _read(ctx: Context) -> Issue:
    return Issue(_previous_on(ctx), _waiting(ctx))


def _previous_on(ctx: Context) -> dt.date | None:
    course = course_of(ctx)
    issued = [item.on for item in course.prescriptions if _earlier(ctx, item)]
    handed = [item.on for item in course.dispensings]
    return max(issued, default=max(handed, default=None))


def _earlier(ctx: Context, item: Prescription) -> bool:
    """One of the day asked may be the very one that leave is asked for."""
    return ctx.question.act is Act.MONITOR or ctx.clock.reached(plus(item.on, 1))


def _waiting(ctx: Context) -> Prescription | None:
    course = course_of(ctx)
    newest = course.prescriptions[-1] if course.prescriptions else None
    if newest is None:
        return None
    handed = [item for item in course.dispensings if item.on >= newest.on]
    return newest if len(handed) <= newest.refills else None


def issued_context(ctx: Context) -> Context:
    """The same record on the day of the prescription that waits, or else on the day asked."""
    waiting = issue_of(ctx).waiting
    if ctx.question.act is not Act.DISPENSE or waiting is None:
        return ctx
    if ctx.issued is None:
        ctx.issued = _on_its_day(ctx, waiting)
    return ctx.issued


def _on_its_day(ctx: Context, waiting: Prescription) -> Context:
    at = day_begins(waiting.on, ctx.terms.time_zone)
    question = replace(
        ctx.question,
        at=at,
        act=Act.PRESCRIBE,
        days_supply=waiting.days_supply,
        refills=waiting.refills,
        by=waiting.by.value,
    )
    issued = Context(ctx.record, ctx.index, ctx.programme, ctx.terms, question, at)
    # What was handed over on that day was handed over on this prescription, not before it.
    handed = issued.known(Dispensing)
    issued.facts[Dispensing] = [item for item in handed if item.on < waiting.on]
    return issued


def judged_at_issue(rule: Rule) -> Rule:
    """The rule as it answered on the day of the prescription that waits to be handed over."""

    def judged(ctx: Context) -> Finding:
        return rule(issued_context(ctx))

    return judged
