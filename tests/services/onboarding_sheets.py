"""Spreadsheets for tests, as clinics make them."""

from __future__ import annotations

import datetime as dt
import io

import openpyxl

HEADINGS = ["MRN", "First name", "Last name", "DOB"]


def a_csv(*rows: list[str], headings: list[str] | None = None, separator: str = ",") -> bytes:
    lines = [headings or HEADINGS, *rows]
    return "\r\n".join(separator.join(line) for line in lines).encode()


def a_workbook(*rows: list[object], headings: list[str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    for row in [headings or HEADINGS, *rows]:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


BORN = dt.date(1999, 12, 31)
