"""The dose of a course: every hand-over with what it adds, and the target."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import Patient
from compliance.services import doses as services
from compliance.services import patients
from compliance.services.evidence import load_record, local_date
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.dose_forms import TargetForm
from compliance.web.patient_view import open_record
from compliance.web.security import CLINICAL, STAFF, access, actor

doses = Blueprint("doses", __name__, url_prefix="/patients/<public_id>/dose")

Page = str | Response | tuple[str, int]


@doses.get("")
@access(*STAFF)
def show(public_id: str) -> Page:
    """Dose, weight and target of the newest course."""
    return _page(public_id, TargetForm())


@doses.post("")
@access(*CLINICAL)
def target(public_id: str) -> Page:
    """Set the target."""
    form = TargetForm()
    if accepted(form, lambda: _set(public_id, form)):
        flash("The target is set.", "ok")
        return redirect(url_for("doses.show", public_id=public_id))
    return _page(public_id, form), 422


def _set(public_id: str, form: TargetForm) -> None:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        services.set_target(session, actor(), patient, form.target_mg_per_kg.data, now())


def _page(public_id: str, form: TargetForm) -> str:
    patient = open_record(public_id, "dose")
    return render_template("patients/dose.html", form=form, **_context(patient, form))


def _context(patient: Patient, form: TargetForm) -> dict[str, Any]:
    today = local_date(patient.clinic, now())
    dose = services.dose_summary(patient, load_record(db.session(), patient), today)
    if request.method == "GET":
        form.target_mg_per_kg.data = dose.target_mg_per_kg
    supplies = dose.taken.supplies
    sums = accumulate((item.mg for item in supplies), initial=Decimal(0))
    rows = [
        SimpleNamespace(supply=item, total=total)
        for item, total in zip(supplies, list(sums)[1:], strict=True)
    ]
    return {
        "patient": patient,
        "today": today,
        "dose": dose,
        "rows": rows[::-1],
        "may_set": actor().role in CLINICAL and patient.course is not None,
    }
