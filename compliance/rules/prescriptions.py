"""What is asked of the prescription itself, of other medicines, and of the visit."""

from __future__ import annotations

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import plus, show
from compliance.rules.facts import InteractionAcknowledged, Medicine, Visit
from compliance.rules.findings import Finding
from compliance.rules.makers import due, met, not_required, unmet
from compliance.rules.terms import Requirement, Topic
from compliance.rules.words import join

SUPPLY = Requirement.DAYS_SUPPLY
INTERACTION = Requirement.INTERACTION
REVIEW = Requirement.REVIEW


def days_supply(ctx: Context) -> Finding:
    """No more than the days allowed, and no refills."""
    basis = (ctx.rule("supply_days"), ctx.rule("refills"))
    asked = ctx.question
    words = f"{asked.days_supply} days with {asked.refills or 'no'} refills"
    if asked.days_supply <= basis[0].value and asked.refills <= basis[1].value:
        return met(SUPPLY, f"The prescription is for {words}.", (), basis)
    return unmet(
        SUPPLY,
        f"The prescription asks for {words}; at most {basis[0].value} days with"
        f" {basis[1].value or 'no'} refills are allowed.",
        (),
        basis,
        action=f"Write it for at most {basis[0].value} days, with {basis[1].value or 'no'} refills",
    )


def interaction(ctx: Context) -> Finding:
    """An interacting medicine is brought to the prescriber, who acknowledges it."""
    basis = (ctx.rule("interacting_medicines"),)
    listed = basis[0].value or {}
    taken = [item for item in ctx.known(Medicine) if item.name in listed and _taken(ctx, item)]
    open_ = [item for item in taken if not _acknowledged(ctx, item)]
    evidence = tuple(item.id for item in taken)
    if not open_:
        reason = "No interacting medicine waits for the prescriber's acknowledgement."
        return met(INTERACTION, reason, evidence, basis)
    named = {item.name: listed[item.name] for item in open_}
    words = join(f"{name} {why}" for name, why in sorted(named.items()))
    return unmet(
        INTERACTION,
        f"Taken at the same time: {words} (AMBIGUOUS A19: an alert, not a block).",
        evidence,
        basis,
        action=f"Have the prescriber acknowledge {join(sorted(named))}",
    )


def _taken(ctx: Context, item: Medicine) -> bool:
    return item.until is None or not ctx.clock.reached(plus(item.until, 1))


def _acknowledged(ctx: Context, item: Medicine) -> bool:
    return any(
        fact.medicine == item.name and fact.on >= item.from_
        for fact in ctx.known(InteractionAcknowledged)
    )


def review(ctx: Context) -> Finding:
    """Asked about mood at the visit of this prescription."""
    basis = (ctx.rule("review_topics"),)
    last = course_of(ctx).last_dispensing
    since = plus(last.on, 1) if last else course_of(ctx).since
    visits = [visit for visit in ctx.known(Visit) if visit.on >= since]
    if not visits:
        return due(REVIEW, "No visit for this prescription is recorded yet.", (), basis)
    evidence = tuple([visit.id for visit in visits])
    left = basis[0].value.difference(*[visit.topics for visit in visits])
    missing = [topic for topic in _TOPICS if topic in left]
    if not missing:
        reason = f"Mood was asked about at the visit of {show(visits[-1].on)}."
        return met(REVIEW, reason, evidence, basis)
    return unmet(
        REVIEW,
        f"No answer about {join(_TOPICS[topic] for topic in missing)} is recorded at the visit of"
        f" {show(visits[-1].on)}.",
        evidence,
        basis,
        action=f"Ask about {join(_TOPICS[topic] for topic in missing)} and record it",
    )


_TOPICS = {
    Topic.MENTAL_HEALTH: "mood",
    Topic.SEXUAL_FUNCTION: "sexual function",
    Topic.FAMILY_MENTAL_HEALTH: "mental illness in the family",
}


def second_prescriber(ctx: Context) -> Finding:
    """A second independent prescriber."""
    basis = (ctx.rule("second_prescriber"),)
    return not_required(Requirement.SECOND_PRESCRIBER, "One prescriber is enough.", basis)


def in_person_start(ctx: Context) -> Finding:
    """The first appointment in person."""
    basis = (ctx.rule("in_person_start"),)
    return not_required(Requirement.IN_PERSON_START, "The visit may be remote.", basis)


def prescriber_scope(ctx: Context) -> Finding:
    """Who may prescribe."""
    basis = (ctx.rule("prescriber_scope"),)
    reason = "Any prescriber who is enrolled and activated may prescribe."
    return not_required(Requirement.PRESCRIBER_SCOPE, reason, basis)
