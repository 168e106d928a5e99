"""The parts of which FHIR resources are made here: codes, references, notes and the edition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from compliance.api.answers import Resource, fhir_url, version_of
from compliance.models import Patient
from compliance.rules.programme import load_programme
from compliance.rules.terms import Verdict

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ISOTRETINOIN = {"system": RXNORM, "code": "6064", "display": "isotretinoin"}
STATUS_WORDS = {
    Verdict.YES: "Prerequisites appear met",
    Verdict.NO: "Prerequisites do not appear met",
    Verdict.HOLD: "A person must decide: something that is asked for is not known",
}


def resource(kind: str, key: str, updated: dt.datetime, body: Resource) -> Resource:
    """A resource with its id and the name and moment of this state; empty parts are left out."""
    whole = {"resourceType": kind, "id": key, **_without_empty(body)}
    meta = {"versionId": version_of(whole), "lastUpdated": moment(updated)}
    return {"resourceType": kind, "id": key, "meta": meta, **_without_empty(body)}


def _without_empty(body: Mapping[str, Any]) -> Resource:
    return {name: value for name, value in body.items() if value not in (None, "", [], {})}


def moment(at: dt.datetime) -> str:
    """An instant as FHIR writes it."""
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def concept(text: str, *codings: Mapping[str, str]) -> Resource:
    """A CodeableConcept."""
    return _without_empty({"coding": list(codings), "text": text})


def own_code(system: str, code: str) -> dict[str, str]:
    """A code of one of our own lists."""
    return {"system": fhir_url("CodeSystem", system), "code": code}


def words(term: str) -> str:
    """A term as a person reads it: monthly-test as Monthly test."""
    return term.replace("-", " ").replace("_", " ").capitalize()


def to_patient(patient: Patient) -> Resource:
    """The reference to a patient, by the public id."""
    return {"reference": f"Patient/{patient.public_id}"}


def notes(*texts: str) -> list[Resource]:
    """Annotations, without those that say nothing."""
    return [{"text": text} for text in texts if text]


def edition_note(programme: str, edition: str) -> str:
    """By which rules something was judged."""
    return f"Judged by {load_programme(programme).name}, edition {edition or 'unknown'}."


def extension(name: str, value: str) -> Resource:
    """An extension of our own, described in the documents."""
    return {"url": fhir_url("StructureDefinition", name), "valueString": value}


def citations(basis: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the rules behind a finding stand in print, each once, with what is not yet verified."""
    found = []
    for item in basis:
        place = f", {item['locator']}" if item["locator"] else ""
        checked = "" if item["verified"] else " (not yet verified by a person)"
        found.append(f"{item['title']}{place}, {item['published_on']}{checked}")
    return list(dict.fromkeys(found))
