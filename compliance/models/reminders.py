"""Reminders (rows with a natural key) and every try at delivering them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant, TermColumn
from compliance.models.patients import Patient
from compliance.rules.terms import Term


class ReminderState(Term):
    """Where a reminder stands; only PLANNED and FAILED ones may be claimed."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    DEAD = "dead"
    CLEARED = "cleared"
    SKIPPED = "skipped"


class AttemptOutcome(Term):
    """What came of one try."""

    ACCEPTED = "accepted"
    TEMPORARY_FAILURE = "temporary-failure"
    PERMANENT_FAILURE = "permanent-failure"
    SKIPPED = "skipped"


class Reminder(Base):
    """What should be said, to whom, from when.

    `key` joins course, kind, obligation, rung and recipient.

    The key is unique: whoever plans twice writes once.
    """

    __tablename__ = "reminder"
    __table_args__ = (
        Index("ix_reminder_state_due_at", "state", "due_at"),
        Index("ix_reminder_clinic_id_due_at", "clinic_id", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"), index=True)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    obligation: Mapped[str] = mapped_column(String(120))
    rung: Mapped[str] = mapped_column(String(20))
    recipient: Mapped[str] = mapped_column(String(120))
    due_at: Mapped[dt.datetime] = mapped_column(Instant)
    expires_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    context: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[ReminderState] = mapped_column(
        TermColumn(ReminderState), default=ReminderState.PLANNED
    )
    state_reason: Mapped[str] = mapped_column(Text, default="")
    claimed_by: Mapped[str | None] = mapped_column(String(120))
    claimed_until: Mapped[dt.datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    planned_at: Mapped[dt.datetime] = mapped_column(Instant)
    sent_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    patient: Mapped[Patient | None] = relationship(lazy="joined")
    attempts: Mapped[list[DeliveryAttempt]] = relationship(
        back_populates="reminder", order_by="DeliveryAttempt.id"
    )


class DeliveryAttempt(Base):
    """One try at one reminder, and what came of it."""

    __tablename__ = "delivery_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    reminder_id: Mapped[int] = mapped_column(ForeignKey("reminder.id"), index=True)
    at: Mapped[dt.datetime] = mapped_column(Instant)
    outcome: Mapped[AttemptOutcome] = mapped_column(TermColumn(AttemptOutcome))
    detail: Mapped[str] = mapped_column(Text)
    message_id: Mapped[str] = mapped_column(String(255))
    reminder: Mapped[Reminder] = relationship(back_populates="attempts")
