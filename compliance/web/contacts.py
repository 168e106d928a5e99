"""What I did about a patient: called, reached, no answer, will come, snoozed, handed on."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import DateField, RadioField, SelectField, StringField
from wtforms.validators import Length, Optional

from compliance.db import db, transaction
from compliance.models import ContactOutcome, Patient, StoredAssessment
from compliance.rules.dates import plus
from compliance.services import contacts, patients
from compliance.services.contacts import NewContact
from compliance.services.evidence import local_date
from compliance.web import worklist_filters
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.contact_words import FROM, PATIENT, contacts_context
from compliance.web.forms import CHOOSE, PageForm
from compliance.web.patient_view import open_record
from compliance.web.security import STAFF, access, actor

contact_pages = Blueprint("contacts", __name__, url_prefix="/patients/<public_id>/contact")

CHOICES = [
    ("called", "Called", "Left a message, or will be called back"),
    ("reached", "Reached", "Spoke with the patient"),
    ("no-answer", "No answer", "Nobody was reached"),
    ("will-come", "Will come", "On a day that was agreed"),
    ("snoozed", "Snooze", "Put off until a day, or until something changes"),
    ("handed-to", "Hand to a colleague", "It is theirs from now on"),
]
REASONS = (
    "The pregnancy test is due",
    "A statement or the questions are missing",
    "The window closes soon",
    "The medicine was not picked up",
    "Laboratory tests are due",
    "Waiting for a result",
    "A result has to be discussed",
    "The visit has to be arranged",
    "The patient asked for another time",
    "I am away",
)
OTHER = "other"


class ContactForm(PageForm):
    """What was done, and why."""

    outcome = RadioField("What did you do?", [CHOOSE], choices=CHOICES)
    until = DateField(
        "Which day?",
        [Optional()],
        description="The day they will come, or the day on which the patient is back on the list.",
    )
    handed_to = SelectField("To whom?", [Optional()])
    reason = SelectField(
        "Why?",
        [CHOOSE],
        choices=[("", ""), *((text, text) for text in REASONS), (OTHER, "Something else")],
    )
    more = StringField(
        "In your own words",
        [Optional(), Length(max=400, message="Enter at most 400 letters.")],
        description="Needed for “Something else”. It stays on record.",
    )

    def entered(self) -> NewContact:
        """What was entered, as the use-case takes it."""
        chosen = "" if self.reason.data == OTHER else self.reason.data
        more = (self.more.data or "").strip()
        colleague = self.handed_to.data or ""
        return NewContact(
            outcome=ContactOutcome(self.outcome.data),
            reason=": ".join(part for part in (chosen, more) if part),
            until=self.until.data,
            handed_to_id=int(colleague) if colleague.isdigit() else None,
        )


@contact_pages.route("", methods=["GET", "POST"])
@access(*STAFF)
def record(public_id: str) -> str | Response | tuple[str, int]:
    """Write down what was done about a patient; then back to where one came from."""
    patient = open_record(public_id, "contact")
    form = ContactForm()
    context = _prepared(form, db.session(), patient, now())
    if request.method == "POST" and accepted(form, lambda: _record(public_id, form.entered())):
        flash(f"Recorded for {patient.name}.", "ok")
        return redirect(_back(public_id))
    page = render_template("contacts/form.html", form=form, back_url=_back(public_id), **context)
    return (page, 422) if request.method == "POST" else page


def _record(public_id: str, new: NewContact) -> None:
    moment = now()
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        contacts.record_contact(session, actor(), patient, new, moment)


def _prepared(
    form: ContactForm, session: Session, patient: Patient, moment: dt.datetime
) -> dict[str, Any]:
    """Give the form its choices; returns what the page shows beside it."""
    course = patient.course
    stood = session.get(StoredAssessment, course.id) if course else None
    never = contacts.never_snoozed(stood) if stood else ""
    people = contacts.colleagues(session, patient.clinic_id)
    form.handed_to.choices = [("", ""), *((str(person.id), person.name) for person in people)]
    form.outcome.choices = [item for item in CHOICES if not never or item[0] != "snoozed"]
    today = local_date(patient.clinic, moment)
    return {
        "patient": patient,
        "today": today,
        "stood": stood,
        "never": never,
        "last": plus(today, contacts.COMING_DAYS),
        **contacts_context(session, patient, moment),
    }


def _back(public_id: str) -> str:
    """The worklist as it was filtered, or the patient's page for who came from there."""
    if request.args.get(FROM) == PATIENT:
        return url_for("patients.show", public_id=public_id, _anchor="contacts")
    query: dict[str, Any] = dict(worklist_filters.asked(request.args))
    page = request.args.get("page", type=int)
    return url_for("worklist.today", **query, page=page)
