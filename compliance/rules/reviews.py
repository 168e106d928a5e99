"""What is asked at the visits, how the first one was held, and who prescribes."""

from __future__ import annotations

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import plus, show
from compliance.rules.facts import Visit
from compliance.rules.findings import Finding
from compliance.rules.issuing import issue_of
from compliance.rules.makers import met, not_required, unknown, unmet
from compliance.rules.terms import Profession, Requirement, Topic, VisitMode
from compliance.rules.words import join

REVIEW = Requirement.REVIEW
IN_PERSON = Requirement.IN_PERSON_START
SCOPE = Requirement.PRESCRIBER_SCOPE
_TOPICS = {
    Topic.MENTAL_HEALTH: "mental health",
    Topic.SEXUAL_FUNCTION: "sexual function",
    Topic.FAMILY_MENTAL_HEALTH: "mental illness in the family",
}


def reviewed(ctx: Context) -> Finding:
    """Asked at a visit since the previous prescription, or at any visit before the first."""
    issue = issue_of(ctx)
    name = "review_topics" if issue.initiation else "review_topics_follow_up"
    basis = (ctx.rule(name),)
    since = plus(issue.previous_on, 1) if issue.previous_on else course_of(ctx).since
    visits = [visit for visit in ctx.known(Visit) if visit.on >= since]
    asked = {topic for visit in visits for topic in visit.topics}
    evidence = tuple(visit.id for visit in visits)
    missing = [topic for topic in Topic if topic in (basis[0].value or ()) and topic not in asked]
    if not missing:
        return met(REVIEW, "What must be asked at the visits was asked.", evidence, basis)
    words = join(_TOPICS[topic] for topic in missing)
    when = "before the first prescription"
    if issue.previous_on:
        when = f"since the previous prescription on {show(issue.previous_on)}"
    return unmet(
        REVIEW,
        f"No answer about {words} is recorded at a visit {when}.",
        evidence,
        basis,
        action=f"Ask about {words} and record it with the visit",
    )


def first_visit_in_person(ctx: Context) -> Finding:
    """The first appointment of the course was in person."""
    basis = (ctx.rule("in_person_start"),)
    if not issue_of(ctx).initiation:
        return not_required(IN_PERSON, "Asked before the first prescription only.", basis)
    if basis[0].value is None:
        return not_required(IN_PERSON, "How the first appointment is held is not limited.", basis)
    since = course_of(ctx).since
    first = next((visit for visit in ctx.known(Visit) if visit.on >= since), None)
    action = "See the patient in person before the first prescription"
    if first is None:
        return unmet(IN_PERSON, "No appointment is recorded.", (), basis, action=action)
    if _in_person(ctx, first):
        reason = f"The first appointment, on {show(first.on)}, was in person."
        return met(IN_PERSON, reason, (first.id,), basis)
    how = "was not in person" if first.mode else "does not say whether it was in person"
    reason = f"The first appointment, on {show(first.on)}, {how}."
    return unmet(IN_PERSON, reason, (first.id,), basis, action=action)


def _in_person(ctx: Context, first: Visit) -> bool:
    """Of two visits on the first day one in person is enough: a day has no order."""
    same = [visit for visit in ctx.known(Visit) if visit.on == first.on]
    return any(visit.mode is VisitMode.IN_PERSON for visit in same)


_PROFESSIONS = {
    Profession.DERMATOLOGIST: "a dermatologist",
    Profession.GP: "a general practitioner",
    Profession.OTHER: "another prescriber",
}


def may_prescribe(ctx: Context) -> Finding:
    """The prescriber is one that the programme lets prescribe."""
    basis = (ctx.rule("prescribers"), ctx.rule("prescribers_open"))
    if basis[0].value is None:
        return not_required(SCOPE, _no_list(basis[0].stated), basis)
    by = Profession(ctx.question.by)
    if by in basis[0].value:
        return met(SCOPE, f"Prescribed by {_PROFESSIONS[by]}.", (), basis)
    allowed = join(_PROFESSIONS[item] for item in Profession if item in basis[0].value)
    action = f"Have {allowed} prescribe"
    if by in (basis[1].value or ()):
        reason = (
            f"Prescribed by {_PROFESSIONS[by]}: a specialist physician may, but the record does not"
            " say whether this is one (AMBIGUOUS B12)."
        )
        return unknown(SCOPE, reason, (), basis, action=f"{action}, or confirm the specialty")
    return unmet(
        SCOPE,
        f"Prescribed by {_PROFESSIONS[by]}; it is for {allowed}.",
        (),
        basis,
        action=action,
    )


def _no_list(stated: bool) -> str:
    if stated:
        return "Any prescriber may prescribe."
    return "Expertise is asked for, without a list of who has it; not evaluated."
