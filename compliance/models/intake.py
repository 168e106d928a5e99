"""What came in from laboratories: every file, message and result accounted for."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant, TermColumn
from compliance.models.patients import Patient, new_public_id
from compliance.rules.terms import Term


class Disposition(Term):
    """What became of one result."""

    FILED = "filed"
    HELD = "held"
    REJECTED = "rejected"
    IGNORED = "ignored"


class ImportedFile(Base):
    """One file as it came, byte for byte, with its account."""

    __tablename__ = "imported_file"
    __table_args__ = (
        UniqueConstraint("clinic_id", "sha256"),
        CheckConstraint("received = filed + held + rejected + ignored", name="account"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    format: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    received_at: Mapped[dt.datetime] = mapped_column(Instant)
    received_by: Mapped[str] = mapped_column(String(200))
    received: Mapped[int] = mapped_column(default=0)
    filed: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    ignored: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    messages: Mapped[list[ImportedMessage]] = relationship(
        back_populates="file", order_by="ImportedMessage.position"
    )


class ImportedMessage(Base):
    """One message of a file."""

    __tablename__ = "imported_message"
    __table_args__ = (UniqueConstraint("file_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("imported_file.id"))
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    position: Mapped[int]
    message_type: Mapped[str] = mapped_column(String(60))
    sender: Mapped[str] = mapped_column(String(255), default="")
    control_id: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    patient_identifiers: Mapped[list[Any]] = mapped_column(JSON)
    patient_name: Mapped[str] = mapped_column(String(255), default="")
    patient_born: Mapped[str] = mapped_column(String(20), default="")
    error: Mapped[str | None] = mapped_column(Text)
    file: Mapped[ImportedFile] = relationship(back_populates="messages")
    results: Mapped[list[ImportedResult]] = relationship(
        back_populates="message", order_by="ImportedResult.position"
    )


class ImportedResult(Base):
    """One result of a message: what the laboratory wrote, what we made of it, and why."""

    __tablename__ = "imported_result"
    __table_args__ = (
        UniqueConstraint("message_id", "position"),
        Index("ix_imported_result_clinic_id_disposition", "clinic_id", "disposition"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    message_id: Mapped[int] = mapped_column(ForeignKey("imported_message.id"))
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    position: Mapped[int]
    code_system: Mapped[str] = mapped_column(String(120))
    code: Mapped[str] = mapped_column(String(120))
    display: Mapped[str] = mapped_column(String(255), default="")
    field: Mapped[str] = mapped_column(String(20), default="")  # where it stood, such as OBX-3
    order_number: Mapped[str] = mapped_column(String(120), default="")
    as_sent: Mapped[str] = mapped_column(Text, default="")
    analyte: Mapped[str | None] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(Text)
    comparator: Mapped[str] = mapped_column(String(4), default="")
    unit: Mapped[str] = mapped_column(String(60))
    reference_range: Mapped[str] = mapped_column(String(120), default="")
    status: Mapped[str] = mapped_column(String(20))
    interpretation: Mapped[str] = mapped_column(String(20), default="")
    collected: Mapped[str] = mapped_column(String(60))
    disposition: Mapped[Disposition] = mapped_column(TermColumn(Disposition))
    reason: Mapped[str] = mapped_column(Text)
    urgent: Mapped[bool] = mapped_column(default=False)  # may announce a pregnancy or an alarm
    waits_for_patient: Mapped[bool] = mapped_column(default=False)  # held for nothing else
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    suggested_patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))
    evidence_id: Mapped[int | None] = mapped_column(ForeignKey("evidence.id"))
    proposed_fact: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    resolved_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    resolved_by: Mapped[str | None] = mapped_column(String(200))
    resolution: Mapped[str | None] = mapped_column(Text)
    message: Mapped[ImportedMessage] = relationship(back_populates="results")
    patient: Mapped[Patient | None] = relationship(foreign_keys=[patient_id])
    suggested_patient: Mapped[Patient | None] = relationship(foreign_keys=[suggested_patient_id])


class CodeMapping(Base):
    """A laboratory's local code, and the analyte that a named person mapped it to."""

    __tablename__ = "code_mapping"
    __table_args__ = (UniqueConstraint("clinic_id", "sender", "code_system", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    sender: Mapped[str] = mapped_column(String(255), default="")
    code_system: Mapped[str] = mapped_column(String(120))
    code: Mapped[str] = mapped_column(String(120))
    target_code: Mapped[str] = mapped_column(String(40))
    mapped_by: Mapped[str] = mapped_column(String(200))
    mapped_at: Mapped[dt.datetime] = mapped_column(Instant)
