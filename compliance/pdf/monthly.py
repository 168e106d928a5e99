"""The monthly compliance report on paper."""

from __future__ import annotations

from reportlab.platypus import Flowable

from compliance.pdf.document import Furniture, Printed, build
from compliance.pdf.monthly_cover import cover
from compliance.pdf.monthly_sections import (
    accounts,
    editions,
    events,
    exceptions,
    indicators,
    methods,
    overrides,
    signature,
    twelve_months,
)
from compliance.pdf.style import Paper, moment
from compliance.services.report_content import MonthlyReport

_SECTIONS = (
    cover,
    indicators,
    exceptions,
    overrides,
    events,
    accounts,
    twelve_months,
    methods,
    editions,
    signature,
)


def render(report: MonthlyReport, paper: Paper = Paper.A4) -> bytes:
    """The report as a PDF; the same report gives the same bytes."""
    return print_monthly(report, paper).content


def print_monthly(report: MonthlyReport, paper: Paper) -> Printed:
    """The report as a PDF, with its number of pages."""
    story: list[Flowable] = []
    for part in _SECTIONS:
        story += part(report, paper.text_width)
    return build(story, _furniture(report), paper)


def _furniture(report: MonthlyReport) -> Furniture:
    known = moment(report.cut_off, report.time_zone)
    editions_in_force = ", ".join(row.edition for row in report.editions) or "none"
    return Furniture(
        title=f"Monthly compliance report, {report.month.title}, {report.clinic}",
        subject=f"{report.programme}, data as known on {known}, content {report.content_hash}",
        author=report.clinic,
        language=report.language,
        at=report.cut_off,
        head_left=f"{report.clinic} · {report.month.title}",
        head_right=f"Data as known on {known}",
        foot=(
            f"{report.programme}, edition {editions_in_force} · content {report.content_hash[:16]}",
            "Advises only: the programme's portal and the prescriber decide."
            " Patients appear by local number, never by name.",
        ),
        stamp="DEMONSTRATION DATA, NOT REAL PATIENTS" if report.demonstration else "",
    )
