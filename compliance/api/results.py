"""Results in over HTTP: the same door as files, answered only after everything is stored."""

from __future__ import annotations

import dataclasses
import hashlib

from flask import Blueprint, Response, request
from sqlalchemy.exc import IntegrityError

from compliance.api.access import actor, client, client_access
from compliance.api.answers import (
    FHIR,
    JSON,
    Refused,
    Resource,
    fhir,
    issue,
    outcome,
    plain,
)
from compliance.api.clock import now
from compliance.db import transaction
from compliance.interop.formats import read_file
from compliance.interop.mllp import Reply, acknowledgement, header_of
from compliance.models import Clinic
from compliance.services.api_clients import RESULTS_WRITE
from compliance.services.incoming import IncomingFile
from compliance.services.intake import Account, receive

results = Blueprint("api_results", __name__, url_prefix="/api/results")

LARGEST = 16 * 1024 * 1024  # bytes of one request
HL7 = "application/hl7-v2"
_READ = (HL7, "x-application/hl7-v2+er7", "text/plain", JSON, FHIR, "application/octet-stream", "")


@results.post("")
@client_access(RESULTS_WRITE)
def take() -> Response:
    """Take in one file of results and tell what became of each."""
    if request.mimetype not in _READ:
        raise Refused(415, f"Send HL7 v2 as {HL7} or FHIR as {FHIR}.")
    accepted = request.accept_mimetypes
    wanted = accepted.best_match((JSON, FHIR, HL7)) if accepted else JSON
    if wanted is None:
        raise Refused(406, f"The account is given as {JSON}, {FHIR} or {HL7}.")
    request.max_content_length = LARGEST
    content = request.get_data()
    if not content.strip():
        raise Refused(400, "The body is empty; send an HL7 v2 message or a FHIR resource.")
    parsed = read_file(content)
    account = store(content, parsed)
    return _answered(wanted, account, content)


def store(content: bytes, parsed: IncomingFile) -> Account:
    """Store what the program sent and judge it; the same bytes again give the same account."""
    name = f"API {hashlib.sha256(content).hexdigest()[:12]}"
    try:
        return _received(name, content, parsed)
    except IntegrityError:  # the same bytes came twice at once: the other one stored them
        return _received(name, content, parsed)


def _received(name: str, content: bytes, parsed: IncomingFile) -> Account:
    with transaction() as session:
        clinic = session.get_one(Clinic, client().clinic_id)
        return receive(session, actor(), clinic, name, content, parsed, now())


def status_of(account: Account) -> int:
    """201 for new results, 200 for a repeat, 422 where nothing in it could be read."""
    if account.error and not account.received:
        return 422
    return 200 if account.is_repeat else 201


def _answered(wanted: str, account: Account, content: bytes) -> Response:
    status = status_of(account)
    if wanted == HL7:
        answer = acknowledgement(header_of(content), _reply(account), now())
        return Response(answer or b"", status, mimetype=HL7)
    if wanted == FHIR:
        return fhir(_outcome(account), status)
    found = dataclasses.asdict(account)
    found["already_received"] = found.pop("is_repeat")
    return plain(found, status)


def _reply(account: Account) -> Reply:
    if account.error and not account.received:
        return Reply("R", account.error, "100")
    return Reply("A")


def _outcome(account: Account) -> Resource:
    """The account as an OperationOutcome: the sum first, then each result that was not filed."""
    if account.error and not account.received:
        return outcome(issue("error", "invalid", account.error))
    counts = (
        f"{account.received} received = {account.filed} filed + {account.held} held"
        f" + {account.rejected} rejected + {account.ignored} ignored."
    )
    again = " Received before; nothing changed." if account.is_repeat else ""
    others = [
        issue(
            "warning" if line.disposition == "held" else "information",
            "informational",
            f"{line.disposition}: {line.code or line.display or 'a result'}: {line.reason}",
        )
        for line in account.results
        if line.disposition != "filed"
    ]
    return outcome(issue("information", "informational", counts + again), *others)
