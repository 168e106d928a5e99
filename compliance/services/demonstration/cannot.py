"""Courses of patients who cannot become pregnant: a visit, a prescription, a pick-up each month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from compliance.rules.dates import plus
from compliance.rules.facts import Counselling, Dispensing, LastDose
from compliance.rules.terms import Potential, PotentialReason, VisitMode
from compliance.services.demonstration.histories import PHARMACIST, PRESCRIBER, Diary


@dataclass(frozen=True, slots=True)
class Round:
    """One month as planned: the day of its visit and of its pick-up."""

    visit: dt.date
    pickup: dt.date


class CannotCourse:
    """One course, written forward into a diary."""

    def __init__(self, diary: Diary, reason: PotentialReason, tidy: bool = False) -> None:
        self.diary = diary
        self.reason = reason
        self.tidy = tidy
        self.last_pickup: dt.date | None = None

    def rounds_before(self, next_visit: dt.date, count: int) -> list[Round]:
        """So many complete months, the last one ending in time for a visit; oldest first."""
        diary, rounds = self.diary, list[Round]()
        for _ in range(count):
            pickup = plus(next_visit, -diary.rng.randint(23, 29))
            visit = self._weekday(plus(pickup, -diary.rng.randint(0, 4)))
            rounds.insert(0, Round(visit, pickup))
            next_visit = visit
        return rounds

    def rounds_until(self, pickup: dt.date, count: int) -> list[Round]:
        """So many complete months, the last one collected on a day; oldest first."""
        visit = self._weekday(plus(pickup, -self.diary.rng.randint(0, 5)))
        return [*self.rounds_before(visit, count - 1), Round(visit, pickup)]

    def _weekday(self, day: dt.date) -> dt.date:
        return plus(day, -max(0, day.isoweekday() - 5))

    def begin(self, day: dt.date, signed: bool = True, blood: bool = True) -> None:
        """The day of enrolment: form, counselling and usually the baseline."""
        self.diary.enrol(day, Potential.NO, self.reason, signed=signed)
        self.diary.write(day, Counselling(on=day), PRESCRIBER)
        if blood and (self.tidy or self.diary.rng.random() > 0.08):
            self.diary.panel(day, on_drug=False)

    def begin_before(self, visit: dt.date) -> None:
        """Enrolment some days before the visit of the first prescription."""
        self.begin(self._weekday(plus(visit, -self.diary.rng.randint(4, 14))))

    def rounds(self, planned: Sequence[Round], override: str = "") -> None:
        """Complete months; blood is taken with the second and the fourth visit."""
        for number, one in enumerate(planned):
            self.visit(one.visit)
            if number in (1, 3) and (self.tidy or self.diary.rng.random() > 0.1):
                self.diary.panel(one.visit, on_drug=True)
            self.prescribe(one.visit, one.pickup, override)
            self.collect(one.pickup, override)

    def visit(self, day: dt.date) -> None:
        """The month's appointment with its counselling, now and then by video."""
        remote = self.diary.rng.random() < 0.2
        self.diary.visit(day, VisitMode.REMOTE if remote else VisitMode.IN_PERSON)
        self.diary.write(day, Counselling(on=day), PRESCRIBER)

    def prescribe(self, visit: dt.date, last: dt.date, override: str = "") -> None:
        """The month's prescription, at the visit or in the days until the pick-up."""
        self.diary.prescribe(self.diary.office_day(visit, min(last, plus(visit, 2))), override)

    def collect(self, day: dt.date, override: str = "") -> None:
        """The hand-over by the pharmacy."""
        self.diary.write(day, Dispensing(on=day), PHARMACIST, override)
        self.last_pickup = day

    def finish(self, last_dose: dt.date) -> None:
        """The last dose."""
        self.diary.write(last_dose, LastDose(on=last_dose), PRESCRIBER)
