"""Patients: the list, enrolment, and the page that answers "may we, and if not, what clears it"."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import AccessLogEntry, AuditEvent, Patient, StoredAssessment
from compliance.models.patients import Discretion
from compliance.rules.terms import Cycle, Potential, PotentialReason, Sex
from compliance.services import audit, evidence
from compliance.services import patients as services
from compliance.services.errors import Invalid
from compliance.web.clock import now
from compliance.web.forms import EnrolPatientForm
from compliance.web.patient_view import patient_context
from compliance.web.security import CLINICAL, OVERSIGHT, STAFF, access, actor, clinic
from compliance.web.worklist import refresh

patients = Blueprint("patients", __name__, url_prefix="/patients")


@patients.get("")
@access(*STAFF)
def index() -> str:
    """Everybody of this clinic, by name."""
    refresh()
    text = request.args.get("q", "").strip()
    query = services.matching(clinic().id, text).order_by(Patient.search_name, Patient.id)
    page = db.paginate(query, per_page=50, error_out=False)
    answers = {
        row.patient_id: row
        for row in db.session.scalars(
            select(StoredAssessment).where(
                StoredAssessment.patient_id.in_([patient.id for patient in page.items])
            )
        )
    }
    return render_template(
        "patients/list.html",
        q=text,
        page=page,
        rows=[
            SimpleNamespace(
                patient=patient,
                answer=answers.get(patient.id),
                url=url_for("patients.show", public_id=patient.public_id),
            )
            for patient in page.items
        ],
        enrol_url=url_for("patients.enrol"),
        today=evidence.local_date(clinic(), now()),
    )


@patients.route("/new", methods=["GET", "POST"])
@access(*CLINICAL)
def enrol() -> str | Response | tuple[str, int]:
    """Enrol a patient."""
    form = EnrolPatientForm()
    people = services.prescribers(db.session(), clinic())
    form.prescriber_id.choices = [("", "–"), *((person.id, person.name) for person in people)]
    if request.method == "GET":
        return _enrol_page(form, {})
    errors = form_errors(form)
    if not errors:
        try:
            with transaction() as session:
                here = session.merge(clinic(), load=True)
                patient = services.enrol(session, actor(), here, _new_patient(form), now())
                public_id = patient.public_id
        except Invalid as error:
            errors = error.fields
        else:
            flash("The patient is enrolled. What is missing stands below.", "ok")
            return redirect(url_for("patients.show", public_id=public_id))
    return _enrol_page(form, errors), 422


def _enrol_page(form: EnrolPatientForm, errors: dict[str, str]) -> str:
    return render_template(
        "patients/enrol.html", form=form, errors=errors, cancel_url=url_for("patients.index")
    )


def form_errors(form: Any) -> dict[str, str]:
    """What the form itself finds wrong: field -> sentence; empty when it is in order."""
    if form.validate_on_submit():
        return {}
    return {field.name: " ".join(map(str, field.errors)) for field in form if field.errors}


def _new_patient(form: EnrolPatientForm) -> services.NewPatient:
    number = (form.identifier_authority.data or "", form.identifier_value.data or "")
    return services.NewPatient(
        mrn=form.mrn.data,
        given_name=form.given_name.data,
        family_name=form.family_name.data,
        birth_date=form.birth_date.data,
        sex_at_birth=Sex(form.sex_at_birth.data) if form.sex_at_birth.data else None,
        pronouns=form.pronouns.data or "",
        email=form.email.data or "",
        phone=form.phone.data or "",
        language=form.language.data,
        discretion=Discretion(form.discretion.data),
        prescriber_id=form.prescriber_id.data,
        potential=Potential(form.can_become_pregnant.data),
        reason=PotentialReason(form.reason.data) if form.reason.data else None,
        cycle=Cycle(form.cycle.data),
        confirmed=bool(form.confirmed_by_professional.data),
        enrolled_on=form.enrolled_on.data,
        identifiers=(number,) if number[1].strip() else (),
    )


def open_record(public_id: str, page: str) -> Patient:
    """A patient of one's own clinic; the look is written down before anything is shown."""
    moment = now()
    with transaction() as session:
        patient = services.get_patient(session, actor(), public_id)
        audit.log_access(session, actor(), patient, page, moment)
    return services.get_patient(db.session(), actor(), public_id)


@patients.get("/<public_id>")
@access(*STAFF)
def show(public_id: str) -> str:
    """The verdict, every requirement with its reason, and what comes next."""
    refresh()
    patient = open_record(public_id, "record")
    return render_template("patients/show.html", **patient_context(db.session(), patient, now()))


@patients.get("/<public_id>/history")
@access(*OVERSIGHT)
def history(public_id: str) -> str:
    """Everything that happened to this record, and who looked at it."""
    patient = open_record(public_id, "history")
    since = now() - dt.timedelta(days=365)
    changes = select(AuditEvent).where(AuditEvent.patient_id == patient.id)
    looks = select(AccessLogEntry).where(
        AccessLogEntry.patient_id == patient.id, AccessLogEntry.at >= since
    )
    return render_template(
        "patients/history.html",
        patient=patient,
        events=list(db.session.scalars(changes.order_by(AuditEvent.id.desc()).limit(500))),
        looks=list(db.session.scalars(looks.order_by(AccessLogEntry.id.desc()).limit(500))),
        back_url=url_for("patients.show", public_id=public_id),
    )
