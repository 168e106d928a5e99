"""What the columns of a laboratory's spreadsheet mean: described, tried, saved, changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.interop.csv_results import FORMATS
from compliance.interop.formats import read_file
from compliance.interop.tables import Row, TableFile, Unreadable, read_table
from compliance.models import ColumnMapping, ImportedFile, Role
from compliance.rules.terminology import load_terminology
from compliance.services import column_mappings, held
from compliance.services.errors import Invalid
from compliance.services.intake import Account, receive
from compliance.services.result_columns import (
    FIELDS,
    LOINC,
    Columns,
    choices,
    guess,
    key_of,
    read_columns,
)
from compliance.web.clock import now
from compliance.web.forms import PageForm
from compliance.web.security import CLINICAL, access, actor, clinic

lab_columns = Blueprint("lab_columns", __name__, url_prefix="/labs/columns")

SAMPLE = 3
SHOWN_COLUMNS = 30
MOST_OPTIONS = 16  # headings in a select; more are typed, with the headings as suggestions
SHOWN_RESULTS = 20
SYSTEMS = ((LOINC, "LOINC"), ("SCT", "SNOMED CT"))
DATE_FORMS = (
    ("iso", "Year first: 2026-04-02 or 20260402"),
    ("dmy", "Day first: 02/04/2026 is 2 April"),
    ("mdy", "Month first: 02/04/2026 is 4 February"),
)
DECIMALS = (("", "It was not said"), (".", "A point: 1.7"), (",", "A comma: 1,7"))
Page = str | Response | tuple[str, int]


class _Undo(Exception):
    """Ends a trial: nothing of it is kept."""


class DeleteForm(PageForm):
    """One click; the description is named in the address."""


@dataclass(slots=True)
class _Described:
    """What a page of columns shows: headings, what was chosen, and what became of it."""

    headings: Sequence[str]
    chosen: Mapping[str, Any]
    sample: Sequence[Row] = ()
    rows: int = 0
    account: Account | None = None
    faults: dict[str, str] = field(default_factory=dict)


@lab_columns.get("")
@access(*CLINICAL, Role.MANAGER)
def index() -> str:
    """Every spreadsheet that somebody described, and the files that wait for it."""
    return render_template(
        "labs/columns.html",
        mappings=column_mappings.list_mappings(db.session(), actor()),
        waiting=_waiting(),
        form=DeleteForm() if actor().role in CLINICAL else None,
        labels={item.name: item.label for item in FIELDS},
        named=choices(load_terminology()),
        key_of=key_of,
    )


def _waiting() -> list[ImportedFile]:
    query = select(ImportedFile).where(
        ImportedFile.clinic_id == clinic().id,
        ImportedFile.format.in_(FORMATS),
        ImportedFile.error.is_not(None),
        ~ImportedFile.messages.any(),
    )
    return list(db.session.scalars(query.order_by(ImportedFile.id)))


def waits_for_columns(file: ImportedFile) -> bool:
    """Whether a stored file is a spreadsheet of which nothing was read yet."""
    return file.format in FORMATS and file.error is not None and not file.messages


@lab_columns.route("/files/<public_id>", methods=["GET", "POST"])
@access(*CLINICAL)
def describe(public_id: str) -> Page:
    """Say which column of a waiting file is what, try it, then take the file in."""
    file = held.get_file(db.session(), actor(), public_id)
    shown = url_for("labs.show", public_id=public_id)
    try:
        table = read_table(file.content)
    except Unreadable as fault:
        flash(str(fault), "warn")
        return redirect(shown)
    if not waits_for_columns(file):
        return redirect(shown)
    page = _of_file(table)
    if request.method == "POST":
        try:
            page.account = _take(public_id, table, trial=request.form.get("do") != "save")
        except Invalid as refused:
            page.faults = refused.fields
        if page.account and request.form.get("do") == "save":
            flash(f"Saved, and {file.name} was taken in.", "ok")
            return redirect(shown)
    return _page(page, file=file, cancel_url=shown)


def _of_file(table: TableFile) -> _Described:
    chosen = request.form if request.method == "POST" else _shown(guess(table.headings))
    return _Described(table.headings, chosen, table.rows[:SAMPLE], len(table.rows))


def _take(public_id: str, table: TableFile, *, trial: bool) -> Account:
    """Save the columns and take the file in; a trial does the same and keeps nothing of it."""
    columns, accounts = _sent(table.headings), list[Account]()
    try:
        with transaction() as session:
            file = held.get_file(session, actor(), public_id)
            sender = request.form.get("sender", "")
            column_mappings.save_mapping(session, actor(), sender, table.headings, columns, now())
            known = column_mappings.layouts(session, clinic())
            parsed = read_file(file.content, known)
            taken = receive(session, actor(), clinic(), file.name, file.content, parsed, now())
            accounts.append(taken)
            if trial:
                raise _Undo
    except _Undo:
        pass
    return accounts[0]


def _sent(headings: Sequence[str]) -> Columns:
    """The columns as the form says them; raises Invalid beside the fields."""
    form = request.form
    analytes = [
        {"heading": form[f"column-{key}"], "code": key, "unit": form.get(f"unit-{key}", "")}
        for key in choices(load_terminology())
        if form.get(f"column-{key}")
    ]
    return read_columns(
        {
            "fields": {item.name: form.get(item.name, "") for item in FIELDS},
            "analytes": analytes,
            "authority": form.get("constant-authority", ""),
            "code_system": form.get("constant-code_system", ""),
            "all_final": bool(form.get("all_final")),
            "date_form": form.get("date_form", "iso"),
            "decimal": form.get("decimal", ""),
        },
        headings,
    )


def _shown(columns: Columns) -> dict[str, Any]:
    """Columns as the form has them."""
    shown: dict[str, Any] = {
        **columns.fields,
        "sender": columns.sender,
        "constant-authority": columns.authority,
        "constant-code_system": columns.code_system,
        "all_final": columns.all_final,
        "date_form": columns.date_form.value,
        "decimal": columns.decimal,
    }
    for item in columns.analytes:
        key = key_of(item.code)
        shown[f"column-{key}"], shown[f"unit-{key}"] = item.heading, item.unit
    return shown


@lab_columns.route("/<int:mapping_id>", methods=["GET", "POST"])
@access(*CLINICAL)
def change(mapping_id: int) -> Page:
    """Change what was described; files that were taken in stay as they are."""
    row = column_mappings.get_mapping(db.session(), actor(), mapping_id)
    saved = {**_shown(read_columns(row.columns)), "sender": row.sender}
    page = _Described(row.headings, request.form if request.method == "POST" else saved)
    if request.method == "POST":
        try:
            _change(mapping_id)
            flash("Saved. It counts for the files that come from now on.", "ok")
            return redirect(url_for("lab_columns.index"))
        except Invalid as refused:
            page.faults = refused.fields
    return _page(page, file=None, cancel_url=url_for("lab_columns.index"))


def _change(mapping_id: int) -> ColumnMapping:
    with transaction() as session:
        row = column_mappings.get_mapping(session, actor(), mapping_id)
        columns, sender = _sent(row.headings), request.form.get("sender", "")
        return column_mappings.save_mapping(
            session, actor(), sender, row.headings, columns, now(), row=row
        )


@lab_columns.post("/<int:mapping_id>/delete")
@access(*CLINICAL)
def delete(mapping_id: int) -> Response:
    """Forget a description."""
    if DeleteForm().sent_and_valid():
        with transaction() as session:
            row = column_mappings.get_mapping(session, actor(), mapping_id)
            column_mappings.delete_mapping(session, actor(), row, now())
        flash("Deleted. The next spreadsheet with these headings waits for a description.", "ok")
    return redirect(url_for("lab_columns.index"))


def _page(page: _Described, *, file: ImportedFile | None, cancel_url: str) -> Page:
    terms = load_terminology()
    units = {
        item.analyte.value: [(unit, unit) for unit in item.units]
        for item in terms.analytes.values()
    }
    answer = render_template(
        "labs/describe.html",
        page=page,
        file=file,
        cancel_url=cancel_url,
        fields=FIELDS,
        analytes=[(key, name, units.get(key, ())) for key, name in choices(terms).items()],
        options=[(heading, heading) for heading in page.headings]
        if len(page.headings) <= MOST_OPTIONS
        else None,
        shown_columns=SHOWN_COLUMNS,
        shown_results=SHOWN_RESULTS,
        systems=SYSTEMS,
        date_forms=DATE_FORMS,
        decimals=DECIMALS,
    )
    return (answer, 422) if page.faults else answer
