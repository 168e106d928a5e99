"""The house style: colours that survive grey-scale, paragraph styles, spaces, readable dates."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4 as _A4
from reportlab.lib.pagesizes import LETTER as _LETTER
from reportlab.lib.styles import ParagraphStyle

from compliance.pdf.fonts import BODY, BOLD, FIGURES, FIGURES_BOLD
from compliance.rules.terms import Term

INK = HexColor("#17252b")
MUTED = HexColor("#51626a")
BRAND = HexColor("#0b6e69")
LINE = HexColor("#d3dcde")
TINT = HexColor("#eef5f4")
WARN = HexColor("#8a3b12")

MARGIN = 48.0
HEAD = 40.0
FOOT = 46.0


class Paper(Term):
    """The sheet that a report is laid out for."""

    A4 = "a4"
    LETTER = "letter"

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points."""
        width, height = _A4 if self is Paper.A4 else _LETTER
        return float(width), float(height)

    @property
    def text_width(self) -> float:
        """The width between the margins in points."""
        return self.size[0] - 2 * MARGIN


def _style(name: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    settings: dict[str, Any] = {
        "fontName": BODY,
        "textColor": INK,
        "splitLongWords": 1,
        "alignment": TA_LEFT,
    }
    return ParagraphStyle(name, fontSize=size, leading=leading, **{**settings, **more})


BRAND_LINE = _style("brand line", 8, 11, fontName=BOLD, textColor=BRAND)
TITLE = _style("title", 21, 26, fontName=BOLD)
SUBTITLE = _style("subtitle", 11, 15, textColor=MUTED)
LEAD = _style("lead", 12.5, 18)
HEADING = _style("heading", 13.5, 17, fontName=BOLD, spaceBefore=18, spaceAfter=3)
SUBHEADING = _style("subheading", 9.5, 13, fontName=BOLD)
TEXT = _style("text", 9, 13.5)
NOTE = _style("note", 8, 11.5, textColor=MUTED)
CELL = _style("cell", 8.2, 11)
CELL_BOLD = _style("cell bold", 8.2, 11, fontName=BOLD)
CELL_NOTE = _style("cell note", 7.2, 9.4, textColor=MUTED)
CELL_RIGHT = _style("cell right", 8.2, 11, fontName=FIGURES, alignment=TA_RIGHT)
CELL_SMALL_RIGHT = _style("cell small right", 7, 10, fontName=FIGURES, alignment=TA_RIGHT)
CELL_BOLD_RIGHT = _style("cell bold right", 8.2, 11, fontName=FIGURES_BOLD, alignment=TA_RIGHT)
COLUMN = _style("column head", 7.4, 9.6, fontName=BOLD, textColor=MUTED)
COLUMN_RIGHT = _style(
    "column head right", 7.4, 9.6, fontName=BOLD, textColor=MUTED, alignment=TA_RIGHT
)
GROUP = _style("group", 8.2, 11, fontName=BOLD, textColor=BRAND)
CARD_TITLE = _style("card title", 8, 10.5, fontName=BOLD, textColor=MUTED)
CARD_VALUE = _style("card value", 21, 25, fontName=BOLD)
CARD_DETAIL = _style("card detail", 7.6, 10, textColor=MUTED)
META = _style("meta", 7.6, 10.6, textColor=MUTED, alignment=TA_RIGHT)


def day(value: dt.date) -> str:
    """A day as people read it: `2 Apr 2026`."""
    return f"{value.day} {value:%b} {value.year}"


def moment(value: dt.datetime, time_zone: str) -> str:
    """An instant on the clinic's clock: `2 Apr 2026, 23:59 EDT`."""
    local = value.astimezone(ZoneInfo(time_zone))
    return f"{day(local.date())}, {local:%H:%M %Z}"
