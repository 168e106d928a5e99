"""The dates ahead, to the end of follow-up."""

from __future__ import annotations

import datetime as dt

from compliance.rules.facts import Dispensing, Fact, LastDose, Menses
from compliance.rules.findings import PlannedDate
from compliance.rules.plan import plan
from compliance.rules.terms import Cycle, Requirement, TestResult
from tests.rules.histories import (
    IPLEDGE,
    admitted,
    day,
    noon,
    record,
    sample,
    started,
    stated,
    terms,
)

D = dt.date


def ahead(facts: list[Fact], on: dt.date, *adopted: dt.date) -> list[PlannedDate]:
    return list(plan(record(facts), IPLEDGE, terms(*adopted), noon(on)))


def days(items: list[PlannedDate], requirement: Requirement) -> list[tuple[dt.date, dt.date]]:
    return [(item.first, item.last) for item in items if item.requirement is requirement]


def test_before_the_start_the_second_test_has_its_first_day() -> None:
    items = ahead(admitted(), day(5))
    assert days(items, Requirement.TEST_BEFORE_START) == [(D(2026, 4, 1), D(2026, 4, 7))]
    assert "days 1 to 5 of a period" in items[0].sentence
    free = ahead(admitted(cycle=Cycle.AMENORRHOEA), day(5))
    assert "period" not in free[0].sentence


def test_an_open_window_lists_what_is_missing_and_its_end() -> None:
    facts: list[Fact] = [*admitted(), Menses(started=day(30)), sample(day(31))]
    items = ahead(facts, day(32))
    window = (D(2026, 4, 2), D(2026, 4, 8))
    for requirement in (
        Requirement.COUNSELLING,
        Requirement.COMPREHENSION,
        Requirement.METHOD_MATCH,
        Requirement.PRESCRIPTION_WINDOW,
    ):
        assert days(items, requirement) == [window]
    done = ahead([*facts, *stated(day(31))], day(32))
    assert [item.requirement for item in done] == [Requirement.PRESCRIPTION_WINDOW]
    assert done[0].sentence == "The medicine is picked up by 8 Apr 2026, 23:59 Eastern."


def test_after_a_missed_first_window_the_wait_and_the_next_test_are_planned() -> None:
    items = ahead(started()[:-1], day(40))
    assert days(items, Requirement.FIRST_WINDOW_LOCKOUT) == [(D(2026, 4, 2), D(2026, 4, 20))]
    assert days(items, Requirement.TEST_BEFORE_START)[0][0] == D(2026, 4, 21)


def test_during_treatment_the_month_and_a_possible_end_are_planned() -> None:
    items = ahead(started(), day(32))
    assert days(items, Requirement.MONTHLY_TEST) == [(D(2026, 4, 26), D(2026, 5, 2))]
    assert days(items, Requirement.DAYS_SUPPLY) == [(D(2026, 5, 1), D(2026, 5, 1))]
    assert days(items, Requirement.LAB_FOLLOW_UP) == [(D(2026, 4, 23), D(2026, 5, 14))]
    tail = (D(2026, 5, 1), D(2026, 6, 1))
    assert days(items, Requirement.CONTRACEPTION_TAIL) == [tail]
    assert days(items, Requirement.BLOOD_DONATION) == [tail]
    assert days(items, Requirement.FINAL_TEST)[1] == (D(2026, 6, 1), D(2026, 6, 15))
    if_ended = [item for item in items if item.sentence.startswith("If 1 May 2026 is the last")]
    assert len(if_ended) == 4


def test_a_man_is_seen_again_before_his_supply_ends_unless_the_edition_asks_for_nothing() -> None:
    facts = [*admitted(can=False), Dispensing(on=day(1))]
    items = ahead(facts, day(5))
    assert days(items, Requirement.COUNSELLING) == [(D(2026, 3, 27), D(2026, 4, 2))]
    assert not days(items, Requirement.FINAL_TEST)
    assert not days(ahead(facts, day(5), day(2)), Requirement.COUNSELLING)


def test_after_the_last_dose_every_date_to_the_end_is_there() -> None:
    facts = [*started(), LastDose(on=D(2026, 5, 1))]
    items = ahead(facts, D(2026, 5, 2))
    assert days(items, Requirement.FINAL_TEST) == [
        (D(2026, 5, 1), D(2026, 5, 15)),
        (D(2026, 6, 1), D(2026, 6, 15)),
    ]
    assert days(items, Requirement.CONTRACEPTION_TAIL) == [(D(2026, 5, 1), D(2026, 6, 1))]
    blood = [item for item in items if item.requirement is Requirement.BLOOD_DONATION]
    assert blood[0].sentence == "Blood may be donated again from 2 Jun 2026."
    done = [*facts, sample(D(2026, 5, 1)), sample(D(2026, 6, 1))]
    assert ahead(done, D(2026, 6, 2)) == []


def test_a_positive_test_leaves_no_month_to_plan() -> None:
    facts = [*started(), sample(day(33), TestResult.POSITIVE)]
    assert ahead(facts, day(33)) == []


def test_dates_come_in_order() -> None:
    items = ahead(started(2), day(70))
    assert [item.first for item in items] == sorted(item.first for item in items)
