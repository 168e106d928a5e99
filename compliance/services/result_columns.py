"""What the columns of a laboratory's spreadsheet mean: said by a person, or certain by design.

Two shapes: long has one result a row; wide has one patient and day a row, one analyte a column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.rules.terminology import Terminology, has_word, load_terminology
from compliance.rules.terms import Analyte, Specimen, Term
from compliance.services.errors import Invalid
from compliance.services.patients import fold

LOINC = "LN"
LONGEST = 120  # characters of a heading or a constant
LONGEST_UNIT = 60


class DateForm(Term):
    """How a laboratory writes days that are not ISO or HL7 dates."""

    ISO = "iso"
    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


@dataclass(frozen=True, slots=True)
class Known:
    """A field that a column can fill, what it is called, and headings by which it is guessed."""

    name: str
    label: str
    headings: tuple[str, ...]
    hint: str = ""


FIELDS = (
    Known("number", "Patient number", ("patient", "patient id", "patient number", "mrn", "patid",
          "medical record number", "record number", "chart", "chart number", "patientennummer",
          "numero de historia", "nhc"),
          "The number by which the patient is known, as the laboratory writes it."),
    Known("authority", "Who assigned the number", ("authority", "assigning authority", "facility")),
    Known("family_name", "Family name", ("family name", "last name", "surname", "apellidos",
          "patient last name", "nachname")),
    Known("given_name", "Given name", ("given name", "first name", "patient first name", "nombre",
          "vorname")),
    Known("born", "Birth date", ("birth date", "birthdate", "date of birth", "dob", "patient dob",
          "geburtsdatum", "fecha de nacimiento")),
    Known("collected", "Collected", ("collected", "collection date", "date", "collected on",
          "specimen collection date time", "collected at", "sample date", "drawn", "entnahme",
          "fecha"),
          "When the sample was taken, not when the result was reported."),
    Known("code", "Code of the test", ("code", "loinc", "loinc code", "test code",
          "ordered test code", "snomedct code", "analyte code")),
    Known("code_system", "Code system", ("code system", "coding system", "system")),
    Known("name", "Name of the test", ("description", "test", "test name", "analyte", "name",
          "component", "prueba", "untersuchung")),
    Known("value", "Value", ("value", "result", "numeric value", "test result", "resultado",
          "ergebnis", "wert")),
    Known("comparator", "Comparator", ("comparator", "operator", "sign"), "A column of < and >."),
    Known("unit", "Unit", ("unit", "units", "einheit", "unidad", "unidades")),
    Known("low", "Lower limit of normal", ("low", "lower limit", "range low", "ref low")),
    Known("high", "Upper limit of normal", ("high", "upper limit", "range high", "ref high")),
    Known("range", "Reference range", ("reference range", "range", "normal range", "ref range")),
    Known("flag", "Flag", ("flag", "abnormal flag", "interpretation", "abnormal")),
    Known("status", "Status", ("status", "result status", "test result status"),
          "Final, preliminary, corrected, as words or as the letters of HL7."),
    Known("order", "Order number", ("order number", "order", "accession", "accession number",
          "sample id", "lab number")),
    Known("note", "Note", ("note", "notes", "comment", "comments", "remark")),
)  # fmt: skip
BY_NAME = {item.name: item for item in FIELDS}
# What is the same for a row's results in the wide shape; the rest is each column's own.
_OF_ONE_RESULT = ("code", "code_system", "name", "value", "comparator", "unit", "low", "high",
                  "range", "flag")  # fmt: skip
_TEXTS = ("sender", "authority", "number_type", "code_system")
_KEYS = {*_TEXTS, "fields", "analytes", "all_final", "date_form", "decimal"}


@dataclass(frozen=True, slots=True)
class AnalyteColumn:
    """A column of one analyte: its LOINC code and the unit that all its values have."""

    heading: str
    code: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what; `fields` maps our field to their heading.

    `all_final` is a person's word that this laboratory sends final results only; `decimal` is
    the decimal sign, "" when nobody said.
    """

    fields: Mapping[str, str]
    analytes: tuple[AnalyteColumn, ...] = ()
    sender: str = ""
    authority: str = ""
    number_type: str = ""
    code_system: str = ""
    all_final: bool = False
    date_form: DateForm = DateForm.ISO
    decimal: str = ""

    @property
    def used(self) -> tuple[str, ...]:
        """Every heading that means something."""
        return (*self.fields.values(), *(item.heading for item in self.analytes))

    def plain(self) -> dict[str, Any]:
        """The same as plain data, as `read_columns` reads it."""
        return {
            "sender": self.sender,
            "fields": dict(self.fields),
            "analytes": [
                {"heading": item.heading, "code": item.code, "unit": item.unit}
                for item in self.analytes
            ],
            "authority": self.authority,
            "number_type": self.number_type,
            "code_system": self.code_system,
            "all_final": self.all_final,
            "date_form": self.date_form.value,
            "decimal": self.decimal,
        }


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns with the headings by which their spreadsheet is recognised.

    `exactly` says that no other heading may stand beside them.
    """

    headings: tuple[str, ...]
    columns: Columns
    exactly: bool = True

    def fits(self, headings: Sequence[str]) -> bool:
        """Whether a spreadsheet with these headings is meant; their order does not matter."""
        if self.exactly:
            return sorted(headings) == sorted(self.headings)
        return set(self.headings) <= set(headings)


# Published formats whose headings say what they are: nothing in them is guessed.
BUILT_IN = (
    Layout(
        ("DATE", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION", "VALUE", "UNITS", "TYPE"),
        Columns(
            {"number": "PATIENT", "collected": "DATE", "code": "CODE", "name": "DESCRIPTION",
             "value": "VALUE", "unit": "UNITS"},
            sender="Synthea", code_system=LOINC, decimal=".",
        ),
        exactly=False,
    ),
    Layout(
        ("patient_id", "date", "snomedct_code", "numeric_value"),
        Columns(
            {"number": "patient_id", "collected": "date", "code": "snomedct_code",
             "value": "numeric_value"},
            sender="ehrQL", code_system="SCT", decimal=".",
        ),
    ),
    Layout(
        ("Patient_ID", "Patient_DOB", "Ordered_test_code", "Test_result_code",
         "Test_result_status", "Specimen_collection_date_time"),
        Columns(
            {"number": "Patient_ID", "family_name": "Patient_last_name",
             "given_name": "Patient_first_name", "born": "Patient_DOB",
             "collected": "Specimen_collection_date_time", "code": "Ordered_test_code",
             "value": "Test_result_code", "status": "Test_result_status", "order": "Result_ID"},
            sender="ReportStream", code_system=LOINC, decimal=".",
        ),
        exactly=False,
    ),
)  # fmt: skip


def guess(headings: Sequence[str]) -> Columns:
    """What well-known headings probably mean, as a proposal for a person."""
    by_words = {_words(text): text for text in reversed(headings)}
    fields: dict[str, str] = {}
    for item in FIELDS:
        found = next((by_words[known] for known in item.headings if known in by_words), None)
        if found is not None and found not in fields.values():
            fields[item.name] = found
    if "value" in fields:
        return Columns(fields)
    fields = {name: text for name, text in fields.items() if name not in _OF_ONE_RESULT}
    free = [text for text in headings if text not in fields.values()]
    return Columns(fields, tuple(_guessed(free)))


def _guessed(headings: Iterable[str]) -> Iterable[AnalyteColumn]:
    terms = load_terminology()
    taken: set[Analyte] = set()
    for heading in headings:
        words = _words(heading)
        named = next((item for item in terms.analytes.values() if _names(words, item)), None)
        if named is not None and named.analyte not in taken:
            taken.add(named.analyte)
            yield AnalyteColumn(heading, named.analyte.value)


def _names(words: str, item: Any) -> bool:
    own = words == item.analyte.value.casefold() or has_word(words, item.words)
    return own and not has_word(words, item.unlike)


def _words(text: str) -> str:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return " ".join(re.findall(r"[^\W_]+", fold(apart)))


def code_for(what: str, unit: str, terms: Terminology) -> str:
    """The LOINC code of an analyte (such as TG) in a unit; raises Invalid when they do not fit.

    A LOINC code of the table stays itself.
    """
    if what in terms.codes or what in terms.pregnancy.tests:
        return what
    analyte = next((item for item in terms.analytes.values() if item.analyte.value == what), None)
    if analyte is None:
        raise Invalid({"analytes": f"Found {what[:40]!r}; choose an analyte of the list."})
    known = terms.unit(unit)
    for item in terms.codes.values():
        is_ours = item.analyte is analyte.analyte and item.confirmed
        if is_ours and known in analyte.properties[item.property]:
            return item.loinc
    allowed = ", ".join(analyte.units)
    raise Invalid(
        {"analytes": f"{analyte.name} cannot be in {unit[:40] or 'no unit'}; it takes {allowed}."}
    )


def key_of(code: str) -> str:
    """The key of what a LOINC code measures, as `choices` has it; a key is its own."""
    terms = load_terminology()
    if code in terms.codes:
        return terms.codes[code].analyte.value
    specimen = terms.pregnancy.tests.get(code)
    if specimen is None:
        return code
    return next(key for key, of in terms.pregnancy.tests.items() if of is specimen)


def choices(terms: Terminology) -> dict[str, str]:
    """What a column of the wide shape can hold: its key and what it is called."""
    found = {item.analyte.value: item.name for item in terms.analytes.values()}
    for specimen in (Specimen.URINE, Specimen.SERUM):
        code = next(code for code, of in terms.pregnancy.tests.items() if of is specimen)
        found[code] = f"Pregnancy test, {specimen.value}"
    return found


def read_columns(data: Mapping[str, Any], headings: Sequence[str] | None = None) -> Columns:
    """Columns from plain data; raises Invalid naming each fault beside its field.

    With `headings`, each column must stand under one of them, exactly once.
    """
    faults: dict[str, str] = {}
    unknown = sorted(set(map(str, data)) - _KEYS)
    if unknown:
        faults["columns"] = f"Found {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}."
    fields = _fields(data.get("fields", {}), faults)
    analytes = _analytes(data.get("analytes", ()), faults)
    texts = {name: _text(data.get(name, ""), name, faults) for name in _TEXTS}
    if data.get("all_final", False) not in (True, False):
        faults["all_final"] = "Say true or false."
    if data.get("decimal", "") not in ("", ".", ","):
        faults["decimal"] = "The decimal sign is a point or a comma."
    if data.get("date_form", "iso") not in {item.value for item in DateForm}:
        faults["date_form"] = "Dates are iso, dmy or mdy."
    if not faults:
        _check_shape(fields, analytes, headings, faults)
    if faults:
        raise Invalid(faults)
    return Columns(
        fields,
        analytes,
        all_final=bool(data.get("all_final", False)),
        date_form=DateForm(data.get("date_form", "iso")),
        decimal=data.get("decimal", ""),
        **texts,
    )


def _text(found: Any, name: str, faults: dict[str, str], longest: int = LONGEST) -> str:
    if not isinstance(found, str) or len(found) > longest:
        faults[name] = f"Enter a text of at most {longest} characters."
        return ""
    return found.strip()


def _fields(found: Any, faults: dict[str, str]) -> dict[str, str]:
    if not isinstance(found, Mapping):
        faults["fields"] = "The fields are a table of our field and their heading."
        return {}
    fields = {}
    for name, heading in found.items():
        if name not in BY_NAME:
            faults[str(name)[:LONGEST]] = f"Known fields are {', '.join(BY_NAME)}."
        elif text := _text(heading, name, faults, 4000):
            fields[name] = text
    return fields


def _analytes(found: Any, faults: dict[str, str]) -> tuple[AnalyteColumn, ...]:
    if not isinstance(found, (list, tuple)) or not all(isinstance(item, Mapping) for item in found):
        faults["analytes"] = "The analytes are a list of tables with heading, code and unit."
        return ()
    columns = []
    for item in found:
        heading, code, unit = (
            _text(item.get(name, ""), "analytes", faults, longest)
            for name, longest in (("heading", 4000), ("code", LONGEST), ("unit", LONGEST_UNIT))
        )
        try:
            columns.append(AnalyteColumn(heading, code_for(code, unit, load_terminology()), unit))
        except Invalid as refused:
            faults[f"unit-{key_of(code)}" if code else "analytes"] = refused.fields["analytes"]
    return tuple(columns)


def _check_shape(
    fields: Mapping[str, str],
    analytes: Sequence[AnalyteColumn],
    headings: Sequence[str] | None,
    faults: dict[str, str],
) -> None:
    if "number" not in fields and "born" not in fields:
        faults["number"] = "Choose the column with the patient number."
    if "collected" not in fields:
        faults["collected"] = "Choose the column that says when the sample was taken."
    if analytes:
        for name in sorted(set(fields) & set(_OF_ONE_RESULT)):
            faults[name] = "With one column an analyte, each column has its own; leave this out."
    elif "value" not in fields:
        faults["value"] = "Choose the column with the value, or one column for each analyte."
    elif not {"code", "name"} & set(fields):
        faults["code"] = "Choose the column with the code or the name of the test."
    _check_headings(fields, analytes, headings, faults)


def _check_headings(
    fields: Mapping[str, str],
    analytes: Sequence[AnalyteColumn],
    headings: Sequence[str] | None,
    faults: dict[str, str],
) -> None:
    named = [
        *fields.items(),
        *((f"column-{key_of(item.code)}", item.heading) for item in analytes),
    ]
    used = [heading for _, heading in named]
    for name, heading in named:
        if headings is not None and heading not in headings:
            faults[name] = f"Found {heading[:80]!r}; the file has no such column."
        elif used.count(heading) > 1:
            faults[name] = f"The column {heading[:80]!r} is chosen twice."
