"""What the machine does, as numbers: for the board and for a monitor. No patient's data."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.models import Bounce, DeliveryAttempt, ImportedResult, JobRun, Reminder
from compliance.models.intake import Disposition
from compliance.models.reminders import AttemptOutcome, ReminderState
from compliance.services import jobs
from compliance.services.reminders import OPEN

UNSENT = (*OPEN, ReminderState.CLAIMED)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mailing:
    """What became of reminders in the last 24 hours, and since when the oldest due one waits."""

    waiting_since: dt.datetime | None
    sent: int
    failed: int  # tries, not reminders
    came_back: int
    skipped: dict[str, int]  # by the reason


def mailing(session: Session, clinic_id: int, now: dt.datetime) -> Mailing:
    """How the mails of one clinic fare."""
    query = (
        select(DeliveryAttempt.outcome, DeliveryAttempt.detail, func.count())
        .join(Reminder)
        .where(Reminder.clinic_id == clinic_id, Reminder.due_at > now - 30 * DAY)
        .where(DeliveryAttempt.at > now - DAY, DeliveryAttempt.at <= now)
        .group_by(DeliveryAttempt.outcome, DeliveryAttempt.detail)
    )
    rows = list(session.execute(query))
    counts: Counter[AttemptOutcome] = Counter()
    for outcome, _, count in rows:
        counts[outcome] += count
    return Mailing(
        waiting_since=waiting_since(session, now, clinic_id),
        sent=counts[AttemptOutcome.ACCEPTED],
        failed=counts[AttemptOutcome.TEMPORARY_FAILURE] + counts[AttemptOutcome.PERMANENT_FAILURE],
        came_back=_came_back(session, clinic_id, now),
        skipped={text: count for what, text, count in rows if what is AttemptOutcome.SKIPPED},
    )


def _came_back(session: Session, clinic_id: int, now: dt.datetime) -> int:
    query = select(func.count()).where(Bounce.clinic_id == clinic_id, Bounce.at > now - DAY)
    return session.scalar(query) or 0


def waiting_since(
    session: Session, now: dt.datetime, clinic_id: int | None = None
) -> dt.datetime | None:
    """When the oldest reminder was due that is neither sent nor settled; None when none is late."""
    query = select(func.min(Reminder.due_at)).where(
        Reminder.state.in_(UNSENT), Reminder.due_at <= now
    )
    if clinic_id is not None:
        query = query.where(Reminder.clinic_id == clinic_id)
    return session.scalar(query)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a monitor: its name, what it says, and a value for each set of labels."""

    name: str
    means: str
    values: dict[tuple[tuple[str, str], ...], float]
    kind: str = "gauge"


def measures(session: Session, now: dt.datetime) -> list[Measure]:
    """All numbers of the installation; ages and durations in seconds."""
    since, pulse = waiting_since(session, now), jobs.pulse(session, now)
    runs = jobs.runs(session)
    held = select(func.count()).where(
        ImportedResult.disposition == Disposition.HELD, ImportedResult.resolved_at.is_(None)
    )
    queue = select(Reminder.state, func.count()).where(Reminder.state.in_(UNSENT))
    tries = select(DeliveryAttempt.outcome, func.count()).group_by(DeliveryAttempt.outcome)
    skips = (
        select(DeliveryAttempt.detail, func.count())
        .where(DeliveryAttempt.outcome == AttemptOutcome.SKIPPED)
        .group_by(DeliveryAttempt.detail)
    )
    return [
        _one("heartbeat_age_seconds", "Since the schedule was last alive.", _age(pulse.at, now)),
        _one("reminder_lag_seconds", "Since the oldest unsent reminder was due.",
             _age(since, now) if since else 0.0),
        _many("reminders_queued", "Reminders not yet sent.", "state",
              session.execute(queue.group_by(Reminder.state))),
        _many("deliveries_total", "Tries at sending.", "outcome", session.execute(tries),
              "counter"),
        _many("reminders_skipped_total", "Reminders held back at the moment of sending.", "reason",
              session.execute(skips), "counter"),
        _one("imports_held", "Results received that nobody has filed.", session.scalar(held) or 0),
        _many("job_duration_seconds", "How long the last run of a job took.", "job",
              ((run.name, _seconds(run)) for run in runs if run.finished_at)),
        _many("job_age_seconds", "Since a job last began or ended.", "job",
              ((run.name, _age(jobs.last_sign(run), now)) for run in runs)),
        _many("job_failures_in_a_row", "Failures of a job in a row.", "job",
              ((run.name, run.failures) for run in runs)),
    ]  # fmt: skip


def _one(name: str, means: str, value: float) -> Measure:
    return Measure(name, means, {(): value})


def _many(name: str, means: str, label: str, rows: Iterable[Any], kind: str = "gauge") -> Measure:
    values: dict[tuple[tuple[str, str], ...], float]
    values = {((label, str(key)),): float(value) for key, value in rows}
    return Measure(name, means, values, kind)


def _age(at: dt.datetime | None, now: dt.datetime) -> float:
    """NaN when it never was: a monitor must not read that as fresh."""
    return (now - at).total_seconds() if at else float("nan")


def _seconds(run: JobRun) -> float:
    return (run.finished_at - run.started_at).total_seconds() if run.finished_at else 0.0
