"""The stored answer for each course, and the first moment at which time alone changes it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant, TermColumn
from compliance.models.patients import Course, Patient
from compliance.rules.terms import Act, Phase, Verdict


class StoredAssessment(Base):
    """The current assessment of one course; it can always be computed again.

    `changes_at` is an instant: a sweep touches only the rows whose moment has come.
    """

    __tablename__ = "assessment"
    __table_args__ = (
        Index("ix_assessment_clinic_id_grouping_rank", "clinic_id", "grouping", "rank"),
    )

    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    assessed_at: Mapped[dt.datetime] = mapped_column(Instant)
    changes_at: Mapped[dt.datetime | None] = mapped_column(Instant, index=True)
    act: Mapped[Act] = mapped_column(TermColumn(Act))
    verdict: Mapped[Verdict] = mapped_column(TermColumn(Verdict))
    phase: Mapped[Phase] = mapped_column(TermColumn(Phase))
    programme: Mapped[str] = mapped_column(String(40))
    edition: Mapped[str] = mapped_column(String(40))
    grouping: Mapped[str] = mapped_column(String(20))
    rank: Mapped[str] = mapped_column(String(80))
    headline: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    act_by: Mapped[dt.datetime | None] = mapped_column(Instant)
    window_first: Mapped[dt.date | None]
    window_last: Mapped[dt.date | None]
    window_closes_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    plan: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    grades: Mapped[dict[str, Any]] = mapped_column(JSON)
    course: Mapped[Course] = relationship(lazy="joined")
    patient: Mapped[Patient] = relationship(lazy="joined")
