"""A laboratory's fax typed in: one date, one row for each analyte, judged as what is sent."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from compliance.db import transaction
from compliance.models import Patient
from compliance.rules.terminology import load_terminology
from compliance.rules.terms import Analyte
from compliance.services import patients
from compliance.services.errors import Invalid
from compliance.services.evidence import local_date
from compliance.services.typed_results import Typed, record_typed, usual_unit
from compliance.web.clock import now
from compliance.web.patient_view import open_record
from compliance.web.security import CLINICAL, access, actor

lab_panel = Blueprint("lab_panel", __name__, url_prefix="/patients/<public_id>")

USUAL = (Analyte.TG, Analyte.TC, Analyte.LDL, Analyte.HDL, Analyte.ALT, Analyte.AST)
Page = str | Response | tuple[str, int]


@lab_panel.route("/record/lab-results", methods=["GET", "POST"])
@access(*CLINICAL)
def record(public_id: str) -> Page:
    """Type in the results of one sample; nothing is kept while one of them is in doubt."""
    faults: dict[str, str] = {}
    if request.method == "POST":
        try:
            count = _record(public_id)
            flash(f"{count} recorded. The answer below is the new one.", "ok")
            return redirect(url_for("patients.show", public_id=public_id))
        except Invalid as refused:
            faults = refused.fields
    patient = open_record(public_id, "form: lab results")
    page = render_template(
        "evidence/panel.html",
        patient=patient,
        today=local_date(patient.clinic, now()),
        rows=_rows(patient, faults),
        sent=request.form,
        faults=faults,
        cancel_url=url_for("patients.show", public_id=public_id),
    )
    return (page, 422) if faults else page


def _record(public_id: str) -> int:
    collected, typed = _day(), _typed()
    if not typed:
        raise Invalid({f"value-{USUAL[0].value}": "Enter at least one value."})
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        return len(record_typed(session, actor(), patient, collected, typed, now()))


def _day() -> dt.date:
    try:
        return dt.date.fromisoformat(request.form.get("collected", ""))
    except ValueError:
        raise Invalid({"collected": "Enter the day when the sample was taken."}) from None


def _typed() -> list[Typed]:
    """The rows with a value; `fasting` is one answer for the whole sample."""

    def entered(name: str, analyte: Analyte) -> str:
        return request.form.get(f"{name}-{analyte.value}", "").strip()

    fasting = True if request.form.get("fasting") else None
    return [
        Typed(
            item,
            entered("value", item),
            entered("unit", item),
            entered("limit", item),
            fasting,
            entered("again", item),
        )
        for item in Analyte
        if entered("value", item)
    ]


def _rows(patient: Patient, faults: dict[str, str]) -> list[SimpleNamespace]:
    terms = load_terminology()
    order = (*USUAL, *(item for item in Analyte if item not in USUAL))
    return [
        SimpleNamespace(
            key=item.value,
            name=terms.analytes[item].name,
            units=[(unit, unit) for unit in terms.analytes[item].units],
            unit=request.form.get(
                f"unit-{item.value}", usual_unit(terms.analytes[item], patient.clinic.country)
            ),
            is_usual=item in USUAL,
            asks_again=f"again-{item.value}" in {*faults, *request.form},
        )
        for item in order
    ]
