"""Many rows in one statement, past the objects of the session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from compliance.db import Base


def insert_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns; what they refer to must be flushed."""
    if rows:
        session.execute(insert(cast(Table, model.__table__)), rows)


def insert_for_ids(
    session: Session, model: type[Base], rows: Sequence[dict[str, Any]]
) -> Sequence[int]:
    """The same, and the ids that the rows got, in their order."""
    if not rows:
        return []
    table = cast(Table, model.__table__)
    returning = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return session.scalars(returning, rows).all()
