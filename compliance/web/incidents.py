"""Incidents and corrected results: what came to light afterwards, and who has seen to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import InputRequired

from compliance.db import db, transaction
from compliance.models import Patient, Role
from compliance.services import audit, corrections, incidents
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import PageForm
from compliance.web.security import STAFF, access, actor

incident_pages = Blueprint("incidents", __name__, url_prefix="/incidents")

CLOSERS = (Role.PRESCRIBER, Role.MANAGER)


class CloseForm(PageForm):
    """What was found out and done about an incident."""

    reason = TextAreaField("What was done", [InputRequired("Say what was found out and done.")])


class ReadForm(PageForm):
    """One click: read."""


@incident_pages.get("")
@access(*STAFF)
def index() -> str:
    """What is open, what waits to be read, and what was closed."""
    with transaction() as session:
        _log(session, _people(session))
    session = db.session()
    return render_template(
        "incidents/index.html",
        opened=incidents.incidents_of(session, actor()),
        closed=incidents.incidents_of(session, actor(), closed=True)[:50],
        unread=_unread(session),
        may_read=actor().role is Role.PRESCRIBER,
        may_close=actor().role in CLOSERS,
    )


def _people(session: Session) -> Iterable[Patient]:
    yield from (row.patient for row in incidents.incidents_of(session, actor()))
    yield from (row.patient for row in incidents.incidents_of(session, actor(), closed=True)[:50])
    yield from (patient for _row, patient in corrections.unread(session, actor()))


def _log(session: Session, people: Iterable[Patient]) -> None:
    for patient in {item.id: item for item in people}.values():
        audit.log_access(session, actor(), patient, "incidents", now())


def _unread(session: Session, patient: Patient | None = None) -> list[dict[str, Any]]:
    return [
        {"row": row, "patient": person, "before": corrections.earlier_of(session, row)}
        for row, person in corrections.unread(session, actor(), patient)
    ]


def incidents_context(session: Session, patient: Patient) -> dict[str, Any]:
    """What templates/incidents/_card.html asks for on the page of one patient."""
    return {
        "open_incidents": incidents.incidents_of(session, actor(), patient),
        "unread_corrections": _unread(session, patient),
        "may_read_corrections": actor().role is Role.PRESCRIBER,
    }


@incident_pages.route("/<public_id>/close", methods=["GET", "POST"])
@access(*CLOSERS)
def close(public_id: str) -> str | Response | tuple[str, int]:
    """Close one incident with what was done."""
    form = CloseForm()

    def act() -> None:
        with transaction() as session:
            incidents.close(session, actor(), public_id, form.reason.data or "", now())

    if request.method == "POST" and accepted(form, act):
        flash("Closed. It stays on record with your reason.", "ok")
        return redirect(url_for("incidents.index"))
    with transaction() as session:
        _log(session, [incidents.get_incident(session, actor(), public_id).patient])
    row = incidents.get_incident(db.session(), actor(), public_id)
    page = render_template("incidents/close.html", row=row, form=form)
    return (page, 422) if request.method == "POST" else page


@incident_pages.post("/corrections/<public_id>/read")
@access(Role.PRESCRIBER)
def read(public_id: str) -> Response:
    """A prescriber has read a corrected result."""
    form = ReadForm()

    def act() -> None:
        with transaction() as session:
            corrections.mark_read(session, actor(), public_id, now())

    if accepted(form, act):
        flash("Noted that you have read the corrected result.", "ok")
    return redirect(url_for("incidents.index"))
