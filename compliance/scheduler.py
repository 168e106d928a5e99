"""The schedule: a few small jobs, each repeatable, run by exactly one process."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy import select

from compliance.db import transaction
from compliance.mail.delivery import send_due
from compliance.mail.mailbox import MailboxFault
from compliance.mail.pace import Pace
from compliance.mail.post import outbox_of, sender_of
from compliance.mail.returns import read_bounces
from compliance.models import Clinic, Patient, Setting
from compliance.services import assessments, backups, jobs, reminders, reports
from compliance.services.actors import system
from compliance.services.errors import place_of
from compliance.services.evidence import local_date
from compliance.web.clock import now as clock_now
from compliance.web.reports import printer
from config import Config

log = logging.getLogger("compliance.scheduler")

BATCH = 50
MOST_ROUNDS = 400
CURSOR = "reminders-cursor"

Clock = Callable[[], dt.datetime]


class JobFault(Exception):
    """A job that did what it could and must be looked at; its text holds no patient's data."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the jobs work with."""

    app: Flask
    config: Config
    clock: Clock = clock_now
    owner: str = field(
        default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    )
    stopping: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> bool:
        """Whether there is no hurry to end."""
        return not self.stopping.is_set()


@dataclass(frozen=True, slots=True)
class Job:
    """One thing done again and again; it answers what it did, without naming anybody."""

    name: str
    every: dt.timedelta
    work: Callable[[Bench], str]


def sweep(bench: Bench) -> str:
    """Reassess whom time has changed, in batches; one bad record does not hold up the others."""
    done = 0
    for _round in range(MOST_ROUNDS):
        if not bench.go_on():
            break
        try:
            with transaction() as session:
                count = assessments.sweep(session, bench.clock(), limit=BATCH)
        except Exception as error:
            log.error("a batch failed (%s); going on one by one", type(error).__name__)
            return _sweep_singly(bench, done)
        done += count
        if not count:
            break
    return f"{done} reassessed"


def _sweep_singly(bench: Bench, done: int) -> str:
    failed: set[int] = set()
    with transaction() as session:
        due = assessments.due_for_reassessment(session, bench.clock(), limit=BATCH * 20)
        waiting = [patient.id for patient in due]
    for patient_id in waiting:
        try:
            with transaction() as session:
                patient = session.get_one(Patient, patient_id)
                assessments.reassess(session, system("sweep"), patient, bench.clock())
            done += 1
        except Exception as error:
            failed.add(patient_id)
            log.error("patient %s: %s", patient_id, type(error).__name__)
    if failed:
        raise JobFault(f"{done} reassessed, {len(failed)} could not be")
    return f"{done} reassessed"


def plan_and_send(bench: Bench) -> str:
    """Repair a slice of the plan, then send what is due."""
    with transaction() as session:
        cursor = session.get(Setting, CURSOR) or Setting(name=CURSOR, value=0)
        session.add(cursor)
        cursor.value = reminders.reconcile_some(session, int(cursor.value), bench.clock())
    tally = send(bench.config, bench.clock, bench.go_on, bench.stopping.wait)
    return tally or "nothing was due"


def send(
    config: Config,
    clock: Clock,
    go_on: Callable[[], bool] = lambda: True,
    wait: Callable[[float], object] = time.sleep,
) -> str:
    """Send what is due; what came of it, in words."""
    try:
        outbox = outbox_of(config)
    except ValueError as error:
        raise JobFault(str(error)) from None
    pace = Pace(config.mail_per_minute, wait=wait)
    tally = send_due(outbox, sender_of(config), clock, go_on=go_on, pace=pace)
    return ", ".join(f"{count} {word}" for word, count in sorted(tally.items()))


def read_returned(bench: Bench) -> str:
    """Read the mailbox to which undelivered mail comes back."""
    return returned(bench.config, bench.clock)


def returned(config: Config, clock: Clock) -> str:
    """Read what came back; what was found, in words."""
    if not config.bounces_url:
        return "no mailbox is configured"
    try:
        tally = read_bounces(config.bounces_url, clock)
    except MailboxFault as fault:
        raise JobFault(str(fault)) from None
    return ", ".join(f"{count} {word}" for word, count in sorted(tally.items())) or "nothing new"


def plan_digests(bench: Bench) -> str:
    """Plan the next morning's digests."""
    with transaction() as session:
        count = reminders.plan_digests(session, bench.clock())
    return f"{count} planned"


def monthly_reports(bench: Bench) -> str:
    """Make last month's report for each clinic that has none, from its first working day on."""
    with transaction() as session:
        missing = [
            (clinic.id, month)
            for clinic, month in reports.missing_months(session, bench.clock())
            if _may_report(clinic, bench.clock())
        ]
    failed = 0
    for clinic_id, month in missing:
        try:
            with transaction() as session:
                clinic = session.get_one(Clinic, clinic_id)
                reports.make_monthly_report(
                    session,
                    system("monthly report"),
                    clinic,
                    month,
                    bench.clock(),
                    printer=printer,
                )
        except Exception as error:
            failed += 1
            log.error("report of clinic %s: %s", clinic_id, type(error).__name__)
    if failed:
        raise JobFault(f"{len(missing) - failed} made, {failed} could not be")
    return f"{len(missing)} made"


def _may_report(clinic: Clinic, now: dt.datetime) -> bool:
    """From the clinic's first working day of the month on, and only for a month that it saw."""
    today, calendar = local_date(clinic, now), reminders.calendar_of(clinic)
    this_month = today.replace(day=1)
    worked = any(calendar.is_open(today.replace(day=day)) for day in range(1, today.day + 1))
    return worked and local_date(clinic, clinic.created_at) < this_month


def back_up(bench: Bench) -> str:
    """Make the night's backup, once: the first run after two o'clock in the morning makes it."""
    folder, moment = bench.config.backup_dir, bench.clock()
    with transaction() as session:
        zone = session.scalar(select(Clinic.time_zone).order_by(Clinic.id).limit(1))
    newest = backups.newest(folder)
    if newest is not None and newest.at >= backups.last_night(moment, zone or "UTC"):
        return f"{newest.file.name} is this night's"
    try:
        made = backups.back_up(bench.config.database_url, folder, moment)
    except backups.BackupFault as fault:
        raise JobFault(str(fault)) from None
    return f"{made.file.name} made and checked"


def heartbeat(_bench: Bench) -> str:
    """Hold the lease; that it ran is what it says."""
    return "alive"


WORK: dict[str, Callable[[Bench], str]] = {
    jobs.HEARTBEAT: heartbeat,
    "sweep": sweep,
    "digests": plan_digests,
    "reminders": plan_and_send,
    "bounces": read_returned,
    "monthly-reports": monthly_reports,
    "backup": back_up,
}
JOBS = tuple(Job(name, every, WORK[name]) for name, every in jobs.EVERY.items())


def run_job(bench: Bench, job: Job) -> bool:
    """Run one job now if this process holds the lease; whether it ran."""
    with bench.app.app_context():
        with transaction() as session:
            if not jobs.hold_lease(session, bench.owner, bench.clock()):
                return False
            jobs.begin_run(session, job.name, bench.clock())
        succeeded, detail = _work(bench, job)
        with transaction() as session:
            jobs.end_run(session, job.name, bench.clock(), succeeded=succeeded, detail=detail)
    return True


def _work(bench: Bench, job: Job) -> tuple[bool, str]:
    try:
        return True, job.work(bench)
    except JobFault as fault:
        log.error("%s: %s", job.name, fault)
        return False, str(fault)
    except Exception as error:
        place = place_of(error)
        log.error("%s: %s at %s", job.name, type(error).__name__, place)
        return False, f"{type(error).__name__} at {place}"


@dataclass(frozen=True, slots=True)
class Running:
    """A schedule under way."""

    bench: Bench
    scheduler: Any


def start_scheduler(app: Flask, config: Config, clock: Clock = clock_now) -> Running:
    """Start the schedule in this process's background; the lease decides which process works."""
    bench = Bench(app, config, clock)
    scheduler: Any = BackgroundScheduler(  # type: ignore[no-untyped-call]
        timezone=dt.UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for place, job in enumerate(JOBS):
        scheduler.add_job(
            run_job,
            "interval",
            seconds=int(job.every.total_seconds()),
            args=(bench, job),
            id=job.name,
            next_run_time=clock_now() + dt.timedelta(seconds=1 + 2 * place),
        )
    scheduler.start()
    return Running(bench, scheduler)


def stop_scheduler(running: Running) -> None:
    """End after the step under way, and let another process take over at once."""
    running.bench.stopping.set()
    running.scheduler.shutdown(wait=True)
    with running.bench.app.app_context(), transaction() as session:
        jobs.release_lease(session, running.bench.owner, running.bench.clock())
