"""The patient's own page: the links that open it, and what was said on it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, event, inspect, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from compliance.db import Base, Instant, TermColumn
from compliance.models.notes import Document
from compliance.models.patients import Patient, new_public_id
from compliance.rules.terms import Term


class PatientLink(Base):
    """One link to a patient's page: it expires, can be revoked, and is kept as a digest only."""

    __tablename__ = "patient_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    reminder_id: Mapped[int | None] = mapped_column(ForeignKey("reminder.id"))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    expires_at: Mapped[dt.datetime] = mapped_column(Instant)
    failed_tries: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    patient: Mapped[Patient] = relationship()


@event.listens_for(Patient, "after_update")
def _end_links_of_another_address(
    _mapper: Mapper[Patient], connection: Connection, patient: Patient
) -> None:
    """A link belongs to the address that it went to: whoever changes the address ends it."""
    if inspect(patient).attrs.email.history.has_changes():
        connection.execute(
            update(PatientLink)
            .where(PatientLink.patient_id == patient.id, PatientLink.revoked_at.is_(None))
            .values(expires_at=PatientLink.created_at)
        )


class StatementKind(Term):
    """What a patient said on the page."""

    METHODS = "methods"
    COMPREHENSION = "comprehension"
    MISSED_PILL = "missed-pill"
    POSSIBLE_PREGNANCY = "possible-pregnancy"
    SYMPTOM = "symptom"
    HOME_TEST = "home-test"
    NO_MAIL = "no-mail"


class PatientStatement(Base):
    """One thing that a patient said, and what a person at the clinic did about it."""

    __tablename__ = "patient_statement"
    __table_args__ = (
        Index("ix_patient_statement_clinic_id_handled_at", "clinic_id", "handled_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    link_id: Mapped[int | None] = mapped_column(ForeignKey("patient_link.id"))
    kind: Mapped[StatementKind] = mapped_column(TermColumn(StatementKind))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[dt.datetime] = mapped_column(Instant)
    document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
    evidence_id: Mapped[int | None] = mapped_column(ForeignKey("evidence.id"))
    handled_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    handled_by: Mapped[str | None] = mapped_column(String(200))
    outcome: Mapped[str | None] = mapped_column(Text)
    patient: Mapped[Patient] = relationship()
    document: Mapped[Document | None] = relationship()
