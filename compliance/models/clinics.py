"""Clinics, and the editions and action limits that they adopted."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from compliance.db import Base, Instant, TermColumn
from compliance.rules.terms import LabSchedule


class Clinic(Base):
    """One clinic: its programme, time zone and laboratory plan; nobody sees across clinics."""

    __tablename__ = "clinic"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    programme: Mapped[str] = mapped_column(String(40))
    time_zone: Mapped[str] = mapped_column(String(60))
    country: Mapped[str] = mapped_column(String(2))
    language: Mapped[str] = mapped_column(String(10), default="en")
    lab_schedule: Mapped[LabSchedule | None] = mapped_column(TermColumn(LabSchedule))
    address: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(String(60), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    opening_days: Mapped[str] = mapped_column(String(20), default="1,2,3,4,5")  # ISO weekdays
    paper: Mapped[str] = mapped_column(String(10), default="letter")
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # the rest, by name
    created_at: Mapped[dt.datetime] = mapped_column(Instant)


class EditionAdoption(Base):
    """A clinic's attested statement that it works by an edition from a day on, with its source."""

    __tablename__ = "edition_adoption"
    __table_args__ = (UniqueConstraint("clinic_id", "programme", "edition"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    programme: Mapped[str] = mapped_column(String(40))
    edition: Mapped[str] = mapped_column(String(40))
    adopted_on: Mapped[dt.date]
    source: Mapped[str] = mapped_column(Text)
    attested_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    recorded_at: Mapped[dt.datetime] = mapped_column(Instant)


class LimitAdoption(Base):
    """A clinic's attested choice of action limits from a day on: the whole set, with its source."""

    __tablename__ = "limit_adoption"
    __table_args__ = (Index("ix_limit_adoption_clinic_id_adopted_on", "clinic_id", "adopted_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    adopted_on: Mapped[dt.date]
    limits: Mapped[list[Any]] = mapped_column(JSON)  # the keys of the limits in force
    source: Mapped[str] = mapped_column(Text)
    attested_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    recorded_at: Mapped[dt.datetime] = mapped_column(Instant)
