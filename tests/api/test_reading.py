"""FHIR out: every type is valid, searched by patient and date, page by page."""

from __future__ import annotations

import datetime as dt
import importlib
import json
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask

from compliance.db import transaction
from compliance.models import Patient, Role
from compliance.rules.facts import Acknowledgement, Lab, PregnancyTest
from compliance.rules.terms import Analyte, Form, Signer, Specimen, TestResult
from compliance.services import recording
from compliance.services.api_clients import READABLE
from tests.api.programs import Program, a_program
from tests.world import NOW, a_clinic, a_patient, a_user

DAY = NOW.date()


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


class Practice:
    """A clinic with a prescriber, one patient with a record, and a program that reads."""

    def __init__(self, app: Flask) -> None:
        self.clinic = a_clinic()
        self.prescriber = a_user(self.clinic, Role.PRESCRIBER, "Dr Pia Prescriber")
        self.patient = a_patient(self.prescriber, mrn="T-1", identifiers=[("CITYLAB", "C-9")])
        self.key = self.patient.public_id
        self.program: Program = a_program(app, self.clinic)

    def add(self, *facts, now: dt.datetime = NOW) -> list[str]:
        with transaction() as session:
            patient = session.get_one(Patient, self.patient.id)
            rows = recording.record_all(session, self.prescriber, patient, facts, now)
            return [row.public_id for row in rows]

    def prescribe(self) -> None:
        with transaction() as session:
            recording.prescribe(
                session, self.prescriber, session.get_one(Patient, self.patient.id), NOW,
                days_supply=30, refills=0, daily_dose_mg=Decimal("40"),
                override_reason="The registry was asked by telephone",
            )  # fmt: skip

    def withdraw(self, public_id: str) -> None:
        with transaction() as session:
            patient = session.get_one(Patient, self.patient.id)
            row = recording.get_evidence(session, patient, public_id)
            recording.withdraw_evidence(session, self.prescriber, patient, row, "wrong one", NOW)

    def found(self, address: str) -> list:
        said = self.program.read(f"/fhir/{address}")
        valid(said)
        return [entry["resource"] for entry in said.get("entry", [])]


@pytest.fixture
def practice(app: Flask) -> Practice:
    return Practice(app)


def lab(value: str = "120", unit: str = "mg/dL", on: dt.date = DAY, **more) -> Lab:
    return Lab(collected=on, analyte=Analyte.TG, value=value, unit=unit, **more)


def a_test(result: TestResult = TestResult.NEGATIVE, on: dt.date = DAY) -> PregnancyTest:
    return PregnancyTest(collected=on, result=result, specimen=Specimen.SERUM)


FORM = Acknowledgement(
    on=DAY, form=Form.CONSENT_PART_1, version="2023-10", signed_by=(Signer.PATIENT,)
)


def valid(resource: dict) -> None:
    """Read by the published definitions of the type, which refuse what does not belong."""
    kind = resource["resourceType"]
    model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    model.model_validate_json(json.dumps(resource))


def full(practice: Practice) -> None:
    practice.add(lab(upper_limit="150", fasting=True), a_test(), FORM)
    practice.prescribe()


@pytest.mark.parametrize("kind", READABLE)
def test_every_type_is_found_valid_and_read_again_by_its_id(practice: Practice, kind: str) -> None:
    full(practice)
    found = practice.found(kind)
    assert found
    for resource in found:
        valid(resource)
        assert practice.program.read(f"/fhir/{kind}/{resource['id']}") == resource


@pytest.mark.parametrize("kind", [kind for kind in READABLE if kind != "Patient"])
def test_every_type_is_searched_by_patient(practice: Practice, kind: str) -> None:
    full(practice)
    other = a_patient(practice.prescriber)
    for named in (practice.key, f"Patient/{practice.key}"):
        found = practice.found(f"{kind}?patient={named}")
        assert found
        assert other.public_id not in json.dumps(found)


def test_a_laboratory_result_keeps_its_digits_comparator_and_unit(practice: Practice) -> None:
    practice.add(lab("120.50"), lab("<0.10", "mmol/L"), lab("lipaemic", ""))
    text = practice.program.get("/fhir/Observation").get_data(as_text=True)
    assert '"value":120.50,"unit":"mg/dL"' in text
    values = [
        item.get("valueQuantity") or item["valueString"] for item in practice.found("Observation")
    ]
    assert values[1]["comparator"] == "<"
    assert values[2] == "lipaemic"
    codes = [item["code"]["coding"][0]["code"] for item in practice.found("Observation")]
    assert codes == ["2571-8", "14927-8", "TG"]


def test_a_pregnancy_test_says_its_answer_in_snomed(practice: Practice) -> None:
    practice.add(a_test(), a_test(TestResult.POSITIVE), a_test(TestResult.INDETERMINATE))
    said = [item["valueCodeableConcept"]["text"] for item in practice.found("Observation")]
    assert said == ["Negative", "Positive", "Indeterminate"]


def test_what_was_withdrawn_stays_and_says_so(practice: Practice) -> None:
    key, other = practice.add(lab(), a_test())
    before = practice.program.get(f"/fhir/Observation/{key}")
    practice.withdraw(key)
    after = practice.program.get(f"/fhir/Observation/{key}")
    assert json.loads(after.data)["status"] == "entered-in-error"
    assert after.headers["ETag"] != before.headers["ETag"]
    assert practice.program.read(f"/fhir/Observation/{other}")["status"] == "final"


def test_an_unmet_requirement_has_its_reason_and_citation_and_no_word_of_approval(
    practice: Practice,
) -> None:
    found = practice.found(f"DetectedIssue?patient={practice.key}")
    assert all(item["detail"] and item["reference"].startswith("http") for item in found)
    assert all(
        any(part["url"].endswith("/citation") for part in item["extension"]) for item in found
    )
    task = practice.program.read(f"/fhir/Task/{practice.key}")
    assert task["businessStatus"]["text"] == "Prerequisites do not appear met"
    assert "edition" in task["note"][0]["text"]
    text = json.dumps([task, practice.found("CarePlan")])
    assert "approved" not in text.lower()


def test_a_prescription_tells_what_stood_against_it(practice: Practice) -> None:
    practice.prescribe()
    [order] = practice.found("MedicationRequest")
    assert order["medicationCodeableConcept"]["coding"][0]["code"] == "6064"
    assert order["status"] == "active"
    said = " ".join(note["text"] for note in order["note"])
    assert "Prerequisites do not appear met".lower() in said.lower()
    assert "The registry was asked by telephone" in said


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("date=2026-04-02", 1),
        ("date=eq2026-04", 2),
        ("date=ge2026-04-02", 1),
        ("date=gt2026-04-02", 0),
        ("date=le2026-04-01", 1),
        ("date=lt2026-04-01", 0),
        ("date=ge2026-04-01&date=lt2026-04-02", 1),
        ("_lastUpdated=ge2026-04-02T15:00:00Z", 2),
        ("_lastUpdated=gt2026-04-02T15:00:00Z", 0),
        ("_lastUpdated=lt2026-04-02T15:00:00Z", 0),
        ("_lastUpdated=ge2026-04-02T11:00:00-04:00", 2),
    ],
)
def test_dates_have_both_sides(practice: Practice, asked: str, count: int) -> None:
    practice.add(lab(), lab(on=DAY - dt.timedelta(days=1)))
    assert len(practice.found(f"Observation?{asked}")) == count


@pytest.mark.parametrize(
    "asked",
    [
        "name=Okafor", "date=yesterday", "date=2026-13-01", "date=ne2026-04-02", "_count=201",
        "_count=-1", "_lastUpdated=2026-04-02T15:00", "patient=A%20B", "_id=a&_id=b",
        "_cursor=%00",
    ],
)  # fmt: skip
def test_what_is_not_known_or_doubtful_is_refused_without_repeating_it(
    practice: Practice, asked: str
) -> None:
    said = practice.program.read(f"/fhir/Observation?{asked}", 400)
    valid(said)
    assert "Okafor" not in json.dumps(said)


def test_an_unknown_parameter_is_passed_over_only_when_the_program_asks_for_it(
    practice: Practice,
) -> None:
    practice.add(lab())
    answer = practice.program.get("/fhir/Observation?name=x", Prefer="handling=lenient")
    assert answer.status_code == 200
    assert "name" not in json.loads(answer.data)["link"][0]["url"]


@pytest.mark.parametrize("kind", ["Observation", "Patient", "DetectedIssue", "AuditEvent"])
def test_pages_hold_everything_once_and_their_links_tell_nothing(
    practice: Practice, kind: str
) -> None:
    practice.add(lab(), lab(), lab(), a_test())
    a_patient(practice.prescriber)
    everything = [item["id"] for item in practice.found(kind)]
    address, seen = f"/fhir/{kind}?_count=1", []
    while address:
        said = practice.program.read(address)
        assert said["total"] == len(everything)
        seen += [entry["resource"]["id"] for entry in said["entry"]]
        links = {link["relation"]: link["url"] for link in said["link"]}
        assert "Okafor" not in str(links)
        following = urlsplit(links.get("next", ""))
        address = (
            f"{following.path.removeprefix('/api')}?{following.query}" if following.path else ""
        )
        if kind == "AuditEvent" and len(seen) == 3:
            return
    assert seen == everything


def test_a_count_of_nothing_gives_the_total_alone(practice: Practice) -> None:
    practice.add(lab())
    said = practice.program.read("/fhir/Observation?_count=0")
    assert (said["total"], said.get("entry")) == (1, None)


def test_a_number_is_searched_by_post_and_never_in_an_address(practice: Practice) -> None:
    practice.program.read("/fhir/Patient?identifier=T-1", 400)
    practice.program.read("/fhir/Patient?birthdate=1998-04-02", 400)
    for number, count in (("T-1", 1), ("C-9", 1), ("CITYLAB|C-9", 1), ("OTHER|C-9", 0), ("T-2", 0)):
        answer = practice.program.post("/fhir/Patient/_search", data={"identifier": number})
        said = json.loads(answer.data)
        assert said["total"] == count
        assert "identifier" not in said["link"][0]["url"]


def test_what_has_not_changed_is_not_sent_again(practice: Practice) -> None:
    first = practice.program.get(f"/fhir/Patient/{practice.key}")
    assert "GMT" in first.headers["Last-Modified"]
    again = {"If-None-Match": first.headers["ETag"]}
    assert practice.program.get(f"/fhir/Patient/{practice.key}", **again).status_code == 304
    other = {"If-None-Match": 'W/"other"'}
    assert practice.program.get(f"/fhir/Patient/{practice.key}", **other).status_code == 200


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/fhir+json", 200),
        ("application/json", 200),
        ("*/*", 200),
        ("application/fhir+xml", 406),
        ("text/html", 406),
    ],
)
def test_only_json_is_spoken(practice: Practice, accept: str, status: int) -> None:
    answer = practice.program.get("/fhir/Patient", Accept=accept)
    assert answer.status_code == status
    assert answer.mimetype == "application/fhir+json"
    assert practice.program.get("/fhir/Patient?_format=xml").status_code == 406
    assert practice.program.get("/fhir/Patient?_format=json").status_code == 200


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("get", "/fhir/Practitioner", 404),
        ("get", "/fhir/Patient/unknown", 404),
        ("get", "/nowhere", 404),
        ("post", "/fhir/Patient", 405),
    ],
)
def test_every_refusal_is_an_outcome(
    practice: Practice, method: str, address: str, status: int
) -> None:
    answer = getattr(practice.program, method)(address)
    assert answer.status_code == status
    valid(json.loads(answer.data))


def test_the_capability_statement_is_open_and_names_what_is_served(app: Flask) -> None:
    answer = app.test_client().get("/api/fhir/metadata")
    said = json.loads(answer.data)
    valid(said)
    assert said["fhirVersion"] == "4.0.1"
    assert {item["type"] for item in said["rest"][0]["resource"]} >= set(READABLE)


@pytest.mark.parametrize("asked", ["2026-02-30", "9999-12-31", "eq9999"])
def test_a_day_that_does_not_exist_is_refused(practice: Practice, asked: str) -> None:
    practice.program.read(f"/fhir/Observation?date={asked}", 422)


def test_two_different_patients_at_once_are_nobody(practice: Practice) -> None:
    practice.add(lab())
    other = a_patient(practice.prescriber).public_id
    for kind in ("Observation", "DetectedIssue"):
        assert (
            practice.program.read(f"/fhir/{kind}?patient={practice.key}&patient={other}")["total"]
            == 0
        )


@pytest.mark.parametrize("kind", READABLE)
@pytest.mark.parametrize("key", ["%00", "9" * 30, "x%27", "ff-", "-"])
def test_an_id_that_is_none_is_not_found(practice: Practice, kind: str, key: str) -> None:
    practice.program.read(f"/fhir/{kind}/{key}", 404)
