"""Today: whom to act on first, why, by when, what clears it, and what was done already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from compliance.db import db, transaction
from compliance.models import Role
from compliance.rules.dates import show
from compliance.services import assessments
from compliance.services.evidence import local_date, zone_of
from compliance.services.patients import birth_dates
from compliance.services.worklist import SHOWN, Worklist, WorkRow, record_export, worklist
from compliance.web import worklist_filters
from compliance.web.clock import now
from compliance.web.contact_words import said
from compliance.web.csv_answer import csv_answer
from compliance.web.filters import until
from compliance.web.security import CLINICAL, STAFF, access, actor, clinic
from compliance.web.words import words

worklist_pages = Blueprint("worklist", __name__)

PAGE = 50
HEAD = ("Group", "Patient", "Record number", "Why", "What to do next", "Last useful moment",
        "Handed to", "Newest contact", "By", "Reason")  # fmt: skip


@worklist_pages.route("/", methods=["GET", "POST"])
@access(*STAFF, Role.PHARMACIST)
def today() -> str | AnyResponse:
    """The worklist: risk first, then what can still be saved."""
    if actor().role is Role.PHARMACIST:
        return redirect(url_for("pharmacy.check"))
    refresh()
    text = request.form.get("q", "").strip()
    query = worklist_filters.asked(request.args)
    found = _found(query, text)
    page = max(1, request.args.get("page", 1, type=int)) if not text else 1
    moment = now()
    local = moment.astimezone(zone_of(clinic()))
    return render_template(
        "worklist/index.html",
        fragment="X-Fragment" in request.headers,
        greeting=f"{_greeting(local.hour)}, {actor().name}",
        today=local.date(),
        moment=moment,
        **_listed(found, query, text, page),
        **_addresses(query, page),
    )


@worklist_pages.get("/today.csv")
@access(*STAFF)
def export() -> Response:
    """The list as filtered, every page of it, as a file; written down for each patient in it."""
    refresh()
    query = worklist_filters.asked(request.args)
    moment, found = now(), _found(query, "")
    with transaction() as session:
        record_export(session, actor(), found.rows, query, moment)
    name = f"worklist-{query.get('group', 'all')}-{local_date(clinic(), moment)}.csv"
    return csv_answer(name, HEAD, [_cells(row) for row in found.rows])


def refresh() -> None:
    """Reassess now whom time has changed, so that no page shows yesterday's answer."""
    here, moment = clinic().id, now()
    if assessments.due_for_reassessment(db.session(), moment, clinic_id=here, limit=1):
        with transaction() as session:
            assessments.sweep(session, moment, clinic_id=here, limit=500)


def _found(query: Mapping[str, str], text: str) -> Worklist:
    moment = now()
    today = local_date(clinic(), moment)
    filters = worklist_filters.read(query)
    return worklist(db.session(), actor(), filters, moment, today, text=text)


def _listed(found: Worklist, query: Mapping[str, str], text: str, page: int) -> dict[str, Any]:
    chosen = query.get("group", "")
    fields = worklist_filters.fields(query)
    shown = found.rows[(page - 1) * PAGE : page * PAGE]
    return {
        "groups": _tiles(found.counts, query, leaping=bool(text and not chosen)),
        "parts": _parts(shown, None if "sort" in query else found.counts),
        "count": len(found.rows),
        "elsewhere": found.counts.total() - len(found.rows),
        "group": words(chosen),
        "q": text,
        "readings": [show(day) for day in birth_dates(text)],
        "fields": fields,
        "narrowed": worklist_filters.in_words(fields),
        "page": page,
        "pages": 1 if text else -(-len(found.rows) // PAGE),
    }


def _addresses(query: dict[str, Any], page: int) -> dict[str, Any]:
    back = query | ({"page": str(page)} if page > 1 else {})
    return {
        "page_url": lambda number: url_for("worklist.today", **query, page=number),
        "search_url": url_for("worklist.today", **query),
        "contact_url": lambda row: url_for("contacts.record", public_id=row.public_id, **back),
        "csv_url": url_for("worklist.export", **query),
        "enrol_url": url_for("patients.enrol") if actor().role in CLINICAL else None,
        "all_url": url_for("worklist.today"),
    }


def _parts(rows: Sequence[WorkRow], counts: Counter[str] | None) -> list[SimpleNamespace]:
    """The rows as they are listed: a part for each group, so that each is a page on paper."""
    if counts is None:
        return [SimpleNamespace(group="", rows=rows)] if rows else []
    return [
        SimpleNamespace(group=group, count=counts[group], rows=list(part))
        for group, part in groupby(rows, key=lambda row: row.group)
    ]


def _tiles(
    counts: Counter[str], query: Mapping[str, Any], *, leaping: bool
) -> list[SimpleNamespace]:
    """A tile for each group; among what a search found it leads down the page, not away from it."""
    return [
        SimpleNamespace(
            value=group,
            label=words(group),
            count=counts[group],
            url=f"#part-{group}" if leaping else _group_url(query, group),
            active=group == query.get("group"),
        )
        for group in SHOWN
    ]


def _group_url(query: Mapping[str, Any], group: str) -> str:
    return url_for("worklist.today", **{**query, "group": group})


def _cells(row: WorkRow) -> list[str]:
    zone = clinic().time_zone
    done = row.done
    return [
        words(row.group),
        row.name,
        row.mrn,
        row.headline,
        row.action,
        until(row.act_by, zone) if row.act_by else "",
        row.handed_to,
        f"{show(done.at.astimezone(zone_of(clinic())).date())}: {said(done)}" if done else "",
        done.by if done else "",
        done.reason if done else "",
    ]


def _greeting(hour: int) -> str:
    if hour < 12:
        return "Good morning"
    return "Good afternoon" if hour < 18 else "Good evening"
