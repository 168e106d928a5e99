"""Commands about reminders: plan, send, and the schedule as a process of its own."""

from __future__ import annotations

import datetime as dt
import signal
import sys
import threading
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import or_, select

from compliance.db import db, transaction
from compliance.models import Clinic, Patient, Reminder
from compliance.models.reminders import ReminderState
from compliance.rules.dates import show, zone
from compliance.scheduler import JobFault, start_scheduler, stop_scheduler
from compliance.scheduler import returned as read_returned
from compliance.scheduler import send as send_mails
from compliance.services import reminders as service
from compliance.web.clock import now

reminders = AppGroup("reminders", help="Plan and send reminders.")


@reminders.command("plan")
@click.option("--patient", help="Only this patient: a record number.")
@click.option("--days", type=click.IntRange(1, 400), default=14, help="So many days ahead; 14.")
@with_appcontext
def plan(patient: str | None, days: int) -> None:
    """Plan what is missing, then show what would go out, and why."""
    after = 0
    while True:
        with transaction() as session:
            after = service.reconcile_some(session, after, now())
        if not after:
            break
    with transaction() as session:
        service.plan_digests(session, now())
    rows = db.session.scalars(_ahead(patient, now() + dt.timedelta(days=days))).all()
    for row in rows:
        click.echo(_line(row))
    click.echo(f"{len(rows)} planned for the next {days} days.")


def _ahead(patient: str | None, until: dt.datetime) -> Any:
    query = (
        select(Reminder)
        .outerjoin(Patient, Patient.id == Reminder.patient_id)
        .where(
            Reminder.state.in_((ReminderState.PLANNED, ReminderState.FAILED)),
            Reminder.due_at <= until,
        )
        .order_by(Reminder.due_at, Reminder.id)
    )
    if patient is not None:
        query = query.where(or_(Patient.mrn == patient, Patient.public_id == patient))
    return query


def _line(row: Reminder) -> str:
    home = zone(db.session.get_one(Clinic, row.clinic_id).time_zone)
    due = row.due_at.astimezone(home)
    to = row.patient.mrn if row.patient else row.recipient
    by = show(dt.date.fromisoformat(row.context["by"]))
    return f"{due:%Y-%m-%d %H:%M}  {to:<14} {row.kind} ({row.rung}): {row.obligation}, by {by}"


@reminders.command("send")
@with_appcontext
def send() -> None:
    """Send what is due now; running it twice sends nothing twice."""
    try:
        said = send_mails(current_app.extensions["settings"], now)
    except JobFault as fault:
        raise click.ClickException(str(fault)) from None
    click.echo(said or "Nothing was due.")


@reminders.command("bounces")
@with_appcontext
def bounces() -> None:
    """Read mail that came back from the mailbox (BOUNCES_URL); each report counts once."""
    try:
        click.echo(read_returned(current_app.extensions["settings"], now))
    except JobFault as fault:
        raise click.ClickException(str(fault)) from None


@click.command("scheduler")
@with_appcontext
def scheduler() -> None:
    """Run the schedule in a process of its own (start the pages with SCHEDULER=off)."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    running = start_scheduler(app, app.extensions["settings"])
    click.echo("The schedule runs. Ctrl-C ends it.")
    while not ended.wait(1):
        pass
    stop_scheduler(running)
    click.echo("Stopped.")
    sys.exit(0)


COMMANDS = (reminders, scheduler)
