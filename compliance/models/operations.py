"""What keeps the installation running: scheduled runs, the planner's lease, settings."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from compliance.db import Base, Instant


class JobRun(Base):
    """The last run of a scheduled job: its heartbeat, and what it said."""

    __tablename__ = "job_run"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    started_at: Mapped[dt.datetime] = mapped_column(Instant)
    finished_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    succeeded: Mapped[bool | None]
    detail: Mapped[str] = mapped_column(Text, default="")
    failures: Mapped[int] = mapped_column(default=0)


class Lease(Base):
    """Who may run the scheduled jobs, and until when."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    owner: Mapped[str] = mapped_column(String(120))
    until: Mapped[dt.datetime] = mapped_column(Instant)


class Setting(Base):
    """A fact about this installation, such as that its data are a demonstration."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
