"""Spreadsheets are read as they are: encodings, separators, headings, and what is too much."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import pytest

from compliance.services import onboarding_files as files
from compliance.services.errors import Invalid
from compliance.services.onboarding_columns import FIELDS, check_columns, guess
from compliance.services.onboarding_files import read_sheet
from compliance.services.onboarding_values import DateForm, question_about, read_date
from tests.services.onboarding_sheets import BORN, HEADINGS, a_csv, a_workbook


def refused(content: bytes) -> str:
    with pytest.raises(Invalid) as error:
        read_sheet(content)
    return error.value.fields["file"]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_encoding_that_spreadsheets_write_is_read(codec):
    content = "MRN,Apellidos\r\n1,Muñoz Díaz\r\n".encode(codec)
    assert read_sheet(content).rows == ((2, ("1", "Muñoz Díaz")),)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_separator_is_found(separator):
    sheet = read_sheet(a_csv(["1", "Ann", "Lee", "1999-12-31"], separator=separator))
    assert sheet.headings == tuple(HEADINGS)


def test_a_separator_that_the_file_names_counts_and_rows_keep_their_number():
    sheet = read_sheet(b'sep=;\r\nMRN;Name\r\n1;"Lee; Ann"\r\n\r\n2;Bo\r\n')
    assert sheet.rows == ((3, ("1", "Lee; Ann")), (5, ("2", "Bo")))


def test_a_workbook_gives_its_dates_and_whole_numbers_as_text():
    moment = dt.datetime(2020, 2, 3)  # noqa: DTZ001  (a cell has no zone)
    sheet = read_sheet(a_workbook([1024, "Ann", 62.5, BORN], ["x", None, True, moment]))
    assert sheet.rows == (
        (2, ("1024", "Ann", "62.5", "1999-12-31")),
        (3, ("x", "", "yes", "2020-02-03")),
    )
    assert "XLSX" in sheet.read_as


def test_headings_are_told_apart():
    sheet = read_sheet(b"Name,Name,,Name\n1,2,3,4\n")
    assert sheet.headings == ("Name", "Name (2)", "Column 3", "Name (3)")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"MRN,Name\n", "no rows"),
        (b"\xd0\xcf\x11\xe0rest", "old .xls"),
        (b"PK\x03\x04rest", "damaged"),
        (b"a,b\n1,\x00\n", "no text"),
        (b"a\x81,b\n1,2\n", "cannot be read"),
        (b'a,b\n"1,2\n3,4\n', "cannot be read as CSV"),
        (b"a\n" + b"x" * (files.LONGEST_CELL + 1), "Row 2 is too wide"),
        (b",".join([b"a"] * 61) + b"\n1\n", "Row 1 is too wide"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(content, said):
    assert said in refused(content)


def test_the_last_row_that_is_allowed_is_read_and_one_more_is_refused():
    rows = [["1"]] * files.MOST_ROWS
    assert len(read_sheet(a_csv(*rows, headings=["MRN"])).rows) == files.MOST_ROWS
    assert "more than 10,000 rows" in refused(a_csv(*rows, ["1"], headings=["MRN"]))


def test_a_file_beyond_its_size_is_refused_before_it_is_read():
    assert "allowed are 5,242,880" in refused(b"a\n" + b"1\n" * (files.MOST_BYTES // 2))


def test_a_workbook_that_unpacks_to_too_much_is_refused():
    file = io.BytesIO(a_workbook(["1"]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/big.bin", b"0" * files.MOST_UNPACKED)
    assert len(file.getvalue()) < files.MOST_BYTES
    assert "unpacks to" in refused(file.getvalue())


def test_a_workbook_with_entities_of_its_own_is_refused():
    file = io.BytesIO(a_workbook(["1"]))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("xl/extra.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    assert "own entities" in refused(file.getvalue())


@pytest.mark.parametrize(
    "headings",
    [
        ["MRN", "First name", "Last name", "Date of birth", "E-mail", "Weight (kg)"],
        ["Nº historia", "Nombre", "Apellidos", "Fecha de nacimiento", "Correo electrónico", "Peso"],
    ],
)
def test_headings_in_english_and_spanish_are_known(headings):
    names = ("mrn", "given_name", "family_name", "birth_date", "email", "weight_kg")
    assert guess(headings) == dict(zip(names, headings, strict=True))


def test_no_heading_is_a_word_for_two_fields():
    words = [word for field in FIELDS for word in field.headings]
    assert len(words) == len(set(words))


def test_a_needed_column_that_is_missing_and_one_used_twice_are_refused():
    with pytest.raises(Invalid) as error:
        check_columns({"mrn": "A", "given_name": "A", "family_name": "Z"}, ["A", "B"])
    assert set(error.value.fields) == {"mrn", "given_name", "family_name", "birth_date"}
    assert "no such column" in error.value.fields["family_name"]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-04-02", None),
        ("2 Apr 2026", None),
        ("2 de abril de 2026", None),
        ("02/04/2026", DateForm.DAY_FIRST),
        ("04/02/2026", DateForm.MONTH_FIRST),
        ("2.4.2026", DateForm.DAY_FIRST),
    ],
)
def test_one_day_in_many_forms(text, form):
    assert read_date(text, form) == dt.date(2026, 4, 2)


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        ("02/04/2026", None, "two ways"),
        ("13/02/2026", DateForm.MONTH_FIRST, "such as"),
        ("31.02.1999", None, "such as"),
        ("02/04/26", DateForm.DAY_FIRST, "such as"),
        ("44562", None, "such as"),
        ("2 Foo 2026", None, "such as"),
    ],
)
def test_a_date_that_is_none_or_could_be_two_is_never_guessed(text, form, said):
    with pytest.raises(ValueError, match=said):
        read_date(text, form)


def test_a_day_beyond_twelve_and_one_that_is_its_month_need_no_question():
    assert read_date("13/02/2026", None) == dt.date(2026, 2, 13)
    assert read_date("02/13/2026", None) == dt.date(2026, 2, 13)
    assert read_date("05/05/2026", None) == dt.date(2026, 5, 5)
    assert question_about("birth_date", ["13/02/2026", "05/05/2026", "", "x"]) is None


def test_a_column_that_can_be_read_two_ways_is_asked_about_with_what_speaks_for_each():
    question = question_about("birth_date", ["12/11/1999", "13/02/2026", "02/13/2026", "1/2/2000"])
    assert (question.open, question.only_day_first, question.only_month_first) == (2, 1, 1)
    assert question.example == "12/11/1999"
