"""Programs sign in with a secret, see their own clinic and what their scopes name, no more."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.api import tokens
from compliance.cli import register
from compliance.db import db, transaction
from compliance.models import AccessLogEntry, ApiClient, AuditEvent, Role
from compliance.services import api_clients
from compliance.services.actors import system
from tests.api.programs import Program, a_client, a_program
from tests.journeys.person import Browser
from tests.world import NOW, a_clinic, a_patient, a_user


@pytest.fixture(autouse=True)
def _today():
    tokens.failures.moments.clear()
    with time_machine.travel(NOW, tick=False):
        yield


def ask(app: Flask, credentials: tuple[str, str] | None = None, **form: str):
    data = {"grant_type": "client_credentials", **form}
    return Browser(app).post("/api/oauth/token", data=data, auth=credentials)


def test_a_secret_sent_by_basic_or_in_the_form_gives_a_token_for_ten_minutes(app: Flask) -> None:
    name, secret = a_client(a_clinic(), "system/Patient.read", "rems")
    for answer in (ask(app, (name, secret)), ask(app, client_id=name, client_secret=secret)):
        assert answer.status_code == 200
        said = answer.get_json()
        assert said.pop("access_token")
        assert said == {
            "token_type": "Bearer", "expires_in": 600, "scope": "system/Patient.read rems",
        }  # fmt: skip
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_token_ends_after_ten_minutes_and_not_before(app: Flask) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        program = a_program(app, a_clinic())
        clock.move_to(NOW + dt.timedelta(seconds=599))
        program.read("/fhir/Patient")
        clock.move_to(NOW + dt.timedelta(seconds=600))
        said = program.read("/fhir/Patient", 401)
    assert said["issue"][0]["code"] == "login"
    assert "run out" in said["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "system/Observation.read"}, 400, "invalid_scope"),
    ],
)
def test_other_grants_and_scopes_that_the_program_lacks_are_refused(
    app: Flask, form: dict[str, str], status: int, error: str
) -> None:
    answer = ask(app, a_client(a_clinic(), "rems"), **form)
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)


def test_a_wrong_secret_is_refused_written_down_and_after_ten_times_waited_for(app: Flask) -> None:
    name, secret = a_client(a_clinic())
    for _ in range(tokens.MOST_FAILURES):
        answer = ask(app, (name, "wrong"))
        assert answer.status_code == 401
        assert answer.get_json()["error"] == "invalid_client"
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert ask(app, (name, secret)).status_code == 429
    assert ask(app, a_client(a_clinic("hillside"))).status_code == 200
    refused = db.session.scalars(select(AuditEvent).where(AuditEvent.action.like("%.refused")))
    assert len(refused.all()) == tokens.MOST_FAILURES
    with time_machine.travel(NOW + tokens.CLOSED_FOR, tick=False):
        assert ask(app, (name, secret)).status_code == 200


@pytest.mark.parametrize(
    "header", ["Basic !!!", "Basic " + base64.b64encode(b"nobody").decode(), "Bearer x", ""]
)
def test_credentials_that_cannot_be_read_are_refused(app: Flask, header: str) -> None:
    data = {"grant_type": "client_credentials"}
    headers = {"Authorization": header}
    assert Browser(app).post("/api/oauth/token", data=data, headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["", "nonsense", "WyJ4Il0.abc"])
def test_without_a_token_of_ours_nothing_is_shown(app: Flask, token: str) -> None:
    answer = Browser(app).get("/api/fhir/Patient", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert json.loads(answer.data)["resourceType"] == "OperationOutcome"


def test_a_person_who_is_signed_in_has_no_way_into_the_api(app: Flask) -> None:
    assert Browser(app).get("/api/fhir/Patient").status_code == 401


def test_a_revoked_program_is_refused_at_once_with_the_token_it_has(app: Flask) -> None:
    name, secret = a_client(a_clinic())
    program = Program(app, (name, secret))
    program.read("/fhir/Patient")
    with transaction() as session:
        api_clients.revoke_client(session, system("tests"), name, NOW)
    program.read("/fhir/Patient", 401)
    assert ask(app, (name, secret)).status_code == 401


def test_a_scope_opens_its_own_type_only(app: Flask) -> None:
    program = a_program(app, a_clinic(), "system/Patient.read")
    program.read("/fhir/Patient")
    said = program.read("/fhir/Observation", 403)
    assert "system/Observation.read" in said["issue"][0]["diagnostics"]
    for address in ("/results", "/cds-services/isotretinoin-order-sign"):
        assert program.post(address, {}).status_code == 403


def test_a_narrower_token_can_be_asked_for(app: Flask) -> None:
    credentials = a_client(a_clinic())
    program = Program(app, credentials)
    program.token = program.ask_token(credentials, scope="rems").get_json()["access_token"]
    program.read("/fhir/Patient", 403)


def test_a_program_sees_its_clinic_only(app: Flask) -> None:
    here, there = a_clinic(), a_clinic("hillside")
    mine = a_patient(a_user(here)).public_id
    theirs = a_patient(a_user(there)).public_id
    program = a_program(app, here)
    found = program.read("/fhir/Patient")
    assert [entry["resource"]["id"] for entry in found["entry"]] == [mine]
    for kind in ("Patient", "Task", "CarePlan"):
        program.read(f"/fhir/{kind}/{theirs}", 404)
    for kind in ("Observation", "Task", "DetectedIssue", "AuditEvent", "Provenance"):
        assert program.read(f"/fhir/{kind}?patient={theirs}")["total"] == 0
    program.read(f"/fhir/Patient?_cursor={theirs}", 422)


def test_every_look_is_written_down_as_the_program(app: Flask) -> None:
    clinic = a_clinic()
    patients = [a_patient(a_user(clinic)).id for _ in range(2)]
    program = a_program(app, clinic)
    program.read("/fhir/DetectedIssue")
    looks = db.session.scalars(select(AccessLogEntry)).all()
    assert sorted(look.patient_id for look in looks) == patients
    assert {(look.actor, look.page) for look in looks} == {
        ("API client Record system", "API DetectedIssue")
    }


def test_the_command_line_shows_a_secret_once_and_keeps_only_its_hash(app: Flask) -> None:
    a_clinic()
    register(app)
    run = app.test_cli_runner().invoke
    made = run(args=["api-client", "add", "EHR", "--clinic", "riverside", "--scope", "rems"])
    name = re.search(r"client_id: +(\S+)", made.output).group(1)
    secret = re.search(r"client_secret: +(\S+)", made.output).group(1)
    row = db.session.scalars(select(ApiClient)).one()
    assert row.secret_hash.startswith("$argon2id$")
    assert secret not in row.secret_hash
    assert ask(app, (name, secret)).status_code == 200
    listed = run(args=["api-client", "list"]).output
    assert name in listed
    assert secret not in listed
    assert "refused from now on" in run(args=["api-client", "revoke", name]).output
    assert "revoked already" in run(args=["api-client", "revoke", name]).output
    assert ask(app, (name, secret)).status_code == 401


def test_the_command_line_names_the_scopes_there_are(app: Flask) -> None:
    a_clinic()
    register(app)
    args = ["api-client", "add", "EHR", "--clinic", "riverside", "--scope", "everything"]
    said = app.test_cli_runner().invoke(args=args)
    assert said.exit_code == 1
    assert "system/Patient.read" in said.output


def test_people_s_roles_are_no_part_of_a_program(app: Flask) -> None:
    clinic = a_clinic()
    a_user(clinic, Role.PRESCRIBER)
    client = db.session.scalars(
        select(ApiClient).where(ApiClient.client_id == a_client(clinic)[0])
    ).one()
    assert api_clients.actor_of(client).role is None


@pytest.mark.parametrize("part", ["\0", "x" * 5000, "client-0000000000000000", "ü"])
def test_names_and_secrets_of_any_kind_are_only_wrong(app: Flask, part: str) -> None:
    name, secret = a_client(a_clinic())
    for form in ((part, secret), (name, part)):
        answer = ask(app, client_id=form[0], client_secret=form[1])
        assert answer.status_code == 401


def test_names_that_nobody_has_are_counted_together(app: Flask) -> None:
    statuses = [
        ask(app, (f"client-{number:016x}", "wrong")).status_code
        for number in range(tokens.MOST_FAILURES + 1)
    ]
    assert statuses == [401] * tokens.MOST_FAILURES + [429]
