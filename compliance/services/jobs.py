"""Scheduled runs written down, and the lease that lets exactly one process do them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from compliance.models import JobRun, Lease

LEASE = "scheduler"
LEASE_FOR = dt.timedelta(seconds=90)  # three heartbeats
SILENT_AFTER = LEASE_FOR
HEARTBEAT = "heartbeat"

# How often each job runs.
EVERY: dict[str, dt.timedelta] = {
    HEARTBEAT: dt.timedelta(seconds=30),
    "sweep": dt.timedelta(minutes=1),
    "digests": dt.timedelta(hours=1),
    "reminders": dt.timedelta(minutes=5),
    "bounces": dt.timedelta(minutes=10),
    "monthly-reports": dt.timedelta(hours=1),
    "backup": dt.timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class Pulse:
    """When the schedule last gave a sign of life (None: never), and whether that was just now."""

    at: dt.datetime | None
    alive: bool


def hold_lease(session: Session, owner: str, now: dt.datetime) -> bool:
    """Take or renew the lease; False while another process holds it."""
    renewed = session.execute(
        update(Lease)
        .where(Lease.name == LEASE, or_(Lease.owner == owner, Lease.until <= now))
        .values(owner=owner, until=now + LEASE_FOR)
        .execution_options(synchronize_session=False)
    )
    if renewed.rowcount == 1:  # type: ignore[attr-defined]
        return True
    dialect = session.get_bind().dialect.name
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    first = insert(Lease).values(name=LEASE, owner=owner, until=now + LEASE_FOR)
    first = first.on_conflict_do_nothing(index_elements=["name"])
    return len(session.execute(first.returning(Lease.name)).all()) == 1


def release_lease(session: Session, owner: str, now: dt.datetime) -> None:
    """Give the lease back, so that the next process need not wait for its end."""
    session.execute(
        update(Lease)
        .where(Lease.name == LEASE, Lease.owner == owner)
        .values(until=now)
        .execution_options(synchronize_session=False)
    )


def begin_run(session: Session, name: str, now: dt.datetime) -> None:
    """Write down that a job begins."""
    run = session.get(JobRun, name)
    if run is None:
        session.add(JobRun(name=name, started_at=now))
    else:
        run.started_at, run.finished_at, run.succeeded = now, None, None


def end_run(session: Session, name: str, now: dt.datetime, *, succeeded: bool, detail: str) -> None:
    """Write down how a job ended; `failures` counts those in a row."""
    run = session.get_one(JobRun, name)
    run.finished_at, run.succeeded, run.detail = now, succeeded, detail
    run.failures = 0 if succeeded else run.failures + 1


def runs(session: Session) -> list[JobRun]:
    """The last run of every job, by name."""
    return list(session.scalars(select(JobRun).order_by(JobRun.name)))


def last_sign(run: JobRun) -> dt.datetime:
    """The moment at which a job last began or ended."""
    return max(run.started_at, run.finished_at or run.started_at)


def pulse(session: Session, now: dt.datetime) -> Pulse:
    """Whether the schedule is alive; silent from 90 seconds after its last heartbeat on."""
    run = session.get(JobRun, HEARTBEAT)
    at = last_sign(run) if run else None
    return Pulse(at, at is not None and now - at < SILENT_AFTER)
