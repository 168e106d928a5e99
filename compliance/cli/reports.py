"""Commands about reports: make one of a month, write it to a file."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from compliance.db import transaction
from compliance.models import Clinic
from compliance.services.actors import system
from compliance.services.errors import DomainError
from compliance.services.report_content import Month
from compliance.services.reports import make_monthly_report
from compliance.web.reports import printer

report = AppGroup("report", help="Make reports.")


@report.command("monthly")
@click.option("--clinic", "code", required=True, help="The code of the clinic.")
@click.option("--month", "text", required=True, help="A month that has ended, such as 2026-10.")
@click.option("--known-at", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]),
              help="The data cut-off in UTC; now when it is left out.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it.")
@with_appcontext
def monthly(code: str, text: str, known_at: dt.datetime | None, out: Path | None) -> None:
    """Make and keep the monthly report of a clinic; the same cut-off gives the same bytes."""
    try:
        month = Month.parse(text)
    except ValueError as error:
        raise click.ClickException(f"--month: {error}.") from None
    now = dt.datetime.now(dt.UTC)
    cut_off = known_at.replace(tzinfo=dt.UTC) if known_at else None
    try:
        with transaction() as session:
            clinic = session.scalar(select(Clinic).where(Clinic.code == code))
            if clinic is None:
                raise click.ClickException(f"--clinic: found {code!r}; no clinic has that code.")
            row = make_monthly_report(
                session, system("command line"), clinic, month, now,
                printer=printer, known_at=cut_off,
            )  # fmt: skip
            content, pages, digest = row.content, row.pages, row.sha256
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    path = out or Path(f"monthly-report-{code}-{month}.pdf")
    path.write_bytes(content)
    click.echo(f"{path}: {pages} pages, SHA-256 {digest}")


COMMANDS = (report,)
