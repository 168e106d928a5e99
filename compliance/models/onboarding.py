"""Patients taken over from a spreadsheet: the file, its columns, and what became of each row."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant, TermColumn
from compliance.models.patients import new_public_id
from compliance.rules.terms import Term


class BatchState(Term):
    """How far an onboarding file has come."""

    UPLOADED = "uploaded"
    CHECKED = "checked"
    LOADED = "loaded"
    UNDONE = "undone"


class OnboardingBatch(Base):
    """One spreadsheet of patients, as it came.

    `columns` has `fields` (our field: their heading) and `dates` (our field: dmy or mdy).
    """

    __tablename__ = "onboarding_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    file_name: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    columns: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[BatchState] = mapped_column(TermColumn(BatchState), default=BatchState.UPLOADED)
    uploaded_at: Mapped[dt.datetime] = mapped_column(Instant)
    uploaded_by: Mapped[str] = mapped_column(String(200))
    loaded_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    undone_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    undone_reason: Mapped[str | None] = mapped_column(Text)
    rows: Mapped[list[OnboardingRow]] = relationship(
        back_populates="batch", order_by="OnboardingRow.position"
    )


class RowOutcome(Term):
    """What became of one row, or will when it is loaded."""

    NEW = "new"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    LEFT_OUT = "left-out"
    LOADED = "loaded"
    UNDONE = "undone"


class OnboardingRow(Base):
    """One row of the spreadsheet, with its outcome and the reason.

    `data` has `cells` (our field: text), `match` (who it may be) and `decision` about that match.
    """

    __tablename__ = "onboarding_row"
    __table_args__ = (UniqueConstraint("batch_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("onboarding_batch.id"))
    position: Mapped[int]  # its line in the file, the heading being line 1
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    outcome: Mapped[RowOutcome] = mapped_column(TermColumn(RowOutcome))
    reason: Mapped[str] = mapped_column(Text, default="")
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    batch: Mapped[OnboardingBatch] = relationship(back_populates="rows")
