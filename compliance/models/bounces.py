"""Mail that came back after it was taken for delivery."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant
from compliance.models.reminders import Reminder


class Bounce(Base):
    """One delivery report about one reminder, read from the mailbox once."""

    __tablename__ = "bounce"

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    reminder_id: Mapped[int] = mapped_column(ForeignKey("reminder.id"), index=True)
    report_id: Mapped[str] = mapped_column(String(255), unique=True)  # its own Message-ID
    at: Mapped[dt.datetime] = mapped_column(Instant)
    status: Mapped[str] = mapped_column(String(20))  # as RFC 3463 writes it, such as 5.1.1
    permanent: Mapped[bool]
    detail: Mapped[str] = mapped_column(Text, default="")
    resolved_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    resolved_by: Mapped[str | None] = mapped_column(String(200))
    reminder: Mapped[Reminder] = relationship()
