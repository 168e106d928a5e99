"""Patients, the numbers that others know them by, and their courses of treatment."""

from __future__ import annotations

import datetime as dt
import secrets
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Exact, Instant, TermColumn
from compliance.models.clinics import Clinic
from compliance.models.users import User
from compliance.rules.terms import Sex, Term


def new_public_id() -> str:
    """A random name for an address bar: it says nothing about the patient."""
    return secrets.token_hex(8)


class Discretion(Term):
    """How much a message to the patient may say."""

    NEUTRAL = "neutral"
    DETAILED = "detailed"


class Patient(Base):
    """One patient of one clinic."""

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("clinic_id", "mrn"),
        Index("ix_patient_clinic_id_family_name", "clinic_id", "family_name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    mrn: Mapped[str] = mapped_column(String(60))
    given_name: Mapped[str] = mapped_column(String(120))
    family_name: Mapped[str] = mapped_column(String(120))
    search_name: Mapped[str] = mapped_column(
        String(260), index=True
    )  # folded: lower case, no accents
    birth_date: Mapped[dt.date]
    sex_at_birth: Mapped[Sex | None] = mapped_column(TermColumn(Sex))
    pronouns: Mapped[str] = mapped_column(String(40), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(60), default="")
    language: Mapped[str] = mapped_column(String(10), default="en")
    discretion: Mapped[Discretion] = mapped_column(
        TermColumn(Discretion), default=Discretion.NEUTRAL
    )
    reminders_wanted: Mapped[bool] = mapped_column(default=True)
    programme: Mapped[str] = mapped_column(String(40))
    prescriber_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    clinic: Mapped[Clinic] = relationship(lazy="joined")
    prescriber: Mapped[User | None] = relationship(lazy="joined")
    identifiers: Mapped[list[PatientIdentifier]] = relationship(back_populates="patient")
    courses: Mapped[list[Course]] = relationship(back_populates="patient", order_by="Course.id")

    @property
    def name(self) -> str:
        """The name as the clinic says it."""
        return f"{self.given_name} {self.family_name}"

    @property
    def course(self) -> Course | None:
        """The newest course."""
        return self.courses[-1] if self.courses else None


class PatientIdentifier(Base):
    """A number by which a laboratory or registry knows the patient, with who assigned it."""

    __tablename__ = "patient_identifier"
    __table_args__ = (UniqueConstraint("clinic_id", "authority", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    authority: Mapped[str] = mapped_column(String(120), default="")
    value: Mapped[str] = mapped_column(String(120))
    recorded_at: Mapped[dt.datetime] = mapped_column(Instant)
    patient: Mapped[Patient] = relationship(back_populates="identifiers")


class Course(Base):
    """One course of isotretinoin, from the decision to the end of follow-up."""

    __tablename__ = "course"

    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    opened_on: Mapped[dt.date]
    closed_on: Mapped[dt.date | None]
    closed_reason: Mapped[str] = mapped_column(Text, default="")
    weight_kg: Mapped[Decimal | None] = mapped_column(Exact)
    target_mg_per_kg: Mapped[Decimal | None] = mapped_column(Exact)
    patient: Mapped[Patient] = relationship(back_populates="courses")
