"""A made-up patient's diary: each fact with the moment in office hours at which it was recorded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from compliance.rules.dates import age_on, plus, zone
from compliance.rules.facts import (
    Acknowledgement,
    Enrolment,
    Fact,
    PregnancyPotential,
    Prescription,
    Visit,
)
from compliance.rules.terms import (
    Cycle,
    Form,
    Potential,
    PotentialReason,
    Signer,
    Topic,
    VisitMode,
)
from compliance.services.demonstration.labs import LabPerson
from compliance.services.demonstration.names import Person

OPENS, CLOSES = 8 * 60 + 30, 17 * 60 + 50  # minutes of the clinic's day
ADULT = 18
PRESCRIBER, NURSE, PHARMACIST = "prescriber", "nurse", "pharmacist"


@dataclass(slots=True)
class Entry:
    """One fact, the moment it was recorded and who did; `override` is the reason if it was blocked.

    `corrects` is the entry that this one supersedes; `withdrawn` the moment and the reason.
    """

    fact: Fact
    at: dt.datetime
    by: str
    override: str = ""
    corrects: Entry | None = None
    withdrawn: tuple[dt.datetime, str] | None = None


@dataclass(slots=True)
class History:
    """Everything about one made-up patient, in the order in which it was recorded."""

    situation: str
    person: Person
    weight_kg: Decimal
    entries: list[Entry] = field(default_factory=list)
    closed_on: dt.date | None = None

    @property
    def opened_on(self) -> dt.date:
        """The day of the first entry."""
        return min(entry.fact.day for entry in self.entries if type(entry.fact) is Enrolment)


class Diary:
    """Writes a history; days are the clinic's own, and nothing is dated after yesterday.

    `today` is the clinic's date; `closing` the date in the authority's zone, where windows end.
    """

    def __init__(
        self, rng: Random, person: Person, situation: str, today: dt.date, closing: dt.date, tz: str
    ) -> None:
        self.rng = rng
        self.person = person
        self.today = today
        self.closing = closing
        self.labs = LabPerson(rng, person.sex)
        self.history = History(situation, person, _weight(rng, age_on(person.born, today)))
        self._zone = zone(tz)
        self._minutes: dict[dt.date, int] = {}
        self._months = 0

    @property
    def yesterday(self) -> dt.date:
        """The last day about which anything is written."""
        return plus(self.today, -1)

    def write(self, day: dt.date, fact: Fact, by: str, override: str = "") -> Entry:
        """Record a fact on a day, a few minutes after what was recorded before on that day."""
        entry = Entry(fact, self._moment(day), by, override)
        self.history.entries.append(entry)
        return entry

    def write_together(self, day: dt.date, facts: Iterable[Fact], by: str) -> list[Entry]:
        """Record facts that arrive at one moment, such as one laboratory report."""
        at = self._moment(day)
        entries = [Entry(fact, at, by) for fact in facts]
        self.history.entries.extend(entries)
        return entries

    def correct(self, entry: Entry, day: dt.date, fact: Fact) -> None:
        """Record a fact that supersedes an entry."""
        self.write(day, fact, entry.by).corrects = entry

    def withdraw(self, entry: Entry, day: dt.date, reason: str) -> None:
        """Withdraw an entry as made in error."""
        entry.withdrawn = (self._moment(day), reason)

    def office_day(self, first: dt.date, last: dt.date) -> dt.date:
        """A day from one to another, not after yesterday, on a weekday if there is one."""
        first, last = min(first, self.yesterday), min(last, self.yesterday)
        days = [plus(first, n) for n in range((last - first).days + 1)]
        return self.rng.choice([day for day in days if day.isoweekday() < 6] or days or [first])

    def back(self, nearest: int, farthest: int) -> dt.date:
        """A day so many days before today, on a weekday if there is one."""
        return self.office_day(plus(self.today, -farthest), plus(self.today, -nearest))

    def _moment(self, day: dt.date) -> dt.datetime:
        before = self._minutes.get(day)
        if before is None:
            minute = OPENS + self.rng.randrange(0, 150)
        else:
            minute = min(before + self.rng.randrange(3, 22), max(CLOSES, before + 1))
        self._minutes[day] = minute
        local = dt.datetime.combine(day, dt.time(minute // 60, minute % 60), self._zone)
        return local.astimezone(dt.UTC)

    # --- what every course has -------------------------------------------------------------------

    def enrol(
        self,
        day: dt.date,
        potential: Potential,
        reason: PotentialReason | None,
        cycle: Cycle = Cycle.UNKNOWN,
        signed: bool = True,
    ) -> None:
        """The first visit: enrolment, pregnancy potential, the form with its signatures."""
        known = potential is not Potential.UNDETERMINED
        self.write_together(
            day,
            [
                PregnancyPotential(
                    from_=day,
                    can_become_pregnant=potential,
                    reason=reason,
                    confirmed_by_professional=known,
                    cycle=cycle,
                ),
                Enrolment(on=day),
            ],
            NURSE,
        )
        self.visit(day)
        if signed:
            self.sign(day)

    def sign(self, day: dt.date) -> None:
        """The enrolment form, with a parent or guardian for a minor."""
        signers = [Signer.PATIENT, Signer.PRESCRIBER]
        if age_on(self.person.born, day) < ADULT:
            signers.insert(1, Signer.GUARDIAN)
        form = Acknowledgement(on=day, form=Form.ENROLMENT, signed_by=tuple(signers))
        self.write(day, form, PRESCRIBER)

    def visit(self, day: dt.date, mode: VisitMode = VisitMode.IN_PERSON) -> None:
        """An appointment, nearly always with the question about mood."""
        topics = (Topic.MENTAL_HEALTH,) if self.rng.random() < 0.9 else ()
        self.write(day, Visit(on=day, mode=mode, topics=topics), PRESCRIBER)

    def prescribe(self, day: dt.date, override: str = "") -> None:
        """A prescription for 30 days; the dose rises after the first month."""
        aim = float(self.history.weight_kg) * (0.5 if self._months == 0 else 0.8)
        dose = max(10.0, min(80.0, round(aim / 10) * 10.0))
        self._months += 1
        self.write(day, Prescription(on=day, daily_dose_mg=dose), PRESCRIBER, override)

    def panel(self, day: dt.date, on_drug: bool) -> list[Entry]:
        """One laboratory report, recorded in one moment on the day after it or yesterday."""
        recorded = min(plus(day, 1), self.yesterday)
        return self.write_together(recorded, list(self.labs.panel(day, on_drug)), NURSE)


def _weight(rng: Random, age: int) -> Decimal:
    mean = 72 if age >= ADULT else 44 + 4 * (age - 12)
    return Decimal(max(38, round(rng.gauss(mean, 9))))
