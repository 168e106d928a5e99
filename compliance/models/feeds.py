"""How others reach this installation: a laboratory's spreadsheets, and programs with a key."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant
from compliance.models.clinics import Clinic


class ColumnMapping(Base):
    """Which column of a laboratory's spreadsheet means what, and who said so."""

    __tablename__ = "column_mapping"
    __table_args__ = (UniqueConstraint("clinic_id", "sender"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    sender: Mapped[str] = mapped_column(String(120))  # the laboratory, as people here call it
    headings: Mapped[list[Any]] = mapped_column(JSON)  # by which the spreadsheet is recognised
    columns: Mapped[dict[str, Any]] = mapped_column(JSON)
    mapped_by: Mapped[str] = mapped_column(String(200))
    mapped_at: Mapped[dt.datetime] = mapped_column(Instant)


class ApiClient(Base):
    """A program that may sign in with a secret, for one clinic and what its scopes name."""

    __tablename__ = "api_client"

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    client_id: Mapped[str] = mapped_column(String(40), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(120))
    scopes: Mapped[str] = mapped_column(String(400))  # separated by spaces, as in OAuth 2
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(200))
    last_used_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    clinic: Mapped[Clinic] = relationship()
