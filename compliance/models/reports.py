"""Reports as they were made: kept, never changed."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, deferred, mapped_column

from compliance.db import Base, Instant
from compliance.models.patients import new_public_id


class StoredReport(Base):
    """One finished report: the month, the data cut-off, the bytes and their hash."""

    __tablename__ = "report"
    __table_args__ = (Index("ix_report_clinic_id_month", "clinic_id", "month"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    kind: Mapped[str] = mapped_column(String(40))
    month: Mapped[dt.date]  # its first day
    cut_off: Mapped[dt.datetime] = mapped_column(Instant)
    made_at: Mapped[dt.datetime] = mapped_column(Instant)
    made_by: Mapped[str] = mapped_column(String(200))
    pages: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))
