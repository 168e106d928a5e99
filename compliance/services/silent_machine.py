"""Whether the machine does what nobody watches: its schedule, its jobs, its backups."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from compliance.models import JobRun
from compliance.services import backups, jobs
from compliance.services.silences import Found, Place, Scope, Silence

GRACE = dt.timedelta(minutes=5)

_WORDS = {
    jobs.HEARTBEAT: "Heartbeat",
    "sweep": "Answers that time changes",
    "digests": "Morning digests",
    "reminders": "Reminders",
    "bounces": "Mail that came back",
    "monthly-reports": "Monthly reports",
    "backup": "Backup",
}


def silent_schedule(session: Session, scope: Scope) -> Found:
    """The schedule, when it has given no sign of life for 90 seconds."""
    pulse = jobs.pulse(session, scope.now)
    if pulse.alive:
        return Found([], 1)
    silence = Silence(
        "The schedule is not running",
        "Nothing is planned, sent, swept or backed up until it runs.",
        "Start the server, or the process of the schedule where it runs apart from the pages",
        pulse.at,
        Place("reminders"),
    )
    return Found([silence], 1)


def troubled_jobs(session: Session, scope: Scope) -> Found:
    """Jobs whose last run failed, that are late, or that never ran."""
    runs = {run.name: run for run in jobs.runs(session)}
    found = [_trouble(name, runs.get(name), scope.now) for name in jobs.EVERY]
    return Found([item for item in found if item is not None], len(found))


def _trouble(name: str, run: JobRun | None, now: dt.datetime) -> Silence | None:
    if run is None:
        return _job(name, "It has never run.", None)
    at = jobs.last_sign(run)
    if run.succeeded is False or run.failures:
        times = f", {run.failures} times in a row" if run.failures > 1 else ""
        return _job(name, f"Its last run failed{times}: {run.detail}", at)
    if now - at > jobs.EVERY[name] * 2 + GRACE:
        return _job(name, "It is late: it should have run again by now.", at)
    return None


def _job(name: str, reason: str, at: dt.datetime | None) -> Silence:
    action = "Look into the server's log at that time; the job tries again by itself"
    return Silence(_WORDS[name], reason, action, at, Place("reminders"))


def old_backup(_session: Session, scope: Scope) -> Found:
    """The newest backup, when it is older than 26 hours or there is none."""
    kept = backups.kept(scope.backup_dir)
    newest = kept[0] if kept else None
    if newest is not None and scope.now - newest.at <= backups.LATE_AFTER:
        return Found([], len(kept), f"The newest is {newest.file.name}.")
    silence = Silence(
        newest.file.name if newest else "No backup",
        "The newest backup is too old." if newest else "No backup has been made yet.",
        "Make one: flask --app wsgi backup; then see why the night's did not come",
        newest.at if newest else None,
        Place("reminders"),
    )
    return Found([silence], len(kept))
