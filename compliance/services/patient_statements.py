"""What patients say on their page: recorded and judged at once, in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.models import Evidence, Patient, PatientLink, PatientStatement, StatementKind
from compliance.models.evidence import Source
from compliance.rules.facts import Comprehension, Fact, MethodReport, Symptom
from compliance.rules.questions import questions_of
from compliance.rules.terms import Method, Side, TestResult
from compliance.services import audit, evidence
from compliance.services.actors import system
from compliance.services.assessments import reassess
from compliance.services.documents import add_document
from compliance.services.errors import Conflict, Invalid
from compliance.services.patient_links import by_link
from compliance.services.photo_repeats import Repeat, earlier_document, repeat_of
from compliance.services.photos import Photo

MOST_AN_HOUR = 20  # statements of one patient
LONGEST_TEXT = 500
NOTED = "Recorded as evidence, as the patient stated it."
MOST_METHODS = 4


@dataclass(frozen=True, slots=True)
class HomeTest:
    """A home test as the patient tells of it: the kit, when it was done, and how it was read."""

    kit: str
    taken_at: dt.datetime
    result: TestResult


def state_methods(
    session: Session, link: PatientLink, methods: Sequence[Method], now: dt.datetime
) -> PatientStatement:
    """State this month's methods; a second statement of a day replaces the first one.

    Raises Invalid without a method, with `none` beside others, or with too many.
    """
    chosen = tuple(dict.fromkeys(methods))
    if not 1 <= len(chosen) <= MOST_METHODS or (Method.NONE in chosen and len(chosen) > 1):
        raise Invalid({"methods": f"Choose one to {MOST_METHODS} methods, or none."})
    today = evidence.local_date(link.patient.clinic, now)
    fact = MethodReport(on=today, by=Side.PATIENT, methods=chosen)
    detail = {"methods": [method.value for method in chosen]}
    earlier = _stated_today(session, link.patient, fact)
    return _as_evidence(session, link, StatementKind.METHODS, fact, detail, now, earlier)


def _stated_today(session: Session, patient: Patient, fact: MethodReport) -> Evidence | None:
    """What the patient stated on the same day: two statements of one day have no order."""
    rows = [
        row
        for row in evidence.known_evidence(session, patient)
        if row.kind == fact.kind
        and row.happened_on == fact.day
        and row.detail["by"] == Side.PATIENT.value
    ]
    return rows[-1] if rows else None


def answer_questions(
    session: Session, link: PatientLink, answers: Mapping[str, str], now: dt.datetime
) -> PatientStatement:
    """Answer this month's questions; each try is recorded, passed when every answer is right.

    Raises Invalid for each question without one of its answers.
    """
    today = evidence.local_date(link.patient.clinic, now)
    asked = questions_of(today)
    missing = {
        item.id: "Choose an answer." for item in asked if answers.get(item.id) not in item.answers
    }
    if missing:
        raise Invalid(missing)
    wrong = [item.id for item in asked if answers[item.id] != item.right]
    detail = {"asked": [item.id for item in asked], "wrong": wrong, "own_wording": True}
    fact = Comprehension(on=today, passed=not wrong)
    return _as_evidence(session, link, StatementKind.COMPREHENSION, fact, detail, now)


def report(
    session: Session,
    link: PatientLink,
    kind: StatementKind,
    now: dt.datetime,
    *,
    text: str = "",
    symptom: str = "",
) -> PatientStatement:
    """Report a missed pill, a possible pregnancy or a symptom: staff see it at once.

    A possible pregnancy holds every answer until a prescriber closes it. Raises Invalid for a text
    that is too long, or a symptom that is neither named nor described.
    """
    text = text.strip()
    if len(text) > LONGEST_TEXT:
        raise Invalid({"text": f"Found {len(text)} letters; allowed are {LONGEST_TEXT}."})
    detail: dict[str, Any] = {"text": text}
    if kind is StatementKind.POSSIBLE_PREGNANCY and (known := _open_alarm(session, link)):
        return known
    if kind is not StatementKind.SYMPTOM:
        return _made(session, link, kind, detail, now)
    if not symptom and not text:
        raise Invalid({"symptom": "Choose a symptom, or describe it."})
    if not symptom:
        return _made(session, link, kind, detail, now)
    detail["symptom"] = symptom
    fact = Symptom(on=evidence.local_date(link.patient.clinic, now), name=symptom)
    return _as_evidence(session, link, kind, fact, detail, now)


def _open_alarm(session: Session, link: PatientLink) -> PatientStatement | None:
    query = select(PatientStatement).where(
        PatientStatement.patient_id == link.patient_id,
        PatientStatement.kind == StatementKind.POSSIBLE_PREGNANCY,
        PatientStatement.handled_at.is_(None),
    )
    return session.scalars(query.limit(1)).first()


def send_home_test(
    session: Session, link: PatientLink, photo: Photo, test: HomeTest, now: dt.datetime
) -> PatientStatement:
    """Keep the photo of a home test for a person to verify; by itself it is evidence of nothing.

    Read as anything but negative it holds every answer. Raises Invalid for a moment in the future
    or more than 7 days ago, or without a kit.
    """
    patient = link.patient
    _check(test, now)
    repeat = repeat_of(session, patient, photo)
    document = earlier_document(session, patient, photo) or add_document(
        session, by_link(patient), patient, "Photo of a home test", "home-test.jpg",
        photo.content, now,
    )  # fmt: skip
    detail = {
        "kit": test.kit.strip(),
        "taken_at": test.taken_at.astimezone(dt.UTC).isoformat(),
        "result": test.result.value,
        "sent_sha256": photo.sent_sha256,
        "picture": photo.picture,
        "repeat": repeat.value if repeat is not Repeat.NONE else "",
    }
    kind = StatementKind.HOME_TEST
    return _made(session, link, kind, detail, now, document_id=document.id)


def _check(test: HomeTest, now: dt.datetime) -> None:
    faults = {}
    if not 1 <= len(test.kit.strip()) <= 80:
        faults["kit"] = "Enter the name on the packet, up to 80 letters."
    if not now - dt.timedelta(days=7) <= test.taken_at <= now:
        faults["taken_at"] = "Enter a moment of the last 7 days."
    if faults:
        raise Invalid(faults)


def stop_mail(session: Session, link: PatientLink, now: dt.datetime) -> PatientStatement | None:
    """End the reminders by mail and tell staff of it; None when they had ended before."""
    patient = link.patient
    if not patient.reminders_wanted:
        return None
    patient.reminders_wanted = False
    return _made(session, link, StatementKind.NO_MAIL, {}, now)


def _as_evidence(
    session: Session,
    link: PatientLink,
    kind: StatementKind,
    fact: Fact,
    detail: dict[str, Any],
    now: dt.datetime,
    earlier: Evidence | None = None,
) -> PatientStatement:
    """A statement that is evidence at once, because it is the patient's own to make."""
    row = evidence.append(
        session, by_link(link.patient), link.patient, fact, now,
        source=Source.PATIENT, supersedes=earlier,
    )  # fmt: skip
    return _made(session, link, kind, detail, now, evidence_id=row.id)


def _made(
    session: Session,
    link: PatientLink,
    kind: StatementKind,
    detail: dict[str, Any],
    now: dt.datetime,
    *,
    document_id: int | None = None,
    evidence_id: int | None = None,
) -> PatientStatement:
    if (
        kind is not StatementKind.POSSIBLE_PREGNANCY
    ):  # never refused, and kept once while it is open
        _check_pace(session, link, now)
    row = PatientStatement(
        clinic_id=link.clinic_id,
        patient_id=link.patient_id,
        patient=link.patient,
        link_id=link.id,
        kind=kind,
        detail=detail,
        at=now,
        document_id=document_id,
        evidence_id=evidence_id,
    )
    if kind in (StatementKind.METHODS, StatementKind.COMPREHENSION):
        row.handled_at, row.handled_by, row.outcome = now, system("patient page").name, NOTED
    session.add(row)
    session.flush()
    audit.record(
        session, by_link(link.patient), "statement.made", "patient_statement", row.public_id, now,
        clinic_id=row.clinic_id, patient_id=row.patient_id,
        detail={"kind": kind.value, **detail},
    )  # fmt: skip
    reassess(session, system("rules"), link.patient, now)
    return row


def _check_pace(session: Session, link: PatientLink, now: dt.datetime) -> None:
    """Refuse a flood; raises Conflict."""
    query = select(func.count()).where(
        PatientStatement.patient_id == link.patient_id,
        PatientStatement.at > now - dt.timedelta(hours=1),
    )
    if (session.scalar(query) or 0) >= MOST_AN_HOUR:
        raise Conflict("Too much was sent in the last hour; please call the clinic.")
