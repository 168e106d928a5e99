"""The sheet that is held beside the national portal: our record, line by line, and what is in."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectMultipleField

from compliance.db import db, transaction
from compliance.models import Patient
from compliance.rules.programme import load_programme
from compliance.services import patients
from compliance.services import reconciliation as services
from compliance.services.evidence import local_date
from compliance.services.reconciliation import Sheet
from compliance.web.answers import accepted
from compliance.web.board import age
from compliance.web.clock import now
from compliance.web.forms import PageForm
from compliance.web.patient_view import open_record
from compliance.web.security import CLINICAL, access, actor, clinic

reconciliation = Blueprint("reconciliation", __name__)

PER_PAGE = 50
ALL = "all"

# state -> tone, icon, word
STATES = {
    "entered": ("ok", "check-circle", "In the portal"),
    "to-enter": ("warn", "pen", "To be entered"),
    "to-check": ("warn", "eye", "To be checked"),
    "changed": ("danger", "alert", "Differs"),
    "empty": ("neutral", "minus", "Nothing recorded"),
}


class TickForm(PageForm):
    """The lines that are in the portal now; `seal` marks the values that the person saw."""

    line = SelectMultipleField("In the portal now", validate_choice=False)
    seal = HiddenField()


@reconciliation.get("/reconciliation")
@access(*CLINICAL)
def index() -> str:
    """Whose portal record may differ from ours, the oldest difference first."""
    here, moment = clinic(), now()
    found = services.sheets(db.session(), here)
    pages = max(1, -(-len(found) // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    return render_template(
        "reconciliation/index.html",
        has_portal=services.has_portal(here.programme),
        programme=load_programme(here.programme).name,
        rows=[
            (sheet, age(sheet.oldest, moment))
            for sheet in found[(page - 1) * PER_PAGE : page * PER_PAGE]
        ],
        count=len(found),
        at=moment,
        page=page,
        pages=pages,
    )


@reconciliation.route("/patients/<public_id>/reconciliation", methods=["GET", "POST"])
@access(*CLINICAL)
def sheet(public_id: str) -> str | Response | tuple[str, int]:
    """One patient's sheet; several lines are ticked with one form."""
    form = TickForm()
    if request.method == "POST" and accepted(form, lambda: _enter(public_id, form)):
        flash("Written down as entered in the portal.", "ok")
        return redirect(url_for("reconciliation.sheet", public_id=public_id))
    patient = open_record(public_id, "portal sheet")
    page = _page(patient, form)
    return (page, 422) if request.method == "POST" else page


def _page(patient: Patient, form: TickForm) -> str:
    found, moment = services.sheet_of(db.session(), patient), now()
    return render_template(
        "reconciliation/sheet.html",
        patient=patient,
        today=local_date(patient.clinic, moment),
        has_portal=services.has_portal(patient.programme),
        programme=load_programme(patient.programme).name,
        sheet=found,
        rows=_rows(found, form),
        form=form,
        at=moment,
        age=lambda since: age(since, moment),
        states=STATES,
    )


def _rows(found: Sheet, form: TickForm) -> list[tuple[services.Line, bool]]:
    return [(line, line.row.key in (form.line.data or ())) for line in found.lines]


def _enter(public_id: str, form: TickForm) -> None:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        keys = form.line.data or []
        if request.form.get(ALL):
            keys = [line.row.key for line in services.sheet_of(session, patient).open_lines]
        services.enter(session, actor(), patient, keys, form.seal.data or "", now())
