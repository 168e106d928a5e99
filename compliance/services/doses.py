"""The dose of a course: what was taken so far, and the cumulative dose that is aimed at."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from compliance.models import Patient
from compliance.rules.doses import Taken, latest_weight, taken
from compliance.rules.facts import Dispensing, LastDose, Prescription, Record, facts_of
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.courses import course_of
from compliance.services.errors import Invalid

LEAST_TARGET, MOST_TARGET = Decimal(1), Decimal(400)  # mg/kg; our own, against slips of the pen


@dataclass(frozen=True, slots=True)
class DoseSummary:
    """Dose and weight of the newest course on a day; None where the record does not say.

    `issued` is the newest prescription; `weight_on` is None for a weight entered with the course;
    `ended` says that the last dose is recorded.
    """

    taken: Taken
    issued: Prescription | None
    weight_kg: Decimal | None
    weight_on: dt.date | None
    target_mg_per_kg: Decimal | None
    ended: bool = False

    @property
    def daily_mg(self) -> Decimal | None:
        """Milligrams a day of the newest prescription."""
        dose = self.issued.daily_dose_mg if self.issued else None
        return None if dose is None else Decimal(str(dose))

    @property
    def daily_mg_per_kg(self) -> Decimal | None:
        """The same for each kg, to two places."""
        return self._per_kg(self.daily_mg, 2)

    @property
    def mg_per_kg(self) -> Decimal | None:
        """What was taken so far for each kg, to one place."""
        return self._per_kg(self.taken.mg, 1)

    @property
    def percent(self) -> int | None:
        """How much of the target was taken, in whole per cent."""
        if self.mg_per_kg is None or self.target_mg_per_kg is None:
            return None
        return int(100 * self.mg_per_kg / self.target_mg_per_kg)

    @property
    def days_left(self) -> int | None:
        """Days to the target at the newest dose; 0 when it is reached, None after the last dose."""
        if self.ended:
            return None
        if not self.weight_kg or self.target_mg_per_kg is None or not self.daily_mg:
            return None
        missing = self.target_mg_per_kg * self.weight_kg - self.taken.mg
        return max(0, math.ceil(missing / self.daily_mg))

    def _per_kg(self, mg: Decimal | None, places: int) -> Decimal | None:
        return None if mg is None or not self.weight_kg else round(mg / self.weight_kg, places)


def dose_summary(patient: Patient, record: Record, on: dt.date) -> DoseSummary:
    """Dose and weight of the patient's newest course, as far as the record says on a day."""
    course = patient.course
    since = course.opened_on if course and len(patient.courses) > 1 else dt.date.min
    issued = [fact for fact in facts_of(record.facts, Prescription) if since <= fact.on <= on]
    weight = latest_weight(record, on)
    entered = course.weight_kg if course else None
    return DoseSummary(
        taken=taken(record, on, since),
        issued=issued[-1] if issued else None,
        weight_kg=Decimal(str(weight.kg)) if weight else entered,
        weight_on=weight.on if weight else None,
        target_mg_per_kg=course.target_mg_per_kg if course else None,
        ended=_ended(record, since, on),
    )


def _ended(record: Record, since: dt.date, on: dt.date) -> bool:
    ended = [fact.on for fact in facts_of(record.facts, LastDose) if since <= fact.on <= on]
    handed = [fact.on for fact in facts_of(record.facts, Dispensing) if fact.on <= on]
    return bool(ended) and max(handed, default=ended[-1]) <= ended[-1]


def set_target(
    session: Session,
    actor: Actor,
    patient: Patient,
    mg_per_kg: Decimal | None,
    now: dt.datetime,
) -> None:
    """Set the cumulative dose that the newest course aims at (None: none), and audit it.

    Raises Invalid outside 1 to 400 mg/kg.
    """
    course = course_of(patient)
    if mg_per_kg is not None and not LEAST_TARGET <= mg_per_kg <= MOST_TARGET:
        raise Invalid(
            {
                "target_mg_per_kg": f"Found {mg_per_kg} mg/kg; allowed are {LEAST_TARGET} to"
                f" {MOST_TARGET} mg/kg."
            }
        )
    was, course.target_mg_per_kg = course.target_mg_per_kg, mg_per_kg
    audit.record(
        session,
        actor,
        "course.target-set",
        "course",
        course.id,
        now,
        clinic_id=course.clinic_id,
        patient_id=course.patient_id,
        detail={"mg_per_kg": _text(mg_per_kg), "was": _text(was)},
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
