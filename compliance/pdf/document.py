"""One document: frames, running head and foot, metadata; bytes depend on the content alone."""

from __future__ import annotations

import datetime as dt
import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
)

from compliance.pdf.canvas import HouseCanvas
from compliance.pdf.fonts import BODY, BOLD, register_fonts, writable
from compliance.pdf.style import BRAND, FOOT, HEAD, HEADING, LINE, MARGIN, MUTED, NOTE, TEXT, Paper

# ReportLab reads glyphs with a cursor on the shared font: two threads must not draw at once.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """What every page bears: `at` is the aware instant that the document is dated by."""

    title: str
    subject: str
    author: str
    language: str
    at: dt.datetime
    head_left: str
    head_right: str
    foot: tuple[str, ...]
    stamp: str = ""


class Section(Paragraph):
    """A heading that also stands in the outline of the document."""

    def draw(self) -> None:
        """Draw it and file it in the outline."""
        title = self.getPlainText(identify=True)
        key = f"section-{self.canv.getPageNumber()}-{title}"
        self.canv.bookmarkHorizontal(key, 0, self.height + 12)
        self.canv.addOutlineEntry(title, key, 0, 0)
        super().draw()


def text(value: str, style: Any = TEXT, *, bold: bool = False) -> Paragraph:
    """A paragraph of plain text: nothing in it is markup, everything in it can be drawn."""
    safe = escape(writable(value))
    return Paragraph(f"<b>{safe}</b>" if bold else safe, style)


def section(title: str, needs: float, intro: str = "") -> list[Flowable]:
    """A heading and its introduction, on a page with at least `needs` points left below them."""
    parts: list[Flowable] = [
        CondPageBreak(needs + 60),
        Section(escape(writable(title)), HEADING),
    ]
    return [*parts, text(intro, NOTE), Spacer(1, 7)] if intro else [*parts, Spacer(1, 4)]


@dataclass(frozen=True, slots=True)
class Printed:
    """A finished PDF and its number of pages."""

    content: bytes
    pages: int


def build(story: Sequence[Flowable], furniture: Furniture, paper: Paper) -> Printed:
    """Lay the story out; the same story gives the same bytes."""
    with _one_at_a_time:
        register_fonts()
        buffer = io.BytesIO()
        document = _document(buffer, furniture, paper)
        document.build(list(story), canvasmaker=HouseCanvas)
        return Printed(buffer.getvalue(), int(document.page))


class _Document(BaseDocTemplate):
    """A document dated by its furniture."""

    at: dt.datetime

    def _makeCanvas(self, *args: Any, **kwargs: Any) -> Any:
        canvas = super()._makeCanvas(*args, **kwargs)  # type: ignore[misc]
        canvas.bear(self.at)
        return canvas


def _document(buffer: io.BytesIO, furniture: Furniture, paper: Paper) -> _Document:
    document = _Document(
        buffer,
        pagesize=paper.size,
        invariant=1,
        pageCompression=1,
        lang=furniture.language,
        displayDocTitle=True,
        initialFontName=BODY,
        title=furniture.title,
        subject=furniture.subject,
        author=furniture.author,
        creator="Isotretinoin compliance",
    )
    document.at = furniture.at
    document.addPageTemplates(_templates(furniture, paper))
    return document


def _templates(furniture: Furniture, paper: Paper) -> list[PageTemplate]:
    width, height = paper.size

    def frame(top: float) -> Frame:
        tall = height - top - FOOT - 22
        return Frame(MARGIN, FOOT + 14, width - 2 * MARGIN, tall, 0, 0, 0, 0)

    def first(canvas: Any, _document: Any) -> None:
        _draw_foot(canvas, furniture, paper)

    def later(canvas: Any, _document: Any) -> None:
        _draw_head(canvas, furniture, paper)
        _draw_foot(canvas, furniture, paper)

    return [
        PageTemplate("first", [frame(30)], onPage=first, autoNextPageTemplate="later"),
        PageTemplate("later", [frame(HEAD + 18)], onPage=later),
    ]


def _draw_head(canvas: HouseCanvas, furniture: Furniture, paper: Paper) -> None:
    width, height = paper.size
    y, right = height - HEAD, width - MARGIN
    canvas.setFillColor(MUTED)
    canvas.setFont(BODY, 7.6)
    canvas.drawRightString(right, y, writable(furniture.head_right))
    room = right - MARGIN - _wide(furniture.head_right, BODY) - 16
    if furniture.stamp:
        room -= _wide(furniture.stamp, BOLD) + 16
    left = _fitted(furniture.head_left, BOLD, room)
    canvas.setFont(BOLD, 7.6)
    canvas.setFillColor(BRAND)
    canvas.drawString(MARGIN, y, left)
    if furniture.stamp:
        canvas.setFillColor(MUTED)
        canvas.drawString(MARGIN + _wide(left, BOLD) + 16, y, writable(furniture.stamp))
    _rule(canvas, y - 6, paper)


def _draw_foot(canvas: HouseCanvas, furniture: Furniture, paper: Paper) -> None:
    _rule(canvas, FOOT, paper)
    canvas.setFillColor(MUTED)
    canvas.setFont(BODY, 7)
    room = paper.text_width - 70
    for line, words in enumerate(furniture.foot):
        canvas.drawString(MARGIN, FOOT - 11 - 9.5 * line, _fitted(words, BODY, room, 7))
    canvas.place_page_number(FOOT - 11)


def _rule(canvas: HouseCanvas, y: float, paper: Paper) -> None:
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.6)
    canvas.line(MARGIN, y, paper.size[0] - MARGIN, y)


def _wide(words: str, font: str, size: float = 7.6) -> float:
    return float(pdfmetrics.stringWidth(writable(words), font, size))


def _fitted(words: str, font: str, room: float, size: float = 7.6) -> str:
    """The words, shortened with an ellipsis if they are wider than the room."""
    drawn = writable(words)
    if _wide(drawn, font, size) <= room:
        return drawn
    while drawn and _wide(drawn + "…", font, size) > room:
        drawn = drawn[:-1]
    return drawn.rstrip() + "…"
