"""Spreadsheets of results: exact text, nothing guessed, and always an account or a sentence."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.interop import tables
from compliance.interop.csv_results import read_day, read_spreadsheet
from compliance.interop.formats import read_file
from compliance.services.errors import Invalid
from compliance.services.incoming import IncomingFile, IncomingResult
from compliance.services.result_columns import DateForm, Layout, guess, read_columns

LONG = {
    "fields": {
        "number": "Chart", "family_name": "Last", "born": "DOB", "collected": "Drawn",
        "code": "Code", "name": "Test", "comparator": "Sign", "value": "Value", "unit": "Unit",
        "low": "Low", "high": "High", "flag": "Flag", "status": "Status", "order": "Order",
        "note": "Note",
    },
    "sender": "Lab", "authority": "RIVERSIDE", "code_system": "LN",
}  # fmt: skip
HEADINGS = list(LONG["fields"].values())
ROW = {
    "Chart": "T-1", "Last": "Okafor", "DOB": "1998-04-02", "Drawn": "2026-04-01",
    "Code": "2571-8", "Test": "Triglycerides", "Value": "120", "Unit": "mg/dL", "Status": "final",
}  # fmt: skip
WIDE = {
    "fields": {"number": "Chart", "collected": "Drawn"},
    "analytes": [
        {"heading": "trig", "code": "TG", "unit": "mg/dL"},
        {"heading": "alt", "code": "ALT", "unit": "U/L"},
    ],
    "sender": "Lab",
    "all_final": True,
}


def layouts(data: dict, **more: object) -> tuple[Layout, ...]:
    return (Layout((), read_columns({**data, **more}), exactly=False),)


def long(separator: str = ",", encoding: str = "utf-8", **cells: str) -> bytes:
    row = {**ROW, **cells}
    lines = [HEADINGS, [f'"{row[name]}"' if name in row else "" for name in HEADINGS]]
    return "\r\n".join(separator.join(line) for line in lines).encode(encoding)


def the_result(content: bytes, data: dict = LONG, **more: object) -> IncomingResult:
    (message,) = read_file(content, layouts(data, **more)).messages
    (result,) = message.results
    return result


def read(content: bytes, data: dict = LONG, **more: object) -> IncomingFile:
    return read_file(content, layouts(data, **more))


def workbook(*rows: list[object], formats: dict[str, str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for place, form in (formats or {}).items():
        book.active[place].number_format = form
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


# --- one result a row -----------------------------------------------------------------------------


def test_a_row_is_one_result_with_its_patient() -> None:
    (message,) = read(long(Flag="N", Low="0", High="150", Order="A7", Note="fasting")).messages
    assert (message.sender, message.control_id) == ("Lab", "row 2")
    (number,) = message.subject.identifiers
    assert (number.value, number.authority) == ("T-1", "RIVERSIDE")
    assert (message.subject.family_name, message.subject.born) == ("Okafor", dt.date(1998, 4, 2))
    (result,) = message.results
    assert [(item.system, item.code, item.text) for item in result.code] == [
        ("LN", "2571-8", "Triglycerides")
    ]
    assert (result.value.text, result.unit, result.status) == ("120", "mg/dL", "F")
    assert (result.reference_range, result.flags) == ("0 - 150", ("N",))
    assert (result.order, result.notes) == ("A7", ("fasting",))
    assert result.collected.day == dt.date(2026, 4, 1)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_encodings_are_told_by_the_bytes(separator: str, encoding: str) -> None:
    assert the_result(long(separator, encoding, Last="Müller")).subject.family_name == "Müller"


def test_letters_that_are_not_utf8_are_read_as_windows_and_that_is_said() -> None:
    (message,) = read(long(encoding="cp1252", Last="Müller")).messages
    assert message.subject.family_name == "Müller"
    assert "Windows-1252" in message.problem


def test_a_comparator_and_a_value_are_one_text() -> None:
    assert the_result(long(Sign="<", Value="0.50")).value.text == "<0.50"


def test_a_code_that_is_no_loinc_code_is_not_called_one() -> None:
    assert the_result(long(Code="2571-9")).code[0].system == ""
    assert the_result(long(Code="2571-8")).code[0].system == "LN"


@pytest.mark.parametrize("empty", ["", "NA", "n/a", ".", "NULL"])
def test_what_stands_for_nothing_is_no_value(empty: str) -> None:
    assert the_result(long(Value=empty)).value.text == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [("final", "F"), ("F", "F"), ("c", "C"), ("Preliminary", "P"), ("cancelled", "X"),
     ("entered in error", "W"), ("perhaps", "perhaps"), ("", "")],
)  # fmt: skip
def test_a_status_is_read_by_its_table_and_another_word_stays_unknown(written, read) -> None:
    assert the_result(long(Status=written)).status == read


def test_the_word_that_all_is_final_does_not_overrule_a_status_column() -> None:
    assert the_result(long(Status=""), all_final=True).status == ""
    fields = {name: text for name, text in LONG["fields"].items() if name != "status"}
    assert the_result(long(), fields=fields, all_final=True).status == "F"
    assert the_result(long(), fields=fields).status == ""


# --- numbers --------------------------------------------------------------------------------------


def number(text: str, decimal: str) -> str:
    structured = the_result(long(Value=text), decimal=decimal).value.structured
    return "".join(structured) if structured else ""


def test_the_stated_decimal_sign_makes_a_number_certain() -> None:
    assert number("1,234", ",") == "1.234"
    assert number("<0,5", ",") == "<0.5"
    assert number("1.234", ".") == "1.234"
    assert number("1.234", "") == ""


@pytest.mark.parametrize(("text", "decimal"), [("1.234", ","), ("1,234", "."), ("1.234,5", ",")])
def test_a_number_against_the_stated_sign_is_no_number(text: str, decimal: str) -> None:
    assert "decimal sign" in number(text, decimal)


# --- days -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form", "day"),
    [
        ("2026-04-03", "iso", (2026, 4, 3)),
        ("20260403", "iso", (2026, 4, 3)),
        ("202604030815-0400", "dmy", (2026, 4, 3)),
        ("03/04/2026", "dmy", (2026, 4, 3)),
        ("03/04/2026", "mdy", (2026, 3, 4)),
        ("3.4.2026 08:15", "dmy", (2026, 4, 3)),
        ("3 Apr 2026", "iso", (2026, 4, 3)),
        ("03-APR-2026", "mdy", (2026, 4, 3)),
        ("03/04/2026", "iso", None),
        ("31/04/2026", "dmy", None),
        ("13/12/2026", "mdy", None),
        ("03/04/26", "dmy", None),
        ("3 Ju 2026", "iso", None),
        ("45750", "iso", None),
    ],
)
def test_a_day_is_read_one_way_only(text: str, form: str, day: tuple[int, int, int] | None) -> None:
    stamp = read_day(text, DateForm(form))
    assert stamp.day == (dt.date(*day) if day else None)
    assert stamp.text == text


# --- one analyte a column -------------------------------------------------------------------------


def test_a_wide_row_is_one_result_for_each_column_that_has_a_value() -> None:
    content = b"Chart,Drawn,trig,alt\nT-1,2026-04-01,120,22\nT-2,2026-04-01,NA,30\n"
    first, second = read(content, WIDE).messages
    said = [(r.code[0].code, r.value.text, r.unit, r.status) for r in first.results]
    assert said == [("2571-8", "120", "mg/dL", "F"), ("1742-6", "22", "U/L", "F")]
    assert [r.code[0].code for r in second.results] == ["1742-6"]


def test_the_unit_of_a_column_decides_its_code() -> None:
    analytes = [{"heading": "trig", "code": "TG", "unit": "mmol/L"}]
    columns = read_columns({**WIDE, "analytes": analytes})
    assert columns.analytes[0].code == "14927-8"


def test_a_column_of_pregnancy_tests_is_called_what_a_person_said() -> None:
    analytes = [{"heading": "PT", "code": "2106-3"}]
    content = b"Chart,Drawn,PT\nT-1,2026-04-01,negative\n"
    (result,) = read(content, WIDE, analytes=analytes).messages[0].results
    assert result.label == "Pregnancy test, urine (PT)"


# --- what must not vanish -------------------------------------------------------------------------


def test_a_column_about_pregnancy_that_nobody_chose_is_a_statement() -> None:
    content = b"Chart,Drawn,trig,alt,Pregnant\nT-1,2026-04-01,120,22,yes\n"
    results = read(content, WIDE).messages[0].results
    assert [(item.label, item.value.text) for item in results][2:] == [("Pregnant", "yes")]


def test_a_remark_in_another_column_is_kept_as_a_remark() -> None:
    content = b"Chart,Drawn,trig,alt,Seen\nT-1,2026-04-01,120,22,patient is pregnant\n"
    (remark,) = read(content, WIDE).messages[0].remarks
    assert remark.is_remark
    assert "patient is pregnant" in remark.value.text


@pytest.mark.parametrize("row", ["T-1,2026-04-01,120", "T-1,2026-04-01,120,22,5"])
def test_a_row_of_another_width_is_held_whatever_it_says(row: str) -> None:
    (message,) = read(f"Chart,Drawn,trig,alt\n{row}\n".encode(), WIDE).messages
    assert message.results
    assert all("nobody can tell which is which" in item.doubt for item in message.results)


def test_empty_cells_beyond_the_headings_are_nothing() -> None:
    (message,) = read(b"Chart,Drawn,trig,alt\nT-1,2026-04-01,120,22,,\n", WIDE).messages
    assert [item.doubt for item in message.results] == ["", ""]


def test_a_row_is_the_same_message_when_its_columns_have_moved() -> None:
    one = read(b"Chart,Drawn,trig,alt\nT-1,2026-04-01,120,22\n", WIDE).messages[0]
    other = read(b"alt,trig,Drawn,Chart\n22,120,2026-04-01,T-1\n", WIDE).messages[0]
    assert one.raw == other.raw
    assert one.raw != read(b"Chart,Drawn,trig,alt\nT-1,2026-04-01,120,23\n", WIDE).messages[0].raw


# --- workbooks ------------------------------------------------------------------------------------


def test_a_workbook_keeps_numbers_as_they_were_typed_and_dates_as_days() -> None:
    content = workbook(
        ["Chart", "Drawn", "trig", "alt"], ["00017", dt.date(2026, 4, 1), 4.1, 22.05]
    )
    (message,) = read(content, WIDE).messages
    assert message.subject.identifiers[0].value == "00017"
    assert message.results[0].collected.text == "2026-04-01"
    assert [item.value.text for item in message.results] == ["4.1", "22.05"]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("4.0999999999999996", "4.1"), ("5.10", "5.10"), ("1.2E-3", "0.0012"),
     ("12345678901234567890", "12345678901234567890"), ("-7", "-7")],
)  # fmt: skip
def test_the_digits_of_a_stored_number_are_what_somebody_typed(stored: str, shown: str) -> None:
    content = workbook(["Chart", "Drawn", "trig", "alt"], ["T-1", "2026-04-01", 99, 22])
    parts = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(parts, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v>99</v>", f"<v>{stored}</v>".encode()))
    (message,) = read(parts.getvalue(), WIDE).messages
    assert message.results[0].value.text == shown


def test_a_serial_number_is_a_date_only_where_the_cell_says_so() -> None:
    rows = ["Chart", "Drawn", "trig", "alt"], ["T-1", 46113, 120, 22]
    assert read(workbook(*rows), WIDE).messages[0].results[0].collected.day is None
    dated = workbook(*rows, formats={"B2": "yyyy-mm-dd"})
    assert read(dated, WIDE).messages[0].results[0].collected.day == dt.date(2026, 4, 1)


def test_a_time_of_day_stays_with_its_date() -> None:
    moment = dt.datetime.fromisoformat("2026-04-01T08:15")
    content = workbook(["Chart", "Drawn", "trig", "alt"], ["T-1", moment, 120, 22])
    stamp = read(content, WIDE).messages[0].results[0].collected
    assert (stamp.text, stamp.moment) == ("2026-04-01T08:15:00", moment)


def test_an_error_in_a_cell_stays_what_it_is() -> None:
    content = workbook(["Chart", "Drawn", "trig", "alt"], ["T-1", "2026-04-01", "#DIV/0!", 22])
    assert read(content, WIDE).messages[0].results[0].value.text == "#DIV/0!"


def test_a_formula_without_a_stored_value_has_none() -> None:
    content = workbook(["Chart", "Drawn", "trig", "alt"], ["T-1", "2026-04-01", "=60+60", 22])
    assert [item.value.text for item in read(content, WIDE).messages[0].results] == ["22"]


def test_a_workbook_with_results_on_two_sheets_is_not_half_read() -> None:
    book = openpyxl.Workbook()
    book.active.append(["Chart", "Drawn", "trig", "alt"])
    book.create_sheet("May").append(["Chart", "Drawn", "trig", "alt"])
    book.create_sheet("Empty")
    file = io.BytesIO()
    book.save(file)
    error = read(file.getvalue(), WIDE).error
    assert "several sheets" in error
    assert "“May”" in error
    assert "Empty" not in error


def test_a_zip_bomb_is_refused_before_it_is_opened() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 70_000_000)
    assert "unpacks to 70,000,000 bytes" in read(file.getvalue(), WIDE).error


def test_a_workbook_with_its_own_entities_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///x">]><a/>')
    assert "entities" in read(file.getvalue(), WIDE).error


@pytest.mark.parametrize("content", [b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 old"])
def test_a_damaged_or_old_workbook_says_so(content: bytes) -> None:
    assert read(content, WIDE).error


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"2571-8,120,mg/dL\n2571-8,130,mg/dL\n", "no heading"),
        (b"2026-04-01,T-1\n2026-04-01,T-2\n", "no heading"),
        (b"Chart,Drawn\n", "no rows"),
        (b"Chart,Drawn\nT-1,\x00\n", "NUL"),
        (b'Chart,Drawn\n"T-1,2026\n', "cannot be read as CSV"),
        (b"Chart,Drawn,trig,trig\nT-1,2026-04-01,1,2\n", "stands there twice"),
        (b"Chart,Drawn,trig\nT-1,2026-04-01,1\n", "no column “alt”"),
        (b"a,b\n" + b"x," * 300 + b"\n", "columns"),
        (b"a,b\n" + b"x" * 5000 + b",1\n", "characters"),
    ],
)
def test_a_table_that_cannot_be_read_says_what_was_found(content: bytes, said: str) -> None:
    found = read(content, WIDE)
    assert found.messages == ()
    assert said in found.error


def test_a_file_beyond_the_limit_is_refused_with_the_limit() -> None:
    content = b"a,b\n" + b"1,2\n" * (tables.MOST_BYTES // 4)
    assert f"allowed are {tables.MOST_BYTES:,}" in read(content, WIDE).error


def test_one_row_more_than_allowed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    rows = b"Chart,Drawn,trig,alt\n" + b"T-1,2026-04-01,1,2\n" * 2
    assert len(read(rows, WIDE).messages) == 2
    assert "more than 2 rows" in read(rows + b"T-1,2026-04-01,1,2\n", WIDE).error


def test_an_unknown_table_is_not_read_and_its_rows_are_counted() -> None:
    found = read_file(b'"","id","time","bili","trig"\n"1",1,400,14.5,172\n"2",2,4500,1.1,NA\n')
    assert found.messages == ()
    assert "Nobody has said yet" in found.error
    assert "2 rows" in found.error


def test_a_table_without_results_says_that_it_has_none() -> None:
    found = read_file(b"Id,BIRTHDATE,FIRST,LAST\nx,2014-10-06,May,Mos\n")
    assert "No column of this spreadsheet is known to hold results" in found.error


# --- formats --------------------------------------------------------------------------------------


def test_a_published_format_is_known_by_its_headings() -> None:
    content = (
        b"DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE\n"
        b"2023-10-10T04:17:47Z,p1,e1,laboratory,2571-8,Triglycerides,127.90,mg/dL,numeric\n"
    )
    (message,) = read_file(content).messages
    (result,) = message.results
    assert (message.sender, result.status, result.value.text) == ("Synthea", "", "127.90")
    assert result.code[0].system == "LN"


def test_what_people_saved_comes_before_a_published_format() -> None:
    content = b"patient_id,date,snomedct_code,numeric_value\n1,2026-04-01,1018251000000107,22\n"
    own = {"fields": {"number": "patient_id", "collected": "date", "code": "snomedct_code",
                      "value": "numeric_value"}, "sender": "Ours"}  # fmt: skip
    assert read_file(content).messages[0].sender == "ehrQL"
    assert read_file(content, layouts(own)).messages[0].sender == "Ours"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"MSH|^~\\&|A\r", "hl7v2"), (b"PID|1||2\r", "hl7v2"), (b"", "hl7v2"), (b"words", "hl7v2"),
     (b'{"a": 1}', "fhir"), (b"a|b\n1|2\n", "csv"), (b"\xff\xfea\x00,\x00b\x00", "csv")],
)  # fmt: skip
def test_the_bytes_decide_the_format(content: bytes, kind: str) -> None:
    assert read_file(content).format == kind


# --- columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fields": {"collected": "Drawn", "value": "V", "name": "T"}}, "number"),
        ({"fields": {"number": "Chart", "value": "V", "name": "T"}}, "collected"),
        ({"fields": {"number": "Chart", "collected": "Drawn"}}, "value"),
        ({"fields": {"number": "Chart", "collected": "Drawn", "value": "V"}}, "code"),
        ({"fields": {"number": "A", "collected": "A", "value": "V", "name": "T"}}, "number"),
        ({"fields": {"weight": "W"}}, "weight"),
        ({"date_form": "guess"}, "date_form"),
        ({"decimal": ";"}, "decimal"),
        ({"all_final": "perhaps"}, "all_final"),
        ({"colour": "red"}, "columns"),
        ({"fields": []}, "fields"),
        ({"analytes": "TG"}, "analytes"),
        ({"analytes": [{"heading": "x", "code": "SUGAR"}]}, "unit-SUGAR"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused_beside_their_field(change, field) -> None:
    with pytest.raises(Invalid) as refused:
        read_columns({**LONG, **change})
    assert field in refused.value.fields


def test_columns_survive_being_stored() -> None:
    for data in (LONG, WIDE):
        columns = read_columns(data)
        assert read_columns(columns.plain()) == columns


def test_a_guess_is_only_made_of_known_headings() -> None:
    found = guess(["SEQN", "Gender", "TotalCholesterolMgdl", "DirectHdlcholesterolMgdl"])
    assert found.fields == {}
    assert [item.heading for item in found.analytes][:1] == ["TotalCholesterolMgdl"]
    long = guess(["Patient ID", "Date of birth", "Test name", "Result", "Units"])
    assert long.fields["value"] == "Result"
    assert long.fields["born"] == "Date of birth"


# --- anything at all ------------------------------------------------------------------------------

CELLS = st.text(
    st.sampled_from('ab019.,;|"\t\n\r <>-/\x00äß') | st.characters(codec="utf-8"), max_size=12
)


@given(st.lists(st.lists(CELLS, max_size=8), max_size=8), st.sampled_from(",;\t|"), st.booleans())
def test_any_text_gets_an_account_or_a_sentence(rows, separator: str, wide: bool) -> None:
    data = WIDE if wide else LONG
    heading = ["Chart", "Drawn", "trig", "alt"] if wide else HEADINGS
    lines = [heading, *rows]
    found = read("\n".join(separator.join(line) for line in lines).encode(), data)
    assert found.error or found.messages
    assert read_spreadsheet("\n".join(separator.join(line) for line in rows).encode()).format


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"sep=", b"a,b\n"])
)
def test_any_bytes_get_an_account_or_a_sentence(content: bytes, begin: bytes) -> None:
    found = read_spreadsheet(begin + content, layouts(WIDE))
    assert found.error or found.messages


@given(st.integers(0, 5000), st.binary(min_size=1, max_size=4))
def test_a_workbook_damaged_anywhere_gets_an_account_or_a_sentence(at: int, put: bytes) -> None:
    content = SOUND[: at % len(SOUND)] + put + SOUND[at % len(SOUND) + len(put) :]
    found = read_spreadsheet(content, layouts(WIDE))
    assert found.error or found.messages


SOUND = workbook(["Chart", "Drawn", "trig", "alt"], ["T-1", dt.date(2026, 4, 1), 120, 22])
