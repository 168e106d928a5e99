"""The monthly visit in one screen: kept as it is typed, confirmed once, recorded at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import Patient, VisitDraft
from compliance.services import patients
from compliance.services import visits as drafts
from compliance.services.errors import Invalid
from compliance.services.evidence import local_date, zone_of
from compliance.services.visit_opening import opening_of
from compliance.services.visit_preview import VisitContent, check_days, preview
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.patient_view import open_record
from compliance.web.security import CLINICAL, access, actor
from compliance.web.visit_content import content_of, first_answers, typed
from compliance.web.visit_form import VisitForm
from compliance.web.visit_page import (
    confirm_context,
    differences,
    done_context,
    prepared_for,
    visit_context,
)

visits = Blueprint("visits", __name__, url_prefix="/patients/<public_id>/visit")

Page = str | Response | tuple[str, int]


@visits.get("")
@access(*CLINICAL)
def show(public_id: str) -> Page:
    """The visit as it was left, or as far as it can be filled in from what is known."""
    patient = open_record(public_id, "visit")
    draft = drafts.open_draft(db.session(), patient)
    return _show(patient, VisitForm(draft.answers) if draft else None, draft)


@visits.post("")
@access(*CLINICAL)
def send(public_id: str) -> Page:
    """Keep what was typed; then go on later, or check it and go on to the confirmation."""
    form = VisitForm(typed(request.form))
    try:
        draft = _save(public_id)
    except drafts.Changed as change:
        return _conflict(public_id, form, change)
    except Invalid as fault:
        form.form_errors.extend(fault.fields.values())
        patient = open_record(public_id, "visit")
        return _show(patient, form, drafts.open_draft(db.session(), patient)), 422
    if request.form.get("go") == "later":
        flash("The visit is kept as it was typed. Nothing is recorded yet.", "ok")
        return redirect(url_for("patients.show", public_id=public_id))
    patient = open_record(public_id, "visit")
    if not _acceptable(patient, form):
        return _show(patient, form, draft), 422
    return redirect(url_for("visits.confirm", public_id=public_id))


@visits.post("/save")
@access(*CLINICAL)
def save(public_id: str) -> Response | tuple[Response, int]:
    """Keep what was typed so far, for the page's own script."""
    try:
        draft = _save(public_id)
    except (drafts.Changed, Invalid) as fault:
        return jsonify(said=str(fault)), fault.status
    local = draft.saved_at.astimezone(zone_of(draft.patient.clinic))
    return jsonify(version=draft.version, saved=f"{local:%H:%M}")


@visits.get("/token")
@access(*CLINICAL)
def token(public_id: str) -> Response:
    """A token for a page whose session ended and that was signed in again in another tab."""
    patients.get_patient(db.session(), actor(), public_id)
    return jsonify(token=generate_csrf())


@visits.post("/discard")
@access(*CLINICAL)
def discard(public_id: str) -> Response:
    """Throw away what was typed."""
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        drafts.discard(session, actor(), patient, _version(), now())
    flash("The visit was thrown away. Nothing was recorded.", "ok")
    return redirect(url_for("patients.show", public_id=public_id))


@visits.get("/confirm")
@access(*CLINICAL)
def confirm(public_id: str) -> Page:
    """Exactly what will be recorded, and what the answer is and becomes."""
    patient = open_record(public_id, "visit: confirmation")
    draft = drafts.open_draft(db.session(), patient)
    if draft is None:
        return redirect(url_for("visits.show", public_id=public_id))
    return _confirm(patient, draft)


@visits.post("/confirm")
@access(*CLINICAL)
def finish(public_id: str) -> Page:
    """Record the whole visit in one transaction, or nothing of it."""
    faults: dict[str, str] = {}
    said, status = "", 422
    try:
        visit_id = _finish(public_id)
        return redirect(url_for("visits.done", public_id=public_id, visit_id=visit_id))
    except drafts.Changed as change:
        said, status = str(change), 409
    except Invalid as fault:
        faults = fault.fields
    patient = open_record(public_id, "visit: confirmation")
    draft = drafts.open_draft(db.session(), patient)
    if draft is None:
        flash(said, "warn")
        return redirect(url_for("visits.show", public_id=public_id))
    return _confirm(patient, draft, faults=faults, said=said, status=status)


def _finish(public_id: str) -> str:
    reason = request.form.get("override_reason", "")
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        draft = drafts.open_draft(session, patient)
        form = VisitForm(draft.answers if draft else {})
        if draft is not None and not _acceptable(patient, form):
            raise drafts.Changed("The visit has to be corrected before it can be recorded.")
        content = content_of(form, actor(), reason) if draft else VisitContent()
        shown = request.form.get("shown", "")
        done = drafts.finish(session, actor(), patient, _version(), content, shown, now())
        return str(done.public_id)


@visits.get("/done/<visit_id>")
@access(*CLINICAL)
def done(public_id: str, visit_id: str) -> Page:
    """What changed, and what the answer became, with the next dates."""
    patient = open_record(public_id, "visit: recorded")
    visit = drafts.get_visit(db.session(), patient, visit_id)
    return render_template(
        "visits/done.html",
        today=local_date(patient.clinic, now()),
        **done_context(db.session(), patient, visit),
    )


def _version() -> int:
    text = request.form.get("version", "0")
    return int(text) if text.isdigit() else 0


def _save(public_id: str) -> VisitDraft:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        return drafts.save(session, actor(), patient, typed(request.form), _version(), now())


def _acceptable(patient: Patient, form: VisitForm) -> bool:
    return accepted(form, lambda: check_days(patient, content_of(form, actor()).facts, now()))


def _show(patient: Patient, form: VisitForm | None, draft: VisitDraft | None, **more: Any) -> str:
    opening = opening_of(db.session(), patient, now())
    if form is None:
        form = VisitForm(first_answers(opening, prepared_for(db.session(), patient, opening)))
    context = visit_context(db.session(), patient, opening, form)
    return render_template("visits/show.html", draft=draft, **context, **more)


def _conflict(public_id: str, form: VisitForm, change: drafts.Changed) -> Page:
    """Both texts: this window's in the form, the other's beside it; the next saving decides."""
    patient = open_record(public_id, "visit")
    draft = drafts.open_draft(db.session(), patient)
    theirs = differences(form, typed(request.form), draft.answers) if draft else []
    return _show(patient, form, draft, conflict=str(change), theirs=theirs), 409


def _confirm(
    patient: Patient,
    draft: VisitDraft,
    *,
    faults: dict[str, str] | None = None,
    said: str = "",
    status: int = 200,
) -> Page:
    form = VisitForm(draft.answers)
    if not _acceptable(patient, form):
        return _show(patient, form, draft), 422
    moment = now()
    opening = opening_of(db.session(), patient, moment)
    content = content_of(form, actor())
    expected = preview(db.session(), patient, content, moment)
    page = render_template(
        "visits/confirm.html",
        draft=draft,
        faults=faults or {},
        said=said,
        typed_reason=request.form.get("override_reason", ""),
        **visit_context(db.session(), patient, opening, form),
        **confirm_context(opening, form, content, expected),
    )
    return page, status
