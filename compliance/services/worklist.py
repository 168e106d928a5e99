"""The worklist of a clinic in one read: everybody with something ahead, and what was done."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session, aliased

from compliance.models import (
    AccessLogEntry,
    Contact,
    ContactOutcome,
    Patient,
    StoredAssessment,
    User,
)
from compliance.rules.terms import Phase, Term
from compliance.rules.triage import Group
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.patients import matching

SNOOZED = "snoozed"
HANDED_DAYS = 30  # our own: a hand-over older than this is settled or forgotten
SHOWN = (*(group.value for group in Group if group is not Group.CLOSED), SNOOZED)

_Last, _Handed, _Colleague = aliased(Contact), aliased(Contact), aliased(User)
# Plain columns: rows as objects would make a list of thousands slow.
_COLUMNS = (
    Patient.id.label("patient_id"),
    Patient.public_id,
    Patient.given_name,
    Patient.family_name,
    Patient.mrn,
    Patient.birth_date,
    StoredAssessment.grouping,
    StoredAssessment.rank,
    StoredAssessment.headline,
    StoredAssessment.action,
    StoredAssessment.act_by,
    _Last.at,
    _Last.by,
    _Last.outcome,
    _Last.reason,
    _Last.until,
    _Last.grouping.label("grouping_then"),
    _Last.headline.label("headline_then"),
    _Colleague.name.label("handed_to"),
)
_Query = Select[*tuple[Any, ...]]


class Order(Term):
    """How the worklist is sorted."""

    URGENT = "urgent"
    ACT_BY = "act-by"
    NAME = "name"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which part of the worklist is shown; nothing here says anything about a patient."""

    group: str = ""
    prescriber_id: int | None = None
    phase: Phase | None = None
    mine: bool = False
    handed_to_id: int | None = None
    order: Order = Order.URGENT


@dataclass(frozen=True, slots=True)
class Done:
    """The newest thing that somebody did about a patient."""

    at: dt.datetime
    by: str
    outcome: ContactOutcome
    reason: str
    until: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRow:
    """One patient of the worklist; `group` is "snoozed" while the patient is put off."""

    patient_id: int
    public_id: str
    name: str
    mrn: str
    born: dt.date
    group: str
    rank: str
    headline: str
    action: str
    act_by: dt.datetime | None
    done: Done | None = None
    handed_to: str = ""


@dataclass(frozen=True, slots=True)
class Worklist:
    """The rows that were asked for, and how many there are in each group, from one read."""

    rows: Sequence[WorkRow]
    counts: Counter[str]


def worklist(
    session: Session,
    actor: Actor,
    filters: Filters,
    now: dt.datetime,
    today: dt.date,
    *,
    text: str = "",
) -> Worklist:
    """The actor's clinic as these filters show it; `today` is the clinic's own date.

    `text` is what somebody searches: a name, a record number or a birth date.
    """
    query = _filtered(_everybody(actor.clinic_id, now), actor, filters)
    if text:
        found = matching(actor.clinic_id, text).with_only_columns(Patient.id)
        query = query.where(StoredAssessment.patient_id.in_(found))
    rows = [_row(item, today) for item in session.execute(query)]
    counts = Counter(row.group for row in rows)
    shown = [row for row in rows if row.group == (filters.group or row.group)]
    if not filters.group:
        shown = [row for row in shown if row.group != SNOOZED or text]
    return Worklist(sorted(shown, key=_KEYS[filters.order]), counts)


def _everybody(clinic_id: int | None, now: dt.datetime) -> _Query:
    """Everybody of a clinic with something ahead, beside the newest entry and hand-over."""
    handed_since = now - dt.timedelta(days=HANDED_DAYS)
    every = select(Contact.course_id, func.max(Contact.id).label("id"))
    every = every.where(Contact.clinic_id == clinic_id).group_by(Contact.course_id)
    newest = every.subquery()
    handed = every.where(
        Contact.outcome == ContactOutcome.HANDED_TO, Contact.at > handed_since
    ).subquery()
    course = StoredAssessment.course_id
    return (
        select(*_COLUMNS)
        .select_from(StoredAssessment)
        .join(Patient, Patient.id == StoredAssessment.patient_id)
        .outerjoin(newest, newest.c.course_id == course)
        .outerjoin(_Last, _Last.id == newest.c.id)
        .outerjoin(handed, handed.c.course_id == course)
        .outerjoin(_Handed, _Handed.id == handed.c.id)
        .outerjoin(_Colleague, _Colleague.id == _Handed.handed_to_id)
        .where(
            StoredAssessment.clinic_id == clinic_id,
            StoredAssessment.grouping != Group.CLOSED.value,
        )
        .order_by(StoredAssessment.rank, StoredAssessment.act_by, course)
    )


def _filtered(query: _Query, actor: Actor, filters: Filters) -> _Query:
    if filters.prescriber_id is not None:
        query = query.where(Patient.prescriber_id == filters.prescriber_id)
    if filters.phase is not None:
        query = query.where(StoredAssessment.phase == filters.phase)
    if filters.handed_to_id is not None:
        query = query.where(_Handed.handed_to_id == filters.handed_to_id)
    if filters.mine:
        own = (Patient.prescriber_id == actor.user_id) | (_Handed.handed_to_id == actor.user_id)
        query = query.where(own)
    return query


def _row(item: Any, today: dt.date) -> WorkRow:
    done = item.at and Done(item.at, item.by, item.outcome, item.reason, item.until)
    row = WorkRow(
        patient_id=item.patient_id,
        public_id=item.public_id,
        name=f"{item.given_name} {item.family_name}",
        mrn=item.mrn,
        born=item.birth_date,
        group=item.grouping,
        rank=item.rank,
        headline=item.headline,
        action=item.action,
        act_by=item.act_by,
        done=done,
        handed_to=item.handed_to or "",
    )
    return replace(row, group=SNOOZED) if _sleeps(item, today) else row


def _sleeps(item: Any, today: dt.date) -> bool:
    """Put off, the day has not come, and nothing about the patient is other than it was then.

    Any later entry ends a snooze: whoever made it is at work on the patient.
    """
    return (
        item.outcome is ContactOutcome.SNOOZED
        and item.until > today
        and (item.grouping_then, item.headline_then) == (item.grouping, item.headline)
    )


def record_export(
    session: Session,
    actor: Actor,
    rows: Sequence[WorkRow],
    filters: Mapping[str, str],
    now: dt.datetime,
) -> None:
    """Write down that these patients left the system in a file: once in all, and for each."""
    audit.record(
        session,
        actor,
        "worklist.exported",
        "clinic",
        actor.clinic_id,
        now,
        clinic_id=actor.clinic_id,
        detail={"patients": len(rows), "filters": dict(filters)},
    )
    look = {"at": now, "actor": actor.name, "user_id": actor.user_id, "page": "worklist file"}
    looks = [{**look, "clinic_id": actor.clinic_id, "patient_id": row.patient_id} for row in rows]
    if looks:
        session.execute(insert(AccessLogEntry), looks)


_FAR = dt.datetime.max.replace(tzinfo=dt.UTC)
_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
_KEYS: dict[Order, Callable[[WorkRow], Any]] = {
    Order.URGENT: lambda row: (SHOWN.index(row.group), row.rank),
    Order.ACT_BY: lambda row: row.act_by or _FAR,
    Order.NAME: lambda row: row.name.rpartition(" ")[2].casefold() + row.name.casefold(),
    Order.CONTACT: lambda row: row.done.at if row.done else _NEVER,
}
