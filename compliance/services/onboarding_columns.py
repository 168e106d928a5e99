"""Which column of a spreadsheet is which field: guessed from English and Spanish headings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compliance.services.errors import Invalid
from compliance.services.patients import fold


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a spreadsheet can fill, and the headings by which it is known."""

    name: str
    label: str
    headings: tuple[str, ...]
    needed: bool = False
    allowed: str = ""


FIELDS = (
    Field(
        "mrn",
        "Record number",
        (
            "record number", "mrn", "medical record number", "chart number", "patient id",
            "patient number", "id", "numero de historia", "historia clinica", "nhc",
            "numero de historia clinica", "n historia", "no historia",
            "no de historia", "expediente", "numero de expediente",
        ),
        needed=True,
    ),
    Field(
        "given_name",
        "Given name",
        ("given name", "given names", "first name", "forename", "nombre", "nombres"),
        needed=True,
    ),
    Field(
        "family_name",
        "Family name",
        ("family name", "last name", "surname", "apellido", "apellidos"),
        needed=True,
    ),
    Field(
        "birth_date",
        "Date of birth",
        (
            "date of birth", "birth date", "birthdate", "dob", "born", "fecha de nacimiento",
            "fecha nacimiento", "f nacimiento", "nacimiento",
        ),
        needed=True,
        allowed="2026-04-02, 2 Apr 2026 or 02/04/2026",
    ),
    Field(
        "sex_at_birth",
        "Sex at birth",
        ("sex at birth", "sex", "sexo", "sexo al nacer"),
        allowed="female or male",
    ),
    Field(
        "potential",
        "Can become pregnant",
        (
            "can become pregnant", "pregnancy potential", "potential", "reproductive potential",
            "puede quedar embarazada", "capacidad de gestar", "potencial",
        ),
        allowed="yes, no or undetermined; empty is undetermined",
    ),
    Field(
        "reason",
        "Because",
        ("because", "reason", "potential reason", "motivo", "razon"),
        allowed="anatomy, assigned-male, hysterectomy and others",
    ),
    Field(
        "email",
        "E-mail",
        ("e mail", "email", "mail", "email address", "correo", "correo electronico"),
    ),
    Field(
        "phone",
        "Telephone",
        ("telephone", "phone", "mobile", "phone number", "telefono", "movil", "celular"),
    ),
    Field(
        "language",
        "Language",
        ("language", "idioma", "lengua", "preferred language"),
        allowed="en or es",
    ),
    Field(
        "programme",
        "Programme",
        ("programme", "program", "programa"),
        allowed="the clinic's own",
    ),
    Field(
        "prescriber",
        "Prescriber's e-mail",
        (
            "prescriber", "prescriber s e mail", "prescriber email", "prescriber e mail",
            "doctor", "medico", "correo del medico", "prescriptor", "email del medico",
        ),
        allowed="the address of a prescriber of this clinic",
    ),
    Field(
        "enrolled_on",
        "Enrolled on",
        ("enrolled on", "enrolment date", "enrollment date", "enrolled", "fecha de inscripcion",
         "fecha de registro", "inscripcion"),
        allowed="a date up to today",
    ),
    Field(
        "started_on",
        "Treatment started on",
        (
            "treatment started on", "treatment start", "start date", "started", "started on",
            "inicio", "inicio del tratamiento", "fecha de inicio",
        ),
        allowed="a date up to today",
    ),
    Field(
        "weight_kg",
        "Weight in kg",
        ("weight", "weight kg", "weight in kg", "peso", "peso kg", "peso en kg"),
        allowed="10 to 400",
    ),
)  # fmt: skip
BY_NAME = {field.name: field for field in FIELDS}
DATES = ("birth_date", "enrolled_on", "started_on")

Mapped = Mapping[str, str]  # our field: their heading


def guess(headings: Sequence[str]) -> dict[str, str]:
    """The columns whose headings are known; each heading serves one field."""
    plain = {" ".join(re.findall(r"[a-z0-9]+", fold(text))): text for text in reversed(headings)}
    found: dict[str, str] = {}
    for field in FIELDS:
        match = next((plain[known] for known in field.headings if known in plain), None)
        if match is not None and match not in found.values():
            found[field.name] = match
    return found


def check_columns(mapped: Mapped, headings: Sequence[str]) -> None:
    """Raise Invalid for a field that is needed and missing, and for a column used twice."""
    faults: dict[str, str] = {}
    for field in FIELDS:
        heading = mapped.get(field.name)
        if heading is None and field.needed:
            faults[field.name] = f"Choose the column that holds the {field.label.lower()}."
        elif heading is not None and heading not in headings:
            faults[field.name] = f"Found {heading!r}; the file has no such column."
        elif heading is not None and list(mapped.values()).count(heading) > 1:
            faults[field.name] = f"The column {heading!r} is chosen twice."
    if faults:
        raise Invalid(faults)
