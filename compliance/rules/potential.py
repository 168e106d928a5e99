"""Whether the patient can become pregnant, where anatomy and a professional's word decide."""

from __future__ import annotations

from compliance.rules.context import Context
from compliance.rules.courses import course_of
from compliance.rules.dates import show
from compliance.rules.facts import PregnancyPotential
from compliance.rules.findings import Finding, Provision
from compliance.rules.makers import met, unknown, unmet
from compliance.rules.terms import Potential, PotentialReason, Requirement

POTENTIAL = Requirement.PREGNANCY_POTENTIAL
Basis = tuple[Provision, ...]


def potential_by_anatomy(ctx: Context) -> Finding:
    """Determined, with a reason that holds here; an ending is confirmed by a professional."""
    basis = tuple(ctx.rule(name) for name in ("ended_reasons", "outside_reasons", "open_reasons"))
    entry = course_of(ctx).potential
    if entry is None:
        return _undetermined("Whether the patient can become pregnant is not recorded.", (), basis)
    if entry.can_become_pregnant is Potential.UNDETERMINED:
        reason = f"Whether the patient can become pregnant is undetermined since {_day(entry)}."
        return _undetermined(reason, (entry.id,), basis)
    if entry.can_become_pregnant is Potential.YES:
        reason = f"Since {_day(entry)} the patient counts as one who can become pregnant."
        return met(POTENTIAL, reason, (entry.id,), basis)
    return _cannot(entry, basis)


def _day(entry: PregnancyPotential) -> str:
    return show(entry.from_)


def _undetermined(reason: str, evidence: tuple[str, ...], basis: Basis) -> Finding:
    action = "Have the prescriber determine and record whether the patient can become pregnant"
    return unmet(POTENTIAL, reason, evidence, basis, action=action)


def _cannot(entry: PregnancyPotential, basis: Basis) -> Finding:
    ended, outside, left_open = (item.value or frozenset() for item in basis)
    words = _WORDS.get(entry.reason, "without a reason")
    if entry.reason in outside:
        reason = f"The patient cannot become pregnant: {words}, recorded on {_day(entry)}."
        return met(POTENTIAL, reason, (entry.id,), basis)
    if entry.reason not in ended | left_open:
        return _unsupported(entry, words, basis)
    if not entry.confirmed_by_professional:
        return _unconfirmed(entry, words, basis)
    if entry.reason in left_open:
        return _left_open(entry, words, basis)
    reason = f"The patient cannot become pregnant: {words}, confirmed on {_day(entry)}."
    return met(POTENTIAL, reason, (entry.id,), basis)


def _unsupported(entry: PregnancyPotential, words: str, basis: Basis) -> Finding:
    return unmet(
        POTENTIAL,
        f"'Cannot become pregnant' was entered on {_day(entry)} {_because(entry, words)}, which"
        " does not support it here, so everything asked of a patient who can applies.",
        (entry.id,),
        basis,
        action="Record that the patient can become pregnant, or a reason that holds",
    )


def _because(entry: PregnancyPotential, words: str) -> str:
    return words if entry.reason is None else f"because of {words}"


def _unconfirmed(entry: PregnancyPotential, words: str, basis: Basis) -> Finding:
    return unmet(
        POTENTIAL,
        f"No healthcare professional has confirmed {words} (entered on {_day(entry)}), so"
        " everything asked of a patient who can become pregnant applies.",
        (entry.id,),
        basis,
        action=f"Have a healthcare professional confirm {words} and record it",
    )


def _left_open(entry: PregnancyPotential, words: str, basis: Basis) -> Finding:
    return unknown(
        POTENTIAL,
        f"Whether {words} ends the ability to become pregnant here is not stated in the text that"
        " we know (AMBIGUOUS B10): a person decides.",
        (entry.id,),
        (basis[2], *basis[:2]),
        action="Have the prescriber decide by the current product monograph",
    )


_WORDS = {
    PotentialReason.ANATOMY: "anatomy",
    PotentialReason.ASSIGNED_MALE: "assigned male at birth",
    PotentialReason.HYSTERECTOMY: "hysterectomy",
    PotentialReason.BILATERAL_OOPHORECTOMY: "the removal of both ovaries",
    PotentialReason.POSTMENOPAUSAL: "the menopause",
    PotentialReason.TUBAL_STERILISATION: "the surgical sterilisation",
    PotentialReason.NOT_YET_MENSTRUATING: "no period yet",
    PotentialReason.GENDER_TRANSITION: "gender transition",
    PotentialReason.OTHER: "another reason",
    None: "without a reason",
}
