"""Today: whom to act on first, why, by when, and what clears it."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import Patient, Role, StoredAssessment
from compliance.rules.triage import Group
from compliance.services import assessments, patients
from compliance.services.evidence import zone_of
from compliance.web.clock import now
from compliance.web.security import STAFF, access, actor, clinic
from compliance.web.words import words

worklist = Blueprint("worklist", __name__)

PAGE = 50
SHOWN = [group for group in Group if group is not Group.CLOSED]


@worklist.route("/", methods=["GET", "POST"])
@access(*STAFF, Role.PHARMACIST)
def today() -> str | Response:
    """The worklist: risk first, then what can still be saved."""
    if actor().role is Role.PHARMACIST:
        return redirect(url_for("pharmacy.check"))
    refresh()
    text, chosen = request.form.get("q", "").strip(), request.values.get("group", "")
    rows = _rows(text)
    counts = Counter(row.grouping for row in rows)
    shown = [row for row in rows if chosen in ("", row.grouping)]
    page = max(1, request.args.get("page", 1, type=int))
    local = now().astimezone(zone_of(clinic()))
    return render_template(
        "worklist/index.html",
        greeting=f"{_greeting(local.hour)}, {actor().name}",
        today=local.date(),
        rows=[_row(row) for row in shown[(page - 1) * PAGE : page * PAGE]],
        count=len(shown),
        page=page,
        pages=1 if text else -(-len(shown) // PAGE),
        page_url=f"?group={chosen}&page=" if chosen else "?page=",
        groups=_tiles(counts, chosen),
        group=chosen,
        q=text,
        enrol_url=url_for("patients.enrol"),
        all_url=url_for("worklist.today"),
    )


def refresh() -> None:
    """Reassess now whom time has changed, so that no page shows yesterday's answer."""
    here, moment = clinic().id, now()
    if assessments.due_for_reassessment(db.session(), moment, clinic_id=here, limit=1):
        with transaction() as session:
            assessments.sweep(session, moment, clinic_id=here, limit=500)


def _rows(text: str) -> list[StoredAssessment]:
    query = (
        select(StoredAssessment)
        .where(
            StoredAssessment.clinic_id == clinic().id,
            StoredAssessment.grouping != Group.CLOSED.value,
        )
        .order_by(StoredAssessment.rank, StoredAssessment.act_by, StoredAssessment.course_id)
    )
    if text:
        found = patients.matching(clinic().id, text).with_only_columns(Patient.id)
        query = query.where(StoredAssessment.patient_id.in_(found))
    return list(db.session.scalars(query))


def _row(row: StoredAssessment) -> SimpleNamespace:
    return SimpleNamespace(
        patient=row.patient,
        group=SimpleNamespace(value=row.grouping, label=words(row.grouping)),
        headline=row.headline,
        action=row.action,
        act_by=row.act_by,
        verdict=row.verdict,
        url=url_for("patients.show", public_id=row.patient.public_id),
    )


def _tiles(counts: Counter[str], chosen: str) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            value=group.value,
            label=words(group.value),
            count=counts[group.value],
            url=url_for("worklist.today", group=group.value),
            active=group.value == chosen,
        )
        for group in SHOWN
    ]


def _greeting(hour: int) -> str:
    if hour < 12:
        return "Good morning"
    return "Good afternoon" if hour < 18 else "Good evening"
