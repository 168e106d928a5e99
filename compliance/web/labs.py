"""Laboratory results: files in, the account of each, and the queue of what waits for a person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Redirect

from compliance.db import db, transaction
from compliance.interop.formats import read_file
from compliance.models import ImportedFile, ImportedMessage, ImportedResult, Patient, Role
from compliance.rules.facts import Fact
from compliance.rules.terminology import load_terminology
from compliance.services import audit, held
from compliance.services.column_mappings import layouts
from compliance.services.errors import DomainError, Invalid
from compliance.services.filing import proposed
from compliance.services.held import Decision
from compliance.services.intake import Account, receive
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import PageForm
from compliance.web.held_acts import DismissManyForm, HeldRow, choices_about
from compliance.web.lab_columns import waits_for_columns
from compliance.web.lab_forms import ClickForm, DismissForm, ReadingForm, UploadForm
from compliance.web.security import CLINICAL, access, actor, clinic

labs = Blueprint("labs", __name__, url_prefix="/labs")

READERS = (*CLINICAL, Role.MANAGER)
ENDINGS = {"hl7v2": "hl7", "fhir": "json", "csv": "csv", "xlsx": "xlsx"}
PER_PAGE = 25  # messages of a file
SHOWN = 30_000  # characters of a file on its page; the download has all of it

PER_PAGE = 25  # held results: a page stays small

Page = str | Redirect | tuple[str, int]


@labs.get("")
@access(*READERS)
def index() -> str:
    """What came in, newest first, each with its account."""
    query = (
        select(ImportedFile)
        .where(ImportedFile.clinic_id == clinic().id)
        .order_by(ImportedFile.id.desc())
    )
    page = db.paginate(query, per_page=50, error_out=False)
    return render_template(
        "labs/index.html",
        page=page,
        held=held.count_held(db.session(), actor()),
        form=UploadForm() if actor().role in CLINICAL else None,
    )


@labs.post("")
@access(*CLINICAL)
def upload() -> Page:
    """Take files in, each in a transaction of its own."""
    form = UploadForm()
    sent = [item for item in request.files.getlist("files") if item.filename]
    if not form.sent_and_valid() or not sent:
        flash("Choose at least one file.", "warn")
        return redirect(url_for("labs.index"))
    accounts = [_take(item) for item in sent]
    for account in accounts:
        flash(_said(account), "warn" if account.error or account.held else "ok")
    if len(accounts) == 1:
        return redirect(_page_of(accounts[0]))
    return redirect(url_for("labs.index"))


def _page_of(account: Account) -> str:
    file = held.get_file(db.session(), actor(), account.public_id)
    page = "lab_columns.describe" if waits_for_columns(file) else "labs.show"
    return url_for(page, public_id=account.public_id)


def _take(item: FileStorage) -> Account:
    content = item.read()
    with transaction() as session:
        name = item.filename or "unnamed"
        parsed = read_file(content, layouts(session, clinic()))
        return receive(session, actor(), clinic(), name, content, parsed, now())


def _said(account: Account) -> str:
    if account.is_repeat:
        return f"{account.file} was received before; nothing changed."
    counts = (
        f"{account.file}: {account.received} received = {account.filed} filed + {account.held} held"
        f" + {account.rejected} rejected + {account.ignored} ignored."
    )
    return f"{counts} {account.error}" if account.error else counts


@labs.get("/files/<public_id>")
@access(*READERS)
def show(public_id: str) -> str:
    """One file: every result with what became of it and why, and the file as it came."""
    file = held.get_file(db.session(), actor(), public_id)
    file = _logged(file.id, f"lab file {public_id}")
    text = file.content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    messages = [item for item in file.messages if item.results or item.error]
    pages = max(1, -(-len(messages) // PER_PAGE))
    number = min(max(1, request.args.get("page", 1, type=int)), pages)
    return render_template(
        "labs/file.html",
        file=file,
        messages=messages[(number - 1) * PER_PAGE : number * PER_PAGE],
        page=number,
        pages=pages,
        text=text[:SHOWN],
        is_cut=len(text) > SHOWN,
        readable=actor().role in CLINICAL,
        waits=waits_for_columns(file),
    )


def _logged(file_id: int, page: str) -> ImportedFile:
    """The file with its results; whose results are shown is written down first."""
    query = (
        select(ImportedFile)
        .where(ImportedFile.id == file_id)
        .options(
            selectinload(ImportedFile.messages)
            .selectinload(ImportedMessage.results)
            .selectinload(ImportedResult.patient)
        )
    )
    with transaction() as session:
        file = session.scalars(query).one()
        results = [result for message in file.messages for result in message.results]
        _log(session, [result.patient for result in results], page)
    found: ImportedFile = db.session.scalars(query).one()
    return found


def _log(session: Any, people: list[Patient | None], page: str) -> None:
    for patient in {item.id: item for item in people if item is not None}.values():
        audit.log_access(session, actor(), patient, page, now())


@labs.get("/files/<public_id>/original")
@access(*CLINICAL)
def original(public_id: str) -> Response:
    """The file byte for byte, to keep or to send back to the laboratory."""
    file = held.get_file(db.session(), actor(), public_id)
    file = _logged(file.id, f"lab file {public_id}")
    answer = Response(file.content, mimetype="application/octet-stream")
    name = f"{file.sha256[:12]}.{ENDINGS.get(file.format, 'txt')}"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@labs.get("/held")
@access(*READERS)
def queue() -> str:
    """What waits for a person: what, why, since when, whose it may be."""
    count = held.count_held(db.session(), actor())
    pages = max(1, -(-count // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    asked = (PER_PAGE, (page - 1) * PER_PAGE)
    with transaction() as session:
        rows = held.held_results(session, actor(), *asked)
        _log(session, [row.patient or row.suggested_patient for row in rows], "held results")
    rows = held.held_results(db.session(), actor(), *asked)
    return render_template(
        "labs/held.html",
        rows=[HeldRow.of(db.session(), row) for row in rows],
        count=count,
        page=page,
        pages=pages,
        form=DismissManyForm() if actor().role in CLINICAL else None,
    )


@labs.post("/held/<public_id>/file")
@access(*CLINICAL)
def file_one(public_id: str) -> Page:
    """One click: file it as it was sent, to the patient shown."""
    form = ClickForm()

    def act() -> None:
        with transaction() as session:
            row = held.get_result(session, actor(), public_id)
            patient = _patient(session, public_id=form.patient.data)
            held.resolve_held(session, actor(), row, Decision.FILE, now(), patient=patient)

    return _clicked(form, act, "Filed. The patient's answer is the new one.", public_id)


@labs.post("/held/<public_id>/identify")
@access(*CLINICAL)
def identify(public_id: str) -> Page:
    """One click: the message is this patient's, now and from now on."""
    form = ClickForm()

    def act() -> None:
        with transaction() as session:
            row = held.get_result(session, actor(), public_id)
            patient = _patient(session, public_id=form.patient.data)
            held.identify(session, actor(), row.message, patient, now(), remember=True)

    return _clicked(form, act, "The results of this message are the patient's.", public_id)


def _clicked(form: PageForm, act: Any, said: str, public_id: str) -> Page:
    try:
        done = accepted(form, act)
    except DomainError as error:
        flash(str(error), "warn")
        return redirect(url_for("labs.queue"))
    if done:
        flash(said, "ok")
        return redirect(url_for("labs.queue"))
    for sentence in form.form_errors:
        flash(str(sentence), "warn")
    return redirect(url_for("labs.resolve", public_id=public_id))


@labs.route("/held/<public_id>", methods=["GET", "POST"])
@access(*CLINICAL)
def resolve(public_id: str) -> Page:
    """One held result: file it to somebody, as sent or as read, or dismiss it with a reason."""
    dismissing = request.method == "POST" and "reason" in request.form
    reading, dismissal = ReadingForm(), DismissForm()
    reading.unit.choices = [("", "–"), *((unit, unit) for unit in _units())]
    form: PageForm = dismissal if dismissing else reading
    if request.method == "POST":
        act = (lambda: _dismiss(public_id, dismissal)) if dismissing else (
            lambda: _file(public_id, reading)
        )  # fmt: skip
        if accepted(form, act):
            flash(
                "Dismissed." if dismissing else "Filed. The patient's answer is the new one.", "ok"
            )
            return redirect(url_for("labs.queue"))
    with transaction() as session:
        row = held.get_result(session, actor(), public_id)
        _log(session, [row.patient or row.suggested_patient], f"held result {public_id}")
    row = held.get_result(db.session(), actor(), public_id)
    _offer(reading, row)
    page = render_template(
        "labs/resolve.html",
        row=row,
        fact=proposed(row),
        reading=reading,
        dismissal=dismissal,
        form=form,
        is_statement=_is_statement(row),
        cancel_url=url_for("labs.queue"),
        **choices_about(db.session(), row),
    )
    return (page, 422) if request.method == "POST" else page


def _offer(form: ReadingForm, row: ImportedResult) -> None:
    """Fill in whom the numbers or the name suggest, and what was measured."""
    if request.method != "GET":
        return
    person = row.patient or row.suggested_patient
    form.mrn.data = person.mrn if person else ""
    form.analyte.data = row.analyte or ""
    fact = proposed(row)
    form.collected.data = fact.day if isinstance(fact, Fact) else None


def _is_statement(row: ImportedResult) -> bool:
    codes = load_terminology().pregnancy.statement_codes
    return row.field != "OBX-3" or row.code in codes


def _units() -> list[str]:
    terms = load_terminology()
    units = (unit for item in terms.analytes.values() for unit in item.units)
    return list(dict.fromkeys(units))


def _dismiss(public_id: str, form: DismissForm) -> None:
    with transaction() as session:
        row = held.get_result(session, actor(), public_id)
        held.resolve_held(
            session, actor(), row, Decision.DISMISS, now(), reason=form.reason.data or ""
        )


def _file(public_id: str, form: ReadingForm) -> None:
    with transaction() as session:
        held.resolve_held(
            session,
            actor(),
            held.get_result(session, actor(), public_id),
            Decision.FILE,
            now(),
            patient=_patient(session, mrn=form.mrn.data or ""),
            fact=form.fact(),
            reason=form.note.data or "",
        )


def _patient(session: Any, *, mrn: str = "", public_id: str = "") -> Patient:
    query = select(Patient).where(Patient.clinic_id == clinic().id)
    query = query.where(Patient.public_id == public_id if public_id else Patient.mrn == mrn.strip())
    found: Patient | None = session.scalar(query)
    if found is None:
        raise Invalid({"mrn": f"Found {mrn.strip()!r}; no patient of this clinic has that number."})
    return found
