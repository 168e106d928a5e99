"""QuestionnaireResponses in: what is read waits for a person, and what is not read is listed."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, request

from compliance.api.access import actor, client, client_access
from compliance.api.answers import (
    Refused,
    Resource,
    check_accepted,
    fhir,
    issue,
    outcome,
    read_json,
)
from compliance.api.orders import by_public_id
from compliance.api.results import store
from compliance.db import db
from compliance.interop.fhir_json import part, text_of
from compliance.interop.fhir_questionnaires import KIND, answers, read_links
from compliance.interop.formats import read_file
from compliance.models import Clinic
from compliance.services.api_clients import REMS
from compliance.services.incoming import Identifier, IncomingFile, Subject
from compliance.services.intake import Account

forms = Blueprint("api_forms", __name__, url_prefix=f"/api/fhir/{KIND}")


@forms.post("")
@forms.post("/$submit")
@client_access(REMS)
def submit() -> Response:
    """Take in the answers to a questionnaire."""
    check_accepted()
    sent = read_json()
    if text_of(sent, "resourceType") != KIND:
        raise Refused(400, f"Send one {KIND}.")
    content = request.get_data()
    parsed = read_file(content)
    if parsed.error:
        raise Refused(422, parsed.error)
    account = store(content, _for_our_patient(parsed, sent))
    return fhir(_told(account, sent), 200 if account.is_repeat else 201)


def _for_our_patient(parsed: IncomingFile, sent: Resource) -> IncomingFile:
    """A subject named by our own public id is the patient whom we gave it."""
    address = text_of(part(sent, "subject"), "reference")
    session = db.session()
    patient = by_public_id(session, actor(), address.removeprefix("Patient/"))
    if patient is None:
        return parsed
    clinic = session.get_one(Clinic, client().clinic_id)
    subject = Subject((Identifier(patient.mrn, clinic.code, type="MR"),))
    messages = (
        replace(
            message,
            subject=subject,
            results=tuple(replace(item, subject=subject) for item in message.results),
            remarks=tuple(replace(item, subject=subject) for item in message.remarks),
        )
        for message in parsed.messages
    )
    return replace(parsed, messages=tuple(messages))


def _told(account: Account, sent: Resource) -> Resource:
    read, given = read_links(sent), answers(sent)
    results = [
        issue("warning", "informational", f"{line.code}: {line.disposition}: {line.reason}")
        for line in account.results
    ]
    unread = [
        issue(
            "information",
            "not-supported",
            f"The answer to linkId {link[:40]} was not read: enter it on the patient's page.",
        )
        for link in given
        if link not in read
    ]
    again = " Received before; nothing changed." if account.is_repeat else ""
    said = f"{len(given)} answers received, {len(given) - len(unread)} of them read.{again}"
    return outcome(issue("information", "informational", said), *results, *unread)
