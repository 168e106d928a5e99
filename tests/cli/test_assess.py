"""The command assess: case files and patients, as they are and as they might be."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from compliance.cli import register
from compliance.db import db
from compliance.models import AccessLogEntry, Evidence, Patient
from compliance.models.users import Role
from tests.services.test_what_if import decide, later, ready, told
from tests.world import a_clinic, a_user

CASES = Path(__file__).resolve().parent.parent / "cases" / "us"
ONE = CASES / "ipl-window-last-second.toml"
POSITIVE = "pregnancy_test collected=2026-11-20 result=positive setting=medical"


def run(app: Flask, *words: Any) -> tuple[int, str]:
    db.session.rollback()
    if "assess" not in app.cli.commands:
        register(app)
    answer = app.test_cli_runner().invoke(args=["assess", *map(str, words)])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, answer.output


def answers(app: Flask, *words: Any) -> list[dict[str, Any]]:
    code, said = run(app, "--json", *words)
    assert code == 0, said
    return [json.loads(line) for line in said.splitlines()]


@pytest.fixture
def patient(app: Flask) -> Patient:
    """A patient for whom it was prescribed and handed over on 20 November 2026."""
    prescriber = a_user(a_clinic(), Role.PRESCRIBER)
    person, _ = ready(prescriber)
    decide(prescriber, person)
    return person


# --- case files -----------------------------------------------------------------------------------


def test_without_options_the_answer_is_compared_as_ever(app: Flask, tmp_path: Path) -> None:
    code, said = run(app, ONE)
    assert code == 0
    assert said.endswith("2 of 2 questions agree.\n")
    assert "WHAT IF" not in said
    assert [item["agrees"] for item in answers(app, ONE)] == [True, True]
    assert "what_if" not in answers(app, ONE)[0]
    other = tmp_path / ONE.name
    other.write_text(ONE.read_text("utf-8").replace('permitted = "no"', 'permitted = "hold"', 1))
    assert run(app, other)[0] == 1
    assert run(app, tmp_path / "nowhere.toml")[0] == 2


def test_assumed_facts_another_edition_and_another_moment_change_the_answer(app: Flask) -> None:
    home = 'pregnancy_test={collected=2026-04-20, result="negative", setting="home"}'
    words = ("--at", "2026-04-20", "--assume", home, "--edition", "2021", ONE)
    (found,) = answers(app, *words)
    assert found["at"] == "2026-04-20T12:00:00-04:00"
    assert found["edition"] == "2021"
    assert "test-setting" in found["blocked_by"]
    assert found["what_if"]["assumed"][0]["id"] == "assumed-1"
    code, said = run(app, *words)
    assert code == 0
    assert "WHAT IF  Every act is judged as if edition 2021" in said
    assert "WHAT IF  assumed-1: pregnancy_test collected=2026-04-20" in said


def test_the_same_record_is_asked_under_another_programme(app: Flask) -> None:
    found = answers(app, "--programme", "uk-ppp", ONE)
    assert {item["programme"] for item in found} == {"uk-ppp"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", "soon", ONE), "--at: found 'soon' (allowed: a day or a local or offset"),
        (("--edition", "2030", ONE), "--edition: us-ipledge: found '2030' (allowed: 2021 |"),
        (("--programme", "mars", ONE), "--programme: found 'mars' (allowed: "),
        (("--assume", "menses begun=2026-04-01", ONE), "--assume: menses.begun: unknown key"),
        (("--assume", "menses started=2027-01-01", ONE), "menses.started: found 2027-01-01"),
        ((), "Name case files, or a patient by --patient or --mrn with --clinic."),
        (("--patient", "x", ONE), "Name case files or a patient, not both."),
        (("--patient", "x", "--mrn", "T-1"), "Name the patient by --patient, or by --mrn"),
        (("--patient", "nobody"), "--patient: There is no such patient."),
        (("--mrn", "T-1"), "--mrn: A record number needs the clinic's code as well."),
        (("--mrn", "T-1", "--clinic", "hill"), "--mrn: No clinic has the code 'hill'."),
    ],
)
def test_what_cannot_be_asked_exits_with_2_and_says_what_is_allowed(
    app: Flask, words: tuple[Any, ...], said: str
) -> None:
    code, output = run(app, *words)
    assert code == 2
    assert said in output


def test_without_a_database_cases_are_answered_and_patients_are_not(tmp_path: Path) -> None:
    from compliance.app import create_app
    from tests.conftest import make_config

    app = create_app(make_config(tmp_path))
    register(app)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["assess", str(ONE)]).exit_code == 0
    answer = runner.invoke(args=["assess", "--patient", "x"])
    assert answer.exit_code == 2
    assert "start script/server once" in answer.output


# --- patients -------------------------------------------------------------------------------------


def test_a_patient_is_asked_from_what_is_known_now_and_the_look_is_logged(
    app: Flask, patient: Patient
) -> None:
    with time_machine.travel(later(days=1), tick=False):
        found = answers(app, "--patient", patient.public_id)
    assert [(item["case"], item["act"]) for item in found] == [
        (patient.public_id, "prescribe"),
        (patient.public_id, "dispense"),
    ]
    assert {item["at"] for item in found} == {later(days=1).isoformat()}
    look = db.session.scalars(select(AccessLogEntry)).one()
    assert (look.actor, look.page, look.patient_id) == (
        "system: command line",
        "assess",
        patient.id,
    )


def test_a_patient_is_found_by_number_and_named_without_their_name(
    app: Flask, patient: Patient
) -> None:
    with time_machine.travel(later(days=1), tick=False):
        code, said = run(app, "--mrn", patient.mrn, "--clinic", "riverside")
    assert code == 0
    assert said.startswith(f"{patient.public_id}  A patient of Riverside Dermatology")
    assert patient.family_name not in said


def test_what_was_known_before_a_correction_is_known_again(app: Flask, patient: Patient) -> None:
    actor = a_user(patient.clinic_id, Role.NURSE)
    row = db.session.scalars(
        select(Evidence).where(Evidence.kind == "pregnancy_test").order_by(Evidence.id.desc())
    ).first()
    told(actor, patient, later(days=2), "pregnancy_test", collected="2026-11-20",
         result="positive", setting="medical", supersedes=row.id)  # fmt: skip
    with time_machine.travel(later(days=3), tick=False):
        then = answers(app, "--patient", patient.public_id, "--known-at", later(minutes=20))
        asked = ("--at", later(minutes=20).isoformat())
        now = answers(app, "--patient", patient.public_id, *asked)
        code, said = run(app, "--patient", patient.public_id, "--known-at", "2026-11-24")
    assert [item["permitted"] for item in then] == ["yes", "yes"]
    assert then[0]["at"] == later(minutes=20).astimezone(dt.UTC).isoformat()
    assert [item["permitted"] for item in now] == ["no", "no"]
    assert (code, "allowed: a moment that is past" in said) == (2, True)


def test_an_assumption_about_a_patient_is_answered_and_never_stored(
    app: Flask, patient: Patient
) -> None:
    before = db.session.scalar(select(func.count(Evidence.id)))
    with time_machine.travel(later(days=1), tick=False):
        words = ("--patient", patient.public_id, "--at", "2026-11-21", "--assume", POSITIVE)
        found = answers(app, *words)
    assert all("not-pregnant" in item["blocked_by"] for item in found)
    assert found[0]["what_if"]["rests_on_assumed"]["not-pregnant"] == ["assumed-1"]
    assert db.session.scalar(select(func.count(Evidence.id))) == before
    assert {item["permitted"] for item in found} == {"no"}
