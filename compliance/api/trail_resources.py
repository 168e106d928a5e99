"""Patients, and the trail of what was done about them, as FHIR."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from compliance.api.answers import Resource, base_url, fhir_url
from compliance.api.parts import concept, moment, own_code, resource, to_patient, words
from compliance.models import AuditEvent, Evidence, Patient
from compliance.models.evidence import Source
from compliance.rules.facts import Acknowledgement, Lab, PregnancyTest, Prescription

TARGETS = {
    Lab.kind: "Observation",
    PregnancyTest.kind: "Observation",
    Prescription.kind: "MedicationRequest",
    Acknowledgement.kind: "Consent",
}
_V2_NUMBERS = "http://terminology.hl7.org/CodeSystem/v2-0203"


def patients(_session: Session, rows: Sequence[Any], _now: dt.datetime) -> list[Resource]:
    """Who the patients are, by name, birth date and numbers; nothing about their health."""
    return [_patient(row.Patient, row.updated) for row in rows]


def _patient(patient: Patient, updated: dt.datetime) -> Resource:
    clinic = patient.clinic
    own = {
        "use": "official",
        "type": concept("Record number", {"system": _V2_NUMBERS, "code": "MR"}),
        "system": fhir_url("NamingSystem", f"{clinic.code}-record-number"),
        "value": patient.mrn,
        "assigner": {"display": clinic.name},
    }
    others = [
        {"value": item.value, "assigner": {"display": item.authority or "unknown"}}
        for item in patient.identifiers
    ]
    body = {
        "identifier": [own, *others],
        "active": True,
        "name": [{"use": "official", "family": patient.family_name, "given": [patient.given_name]}],
        "birthDate": patient.birth_date.isoformat(),
        "managingOrganization": {"display": clinic.name},
    }
    return resource("Patient", patient.public_id, updated, body)


def audit_events(_session: Session, rows: Sequence[Any], _now: dt.datetime) -> list[Resource]:
    """The links of the clinic's chain of events: who did what and when, not what was said."""
    return [_audit_event(row[0], row.Patient) for row in rows]


def _audit_event(event: AuditEvent, patient: Patient | None) -> Resource:
    about: Resource = {"what": {"identifier": {"value": event.entity_id}}, "name": event.entity}
    whose = [{"what": to_patient(patient)}] if patient else []
    body = {
        "type": own_code("audit-action", event.action),
        "recorded": moment(event.at),
        "outcome": "0",
        "agent": [{"who": {"display": event.actor}, "requestor": event.actor_id is not None}],
        "source": {"observer": {"display": base_url()}},
        "entity": [*whose, about],
    }
    return resource("AuditEvent", str(event.sequence), event.at, body)


def provenances(_session: Session, rows: Sequence[Any], _now: dt.datetime) -> list[Resource]:
    """Where each entry of a record came from."""
    return [_provenance(row) for row in rows]


def _provenance(row: Any) -> Resource:
    evidence: Evidence = row[0]
    kind = TARGETS.get(evidence.kind)
    target = {"reference": f"{kind}/{evidence.public_id}"} if kind else to_patient(row.Patient)
    sent = evidence.extra.get("imported_result", "")
    sender = evidence.extra.get("laboratory", "")
    agents = [_agent("author", sender)] if sent and sender else []
    body = {
        "target": [target],
        "occurredDateTime": evidence.happened_on.isoformat(),
        "recorded": moment(evidence.recorded_at),
        "activity": concept(words(evidence.kind), own_code("evidence-kind", evidence.kind)),
        "reason": [concept(f"Entered by {_source(evidence.source)}")],
        "agent": [_agent("enterer", evidence.recorded_by), *agents],
        "entity": [{"role": "source", "what": {"identifier": {"value": sent}}}] if sent else [],
    }
    return resource("Provenance", evidence.public_id, row.updated, body)


def _source(source: Source) -> str:
    return {
        Source.FORM: "a person on a form",
        Source.IMPORT: "a laboratory's message",
        Source.PATIENT: "the patient",
        Source.DEMONSTRATION: "the made-up demonstration",
    }[source]


def _agent(kind: str, name: str) -> Resource:
    system = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    return {"type": concept("", {"system": system, "code": kind}), "who": {"display": name}}
