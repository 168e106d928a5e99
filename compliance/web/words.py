"""The words that pages show for the terms of the closed vocabularies."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

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
