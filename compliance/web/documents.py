"""Documents of a patient: taken in, handed out as downloads, withdrawn with a reason."""

from __future__ import annotations

import io

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response
from wtforms import FileField, StringField

from compliance.db import db, transaction
from compliance.services import audit, patients
from compliance.services import documents as services
from compliance.services.errors import Invalid
from compliance.services.evidence import local_date
from compliance.services.withdrawal import withdraw_entry
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import NEEDED, PageForm, WithdrawForm
from compliance.web.patient_view import open_record
from compliance.web.security import CLINICAL, access, actor

documents = Blueprint("documents", __name__, url_prefix="/patients/<public_id>/documents")

Page = str | Response | tuple[str, int]
ALONE = "default-src 'none'; sandbox; frame-ancestors 'none'"  # should a browser open it after all


class DocumentForm(PageForm):
    """A file and what it is."""

    title = StringField("What it is", [NEEDED], description="Such as “Signed enrolment form”.")
    file = FileField("File", description="PDF, PNG, JPEG or plain text, up to 10 MB.")


@documents.route("", methods=["GET", "POST"])
@access(*CLINICAL)
def index(public_id: str) -> Page:
    """All documents of a patient, newest first, and the form for another one."""
    form, repeated = DocumentForm(), list[bool]()
    if request.method == "POST" and accepted(form, lambda: repeated.append(_add(public_id, form))):
        if repeated[0]:
            flash(
                "The same file stands in the record of another patient of this clinic. Check that"
                " it belongs here.",
                "warn",
            )
        return _back(public_id, "The document is kept.")
    patient = open_record(public_id, "documents")
    page = render_template(
        "patients/documents.html",
        form=form,
        patient=patient,
        page=db.paginate(services.documents_of(patient), per_page=30, error_out=False),
        today=local_date(patient.clinic, now()),
    )
    return (page, 422) if request.method == "POST" else page


def _add(public_id: str, form: DocumentForm) -> bool:
    """Keep the file; returns whether another patient has the same one."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid({"file": "Choose a file."})
    content = sent.read()
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        title = form.title.data or ""
        row = services.add_document(session, actor(), patient, title, sent.filename, content, now())
        return services.elsewhere(session, row)


@documents.get("/<document_id>")
@access(*CLINICAL)
def download(public_id: str, document_id: str) -> Response:
    """One document as a download; the look is logged."""
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        row = services.get_document(session, patient, document_id)
        audit.log_access(session, actor(), patient, f"document {row.public_id}", now())
        content, media_type, name = row.content, row.media_type, row.file_name
    answer = send_file(io.BytesIO(content), media_type, as_attachment=True, download_name=name)
    answer.headers["Content-Security-Policy"] = ALONE
    return answer


@documents.route("/<document_id>/withdraw", methods=["GET", "POST"])
@access(*CLINICAL)
def withdraw(public_id: str, document_id: str) -> Page:
    """Withdraw a document added in error, with its reason."""
    form = WithdrawForm()
    if request.method == "POST" and accepted(form, lambda: _withdraw(public_id, document_id, form)):
        return _back(public_id, "The document is withdrawn. It stays listed, with the reason.")
    patient = open_record(public_id, "form: withdraw document")
    row = services.get_document(db.session(), patient, document_id)
    page = render_template(
        "patients/withdraw.html",
        form=form,
        patient=patient,
        what="document",
        said=[("Document", row.title), ("File", row.file_name), ("Added", row.at), ("By", row.by)],
        today=local_date(patient.clinic, now()),
        cancel_url=url_for("documents.index", public_id=public_id),
    )
    return (page, 422) if request.method == "POST" else page


def _withdraw(public_id: str, document_id: str, form: WithdrawForm) -> None:
    with transaction() as session:
        patient = patients.get_patient(session, actor(), public_id)
        row = services.get_document(session, patient, document_id)
        withdraw_entry(session, actor(), row, form.reason.data or "", now())


def _back(public_id: str, said: str) -> Response:
    flash(said, "ok")
    return redirect(url_for("documents.index", public_id=public_id))
