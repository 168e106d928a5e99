"""A spreadsheet as it came, CSV or XLSX, becomes headings and rows of text; nothing is guessed."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from compliance.services.errors import Invalid

MOST_BYTES = 5 * 1024 * 1024
MOST_UNPACKED = 60 * 1024 * 1024
MOST_PARTS = 500
MOST_ROWS = 10_000
MOST_COLUMNS = 60
LONGEST_CELL = 1_000  # characters
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_WIDE = (("utf-16", "UTF-16"),)
_NARROW = (("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252"))
SEP_LINE = re.compile(r"sep=(.)\r?\n")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Headings, each once, and rows as (number in the file, cells); `read_as` says how."""

    headings: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    read_as: str


def read_sheet(content: bytes) -> Sheet:
    """The table in a file; raises Invalid (field `file`) with what was found and is allowed."""
    if not content.strip():
        raise _refused("The file is empty.")
    if len(content) > MOST_BYTES:
        raise _refused(f"The file has {len(content):,} bytes; allowed are {MOST_BYTES:,}.")
    if content.startswith(b"PK\x03\x04"):
        return _from_workbook(content)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise _refused("This is an old .xls file; save it as .xlsx or .csv.")
    return _from_text(content)


def _refused(sentence: str) -> Invalid:
    return Invalid({"file": sentence})


# --- CSV ------------------------------------------------------------------------------------------


def _from_text(content: bytes) -> Sheet:
    text, encoding = decoded(content)
    if "\x00" in text:
        raise _refused("The file holds bytes that are no text; allowed are CSV and XLSX files.")
    named = SEP_LINE.match(text)
    text = text[named.end() :] if named else text
    separator = named.group(1) if named else separator_of(text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    said = f"CSV, {encoding}, separated by {SEPARATORS.get(separator, repr(separator))}"
    try:
        return _sheet(rows, said, first=2 if named else 1)
    except csv.Error as error:
        raise _refused(f"Line {rows.line_num} cannot be read as CSV ({error}).") from None


def decoded(content: bytes) -> tuple[str, str]:
    """The text and the name of its encoding; raises Invalid when it is no text."""
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for codec, name in _WIDE if wide else _NARROW:
        try:
            return content.decode(codec), name
        except UnicodeDecodeError:
            continue
    raise _refused("The letters cannot be read; save the file as UTF-8.")


def separator_of(text: str) -> str:
    """The separator that makes the most columns of the heading."""
    heading = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""

    def columns(mark: str) -> int:
        return len(next(csv.reader([heading], delimiter=mark), []))

    return max(SEPARATORS, key=columns)


# --- XLSX -----------------------------------------------------------------------------------------


def _from_workbook(content: bytes) -> Sheet:
    weigh(content)
    from openpyxl.reader.excel import load_workbook  # on first use: most pages never ask

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size need not be true
        rows = sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)
        return _sheet(
            ([_cell(value) for value in row] for row in rows), f"XLSX, sheet “{sheet.title}”"
        )
    except Invalid:
        raise
    except Exception as error:  # a damaged workbook raises anything
        found = type(error).__name__
        raise _refused(f"The workbook cannot be read ({found}); save it as CSV.") from None


def weigh(content: bytes) -> None:
    """Refuse what would unpack to more than it looks, or carries its own definitions."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED:
                raise _refused(
                    f"The workbook unpacks to {unpacked:,} bytes in {len(parts)} parts; allowed "
                    f"are {MOST_UNPACKED:,} in {MOST_PARTS}."
                )
            for part in parts:
                with archive.open(part) as file:
                    if b"<!DOCTYPE" in file.read(4096):
                        raise _refused("The workbook defines its own entities; save it as CSV.")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
        raise _refused("The workbook is damaged or locked; save it as CSV.") from None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# --- both -----------------------------------------------------------------------------------------


def _sheet(rows: Iterable[Iterable[str]], read_as: str, first: int = 1) -> Sheet:
    filled = _filled(rows, first)
    heading = next(filled, None)
    if heading is None:
        raise _refused("The file has no heading.")
    found = tuple(filled)
    if not found:
        raise _refused("The file has a heading and no rows.")
    return Sheet(name_headings(heading[1]), found, read_as)


def _filled(rows: Iterable[Iterable[str]], first: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The rows that say something, with their number; raises Invalid beyond what is allowed."""
    count = 0
    for number, row in enumerate(rows, first):
        cells = tuple(cell.strip() for cell in row)
        while cells and not cells[-1]:
            cells = cells[:-1]
        if len(cells) > MOST_COLUMNS or any(len(cell) > LONGEST_CELL for cell in cells):
            raise _refused(
                f"Row {number} is too wide; allowed are {MOST_COLUMNS} columns of "
                f"{LONGEST_CELL} characters."
            )
        count += bool(cells)
        if count > MOST_ROWS + 1 or number > MOST_ROWS * 20:
            raise _refused(f"The file has more than {MOST_ROWS:,} rows; split it.")
        if cells:
            yield number, cells


def name_headings(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Each heading once: an empty one is named by its place, a repeated one numbered."""
    found: list[str] = []
    for place, cell in enumerate(cells, 1):
        name, again = cell or f"Column {place}", 2
        while name in found:
            name, again = f"{cell or 'Column'} ({again})", again + 1
        found.append(name)
    return tuple(found)
