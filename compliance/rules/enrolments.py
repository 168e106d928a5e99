"""Who the patient is to the programme: enrolled, categorised, informed, and not too soon again."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.counting import age, months_after, reaches_age
from compliance.rules.courses import course_of
from compliance.rules.dates import show
from compliance.rules.facts import Acknowledgement, Enrolment, PregnancyPotential
from compliance.rules.findings import Finding, Provision
from compliance.rules.makers import met, not_required, unmet
from compliance.rules.terms import Phase, Potential, Requirement, Signer, Term
from compliance.rules.words import join

ENROLMENT = Requirement.ENROLMENT
POTENTIAL = Requirement.PREGNANCY_POTENTIAL
ACKNOWLEDGEMENT = Requirement.ACKNOWLEDGEMENT
GAP = Requirement.COURSE_GAP


def enrolment(ctx: Context) -> Finding:
    """Enrolled in the programme's registry."""
    basis = (ctx.rule("enrolment"),)
    found = ctx.newest(Enrolment)
    if found is None:
        return unmet(
            ENROLMENT,
            f"The patient is not enrolled in {ctx.programme.name}.",
            (),
            basis,
            action="Enrol the patient",
        )
    return met(ENROLMENT, f"Enrolled on {show(found.on)}.", (found.id,), basis)


def pregnancy_potential(ctx: Context) -> Finding:
    """Whether the patient can become pregnant: determined, for a reason that holds, confirmed."""
    basis = (ctx.rule("cannot_reasons"),)
    entry = course_of(ctx).potential
    problem = _potential_problem(entry, basis[0].value)
    if entry is None or problem:
        evidence = (entry.id,) if entry else ()
        action = "Have the prescriber determine and confirm the category"
        return unmet(POTENTIAL, problem, evidence, basis, action=action)
    words = "can" if entry.can_become_pregnant is Potential.YES else "cannot"
    reason = f"Confirmed since {show(entry.from_)}: the patient {words} become pregnant."
    return met(POTENTIAL, reason, (entry.id,), basis)


def _potential_problem(entry: PregnancyPotential | None, supporting: frozenset[Term]) -> str:
    if entry is None:
        return "Whether the patient can become pregnant is not recorded."
    since = show(entry.from_)
    if entry.can_become_pregnant is Potential.UNDETERMINED:
        return f"Whether the patient can become pregnant is undetermined since {since}."
    if entry.reason is None:
        return f"The category of {since} has no reason recorded."
    if entry.can_become_pregnant is Potential.NO and entry.reason not in supporting:
        return (
            f"'Cannot become pregnant' was entered on {since} for a reason ({entry.reason}) that"
            " does not support it, so every rule for a patient who can applies."
        )
    if entry.can_become_pregnant is Potential.YES and entry.reason in supporting:
        return (
            f"'Can become pregnant' was entered on {since} with a reason ({entry.reason}) that"
            " speaks against it."
        )
    if not entry.confirmed_by_professional:
        return f"The category of {since} is not confirmed by a professional."
    return ""


def acknowledgement(ctx: Context) -> Finding:
    """The form of the category, signed by everyone who must, before the first dose."""
    basis = (ctx.rule("form"), ctx.rule("form_signers"), ctx.rule("guardian_below_age"))
    since = course_of(ctx).category_since or dt.date.min
    forms = [
        fact
        for fact in ctx.known(Acknowledgement)
        if fact.form is basis[0].value and fact.on >= since
    ]
    for form in reversed(forms):
        if not _missing_signers(ctx, form):
            reason = f"The form was signed on {show(form.on)} by everyone who must."
            return met(ACKNOWLEDGEMENT, reason, (form.id,), basis)
    return _unsigned(ctx, forms, basis) if forms else _no_form(ctx, since, basis)


def _no_form(ctx: Context, since: dt.date, basis: tuple[Provision, ...]) -> Finding:
    again = f" since the category changed on {show(since)}" if since != dt.date.min else ""
    return unmet(
        ACKNOWLEDGEMENT,
        f"No signed {basis[0].value} form is recorded{again}.",
        (),
        basis,
        action=f"Have {_everyone(ctx)} sign the {basis[0].value} form",
    )


def _unsigned(ctx: Context, forms: list[Acknowledgement], basis: tuple[Provision, ...]) -> Finding:
    nearest = min(reversed(forms), key=lambda form: len(_missing_signers(ctx, form)))
    missing = join(_missing_signers(ctx, nearest))
    return unmet(
        ACKNOWLEDGEMENT,
        f"The form of {show(nearest.on)} is not signed by the {missing}.",
        (nearest.id,),
        basis,
        action=f"Have the form signed by everyone, the {missing} included",
    )


def _signers(ctx: Context, on: dt.date) -> frozenset[Signer]:
    signers: frozenset[Signer] = ctx.rule("form_signers").value
    if age(ctx, on) < ctx.rule("guardian_below_age").value:
        return signers | {Signer.GUARDIAN}
    return signers


def _missing_signers(ctx: Context, form: Acknowledgement) -> list[str]:
    missing = _signers(ctx, form.on).difference(form.signed_by)
    return [words for signer, words in _SIGNERS.items() if signer in missing] if missing else []


_SIGNERS = {
    Signer.PATIENT: "patient",
    Signer.GUARDIAN: "parent or guardian",
    Signer.PRESCRIBER: "prescriber",
    Signer.SECOND_PRESCRIBER: "second prescriber",
}


def _everyone(ctx: Context) -> str:
    # The age on the day of signing decides; a form signed today would be signed at this age.
    ctx.clock.reached(reaches_age(ctx, ctx.rule("guardian_below_age").value))
    signers = _signers(ctx, ctx.today)
    return join(f"the {_SIGNERS[signer]}" for signer in Signer if signer in signers)


def course_gap(ctx: Context) -> Finding:
    """Enough time since an earlier course."""
    basis = (ctx.rule("course_gap_months"),)
    gap = earlier_course_until(ctx)
    if gap is None:
        return not_required(GAP, "No earlier course ended shortly before this one.", basis)
    ended, ready = gap
    last_dose = course_of(ctx).ended
    evidence = (last_dose.id,) if last_dose else ()
    if ctx.clock.reached(ready):
        reason = f"The earlier course ended on {show(ended)}, long enough ago."
        return met(GAP, reason, evidence, basis)
    return unmet(
        GAP,
        f"The earlier course ended on {show(ended)}; the label advises to wait until"
        f" {show(ready)} before another.",
        evidence,
        basis,
        action=f"Wait until {show(ready)}, or have the prescriber decide",
        earliest=ready,
    )


def earlier_course_until(ctx: Context) -> tuple[dt.date, dt.date] | None:
    """The last dose of the course before this one, and the first day for another."""
    course = course_of(ctx)
    if course.phase is not Phase.BEFORE or course.ended is None:
        return None
    months = ctx.rule("course_gap_months").value
    if months is None:
        return None
    return course.ended.on, months_after(ctx, course.ended.on, months)
