"""A monthly visit while it is being written down."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant
from compliance.models.patients import Patient, new_public_id


class VisitDraft(Base):
    """What a person has typed of one visit so far; finished, it has become evidence."""

    __tablename__ = "visit_draft"
    __table_args__ = (Index("ix_visit_draft_patient_id_finished_at", "patient_id", "finished_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    by: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    started_at: Mapped[dt.datetime] = mapped_column(Instant)
    saved_at: Mapped[dt.datetime] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(default=1)  # counts the savings, to notice two windows
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    finished_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # what was recorded; the verdict
    patient: Mapped[Patient] = relationship()
