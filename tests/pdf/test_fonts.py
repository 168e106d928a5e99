"""The typefaces: strict, complete, and with figures that line up."""

from __future__ import annotations

import io

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from compliance.pdf.fonts import BODY, FIGURES, FIGURES_BOLD, MissingGlyph, register_fonts, writable


def test_drawing_a_missing_glyph_is_an_error_and_never_a_box():
    register_fonts()
    canvas = Canvas(io.BytesIO())
    canvas.setFont(BODY, 10)
    with pytest.raises(MissingGlyph, match="U\\+4E2D"):
        canvas.drawString(10, 10, "中")


@pytest.mark.parametrize("font", [FIGURES, FIGURES_BOLD])
def test_all_ten_digits_are_equally_wide_in_tables(font):
    register_fonts()
    assert len({pdfmetrics.stringWidth(digit, font, 10) for digit in "0123456789"}) == 1


def test_decomposed_letters_are_composed_and_thin_spaces_become_ordinary_ones():
    assert writable("e\u0301 \u202f5") == "é \u00a05"


def test_greek_and_cyrillic_letters_are_left_as_they_are():
    assert writable("Ωμέγα Ђорђе ≤ ≥ µ") == "Ωμέγα Ђорђе ≤ ≥ µ"
