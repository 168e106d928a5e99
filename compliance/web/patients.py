"""Patients: the list, enrolment, and the page that answers "may we, and if not, what clears it"."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import Clinic, Patient, StoredAssessment
from compliance.models.patients import Discretion
from compliance.rules.terms import Cycle, Potential, PotentialReason, Sex
from compliance.services import evidence, held
from compliance.services import patients as services
from compliance.services.errors import NotFound, NotPermitted
from compliance.services.rematching import find_again
from compliance.web.answers import accepted
from compliance.web.as_known import page_as_known
from compliance.web.clock import now
from compliance.web.enrolment_form import EnrolPatientForm
from compliance.web.fixes import Fix, fixes_for
from compliance.web.history import PARTS, history_context, parts_for
from compliance.web.lab_reading import reader
from compliance.web.patient_view import (
    all_evidence,
    answer_of,
    edition_title,
    forms_of,
    open_record,
    patient_context,
    proofs_of,
    situation_now,
    standing_of,
)
from compliance.web.results import results_context
from compliance.web.security import CLINICAL, STAFF, access, actor, clinic
from compliance.web.words import words
from compliance.web.worklist import refresh

patients = Blueprint("patients", __name__, url_prefix="/patients")


@patients.route("", methods=["GET", "POST"])
@access(*STAFF)
def index() -> str:
    """Everybody of this clinic, by name."""
    refresh()
    text = request.form.get("q", "").strip()
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
        rows=[_row(patient, answers.get(patient.id)) for patient in page.items],
        count=page.total,
        page=page.page,
        pages=1 if text else page.pages,
        page_url="?page=",
        enrol_url=url_for("patients.enrol") if actor().role in CLINICAL else None,
        today=evidence.local_date(clinic(), now()),
    )


def _row(patient: Patient, answer: StoredAssessment | None) -> SimpleNamespace:
    group = answer and SimpleNamespace(value=answer.grouping, label=words(answer.grouping))
    return SimpleNamespace(
        patient=patient,
        group=group,
        headline=answer.headline if answer else "",
        url=url_for("patients.show", public_id=patient.public_id),
    )


@patients.route("/new", methods=["GET", "POST"])
@access(*CLINICAL)
def enrol() -> str | Response | tuple[str, int]:
    """Enrol a patient."""
    form = EnrolPatientForm()
    people = services.prescribers(db.session(), clinic())
    form.prescriber_id.choices = [("", "–"), *((person.id, person.name) for person in people)]
    made: list[tuple[str, str]] = []
    if request.method == "POST" and accepted(form, lambda: made.append(_enrol(form))):
        public_id, waited = made[0]
        flash(f"The patient is enrolled. What is missing stands below. {waited}".strip(), "ok")
        return redirect(url_for("patients.show", public_id=public_id))
    page = render_template("patients/enrol.html", form=form, cancel_url=url_for("patients.index"))
    return (page, 422) if request.method == "POST" else page


def _enrol(form: EnrolPatientForm) -> tuple[str, str]:
    """The new patient's public id, and what had waited for them."""
    clinic_id = clinic().id
    with transaction() as session:
        here = session.get(Clinic, clinic_id)
        patient = services.enrol(session, actor(), here, _new_patient(form), now())
        waited = find_again(session, actor(), patient, reader(session), now())
        return patient.public_id, waited.sentence


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


@patients.get("/<public_id>")
@access(*STAFF)
def show(public_id: str) -> str | Response:
    """The verdict, every requirement with its reason, and what comes next; or all that as known
    at a past moment."""
    if "known_at" in request.args:
        return page_as_known(public_id, request.args["known_at"])
    refresh()
    patient = open_record(public_id, "record")
    context = patient_context(db.session(), patient, now())
    return render_template("patients/show.html", **context, fixes=_fixes(patient))


def _fixes(patient: Patient) -> Mapping[str, Fix]:
    role = actor().role
    answer = answer_of(db.session(), patient)
    findings = answer.findings if answer else []
    return fixes_for(patient, role, [form["kind"] for form in forms_of(role)], findings)


@patients.get("/<public_id>/requirements")
@access(*STAFF)
def requirements(public_id: str) -> str:
    """Every requirement with its reason, evidence, sources and the button that clears it."""
    refresh()
    patient = open_record(public_id, "requirements")
    session = db.session()
    answer = answer_of(session, patient)
    return render_template(
        "patients/requirements.html",
        patient=patient,
        assessment=answer,
        edition=edition_title(answer.programme, answer.edition) if answer else "",
        proofs=proofs_of(all_evidence(session, patient)),
        fixes=_fixes(patient),
        waiting=held.waiting_for(session, patient),
        today=evidence.local_date(patient.clinic, now()),
    )


@patients.get("/<public_id>/results")
@access(*STAFF)
def results(public_id: str) -> str:
    """Every analyte over time, each chart with its table."""
    patient = open_record(public_id, "results")
    session = db.session()
    standing = standing_of(all_evidence(session, patient))
    return render_template(
        "patients/results.html",
        patient=patient,
        today=evidence.local_date(patient.clinic, now()),
        **results_context(situation_now(session, patient, standing), now()),
    )


@patients.get("/<public_id>/history")
@access(*STAFF)
def history(public_id: str) -> str:
    """Everything that happened to this record, and for oversight who looked at it."""
    role = actor().role
    part = request.args.get("part", "recorded")
    if part not in PARTS:
        raise NotFound("There is no such part of the history.")
    if part not in parts_for(role):
        raise NotPermitted("Your role at this clinic does not include this part of the history.")
    patient = open_record(public_id, "history")
    return render_template("patients/history.html", **history_context(patient, part, role, now()))
