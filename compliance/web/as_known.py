"""The patient page as it stood at a past moment, from what was known then."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

from flask import flash, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from compliance.db import db
from compliance.models import Evidence, Patient
from compliance.rules.assess import assess
from compliance.rules.case_reader import CaseError
from compliance.rules.dates import zone
from compliance.rules.findings import Assessment
from compliance.rules.plan import plan
from compliance.rules.triage import triage
from compliance.rules.what_if import past_moment, read_moment
from compliance.services.assessments import question_about
from compliance.services.evidence import known_evidence, local_date
from compliance.services.what_if import situation_of
from compliance.web.clock import now
from compliance.web.patient_view import edition_title, open_record


def page_as_known(public_id: str, text: str) -> str | Response:
    """The verdict and the findings replayed; a moment that is no past one leads back."""
    patient = open_record(public_id, "record as known then")
    known_at = _past(text, patient)
    if known_at is None:
        flash("Enter a day or a moment that is past, such as 2026-04-02T09:30.", "error")
        return redirect(url_for("patients.show", public_id=public_id))
    return render_template("patients/as_known.html", **_context(patient, known_at))


def _past(text: str, patient: Patient) -> dt.datetime | None:
    try:
        moment = read_moment("known_at", text)
        return past_moment("known_at", moment, patient.clinic.time_zone, now())
    except CaseError:
        return None


def _context(patient: Patient, known_at: dt.datetime) -> dict[str, Any]:
    session = db.session()
    here = situation_of(session, patient, known_at)
    question = question_about(here.record, local_date(patient.clinic, known_at), known_at)
    answer = assess(here.record, here.programme, here.terms, question)
    ahead = plan(here.record, here.programme, here.terms, known_at)
    return {
        "patient": patient,
        "today": local_date(patient.clinic, known_at),
        "known_at": known_at,
        "local": known_at.astimezone(zone(here.terms.time_zone)).strftime("%Y-%m-%dT%H:%M"),
        "assessment": _with_place(answer, triage(answer, ahead, known_at)),
        "edition": edition_title(answer.programme, answer.edition),
        "plan": ahead,
        "evidence_rows": list(reversed(known_evidence(session, patient, known_at))),
        "later": _later(patient, known_at),
    }


def _with_place(answer: Assessment, place: Any) -> SimpleNamespace:
    """The answer beside its place on the worklist, as the patient page wants them."""
    return SimpleNamespace(
        verdict=answer.verdict,
        act=answer.question.act,
        findings=answer.findings,
        window_closes_at=answer.window_closes_at,
        headline=place.headline,
        action=place.action,
        act_by=place.act_by,
    )


def _later(patient: Patient, known_at: dt.datetime) -> list[tuple[dt.datetime, str, Evidence]]:
    """What became known only afterwards: new entries, corrections and withdrawals."""
    rows = db.session.scalars(select(Evidence).where(Evidence.patient_id == patient.id)).all()
    found = [
        (row.recorded_at, "corrected" if row.supersedes_id else "recorded", row)
        for row in rows
        if row.recorded_at > known_at
    ]
    found += [
        (row.withdrawn_at, "withdrawn", row)
        for row in rows
        if row.withdrawn_at is not None and row.recorded_at <= known_at < row.withdrawn_at
    ]
    return sorted(found, key=lambda item: (item[0], item[2].id))
