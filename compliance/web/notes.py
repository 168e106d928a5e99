"""Notes about a patient: written, read, and withdrawn with a reason."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import TextAreaField

from compliance.db import db, transaction
from compliance.services import notes as services
from compliance.services import patients
from compliance.services.evidence import local_date
from compliance.services.withdrawal import withdraw_entry
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import NEEDED, PageForm, WithdrawForm
from compliance.web.patient_view import open_record
from compliance.web.security import CLINICAL, access, actor

notes = Blueprint("notes", __name__, url_prefix="/patients/<public_id>/notes")

Page = str | Response | tuple[str, int]


class NoteForm(PageForm):
    """A note in plain text."""

    text = TextAreaField(
        "New note",
        [NEEDED],
        description="For colleagues to read; no rule reads it. It cannot be changed afterwards.",
    )


@notes.route("", methods=["GET", "POST"])
@access(*CLINICAL)
def index(public_id: str) -> Page:
    """All notes about a patient, newest first, and the form for another one."""
    form = NoteForm()
    if request.method == "POST" and accepted(form, lambda: _add(public_id, form)):
        return _back(public_id, "The note is written.")
    patient = open_record(public_id, "notes")
    page = render_template(
        "patients/notes.html",
        form=form,
        patient=patient,
        page=db.paginate(services.notes_of(patient), per_page=30, error_out=False),
        today=local_date(patient.clinic, now()),
    )
    return (page, 422) if request.method == "POST" else page


def _add(public_id: str, form: NoteForm) -> None:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        services.add_note(session, actor(), patient, form.text.data or "", now())


@notes.route("/<note_id>/withdraw", methods=["GET", "POST"])
@access(*CLINICAL)
def withdraw(public_id: str, note_id: str) -> Page:
    """Withdraw a note written in error, with its reason."""
    form = WithdrawForm()
    if request.method == "POST" and accepted(form, lambda: _withdraw(public_id, note_id, form)):
        return _back(public_id, "The note is withdrawn. It stays visible, with the reason.")
    patient = open_record(public_id, "form: withdraw note")
    note = services.get_note(db.session(), patient, note_id)
    page = render_template(
        "patients/withdraw.html",
        form=form,
        patient=patient,
        what="note",
        said=[("Says", note.text), ("Written", note.at), ("By", note.by)],
        today=local_date(patient.clinic, now()),
        cancel_url=url_for("notes.index", public_id=public_id),
    )
    return (page, 422) if request.method == "POST" else page


def _withdraw(public_id: str, note_id: str, form: WithdrawForm) -> None:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        note = services.get_note(session, patient, note_id)
        withdraw_entry(session, actor(), note, form.reason.data or "", now())


def _back(public_id: str, said: str) -> Response:
    flash(said, "ok")
    return redirect(url_for("notes.index", public_id=public_id))
