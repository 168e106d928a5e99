"""The agreement that no pregnancy risk is expected, and whether it exempts here."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import plus, show
from compliance.rules.facts import ContraceptionExemption, LastDose, Visit
from compliance.rules.findings import Finding
from compliance.rules.issuing import issue_of
from compliance.rules.makers import met, unknown, unmet
from compliance.rules.terms import ExemptionReason, Phase, Requirement

METHODS = Requirement.CONTRACEPTION_METHODS
_WORDS = {
    ExemptionReason.NO_PARTNER: "no partner who can cause a pregnancy",
    ExemptionReason.ESTABLISHED_ABSTINENCE: "established abstinence",
}


def agreed(ctx: Context) -> list[ContraceptionExemption]:
    """What was agreed in this course, oldest first."""
    since = _course_began(ctx)
    return [fact for fact in ctx.known(ContraceptionExemption) if fact.on >= since]


def _course_began(ctx: Context) -> dt.date:
    """The first day of the course, also of one that has ended."""
    course = course_of(ctx)
    if course.phase is not Phase.AFTER:
        return course.since
    earlier = [fact.on for fact in ctx.known(LastDose) if fact.on < course.since]
    return plus(earlier[-1], 1) if earlier else dt.date.min


def exempted(ctx: Context) -> ContraceptionExemption | None:
    """The newest agreement that exempts: for a reason that counts, recorded where it must be."""
    reasons = ctx.rule("exemption_reasons").value or frozenset()
    on_form = ctx.rule("exemption_on_form").value
    found = [
        fact for fact in agreed(ctx) if fact.reason in reasons and (fact.on_form or not on_form)
    ]
    return found[-1] if found else None


def exemption_finding(ctx: Context, exemption: ContraceptionExemption) -> Finding:
    """Exempted; where it is attested again at every visit, an older agreement is not enough."""
    reasons, again = ctx.rule("exemption_reasons"), ctx.rule("exemption_reattested")
    words = f"Exempted on {show(exemption.on)}: {_WORDS[exemption.reason]}."
    later = _visit_after(ctx, exemption)
    if again.value and later is not None:
        return unmet(
            METHODS,
            f"{words} At the visit of {show(later.on)} it was not attested again.",
            (exemption.id, later.id),
            (again, reasons),
            action="Ask again whether no pregnancy risk is expected, and record it",
        )
    return met(METHODS, words, (exemption.id,), (reasons,))


def _visit_after(ctx: Context, exemption: ContraceptionExemption) -> Visit | None:
    previous = issue_of(ctx).previous_on
    since = max(exemption.on, previous) if previous else exemption.on
    later = [visit for visit in ctx.known(Visit) if visit.on >= plus(since, 1)]
    return later[-1] if later else None


def silent_exemption(ctx: Context) -> Finding | None:
    """An agreement where the text does not say whether it exempts: a person decides."""
    rule = ctx.rule("exemption_reasons")
    found = agreed(ctx)
    if rule.stated or not found:
        return None
    return unknown(
        METHODS,
        f"On {show(found[-1].on)} it was agreed that no pregnancy risk is expected; whether that"
        " exempts here is not stated in our sources (AMBIGUOUS B16): a person decides.",
        (found[-1].id,),
        (rule,),
        action="Have the prescriber decide, or agree on contraception",
    )


def may_be_recorded(ctx: Context) -> bool:
    """Whether an agreement on record exempts as soon as it is written on the form."""
    reasons = ctx.rule("exemption_reasons").value or frozenset()
    return any(fact.reason in reasons for fact in agreed(ctx))
