"""A spreadsheet, CSV or XLSX, as headings and rows of exact text; a fault is one sentence."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree.ElementTree import Element, ParseError, iterparse

from compliance.services.errors import Invalid
from compliance.services.onboarding_files import (
    SEP_LINE,
    decoded,
    name_headings,
    separator_of,
    weigh,
)

MOST_BYTES = 20 * 1024 * 1024
MOST_ROWS = 50_000
MOST_COLUMNS = 250
LONGEST_CELL = 4_000  # characters
WORKBOOK, OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_NO_HEADING = re.compile(
    r"[+-]?[0-9]+(?:[.,][0-9]+)*\Z|[0-9]{4}-[0-9]{2}-[0-9]{2}\b|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]+"
)
_EXACT_DIGITS = 15  # what a workbook keeps of a number; more are how it writes the nearest one
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LETTERS = re.compile(r"[A-Z]{1,3}")


class Unreadable(Exception):
    """Why a file is no table that can be read, as a sentence."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row that says something, with its number in the file."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableFile:
    """The headings, each once, and the rows beneath; `doubled` stand there more than once."""

    format: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    doubled: frozenset[str] = field(default_factory=frozenset)
    note: str = ""


def looks_like_table(content: bytes) -> bool:
    """Whether the bytes are a workbook, or text whose first line has more than one column."""
    if content.startswith((WORKBOOK, OLD_WORKBOOK)):
        return True
    try:
        text, _ = decoded(_first_line(content))
        return len(next(csv.reader([text], delimiter=separator_of(text)), [])) > 1
    except (Invalid, csv.Error, ValueError):
        return False


def _first_line(content: bytes) -> bytes:
    """The first line that says something, or as much of it as a heading can have."""
    begin = content[:65_536]
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        wide = begin[: len(begin) // 2 * 2].decode("utf-16", "replace").lstrip()
        return wide.partition("\n")[0].encode()
    return begin.lstrip(b"\xef\xbb\xbf \r\n").replace(b"\r", b"\n").partition(b"\n")[0]


def read_table(content: bytes) -> TableFile:
    """The table in a file; raises Unreadable with what was found and what is allowed."""
    if len(content) > MOST_BYTES:
        raise Unreadable(
            f"The spreadsheet has {len(content):,} bytes; allowed are {MOST_BYTES:,}. Split it."
        )
    try:
        if content.startswith(OLD_WORKBOOK):
            raise Unreadable("This is an old .xls file; save it as .xlsx or .csv.")
        return _workbook(content) if content.startswith(WORKBOOK) else _text(content)
    except Invalid as refused:
        raise Unreadable(next(iter(refused.fields.values()))) from None


# --- CSV ------------------------------------------------------------------------------------------


def _text(content: bytes) -> TableFile:
    text, encoding = decoded(content)
    if "\x00" in text:
        raise Unreadable("The file holds NUL bytes, which are no text; allowed are CSV and XLSX.")
    named = SEP_LINE.match(text)
    text = text[named.end() :] if named else text
    note = "" if encoding.startswith("UTF") else (
        f"The file is not UTF-8; its letters were read as {encoding}."
    )  # fmt: skip
    try:
        mark = named.group(1) if named else separator_of(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        return _table("csv", _numbered(reader, 1 if named else 0), note)
    except (csv.Error, ValueError, TypeError) as error:  # the last two: an impossible separator
        raise Unreadable(f"The file cannot be read as CSV ({error}).") from None


def _numbered(reader: Any, before: int) -> Iterator[Row]:
    """Each row with the line on which it begins."""
    begins = before + 1
    for cells in reader:
        yield Row(begins, tuple(cell.strip() for cell in cells))
        begins = before + reader.line_num + 1


# --- XLSX -----------------------------------------------------------------------------------------


def _workbook(content: bytes) -> TableFile:
    weigh(content)
    from openpyxl.reader.excel import load_workbook  # on first use: most commands never ask

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        filled = [sheet for sheet in book.worksheets if next(_sheet_rows(book, sheet), None)]
        if not filled:
            raise Unreadable("The workbook is empty.")
        others = ", ".join(f"“{sheet.title}”" for sheet in filled[1:])
        if others:
            raise Unreadable(
                f"The workbook has several sheets with cells: “{filled[0].title}” and {others}."
                " Save the one with the results by itself."
            )
        return _table("xlsx", _sheet_rows(book, filled[0]), "")
    except Unreadable:
        raise
    except (zipfile.BadZipFile, ParseError) as error:
        raise Unreadable(f"The workbook is damaged ({error}); save it again or as CSV.") from None
    except Exception as error:  # a damaged workbook raises anything
        kind = type(error).__name__
        raise Unreadable(f"The workbook cannot be read ({kind}); save it as CSV.") from None


def _sheet_rows(book: Any, sheet: Any) -> Iterator[Row]:
    """The filled rows; openpyxl itself would turn the numbers into binary ones and lose digits."""
    number = 0
    with sheet._get_source() as source:
        for _, element in iterparse(source):  # noqa: S314 - weigh() lets no definitions through
            if element.tag != f"{_SHEET}row":
                continue
            number = int(element.get("r") or number + 1)
            cells = _row_cells(element, book, sheet._shared_strings)
            element.clear()
            if any(cells):
                yield Row(number, cells)


def _row_cells(row: Element, book: Any, strings: Any) -> tuple[str, ...]:
    found: dict[int, str] = {}
    for cell in row.findall(f"{_SHEET}c"):
        letters = _LETTERS.match(cell.get("r") or "")
        place = _column(letters.group()) if letters else max(found, default=-1) + 1
        if place >= MOST_COLUMNS:
            raise Unreadable(f"The sheet has more than {MOST_COLUMNS} columns.")
        found[place] = _cell(cell, book, strings).strip()
    return tuple(found.get(place, "") for place in range(max(found, default=-1) + 1))


def _column(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _cell(cell: Element, book: Any, strings: Any) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{_SHEET}t"))
    written = cell.findtext(f"{_SHEET}v") or ""
    if not written:
        return ""
    if kind == "s":
        return str(strings[int(written)])
    if kind == "b":
        return "TRUE" if written == "1" else "FALSE"
    if kind != "n":
        return written  # text, the result of a formula, a date in ISO 8601, or an error
    if int(cell.get("s") or 0) in book._date_formats:
        return _date(written, book.epoch)
    return _digits(written)


def _date(written: str, epoch: Any) -> str:
    from openpyxl.utils.datetime import from_excel

    try:
        moment = from_excel(float(written), epoch)
    except (ValueError, OverflowError):
        return f"{written}, formatted as a date"
    said = str(moment.isoformat(timespec="seconds") if hasattr(moment, "hour") else moment)
    return said.removesuffix("T00:00:00")


def _digits(written: str) -> str:
    """A number as it was typed.

    A workbook holds binary numbers and writes 4.1 as 4.0999999999999996: with more digits than it
    keeps, the shortest text of the same binary number is what somebody typed.
    """
    digits = written.lstrip("+-").partition("e")[0].partition("E")[0].replace(".", "").lstrip("0")
    if len(digits) > _EXACT_DIGITS and not written.lstrip("-").isdecimal():
        written = repr(float(written))
    if "e" not in written.lower():
        return written
    try:
        exact = Decimal(written)
    except InvalidOperation:
        return written
    return f"{exact:f}" if abs(exact.adjusted()) < 30 else written


# --- both -----------------------------------------------------------------------------------------


def _table(kind: str, rows: Iterable[Row], note: str) -> TableFile:
    filled = _filled(rows)
    first = next(filled, None)
    if first is None:
        raise Unreadable("The file is empty; send the file that the laboratory made.")
    headings = _trimmed(first.cells)
    values = [cell for cell in headings if _NO_HEADING.match(cell)]
    if values:
        raise Unreadable(
            f"The first line is no heading: it holds “{values[0][:40]}”. Each column needs a name."
        )
    doubled = frozenset(cell for cell in headings if headings.count(cell) > 1)
    table = TableFile(kind, name_headings(headings), tuple(filled), doubled, note)
    if not table.rows:
        raise Unreadable("The file has a heading and no rows.")
    return table


def _filled(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows that say something; raises Unreadable beyond what is allowed."""
    count = 0
    for row in rows:
        if not any(row.cells):
            continue
        count += 1
        if count > MOST_ROWS + 1:
            raise Unreadable(f"The file has more than {MOST_ROWS:,} rows; split it.")
        if len(row.cells) > MOST_COLUMNS:
            raise Unreadable(
                f"Line {row.number} has {len(row.cells):,} columns; allowed are {MOST_COLUMNS}."
            )
        if any(len(cell) > LONGEST_CELL for cell in row.cells):
            raise Unreadable(
                f"Line {row.number} has a cell of more than {LONGEST_CELL:,} characters."
            )
        yield row


def _trimmed(cells: tuple[str, ...]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells
