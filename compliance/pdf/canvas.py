"""The canvas of every page: the one place that counts pages, and where tags will be written."""

from __future__ import annotations

import datetime as dt
from typing import Any

from reportlab.pdfgen.canvas import Canvas

from compliance.pdf.fonts import BODY, FIGURES
from compliance.pdf.style import MARGIN, MUTED

UNASKED = "Helvetica"  # what ReportLab enters into every document


class FixedStamp:
    """The time that a document bears, in the shape that ReportLab asks for."""

    def __init__(self, at: dt.datetime) -> None:
        moment = at.astimezone(dt.UTC)
        self.t = moment.timestamp()
        self.lt = moment.timetuple()
        self.YMDhms = tuple(self.lt)[:6]
        self.dhh = self.dmm = 0
        self.tzname = "UTC"


class HouseCanvas(Canvas):
    """A canvas whose page numbers know the last page.

    Each page refers to a form of its own, drawn when the number of pages is known, so that the
    document is laid out once.
    """

    _doc: Any
    _pagesize: tuple[float, float]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._numbered: list[tuple[str, float]] = []

    def bear(self, at: dt.datetime) -> None:
        """Date the document by its content instead of by the clock."""
        self._doc._timeStamp = FixedStamp(at)

    def setFont(self, psfontname: str, size: float, leading: float | None = None) -> None:
        """Choose a font; tables choose Helvetica unasked, which we do not embed."""
        super().setFont(BODY if psfontname == UNASKED else psfontname, size, leading)

    def place_page_number(self, y: float) -> None:
        """Reserve `Page x of y` at the right margin of this page."""
        name = f"page-number-{self.getPageNumber()}"
        self._numbered.append((name, y))
        self.doForm(name)

    def save(self) -> None:
        """Draw the page numbers, then write the file."""
        total = len(self._numbered)
        for number, (name, y) in enumerate(self._numbered, start=1):
            self.beginForm(name, 0, 0, *self._pagesize)
            self.setFont(FIGURES, 7.6)
            self.setFillColor(MUTED)
            self.drawRightString(self._pagesize[0] - MARGIN, y, f"Page {number} of {total}")
            self.endForm()
        self._forget_helvetica()
        super().save()

    def _forget_helvetica(self) -> None:
        name = self._doc.fontMapping.get(UNASKED, "/").removeprefix("/")
        self._doc.idToObject["BasicFonts"].dict.pop(name, None)
