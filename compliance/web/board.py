"""The board of silences: what nobody would notice, counted, proved, and opened as a list."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import Role
from compliance.services import audit, board, jobs, measures, silent_decisions
from compliance.services.board import Counted
from compliance.services.silences import Scope, Silence
from compliance.web.clock import now
from compliance.web.filters import plural
from compliance.web.security import CLINICAL, OVERSIGHT, access, actor, clinic, rule_of

silences = Blueprint("board", __name__, url_prefix="/board")

PER_PAGE = 50

# state -> tone, icon, word: never colour alone
STATES = {
    "clear": ("ok", "check-circle", "Clear"),
    "waiting": ("warn", "clock", "Needs somebody"),
    "grave": ("danger", "alert", "Act now"),
    "unknown": ("danger", "question", "Could not be counted"),
}
_ANCHORS = {"protocol": "protocol", "override": "prescriptions"}


@silences.get("")
@access(*OVERSIGHT)
def index() -> str:
    """Every figure, and whether the schedule is alive."""
    counted = [_shown(item) for item in board.count_all(db.session(), _scope())]
    figures = [item for item in counted if item.key != jobs.HEARTBEAT]
    return render_template(
        "board/index.html",
        groups=[(name, list(items)) for name, items in groupby(figures, lambda f: f.heading)],
        troubled=sum(item.state != "clear" for item in figures),
        figures=len(figures),
        at=now(),
        pulse=_pulse(),
        mailing=_mailing(),
    )


@silences.get("/pulse")
@access(*OVERSIGHT)
def pulse() -> str:
    """Whether the schedule is alive, as the part of the page that is asked for again and again."""
    return render_template("board/_pulse.html", pulse=_pulse())


@silences.get("/<key>")
@access(*OVERSIGHT)
def show(key: str) -> str:
    """One figure with its proof: the rows that it counts, over how many, and by which query."""
    counted = board.count(db.session(), board.figure_of(key), _scope())
    pages = max(1, -(-len(counted.silences) // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    rows = counted.silences[(page - 1) * PER_PAGE : page * PER_PAGE]
    return render_template(
        "board/show.html",
        figure=_shown(counted),
        rows=[_row(item, counted.at) for item in rows],
        page=page,
        pages=pages,
        may_sign=actor().role is Role.PRESCRIBER,
    )


@silences.post("/overrides/<public_id>")
@access(Role.PRESCRIBER)
def countersign(public_id: str) -> Response:
    """Countersign an override that somebody else made."""
    with transaction() as session:
        patient = silent_decisions.countersign(session, actor(), public_id, now())
        audit.log_access(session, actor(), patient, "override", now())
    flash("You have countersigned this override; it stands in the audit trail.", "ok")
    return redirect(url_for("board.show", key="overrides"))


def _scope() -> Scope:
    return Scope(clinic(), now(), current_app.extensions["settings"].backup_dir)


def _mailing() -> SimpleNamespace:
    moment = now()
    found = measures.mailing(db.session(), clinic().id, moment)
    late = found.waiting_since
    return SimpleNamespace(
        lag=f"The oldest has waited {age(late, moment)}" if late else "None is waiting",
        sent=found.sent,
        failed=found.failed,
        came_back=found.came_back,
        skipped=sorted(found.skipped.items(), key=lambda item: (-item[1], item[0])),
    )


def _pulse() -> SimpleNamespace:
    moment = now()
    found = jobs.pulse(db.session(), moment)
    return SimpleNamespace(at=found.at, alive=found.alive, ago=age(found.at, moment))


def _shown(counted: Counted) -> SimpleNamespace:
    figure, found = counted.figure, counted.found
    tone, icon, word = STATES[counted.state]
    return SimpleNamespace(
        key=figure.key,
        title=figure.title,
        heading=figure.heading,
        means=figure.means,
        counts=figure.counts,
        count=counted.count,
        over=plural(found.over, *figure.over) if found else "",
        said=found.said if found else "",
        oldest=age(counted.oldest, counted.at),
        remedy=figure.remedy,
        at=counted.at,
        state=counted.state,
        tone=tone,
        icon=icon,
        word=word,
        url=url_for("board.show", key=figure.key),
    )


def _row(item: Silence, at: dt.datetime) -> SimpleNamespace:
    return SimpleNamespace(
        what=item.what,
        mrn=item.patient.mrn if item.patient and item.what == item.patient.name else "",
        reason=item.reason,
        action=item.action,
        since=item.since,
        age=age(item.since, at),
        url=_address(item),
        sign_url=url_for("board.countersign", public_id=item.place.key)
        if item.place.kind == "override"
        else "",
    )


def _address(item: Silence) -> str:
    """The page on which this person can act on it; "" when their role opens none."""
    for endpoint, values in _candidates(item):
        rule = rule_of(current_app, endpoint)
        if isinstance(rule, tuple) and actor().role in rule:
            return url_for(endpoint, **values)
    return ""


def _candidates(item: Silence) -> list[tuple[str, dict[str, Any]]]:
    kind = item.place.kind
    if kind == "held":
        return [("labs.resolve", {"public_id": item.place.key}), ("labs.queue", {})]
    if kind == "correction":
        return [("incidents.index", {"_anchor": "corrections"})]
    if kind == "incident":
        return [("incidents.close", {"public_id": item.place.key}), ("incidents.index", {})]
    if kind == "statement" and actor().role in CLINICAL:
        return [("statements.index", {})]
    if item.patient is not None:
        where = {"public_id": item.patient.public_id, "_anchor": _ANCHORS.get(kind)}
        return [("patients.show", where)]
    return [("programmes.index" if kind == "rules" else "reminders.index", {})]


def age(since: dt.datetime | None, at: dt.datetime) -> str:
    """How long something has lasted, in its largest whole unit: 12 seconds, 3 hours, 49 days."""
    if since is None:
        return ""
    seconds = max(0, int((at - since).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return plural(seconds // size, unit)
    return plural(seconds, "second")
