"""The stored answers: computed when something changes, and when time alone changes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer, lazyload

from compliance.models import Course, Patient, StoredAssessment
from compliance.rules.assess import assess
from compliance.rules.context import next_fact_from
from compliance.rules.dates import show
from compliance.rules.facts import ClinicTerms, Dispensing, LastDose, Prescription, Record, facts_of
from compliance.rules.findings import Assessment, Finding, PlannedDate, Question
from compliance.rules.plan import plan
from compliance.rules.programme import load_programme
from compliance.rules.terms import Act, Requirement
from compliance.rules.triage import Triage, closed, triage
from compliance.services import audit
from compliance.services.actors import Actor, system
from compliance.services.audit import Happened
from compliance.services.evidence import clinic_terms, load_record, load_records, local_date
from compliance.services.protocols import protocol_after
from compliance.services.reminders import reconcile_all


def current_act(record: Record, on: dt.date) -> Act:
    """What the clinic needs leave for next: to hand over an open prescription, or to issue one."""
    known = [fact for fact in record.facts if fact.day <= on]
    issued = facts_of(known, Prescription)
    handed = facts_of(known, Dispensing)
    ended = facts_of(known, LastDose)
    latest = max((fact.day for fact in (*issued, *handed)), default=None)
    if ended and (latest is None or ended[-1].day >= latest):
        return Act.MONITOR
    if issued and (not handed or handed[-1].day < issued[-1].day):
        return Act.DISPENSE
    return Act.PRESCRIBE


def question_about(
    record: Record,
    on: dt.date,
    at: dt.datetime,
    act: Act | None = None,
    *,
    days_supply: int | None = None,
    refills: int | None = None,
) -> Question:
    """The question of a moment: a hand-over is asked about for what was prescribed, unless said."""
    chosen = act or current_act(record, on)
    issued = facts_of((fact for fact in record.facts if fact.day <= on), Prescription)
    about = issued[-1] if chosen is Act.DISPENSE and issued else Prescription(on=on)
    return Question(
        at=at,
        act=chosen,
        days_supply=about.days_supply if days_supply is None else days_supply,
        refills=about.refills if refills is None else refills,
    )


def ask(
    session: Session,
    patient: Patient,
    now: dt.datetime,
    *,
    act: Act | None = None,
    days_supply: int | None = None,
    refills: int | None = None,
    known_at: dt.datetime | None = None,
) -> Assessment:
    """Ask the rules about one patient at a moment, as known then (None: as known now)."""
    record = load_record(session, patient, known_at)
    on = local_date(patient.clinic, now)
    question = question_about(record, on, now, act, days_supply=days_supply, refills=refills)
    terms = clinic_terms(session, patient.clinic, known_at)
    return assess(record, load_programme(patient.programme), terms, question)


def reassess(
    session: Session, actor: Actor, patient: Patient, now: dt.datetime
) -> StoredAssessment | None:
    """Compute and store the answer for the patient's newest course; audits a changed verdict."""
    return next(iter(reassess_all(session, actor, [patient], now)), None)


def reassess_all(
    session: Session, actor: Actor, patients: Sequence[Patient], now: dt.datetime
) -> list[StoredAssessment]:
    """The same for several patients of one clinic, in as many queries as for one."""
    session.flush()
    courses = {patient: patient.course for patient in patients}
    open_ = {patient: course for patient, course in courses.items() if course is not None}
    if not open_:
        return []
    before = _stored(session, open_.values())
    records = load_records(session, list(open_))
    terms = clinic_terms(session, next(iter(open_)).clinic)
    rows, changed = [], []
    for patient, course in open_.items():
        answer, ahead, place = _placed(session, patient, records[patient.id], terms, now)
        row = before.get(course.id)
        if row is None or (row.verdict, row.act) != (answer.verdict, answer.question.act):
            changed.append(_changed(actor, course, answer, now))
        rows.append(
            _store(session, row, course, answer, ahead, _after_closing(course, answer, place), now)
        )
    reconcile_all(session, list(zip(open_, open_.values(), rows, strict=True)), now)
    audit.append_all(session, rows[0].clinic_id, changed)
    return rows


def place_of(
    session: Session, patient: Patient, now: dt.datetime, known_at: dt.datetime | None = None
) -> tuple[Assessment, tuple[PlannedDate, ...], Triage]:
    """The answer, the dates ahead and the place on the worklist at a moment, as known at another.

    `known_at` None means as known now. Nothing is stored.
    """
    record = load_record(session, patient, known_at)
    return _placed(session, patient, record, clinic_terms(session, patient.clinic, known_at), now)


def _placed(
    session: Session, patient: Patient, record: Record, terms: ClinicTerms, now: dt.datetime
) -> tuple[Assessment, tuple[PlannedDate, ...], Triage]:
    programme = load_programme(patient.programme)
    question = question_about(record, local_date(patient.clinic, now), now)
    answer = assess(record, programme, terms, question)
    ahead = plan(record, programme, terms, now)
    stopping = protocol_after(session, patient, record, terms, answer)
    place = triage(answer, ahead, now, stopping)
    begins = next_fact_from(record, terms.time_zone, now)
    return answer, ahead, replace(place, changes_at=_sooner(place.changes_at, begins))


def _after_closing(course: Course, answer: Assessment, place: Triage) -> Triage:
    """Off the worklist once the course is closed; an alarm of pregnancy is never hidden."""
    alarmed = any(
        finding.requirement is Requirement.NOT_PREGNANT and finding.blocks
        for finding in answer.findings
    )
    if course.closed_on is None or alarmed:
        return place
    return closed(f"Closed on {show(course.closed_on)}: {course.closed_reason}")


def _stored(session: Session, courses: Iterable[Course]) -> dict[int, StoredAssessment]:
    query = (
        select(StoredAssessment)
        .where(StoredAssessment.course_id.in_([course.id for course in courses]))
        .options(lazyload("*"), defer(StoredAssessment.findings), defer(StoredAssessment.plan))
    )
    return {row.course_id: row for row in session.scalars(query)}


def _store(
    session: Session,
    row: StoredAssessment | None,
    course: Course,
    answer: Assessment,
    ahead: tuple[PlannedDate, ...],
    place: Triage,
    now: dt.datetime,
) -> StoredAssessment:
    if row is None:
        row = StoredAssessment(
            course_id=course.id, clinic_id=course.clinic_id, patient_id=course.patient_id
        )
        session.add(row)
    for name, value in {**_answer_columns(answer), **_triage_columns(place)}.items():
        setattr(row, name, value)
    row.assessed_at = now
    row.changes_at = _sooner(answer.changes_at, place.changes_at)
    row.plan = [planned_json(item) for item in ahead]
    return row


def _changed(actor: Actor, course: Course, answer: Assessment, now: dt.datetime) -> Happened:
    by = actor if actor.user_id is None else system("rules")
    detail = {
        "act": answer.question.act.value,
        "verdict": answer.verdict.value,
        "blocked_by": [item.value for item in answer.blocked_by],
        "edition": answer.edition,
    }
    return Happened(
        now,
        by.name,
        by.user_id,
        course.clinic_id,
        course.patient_id,
        "assessment.changed",
        "course",
        str(course.id),
        detail,
    )


def _sooner(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    """The first instant at which time changes the answer or the place on the worklist."""
    return min((moment for moment in (one, other) if moment), default=None)


def _answer_columns(answer: Assessment) -> dict[str, Any]:
    first, last = answer.window or (None, None)
    return {
        "changes_at": answer.changes_at,
        "act": answer.question.act,
        "verdict": answer.verdict,
        "phase": answer.phase,
        "programme": answer.programme,
        "edition": answer.edition,
        "window_first": first,
        "window_last": last,
        "window_closes_at": answer.window_closes_at,
        "findings": [finding_json(item) for item in answer.findings],
        "grades": dict(answer.grades),
    }


def _triage_columns(place: Triage) -> dict[str, Any]:
    return {
        "grouping": str(place.group),
        "rank": str(place.rank),
        "headline": place.headline,
        "action": place.action,
        "act_by": place.act_by,
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as plain data, for the database and the pages."""
    return {
        "requirement": finding.requirement.value,
        "outcome": finding.outcome.value,
        "binding": finding.binding.value,
        "reason": finding.reason,
        "evidence": list(finding.evidence),
        "action": finding.action,
        "earliest": _iso(finding.earliest),
        "act_by": _iso(finding.act_by),
        "urgent": finding.urgent,
        "blocks": finding.blocks,
        "warns": finding.warns,
        "basis": [
            {
                "parameter": item.parameter,
                "value": str(item.value),
                "edition": item.edition,
                "title": item.citation.title,
                "href": item.citation.href,
                "published_on": item.citation.published_on,
                "locator": item.citation.locator,
                "verified": item.citation.verified,
            }
            for item in finding.basis
        ],
    }


def planned_json(item: PlannedDate) -> dict[str, Any]:
    """A planned date as plain data."""
    return {
        "requirement": item.requirement.value,
        "first": item.first.isoformat(),
        "last": item.last.isoformat(),
        "sentence": item.sentence,
    }


def _iso(value: dt.date | dt.datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def due_for_reassessment(
    session: Session, now: dt.datetime, *, clinic_id: int | None = None, limit: int = 200
) -> list[Patient]:
    """The patients whose answer time alone has changed, oldest change first."""
    query = (
        select(Patient)
        .join(StoredAssessment, StoredAssessment.patient_id == Patient.id)
        .where(StoredAssessment.changes_at <= now)
        .order_by(StoredAssessment.changes_at)
        .limit(limit)
    )
    if clinic_id is not None:
        query = query.where(StoredAssessment.clinic_id == clinic_id)
    return list(session.scalars(query))


def sweep(
    session: Session, now: dt.datetime, *, clinic_id: int | None = None, limit: int = 200
) -> int:
    """Reassess whom time has changed; returns how many, so that a caller knows if there is more."""
    patients = due_for_reassessment(session, now, clinic_id=clinic_id, limit=limit)
    by_clinic: dict[int, list[Patient]] = {}
    for patient in patients:
        by_clinic.setdefault(patient.clinic_id, []).append(patient)
    for together in by_clinic.values():
        reassess_all(session, system("sweep"), together, now)
    return len(patients)
