"""The stored answers as FHIR: what is to be done, the dates ahead, and what is not met."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from compliance.api.answers import Resource
from compliance.api.parts import (
    STATUS_WORDS,
    citations,
    concept,
    edition_note,
    extension,
    moment,
    notes,
    own_code,
    resource,
    to_patient,
    words,
)
from compliance.models import Patient, StoredAssessment
from compliance.rules.terms import Act, Requirement
from compliance.rules.triage import Group
from compliance.services.actors import Actor
from compliance.services.errors import Invalid
from compliance.services.exchange import Page, Wanted, assessment_shelf, every


def _edition(answer: StoredAssessment) -> str:
    return edition_note(answer.programme, answer.edition)


def tasks(_session: Session, rows: Sequence[Any], _now: dt.datetime) -> list[Resource]:
    """The act that each patient needs next, as the worklist says it."""
    return [_task(row[0], row.Patient) for row in rows]


def _task(answer: StoredAssessment, patient: Patient) -> Resource:
    is_closed = answer.grouping == Group.CLOSED.value
    until = {"period": {"end": moment(answer.act_by)}} if answer.act_by else None
    body = {
        "extension": [extension("edition", answer.edition)] if answer.edition else [],
        "status": "completed" if is_closed else "requested",
        "businessStatus": _standing(answer),
        "intent": "plan",
        "priority": "urgent" if answer.grouping == Group.ACT_NOW.value else "routine",
        "code": concept(words(answer.act.value), own_code("act", answer.act.value)),
        "description": " ".join(part for part in (answer.headline, answer.action) if part),
        "for": to_patient(patient),
        "authoredOn": moment(answer.assessed_at),
        "lastModified": moment(answer.assessed_at),
        "restriction": until,
        "note": notes(_edition(answer)),
    }
    return resource("Task", patient.public_id, answer.assessed_at, body)


def _standing(answer: StoredAssessment) -> Resource | None:
    if answer.act is Act.MONITOR:
        return None  # it asks no leave
    return concept(STATUS_WORDS[answer.verdict], own_code("verdict", answer.verdict.value))


def care_plans(_session: Session, rows: Sequence[Any], _now: dt.datetime) -> list[Resource]:
    """The dates ahead of each patient."""
    return [_care_plan(row[0], row.Patient) for row in rows]


def _care_plan(answer: StoredAssessment, patient: Patient) -> Resource:
    course = answer.course
    period = {"start": course.opened_on.isoformat()}
    if course.closed_on:
        period["end"] = course.closed_on.isoformat()
    body = {
        "extension": [extension("edition", answer.edition)] if answer.edition else [],
        "status": "completed" if course.closed_on else "active",
        "intent": "plan",
        "title": "Dates ahead",
        "subject": to_patient(patient),
        "period": period,
        "created": moment(answer.assessed_at),
        "activity": [_planned(item) for item in answer.plan],
        "note": notes(_edition(answer)),
    }
    return resource("CarePlan", patient.public_id, answer.assessed_at, body)


def _planned(item: dict[str, Any]) -> Resource:
    return {
        "detail": {
            "status": "scheduled",
            "code": concept(
                words(item["requirement"]), own_code("requirement", item["requirement"])
            ),
            "scheduledPeriod": {"start": item["first"], "end": item["last"]},
            "description": item["sentence"],
        }
    }


# --- DetectedIssue --------------------------------------------------------------------------------


def _mark(requirement: str) -> str:
    """A requirement's name in an address, which shall tell nobody what a patient lacks."""
    return hashlib.sha256(requirement.encode()).hexdigest()[:8]


_MARKS = {_mark(item.value): item.value for item in Requirement}


def find_issues(session: Session, actor: Actor, wanted: Wanted) -> Page:
    """One page of the findings that block or warn; the rows are (answer, patient, finding)."""
    patient, _, mark = (wanted.key or "").partition("-")
    whose = Wanted(
        patients=(*wanted.patients, *([patient] if wanted.key is not None else [])),
        days=wanted.days,
        updated=wanted.updated,
    )
    rows = every(session, actor, assessment_shelf(), whose)
    found = [
        (row[0], row.Patient, finding)
        for row in rows
        for finding in row[0].findings
        if finding["blocks"] or finding["warns"]
        if wanted.key is None or finding["requirement"] == _MARKS.get(mark)
    ]
    start = _after(found, wanted.after)
    page = found[start : start + wanted.count]
    return Page(len(found), page, 0 < wanted.count < len(found) - start)


def _after(found: Sequence[Any], key: str) -> int:
    if not key:
        return 0
    for place, row in enumerate(found, 1):
        if _key(row[1], row[2]) == key:
            return place
    raise Invalid({"_cursor": "What this page follows is settled by now; search again."})


def _key(patient: Patient, finding: dict[str, Any]) -> str:
    return f"{patient.public_id}-{_mark(finding['requirement'])}"


def issues(_session: Session, rows: Sequence[Any], _now: dt.datetime) -> list[Resource]:
    """What stands against the next act, each with its reason, what clears it, and the citation."""
    return [_issue(*row) for row in rows]


def _issue(answer: StoredAssessment, patient: Patient, finding: dict[str, Any]) -> Resource:
    sources = [
        *([extension("edition", answer.edition)] if answer.edition else []),
        *(extension("citation", text) for text in citations(finding["basis"])),
    ]
    links = [item["href"] for item in finding["basis"] if item["href"]]
    name = finding["requirement"]
    body = {
        "extension": sources,
        "status": "final" if finding["outcome"] == "unmet" else "preliminary",
        "code": concept(words(name), own_code("requirement", name)),
        "severity": "high" if finding["blocks"] else "moderate",
        "patient": to_patient(patient),
        "identifiedDateTime": moment(answer.assessed_at),
        "detail": finding["reason"],
        "reference": links[0] if links else None,
        "mitigation": [{"action": concept(finding["action"])}] if finding["action"] else [],
    }
    return resource("DetectedIssue", _key(patient, finding), answer.assessed_at, body)
