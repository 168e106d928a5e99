"""Users, and what each may do at which clinic."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_security import UserMixin
from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant, TermColumn
from compliance.models.clinics import Clinic
from compliance.rules.terms import Term


class Role(Term):
    """What a person does at a clinic; each route says which roles may use it."""

    PRESCRIBER = "prescriber"
    NURSE = "nurse"
    MANAGER = "manager"
    PHARMACIST = "pharmacist"
    ADMINISTRATOR = "administrator"


class User(Base, UserMixin):
    """A person who signs in. What they may do hangs on their memberships."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    wants_digest: Mapped[bool] = mapped_column(default=True)  # the clinic's morning mail
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[dt.datetime | None] = mapped_column(Instant)
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    memberships: Mapped[list[Membership]] = relationship(
        back_populates="user", lazy="selectin", order_by="Membership.id"
    )

    @property
    def roles(self) -> list[Any]:  # type: ignore[override]
        """Flask-Security asks for global roles; here a role always belongs to a clinic."""
        return []


class Membership(Base):
    """One person's role at one clinic."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("user_id", "clinic_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    role: Mapped[Role] = mapped_column(TermColumn(Role))
    user: Mapped[User] = relationship(back_populates="memberships")
    clinic: Mapped[Clinic] = relationship(lazy="joined")
