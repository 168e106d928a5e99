"""Courses of patients who can become pregnant: tests, statements, windows, and what goes wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from compliance.rules.dates import later_of_days_and_months, plus
from compliance.rules.facts import (
    Comprehension,
    Contraception,
    Counselling,
    Dispensing,
    LastDose,
    Menses,
    MethodReport,
    PregnancyTest,
)
from compliance.rules.terms import (
    Cycle,
    Method,
    Potential,
    PotentialReason,
    Side,
    Specimen,
    Supervision,
    TestResult,
    TestSetting,
)
from compliance.services.demonstration.histories import NURSE, PHARMACIST, PRESCRIBER, Diary

# The shape of a plausible course, not limits: the rules judge what comes out.
LEAD_IN, SUPPLY, INJECTION_EVERY = 30, 30, 84


class Step(IntEnum):
    """How far a month has come; each step includes those before it."""

    TEST = 0
    ENTERED = 1
    ANSWERED = 2
    PRESCRIBED = 3
    COLLECTED = 4


@dataclass(frozen=True, slots=True)
class Kit:
    """One patient's methods, the cycle that goes with them, and why pregnancy is possible."""

    methods: tuple[Method, ...]
    cycle: Cycle
    lasting: bool = False
    reason: PotentialReason = PotentialReason.ANATOMY


CONDOM = Method.MALE_CONDOM
PILL = Kit((Method.COMBINED_PILL, CONDOM), Cycle.REGULAR)
ABSTINENT = Kit((Method.ABSTINENCE,), Cycle.REGULAR)
NOT_YET = Kit((Method.ABSTINENCE,), Cycle.AMENORRHOEA, reason=PotentialReason.NOT_YET_MENSTRUATING)
TESTOSTERONE = Kit(
    (Method.COPPER_IUD, CONDOM), Cycle.AMENORRHOEA, True, PotentialReason.GENDER_TRANSITION
)
LIGATION = Kit(
    (Method.TUBAL_STERILISATION, CONDOM), Cycle.REGULAR, True, PotentialReason.TUBAL_STERILISATION
)
TWO_PRIMARY = Kit((Method.IUS, Method.PARTNER_VASECTOMY), Cycle.NO_WITHDRAWAL_BLEED, True)
KITS = (
    PILL,
    PILL,
    PILL,
    Kit((Method.IUS, CONDOM), Cycle.NO_WITHDRAWAL_BLEED, True),
    Kit((Method.IUS, CONDOM), Cycle.NO_WITHDRAWAL_BLEED, True),
    Kit((Method.IMPLANT, CONDOM), Cycle.IRREGULAR, True),
    Kit((Method.COPPER_IUD, CONDOM), Cycle.REGULAR, True),
    Kit((Method.PATCH, CONDOM), Cycle.REGULAR),
    Kit((Method.RING, Method.DIAPHRAGM), Cycle.REGULAR),
    Kit((Method.INJECTION, CONDOM), Cycle.AMENORRHOEA),
    Kit((Method.PARTNER_VASECTOMY, CONDOM), Cycle.REGULAR, True),
    ABSTINENT,
    ABSTINENT,
)


@dataclass(frozen=True, slots=True)
class Month:
    """One month as planned: the day of its test and of its pick-up."""

    test: dt.date
    pickup: dt.date


class CanCourse:
    """One course, written forward into a diary."""

    def __init__(self, diary: Diary, kit: Kit, tidy: bool = False) -> None:
        self.diary = diary
        self.kit = kit
        self.tidy = tidy  # nothing goes wrong but what the situation says
        self.first_pickup: dt.date | None = None
        self.last_pickup: dt.date | None = None

    # --- planning backwards ----------------------------------------------------------------------

    def months_before(self, next_test: dt.date, count: int) -> list[Month]:
        """So many complete months, the last one ending in time for a test; oldest first."""
        diary, months = self.diary, list[Month]()
        for _ in range(count):
            apart = diary.rng.randint(30, 38) if self._happens(0.08) else diary.rng.randint(24, 29)
            pickup = self._weekday(plus(next_test, -apart))
            months.insert(0, Month(self._weekday(plus(pickup, -diary.rng.randint(1, 4))), pickup))
            next_test = months[0].test
        return months

    def months_until(self, pickup: dt.date, count: int) -> list[Month]:
        """So many complete months, the last one collected on a day; oldest first."""
        test = self._weekday(plus(pickup, -self.diary.rng.randint(1, 4)))
        return [*self.months_before(test, count - 1), Month(test, pickup)]

    def _weekday(self, day: dt.date) -> dt.date:
        return plus(day, -max(0, day.isoweekday() - 5))

    def _happens(self, share: float) -> bool:
        chance = self.diary.rng.random()
        return not self.tidy and chance < share

    # --- writing forwards ------------------------------------------------------------------------

    def qualify(self, second_test: dt.date, enrolled: dt.date | None = None) -> None:
        """Enrolment, the pair, the first test and the baseline, in time for a second test."""
        slack = self.diary.rng.randint(1, 9)
        day = enrolled or self._weekday(plus(second_test, -LEAD_IN - slack))
        self.begin(day)
        if self._happens(0.08):
            return  # nobody took blood before the start
        baseline = self.diary.office_day(plus(second_test, -12), plus(second_test, -2))
        self.diary.panel(max(baseline, day), on_drug=False)

    def begin(self, day: dt.date, signed: bool = True) -> None:
        """The day of enrolment: form, methods and first test."""
        diary = self.diary
        diary.enrol(day, Potential.YES, self.kit.reason, self.kit.cycle, signed)
        diary.write_together(
            day, [self._method(item, day) for item in self.kit.methods], PRESCRIBER
        )
        self.test(day)

    def _method(self, method: Method, day: dt.date) -> Contraception:
        rng = self.diary.rng
        lasting = self.kit.lasting and method is not CONDOM
        start = plus(day, -rng.randint(40, 400)) if lasting else day
        renewals: tuple[dt.date, ...] = ()
        if method is Method.INJECTION:
            ahead = range(INJECTION_EVERY, (self.diary.yesterday - day).days, INJECTION_EVERY)
            renewals = tuple(plus(day, days) for days in ahead)
        return Contraception(
            method=method, from_=start, renewals=renewals, documented_by_professional=lasting
        )

    def test(
        self,
        day: dt.date,
        result: TestResult = TestResult.NEGATIVE,
        home: bool = False,
        process: bool = True,
    ) -> None:
        """One pregnancy test, at the clinic or laboratory unless at home."""
        rng = self.diary.rng
        serum = not home and rng.random() < 0.25
        laboratory = serum or rng.random() < 0.3
        place = TestSetting.LABORATORY if laboratory else TestSetting.MEDICAL
        fact = PregnancyTest(
            collected=day,
            result=result,
            specimen=Specimen.SERUM if serum else Specimen.URINE,
            setting=TestSetting.HOME if home else place,
            clia_certified=None if home else True,
            supervision=Supervision.VIDEO if home and process else None,
            home_process_documented=home and process,
            sensitivity=25 if home or not serum else 5,
        )
        self.diary.write(day, fact, NURSE)

    def menses(self, second_test: dt.date) -> None:
        """The period on whose days the second test falls, when cycles are regular."""
        if self.kit.cycle is Cycle.REGULAR:
            started = plus(second_test, -self.diary.rng.randint(0, 4))
            self.diary.write(second_test, Menses(started=started), NURSE)

    def months(self, planned: Sequence[Month]) -> None:
        """Complete months, with the small troubles of real life."""
        for number, month in enumerate(planned):
            if number == 0:
                self.menses(month.test)
            self._tested(month, first=number == 0)
            self.steps(month.test, Step.COLLECTED, month.pickup)
            self._blood(number)

    def _tested(self, month: Month, first: bool) -> None:
        if not first and self._happens(0.03):
            self.test(plus(month.test, -1), home=True, process=False)
            self.test(month.test)
        elif not first and self._happens(0.02):
            self.test(plus(month.test, -2), TestResult.INDETERMINATE)
            self.test(month.test)
        else:
            self.test(month.test, home=not first and self._happens(0.12))

    def _blood(self, number: int) -> None:
        first = self.first_pickup
        if first is None or number not in (0, 2) or self._happens(0.12):
            return
        day = plus(first, 29 + 60 * (number // 2) + self.diary.rng.randint(0, 3))
        if day <= self.diary.yesterday:
            self.diary.panel(day, on_drug=True)

    def steps(
        self, test: dt.date, until: Step, pickup: dt.date | None = None, override: str = ""
    ) -> None:
        """The month's steps after its test, each on its day or later."""
        day, last = test, pickup or plus(test, 2)
        if until >= Step.ENTERED:
            day = self.enter(self.diary.office_day(day, last))
        if until >= Step.ANSWERED:
            day = self.answer(self.diary.office_day(day, last), last)
        if until >= Step.PRESCRIBED:
            self.diary.prescribe(self.diary.office_day(day, last), override)
        if until >= Step.COLLECTED and pickup is not None:
            self.collect(pickup, override)

    def enter(self, day: dt.date) -> dt.date:
        """The prescriber's confirmation and the methods as the prescriber states them."""
        report = MethodReport(on=day, by=Side.PRESCRIBER, methods=self.kit.methods)
        self.diary.write_together(day, [Counselling(on=day), report], PRESCRIBER)
        if self.diary.rng.random() < 0.5:
            self.diary.visit(day)
        return day

    def answer(self, day: dt.date, last: dt.date) -> dt.date:
        """The patient's answers and methods; now and then wrong at first, right the day after."""
        tomorrow = plus(day, 1)
        if tomorrow <= min(last, self.diary.yesterday) and self._happens(0.12):
            self._stumble(day)
            day = tomorrow
        self.diary.write(day, Comprehension(on=day, passed=True), NURSE)
        self.state(day, self.kit.methods)
        return day

    def _stumble(self, day: dt.date) -> None:
        if self.diary.rng.random() < 0.5 and len(self.kit.methods) > 1:
            self.state(day, self.kit.methods[:1])
        else:
            self.diary.write(day, Comprehension(on=day, passed=False), NURSE)

    def state(self, day: dt.date, methods: tuple[Method, ...]) -> None:
        """The methods as the patient states them."""
        self.diary.write(day, MethodReport(on=day, by=Side.PATIENT, methods=methods), NURSE)

    def collect(self, day: dt.date, override: str = "") -> None:
        """The hand-over by the pharmacy."""
        self.diary.write(day, Dispensing(on=day), PHARMACIST, override)
        self.first_pickup = self.first_pickup or day
        self.last_pickup = day

    # --- the end ---------------------------------------------------------------------------------

    def finish(self, last_dose: dt.date, end_test: bool = True) -> dt.date:
        """The last dose and the test at the end; returns the first day of the final test."""
        self.diary.write(last_dose, LastDose(on=last_dose), PRESCRIBER)
        if end_test:
            self.test(self.diary.office_day(last_dose, plus(last_dose, 4)))
        return later_of_days_and_months(last_dose, SUPPLY, 1)
