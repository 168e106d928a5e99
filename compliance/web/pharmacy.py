"""The pharmacy's question, and nothing else: is this window open, until when, for how many days."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import func, select
from wtforms import StringField

from compliance.db import db, transaction
from compliance.models import Clinic, Patient, PrescriptionOrder, Role
from compliance.rules.facts import PregnancyPotential, PregnancyTest, facts_of
from compliance.rules.findings import Assessment
from compliance.rules.terms import Act, Verdict
from compliance.services import assessments, audit
from compliance.services.evidence import load_record, local_date
from compliance.services.recording import open_prescription
from compliance.web.clock import now
from compliance.web.filters import until
from compliance.web.forms import NEEDED, PageForm
from compliance.web.patient_view import CATEGORIES, edition_title
from compliance.web.security import access, actor, clinic

pharmacy = Blueprint("pharmacy", __name__, url_prefix="/pharmacy")


class CheckForm(PageForm):
    """Which patient the pharmacist asks about; sent in the body, so that no address holds it."""

    mrn = StringField("Record number", [NEEDED], description="As printed on the prescription.")


@pharmacy.route("", methods=["GET", "POST"])
@access(Role.PHARMACIST, Role.PRESCRIBER, Role.NURSE)
def check() -> str | tuple[str, int]:
    """One patient's window, supply, category and test date."""
    form = CheckForm()
    found: dict[str, Any] = {}
    if request.method == "POST" and form.sent_and_valid():
        patient = _patient(form.mrn.data)
        if patient is None:
            form.mrn.errors = ("No patient of this clinic has that record number.",)
        else:
            found = _answer(patient)
    page = render_template("pharmacy/check.html", form=form, **found)
    return (page, 422) if request.method == "POST" and not found else page


def _patient(mrn: str) -> Patient | None:
    wanted = func.lower(Patient.mrn) == mrn.strip().lower()
    moment = now()
    with transaction() as session:
        patient = session.scalar(select(Patient).where(Patient.clinic_id == clinic().id, wanted))
        if patient is not None:
            audit.log_access(session, actor(), patient, "pharmacy check", moment)
            found_id = patient.id
    return db.session.get(Patient, found_id) if patient is not None else None


def _answer(patient: Patient) -> dict[str, Any]:
    session, moment = db.session(), now()
    today = local_date(patient.clinic, moment)
    order = open_prescription(session, patient, today)
    answer = assessments.ask(session, patient, moment, act=Act.DISPENSE)
    record = load_record(session, patient)
    known = [fact for fact in record.facts if fact.day <= today]
    potentials, tests = facts_of(known, PregnancyPotential), facts_of(known, PregnancyTest)
    state, sentence = _verdict(answer, order, patient.clinic)
    return {
        "patient": patient,
        "state": state,
        "sentence": sentence,
        "window": answer.window,
        "order": order,
        "edition": edition_title(answer.programme, answer.edition),
        "category": CATEGORIES[potentials[-1].can_become_pregnant] if potentials else "Not known",
        "tested_on": tests[-1].collected if tests else None,
    }


def _verdict(
    answer: Assessment, order: PrescriptionOrder | None, here: Clinic
) -> tuple[Verdict, str]:
    """The answer in one sentence; without a prescription there is nothing to hand over."""
    if answer.verdict is Verdict.HOLD:
        return Verdict.HOLD, "Held: the clinic must decide"
    if answer.verdict is Verdict.NO:
        return Verdict.NO, "Not now: prerequisites do not appear met"
    if order is None:
        return Verdict.NO, "Nothing to hand over: no prescription is open"
    closes = answer.window_closes_at
    end = f" until {until(closes, here.time_zone)}" if closes else ""
    return Verdict.YES, f"Prerequisites appear met{end}"
