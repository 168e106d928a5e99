"""What a board of silences is made of: one silence, where it leads, and what was looked through."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Course, Patient, StoredAssessment
from compliance.rules.triage import Group
from compliance.services.evidence import local_date


@dataclass(frozen=True, slots=True)
class Place:
    """Where one can act on a silence: the kind of page, and which one (a public id)."""

    kind: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """One thing that stays wrong without saying so; `since` is None when it never was right."""

    what: str
    reason: str
    action: str
    since: dt.datetime | None
    place: Place
    patient: Patient | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found, and through how many it looked: count and list are the same rows."""

    silences: Sequence[Silence]
    over: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """For which clinic, at which moment, and where this installation keeps its backups."""

    clinic: Clinic
    now: dt.datetime
    backup_dir: Path

    @property
    def today(self) -> dt.date:
        """The clinic's calendar date."""
        return local_date(self.clinic, self.now)


class OpenCourse(NamedTuple):
    """A patient under care, and the stored answer (None when there is none)."""

    course: Course
    patient: Patient
    answer: StoredAssessment | None


def open_courses(
    session: Session, clinic: Clinic, grouping: Group | None = None
) -> list[OpenCourse]:
    """The newest course of each patient of a clinic, unless treatment and follow-up are over.

    With `grouping`, only those that stand in this group of the worklist.
    """
    newest = select(func.max(Course.id)).where(Course.clinic_id == clinic.id)
    stands = StoredAssessment.grouping
    query = (
        select(Course, Patient, StoredAssessment)
        .join(Patient, Patient.id == Course.patient_id)
        .outerjoin(StoredAssessment, StoredAssessment.course_id == Course.id)
        .where(Course.id.in_(newest.group_by(Course.patient_id)), Course.closed_on.is_(None))
        .where(or_(stands.is_(None), stands != Group.CLOSED.value))
        .order_by(Course.id)
    )
    if grouping is not None:
        query = query.where(stands == grouping.value)
    return [OpenCourse(*row) for row in session.execute(query)]
