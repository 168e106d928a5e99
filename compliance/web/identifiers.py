"""The numbers that laboratories know a patient by, and what waited under them."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired

from compliance.db import transaction
from compliance.models import Patient
from compliance.services import identifiers, patients
from compliance.services.errors import Conflict
from compliance.services.evidence import local_date
from compliance.services.rematching import find_again
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import PageForm
from compliance.web.lab_reading import reader
from compliance.web.patient_view import open_record
from compliance.web.security import CLINICAL, access, actor

identifier_pages = Blueprint(
    "identifiers", __name__, url_prefix="/patients/<public_id>/identifiers"
)

Page = str | Response | tuple[str, int]
Act = Callable[[Session, Patient], object]


class NumberForm(PageForm):
    """A number and who assigned it."""

    authority = StringField("Assigned by", [InputRequired("Enter who assigned it.")])
    value = StringField("Number", [InputRequired("Enter the number.")])


class RenumberForm(PageForm):
    """The new record number."""

    mrn = StringField("New record number", [InputRequired("Enter the new record number.")])


class JoinForm(PageForm):
    """Another record number of the same person."""

    old_mrn = StringField("The other record number", [InputRequired("Enter the other number.")])


class NumberGoneForm(PageForm):
    """Which number is withdrawn."""

    number = IntegerField(validators=[InputRequired()])


@identifier_pages.get("")
@access(*CLINICAL)
def show(public_id: str) -> Page:
    """The numbers of a patient."""
    return _page(public_id)


def _page(public_id: str, sent: PageForm | None = None) -> Page:
    patient = open_record(public_id, "numbers")
    kinds: tuple[type[PageForm], ...] = (NumberForm, RenumberForm, JoinForm)
    forms = {kind: sent if isinstance(sent, kind) else kind() for kind in kinds}
    page = render_template(
        "patients/identifiers.html",
        patient=patient,
        today=local_date(patient.clinic, now()),
        number=forms[NumberForm],
        renumber=forms[RenumberForm],
        join=forms[JoinForm],
        sent=sent,
    )
    return (page, 422) if sent is not None else page


@identifier_pages.post("/add")
@access(*CLINICAL)
def add(public_id: str) -> Page:
    """Keep one more number; what waited under it is the patient's."""
    form = NumberForm()

    def act(session: Session, patient: Patient) -> None:
        authority, value = form.authority.data or "", form.value.data or ""
        identifiers.add(session, actor(), patient, authority, value, now())

    return _changed(public_id, form, act, "The number is kept.")


@identifier_pages.post("/renumber")
@access(*CLINICAL)
def renumber(public_id: str) -> Page:
    """Change the record number; the old one goes on to find the patient."""
    form = RenumberForm()

    def act(session: Session, patient: Patient) -> None:
        identifiers.change_record_number(session, actor(), patient, form.mrn.data or "", now())

    return _changed(public_id, form, act, "The record number is changed; the old one is kept.")


@identifier_pages.post("/join")
@access(*CLINICAL)
def join(public_id: str) -> Page:
    """Record that another record number is the same person's."""
    form = JoinForm()

    def act(session: Session, patient: Patient) -> None:
        identifiers.join_record_number(session, actor(), patient, form.old_mrn.data or "", now())

    return _changed(public_id, form, act, "Both numbers are this patient's from now on.")


@identifier_pages.post("/withdraw")
@access(*CLINICAL)
def withdraw(public_id: str) -> Page:
    """Take a number away from the patient."""
    form = NumberGoneForm()

    def act(session: Session, patient: Patient) -> None:
        identifiers.withdraw(session, actor(), patient, form.number.data or 0, now())

    return _changed(public_id, form, act, "Withdrawn. What was filed under it stays filed.")


def _changed(public_id: str, form: PageForm, act: Act, said: str) -> Page:
    """Do it, find again what waited, and say both."""
    told: list[str] = []

    def change() -> None:
        with transaction() as session:
            patient = patients.get_patient(session, actor(), public_id)
            act(session, patient)
            told.append(find_again(session, actor(), patient, reader(session), now()).sentence)

    try:
        done = accepted(form, change)
    except Conflict as refused:
        form.form_errors.append(str(refused))
        done = False
    if not done:
        return _page(public_id, form)
    flash(f"{said} {told[0]}".strip(), "ok")
    return redirect(url_for("identifiers.show", public_id=public_id))
