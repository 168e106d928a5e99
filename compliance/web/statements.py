"""What patients stated on their pages, for staff: a list with one click each, and the links."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.mail.channels import open_channel
from compliance.mail.errors import Undelivered
from compliance.mail.messages import page_message
from compliance.mail.post import outbox_of, sender_of
from compliance.models import Patient, PatientStatement
from compliance.rules.terms import TestResult
from compliance.services import audit, patient_links, patients, statement_handling
from compliance.services.errors import Conflict, Invalid, NotPermitted
from compliance.web.clock import now
from compliance.web.patient_view import open_record
from compliance.web.patient_words import words_for
from compliance.web.security import CLINICAL, access, actor, clinic
from compliance.web.statement_words import row_of

statements = Blueprint("statements", __name__)

Act = Callable[[Session, PatientStatement, dt.datetime], None]


@statements.get("/statements")
@access(*CLINICAL)
def index() -> str:
    """Everything that waits for a person, and the links that wrong birth dates ended."""
    moment = now()
    with transaction() as session:
        rows = statement_handling.open_statements(session, actor())
        for row in rows:
            audit.log_access(session, actor(), row.patient, "statements", moment)
    rows = statement_handling.open_statements(db.session(), actor())
    return render_template(
        "statements/index.html",
        rows=[row_of(row) for row in rows],
        results=[item.value for item in TestResult],
        shut_out=list(db.session.scalars(patient_links.shut_out(clinic()))),
    )


@statements.post("/statements/<public_id>/handle")
@access(*CLINICAL)
def handle(public_id: str) -> Response:
    """Close one with what was done about it."""
    outcome = request.form.get("outcome", "")

    def act(session: Session, row: PatientStatement, at: dt.datetime) -> None:
        statement_handling.handle(session, actor(), row, outcome, at)

    return _settled(public_id, act, "It is closed, with what you did.")


@statements.post("/statements/<public_id>/verify")
@access(*CLINICAL)
def verify(public_id: str) -> Response:
    """Record a home test as it is read from the photo."""
    result = next((item for item in TestResult if item.value == request.form.get("result")), None)

    def act(session: Session, row: PatientStatement, at: dt.datetime) -> None:
        if result is None:
            raise Invalid({"result": "Choose what the photo shows."})
        statement_handling.verify_home_test(session, actor(), row, result, at)

    return _settled(public_id, act, "The test is in the record, as you read it.")


def _settled(public_id: str, act: Act, said: str) -> Response:
    try:
        with transaction() as session:
            act(session, statement_handling.get_statement(session, actor(), public_id), now())
        flash(said, "ok")
    except (Conflict, Invalid, NotPermitted) as refused:
        flash(str(refused), "error")
    return redirect(url_for("statements.index"))


@statements.get("/patients/<public_id>/link")
@access(*CLINICAL)
def link(public_id: str) -> str:
    """The links of a patient that work, and what may be done."""
    return _links(open_record(public_id, "link"))


def _links(patient: Patient, shown: str = "") -> str:
    return render_template(
        "statements/link.html",
        patient=patient,
        links=patient_links.live_links(db.session(), patient, now()),
        shown=shown,
    )


@statements.post("/patients/<public_id>/link/<any(show,send,text,revoke):act>")
@access(*CLINICAL)
def change_link(public_id: str, act: str) -> str | Response:
    """Make a link to show or to send, or end all of them."""
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        audit.log_access(session, actor(), patient, f"link: {act}", now())
        if act == "revoke":
            patient_links.revoke_all(session, actor(), patient, "staff ended them", now())
            token = ""
        else:
            token = patient_links.make_link(session, actor(), patient, now())
    patient = patients.get_patient(db.session(), actor(), public_id)
    address = current_app.extensions["settings"].base_url + patient_links.path_of(token)
    if act == "show":
        return _links(patient, address)
    flash(*_said(patient, act, address))
    return redirect(url_for("statements.link", public_id=public_id))


def _said(patient: Patient, act: str, address: str) -> tuple[str, str]:
    if act == "revoke":
        return "No link to the page works any more.", "ok"
    if act == "text" and patient.phone and _texted(patient, address):
        return f"A link was handed over as a text for {patient.phone}.", "ok"
    if act == "send" and patient.email and _sent(patient, address):
        return f"A link was sent to {patient.email}.", "ok"
    return "The link could not be sent; show one and hand it over yourself.", "error"


def _texted(patient: Patient, address: str) -> bool:
    settings = current_app.extensions["settings"]
    said = words_for(patient.language)["text_message"]
    try:
        channel = open_channel(settings.sms_url, settings.sms_dir)
        channel.send(patient.phone, said.format(clinic=patient.clinic.name, link=address))
    except Undelivered:
        return False
    return True


def _sent(patient: Patient, address: str) -> bool:
    settings = current_app.extensions["settings"]
    try:
        message = page_message(patient, address, sender_of(settings), now())
        with outbox_of(settings) as outbox:
            outbox.deliver(message)
    except Undelivered:
        return False
    return True
