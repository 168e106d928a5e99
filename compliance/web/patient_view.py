"""What the patient page shows, gathered from the stored answer and the evidence."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.db import db, transaction
from compliance.models import Dispense, Evidence, Patient, PrescriptionOrder, Role, StoredAssessment
from compliance.rules.facts import ClinicTerms, Lab, PregnancyPotential, Record, facts_of
from compliance.rules.lab_guides import Guides, lab_guides
from compliance.rules.lab_notes import lab_notes
from compliance.rules.method_status import method_status
from compliance.rules.programme import Programme, load_programme
from compliance.rules.terms import Analyte, Potential, ResultStatus
from compliance.services import audit, held, patients
from compliance.services.evidence import clinic_terms, local_date, to_record
from compliance.services.reconciliation import has_portal
from compliance.web.charts import Chart, line_chart
from compliance.web.clock import now
from compliance.web.contact_words import contacts_context
from compliance.web.form_specs import SPECS
from compliance.web.protocol import card_of
from compliance.web.security import CLINICAL, actor
from compliance.web.words import words

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

PHASES = {"before": "Before treatment", "during": "On treatment", "after": "After treatment"}


def open_record(public_id: str, page: str) -> Patient:
    """A patient of one's own clinic; the look is written down before anything is shown."""
    moment = now()
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        audit.log_access(session, actor(), patient, page, moment)
    return patients.get_patient(db.session(), actor(), public_id)


def patient_context(session: Session, patient: Patient, moment: dt.datetime) -> dict[str, Any]:
    """Everything that templates/patients/show.html asks for."""
    rows = all_evidence(session, patient)
    standing = _standing(rows)
    answer = _answer(session, patient)
    role = actor().role
    return {
        "patient": patient,
        "today": local_date(patient.clinic, moment),
        "assessment": answer,
        **contacts_context(session, patient, moment),
        "waiting": held.waiting_for(session, patient),
        "protocol": card_of(session, patient, answer, rows, moment),
        "edition": edition_title(answer.programme, answer.edition) if answer else "",
        "programme": load_programme(patient.programme).name,
        "category": _category(standing, local_date(patient.clinic, moment)),
        "phase": PHASES.get(str(answer.phase), "") if answer else "",
        **_computed(session, patient, standing, moment),
        "evidence": _by_kind(rows),
        "prescriptions": _of(session, PrescriptionOrder, patient),
        "dispenses": _of(session, Dispense, patient),
        "forms": _forms(role),
        "may_prescribe": role is Role.PRESCRIBER,
        "may_dispense": role in CLINICAL,
        "may_withdraw": role in CLINICAL,
        "has_portal": has_portal(patient.programme),
        "history_rows": sorted(rows, key=lambda row: row.id, reverse=True)[:12],
    }


def _computed(
    session: Session, patient: Patient, standing: Sequence[Evidence], moment: dt.datetime
) -> dict[str, Any]:
    """What is computed and never ticked: each method's status, each newest result."""
    record, programme = to_record(patient, standing), load_programme(patient.programme)
    terms = clinic_terms(session, patient.clinic)
    return {
        "methods_now": method_status(record, programme, terms, moment),
        "lab_notes": lab_notes(record, programme, terms, moment),
        "trends": _trends(record, programme, terms, moment),
    }


def edition_title(programme_id: str, edition_id: str) -> str:
    """An edition as people call it: the programme's name and the edition's id."""
    return f"{load_programme(programme_id).name}, edition {edition_id}"


def all_evidence(session: Session, patient: Patient) -> Sequence[Evidence]:
    """Everything recorded, newest first, with what was withdrawn or corrected."""
    query = select(Evidence).where(Evidence.patient_id == patient.id)
    return session.scalars(query.order_by(Evidence.happened_on.desc(), Evidence.id.desc())).all()


def _standing(rows: Sequence[Evidence]) -> list[Evidence]:
    replaced = {row.supersedes_id for row in rows}
    return [row for row in rows if row.withdrawn_at is None and row.id not in replaced]


def _answer(session: Session, patient: Patient) -> StoredAssessment | None:
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


def _forms(role: Role | None) -> list[dict[str, str]]:
    if role not in CLINICAL:
        return []
    return [
        {"kind": kind, "title": spec.title, "icon": ICONS.get(kind, "plus")}
        for kind, spec in SPECS.items()
        if role is Role.PRESCRIBER or not spec.prescriber_only
    ]


def _trends(
    record: Record, programme: Programme, terms: ClinicTerms, moment: dt.datetime
) -> list[dict[str, Any]]:
    """One chart an analyte and unit: results in different units are never drawn as one line."""
    series: dict[tuple[Analyte, str], list[Lab]] = defaultdict(list)
    for fact in reversed(facts_of(record.facts, Lab)):
        if fact.unit and fact.status in (ResultStatus.FINAL, ResultStatus.CORRECTED):
            series[fact.analyte, fact.unit].append(fact)
    ordered = sorted(series, key=lambda key: (list(Analyte).index(key[0]), key[1]))
    newest = [series[key][0] for key in ordered]
    guides = lab_guides(record, programme, terms, moment, newest)
    return [
        {
            "id": f"{analyte.value}-{number}",
            "title": words(analyte.value),
            "chart": _chart(series[analyte, unit], unit, guide),
        }
        for number, ((analyte, unit), guide) in enumerate(zip(ordered, guides, strict=True))
    ]


def _chart(facts: Sequence[Lab], unit: str, guide: Guides) -> Chart:
    return line_chart(
        [(fact.day, fact.value) for fact in facts],
        unit,
        limit=_decimal(guide.limit),
        upper=next((fact.upper_limit for fact in facts if fact.upper_limit), None),
        strict=guide.strict,
        bands=[(band.grade, _exact(band.low), _decimal(band.high)) for band in guide.bands],
    )


def _exact(value: Fraction) -> Decimal:
    return round(Decimal(value.numerator) / value.denominator, 2)


def _decimal(value: Fraction | None) -> Decimal | None:
    return None if value is None else _exact(value)
