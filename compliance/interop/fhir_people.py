"""FHIR's Patient, and references to one, as the subject of a result."""

from __future__ import annotations

from compliance.interop.fhir_json import Resource, items, part, text_of
from compliance.interop.times import read_stamp
from compliance.services.incoming import Identifier, Subject

_OID = "urn:oid:"
# A reference is an address at the sender's, no number of a patient: it names nobody here.
REFERENCE = "reference"


def read_subject(patient: Resource | None, reference: Resource | None = None) -> Subject:
    """Whom a Patient resource, or a reference that could not be followed, names."""
    named = reference or {}
    inline = part(named, "identifier")
    if patient is None or patient.get("resourceType") != "Patient":
        address = text_of(named, "reference")
        found = [_identifier(inline)] if text_of(inline, "value") else []
        if address:
            found.append(Identifier(address, type=REFERENCE))
        return Subject(tuple(found))
    name = _name(patient)
    born = read_stamp(text_of(patient, "birthDate"))
    numbers = [
        _identifier(item)
        for item in items(patient.get("identifier"))
        if text_of(item, "value") and text_of(item, "use") != "old"
    ]
    given = name.get("given")
    return Subject(
        identifiers=tuple(numbers),
        family_name=text_of(name, "family"),
        given_name=" ".join(item for item in given if isinstance(item, str))
        if isinstance(given, list)
        else "",
        born_as_sent=born.text,
        born=born.day,
        sex=text_of(patient, "gender"),
    )


def _name(patient: Resource) -> Resource:
    names = [item for item in items(patient.get("name")) if text_of(item, "use") != "old"]
    official = next((item for item in names if text_of(item, "use") == "official"), None)
    return official or (names[0] if names else {})


def _identifier(item: Resource) -> Identifier:
    system = text_of(item, "system")
    assigner = text_of(part(item, "assigner"), "display")
    codes = items(part(item, "type").get("coding"))
    kind = next((text_of(code, "code").upper() for code in codes if text_of(code, "code")), "")
    return Identifier(
        text_of(item, "value"), assigner or system, system.removeprefix(_OID), kind or "ID"
    )
