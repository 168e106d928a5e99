"""The forms that record evidence, prescriptions and hand-overs for one patient."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound as UnknownAddress
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import Patient, Role
from compliance.rules.facts import FactError, read_fact
from compliance.rules.terms import Act
from compliance.services import assessments, patients, recording as services
from compliance.services.errors import Invalid, NotPermitted
from compliance.services.evidence import local_date
from compliance.web.clock import now
from compliance.web.forms import (
    SPECS,
    DispensingForm,
    FactForm,
    FormSpec,
    PrescriptionForm,
    WithdrawForm,
    default_day,
)
from compliance.web.patients import form_errors, open_record
from compliance.web.security import CLINICAL, access, actor

records = Blueprint("recording", __name__, url_prefix="/patients/<public_id>")


@records.route("/record/<kind>", methods=["GET", "POST"])
@access(*CLINICAL)
def record(public_id: str, kind: str) -> str | Response | tuple[str, int]:
    """Record one fact."""
    spec = SPECS.get(kind)
    if spec is None:
        raise UnknownAddress
    if spec.prescriber_only and actor().role is not Role.PRESCRIBER:
        raise NotPermitted("Only a prescriber records this.")
    form: FactForm = spec.form()
    if request.method == "GET":
        return _fact_page(open_record(public_id, f"form: {kind}"), spec, form, {})
    errors = form_errors(form) or _record(public_id, spec, form)
    if errors:
        patient = patients.get_patient(db.session(), actor(), public_id)
        return _fact_page(patient, spec, form, errors), 422
    flash("Recorded. The answer below is the new one.", "ok")
    return redirect(url_for("patients.show", public_id=public_id))


def _record(public_id: str, spec: FormSpec, form: FactForm) -> dict[str, str]:
    data = form.data_of_fact()
    if spec.kind == "pregnancy_excluded":
        data["by"] = actor().name
    try:
        fact = read_fact(spec.kind, data)
        with transaction() as session:
            patient = patients.get_patient(session, actor(), public_id)
            services.record_evidence(session, actor(), patient, fact, now())
    except FactError as error:
        return {error.key: f"{error.problem[:1].upper()}{error.problem[1:]}."}
    except Invalid as error:
        return error.fields
    return {}


def _fact_page(patient: Patient, spec: FormSpec, form: FactForm, errors: dict[str, str]) -> str:
    if request.method == "GET":
        default_day(form, local_date(patient.clinic, now()))
    return render_template(
        "evidence/form.html",
        title=spec.title,
        why=spec.why,
        form=form,
        errors=errors,
        patient=patient,
        submit="Record",
        cancel_url=url_for("patients.show", public_id=patient.public_id),
    )


@records.route("/prescribe", methods=["GET", "POST"])
@access(Role.PRESCRIBER)
def prescribe(public_id: str) -> str | Response | tuple[str, int]:
    """Issue a prescription; blocked when the verdict says no, unless the override says why."""
    form = PrescriptionForm()
    if request.method == "GET":
        patient = open_record(public_id, "form: prescription")
        return _decision_page(patient, form, Act.PRESCRIBE, {})
    errors = form_errors(form)
    if not errors:
        try:
            with transaction() as session:
                patient = patients.get_patient(session, actor(), public_id)
                services.prescribe(
                    session,
                    actor(),
                    patient,
                    now(),
                    days_supply=form.days_supply.data,
                    refills=form.refills.data,
                    daily_dose_mg=form.daily_dose_mg.data,
                    override_reason=form.override_reason.data or "",
                )
        except Invalid as error:
            errors = error.fields
        else:
            flash("The prescription is recorded.", "ok")
            return redirect(url_for("patients.show", public_id=public_id))
    patient = patients.get_patient(db.session(), actor(), public_id)
    return _decision_page(patient, form, Act.PRESCRIBE, errors), 422


@records.route("/dispense", methods=["GET", "POST"])
@access(Role.PRESCRIBER, Role.NURSE, Role.PHARMACIST)
def dispense(public_id: str) -> str | Response | tuple[str, int]:
    """Record that the medicine was handed over."""
    form = DispensingForm()
    if request.method == "GET":
        patient = open_record(public_id, "form: dispensing")
        default_day(form, local_date(patient.clinic, now()))
        return _decision_page(patient, form, Act.DISPENSE, {})
    errors = form_errors(form)
    if not errors:
        try:
            with transaction() as session:
                patient = patients.get_patient(session, actor(), public_id)
                services.dispense(
                    session,
                    actor(),
                    patient,
                    form.on.data,
                    now(),
                    days_supply=form.days_supply.data,
                    override_reason=form.override_reason.data or "",
                )
        except Invalid as error:
            errors = error.fields
        else:
            flash("The hand-over is recorded.", "ok")
            return redirect(url_for("patients.show", public_id=public_id))
    patient = patients.get_patient(db.session(), actor(), public_id)
    return _decision_page(patient, form, Act.DISPENSE, errors), 422


def _decision_page(patient: Patient, form: Any, act: Act, errors: dict[str, str]) -> str:
    asked = {}
    if form.days_supply.data:
        asked["days_supply"] = form.days_supply.data
    answer = assessments.ask(db.session(), patient, now(), act=act, **asked)
    return render_template(
        "evidence/decision.html",
        title="Issue a prescription" if act is Act.PRESCRIBE else "Record a hand-over",
        form=form,
        errors=errors,
        patient=patient,
        answer=answer,
        act=act,
        submit="Issue" if act is Act.PRESCRIBE else "Record",
        cancel_url=url_for("patients.show", public_id=patient.public_id),
    )


@records.route("/evidence/<evidence_id>/withdraw", methods=["GET", "POST"])
@access(*CLINICAL)
def withdraw(public_id: str, evidence_id: str) -> str | Response | tuple[str, int]:
    """Withdraw an entry made in error, with its reason."""
    form = WithdrawForm()
    errors: dict[str, str] = {}
    if request.method == "POST":
        errors = form_errors(form)
        if not errors:
            with transaction() as session:
                patient = patients.get_patient(session, actor(), public_id)
                row = services.get_evidence(session, patient, evidence_id)
                services.withdraw_evidence(
                    session, actor(), patient, row, form.reason.data, now()
                )
            flash("Withdrawn. It stays visible in the history, with the reason.", "ok")
            return redirect(url_for("patients.show", public_id=public_id))
    patient = open_record(public_id, "form: withdraw")
    row = services.get_evidence(db.session(), patient, evidence_id)
    page = render_template(
        "evidence/withdraw.html",
        form=form,
        errors=errors,
        patient=patient,
        row=row,
        cancel_url=url_for("patients.show", public_id=public_id),
    )
    return (page, 422) if errors else page
