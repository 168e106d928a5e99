"""Results in a spreadsheet to typed input: by columns that a person or a format has made certain.

Each row is a message of its own, so that a row which comes again in next month's file is known.
A value stays as it was written; a day that can be read two ways is read by the stated form only.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from compliance.interop.tables import Row, TableFile, Unreadable, read_table
from compliance.interop.times import read_stamp
from compliance.rules.terminology import has_word, is_loinc, load_terminology
from compliance.services.dispositions import STATUSES
from compliance.services.incoming import (
    Coded,
    Identifier,
    IncomingFile,
    IncomingMessage,
    IncomingResult,
    Stamp,
    Subject,
    Value,
)
from compliance.services.result_columns import (
    BUILT_IN,
    LOINC,
    AnalyteColumn,
    Columns,
    DateForm,
    Layout,
    guess,
)

FORMATS = ("csv", "xlsx")
_NO_VALUE = frozenset({"", "na", "n/a", ".", "null", "none", "nan", "#n/a"})
_LETTERS = {
    "final": "F", "final result": "F", "preliminary": "P", "partial": "P", "registered": "I",
    "pending": "I", "corrected": "C", "correction": "C", "amended": "C", "cancelled": "X",
    "canceled": "X", "entered in error": "W", "entered-in-error": "W", "wrong": "W",
}  # fmt: skip
_DAY = re.compile(
    r"(?P<first>\d{1,2})(?P<mark>[./-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})"
    r"(?P<time>[ T].*)?\Z"
)
_WORDED = re.compile(
    r"(?P<day>\d{1,2})[ .-]+(?P<month>[A-Za-z]{3,9})[ .,-]+(?P<year>\d{4})(?P<time>[ T].*)?\Z"
)
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
           "october", "november", "december")  # fmt: skip
_COMPARED = re.compile(r"(?P<sign><=|>=|<|>|≤|≥|)\s*(?P<number>[+-]?[0-9.,]+)\Z")
_WITH_COMMA = re.compile(r"[+-]?[0-9]+(?:,[0-9]+)?\Z")
_WITH_POINT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?\Z")


def read_spreadsheet(content: bytes, layouts: Sequence[Layout] = ()) -> IncomingFile:
    """Every row of a spreadsheet whose columns are known; `error` says why not. Raises nothing.

    `layouts` are those that people here have saved; published formats come after them.
    """
    kind = "xlsx" if content.startswith(b"PK") else "csv"
    try:
        table = read_table(content)
        columns = _columns(table, layouts)
    except Unreadable as fault:
        return IncomingFile(kind, error=str(fault))
    reader = _Reader(table, columns)
    return IncomingFile(table.format, tuple(reader.message(row) for row in table.rows))


def _columns(table: TableFile, layouts: Sequence[Layout]) -> Columns:
    for known in (layouts, BUILT_IN):
        found = [item.columns for item in known if item.fits(table.headings)]
        if len(found) > 1:
            names = ", ".join(item.sender for item in found)
            raise Unreadable(f"These headings are those of several laboratories: {names}.")
        if found:
            _check(table, found[0])
            return found[0]
    raise Unreadable(_why_it_waits(table))


def _check(table: TableFile, columns: Columns) -> None:
    """A column that is used must be there, once; a published format need not have all."""
    doubled = sorted(table.doubled & set(columns.used))
    if doubled:
        raise Unreadable(f"The heading “{doubled[0][:80]}” stands there twice: which one is it?")
    value = columns.fields.get("value")
    needed = [value] if value else [item.heading for item in columns.analytes]
    missing = [heading for heading in needed if heading not in table.headings]
    if missing:
        raise Unreadable(f"There is no column “{missing[0][:80]}”, which was said to hold values.")


def _why_it_waits(table: TableFile) -> str:
    shown = ", ".join(table.headings[:8])[:200]
    rows = f"{len(table.rows):,} row{'s' if len(table.rows) != 1 else ''}"
    probably = guess(table.headings)
    if not probably.analytes and "value" not in probably.fields:
        return (
            f"No column of this spreadsheet is known to hold results (it has {shown} …):"
            f" nothing of its {rows} was read."
        )
    return (
        f"Nobody has said yet which column of this spreadsheet is what (it has {shown} …):"
        f" nothing of its {rows} was read."
    )


class _Reader:
    """Reads rows by one set of columns."""

    def __init__(self, table: TableFile, columns: Columns) -> None:
        self.table = table
        self.columns = columns
        self.plain = columns.plain()
        self.terms = terms = load_terminology()
        self.place = {heading: at for at, heading in enumerate(table.headings)}
        self.unused = [
            (at, heading) for heading, at in self.place.items() if heading not in columns.used
        ]
        about = (*terms.pregnancy.statement_words, *terms.pregnancy.test_words, "pregnant")
        self.asked = [
            (at, heading) for at, heading in self.unused if has_word(_apart(heading), about)
        ]

    def message(self, row: Row) -> IncomingMessage:
        """One row; a row of another width than the headings is held, whatever it says."""
        doubt = self._doubt(row)
        subject = self._subject(row)
        results = [*self._results(row), *self._statements(row)]
        if doubt and not results:
            results = [IncomingResult(1, value=Value("TX", " | ".join(row.cells)[:200]))]
        return IncomingMessage(
            position=row.number,
            type=f"{self.table.format.upper()} row",
            control_id=f"row {row.number}",
            sender=self.columns.sender,
            subject=subject,
            results=tuple(replace(item, subject=subject, doubt=doubt) for item in results),
            remarks=tuple(self._remarks(row, subject)),
            raw=self._raw(row),
            problem=doubt or (self.table.note if row is self.table.rows[0] else ""),
        )

    def _doubt(self, row: Row) -> str:
        wanted, found = len(self.table.headings), len(row.cells)
        too_many = any(row.cells[wanted:])
        too_few = self.table.format == "csv" and found < wanted
        if too_many or too_few:
            return (
                f"Line {row.number} has {found} cells under {wanted} headings: nobody can tell"
                " which is which. Look at the file."
            )
        return ""

    def _raw(self, row: Row) -> bytes:
        """What makes a row the same row: what stands under each heading, and how it was read."""
        cells = sorted(zip(self.table.headings, row.cells, strict=False))
        extra = row.cells[len(self.table.headings) :]
        return json.dumps([self.plain, cells, extra], ensure_ascii=False).encode()

    def _cell(self, row: Row, name: str) -> str:
        """What stands in our field; "" for what says that there is nothing."""
        return self._under(row, self.columns.fields.get(name, ""))

    def _under(self, row: Row, heading: str) -> str:
        at = self.place.get(heading)
        text = row.cells[at] if at is not None and at < len(row.cells) else ""
        return "" if text.casefold() in _NO_VALUE else text

    def _subject(self, row: Row) -> Subject:
        number = self._cell(row, "number")
        authority = self._cell(row, "authority") or self.columns.authority
        born = self._stamp(self._cell(row, "born"))
        return Subject(
            identifiers=(Identifier(number, authority, "", self.columns.number_type),)
            if number
            else (),
            family_name=self._cell(row, "family_name"),
            given_name=self._cell(row, "given_name"),
            born_as_sent=born.text,
            born=born.day,
        )

    def _stamp(self, text: str) -> Stamp:
        return read_day(text, self.columns.date_form)

    def _results(self, row: Row) -> Iterator[IncomingResult]:
        """The results of a row: one, or one for each column of an analyte that has a value."""
        status = self._status(row)
        shared = IncomingResult(
            position=1,
            status=status,
            collected=self._stamp(self._cell(row, "collected")),
            order=self._cell(row, "order"),
            notes=tuple(filter(None, [self._cell(row, "note")])),
            source="row",
        )
        if not self.columns.analytes:
            yield self._long(row, shared)
            return
        for item in self.columns.analytes:
            text = self._under(row, item.heading)
            if text:
                code = (Coded(LOINC, item.code, self._called(item)),)
                value = self._value(text)
                yield replace(shared, code=code, value=value, unit=item.unit, source="column")

    def _called(self, item: AnalyteColumn) -> str:
        """The heading; beside a pregnancy test what a person said that its short heading means."""
        specimen = self.terms.pregnancy.tests.get(item.code)
        if specimen is None:
            return item.heading
        return f"Pregnancy test, {specimen.value} ({item.heading})"

    def _long(self, row: Row, shared: IncomingResult) -> IncomingResult:
        code, name = self._cell(row, "code"), self._cell(row, "name")
        system = self._cell(row, "code_system") or self.columns.code_system
        if system == LOINC and not is_loinc(code):
            system = ""
        text = f"{self._cell(row, 'comparator')}{self._cell(row, 'value')}"
        flag = self._cell(row, "flag")
        return replace(
            shared,
            code=(Coded(system, code, name),) if code or name else (),
            value=self._value(text),
            unit=self._cell(row, "unit"),
            reference_range=self._range(row),
            flags=(flag,) if flag else (),
        )

    def _range(self, row: Row) -> str:
        low, high = self._cell(row, "low"), self._cell(row, "high")
        if low and high:
            return f"{low} - {high}"
        if high:
            return f"<= {high}"
        return f">= {low}" if low else self._cell(row, "range")

    def _value(self, text: str) -> Value:
        """The text, and its number where the decimal sign is known."""
        sign = self.columns.decimal
        found = _COMPARED.match(text)
        if not sign or found is None:
            return Value("ST", text)
        own = _WITH_COMMA if sign == "," else _WITH_POINT
        if own.match(found["number"]):
            number = found["number"].replace(",", ".")
            return Value("NM", text, structured=(found["sign"], number, "", ""))
        return Value("NM", text, structured=("", f"{text} (decimal sign “{sign}”)", "", ""))

    def _status(self, row: Row) -> str:
        """The status in the letters of HL7 table 0085; other words stay as they are."""
        if "status" not in self.columns.fields:
            return "F" if self.columns.all_final else ""
        text = self._cell(row, "status")
        upper = text.upper()
        return upper if upper in STATUSES else _LETTERS.get(text.casefold(), text)

    def _statements(self, row: Row) -> Iterator[IncomingResult]:
        """Columns that nobody chose and whose heading is about a pregnancy do not vanish."""
        for _, heading in self.asked:
            text = self._under(row, heading)
            if text:
                code = (Coded(text=_apart(heading)),)
                status = self._status(row) or "F"
                yield IncomingResult(
                    1, code=code, value=Value("ST", text), status=status, source="column"
                )

    def _remarks(self, row: Row, subject: Subject) -> Iterator[IncomingResult]:
        asked = {heading for _, heading in self.asked}
        cells = [self._under(row, heading) for _, heading in self.unused if heading not in asked]
        text = "; ".join(cell for cell in (*cells, self._cell(row, "note")) if _has_letters(cell))
        if text:
            yield IncomingResult(
                0, value=Value("TX", text), subject=subject, source="other columns", is_remark=True
            )


def _has_letters(text: str) -> bool:
    return sum(letter.isalpha() for letter in text) >= 4


def _apart(heading: str) -> str:
    """A heading as words: pregnancyStatus and pregnancy_status are both pregnancy status."""
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)))


def read_day(text: str, form: DateForm) -> Stamp:
    """A time as ISO or HL7, with a month in words, or in the stated form; else without a day."""
    stamp = read_stamp(text)
    if stamp.day is not None or not text:
        return stamp
    found = _WORDED.match(text) or (_DAY.match(text) if form is not DateForm.ISO else None)
    if found is None:
        return stamp
    iso = _iso(found, form)
    read = read_stamp(f"{iso}{found['time'] or ''}") if iso else stamp
    return replace(read, text=text) if read.day is not None else stamp


def _iso(found: re.Match[str], form: DateForm) -> str:
    parts = found.groupdict()
    if "month" in parts:
        word = parts["month"].casefold()
        months = [at for at, name in enumerate(_MONTHS, 1) if name.startswith(word)]
        day, month = int(parts["day"]), months[0] if len(months) == 1 else 0
    else:
        first, second = int(parts["first"]), int(parts["second"])
        day, month = (first, second) if form is DateForm.DAY_FIRST else (second, first)
    try:
        return dt.date(int(parts["year"]), month, day).isoformat()
    except ValueError:
        return ""
