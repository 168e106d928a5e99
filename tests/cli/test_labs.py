"""The command import-labs: an account for each file, and nothing kept by a dry run."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from compliance.app import create_app
from compliance.cli import register
from compliance.db import db
from compliance.models import Evidence, ImportedFile, Role
from tests.conftest import make_config
from tests.interop.messages import TG, obx, oru
from tests.world import a_clinic, a_patient, a_user

SAMPLES = Path(__file__).parents[1] / "samples"


def run(app: Flask, *words: Any) -> tuple[int, str]:
    db.session.rollback()
    if "import-labs" not in app.cli.commands:
        register(app)
    answer = app.test_cli_runner().invoke(args=["import-labs", *map(str, words)])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, answer.output


def written(folder: Path, content: bytes, name: str = "results.hl7") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.fixture
def clinic(app: Flask) -> int:
    clinic_id = a_clinic()
    a_patient(a_user(clinic_id, Role.NURSE), mrn="T-1", family_name="Okafor",
              birth_date=dt.date(1998, 4, 2))  # fmt: skip
    return clinic_id


def test_each_file_is_printed_with_its_account_and_reasons(app, clinic, tmp_path: Path) -> None:
    first = written(tmp_path, oru(obx(TG, "120"), obx(TG, "5.6")))
    second = written(tmp_path, b"", "empty.hl7")
    code, said = run(app, first, second)
    assert code == 0
    assert "received 2 = filed 1 + held 1 + rejected 0 + ignored 0" in said
    assert "1 held: Triglycerides of 5.6 mg/dL is implausible" in said
    assert "The file is empty" in said
    assert "2 files: received 2 = filed 1" in said
    assert db.session.scalar(select(func.count(ImportedFile.id))) == 2


def test_the_same_file_again_says_so_and_changes_nothing(app, clinic, tmp_path: Path) -> None:
    path = written(tmp_path, oru(obx()))
    run(app, path)
    code, said = run(app, path)
    assert code == 0
    assert "Received before; nothing changed." in said
    assert db.session.scalar(select(func.count(Evidence.id)).where(Evidence.kind == "lab")) == 1


def test_a_dry_run_prints_one_json_object_a_file_and_stores_nothing(app, clinic, tmp_path) -> None:
    path = written(tmp_path, oru(obx(TG, "<120", "mg/dl", kind="ST", flag="N")))
    code, said = run(
        app, "--dry-run", "--json", path, SAMPLES / "cosyte/malformed__empty-input.hl7"
    )
    assert code == 0
    first, second = map(json.loads, said.splitlines())
    counts = ("received", "filed", "held", "rejected", "ignored", "error")
    assert [first[name] for name in counts] == [1, 1, 0, 0, 0, None]
    assert first["file"] == str(path)
    (line,) = first["results"]
    assert line | {"reason": "", "display": ""} == {
        "system": "http://loinc.org",
        "code": "2571-8",
        "display": "",
        "analyte": "TG",
        "value": "120",
        "comparator": "<",
        "unit": "mg/dL",
        "status": "final",
        "interpretation": "N",
        "collected": "20260401083000-0400",
        "patient_identifiers": ["MR T-1 RIVERSIDE"],
        "disposition": "filed",
        "reason": "",
    }
    assert second["error"]
    assert db.session.scalar(select(func.count(ImportedFile.id))) == 0
    assert db.session.scalar(select(func.count(Evidence.id)).where(Evidence.kind == "lab")) == 0


def test_a_dry_run_needs_no_clinic(app: Flask, tmp_path: Path) -> None:
    code, said = run(app, "--dry-run", "--json", written(tmp_path, oru(obx())))
    assert code == 0
    assert json.loads(said)["held"] == 1
    code, said = run(app, written(tmp_path, oru(obx())))
    assert code == 1
    assert "There is no clinic yet" in said


def test_a_file_goes_to_the_clinic_that_is_named_or_knows_the_patient(app, tmp_path: Path) -> None:
    a_clinic("hillside", name="Hillside")
    clinic_id = a_clinic()
    a_patient(a_user(clinic_id, Role.NURSE), mrn="T-1", family_name="Okafor",
              birth_date=dt.date(1998, 4, 2))  # fmt: skip
    run(app, written(tmp_path, oru(obx())))
    assert db.session.scalars(select(ImportedFile.clinic_id)).one() == clinic_id
    code, said = run(app, "--clinic", "hillside", written(tmp_path, oru(obx())))
    assert code == 0
    assert "held 1" in said
    code, said = run(app, "--clinic", "nowhere", written(tmp_path, oru(obx())))
    assert code == 1
    assert "hillside, riverside" in said


def test_a_file_that_cannot_be_read_fails_after_the_others_are_done(app, clinic, tmp_path) -> None:
    code, said = run(app, tmp_path / "missing.hl7", written(tmp_path, oru(obx())))
    assert code == 1
    assert "cannot be read" in said
    assert "filed 1" in said


def test_all_real_files_are_accounted_for_together(app: Flask, clinic: int) -> None:
    files = sorted(file for file in SAMPLES.rglob("*") if file.suffix in (".hl7", ".out"))
    code, said = run(app, "--dry-run", *files)
    assert code == 0
    assert f"{len(files)} files: received 442" in said


SYNTHEA = (
    b"DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE\n"
    b"2026-03-10T04:17:47Z,T-1,e1,laboratory,2571-8,Triglycerides,120,mg/dL,numeric\n"
    b"2026-03-10T04:17:47Z,T-1,e1,vital-signs,8302-2,Body Height,127.9,cm,numeric\n"
)
SHEET = b"Nr;Entnahme;Trig\nT-1;01.04.2026;1,70\n"
COLUMNS = """
sender = "Labor Nord"
authority = "riverside"
date_form = "dmy"
decimal = ","
all_final = true
fields = {number = "Nr", collected = "Entnahme"}
analytes = [{heading = "Trig", code = "TG", unit = "mmol/L"}]
"""


def test_a_published_spreadsheet_is_accounted_for_by_its_headings(app, clinic, tmp_path) -> None:
    code, said = run(app, "--dry-run", "--json", written(tmp_path, SYNTHEA, "observations.csv"))
    assert code == 0
    account = json.loads(said)
    assert (account["received"], account["held"], account["ignored"]) == (2, 1, 1)
    first = account["results"][0]
    assert (first["system"], first["code"]) == ("http://loinc.org", "2571-8")
    assert "no status" in first["reason"]


def test_columns_are_stated_in_a_file(app: Flask, clinic: int, tmp_path: Path) -> None:
    sheet = written(tmp_path, SHEET, "april.csv")
    code, said = run(app, "--dry-run", "--json", sheet)
    assert "Nobody has said yet" in json.loads(said)["error"]
    columns = written(tmp_path, COLUMNS.encode(), "columns.toml")
    code, said = run(app, "--json", "--columns", columns, sheet)
    assert code == 0
    (line,) = json.loads(said)["results"]
    shown = (line["code"], line["value"], line["unit"], line["collected"], line["disposition"])
    assert shown == ("14927-8", "1.70", "mmol/L", "01.04.2026", "filed")


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "neither JSON nor TOML"), ('fields = {weight = "W"}', "weight"), ("= 1", "neither")],
)
def test_columns_that_cannot_be_meant_are_refused(app, clinic, tmp_path, text, said) -> None:
    columns = written(tmp_path, text.encode(), "columns.json")
    code, answer = run(app, "--columns", columns, written(tmp_path, SHEET, "april.csv"))
    assert code == 2
    assert said in answer


def test_a_dry_run_needs_no_database_and_makes_none(tmp_path: Path) -> None:
    app = create_app(make_config(tmp_path / "empty"))
    register(app)
    path = written(tmp_path, oru(obx()))
    answer = app.test_cli_runner().invoke(args=["import-labs", "--dry-run", "--json", str(path)])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.output)["held"] == 1
    assert not (tmp_path / "empty" / "clinic.db").exists()


def test_a_folder_and_a_missing_file_have_an_error_each(app, clinic, tmp_path: Path) -> None:
    code, said = run(app, "--dry-run", "--json", tmp_path, tmp_path / "missing.csv")
    assert code == 1
    errors = [json.loads(line)["error"] for line in said.splitlines()]
    assert all(error.startswith("The file cannot be read") for error in errors)
