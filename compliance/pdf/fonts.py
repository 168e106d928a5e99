"""The embedded typefaces: FiraGO in four cuts and with table figures; no glyph, no drawing."""

from __future__ import annotations

import io
import struct
import unicodedata
from functools import cache
from typing import Any

import pymupdf_fonts
from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

BODY = "House"
BOLD = "House-Bold"
ITALIC = "House-Italic"
BOLD_ITALIC = "House-BoldItalic"
FIGURES = "House-Figures"
FIGURES_BOLD = "House-FiguresBold"

_CUTS = {
    BODY: ("figo", False),
    BOLD: ("figbo", False),
    ITALIC: ("figit", False),
    BOLD_ITALIC: ("figbi", False),
    FIGURES: ("figo", True),
    FIGURES_BOLD: ("figbo", True),
}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LAYOUT = {" ", "\n", "\t", "\r", "\u00a0"}
_ALIKE = str.maketrans({"\u202f": "\u00a0", "\u2009": "\u00a0", "\u2007": "\u00a0", "\t": " "})


class MissingGlyph(ValueError):
    """A character that the typeface cannot draw; it would have become a box."""


class StrictFont(TTFont):
    """A TrueType font that refuses to draw what it has no glyph for."""

    def splitString(self, text: Any, doc: Any, encoding: str = "utf-8") -> Any:
        """The subsets that draw the text; raises MissingGlyph."""
        drawn = text.decode(encoding) if isinstance(text, bytes) else text
        for char in drawn:
            if char not in _LAYOUT and ord(char) not in self.face.charToGlyph:
                raise MissingGlyph(
                    f"{self.fontName} has no glyph for U+{ord(char):04X} in {drawn!r}"
                )
        return super().splitString(text, doc, encoding)


@cache
def register_fonts() -> None:
    """Load the cuts once and tell ReportLab about them."""
    for name, (cut, table_figures) in _CUTS.items():
        data: bytes = pymupdf_fonts.myfont(cut)  # type: ignore[no-untyped-call]
        font = StrictFont(name, io.BytesIO(data), asciiReadable=False)
        if table_figures:
            _use_table_figures(font, data)
        pdfmetrics.registerFont(font)
    addMapping(BODY, 0, 0, BODY)
    addMapping(BODY, 1, 0, BOLD)
    addMapping(BODY, 0, 1, ITALIC)
    addMapping(BODY, 1, 1, BOLD_ITALIC)
    addMapping(FIGURES, 0, 0, FIGURES)
    addMapping(FIGURES, 1, 0, FIGURES_BOLD)


def writable(text: str) -> str:
    """Text that the typeface can draw: composed, and what has no glyph spelled as [U+1F44D].

    Typed text may hold anything; it must neither stop a report nor lose a character.
    """
    register_fonts()
    body: Any = pdfmetrics.getFont(BODY)
    known = body.face.charToGlyph
    composed = unicodedata.normalize("NFC", text).translate(_ALIKE)
    return "".join(
        char if ord(char) in known or char in _LAYOUT else f"[U+{ord(char):04X}]"
        for char in composed
    )


def _use_table_figures(font: StrictFont, data: bytes) -> None:
    """Give the ten digits their equally wide forms, so that columns of numbers line up."""
    glyphs = _glyphs_by_name(data)
    face = font.face
    face.name += b"-Figures"  # ReportLab shares one face among fonts of the same name
    for digit, name in enumerate(_DIGITS):
        glyph, code = glyphs[f"{name}.tf"], ord("0") + digit
        face.charToGlyph[code] = glyph
        face.charWidths[code] = round(face.hmetrics[glyph][0] * 1000 / face.unitsPerEm)


def _glyphs_by_name(data: bytes) -> dict[str, int]:
    """The names in a version 2 `post` table, with the glyph that each stands for."""
    (count,) = struct.unpack_from(">H", data, 4)
    rows = (struct.unpack_from(">4s3L", data, 12 + 16 * row) for row in range(count))
    start, length = next((row[2], row[3]) for row in rows if row[0] == b"post")
    table = data[start : start + length]
    (glyphs,) = struct.unpack_from(">H", table, 32)
    indexes = struct.unpack_from(f">{glyphs}H", table, 34)
    names, at = [], 34 + 2 * glyphs
    while at < len(table):
        names.append(table[at + 1 : at + 1 + table[at]].decode("latin-1"))
        at += 1 + table[at]
    standard = 258  # indexes below this are the names that every Macintosh font shares
    return {names[i - standard]: glyph for glyph, i in enumerate(indexes) if i >= standard}
