"""What the pages of a visit show: what it must settle, what is known, what it would record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Evidence, Patient, Role, StoredAssessment, VisitDraft
from compliance.rules.crisis import crisis_line
from compliance.rules.facts import Contraception, Symptom, facts_of
from compliance.rules.findings import Finding
from compliance.rules.terms import Method, Requirement, Side
from compliance.services import held
from compliance.services.evidence import zone_of
from compliance.services.visit_opening import JUST_ISSUED_DAYS, TESTS, Opening
from compliance.services.visit_preview import Preview, VisitContent
from compliance.services.visits import last_visit
from compliance.web.patient_view import edition_title
from compliance.web.security import actor
from compliance.web.visit_content import Answers
from compliance.web.visit_form import VisitForm
from compliance.web.words import words

# Which part of the page settles a requirement.
PARTS: dict[Requirement, str] = {
    **dict.fromkeys((*TESTS, Requirement.TEST_SENSITIVITY), "test"),
    Requirement.METHOD_MATCH: "contraception",
    Requirement.CONTRACEPTION_METHODS: "contraception",
    Requirement.COUNSELLING: "talk",
    Requirement.COMPREHENSION: "talk",
    Requirement.REVIEW: "talk",
    Requirement.IN_PERSON_START: "talk",
    Requirement.LAB_LIMITS: "results",
    Requirement.DAYS_SUPPLY: "dose",
}
EXEMPT = Requirement.CONTRACEPTION_METHODS
LIMITS = Requirement.LAB_LIMITS


def visit_context(
    session: Session, patient: Patient, opening: Opening, form: VisitForm
) -> dict[str, Any]:
    """Everything that templates/visits/show.html asks for, but the draft itself."""
    waiting = held.waiting_for(session, patient)
    asks = _asks(opening, bool(waiting))
    return {
        "patient": patient,
        "today": opening.today,
        "opening": opening,
        "form": form,
        "edition": edition_title(opening.answer.programme, opening.answer.edition),
        "asks": asks,
        "settles": [_settled(item, asks) for item in opening.open],
        "waiting": waiting,
        "limits": [item for item in opening.open if item.requirement is LIMITS],
        "analytes": _analytes(opening, form),
        "crisis": crisis_line(patient.clinic.country),
        "decides": actor().role is Role.PRESCRIBER,
        "home_process": bool(opening.value("home_process")),
        "certified": bool(opening.value("certified_during") or opening.value("certified_before")),
        "topics": _topics(opening),
        "symptoms": _symptoms(opening, form),
        "known_methods": _known_methods(opening, form),
        "earlier": earlier_visit(session, patient, opening),
    }


def _asks(opening: Opening, held_results: bool) -> frozenset[str]:
    """Which parts the page has for this patient under this programme."""
    asked = opening.asked
    exempts = bool(opening.value("exemption_reasons")) and EXEMPT in asked
    parts = {
        "test": bool(asked & TESTS),
        "statements": Requirement.METHOD_MATCH in asked,
        "exemption": exempts,
        "contraception": Requirement.METHOD_MATCH in asked or exempts,
        "questions": Requirement.COMPREHENSION in asked,
        "results": held_results or any(item.requirement is LIMITS for item in opening.open),
        "talk": True,
        "dose": True,
    }
    return frozenset(name for name, there in parts.items() if there)


def _settled(finding: Finding, asks: frozenset[str]) -> tuple[Finding, str]:
    """A requirement with the part of the page that settles it; "" where another page does."""
    part = PARTS.get(finding.requirement, "")
    return finding, part if part in asks else ""


def _analytes(opening: Opening, form: VisitForm) -> list[tuple[str, str]]:
    """What can be decided about: the results that wait, or any where a symptom asks for it."""
    waiting = {lab.analyte.value for lab in opening.waiting_labs()}
    return [item for item in form.decided_about.choices if not waiting or item[0] in waiting]


def earlier_visit(session: Session, patient: Patient, opening: Opening) -> VisitDraft | None:
    """The visit of these days that this one goes on with, if there was one."""
    first = opening.today - dt.timedelta(days=JUST_ISSUED_DAYS)
    midnight = dt.datetime.combine(first, dt.time(0), tzinfo=zone_of(patient.clinic))
    return last_visit(session, patient, midnight)


def prepared_for(session: Session, patient: Patient, opening: Opening) -> dict[str, str]:
    """What a nurse has left for the prescriber; nothing for anybody else."""
    earlier = earlier_visit(session, patient, opening)
    if earlier is None or actor().role is not Role.PRESCRIBER:
        return {}
    return dict((earlier.outcome or {}).get("prepared", {}))


def _topics(opening: Opening) -> list[tuple[str, str]]:
    """What the programme has asked at a visit, before the start or after."""
    name = "review_topics" if opening.prescription is None else "review_topics_follow_up"
    listed = opening.value(name) or opening.value("review_topics") or ()
    return [(str(topic), words(topic)) for topic in sorted(listed, key=str)]


def _symptoms(opening: Opening, form: VisitForm) -> list[tuple[str, str, str]]:
    """Each symptom with what the programme says of it; those of consequence first."""
    stops: Mapping[str, str] = opening.value("stop_symptoms") or {}
    rows = [(key, label, stops.get(key, "")) for key, label in form.symptoms.choices]
    listed = dict(form.symptoms.choices)
    rows += [(key, words(key), why) for key, why in stops.items() if key not in listed]
    return sorted(rows, key=lambda row: not row[2])


def _known_methods(opening: Opening, form: VisitForm) -> list[str]:
    """The methods stated last, in use, or chosen now: they stand at the top of both lists."""
    stated = [opening.statement(side) for side in Side]
    found = {method for report in stated if report for method in report.methods}
    found |= {
        fact.method
        for fact in facts_of(opening.record.facts, Contraception)
        if fact.until is None or fact.until >= opening.today
    }
    chosen = {*form.patient_methods.data, *form.prescriber_methods.data}
    return [item.value for item in Method if item in found or item.value in chosen]


def differences(form: VisitForm, mine: Answers, theirs: Answers) -> list[tuple[str, str]]:
    """Where another window said otherwise: the field's label, and what stands there."""
    names = [field.name for field in form if mine.get(field.name) != theirs.get(field.name)]
    return [(form[name].label.text, _said(form, name, theirs.get(name, []))) for name in names]


def _said(form: VisitForm, name: str, values: list[str]) -> str:
    listed = dict(getattr(form[name], "choices", None) or [("y", "Yes"), ("yes", "Yes")])
    return ", ".join(listed.get(value, value) for value in values if value) or "nothing"


def confirm_context(
    opening: Opening, form: VisitForm, content: VisitContent, expected: Preview
) -> dict[str, Any]:
    """What the confirmation shows: what is recorded, what is left out, and both answers."""
    stops: Mapping[str, str] = opening.value("stop_symptoms") or {}
    return {
        "content": content,
        "expected": expected,
        "left_out": _left_out(form),
        "stops": [
            (words(fact.name), stops[fact.name])
            for fact in content.facts
            if isinstance(fact, Symptom) and fact.name in stops
        ],
    }


def _left_out(form: VisitForm) -> list[str]:
    """What stands on the page and is not recorded, because nobody said so today."""
    found = [
        f"The {side}'s methods: not confirmed as stated today."
        for side in ("patient", "prescriber")
        if form[f"{side}_methods"].data and not form[f"{side}_states"].data
    ]
    if form.collected.data and not form.result.data:
        found.append("No pregnancy test: it has no result.")
    return found


def done_context(session: Session, patient: Patient, visit: VisitDraft) -> dict[str, Any]:
    """What the last page shows: what was recorded, what the answer became, what comes next."""
    outcome = visit.outcome or {}
    rows = session.scalars(
        select(Evidence)
        .where(Evidence.patient_id == patient.id, Evidence.public_id.in_(outcome["recorded"]))
        .order_by(Evidence.id)
    ).all()
    course = patient.course
    return {
        "patient": patient,
        "visit": visit,
        "outcome": outcome,
        "rows": rows,
        "assessment": session.get(StoredAssessment, course.id) if course else None,
    }
