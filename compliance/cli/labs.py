"""Commands about laboratory results: take files in, and print what became of every result."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from compliance.db import transaction
from compliance.interop.formats import read_file
from compliance.models import Clinic
from compliance.services.actors import system
from compliance.services.incoming import IncomingFile
from compliance.services.intake import Account, receive
from compliance.services.matching import match

UNREADABLE = "The file cannot be read"
COUNTS = ("received", "filed", "held", "rejected", "ignored")


class _Undo(Exception):
    """Ends a dry run: nothing of it is kept."""


@click.command("import-labs")
@click.option(
    "--clinic", "code", default="", help="The clinic's code; else whose patients it names."
)
@click.option("--dry-run", is_flag=True, help="Judge and match, but store nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, one a line.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@with_appcontext
def import_labs(code: str, dry_run: bool, as_json: bool, files: tuple[Path, ...]) -> None:
    """Take in laboratory files (HL7 v2, FHIR). Exit 0 when every file has an account, 1 if not."""
    accounts = [_account(path, code, dry_run) for path in files]
    for account in accounts:
        _print_json(account) if as_json else _print(account)
    if not as_json and len(accounts) > 1:
        totals = {name: sum(getattr(item, name) for item in accounts) for name in COUNTS}
        click.echo(f"{len(accounts)} files: {_counted(totals)}")
    if dry_run and not as_json:
        click.echo("Dry run: nothing was stored.")
    sys.exit(1 if any(item.error and item.error.startswith(UNREADABLE) for item in accounts) else 0)


def _account(path: Path, code: str, dry_run: bool) -> Account:
    try:
        content = path.read_bytes()
    except OSError as error:
        return Account(str(path), 0, 0, 0, 0, 0, f"{UNREADABLE}: {error.strerror}.", ())
    taken: list[Account] = []
    try:
        with transaction() as session:
            taken.append(_receive(session, path, content, code, dry_run))
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    except (OperationalError, ProgrammingError) as error:
        kind = type(error).__name__
        raise click.ClickException(f"No database yet ({kind}); start script/server once.") from None
    return dataclasses.replace(taken[0], file=str(path))


def _receive(session: Session, path: Path, content: bytes, code: str, dry_run: bool) -> Account:
    parsed = read_file(content)
    clinic = _clinic(session, code, parsed, dry_run)
    actor, now = system("import-labs"), dt.datetime.now(dt.UTC)
    return receive(session, actor, clinic, path.name, content, parsed, now)


def _clinic(session: Session, code: str, parsed: IncomingFile, dry_run: bool) -> Clinic:
    """The clinic asked for, else the one that knows a patient of the file, else the first."""
    clinics = list(session.scalars(select(Clinic).order_by(Clinic.id)))
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
    click.echo(json.dumps(plain, ensure_ascii=False))


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
