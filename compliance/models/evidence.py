"""Evidence: appended, never edited; corrections supersede, errors are withdrawn."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, event, inspect
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from compliance.db import Base, Exact, Instant, TermColumn
from compliance.models.patients import new_public_id
from compliance.models.users import User
from compliance.rules.facts import Fact, read_fact
from compliance.rules.terms import Term, Verdict


class Source(Term):
    """Where a fact came from."""

    FORM = "form"
    IMPORT = "import"
    PATIENT = "patient"
    DEMONSTRATION = "demonstration"


class Evidence(Base):
    """One fact on two time axes: when it happened, and when we knew.

    `kind` and `detail` are those of compliance.rules.facts; `fact` reads them back.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        Index("ix_evidence_patient_id_kind_happened_on", "patient_id", "kind", "happened_on"),
        Index("ix_evidence_clinic_id_kind_happened_on", "clinic_id", "kind", "happened_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=new_public_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    kind: Mapped[str] = mapped_column(String(40))
    happened_on: Mapped[dt.date]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    extra: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # what the rules do not read
    source: Mapped[Source] = mapped_column(TermColumn(Source), default=Source.FORM)
    recorded_at: Mapped[dt.datetime] = mapped_column(Instant, index=True)
    recorded_by: Mapped[str] = mapped_column(String(200))
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("evidence.id"), unique=True)
    withdrawn_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    withdrawn_by: Mapped[str | None] = mapped_column(String(200))
    withdrawn_reason: Mapped[str | None] = mapped_column(Text)

    @property
    def fact(self) -> Fact:
        """The typed fact, with this row's id as its evidence id."""
        return read_fact(self.kind, self.detail, str(self.id))


class PrescriptionOrder(Base):
    """What a prescription is beside the fact that it was issued: who, and on which verdict."""

    __tablename__ = "prescription"

    id: Mapped[int] = mapped_column(primary_key=True)
    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    issued_on: Mapped[dt.date]
    days_supply: Mapped[int]
    refills: Mapped[int] = mapped_column(default=0)
    daily_dose_mg: Mapped[Decimal | None] = mapped_column(Exact)
    prescriber_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    verdict: Mapped[Verdict] = mapped_column(TermColumn(Verdict))
    edition: Mapped[str] = mapped_column(String(40))
    blocked_by: Mapped[list[str]] = mapped_column(JSON, default=list)
    override_reason: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[dt.datetime] = mapped_column(Instant)
    evidence: Mapped[Evidence] = relationship(lazy="joined")
    prescriber: Mapped[User | None] = relationship(lazy="joined")


class Dispense(Base):
    """A hand-over of the medicine, and the prescription that it fills."""

    __tablename__ = "dispense"

    id: Mapped[int] = mapped_column(primary_key=True)
    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"), unique=True)
    prescription_id: Mapped[int | None] = mapped_column(ForeignKey("prescription.id"), index=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    dispensed_on: Mapped[dt.date]
    days_supply: Mapped[int]
    verdict: Mapped[Verdict] = mapped_column(TermColumn(Verdict))
    blocked_by: Mapped[list[str]] = mapped_column(JSON, default=list)
    override_reason: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[Evidence] = relationship(lazy="joined")


_WITHDRAWAL = {"withdrawn_at", "withdrawn_by", "withdrawn_reason"}


class AppendOnly(RuntimeError):
    """Somebody tried to change or delete what may only be appended to."""


@event.listens_for(Evidence, "before_update")
def _only_withdraw(mapper: Mapper[Any], connection: Connection, row: Evidence) -> None:
    state = inspect(row)
    changed = {item.key for item in state.attrs if item.history.has_changes()}
    was_withdrawn = state.attrs.withdrawn_at.history.deleted
    if changed - _WITHDRAWAL or (was_withdrawn and was_withdrawn[0] is not None):
        raise AppendOnly(f"evidence is appended, never edited: {sorted(changed)}")


@event.listens_for(Evidence, "before_delete")
def _never_delete(mapper: Mapper[Any], connection: Connection, row: Evidence) -> None:
    raise AppendOnly("evidence is withdrawn with a reason, never deleted")
