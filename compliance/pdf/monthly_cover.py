"""The first page: the month in one sentence, four figures, the trend, and what needs attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reportlab.graphics.shapes import Circle, Drawing, Line
from reportlab.lib.colors import white
from reportlab.platypus import Flowable, HRFlowable, KeepTogether, PageBreak, Spacer, Table

from compliance.pdf.charts import sparkline, trend_chart
from compliance.pdf.document import text
from compliance.pdf.style import (
    BRAND,
    BRAND_LINE,
    CARD_DETAIL,
    CARD_TITLE,
    CARD_VALUE,
    LEAD,
    META,
    NOTE,
    SUBHEADING,
    SUBTITLE,
    TEXT,
    TINT,
    TITLE,
    WARN,
    moment,
)
from compliance.services.report_content import Attention, KeyFigure, MonthlyReport, Trend

_SHORTEST = 6  # months
_PLAIN: list[tuple[Any, ...]] = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 0),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
]


def cover(report: MonthlyReport, width: float) -> list[Flowable]:
    """The parts of the first page, from the title down."""
    return [
        *_title(report, width),
        text(report.headline, LEAD),
        Spacer(1, 14),
        _cards(report.key_figures, width),
        Spacer(1, 18),
        *_trend(report, width),
        *_attention(report.attention, width),
        PageBreak(),
    ]


def _title(report: MonthlyReport, width: float) -> list[Flowable]:
    left = [
        text("MONTHLY COMPLIANCE REPORT", BRAND_LINE),
        Spacer(1, 3),
        text(report.clinic, TITLE),
        Spacer(1, 1),
        text(f"{report.month.title} · {report.programme}, {report.authority}", SUBTITLE),
    ]
    right = [text(line, META) for line in _meta(report)]
    table = Table([[left, right]], colWidths=[width * 0.64, width * 0.36], style=_PLAIN)
    rule = HRFlowable(width, thickness=2.2, color=BRAND, spaceBefore=12, spaceAfter=14)
    return [table, rule]


def _meta(report: MonthlyReport) -> list[str]:
    lines = [
        f"Data as known on {moment(report.cut_off, report.time_zone)}",
        *(f"Edition {row.edition}" for row in report.editions),
        f"Content {report.content_hash[:16]}",
    ]
    return [*lines, "DEMONSTRATION DATA, NOT REAL PATIENTS"] if report.demonstration else lines


def _cards(figures: Sequence[KeyFigure], width: float) -> Table:
    gap = 9.0
    each = (width - gap * (len(figures) - 1)) / max(len(figures), 1)
    cells: list[Any] = []
    widths: list[float] = []
    style: list[tuple[Any, ...]] = [*_PLAIN, ("TOPPADDING", (0, 0), (-1, -1), 9)]
    for index, figure in enumerate(figures):
        if index:
            cells.append("")
            widths.append(gap)
        at = len(cells)
        cells.append(_card(figure, each - 20))
        widths.append(each)
        style += [
            ("LEFTPADDING", (at, 0), (at, 0), 10),
            ("RIGHTPADDING", (at, 0), (at, 0), 10),
            ("BACKGROUND", (at, 0), (at, 0), TINT),
            ("LINEABOVE", (at, 0), (at, 0), 1.6, BRAND),
        ]
    tallest = max((_tall(cell, each - 20) for cell in cells if cell), default=0.0)
    return Table([cells], colWidths=widths, rowHeights=[tallest + 19], style=style)


def _card(figure: KeyFigure, width: float) -> list[Flowable]:
    return [
        text(figure.title, CARD_TITLE),
        Spacer(1, 3),
        text(figure.value, CARD_VALUE),
        Spacer(1, 2),
        text(figure.detail, CARD_DETAIL),
        Spacer(1, 6),
        sparkline(figure.series, width, 20),
    ]


def _tall(cell: Sequence[Flowable], width: float) -> float:
    return sum(float(item.wrap(width, 10_000)[1]) for item in cell)


def _trend(report: MonthlyReport, width: float) -> list[Flowable]:
    lines = _with_cases(report.trends)
    if not lines:
        return []
    months = len(lines[0].points)
    return [
        text(f"The last {months} months", SUBHEADING),
        text("Share of cases in order each month; a month without cases leaves a gap.", NOTE),
        Spacer(1, 8),
        trend_chart(lines, width, _chart_height(len(report.attention))),
        Spacer(1, 16),
    ]


def _chart_height(items: int) -> float:
    """As tall as what needs attention leaves room for on the first page."""
    return max(140.0, min(340.0 - 31.0 * items, 200.0))


def _with_cases(lines: Sequence[Trend]) -> list[Trend]:
    """The lines without the months before the first case, but half a year at least."""
    begun = [
        index
        for line in lines
        for index, point in enumerate(line.points)
        if point.percent is not None
    ]
    if not begun:
        return []
    first = max(min(min(begun), len(lines[0].points) - _SHORTEST), 0)
    return [replace(line, points=line.points[first:]) for line in lines]


def _attention(items: Sequence[Attention], width: float) -> list[Flowable]:
    if not items:
        rows: list[list[Any]] = [
            [_tick(), text("Nothing in this month's figures asks for action.", TEXT)]
        ]
    else:
        rows = [
            [_warning(), [text(item.title, TEXT, bold=True), text(item.detail, NOTE)]]
            for item in items
        ]
    style = [*_PLAIN, ("BOTTOMPADDING", (0, 0), (-1, -1), 6)]
    table = Table(rows, colWidths=[20, width - 20], style=style)
    head = [text("What needs attention", SUBHEADING), Spacer(1, 6)]
    return [KeepTogether([*head, table])]


def _warning() -> Drawing:
    drawing = Drawing(12, 13)
    drawing.add(Circle(6, 6, 5.4, fillColor=white, strokeColor=WARN, strokeWidth=1.2))
    drawing.add(Line(6, 5, 6, 9.2, strokeColor=WARN, strokeWidth=1.4))
    drawing.add(Circle(6, 2.9, 0.8, fillColor=WARN, strokeColor=None))
    return drawing


def _tick() -> Drawing:
    drawing = Drawing(12, 13)
    drawing.add(Circle(6, 6, 5.4, fillColor=white, strokeColor=BRAND, strokeWidth=1.2))
    drawing.add(Line(3.4, 6, 5.3, 4, strokeColor=BRAND, strokeWidth=1.4))
    drawing.add(Line(5.3, 4, 8.8, 8.2, strokeColor=BRAND, strokeWidth=1.4))
    return drawing
