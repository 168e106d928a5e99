"""HL7 Medication REMS: whether each element to assure safe use appears met, and why not."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, Response

from compliance.api.access import actor, client, client_access
from compliance.api.answers import Refused, Resource, base_url, check_accepted, fhir, read_json
from compliance.api.clock import now
from compliance.api.orders import is_isotretinoin, orders_isotretinoin, whose
from compliance.api.parts import (
    STATUS_WORDS,
    citations,
    concept,
    edition_note,
    moment,
    notes,
    own_code,
    to_patient,
    words,
)
from compliance.db import db, transaction
from compliance.interop.fhir_json import items, part, text_of
from compliance.models import Clinic, Patient
from compliance.rules.findings import Assessment, Finding
from compliance.rules.terms import Act, Binding, Outcome, Requirement, Verdict
from compliance.services import exchange
from compliance.services.api_clients import REMS
from compliance.services.assessments import ask, finding_json
from compliance.services.incoming import Identifier

rems = Blueprint("api_rems", __name__, url_prefix="/api/fhir/GuidanceResponse")

AUTHORITY = "iPLEDGE"  # under which a clinic enters the numbers that the programme gave
_STATUSES = {Verdict.YES: "success", Verdict.HOLD: "data-required"}


@rems.post("/$rems-etasu")
@client_access(REMS)
def etasu() -> Response:
    """The requirements of the programme for one patient, each with its status and the reason."""
    check_accepted()
    sent = read_json()
    if text_of(sent, "resourceType") != "Parameters":
        raise Refused(400, "Send Parameters with patient and medication, or authNumber.")
    given = {text_of(item, "name"): item for item in items(sent.get("parameter"))}
    _check_medicine(part(given.get("medication"), "resource"))
    session, at = db.session(), now()
    patient = _patient(given)
    answer = ask(session, patient, at, act=Act.PRESCRIBE)
    said = _guidance(patient, answer, at)
    patient_id = patient.id
    with transaction() as writing:
        exchange.log_reads(writing, actor(), [patient_id], "API REMS status", at)
    return fhir(
        {"resourceType": "Parameters", "parameter": [{"name": "rems-etasu", "resource": said}]}
    )


def _check_medicine(medication: Resource) -> None:
    if medication and not (
        is_isotretinoin(medication.get("code")) or orders_isotretinoin(medication)
    ):
        raise Refused(422, "Only isotretinoin (RxNorm 6064) is known here.")


def _patient(given: dict[str, Resource]) -> Patient:
    sent = part(given.get("patient"), "resource")
    number = text_of(given.get("authNumber"), "valueString")
    address = text_of(part(given.get("patient"), "valueReference"), "reference")
    if address.startswith("Patient/"):
        sent = {"resourceType": "Patient", "id": address.removeprefix("Patient/")}
    if not sent and not number:
        raise Refused(422, "Name the patient: the parameter patient or authNumber is missing.")
    more = (Identifier(number, AUTHORITY),) if number else ()
    session = db.session()
    clinic = session.get_one(Clinic, client().clinic_id)
    found = whose(session, actor(), clinic, sent or {"resourceType": "Patient"}, *more)
    if found.patient is None:
        raise Refused(404, "No patient of this clinic is known by these numbers, or they differ.")
    return found.patient


def _guidance(patient: Patient, answer: Assessment, at: dt.datetime) -> Resource:
    asked = [
        finding
        for finding in answer.findings
        if finding.binding is Binding.MUST and finding.outcome is not Outcome.NOT_REQUIRED
    ]
    parts = [
        {"name": words(finding.requirement.value), "resource": _element(patient, finding, at)}
        for finding in asked
    ]
    failed = any(_status(finding) == "failure" for finding in asked)
    status = "failure" if failed else _STATUSES.get(answer.verdict, "data-required")
    said = f"{STATUS_WORDS[answer.verdict]}."
    return {
        "resourceType": "GuidanceResponse",
        "contained": [{"resourceType": "Parameters", "id": "etasu", "parameter": parts}],
        "moduleUri": f"{base_url()}/programmes",
        "status": status,
        "subject": to_patient(patient),
        "occurrenceDateTime": moment(at),
        "note": notes(said, edition_note(answer.programme, answer.edition)),
        "outputParameters": {"reference": "#etasu"},
    }


def _element(patient: Patient, finding: Finding, at: dt.datetime) -> Resource:
    sources = citations(finding_json(finding)["basis"])
    action = f"To do: {finding.action}." if finding.action else ""
    name = finding.requirement.value
    links = [item.citation.href for item in finding.basis if item.citation.href]
    return {
        "resourceType": "GuidanceResponse",
        "moduleUri": links[0] if links else f"{base_url()}/programmes",
        "status": _status(finding),
        "subject": to_patient(patient),
        "occurrenceDateTime": moment(at),
        "reasonCode": [concept(words(name), own_code("requirement", name))],
        "note": notes(
            words(name), finding.reason, action, *(f"Source: {text}" for text in sources)
        ),
    }


def _status(finding: Finding) -> str:
    """An alarm of pregnancy is a failure; whatever else is not met asks for something more."""
    if not finding.blocks:
        return "success"
    return "failure" if finding.requirement is Requirement.NOT_PREGNANT else "data-required"
