"""What clears a requirement: the form, the part of the visit, or the page that plans it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from flask import url_for

from compliance.models import Patient, Role
from compliance.rules.terms import Requirement
from compliance.rules.waiting_results import CLOSE_STATEMENT
from compliance.web.security import CLINICAL
from compliance.web.visit_page import PARTS
from compliance.web.words import FIXES

Fix = tuple[str, str]  # what the button says, and where it leads

_PLANNED = (
    Requirement.FIRST_WINDOW_LOCKOUT,
    Requirement.COURSE_GAP,
    Requirement.BLOOD_DONATION,
    Requirement.PRESCRIBER_SCOPE,
)


def fixes_for(
    patient: Patient,
    role: Role | None,
    forms: Collection[str],
    findings: Iterable[Mapping[str, Any]] = (),
) -> Mapping[str, Fix]:
    """For each requirement the button that clears it, of those this role may use."""
    if role not in CLINICAL:
        return {}
    found = {item.value: _planned(patient) for item in _PLANNED}
    found[Requirement.PRESCRIPTION_WINDOW.value] = ("Start visit", _visit(patient, "settle"))
    for requirement, part in PARTS.items():
        found[requirement.value] = ("In the visit", _visit(patient, part))
    if role is Role.PRESCRIBER:
        supply = url_for("evidence.prescribe", public_id=patient.public_id)
        found[Requirement.DAYS_SUPPLY.value] = ("Prescribe", supply)
    for requirement_id, (kind, label) in FIXES.items():
        if kind in forms:
            form = url_for("evidence.record", public_id=patient.public_id, kind=kind)
            found[requirement_id] = (label, form)
    for finding in findings:
        if finding["action"] == CLOSE_STATEMENT:
            found[finding["requirement"]] = ("See what was stated", url_for("statements.index"))
    return found


def _planned(patient: Patient) -> Fix:
    return "See the dates", url_for("planner.show", public_id=patient.public_id)


def _visit(patient: Patient, part: str) -> str:
    return url_for("visits.show", public_id=patient.public_id, _anchor=part)
