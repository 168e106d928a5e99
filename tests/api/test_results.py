"""Results over HTTP take the same door as files: stored first, each accounted for."""

from __future__ import annotations

import json

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from compliance.api.results import LARGEST
from compliance.db import db
from compliance.models import Evidence, ImportedFile
from tests.api.programs import Program, a_program
from tests.interop.messages import TG, obx, oru
from tests.world import NOW, a_clinic, a_patient, a_user

HL7 = "application/hl7-v2"
FHIR = "application/fhir+json"


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def program(app: Flask) -> Program:
    clinic = a_clinic()
    a_patient(a_user(clinic), mrn="T-1", family_name="Okafor")
    return a_program(app, clinic)


def send(program: Program, content: bytes, kind: str = HL7, accept: str = "application/json"):
    return program.post("/results", data=content, content_type=kind, headers={"Accept": accept})


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table))


def an_observation(code: str = "2571-8", value: str = "120") -> bytes:
    return json.dumps(
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "contained": [
                {
                    "resourceType": "Patient",
                    "id": "p",
                    "identifier": [{"value": "T-1", "assigner": {"display": "riverside"},
                                    "type": {"coding": [{"code": "MR"}]}}],
                }
            ],
            "subject": {"reference": "#p"},
            "effectiveDateTime": "2026-04-01T08:30:00-04:00",
            "valueQuantity": {"value": float(value), "code": "mg/dL", "unit": "mg/dL"},
        }
    ).encode()  # fmt: skip


@pytest.mark.parametrize("kind", [HL7, "text/plain"])
def test_a_message_is_stored_filed_and_accounted_for(program: Program, kind: str) -> None:
    answer = send(program, oru(obx(TG, "120"), obx(TG, "5.6")), kind)
    assert answer.status_code == 201
    said = answer.get_json()
    assert {name: said[name] for name in ("received", "filed", "held", "rejected", "ignored")} == {
        "received": 2, "filed": 1, "held": 1, "rejected": 0, "ignored": 0,
    }  # fmt: skip
    assert said["already_received"] is False
    assert "probably mmol/L" in said["results"][1]["reason"]
    [row] = db.session.scalars(select(Evidence).where(Evidence.kind == "lab"))
    assert row.recorded_by == "API client Record system"


def test_a_fhir_resource_takes_the_same_door(program: Program) -> None:
    answer = send(program, an_observation(), FHIR)
    assert (answer.status_code, answer.get_json()["filed"]) == (201, 1)


def test_the_same_bytes_again_give_the_same_account_and_change_nothing(program: Program) -> None:
    first, again = (send(program, oru(obx())) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == {**first.get_json(), "already_received": True}
    assert count(ImportedFile) == 1


def test_an_acknowledgement_is_given_where_it_is_asked_for(program: Program) -> None:
    answer = send(program, oru(obx(), control="77"), accept=HL7)
    assert answer.mimetype == HL7
    assert "MSA|AA|77" in answer.get_data(as_text=True)
    refused = send(program, b"no message", accept=HL7)
    assert refused.status_code == 422
    assert "MSA|AR|" in refused.get_data(as_text=True)


def test_an_outcome_is_given_where_it_is_asked_for(program: Program) -> None:
    answer = send(program, an_observation("9999-9"), FHIR, FHIR)
    said = json.loads(answer.data)
    assert "1 received = 0 filed" in said["issue"][0]["diagnostics"]
    assert len(said["issue"]) == 2


@pytest.mark.parametrize(
    "content", [b"no message", b"<Bundle xmlns='http://hl7.org/fhir'/>", b'{"a": 1}', b"{", b"\0"]
)
def test_what_cannot_be_read_is_kept_and_says_why(program: Program, content: bytes) -> None:
    answer = send(program, content)
    assert answer.status_code == 422
    assert answer.get_json()["error"]
    assert count(ImportedFile) == 1
    assert send(program, content).status_code == 422


@pytest.mark.parametrize(
    "content",
    [
        oru(obx(value="1\x002")),
        an_observation().replace(b"mg/dL", b"mg\\u0000"),
        an_observation().replace(b"mg/dL", b"\\ud83d"),
    ],
)
def test_characters_that_no_database_keeps_lose_nothing(program: Program, content: bytes) -> None:
    answer = send(program, content)
    assert answer.status_code in (201, 422)
    assert count(ImportedFile) == 1


@pytest.mark.parametrize(("extra", "status"), [(0, 422), (1, 413)])
def test_sixteen_megabytes_are_taken_and_not_one_byte_more(
    program: Program, extra: int, status: int
) -> None:
    answer = send(program, b"x" * (LARGEST + extra))
    assert answer.status_code == status
    assert count(ImportedFile) == (0 if extra else 1)


def test_other_types_and_nothing_at_all_are_refused(program: Program) -> None:
    assert send(program, b"<a/>", "application/xml").status_code == 415
    assert send(program, b" \r\n").status_code == 400
    assert send(program, oru(obx()), accept="text/html").status_code == 406
    assert count(ImportedFile) == 0


def test_results_go_to_the_clinic_of_the_program_only(app: Flask, program: Program) -> None:
    other = a_program(app, a_clinic("hillside"))
    assert send(other, oru(obx())).get_json()["held"] == 1
    assert send(program, oru(obx())).get_json()["filed"] == 1
    assert other.read("/fhir/Observation")["total"] == 0
