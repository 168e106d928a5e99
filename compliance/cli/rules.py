"""Commands about the rules: assess case files and patients, as they are and as they might be."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import OperationalError, ProgrammingError

from compliance.db import db, only_reading, transaction
from compliance.models import Patient
from compliance.rules.assumptions import read_assumptions
from compliance.rules.case_reader import CaseError
from compliance.rules.cases import run_cases
from compliance.rules.what_if import (
    Supposition,
    in_zone,
    past_moment,
    questions_at,
    read_moment,
)
from compliance.rules.what_if_answers import answers, run_supposed
from compliance.services import audit
from compliance.services.actors import system
from compliance.services.errors import DomainError
from compliance.services.what_if import find_patient, situation_of


@click.command("assess")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a question, one a line.")
@click.option("--at", metavar="MOMENT", help="Ask at this moment instead.")
@click.option(
    "--edition", metavar="ID", help="As if this edition had been adopted from the beginning."
)
@click.option("--programme", metavar="ID", help="As if the record were under this programme.")
@click.option(
    "--assume", "assumed", metavar="FACT", multiple=True,
    help='Add a fact, such as "pregnancy_test collected=2026-04-28 result=negative'
    ' setting=medical". It is marked in the answer and never stored.',
)  # fmt: skip
@click.option("--known-at", metavar="MOMENT", help="From what was known then.")
@click.option("--patient", "public_id", default="", help="A patient of the database, by public id.")
@click.option("--mrn", default="", help="A patient of the database, by record number.")
@click.option("--clinic", "code", default="", help="The code of the clinic of that record number.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def assess(
    as_json: bool, at: str | None, edition: str | None, programme: str | None,
    assumed: tuple[str, ...], known_at: str | None, public_id: str, mrn: str, code: str,
    files: tuple[Path, ...],
) -> None:  # fmt: skip
    """Answer case files, or ask about a patient. Nothing is stored.

    Exit 0: all agree, 1: some differ, 2: one cannot be read. A MOMENT is local time at the clinic
    (2026-04-28T09:30:00) unless it has an offset; a day alone means its noon.
    """
    _check_subject(files, public_id, mrn, code)
    try:
        what = Supposition(
            at=read_moment("--at", at) if at else None,
            edition=edition,
            programme=programme,
            assumed=read_assumptions(assumed),
            known_at=read_moment("--known-at", known_at) if known_at else None,
        )
        if not files:
            sys.exit(_ask_patient(public_id, mrn, code, what, as_json))
    except CaseError as error:
        _complain(str(error))
        sys.exit(2)
    if what:
        sys.exit(run_supposed(files, what, as_json, click.echo, _complain))
    sys.exit(run_cases(list(files), as_json, click.echo))


def _check_subject(files: tuple[Path, ...], public_id: str, mrn: str, code: str) -> None:
    if not files and not public_id and not mrn:
        raise click.UsageError("Name case files, or a patient by --patient or --mrn with --clinic.")
    if files and (public_id or mrn or code):
        raise click.UsageError("Name case files or a patient, not both.")
    if public_id and (mrn or code):
        raise click.UsageError("Name the patient by --patient, or by --mrn with --clinic.")


def _complain(text: str) -> None:
    click.echo(text, err=True)


@with_appcontext
def _ask_patient(public_id: str, mrn: str, code: str, what: Supposition, as_json: bool) -> int:
    now = dt.datetime.now(dt.UTC)
    try:
        patient = _open(public_id, mrn, code, now)
    except DomainError as error:
        raise CaseError("--patient" if public_id else "--mrn", "", str(error)) from None
    except (OperationalError, ProgrammingError) as error:
        kind = type(error).__name__
        raise CaseError("database", "", f"none yet ({kind}); start script/server once") from None
    for line in _lines(patient, what, now, as_json):
        click.echo(line)
    return 0


def _open(public_id: str, mrn: str, code: str, now: dt.datetime) -> Patient:
    """The patient; the look is written down before anything is shown."""
    with transaction() as session:
        patient = find_patient(session, public_id, mrn, code)
        audit.log_access(session, system("command line"), patient, "assess", now)
        found = patient.public_id
    only_reading(True)
    return find_patient(db.session(), found)


def _lines(patient: Patient, what: Supposition, now: dt.datetime, as_json: bool) -> list[str]:
    zone = patient.clinic.time_zone
    known_at = past_moment("--known-at", what.known_at, zone, now) if what.known_at else None
    at = in_zone(what.at, zone) if what.at else known_at or now
    here = situation_of(db.session(), patient, known_at)
    name = patient.public_id
    lines = [] if as_json else [f"{name}  A patient of {patient.clinic.name}"]
    asked = questions_at(here, at)
    return [*lines, *answers(name, here, replace(what, known_at=known_at), asked, as_json)]


COMMANDS = (assess,)
