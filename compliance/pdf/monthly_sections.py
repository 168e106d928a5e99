"""The pages after the first: figures, lists, accounts, methods, sources and the signature."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby

from reportlab.platypus import Flowable, HRFlowable, KeepTogether, Spacer, Table

from compliance.pdf.charts import sparkline
from compliance.pdf.document import section, text
from compliance.pdf.style import (
    CELL_BOLD_RIGHT,
    CELL_NOTE,
    CELL_SMALL_RIGHT,
    MUTED,
    NOTE,
    SUBHEADING,
    TEXT,
    day,
    moment,
)
from compliance.pdf.tables import Cell, Column, Group, grid
from compliance.services.report_content import Account, Indicator, MonthlyReport, Point

Rows = list[list[Cell] | Group]
_SIGN_OFF = 215.0  # its height in points


def indicators(report: MonthlyReport, width: float) -> list[Flowable]:
    """The figures of the month, grouped by the part of the job that they watch."""
    columns = [
        Column(title="No.", share=4.6, right=True),
        Column(title="Indicator", share=38),
        Column(title="Cases", share=12, right=True),
        Column(title="Share", share=9.5, right=True, style=CELL_BOLD_RIGHT),
        Column(title="95% interval", share=13, right=True),
        Column(title="Change", share=9, right=True),
        Column(title=_span(report), share=15),
    ]
    rows: Rows = []
    for area, members in groupby(report.indicators, key=lambda each: each.area):
        rows.append(Group(area.value))
        rows += [_indicator(each) for each in members]
    intro = (
        "Cases are those in order of all that were counted; a plain count has no share. The"
        " interval is Wilson's. Change is from the month before: percentage points, or cases."
    )
    return [*section("Indicators", 120, intro), grid(columns, rows, width)]


def _span(report: MonthlyReport) -> str:
    points = report.indicators[0].series if report.indicators else ()
    return f"{points[0].month.short} to {points[-1].month.short}" if points else "Trend"


def _indicator(each: Indicator) -> list[Cell]:
    title: list[Flowable] = [text(each.title, Column(title="", share=1).cell_style)]
    if each.benchmark:
        title.append(text(f"Published: {each.benchmark}", CELL_NOTE))
    whole = "" if each.denominator is None else f" / {each.denominator:,}"
    return [
        _number(each),
        title,
        f"{each.numerator:,}{whole}",
        _percent(each.percent, each.denominator),
        _interval(each.interval),
        _change(each),
        sparkline(each.series),
    ]


def _number(each: Indicator) -> str:
    return str(each.number) if each.number else "All"


def _percent(value: Decimal | None, denominator: int | None) -> str:
    if value is None:
        return "" if denominator is None else "–"
    return f"{value}%"


def _interval(bounds: tuple[Decimal, Decimal] | None) -> str:
    return f"{bounds[0]} – {bounds[1]}" if bounds else ""


def _change(each: Indicator) -> str:
    if each.change is None:
        return "–"
    if each.change == 0:
        return "±0"
    sign = "+" if each.change > 0 else "−"
    return f"{sign}{abs(each.change)}"


def exceptions(report: MonthlyReport, width: float) -> list[Flowable]:
    """Every case that was not in order, with its reason and what was done."""
    if not report.exceptions:
        return _nothing("Exceptions", "Every counted case of the month was in order.")
    columns = [
        Column(title="Local number", share=17),
        Column(title="Date", share=13),
        Column(title="Reason", share=40),
        Column(title="What was done", share=30),
    ]
    rows: Rows = []
    for requirement, group in groupby(report.exceptions, key=lambda row: row.requirement):
        members = list(group)
        rows.append(Group(f"{requirement}: {_count(len(members), 'case')}"))
        rows += [
            [row.local_id, day(row.day), row.reason, row.done or _silence()] for row in members
        ]
    intro = (
        f"{_count(len(report.exceptions), 'case')} not in order, by requirement and date."
        " One patient may appear more than once."
    )
    return [*section("Exceptions", 90, intro), grid(columns, rows, width)]


def overrides(report: MonthlyReport, width: float) -> list[Flowable]:
    """Every decision taken against the verdict."""
    title = "Overrides"
    if not report.overrides:
        return _nothing(title, "No decision of the month was taken against the verdict.")
    columns = [
        Column(title="When", share=17),
        Column(title="By", share=17),
        Column(title="Local number", share=14),
        Column(title="What blocked", share=22),
        Column(title="Reason given", share=30),
    ]
    rows: Rows = [
        [
            moment(row.at, report.time_zone),
            row.by,
            row.local_id,
            "; ".join(row.requirements) or "Not recorded",
            row.reason,
        ]
        for row in report.overrides
    ]
    intro = f"{_count(len(rows), 'decision')} taken although a prerequisite was not met."
    return [*section(title, 90, intro), grid(columns, rows, width)]


def events(report: MonthlyReport, width: float) -> list[Flowable]:
    """Pregnancies and the other events that stop treatment."""
    title = "Pregnancies and stop events"
    if not report.events:
        return _nothing(
            title, "No pregnancy, and no positive or unclear test, was recorded in the month."
        )
    columns = [
        Column(title="Local number", share=15),
        Column(title="Date", share=13),
        Column(title="Event", share=36),
        Column(title="What followed", share=36),
    ]
    rows: Rows = [
        [row.local_id, day(row.day), row.event, row.followed or _silence()] for row in report.events
    ]
    return [*section(title, 90), grid(columns, rows, width)]


def accounts(report: MonthlyReport, width: float) -> list[Flowable]:
    """Counts that must add up, and whether they do."""
    intro = "Every case that came in is in exactly one line below it; a sum that fails is said so."
    parts = section("Data quality and reconciliation", 130, intro)
    for account in report.accounts:
        parts.append(KeepTogether([_account(account, width), Spacer(1, 12)]))
    return parts


def _account(account: Account, width: float) -> Table:
    columns = [
        Column(title=account.title, share=80),
        Column(title="Number", share=20, right=True),
    ]
    rows: Rows = [[label, f"{count:,}"] for label, count in account.parts]
    label, count = account.whole
    verdict = "the parts add up to it" if account.balances else "THE PARTS DO NOT ADD UP TO IT"
    rows.append(
        [
            text(f"{label} ({verdict})", Column(title="", share=1).cell_style, bold=True),
            text(f"{count:,}", CELL_BOLD_RIGHT),
        ]
    )
    return grid(columns, rows, width)


def twelve_months(report: MonthlyReport, width: float) -> list[Flowable]:
    """The numbers behind the lines: each indicator's months."""
    if not report.indicators:
        return []
    months = [point.month for point in report.indicators[0].series]
    columns = [
        Column(title="No.", share=4, right=True, style=CELL_SMALL_RIGHT),
        *(
            Column(
                title=f"{month.short} {month.year % 100:02d}",
                share=96 / len(months),
                right=True,
                style=CELL_SMALL_RIGHT,
            )
            for month in months
        ),
    ]
    rows: Rows = [
        [_number(each), *(_point(point) for point in each.series)] for each in report.indicators
    ]
    intro = "Percentages, or cases where an indicator is a count; a dash is a month without cases."
    table = grid(columns, rows, width)
    needs = float(table.wrap(width, 10_000)[1])
    return [*section("The months in figures", min(needs, 420), intro), table]


def _point(point: Point) -> str:
    return "–" if point.value is None else str(point.value)


def methods(report: MonthlyReport, width: float) -> list[Flowable]:
    """How each figure is counted."""
    columns = [
        Column(title="No.", share=5, right=True),
        Column(title="Indicator", share=30),
        Column(title="How it is counted", share=65),
    ]
    rows: Rows = [[_number(each), each.title, each.method] for each in report.indicators]
    intro = (
        f"Counted is what had happened by {day(report.month.last)} and was recorded by"
        f" {moment(report.cut_off, report.time_zone)}. A later correction appears in a later"
        " report, never in this one. The software advises: the programme's portal and the"
        " prescriber decide."
    )
    return [*section("How it is counted", 90, intro), grid(columns, rows, width)]


def editions(report: MonthlyReport, width: float) -> list[Flowable]:
    """The editions in force in the month, and where they stand in print."""
    columns = [
        Column(title="Edition", share=16),
        Column(title="In force for this clinic", share=26),
        Column(title="Source", share=58),
    ]
    rows: Rows = [
        [row.edition, row.in_force, [text(row.citation, NOTE), text(row.href, CELL_NOTE)]]
        for row in report.editions
    ]
    intro = f"{report.programme}, {report.authority}."
    table = grid(columns, rows, width)
    needs = float(table.wrap(width, 10_000)[1]) + _SIGN_OFF  # the signature is never alone
    return [*section("Editions and sources", min(needs, 480), intro), table]


def signature(report: MonthlyReport, width: float) -> list[Flowable]:
    """The place to sign, beside the hash of what is signed."""
    digest = report.content_hash
    trail = f"Audit trail at the cut-off: {report.audit_head}" if report.audit_head else ""
    grouped = " ".join(digest[at : at + 8] for at in range(0, len(digest), 8))
    lines = [_line(label, width) for label in ("Name", "Role", "Date", "Signature")]
    statement = (
        f"I have read this report of {report.clinic} for {report.month.title} and the exceptions"
        " listed in it."
    )
    block: list[Flowable] = [
        Spacer(1, 22),
        text("Sign-off", SUBHEADING),
        Spacer(1, 4),
        text(statement, TEXT),
        Spacer(1, 8),
        *lines,
        Spacer(1, 12),
        text(f"Content SHA-256: {grouped}", NOTE),
        *([Spacer(1, 4), text(trail, NOTE)] if trail else []),
    ]
    return [KeepTogether(block)]


def _line(label: str, width: float) -> Flowable:
    rule = HRFlowable(width * 0.6, thickness=0.5, color=MUTED, hAlign="LEFT", spaceBefore=20)
    style = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("VALIGN", (0, 0), (-1, -1), "BOTTOM")]
    return Table([[text(label, NOTE), rule]], colWidths=[70, width - 70], style=style)


def _nothing(title: str, sentence: str) -> list[Flowable]:
    return [*section(title, 30), text(sentence, TEXT)]


def _silence() -> Flowable:
    return text("Nothing recorded", NOTE)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
