"""The forms that record evidence, prescriptions and hand-overs for one patient."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound as UnknownAddress
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import Patient, Role
from compliance.rules.facts import LabDecision, PregnancyExcluded, read_fact
from compliance.rules.terms import Act
from compliance.services import assessments, held, patients, recording
from compliance.services.errors import NotPermitted
from compliance.services.evidence import local_date
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.form_specs import SPECS, FormSpec
from compliance.web.forms import (
    DispensingForm,
    FactForm,
    LabForm,
    PrescriptionForm,
    WithdrawForm,
    default_day,
)
from compliance.web.patient_view import edition_title, open_record
from compliance.web.security import CLINICAL, access, actor

evidence = Blueprint("evidence", __name__, url_prefix="/patients/<public_id>")

Page = str | Response | tuple[str, int]
SIGNED = (LabDecision.kind, PregnancyExcluded.kind)  # what keeps the name of who decided


@evidence.route("/record/<kind>", methods=["GET", "POST"])
@access(*CLINICAL)
def record(public_id: str, kind: str) -> Page:
    """Record one fact."""
    spec = SPECS.get(kind)
    if spec is None:
        raise UnknownAddress
    if spec.form is LabForm:  # what is typed is judged as what a laboratory sends
        return redirect(url_for("lab_panel.record", public_id=public_id))
    if spec.prescriber_only and actor().role is not Role.PRESCRIBER:
        raise NotPermitted("Only a prescriber records this.")
    form: FactForm = spec.form()
    if request.method == "POST" and accepted(form, lambda: _record(public_id, spec, form)):
        return _back(public_id, "Recorded. The answer below is the new one.")
    patient = open_record(public_id, f"form: {kind}")
    _offer(form, request.args, patient)
    page = render_template(
        "evidence/form.html",
        title=spec.title,
        why=spec.why,
        form=form,
        submit="Record",
        **_about(patient),
    )
    return _page(page)


def _record(public_id: str, spec: FormSpec, form: FactForm) -> None:
    data = form.data_of_fact()
    if spec.kind in SIGNED:
        data["by"] = actor().name
    fact = read_fact(spec.kind, data)
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        recording.record_evidence(session, actor(), patient, fact, now())


def _offer(form: Any, wanted: Any, patient: Patient) -> None:
    """Fill an empty form with today, and with what the link to it asked for."""
    if request.method != "GET":
        return
    default_day(form, local_date(patient.clinic, now()))
    for field in form:
        if field.name in wanted and hasattr(field, "choices"):
            field.data = wanted[field.name]


@evidence.route("/prescribe", methods=["GET", "POST"])
@access(Role.PRESCRIBER)
def prescribe(public_id: str) -> Page:
    """Issue a prescription; blocked when the verdict says no, unless the override says why."""
    form = PrescriptionForm()
    if request.method == "POST" and accepted(form, lambda: _prescribe(public_id, form)):
        return _back(public_id, "The prescription is recorded.")
    return _decision_page(public_id, form, Act.PRESCRIBE)


def _prescribe(public_id: str, form: PrescriptionForm) -> None:
    with transaction() as session:
        recording.prescribe(
            session,
            actor(),
            patients.get_patient(session, actor(), public_id),
            now(),
            days_supply=form.days_supply.data,
            refills=form.refills.data,
            daily_dose_mg=form.daily_dose_mg.data,
            override_reason=form.override_reason.data or "",
        )


@evidence.route("/dispense", methods=["GET", "POST"])
@access(*CLINICAL)
def dispense(public_id: str) -> Page:
    """Record that the medicine was handed over."""
    form = DispensingForm()
    if request.method == "POST" and accepted(form, lambda: _dispense(public_id, form)):
        return _back(public_id, "The hand-over is recorded.")
    return _decision_page(public_id, form, Act.DISPENSE)


def _dispense(public_id: str, form: DispensingForm) -> None:
    with transaction() as session:
        recording.dispense(
            session,
            actor(),
            patients.get_patient(session, actor(), public_id),
            form.on.data,
            now(),
            days_supply=form.days_supply.data,
            override_reason=form.override_reason.data or "",
        )


def _decision_page(public_id: str, form: Any, act: Act) -> Page:
    patient = open_record(public_id, f"form: {act.value}")
    _offer(form, {}, patient)
    asked = {"days_supply": form.days_supply.data} if form.days_supply.data else {}
    answer = assessments.ask(db.session(), patient, now(), act=act, **asked)
    page = render_template(
        "evidence/prescription.html",
        form=form,
        answer=answer,
        act=act.value,
        locked=act is Act.PRESCRIBE and recording.is_locked(answer),
        waiting=held.waiting_for(db.session(), patient),
        edition=edition_title(answer.programme, answer.edition),
        **_about(patient),
    )
    return _page(page)


@evidence.route("/evidence/<evidence_id>/withdraw", methods=["GET", "POST"])
@access(*CLINICAL)
def withdraw(public_id: str, evidence_id: str) -> Page:
    """Withdraw an entry made in error, with its reason."""
    form = WithdrawForm()
    if request.method == "POST" and accepted(form, lambda: _withdraw(public_id, evidence_id, form)):
        return _back(public_id, "Withdrawn. It stays visible in the history, with the reason.")
    patient = open_record(public_id, "form: withdraw")
    row = recording.get_evidence(db.session(), patient, evidence_id)
    return _page(render_template("evidence/withdraw.html", form=form, row=row, **_about(patient)))


def _withdraw(public_id: str, evidence_id: str, form: WithdrawForm) -> None:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        row = recording.get_evidence(session, patient, evidence_id)
        recording.withdraw_evidence(session, actor(), patient, row, form.reason.data, now())


def _about(patient: Patient) -> dict[str, Any]:
    return {
        "patient": patient,
        "today": local_date(patient.clinic, now()),
        "cancel_url": url_for("patients.show", public_id=patient.public_id),
    }


def _page(page: str) -> Page:
    return (page, 422) if request.method == "POST" else page


def _back(public_id: str, said: str) -> Response:
    flash(said, "ok")
    return redirect(url_for("patients.show", public_id=public_id))
