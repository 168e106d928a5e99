"""What staff did about a patient on the worklist: called, reached, snoozed, handed on."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from compliance.db import Base, Instant, TermColumn
from compliance.models.patients import Patient, new_public_id
from compliance.models.users import User
from compliance.rules.terms import Term


class ContactOutcome(Term):
    """What came of it."""

    CALLED = "called"
    REACHED = "reached"
    NO_ANSWER = "no-answer"
    WILL_COME = "will-come"
    SNOOZED = "snoozed"
    HANDED_TO = "handed-to"


class Contact(Base):
    """One entry of the contact history; entries are added and never changed."""

    __tablename__ = "contact"
    __table_args__ = (
        Index("ix_contact_clinic_id_at", "clinic_id", "at"),
        Index("ix_contact_patient_id_at", "patient_id", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    at: Mapped[dt.datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    outcome: Mapped[ContactOutcome] = mapped_column(TermColumn(ContactOutcome))
    reason: Mapped[str] = mapped_column(Text)
    until: Mapped[dt.date | None]  # the day they will come, or on which it is asked again
    handed_to_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    # Where the patient stood on the worklist then, to count who was back in order afterwards.
    grouping: Mapped[str] = mapped_column(String(20))
    headline: Mapped[str] = mapped_column(Text)
    patient: Mapped[Patient] = relationship(foreign_keys=[patient_id])
    handed_to: Mapped[User | None] = relationship(foreign_keys=[handed_to_id])
