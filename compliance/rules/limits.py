"""Results beyond the label's limits, and signs of pancreatitis: a named person decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction

from compliance.rules.context import Context
from compliance.rules.counting import in_excess
from compliance.rules.dates import show
from compliance.rules.facts import Lab, LabDecision, Symptom
from compliance.rules.findings import Finding, Provision
from compliance.rules.issuing import issued_context
from compliance.rules.makers import met, not_required, unknown
from compliance.rules.quantities import Quantity
from compliance.rules.results import analyte_terms, in_unit, results, usable
from compliance.rules.terms import Act, Analyte, Binding, Requirement, Term
from compliance.rules.words import join, sentence

LIMITS = Requirement.LAB_LIMITS
Limits = Mapping[str, str]
Basis = tuple[Provision, ...]


class Place(Term):
    """Where a result stands against a limit that is written in several units."""

    WITHIN = "within"
    BORDERLINE = "borderline"
    BEYOND = "beyond"
    UNUSABLE = "unusable"


def place_of(ctx: Context, lab: Lab, limits: Limits) -> Place:
    """Compared in the reported unit first; borderline where another unit's limit disagrees.

    A censored value that may lie on either side is unusable, as is a number without a unit.
    """
    value = usable(lab)
    unit = analyte_terms()[lab.analyte].read_as.get(lab.unit, lab.unit)
    if value is None or unit not in limits:
        return Place.UNUSABLE
    beyond = in_excess(ctx, value, Fraction(limits[unit]))
    if beyond is None:
        return Place.UNUSABLE
    if beyond:
        return Place.BEYOND
    return Place.BORDERLINE if _beyond_elsewhere(ctx, lab, value, unit, limits) else Place.WITHIN


def _beyond_elsewhere(ctx: Context, lab: Lab, value: Quantity, unit: str, limits: Limits) -> bool:
    return any(
        in_excess(ctx, in_unit(lab.analyte, value, unit, other), Fraction(limit)) is not False
        for other, limit in limits.items()
        if other != unit
    )


def no_open_limit(ctx: Context) -> Finding:
    """No result beyond the label's limit and no sign of pancreatitis waits for a decision.

    What came after the prescription does not stop its hand-over, but it is shown.
    """
    found = _open(issued_context(ctx))
    if found.blocks or ctx.question.act is not Act.DISPENSE:
        return found
    today = _open(ctx)
    if not today.blocks:
        return found
    after = (
        f"{today.reason} It came after the prescription: tell the prescriber first (AMBIGUOUS B17)."
    )
    return today._replace(binding=Binding.SHOULD, reason=after)


def _open(ctx: Context) -> Finding:
    basis = (ctx.rule("lab_limits_beyond"), ctx.rule("stop_symptoms"))
    if not basis[0].stated:
        reason = "Limits are not stated in the sources that we know, so they are not evaluated."
        return not_required(LIMITS, reason, basis)
    symptom = _symptom(ctx, basis[1].value or {})
    if symptom is not None:
        return _reported(symptom, (basis[1], basis[0]))
    waiting: list[tuple[Lab, Place]] = [
        (lab, place)
        for analyte, limits in (basis[0].value or {}).items()
        for lab in undecided(ctx, analyte)
        if (place := place_of(ctx, lab, limits)) is not Place.WITHIN
    ]
    if waiting:
        return _waiting(waiting, basis)
    return met(LIMITS, "No result waits for a decision.", (), basis)


def _symptom(ctx: Context, listed: Mapping[str, str]) -> Symptom | None:
    decided = max((fact.on for fact in ctx.known(LabDecision)), default=dt.date.min)
    found = [fact for fact in ctx.known(Symptom) if fact.name in listed and fact.on > decided]
    return max(found, key=lambda fact: (fact.on, fact.name), default=None)


def undecided(ctx: Context, analyte: Analyte) -> list[Lab]:
    """Every result that stands and that nobody has decided about, of an earlier course too."""
    decided = [fact.on for fact in ctx.known(LabDecision) if fact.analyte is analyte]
    return [lab for lab in results(ctx, analyte) if not any(on >= lab.day for on in decided)]


def _reported(symptom: Symptom, basis: Basis) -> Finding:
    return unknown(
        LIMITS,
        f"{sentence(symptom.name.replace('-', ' '))} was reported on {show(symptom.on)}:"
        f" {basis[0].value[symptom.name]}. A named clinician decides first.",
        (symptom.id,),
        basis,
        action="Have a named clinician decide whether treatment goes on, and record it",
        urgent=True,
    )


def _waiting(waiting: list[tuple[Lab, Place]], basis: Basis) -> Finding:
    words = join(sorted({_words(lab, place, basis[0]) for lab, place in waiting}))
    usable_ones = any(place is not Place.UNUSABLE for _, place in waiting)
    action = "Have a named clinician decide, and record the decision"
    if not usable_ones:
        action = "Ask the laboratory, then correct or dismiss the result"
    return unknown(
        LIMITS,
        f"{words}: nothing is prescribed until a named clinician decides.",
        tuple(lab.id for lab, _ in waiting),
        basis,
        action=action,
    )


def _words(lab: Lab, place: Place, rule: Provision) -> str:
    listed = rule.value[lab.analyte]
    limits = " or ".join(f"{limit} {unit}" for unit, limit in listed.items())
    remark = {
        Place.BEYOND: f"in excess of {limits}",
        Place.BORDERLINE: f"borderline: within {limits} in its own unit, beyond it in the other"
        " (AMBIGUOUS B13, treated as beyond)",
        Place.UNUSABLE: "unit or number in doubt, never converted by guess",
    }[place]
    unit = lab.unit or "without a unit"
    return f"{lab.analyte} {lab.value} {unit} of {show(lab.day)} ({remark})"
