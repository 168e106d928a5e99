"""CDS Hooks: when isotretinoin is about to be signed for, a card says what stands against it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response

from compliance.api.access import actor, client, client_access, open_to_all
from compliance.api.answers import Refused, Resource, base_url, plain, read_json
from compliance.api.clock import now
from compliance.api.orders import amount_of, orders_isotretinoin, whose
from compliance.api.parts import STATUS_WORDS, citations, edition_note, words
from compliance.db import db, transaction
from compliance.interop.fhir_json import items, part, text_of
from compliance.models import Clinic, Patient
from compliance.rules.findings import Assessment, Finding
from compliance.rules.terms import Act, Requirement, Verdict
from compliance.services import exchange
from compliance.services.api_clients import REMS
from compliance.services.assessments import ask, finding_json
from compliance.services.matching import Match

cds = Blueprint("api_cds", __name__, url_prefix="/api/cds-services")

SERVICE = "isotretinoin-order-sign"
_MOST_ORDERS = 20
_LONGEST = 139  # characters of a card's summary, by the specification


@cds.get("")
@open_to_all
def services() -> Response:
    """Which service there is, and what it needs to be sent."""
    return plain(
        {
            "services": [
                {
                    "hook": "order-sign",
                    "id": SERVICE,
                    "title": "Isotretinoin safety",
                    "description": "Says whether the prerequisites of isotretinoin appear met.",
                    "prefetch": {"patient": "Patient/{{context.patientId}}"},
                }
            ]
        }
    )


@cds.post(f"/{SERVICE}")
@client_access(REMS)
def order_sign() -> Response:
    """The cards for the orders that are about to be signed."""
    sent = read_json()
    context = part(sent, "context")
    readable = isinstance(sent, dict) and isinstance(sent.get("prefetch", {}), dict)
    if not readable or text_of(sent, "hook") != "order-sign" or not context:
        raise Refused(
            400, "Send an order-sign request with its context and the patient prefetched."
        )
    entries = items(part(context, "draftOrders").get("entry"))
    resources = [part(entry, "resource") for entry in entries]
    orders = [resource for resource in resources if orders_isotretinoin(resource)][:_MOST_ORDERS]
    return plain({"cards": _cards(orders, context, part(sent, "prefetch", "patient"))})


def _cards(orders: list[Resource], context: Resource, sent: Resource) -> list[Resource]:
    if not orders:
        return []
    session, moment = db.session(), now()
    found = _patient(context, sent)
    if found.patient is None:
        return [_unknown(found)]
    patient = found.patient
    cards = []
    for order in orders:
        days, refills = amount_of(order)
        answer = ask(session, patient, moment, act=Act.PRESCRIBE, days_supply=days, refills=refills)
        cards.append(_card(patient, answer))
    patient_id = patient.id
    with transaction() as writing:
        exchange.log_reads(writing, actor(), [patient_id], "API order-sign", moment)
    return cards


def _patient(context: Resource, sent: Resource) -> Match:
    """Whom the order is for; a prefetched patient who is another one than the order's is nobody."""
    ordered = text_of(context, "patientId").removeprefix("Patient/")
    if ordered and text_of(sent, "id") and ordered != text_of(sent, "id"):
        return Match(reason="The order is for another patient than the one that was sent.")
    session = db.session()
    clinic = session.get_one(Clinic, client().clinic_id)
    return whose(session, actor(), clinic, {**sent, "id": ""})


def _unknown(found: Match) -> Resource:
    return {
        "uuid": str(uuid.uuid4()),
        "summary": "This patient is not known here: whether the prerequisites are met is not known",
        "indicator": "warning",
        "detail": f"{found.reason} Enrol the patient first, or have the number entered.",
        "source": {"label": "Isotretinoin safety", "url": base_url()},
        "links": [
            {"label": "Find the patient", "url": f"{base_url()}/patients", "type": "absolute"}
        ],
    }


def _card(patient: Patient, answer: Assessment) -> Resource:
    against = [finding for finding in answer.findings if finding.blocks or finding.warns]
    detail = "\n".join(
        (
            *(line for finding in against for line in _lines(finding)),
            edition_note(answer.programme, answer.edition),
            "The authority's own portal authorises; the prescriber decides.",
        )
    )
    return {
        "uuid": str(uuid.uuid4()),
        "summary": _summary(answer),
        "indicator": _indicator(answer),
        "detail": detail,
        "source": {"label": "Isotretinoin safety", "url": base_url()},
        "links": [
            {
                "label": "Open the patient's page",
                "url": f"{base_url()}/patients/{patient.public_id}",
                "type": "absolute",
            }
        ],
    }


def _summary(answer: Assessment) -> str:
    said = STATUS_WORDS[answer.verdict]
    if answer.blocked_by:
        said = f"{said}: {', '.join(words(item.value).lower() for item in answer.blocked_by)}"
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def _indicator(answer: Assessment) -> str:
    """Critical where an alarm of pregnancy stands or something is not met, else by what is open."""
    if Requirement.NOT_PREGNANT in answer.blocked_by or answer.verdict is Verdict.NO:
        return "critical"
    return "warning" if answer.verdict is Verdict.HOLD or answer.warnings else "info"


def _lines(finding: Finding) -> Iterator[str]:
    plain_finding: dict[str, Any] = finding_json(finding)
    what = "Blocks" if finding.blocks else "Advised"
    action = f" {finding.action}." if finding.action else ""
    yield f"- **{what}: {words(finding.requirement.value)}.** {finding.reason}{action}"
    for text in citations(plain_finding["basis"]):
        yield f"  - Source: {text}"
