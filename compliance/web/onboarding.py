"""Taking over patients from a spreadsheet: upload, columns, the dry run, decisions, load, undo."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import FileField

from compliance.db import db, transaction
from compliance.models import OnboardingBatch, OnboardingRow, Patient, Role
from compliance.models.onboarding import BatchState, RowOutcome
from compliance.services import audit
from compliance.services import onboarding as services
from compliance.services.errors import Conflict, DomainError, Invalid
from compliance.services.onboarding_columns import BY_NAME, DATES, FIELDS
from compliance.services.onboarding_files import MOST_BYTES, Sheet
from compliance.services.onboarding_rows import Decision, questions
from compliance.services.onboarding_values import DateForm
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import PageForm
from compliance.web.security import access, actor

onboarding = Blueprint("onboarding", __name__, url_prefix="/administration/onboarding")

ADMINISTERING = (Role.MANAGER, Role.ADMINISTRATOR)
PAGE = 25
SHOWN = {
    "review": "To decide",
    RowOutcome.DUPLICATE.value: "Duplicates",
    RowOutcome.REFUSED.value: "Refused",
    RowOutcome.NEW.value: "New",
    RowOutcome.LEFT_OUT.value: "Left out",
}
IS_NEW = (RowOutcome.NEW, RowOutcome.LOADED, RowOutcome.UNDONE)
EXAMPLE = ("N-1001", "Ana", "Ejemplo", "1999-12-31", "female", "undetermined")
Page = str | Response | tuple[str, int]


class UploadForm(PageForm):
    """A spreadsheet of patients."""

    file = FileField(
        "Spreadsheet",
        description=f"CSV or XLSX, up to {MOST_BYTES // 1024 // 1024} MB and 10,000 rows.",
    )


@onboarding.route("", methods=["GET", "POST"])
@access(*ADMINISTERING)
def index() -> Page:
    """The files so far, and the form for another one."""
    form, made = UploadForm(), list[str]()
    if request.method == "POST" and accepted(form, lambda: made.append(_upload())):
        return redirect(url_for("onboarding.columns", public_id=made[0]))
    page = render_template(
        "onboarding/index.html",
        form=form,
        fields=FIELDS,
        batches=[
            SimpleNamespace(batch=batch, account=services.account_of(batch))
            for batch in services.batches(db.session(), actor())
        ],
    )
    return (page, 422) if request.method == "POST" else page


def _upload() -> str:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid({"file": "Choose a file."})
    content = sent.read()
    with transaction() as session:
        return str(services.upload(session, actor(), sent.filename, content, now()).public_id)


@onboarding.get("/example.csv")
@access(*ADMINISTERING)
def example() -> Response:
    """An empty file with the headings that are known by themselves, and one made-up row."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(field.label for field in FIELDS)
    writer.writerow([*EXAMPLE, *[""] * (len(FIELDS) - len(EXAMPLE))])
    answer = Response("\ufeff" + text.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="patients.csv"'
    return answer


@onboarding.route("/<public_id>/columns", methods=["GET", "POST"])
@access(*ADMINISTERING)
def columns(public_id: str) -> Page:
    """Say which column is which field, and how ambiguous dates are written."""
    batch = services.get_batch(db.session(), actor(), public_id)
    faults: dict[str, str] = {}
    if request.method == "POST":
        try:
            _set_columns(public_id)
            return redirect(url_for("onboarding.show", public_id=public_id))
        except Invalid as refused:
            faults = refused.fields
            batch = services.get_batch(db.session(), actor(), public_id)
    sheet = services.sheet_of(batch)
    chosen = request.form if request.method == "POST" else batch.columns.get("fields", {})
    page = render_template(
        "onboarding/columns.html",
        batch=batch,
        sheet=sheet,
        fields=FIELDS,
        chosen=chosen,
        faults=faults,
        questions=_questions(batch, sheet),
        sample=sheet.rows[:3],
    )
    return (page, 422) if faults else page


def _set_columns(public_id: str) -> None:
    fields = {item.name: request.form[item.name] for item in FIELDS if request.form.get(item.name)}
    forms = {form.value: form for form in DateForm}
    dates = {
        name: forms[request.form[f"form_{name}"]]
        for name in DATES
        if request.form.get(f"form_{name}") in forms
    }
    with transaction() as session:
        batch = services.get_batch(session, actor(), public_id, lock=True)
        services.set_columns(session, actor(), batch, fields, dates, now())


def _questions(batch: OnboardingBatch, sheet: Sheet) -> list[SimpleNamespace]:
    chosen = batch.columns.get("dates", {})
    return [
        SimpleNamespace(
            name=item.field,
            label=BY_NAME[item.field].label,
            question=item,
            chosen=chosen.get(item.field, ""),
        )
        for item in questions(batch, sheet)
    ]


@onboarding.get("/<public_id>")
@access(*ADMINISTERING)
def show(public_id: str) -> Page:
    """The dry run: every row in its place, with its reason."""
    batch = services.get_batch(db.session(), actor(), public_id)
    if batch.state is BatchState.UPLOADED:
        return redirect(url_for("onboarding.columns", public_id=public_id))
    return _page(batch)


def _page(batch: OnboardingBatch, faults: dict[str, str] | None = None) -> Page:
    sheet, account = services.sheet_of(batch), services.account_of(batch)
    first = "review" if account.undecided else ("refused" if account.refused else "new")
    chosen = request.args.get("show", first)
    rows = [row for row in batch.rows if _belongs(row, chosen)]
    number = max(1, request.args.get("page", 1, type=int))
    page = render_template(
        "onboarding/show.html",
        batch=batch,
        sheet=sheet,
        account=account,
        tiles=_tiles(batch, chosen),
        chosen=chosen,
        label=SHOWN.get(chosen, "Rows"),
        rows=_rows(rows[(number - 1) * PAGE : number * PAGE]),
        fields=[BY_NAME[name] for name in batch.columns.get("fields", {})],
        page=number,
        pages=-(-len(rows) // PAGE),
        open_questions=[item for item in _questions(batch, sheet) if not item.chosen],
        faults=faults or {},
        is_open=batch.state is BatchState.CHECKED,
    )
    return (page, 422) if faults else page


def _belongs(row: OnboardingRow, chosen: str) -> bool:
    if chosen == "review":
        return services.is_undecided(row)
    if chosen == RowOutcome.NEW.value:
        return row.outcome in IS_NEW
    return row.outcome.value == chosen


def _tiles(batch: OnboardingBatch, chosen: str) -> list[SimpleNamespace]:
    looks = {"review": "due", "duplicate": "held", "refused": "failed", "new": "met"}
    return [
        SimpleNamespace(
            value=looks.get(value, "skipped"),
            label=label,
            count=sum(_belongs(row, value) for row in batch.rows),
            url=url_for("onboarding.show", public_id=batch.public_id, show=value),
            active=value == chosen,
        )
        for value, label in SHOWN.items()
    ]


def _rows(rows: Sequence[OnboardingRow]) -> list[SimpleNamespace]:
    """Rows with the patient whom each may be; that look is written down."""
    wanted = {row.data.get("match", {}).get("patient") for row in rows} - {None}
    known = {patient.public_id: patient for patient in _looked_at(wanted)} if wanted else {}
    loaded = {row.patient_id for row in rows} - {None}
    theirs = {
        patient.id: patient
        for patient in db.session.scalars(select(Patient).where(Patient.id.in_(loaded)))
    }
    return [
        SimpleNamespace(
            row=row,
            cells=row.data["cells"],
            match=row.data.get("match", {}),
            patient=known.get(row.data.get("match", {}).get("patient")),
            loaded=theirs.get(row.patient_id or 0),
            decision=row.data.get("decision", ""),
        )
        for row in rows
    ]


def _looked_at(public_ids: set[str]) -> list[Patient]:
    query = select(Patient).where(
        Patient.public_id.in_(public_ids), Patient.clinic_id == actor().clinic_id
    )
    with transaction() as session:
        for patient in session.scalars(query):
            audit.log_access(session, actor(), patient, "onboarding", now())
    return list(db.session.scalars(query))


@onboarding.post("/<public_id>/check")
@access(*ADMINISTERING)
def check(public_id: str) -> Page:
    """Try the file again against what the clinic has now."""
    return _change(public_id, "Tried again.", services.check)


@onboarding.post("/<public_id>/decide")
@access(*ADMINISTERING)
def decide(public_id: str) -> Page:
    """Say what the rows on the page are."""
    choices = {item.value: item for item in Decision}
    decisions = {
        int(name.removeprefix("decision-")): choices.get(value)
        for name, value in request.form.items()
        if name.startswith("decision-") and name.removeprefix("decision-").isdecimal()
    }
    if "all_same" in request.form:
        batch = services.get_batch(db.session(), actor(), public_id)
        numbered = [row for row in batch.rows if row.data.get("match", {}).get("by") == "number"]
        decisions = {row.position: Decision.SAME for row in numbered if services.is_undecided(row)}

    def act(session: Any, batch: OnboardingBatch, moment: Any) -> None:
        services.decide(session, actor(), batch, decisions, moment)

    return _change(public_id, "Decided.", act)


@onboarding.post("/<public_id>/load")
@access(*ADMINISTERING)
def load(public_id: str) -> Page:
    """Enrol every new row, all or none."""

    def act(session: Any, batch: OnboardingBatch, moment: Any) -> None:
        seen = "refused_seen" in request.form
        services.load(session, actor(), batch, moment, refused_seen=seen)

    return _change(public_id, "Loaded: every new row is a patient of this clinic now.", act)


@onboarding.post("/<public_id>/undo")
@access(*ADMINISTERING)
def undo(public_id: str) -> Page:
    """Take the load back, all of it."""

    def act(session: Any, batch: OnboardingBatch, moment: Any) -> None:
        services.undo(session, actor(), batch, request.form.get("reason", ""), moment)

    return _change(public_id, "The load is undone. The record numbers are free again.", act)


def _change(public_id: str, said: str, act: Any) -> Page:
    """Do one step in one transaction; a refusal stands on the page, and nothing was changed."""
    try:
        with transaction() as session:
            act(session, services.get_batch(session, actor(), public_id, lock=True), now())
    except (Invalid, Conflict) as refused:
        batch = services.get_batch(db.session(), actor(), public_id)
        return _page(batch, _faults(refused))
    flash(said, "ok")
    return redirect(url_for("onboarding.show", public_id=public_id))


def _faults(refused: DomainError) -> dict[str, str]:
    return refused.fields if isinstance(refused, Invalid) else {"form": str(refused)}
