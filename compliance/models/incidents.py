"""Incidents: what came to light afterwards and would have changed a decision."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant, TermColumn
from compliance.models.patients import Patient, new_public_id
from compliance.rules.terms import Term


class IncidentKind(Term):
    """What sort of incident."""

    LATE_CORRECTION = "late-correction"


class Incident(Base):
    """One incident: the decision concerned, what came afterwards, and how a person closed it."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_clinic_id_closed_at", "clinic_id", "closed_at"),
        UniqueConstraint("decision_id", "cause_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    kind: Mapped[IncidentKind] = mapped_column(TermColumn(IncidentKind))
    decision_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"))  # what was prescribed
    cause_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"))  # the correction
    detail: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[dt.datetime] = mapped_column(Instant)
    closed_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    closed_by: Mapped[str | None] = mapped_column(String(200))
    closed_reason: Mapped[str | None] = mapped_column(Text)
    patient: Mapped[Patient] = relationship()
