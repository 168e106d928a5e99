"""Closing a course of treatment, and opening it again."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, TextAreaField
from wtforms.validators import InputRequired, Optional

from compliance.db import db, transaction
from compliance.services import courses as services
from compliance.services import patients
from compliance.services.courses import SAID, CloseReason
from compliance.services.evidence import local_date
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import NEEDED, PageForm
from compliance.web.patient_view import open_record
from compliance.web.security import CLINICAL, access, actor

courses = Blueprint("courses", __name__, url_prefix="/patients/<public_id>/course")

Page = str | Response | tuple[str, int]


class CloseForm(PageForm):
    """The course is over."""

    reason = RadioField(
        "Why it ends",
        [InputRequired("Choose one.")],
        choices=[
            (CloseReason.COMPLETED.value, "Completed: treatment and follow-up are over"),
            (CloseReason.MOVED_AWAY.value, "Moved away: another clinic goes on"),
            (CloseReason.STOPPED.value, "Stopped: the treatment is not gone on with"),
        ],
    )
    although = TextAreaField(
        "Although something is open, because",
        [Optional()],
        description="Needed while a duty is open. It stays on record with your name.",
    )


class ReopenForm(PageForm):
    """The course goes on."""

    reason = TextAreaField(
        "Why it is opened again", [NEEDED], description="It stays on record with your name."
    )


@courses.route("/close", methods=["GET", "POST"])
@access(*CLINICAL)
def close(public_id: str) -> Page:
    """Close the course, with the reason; what is still open is said first."""
    form = CloseForm()
    if request.method == "POST" and accepted(form, lambda: _close(public_id, form)):
        return _back(public_id, "The course is closed. No reminder goes out any more.")
    return _page("courses/close.html", public_id, form)


def _close(public_id: str, form: CloseForm) -> None:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        reason = CloseReason(form.reason.data)
        services.close(session, actor(), patient, reason, now(), although=form.although.data or "")


@courses.route("/reopen", methods=["GET", "POST"])
@access(*CLINICAL)
def reopen(public_id: str) -> Page:
    """Open a closed course again."""
    form = ReopenForm()
    if request.method == "POST" and accepted(form, lambda: _reopen(public_id, form)):
        return _back(public_id, "The course is open again, and the patient was assessed anew.")
    return _page("courses/reopen.html", public_id, form)


def _reopen(public_id: str, form: ReopenForm) -> None:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        services.reopen(session, actor(), patient, form.reason.data, now())


def _page(template: str, public_id: str, form: PageForm) -> Page:
    patient = open_record(public_id, "form: course")
    course = services.course_of(patient)
    page = render_template(
        template,
        form=form,
        patient=patient,
        course=course,
        said=SAID,
        duties=[] if course.closed_on else services.open_duties(db.session(), patient, now()),
        today=local_date(patient.clinic, now()),
        cancel_url=url_for("patients.show", public_id=public_id),
    )
    return (page, 422) if request.method == "POST" else page


def _back(public_id: str, said: str) -> Response:
    flash(said, "ok")
    return redirect(url_for("patients.show", public_id=public_id))
