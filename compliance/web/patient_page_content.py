"""What the patient's page shows: the patient's own duties only, and what may be done about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.mail.texts import language_of, long_date
from compliance.models import Clinic, Evidence, Patient, PatientStatement, StoredAssessment
from compliance.rules.crisis import crisis_line
from compliance.rules.facts import PregnancyPotential, facts_of
from compliance.rules.openings import read_weekdays
from compliance.rules.reminders import obligations
from compliance.rules.terms import Outcome, Potential, Requirement, Side
from compliance.services.evidence import load_record
from compliance.services.reminders import calendar_of, situation_of
from compliance.services.stated import announces_pregnancy

Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """What concerns this patient now."""

    methods: bool
    questions: bool
    questions_open: bool
    pregnancy: bool


def offer_to(session: Session, patient: Patient, today: dt.date) -> Offer:
    """What the page offers: statements where the programme asks for them."""
    outcomes = {item["requirement"]: item["outcome"] for item in _findings(session, patient)}

    def asked(requirement: Requirement) -> bool:
        outcome = outcomes.get(requirement.value, Outcome.NOT_REQUIRED.value)
        return bool(outcome != Outcome.NOT_REQUIRED.value)

    return Offer(
        methods=asked(Requirement.METHOD_MATCH),
        questions=asked(Requirement.COMPREHENSION),
        questions_open=outcomes.get(Requirement.COUNSELLING.value) == Outcome.MET.value,
        pregnancy=_may_become_pregnant(session, patient, today),
    )


def _may_become_pregnant(session: Session, patient: Patient, today: dt.date) -> bool:
    known = [fact for fact in load_record(session, patient).facts if fact.day <= today]
    entries = facts_of(known, PregnancyPotential)
    return not entries or entries[-1].can_become_pregnant is not Potential.NO


def _answer(session: Session, patient: Patient) -> StoredAssessment | None:
    course = patient.course
    return session.get(StoredAssessment, course.id) if course else None


def _findings(session: Session, patient: Patient) -> list[dict[str, Any]]:
    answer = _answer(session, patient)
    return answer.findings if answer else []


def duties(
    session: Session, patient: Patient, words: Words, moment: dt.datetime
) -> list[SimpleNamespace]:
    """What the patient owes, each with its days in words, the soonest first."""
    answer, course = _answer(session, patient), patient.course
    if answer is None or course is None:
        return []
    found = obligations(situation_of(answer, course, moment), calendar_of(patient.clinic))
    soonest = {item.kind: item for item in sorted(found, key=lambda item: item.by, reverse=True)}
    language = language_of(words["language"])
    return [
        SimpleNamespace(
            title=words["kinds"].get(item.kind.value, words["kinds"]["step"]),
            when=words["between" if item.first < item.by else "by"].format(
                first=long_date(item.first, language), by=long_date(item.by, language)
            ),
        )
        for item in sorted(soonest.values(), key=lambda item: item.by)
    ]


def place_of(clinic: Clinic, words: Words) -> SimpleNamespace:
    """Where the clinic is, and how and when it is reached."""
    days = [words["weekdays"][day - 1] for day in sorted(read_weekdays(clinic.opening_days))]
    help_line = crisis_line(clinic.country)
    return SimpleNamespace(
        name=clinic.name,
        address=clinic.address,
        phone=clinic.phone,
        dial="".join(letter for letter in clinic.phone if letter.isdigit() or letter == "+"),
        opening=", ".join(days) or words["closed"],
        emergency=help_line.emergency,
        crisis=help_line,
    )


def holds(session: Session, patient: Patient) -> bool:
    """Whether something that the patient said still holds everything."""
    query = select(PatientStatement).where(
        PatientStatement.patient_id == patient.id, PatientStatement.handled_at.is_(None)
    )
    return any(announces_pregnancy(row) for row in session.scalars(query))


def comparison(session: Session, patient: Patient, words: Words) -> SimpleNamespace:
    """What the clinic entered for this month, and whether it is the same; no more than that."""
    found = next(
        (
            item
            for item in _findings(session, patient)
            if item["requirement"] == Requirement.METHOD_MATCH.value
        ),
        None,
    )
    theirs = _entry_of_clinic(session, patient, found["evidence"] if found else [])
    if found is None or theirs is None:
        return SimpleNamespace(state="waiting", methods="", on="")
    names = words["method_names"]
    return SimpleNamespace(
        state="match" if found["outcome"] == Outcome.MET.value else "differ",
        methods=", ".join(names[method] for method in theirs.detail["methods"]),
        on=long_date(theirs.happened_on, language_of(words["language"])),
    )


def _entry_of_clinic(session: Session, patient: Patient, ids: list[str]) -> Evidence | None:
    query = select(Evidence).where(
        Evidence.patient_id == patient.id, Evidence.id.in_([int(item) for item in ids])
    )
    rows = session.scalars(query.order_by(Evidence.id.desc()))
    return next((row for row in rows if row.detail.get("by") == Side.PRESCRIBER.value), None)


def last_statement(session: Session, link_id: int) -> PatientStatement | None:
    """What was stated last by a link."""
    query = select(PatientStatement).where(PatientStatement.link_id == link_id)
    return session.scalars(query.order_by(PatientStatement.id.desc()).limit(1)).first()
