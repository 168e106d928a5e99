"""The windows of the past, each as it was opened by what was known on its day."""

from __future__ import annotations

import datetime as dt

from compliance.rules.facts import (
    ClinicTerms,
    Contraception,
    Dispensing,
    Enrolment,
    LastDose,
    PregnancyPotential,
    PregnancyTest,
    Prescription,
    Record,
)
from compliance.rules.past_windows import PastWindow, past_windows
from compliance.rules.programme import load_programme
from compliance.rules.terms import (
    Cycle,
    Method,
    Potential,
    PotentialReason,
    TestResult,
    TestSetting,
)

FIRST, SECOND = dt.date(2026, 1, 5), dt.date(2026, 2, 9)
NEW_YORK = ClinicTerms(time_zone="America/New_York")


def negative(day: dt.date) -> PregnancyTest:
    return PregnancyTest(
        id=f"test-{day}", collected=day, result=TestResult.NEGATIVE, setting=TestSetting.MEDICAL
    )


def windows(*facts, through: dt.date = dt.date(2026, 12, 31)) -> list[PastWindow]:
    potential = PregnancyPotential(
        from_=FIRST,
        can_become_pregnant=Potential.YES,
        reason=PotentialReason.ANATOMY,
        confirmed_by_professional=True,
        cycle=Cycle.IRREGULAR,
    )
    methods = [Contraception(method=m, from_=FIRST) for m in (Method.IUS, Method.MALE_CONDOM)]
    known = (potential, Enrolment(on=FIRST), *methods, negative(FIRST), *facts)
    record = Record(born=dt.date(1998, 4, 2), facts=known)
    return past_windows(record, load_programme("us-ipledge"), NEW_YORK, through)


def test_the_second_test_opens_seven_days_of_which_the_day_of_collection_is_the_first() -> None:
    (window,) = windows(negative(SECOND))
    assert (window.first, window.last) == (SECOND, SECOND + dt.timedelta(days=6))
    assert not window.used


def test_a_window_was_used_by_a_pick_up_on_its_first_or_last_day_and_not_after_it() -> None:
    for days, used in ((0, True), (6, True), (7, False)):
        handed = Dispensing(on=SECOND + dt.timedelta(days=days))
        assert windows(negative(SECOND), handed)[0].used is used, days


def test_a_window_that_has_not_begun_by_the_day_asked_is_not_there_yet() -> None:
    assert windows(negative(SECOND), through=SECOND - dt.timedelta(days=1)) == []
    assert len(windows(negative(SECOND), through=SECOND)) == 1


def test_a_test_after_the_last_dose_opens_nothing() -> None:
    ended = LastDose(on=SECOND + dt.timedelta(days=20))
    final = negative(SECOND + dt.timedelta(days=50))
    course = (negative(SECOND), Prescription(on=SECOND), Dispensing(on=SECOND), ended, final)
    assert [window.first for window in windows(*course)] == [SECOND]
