"""The FHIR R4 read API: one thing by its public id, or a search, page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session
from werkzeug.http import http_date

from compliance.api import answer_resources, evidence_resources, trail_resources
from compliance.api.access import actor, client_access
from compliance.api.answers import Refused, Resource, check_accepted, fhir
from compliance.api.clock import now
from compliance.api.search import Asked, bundle
from compliance.db import db, transaction
from compliance.models import Course, StoredAssessment
from compliance.rules.facts import Acknowledgement, Lab, PregnancyTest, Prescription
from compliance.services import exchange
from compliance.services.actors import Actor
from compliance.services.exchange import Page, Shelf, Wanted

reading = Blueprint("api_reading", __name__, url_prefix="/api/fhir")

Find = Callable[[Session, Actor, Wanted], Page]
Render = Callable[[Session, Sequence[Any], dt.datetime], list[Resource]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of resource: how it is found and written, and what a search may ask."""

    name: str
    find: Find
    render: Render
    dates: tuple[str, ...] = ("date",)
    whose: tuple[str, ...] = ("patient",)


def _on(shelf: Callable[[], Shelf]) -> Find:
    return lambda session, actor, wanted: exchange.find(session, actor, shelf(), wanted)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("Patient", _on(exchange.patient_shelf), trail_resources.patients, ("birthdate",), ()),
        Kind(
            "Observation",
            _on(lambda: exchange.evidence_shelf(Lab.kind, PregnancyTest.kind)),
            evidence_resources.observations,
            whose=("patient", "subject"),
        ),
        Kind(
            "MedicationRequest",
            _on(lambda: exchange.evidence_shelf(Prescription.kind)),
            evidence_resources.prescriptions,
            ("authoredon", "date"),
            ("patient", "subject"),
        ),
        Kind(
            "Consent",
            _on(lambda: exchange.evidence_shelf(Acknowledgement.kind)),
            evidence_resources.consents,
        ),
        Kind(
            "Task",
            _on(lambda: exchange.assessment_shelf(StoredAssessment.act_by)),
            answer_resources.tasks,
        ),
        Kind(
            "CarePlan",
            _on(lambda: exchange.assessment_shelf(Course.opened_on)),
            answer_resources.care_plans,
            whose=("patient", "subject"),
        ),
        Kind(
            "DetectedIssue",
            answer_resources.find_issues,
            answer_resources.issues,
            ("identified", "date"),
        ),
        Kind("AuditEvent", _on(exchange.audit_shelf), trail_resources.audit_events),
        Kind(
            "Provenance",
            _on(exchange.evidence_shelf),
            trail_resources.provenances,
            ("when", "date"),
        ),
    )
}


_KIND = f"/<any({', '.join(KINDS)}):kind>"


@reading.get(f"{_KIND}/<resource_id:key>")
@client_access("system/{kind}.read")
def read(kind: str, key: str) -> Response:
    """One thing by its public id."""
    check_accepted()
    found = _resources(KINDS[kind], Wanted(key=key, count=1))[1]
    if not found:
        raise Refused(404, f"There is no such {kind} at this clinic.")
    return _tagged(found[0])


def _tagged(resource: Resource) -> Response:
    meta = resource["meta"]
    changed = dt.datetime.fromisoformat(meta["lastUpdated"])
    headers = {"ETag": f'W/"{meta["versionId"]}"', "Last-Modified": http_date(changed)}
    if request.if_none_match.contains_weak(meta["versionId"]):
        return Response(status=304, headers=headers)
    return fhir(resource, headers=headers)


@reading.get(_KIND)
@client_access("system/{kind}.read")
def search(kind: str) -> Response:
    """What there is of one type, asked by the address; it holds opaque ids and dates only."""
    return _searched(kind)


@reading.post(f"{_KIND}/_search")
@client_access("system/{kind}.read")
def search_by_post(kind: str) -> Response:
    """The same, asked by a form."""
    if request.mimetype not in ("application/x-www-form-urlencoded", ""):
        raise Refused(415, "Send the parameters as application/x-www-form-urlencoded.")
    return _searched(kind)


def _searched(name: str) -> Response:
    check_accepted()
    kind = KINDS[name]
    asked = Asked(kind.name, kind.whose, kind.dates)
    page, resources = _resources(kind, asked.wanted())
    return fhir(bundle(asked, page, resources))


def _resources(kind: Kind, wanted: Wanted) -> tuple[Page, list[Resource]]:
    """The page and its resources; whose they are is written down before anything is answered."""
    moment = now()
    page = kind.find(db.session(), actor(), wanted)
    resources = kind.render(db.session(), page.rows, moment)
    whose = [row[1].id for row in page.rows if row[1] is not None]
    if whose:
        with transaction() as session:
            exchange.log_reads(session, actor(), whose, f"API {kind.name}", moment)
    return page, resources
