"""Monthly reports: make one, see which there are, take one home."""

from __future__ import annotations

import io

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField

from compliance.db import db, transaction
from compliance.models import Clinic
from compliance.pdf.monthly import print_monthly
from compliance.pdf.style import Paper
from compliance.services import audit
from compliance.services import reports as service
from compliance.services.report_content import Month, MonthlyReport
from compliance.web.clock import now
from compliance.web.forms import CHOOSE, PageForm
from compliance.web.security import OVERSIGHT, access, actor, clinic

reports = Blueprint("reports", __name__, url_prefix="/reports")

MONTHS_OFFERED = 24


class MonthForm(PageForm):
    """Which month to report on."""

    month = SelectField("Month", [CHOOSE])


def printer(report: MonthlyReport, paper: str) -> service.Printout:
    """The report on the clinic's paper."""
    return print_monthly(report, Paper(paper))


@reports.get("")
@access(*OVERSIGHT)
def index() -> str:
    """The clinic's reports, and the form that makes another."""
    return _page(_form())


@reports.post("")
@access(*OVERSIGHT)
def make() -> str | Response | tuple[str, int]:
    """Make the report of a month as known now, and keep it."""
    form = _form()
    if not form.validate():  # type: ignore[no-untyped-call]
        return _page(form), 422
    with transaction() as session:
        row = service.make_monthly_report(
            session,
            actor(),
            session.get(Clinic, clinic().id),
            Month.parse(form.month.data),
            now(),
            printer=printer,
        )
        pages = row.pages
    flash(f"The report of {Month.parse(form.month.data).title} is made: {pages} pages.", "ok")
    return redirect(url_for("reports.index"))


@reports.get("/<public_id>.pdf")
@access(*OVERSIGHT)
def download(public_id: str) -> Response:
    """The bytes of a report as they were made; the audit trail says who took them."""
    row = service.get_report(db.session(), actor(), public_id)
    name = f"monthly-report-{clinic().code}-{Month.of(row.month)}.pdf"
    content, clinic_id = row.content, row.clinic_id
    with transaction() as session:
        audit.record(
            session, actor(), "report.downloaded", "report", public_id, now(), clinic_id=clinic_id
        )
    return send_file(
        io.BytesIO(content), mimetype="application/pdf", as_attachment=True, download_name=name
    )


def _form() -> MonthForm:
    form = MonthForm()
    last = service.last_ended_month(clinic(), now())
    months = [last.back(index) for index in range(MONTHS_OFFERED)]
    form.month.choices = [(str(month), month.title) for month in months]
    if request.method == "GET":
        form.month.data = str(last)
    return form


def _page(form: MonthForm) -> str:
    rows = service.reports_of(db.session(), clinic())
    return render_template("reports/index.html", form=form, reports=rows)
