"""The words that pages show for the terms of the closed vocabularies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from compliance.rules.facts import (
    Acknowledgement,
    Comprehension,
    Contraception,
    ContraceptionExemption,
    Dispensing,
    Fact,
    InteractionAcknowledged,
    Lab,
    LabDecision,
    Medicine,
    MethodReport,
    MoodScreen,
    PregnancyExcluded,
    PregnancyPotential,
    PregnancyTest,
    Prescription,
    ProtocolStep,
    Symptom,
    Visit,
    Weight,
)

REQUIREMENTS: dict[str, str] = {
    "enrolment": "Enrolment in the programme",
    "pregnancy-potential": "Pregnancy potential",
    "acknowledgement": "Signed acknowledgement",
    "second-prescriber": "Second prescriber",
    "in-person-start": "In-person start",
    "screening-test": "Screening pregnancy test",
    "test-before-start": "Pregnancy test before the start",
    "monthly-test": "Monthly pregnancy test",
    "not-pregnant": "Not pregnant",
    "test-setting": "Where the test was done",
    "test-sensitivity": "Sensitivity of the test",
    "contraception-methods": "Contraceptive methods",
    "contraception-lead-in": "Contraception before the start",
    "method-match": "Both statements agree",
    "comprehension": "Comprehension questions",
    "counselling": "Counselling",
    "prescription-window": "Prescription window",
    "first-window-lockout": "Wait after a missed first window",
    "days-supply": "Days' supply",
    "prescriber-scope": "Who may prescribe",
    "review": "Review visit",
    "interaction": "Interactions",
    "baseline-labs": "Laboratory tests before the start",
    "lab-follow-up": "Laboratory follow-up",
    "lab-limits": "Laboratory limits",
    "course-gap": "Gap between courses",
    "final-test": "Pregnancy test after treatment",
    "contraception-tail": "Contraception after treatment",
    "blood-donation": "Blood donation",
}

# Only the terms that do not read well as they are written.
TERMS: dict[str, str] = {
    "yes": "Yes",
    "no": "No",
    "ius": "Hormonal IUD (IUS)",
    "copper-iud": "Copper IUD",
    "combined-pill": "Combined pill",
    "minipill": "Progestogen-only pill",
    "ring": "Vaginal ring",
    "patch": "Contraceptive patch",
    "male-condom": "External (male) condom",
    "female-condom": "Internal (female) condom",
    "tubal-sterilisation": "Tubal sterilisation",
    "partner-vasectomy": "Partner's vasectomy",
    "assigned-male": "Assigned male at birth",
    "not-yet-menstruating": "Has not begun to menstruate",
    "gp": "General practitioner",
    "no-partner-who-can-cause-pregnancy": "No partner who can cause a pregnancy",
    "entered-in-error": "Entered in error",
    "TG": "Triglycerides",
    "TC": "Total cholesterol",
    "LDL": "LDL cholesterol",
    "HDL": "HDL cholesterol",
    "ALT": "ALT",
    "AST": "AST",
    "ALP": "Alkaline phosphatase",
    "GGT": "GGT",
    "BILI": "Bilirubin",
    "CK": "Creatine kinase",
    "HCG": "hCG",
    "GLUC": "Glucose",
    "CREAT": "Creatinine",
}

KINDS: dict[str, str] = {
    "method_report": "Methods as stated",
    "menses": "Period",
    "lab": "Laboratory result",
    "lab_decision": "Decision on results",
    "interaction_acknowledged": "Interaction acknowledged",
    "last_dose": "Last dose",
    "contraception_exemption": "Exemption from contraception",
    "pregnancy_excluded": "Pregnancy excluded",
    "protocol_step": "Step of the stop protocol",
    "mood_screen": "Mood questions",
}


# Which form clears which requirement: the form's kind as in its address, and what its button says.
FIXES: dict[str, tuple[str, str]] = {
    "enrolment": ("enrolment", "Record enrolment"),
    "pregnancy-potential": ("pregnancy-potential", "Determine potential"),
    "acknowledgement": ("acknowledgement", "Record signed form"),
    "second-prescriber": ("acknowledgement", "Record signed form"),
    "in-person-start": ("visit", "Record visit"),
    "screening-test": ("pregnancy-test", "Record test"),
    "test-before-start": ("pregnancy-test", "Record test"),
    "monthly-test": ("pregnancy-test", "Record test"),
    "final-test": ("pregnancy-test", "Record test"),
    "test-setting": ("pregnancy-test", "Record test"),
    "test-sensitivity": ("pregnancy-test", "Record test"),
    "not-pregnant": ("pregnancy-excluded", "Decide on the test"),
    "contraception-methods": ("contraception", "Record method"),
    "contraception-lead-in": ("contraception", "Record method"),
    "contraception-tail": ("contraception", "Record method"),
    "method-match": ("method-report", "Record statement"),
    "comprehension": ("comprehension", "Record answers"),
    "counselling": ("counselling", "Confirm counselling"),
    "review": ("visit", "Record visit"),
    "interaction": ("interaction-acknowledged", "Acknowledge"),
    "baseline-labs": ("lab", "Record result"),
    "lab-follow-up": ("lab", "Record result"),
    "lab-limits": ("lab-decision", "Record decision"),
}


def fix_for(term: object) -> tuple[str, str] | None:
    """The form that clears a requirement: (kind as in its address, label); None when none does."""
    return FIXES.get(str(term.value) if isinstance(term, Enum) else str(term))


def describe(fact: Fact) -> str:
    """One recorded fact in a few words, without its day: "Negative, urine, medical setting"."""
    teller = TELLERS.get(type(fact))
    return teller(fact) if teller else ""


def _listed(*parts: object) -> str:
    """Parts in one line: the first as it stands, the others in lower case, empty ones left out."""
    first, *rest = [words(part) for part in parts if part not in (None, "", False)] or [""]
    return ", ".join([first, *(part if part.isupper() else _lower(part) for part in rest)])


def _lower(text: str) -> str:
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _dose(fact: Prescription) -> str:
    dose = f", {fact.daily_dose_mg:g} mg a day" if fact.daily_dose_mg else ""
    refills = f", refills: {fact.refills}" if fact.refills else ""
    return f"{fact.days_supply} days' supply{dose}{refills}"


def _method(fact: Contraception) -> str:
    return _listed(fact.method, "documented" if fact.documented_by_professional else "")


def _lab(fact: Lab) -> str:
    limit = f" (upper limit {fact.upper_limit})" if fact.upper_limit else ""
    value = f"{words(fact.analyte)} {fact.value} {fact.unit}".strip()
    return f"{value}{limit}{', fasting' if fact.fasting else ''}"


def _mood(fact: MoodScreen) -> str:
    parts = [f"PHQ-2 {fact.interest + fact.low_mood} of 6"]
    parts += [f"PHQ-9 {fact.phq9} of 27"] if fact.phq9 is not None else []
    parts += [f"its question 9: {fact.self_harm} of 3"] if fact.self_harm is not None else []
    parts += [f"done: {fact.action.rstrip('.')}"] if fact.action else []
    return ", ".join(parts)


_WHERE = {"medical": "medical setting", "laboratory": "laboratory", "home": "at home"}

TELLERS: dict[type[Fact], Callable[[Any], str]] = {
    PregnancyTest: lambda f: _listed(
        f.result, f.specimen, _WHERE.get(str(f.setting), ""), f.supervision
    ),
    PregnancyPotential: lambda f: _listed(
        {"yes": "Can become pregnant", "no": "Cannot become pregnant"}.get(
            str(f.can_become_pregnant), "Not determined yet"
        ),
        f.reason,
    ),
    Contraception: _method,
    MethodReport: lambda f: f"{words(f.by)}: {_listed(*f.methods)}",
    ContraceptionExemption: lambda f: words(f.reason),
    Comprehension: lambda f: "Passed" if f.passed else "Not passed",
    Acknowledgement: lambda f: _listed(f.form, *f.signed_by),
    Visit: lambda f: _listed(f.mode, *f.topics),
    Medicine: lambda f: words(f.name),
    InteractionAcknowledged: lambda f: words(f.medicine),
    Symptom: lambda f: words(f.name),
    MoodScreen: _mood,
    Weight: lambda f: f"{f.kg:g} kg",
    Prescription: _dose,
    Dispensing: lambda f: f"{f.days_supply} days' supply",
    Lab: _lab,
    LabDecision: lambda f: _listed(f.analyte, f.decision, f.by),
    PregnancyExcluded: lambda f: f"{f.by}: {f.reason}",
    ProtocolStep: lambda f: f"{words(f.step)}{f': {f.note}' if f.note else ''}",
}


def words(term: object) -> str:
    """A term as people read it: "combined-pill" becomes "Combined pill"; None becomes ""."""
    if term is None:
        return ""
    if isinstance(term, bool):
        return "Yes" if term else "No"
    key = str(term.value) if isinstance(term, Enum) else str(term)
    return TERMS.get(key) or KINDS.get(key) or _sentence(key)


def requirement(term: object) -> str:
    """The name of a requirement as people read it."""
    key = str(term.value) if isinstance(term, Enum) else str(term)
    return REQUIREMENTS.get(key) or _sentence(key)


def options(terms: Iterable[Enum]) -> list[tuple[str, str]]:
    """Choices for a form field, in the vocabulary's own order: (value, words)."""
    return [(str(term.value), words(term)) for term in terms]


def _sentence(key: str) -> str:
    text = key.replace("-", " ").replace("_", " ").strip()
    return text[:1].upper() + text[1:]
