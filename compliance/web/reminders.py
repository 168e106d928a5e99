"""Reminders: what goes out next, what went out, what could not, and what came of each try."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container
from types import SimpleNamespace

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.mail.outbox import WRITTEN
from compliance.models import JobRun, Reminder, User
from compliance.models.reminders import AttemptOutcome, ReminderState
from compliance.rules.reminders import ReminderKind
from compliance.services import audit, bounces, jobs, sending
from compliance.services.evidence import local_date
from compliance.web.clock import now
from compliance.web.reminder_words import NAMES
from compliance.web.security import STAFF, access, actor, clinic

reminders = Blueprint("reminders", __name__, url_prefix="/reminders")

PER_PAGE = 50

VIEWS: dict[str, tuple[str, tuple[ReminderState, ...]]] = {
    "planned": ("Planned", (ReminderState.PLANNED, ReminderState.CLAIMED)),
    "failed": ("Could not be sent", (ReminderState.FAILED, ReminderState.DEAD)),
    "sent": ("Sent", (ReminderState.SENT,)),
    "skipped": ("Not sent", (ReminderState.SKIPPED, ReminderState.CLEARED)),
}

RUNGS = {"gentle": "first", "firm": "second", "last-call": "last", "daily": ""}


@reminders.get("")
@access(*STAFF)
def index() -> str:
    """The clinic's reminders, one view at a time."""
    chosen = request.args.get("show", "planned")
    chosen = chosen if chosen in VIEWS else "planned"
    page = db.paginate(_query(chosen), per_page=PER_PAGE, error_out=False)
    settings = current_app.extensions["settings"]
    silent = bounces.came_back_to(db.session(), clinic().id)
    return render_template(
        "reminders/index.html",
        views=_tiles(chosen),
        chosen=SimpleNamespace(value=chosen, label=VIEWS[chosen][0]),
        page=page,
        rows=[_row(item, silent) for item in page.items],
        today=local_date(clinic(), now()),
        mail_leaves=settings.mail_leaves,
        mail_dir=settings.mail_dir,
        heartbeat=_heartbeat(),
        wants_digest=db.session.get_one(User, actor().user_id).wants_digest,
    )


def _query(chosen: str) -> Select[Reminder]:
    query = (
        select(Reminder)
        .where(Reminder.clinic_id == clinic().id, Reminder.state.in_(VIEWS[chosen][1]))
        .options(selectinload(Reminder.attempts))
    )
    if chosen == "planned":
        return query.order_by(Reminder.due_at, Reminder.id)
    return query.order_by(Reminder.due_at.desc(), Reminder.id.desc())


def _tiles(chosen: str) -> list[SimpleNamespace]:
    counted = db.session.execute(
        select(Reminder.state, func.count())
        .where(Reminder.clinic_id == clinic().id)
        .group_by(Reminder.state)
    )
    counts = {state: count for state, count in counted}
    return [
        SimpleNamespace(
            value=value,
            label=label,
            count=sum(counts.get(state, 0) for state in states),
            url=url_for("reminders.index", show=value),
            active=value == chosen,
        )
        for value, (label, states) in VIEWS.items()
    ]


def _row(item: Reminder, silent: Container[str]) -> SimpleNamespace:
    by = item.context.get("by")
    return SimpleNamespace(
        id=item.id,
        patient=item.patient,
        reader=None if item.patient else _reader(item),
        kind=NAMES.get(ReminderKind(item.kind), item.kind),
        rung=RUNGS.get(item.rung, item.rung),
        by=dt.date.fromisoformat(by) if by else None,
        due_at=item.next_try_at or item.due_at,
        sent_at=item.sent_at,
        state="written" if _only_written(item) else item.state.value,
        reason=item.state_reason,
        attempts=item.attempts,
        came_back=item.state is ReminderState.DEAD and item.recipient in silent,
        can_retry=item.state in (ReminderState.DEAD, ReminderState.FAILED)
        and (item.expires_at is None or item.expires_at > now()),
    )


def _only_written(item: Reminder) -> bool:
    """Whether the mail became a file: it did not leave the building."""
    accepted = [each for each in item.attempts if each.outcome is AttemptOutcome.ACCEPTED]
    return bool(accepted) and accepted[-1].detail.startswith(WRITTEN)


def _reader(item: Reminder) -> str:
    user = db.session.get(User, int(item.recipient.removeprefix("user:")))
    return user.name if user else "a person who is gone"


def _heartbeat() -> SimpleNamespace:
    pulse = jobs.pulse(db.session(), now())
    failing = db.session.scalars(select(JobRun).where(JobRun.succeeded.is_(False)))
    return SimpleNamespace(at=pulse.at, alive=pulse.alive, failing=list(failing))


@reminders.post("/<int:reminder_id>/again")
@access(*STAFF)
def again(reminder_id: int) -> Response:
    """Try one more time what could not be sent."""
    with transaction() as session:
        sending.retry(session, actor(), reminder_id, now())
    flash("It goes out with the next run, within five minutes.", "ok")
    return redirect(url_for("reminders.index", show="failed"))


@reminders.post("/<int:reminder_id>/address")
@access(*STAFF)
def address(reminder_id: int) -> Response:
    """Enter another address for a patient to whom mail came back, or say that it works again."""
    wanted = request.form.get("address", "").strip()
    with transaction() as session:
        if wanted:
            bounces.correct_address(session, actor(), reminder_id, wanted, now())
        else:
            bounces.resolve(session, actor(), reminder_id, now())
    flash("Reminders go out to this address again.", "ok")
    return redirect(url_for("reminders.index", show="failed"))


@reminders.post("/digest")
@access(*STAFF)
def digest() -> Response:
    """Turn one's own morning digest on or off."""
    wanted = request.form.get("wanted") == "yes"
    with transaction() as session:
        user = session.get_one(User, actor().user_id)
        user.wants_digest = wanted
        action = "digest.wanted" if wanted else "digest.declined"
        audit.record(session, actor(), action, "user", user.id, now(), clinic_id=clinic().id)
    flash("You get the morning digest." if wanted else "You get no morning digest.", "ok")
    return redirect(url_for("reminders.index"))
