"""What staff entered in the national portal, line by line, to compare with our record."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from compliance.db import Base, Instant


class PortalEntry(Base):
    """One line ticked as entered, with the value that stood in our record at that moment."""

    __tablename__ = "portal_entry"
    __table_args__ = (Index("ix_portal_entry_patient_id_line", "patient_id", "line", "entered_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    line: Mapped[str] = mapped_column(String(60))
    value: Mapped[str] = mapped_column(String(400))
    entered_at: Mapped[dt.datetime] = mapped_column(Instant)
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
