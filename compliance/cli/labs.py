"""Commands about laboratory results: take files in, and print what became of every result."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from compliance.db import Base, db, transaction
from compliance.interop.csv_results import FORMATS as SPREADSHEETS
from compliance.interop.formats import read_file
from compliance.models import Clinic
from compliance.services.actors import system
from compliance.services.column_mappings import layouts
from compliance.services.errors import Invalid, place_of
from compliance.services.incoming import IncomingFile
from compliance.services.intake import Account, receive
from compliance.services.matching import match
from compliance.services.result_columns import Layout, read_columns

UNREADABLE = "The file cannot be read"
UNJUDGED = "The file could not be judged"
COUNTS = ("received", "filed", "held", "rejected", "ignored")


class _Undo(Exception):
    """Ends a dry run: nothing of it is kept."""


@click.command("import-labs")
@click.option(
    "--clinic", "code", default="", help="The clinic's code; else whose patients it names."
)
@click.option("--dry-run", is_flag=True, help="Judge and match, but store nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, one a line.")
@click.option(
    "--columns",
    "columns_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What the columns of a spreadsheet mean, as JSON or TOML; else what the clinic saved.",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@with_appcontext
def import_labs(
    code: str, dry_run: bool, as_json: bool, columns_file: Path | None, files: tuple[Path, ...]
) -> None:
    """Take in laboratory files: HL7 v2, FHIR, CSV and XLSX.

    Exit 0 when every file has an account, even one that says what is wrong with it; 1 when a file
    cannot be opened or judged; 2 when the command is used wrongly.
    """
    stated = _stated(columns_file) if columns_file else ()
    accounts = []
    for path in files:
        account = _account(path, code, dry_run, stated)
        accounts.append(account)
        _print_json(account) if as_json else _print(account)
    if not as_json and len(accounts) > 1:
        totals = {name: sum(getattr(item, name) for item in accounts) for name in COUNTS}
        click.echo(f"{len(accounts)} files: {_counted(totals)}")
    if dry_run and not as_json:
        click.echo("Dry run: nothing was stored.")
    errors = [item.error for item in accounts if item.error]
    sys.exit(1 if any(error.startswith((UNREADABLE, UNJUDGED)) for error in errors) else 0)


def _stated(path: Path) -> tuple[Layout, ...]:
    """The columns that a file states, for whichever spreadsheet follows."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        data = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        return (Layout((), read_columns(data), exactly=False),)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"--columns: this is neither JSON nor TOML ({error}).") from None
    except Invalid as refused:
        said = "; ".join(f"{name}: {sentence}" for name, sentence in refused.fields.items())
        raise click.UsageError(f"--columns: {said}") from None


def _account(path: Path, code: str, dry_run: bool, stated: tuple[Layout, ...]) -> Account:
    try:
        content = path.read_bytes()
    except OSError as error:
        return _failed(path, f"{UNREADABLE}: {error.strerror}.")
    try:
        taken = _taken(path, content, code, dry_run, stated)
    except (OperationalError, ProgrammingError) as error:
        kind = type(error).__name__
        raise click.ClickException(f"No database yet ({kind}); start script/server once.") from None
    except click.ClickException:
        raise
    except Exception as error:  # one file must not keep the others from their account
        said = f"{UNJUDGED}: {type(error).__name__} at {place_of(error)}. Nothing was stored."
        return _failed(path, said)
    return dataclasses.replace(taken, file=str(path))


def _failed(path: Path, error: str) -> Account:
    return Account(str(path), 0, 0, 0, 0, 0, error, ())


def _taken(
    path: Path, content: bytes, code: str, dry_run: bool, stated: tuple[Layout, ...]
) -> Account:
    taken: list[Account] = []
    opened = _in_memory() if dry_run and _is_empty() else transaction()
    try:
        with opened as session:
            taken.append(_receive(session, path, content, code, dry_run, stated))
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    return taken[0]


def _is_empty() -> bool:
    """Whether there is no database yet; asking must not make one."""
    file = db.engine.url.database
    if db.engine.dialect.name == "sqlite" and file and not Path(file).exists():
        return True
    return not inspect(db.engine).has_table(Clinic.__tablename__)


@contextmanager
def _in_memory() -> Iterator[Session]:
    """A database that exists for one dry run, so that an installation needs none."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


def _receive(
    session: Session,
    path: Path,
    content: bytes,
    code: str,
    dry_run: bool,
    stated: tuple[Layout, ...],
) -> Account:
    clinics = list(session.scalars(select(Clinic).order_by(Clinic.id)))
    saved = {clinic.id: layouts(session, clinic) for clinic in clinics}
    parsed = read_file(content, stated or [item for items in saved.values() for item in items])
    clinic = _clinic(session, clinics, code, parsed, dry_run)
    if parsed.format in SPREADSHEETS and not stated:
        parsed = read_file(content, saved.get(clinic.id, ()))
    actor, now = system("import-labs"), dt.datetime.now(dt.UTC)
    return receive(session, actor, clinic, path.name, content, parsed, now)


def _clinic(
    session: Session, clinics: list[Clinic], code: str, parsed: IncomingFile, dry_run: bool
) -> Clinic:
    """The clinic asked for, else the one that knows a patient of the file, else the first."""
    if code:
        found = next((item for item in clinics if item.code == code), None)
        if found is None:
            known = ", ".join(item.code for item in clinics) or "none yet"
            raise click.ClickException(f"--clinic: found {code!r} (there are: {known}).")
        return found
    if not clinics:
        return _nowhere(session, dry_run)
    subjects = {item.subject for item in parsed.messages}
    for clinic in clinics if len(clinics) > 1 else []:
        if any(match(session, clinic, subject).patient for subject in subjects):
            return clinic
    return clinics[0]


def _nowhere(session: Session, dry_run: bool) -> Clinic:
    """A dry run needs no clinic: one is made for it and undone with it."""
    if not dry_run:
        raise click.ClickException("There is no clinic yet; start once with script/server.")
    clinic = Clinic(code="dry-run", name="Dry run", programme="us-ipledge", country="US",
                    time_zone="America/New_York", created_at=dt.datetime.now(dt.UTC))  # fmt: skip
    session.add(clinic)
    session.flush()
    return clinic


def _print_json(account: Account) -> None:
    plain: dict[str, Any] = dataclasses.asdict(account)
    plain.pop("public_id")
    plain["already_received"] = plain.pop("is_repeat")
    click.echo(json.dumps(plain))


def _print(account: Account) -> None:
    counts = {name: getattr(account, name) for name in COUNTS}
    click.echo(f"{account.file}: {_counted(counts)}")
    if account.is_repeat:
        click.echo("  Received before; nothing changed.")
    if account.error:
        click.echo(f"  {account.error}")
    reasons = Counter((line.disposition, line.reason) for line in account.results)
    for (disposition, reason), count in reasons.items():
        click.echo(f"  {count} {disposition}: {reason}")


def _counted(counts: dict[str, int]) -> str:
    return (
        f"received {counts['received']} = filed {counts['filed']} + held {counts['held']}"
        f" + rejected {counts['rejected']} + ignored {counts['ignored']}"
    )


COMMANDS = (import_labs,)
