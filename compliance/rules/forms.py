"""Signed forms: which one in which version, by whom, and the second prescriber's agreement."""

from __future__ import annotations

import datetime as dt

from compliance.rules.context import Context
from compliance.rules.counting import age, reaches_age
from compliance.rules.courses import course_of
from compliance.rules.dates import show
from compliance.rules.facts import Acknowledgement
from compliance.rules.findings import Finding, Provision
from compliance.rules.issuing import issue_of
from compliance.rules.makers import met, not_required, unmet
from compliance.rules.terms import Binding, Form, Requirement, Signer
from compliance.rules.words import join

ACKNOWLEDGEMENT = Requirement.ACKNOWLEDGEMENT
SECOND = Requirement.SECOND_PRESCRIBER
Row = tuple[Form, bool, str]

_FORMS = {
    Form.ENROLMENT: "enrolment form",
    Form.ACKNOWLEDGEMENT_OF_RISK: "acknowledgement of risk form",
    Form.CONSENT_PART_1: "consent form, part 1,",
    Form.CONSENT_PART_2: "consent form, part 2,",
}
_SIGNERS = {
    Signer.PATIENT: "patient",
    Signer.GUARDIAN: "parent or guardian",
    Signer.PRESCRIBER: "prescriber",
    Signer.SECOND_PRESCRIBER: "second prescriber",
}


def forms_signed(ctx: Context) -> Finding:
    """The forms of the edition of the start, in its version, signed by everyone who must.

    Where the programme says so, a form that is older or missing after the first dose only warns.
    """
    begun = course_of(ctx).first_dispensing is not None
    after = ctx.rule("form_after_first_dose")
    if begun and after.value == Binding.SHOULD.value:
        return _after_first_dose(ctx, after)
    return _before_first_dose(ctx, ctx.rule("forms"))


def _before_first_dose(ctx: Context, rule: Provision) -> Finding:
    basis = (rule, *(ctx.rule(name) for name in _WHO_SIGNS))
    rows = _asked(ctx, rule)
    if not rows:
        return not_required(ACKNOWLEDGEMENT, _none_asked(rule), basis)
    for row in rows:
        problem = _problem(ctx, row, rule)
        if problem:
            return unmet(ACKNOWLEDGEMENT, problem, (), basis, action=_sign(ctx, row))
    found = [_complete(ctx, row, rule) for row in rows]
    evidence = tuple(form.id for form in found if form)
    when = join(dict.fromkeys(show(form.on) for form in found if form))
    return met(ACKNOWLEDGEMENT, f"Signed by everyone who must, {when}.", evidence, basis)


_WHO_SIGNS = ("form_signers", "guardian_below_age", "guardian_may_sign_below_age")


def _none_asked(rule: Provision) -> str:
    if not rule.stated:
        return "Not evaluated: which form was asked for at the start is not stated in our sources."
    return "No form is asked of this patient."


def _after_first_dose(ctx: Context, after: Provision) -> Finding:
    """In mid-course the form of today's edition is wanted; an older or missing one warns."""
    newest = ctx.programme.provision("forms", ctx.today, ctx.adoptions)
    rows = _asked(ctx, newest)
    basis = (after, newest)
    if not rows:
        return not_required(ACKNOWLEDGEMENT, _none_asked(newest), basis)
    missing = next((row for row in rows if _problem(ctx, row, newest)), None)
    if missing is None:
        return met(ACKNOWLEDGEMENT, "The form asked for today is signed.", (), basis)
    older = _any_version(ctx, missing[0])
    if older is None:
        reason = _problem(ctx, missing, newest)
    else:
        reason = (
            f"The {_FORMS[missing[0]]} of {show(older.on)} is of version"
            f" {older.version or 'not recorded'}; version {missing[2]} is in use now. Whether it is"
            " signed again in mid-course is not stated (AMBIGUOUS B3), so this warns."
        )
    evidence = (older.id,) if older else ()
    return unmet(ACKNOWLEDGEMENT, reason, evidence, basis, action=_sign(ctx, missing))


def _asked(ctx: Context, rule: Provision) -> list[Row]:
    can = course_of(ctx).can
    return [row for row in rule.value or () if row[1] or can]


def _accepted(rule: Provision, ctx: Context, row: Row) -> frozenset[str]:
    """The version asked for, and every later one that an edition has brought."""
    parameter = ctx.programme.parameters["forms"]
    listed = [
        known[2]
        for edition in ctx.programme.editions
        if edition.id in parameter.by_edition
        for known in parameter.by_edition[edition.id].value or ()
        if known[0] is row[0]
    ]
    return frozenset(listed[listed.index(row[2]) :]) if row[2] in listed else frozenset({row[2]})


def _in_version(ctx: Context, row: Row, rule: Provision) -> list[Acknowledgement]:
    accepted = _accepted(rule, ctx, row)
    return [
        form
        for form in ctx.known(Acknowledgement)
        if form.form is row[0] and form.version in accepted
    ]


def _complete(ctx: Context, row: Row, rule: Provision) -> Acknowledgement | None:
    found = _in_version(ctx, row, rule)
    return next((form for form in reversed(found) if not _missing(ctx, form)), None)


def _any_version(ctx: Context, form: Form) -> Acknowledgement | None:
    signed = [item for item in ctx.known(Acknowledgement) if item.form is form]
    return next((item for item in reversed(signed) if not _missing(ctx, item)), None)


def _problem(ctx: Context, row: Row, rule: Provision) -> str:
    """What is wrong with one form; empty when it is there and complete."""
    if _complete(ctx, row, rule) is not None:
        return ""
    name, version = _FORMS[row[0]], row[2]
    found = _in_version(ctx, row, rule)
    if found:
        missing = join(_SIGNERS[item] for item in _missing(ctx, found[-1]))
        return f"The {name} of {show(found[-1].on)} is not signed by the {missing}."
    other = [form for form in ctx.known(Acknowledgement) if form.form is row[0]]
    if other:
        return (
            f"The {name} of {show(other[-1].on)} is of version"
            f" {other[-1].version or 'not recorded'}; version {version} is asked for at this start."
        )
    return f"No signed {name} of version {version} is recorded."


def _missing(ctx: Context, form: Acknowledgement) -> list[Signer]:
    """Who has not signed; a guardian may stand for a minor where the programme says so."""
    signed = set(form.signed_by)
    may_sign = ctx.rule("guardian_may_sign_below_age").value
    if may_sign is not None and age(ctx, form.on) < may_sign:
        signed |= {Signer.PATIENT} if Signer.GUARDIAN in signed else set()
    return [item for item in Signer if item in _signers(ctx, form.on) - signed]


def _signers(ctx: Context, on: dt.date) -> frozenset[Signer]:
    signers: frozenset[Signer] = ctx.rule("form_signers").value or frozenset()
    below = ctx.rule("guardian_below_age").value
    if below is not None and age(ctx, on) < below:
        return signers | {Signer.GUARDIAN}
    return signers


def _sign(ctx: Context, row: Row) -> str:
    below = ctx.rule("guardian_below_age").value
    if below is not None:
        ctx.clock.reached(reaches_age(ctx, below))
    everyone = join(f"the {_SIGNERS[who]}" for who in Signer if who in _signers(ctx, ctx.today))
    return f"Have {everyone} sign the {_FORMS[row[0]].rstrip(',')}, version {row[2]}"


# --- the second prescriber ------------------------------------------------------------------------


def second_prescriber_agrees(ctx: Context) -> Finding:
    """Below the age of the edition of the start, two independent prescribers agree to start."""
    basis = (ctx.rule("second_prescriber_below_age"),)
    below = basis[0].value
    if not issue_of(ctx).initiation:
        return not_required(SECOND, "A second prescriber is asked for at the start only.", basis)
    if below is None:
        return not_required(SECOND, "One prescriber is enough to start.", basis)
    adult = reaches_age(ctx, below)
    if ctx.clock.reached(adult):
        reason = f"The patient is {below} or older since {show(adult)}: one prescriber is enough."
        return not_required(SECOND, reason, basis)
    return _two_agree(ctx, below, basis)


def _two_agree(ctx: Context, below: int, basis: tuple[Provision, ...]) -> Finding:
    signed = [
        form
        for form in ctx.known(Acknowledgement)
        if Signer.SECOND_PRESCRIBER in form.signed_by and form.on >= course_of(ctx).since
    ]
    agreed = [form for form in signed if len(set(form.prescribers)) > 1]
    if agreed:
        reason = f"Two prescribers agreed to start on {show(agreed[-1].on)}."
        return met(SECOND, reason, (agreed[-1].id,), basis)
    start = f"The patient is under {below}, so a second, independent prescriber must agree"
    action = "Have a second, independent prescriber agree and sign the form"
    if not signed:
        return unmet(SECOND, f"{start}; none has signed.", (), basis, action=action)
    reason = (
        f"{start}; the form of {show(signed[-1].on)} does not name two different prescribers"
        " (AMBIGUOUS B2: independent is read as two different persons)."
    )
    return unmet(SECOND, reason, (signed[-1].id,), basis, action=action)
