"""What the patient page shows, gathered from the stored answer and the evidence."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.db import db, transaction
from compliance.models import Dispense, Evidence, Patient, PrescriptionOrder, Role, StoredAssessment
from compliance.rules.facts import PregnancyPotential
from compliance.rules.method_status import method_status
from compliance.rules.programme import load_programme
from compliance.rules.terms import Potential
from compliance.rules.what_if import Situation
from compliance.services import audit, held, patients
from compliance.services.documents import documents_of
from compliance.services.doses import dose_summary
from compliance.services.evidence import clinic_terms, local_date, to_record
from compliance.services.notes import notes_of
from compliance.services.reconciliation import has_portal
from compliance.web.clock import now
from compliance.web.contact_words import contacts_context
from compliance.web.course_timeline import course_timeline
from compliance.web.form_specs import SPECS
from compliance.web.incidents import incidents_context
from compliance.web.protocol import card_of
from compliance.web.results import CHARTS, results_context
from compliance.web.security import CLINICAL, actor
from compliance.web.statement_words import statements_context

ICONS = {
    "pregnancy-test": "test",
    "contraception": "shield",
    "method-report": "chat",
    "counselling": "chat",
    "comprehension": "question",
    "lab": "lab",
    "acknowledgement": "pen",
    "visit": "calendar",
    "medicine": "pill",
    "menses": "calendar",
    "symptom": "alert",
    "pregnancy": "alert",
    "last-dose": "flag",
}

CATEGORIES = {
    Potential.YES: "Can become pregnant",
    Potential.NO: "Cannot become pregnant",
    Potential.UNDETERMINED: "Pregnancy potential not determined",
}

FILES = 2  # how many notes and documents stand on the page itself
PHASES = {"before": "Before treatment", "during": "On treatment", "after": "After treatment"}


def open_record(public_id: str, page: str) -> Patient:
    """A patient of one's own clinic; the look is written down before anything is shown."""
    moment = now()
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        audit.log_access(session, actor(), patient, page, moment)
    return patients.get_patient(db.session(), actor(), public_id)


def patient_context(session: Session, patient: Patient, moment: dt.datetime) -> dict[str, Any]:
    """Everything that templates/patients/show.html asks for, but what clears each requirement."""
    rows = all_evidence(session, patient)
    standing = standing_of(rows)
    today = local_date(patient.clinic, moment)
    answer = answer_of(session, patient)
    role = actor().role
    return {
        "patient": patient,
        "today": today,
        "assessment": answer,
        **contacts_context(session, patient, moment),
        **incidents_context(session, patient),
        **statements_context(session, patient),
        "waiting": held.waiting_for(session, patient),
        "protocol": card_of(session, patient, answer, rows, moment),
        "edition": edition_title(answer.programme, answer.edition) if answer else "",
        "programme": load_programme(patient.programme).name,
        "has_portal": has_portal(patient.programme),
        "category": _category(standing, today),
        "phase": PHASES.get(str(answer.phase), "") if answer else "",
        **_computed(session, patient, standing, moment),
        "evidence": _by_kind(rows),
        "proofs": proofs_of(standing),
        "decisions": _decisions(session, patient),
        "forms": forms_of(role),
        "may_prescribe": role is Role.PRESCRIBER,
        "may_dispense": role in CLINICAL,
        "may_withdraw": role in CLINICAL,
        **_files(session, patient, role),
    }


def proofs_of(rows: Iterable[Evidence]) -> dict[str, Evidence]:
    """Entries by the id under which a finding names them as its evidence."""
    return {str(row.id): row for row in rows}


def situation_now(session: Session, patient: Patient, standing: Sequence[Evidence]) -> Situation:
    """What the rules are asked of, from entries that were loaded already."""
    return Situation(
        to_record(patient, standing),
        load_programme(patient.programme),
        clinic_terms(session, patient.clinic),
    )


def _computed(
    session: Session, patient: Patient, standing: Sequence[Evidence], moment: dt.datetime
) -> dict[str, Any]:
    """What is computed and never ticked: methods, results, the dose, the course over the months."""
    here = situation_now(session, patient, standing)
    today = local_date(patient.clinic, moment)
    return {
        "methods_now": method_status(here.record, here.programme, here.terms, moment),
        **results_context(here, moment, CHARTS),
        "dose": dose_summary(patient, here.record, today),
        "course": course_timeline(session, patient, here, today),
    }


def _files(session: Session, patient: Patient, role: Role | None) -> dict[str, Any]:
    """The newest notes and documents, for the clinical roles only."""
    if role not in CLINICAL:
        return {"may_read_files": False}
    return {
        "may_read_files": True,
        "notes": list(session.scalars(notes_of(patient).limit(FILES))),
        "documents": list(session.scalars(documents_of(patient).limit(FILES))),
    }


def _decisions(session: Session, patient: Patient) -> list[PrescriptionOrder | Dispense]:
    """Prescriptions and hand-overs, newest first."""
    found = [*_of(session, PrescriptionOrder, patient), *_of(session, Dispense, patient)]
    return sorted(found, key=lambda item: (item.evidence.happened_on, item.id), reverse=True)


def edition_title(programme_id: str, edition_id: str) -> str:
    """An edition as people call it: the programme's name and the edition's id."""
    return f"{load_programme(programme_id).name}, edition {edition_id}"


def all_evidence(session: Session, patient: Patient) -> Sequence[Evidence]:
    """Everything recorded, newest first, with what was withdrawn or corrected."""
    query = select(Evidence).where(Evidence.patient_id == patient.id)
    return session.scalars(query.order_by(Evidence.happened_on.desc(), Evidence.id.desc())).all()


def standing_of(rows: Sequence[Evidence]) -> list[Evidence]:
    """What was neither withdrawn nor corrected."""
    replaced = {row.supersedes_id for row in rows}
    return [row for row in rows if row.withdrawn_at is None and row.id not in replaced]


def answer_of(session: Session, patient: Patient) -> StoredAssessment | None:
    """The stored answer about the newest course; None while there is none."""
    course = patient.course
    return session.get(StoredAssessment, course.id) if course else None


def _category(rows: Sequence[Evidence], today: dt.date) -> str:
    for row in rows:
        if row.kind == PregnancyPotential.kind and row.happened_on <= today:
            fact = row.fact
            assert isinstance(fact, PregnancyPotential)  # noqa: S101 - the kind says so
            return CATEGORIES[fact.can_become_pregnant]
    return CATEGORIES[Potential.UNDETERMINED]


def _by_kind(rows: Sequence[Evidence]) -> dict[str, list[Evidence]]:
    grouped: dict[str, list[Evidence]] = defaultdict(list)
    for row in rows:
        grouped[row.kind].append(row)
    return dict(grouped)


def _of(session: Session, table: Any, patient: Patient) -> list[Any]:
    return list(session.scalars(select(table).where(table.patient_id == patient.id)))


def forms_of(role: Role | None) -> list[dict[str, str]]:
    """The forms that a role may fill: kind as in the address, title, icon."""
    if role not in CLINICAL:
        return []
    return [
        {"kind": kind, "title": spec.title, "icon": ICONS.get(kind, "plus")}
        for kind, spec in SPECS.items()
        if role is Role.PRESCRIBER or not spec.prescriber_only
    ]
