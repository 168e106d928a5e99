"""The columns of each laboratory's spreadsheet as people here described them, with their names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Clinic, ColumnMapping
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.errors import Invalid, NotFound
from compliance.services.result_columns import Columns, Layout, read_columns

LONGEST_NAME = 120


def layouts(session: Session, clinic: Clinic) -> tuple[Layout, ...]:
    """What is saved at a clinic, as its spreadsheets are recognised and read."""
    rows = session.scalars(select(ColumnMapping).where(ColumnMapping.clinic_id == clinic.id))
    return tuple(
        Layout(tuple(row.headings), replace(read_columns(row.columns), sender=row.sender))
        for row in rows
    )


def list_mappings(session: Session, actor: Actor) -> Sequence[ColumnMapping]:
    """The described spreadsheets of the actor's clinic, by laboratory."""
    query = select(ColumnMapping).where(ColumnMapping.clinic_id == actor.clinic_id)
    return session.scalars(query.order_by(ColumnMapping.sender)).all()


def get_mapping(session: Session, actor: Actor, mapping_id: int) -> ColumnMapping:
    """One of them; raises NotFound for another clinic's."""
    row = session.get(ColumnMapping, mapping_id)
    if row is None or row.clinic_id != actor.clinic_id:
        raise NotFound("There is no such description of columns at this clinic.")
    return row


def save_mapping(
    session: Session,
    actor: Actor,
    sender: str,
    headings: Sequence[str],
    columns: Columns,
    now: dt.datetime,
    *,
    row: ColumnMapping | None = None,
) -> ColumnMapping:
    """Save what the columns of a laboratory mean, or change it; raises Invalid."""
    sender = " ".join(sender.split())
    if not sender or len(sender) > LONGEST_NAME:
        raise Invalid({"sender": f"Enter the laboratory's name, up to {LONGEST_NAME} letters."})
    if actor.clinic_id is None:
        raise NotFound("Columns are described for a clinic.")
    _check_others(session, actor, sender, headings, row)
    before = dict(row.columns) if row is not None else None
    if row is None:
        row = ColumnMapping(clinic_id=actor.clinic_id)
        session.add(row)
    row.sender, row.headings = sender, list(headings)
    row.columns = replace(columns, sender=sender).plain()
    row.mapped_by, row.mapped_at = actor.name, now
    session.flush()
    _record(session, actor, "columns.changed" if before else "columns.described", row, now, before)
    return row


def _check_others(
    session: Session,
    actor: Actor,
    sender: str,
    headings: Sequence[str],
    row: ColumnMapping | None,
) -> None:
    for other in list_mappings(session, actor):
        if row is not None and other.id == row.id:
            continue
        if other.sender.casefold() == sender.casefold():
            raise Invalid(
                {
                    "sender": f"{other.sender} has a spreadsheet with other headings already."
                    " Change that one, or name this one apart, such as “(monthly)”."
                }
            )
        if sorted(other.headings) == sorted(headings):
            raise Invalid(
                {
                    "sender": f"{other.sender} sends the same headings, so nobody could tell the"
                    " two apart. Ask the laboratory to name one column differently."
                }
            )


def delete_mapping(session: Session, actor: Actor, row: ColumnMapping, now: dt.datetime) -> None:
    """Forget a description: the next spreadsheet with its headings waits for a new one."""
    _record(session, actor, "columns.deleted", row, now, dict(row.columns))
    session.delete(row)


def _record(
    session: Session,
    actor: Actor,
    action: str,
    row: ColumnMapping,
    now: dt.datetime,
    before: dict[str, Any] | None,
) -> None:
    detail = {"sender": row.sender, "columns": row.columns, "before": before}
    audit.record(
        session, actor, action, "column_mapping", row.id, now,
        clinic_id=row.clinic_id, detail=detail,
    )  # fmt: skip
