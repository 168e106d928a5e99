"""The dates ahead where each prescription is judged by its own day."""

from __future__ import annotations

import pytest

from compliance.rules.facts import Contraception, Enrolment, Fact, LastDose, Prescription
from compliance.rules.findings import PlannedDate
from compliance.rules.plan import plan
from compliance.rules.programme import load_programme
from compliance.rules.terms import LabSchedule, Method, Requirement
from tests.rules.abroad import admitted, clinic, course, noon, visit_with_test
from tests.rules.histories import day, record

ENDED = LastDose(on=day(60))  # 1 May 2026: a month later is day 91, 1 June
ISSUED = [*visit_with_test(day(0)), Prescription(on=day(0))]


def ahead(
    facts: list[Fact], on: int, programme: str, schedule: LabSchedule | None = LabSchedule.LABEL
) -> dict[Requirement, tuple[int, int]]:
    """What is planned, each with its first and last day as days from the first prescription."""
    items = planned(facts, on, programme, schedule)
    return {item.requirement: _days(item) for item in items if not _of_methods(item)}


def planned(
    facts: list[Fact], on: int, programme: str, schedule: LabSchedule | None = None
) -> tuple[PlannedDate, ...]:
    terms = clinic(programme, schedule)
    return plan(record(facts), load_programme(programme), terms, noon(day(on), programme))


def _days(item: PlannedDate) -> tuple[int, int]:
    return (item.first - day(0)).days, (item.last - day(0)).days


def _of_methods(item: PlannedDate) -> bool:
    return item.requirement is Requirement.CONTRACEPTION_METHODS


@pytest.mark.parametrize(("on", "waits"), [(0, True), (17, True), (18, False)])
def test_the_wait_on_contraception_ends_a_calendar_month_after_it_began(
    on: int, waits: bool
) -> None:
    facts = [fact for fact in admitted("uk-ppp") if not isinstance(fact, Contraception)]
    facts += [
        Contraception(method=method, from_=day(-10))
        for method in (Method.COMBINED_PILL, Method.MALE_CONDOM)
    ]
    expected = {Requirement.CONTRACEPTION_LEAD_IN: (-10, 17)} if waits else {}
    assert ahead(facts, on, "uk-ppp") == expected
    assert ahead(admitted("uk-ppp"), on, "uk-ppp") == {}


@pytest.mark.parametrize(("on", "waits"), [(62, True), (115, True), (116, False)])
def test_in_australia_another_course_waits_fifty_six_days(on: int, waits: bool) -> None:
    facts = [*course("au-pi", 2), ENDED, Enrolment(on=day(62))]
    expected = {Requirement.COURSE_GAP: (60, 115)} if waits else {}
    assert ahead(facts, on, "au-pi") == expected


@pytest.mark.parametrize(("on", "waits"), [(0, True), (7, True), (8, False)])
def test_a_prescription_is_planned_to_be_handed_over_through_its_last_day(
    on: int, waits: bool
) -> None:
    found = ahead([*admitted("uk-ppp"), *ISSUED], on, "uk-ppp")
    month = {Requirement.MONTHLY_TEST: (25, 28), Requirement.REVIEW: (28, 28)}
    window = {Requirement.PRESCRIPTION_WINDOW: (0, 7)} if waits else {}
    assert found == {**window, **month}


def test_the_day_shown_for_the_hand_over_is_the_one_before_the_last() -> None:
    first = planned([*admitted("uk-ppp"), *ISSUED], 0, "uk-ppp")[0]
    assert (
        first.sentence == "The medicine is handed over by 8 Mar 2026; the last day is 9 Mar 2026."
    )


MONTH = {
    Requirement.LAB_FOLLOW_UP: (25, 46),
    Requirement.DAYS_SUPPLY: (52, 58),
    Requirement.MONTHLY_TEST: (53, 56),
    Requirement.REVIEW: (56, 56),
    Requirement.BLOOD_DONATION: (58, 88),
    Requirement.CONTRACEPTION_TAIL: (58, 88),
    Requirement.FINAL_TEST: (88, 102),
}


def test_during_treatment_the_month_and_a_possible_end_are_planned() -> None:
    assert ahead(course("uk-ppp", 2), 30, "uk-ppp") == MONTH


def test_where_nothing_limits_the_supply_it_is_renewed_when_it_ends_and_no_last_test_is_due() -> (
    None
):
    expected = {**MONTH, Requirement.DAYS_SUPPLY: (58, 58)}
    del expected[Requirement.FINAL_TEST]
    assert ahead(course("au-pi", 2), 30, "au-pi") == expected


def test_of_a_patient_who_cannot_only_what_is_for_everybody_is_planned() -> None:
    expected = {
        Requirement.DAYS_SUPPLY: (58, 58),
        Requirement.REVIEW: (56, 56),
        Requirement.BLOOD_DONATION: (58, 88),
    }
    assert ahead(course("uk-ppp", 2, can=False), 30, "uk-ppp", LabSchedule.NONE) == expected


@pytest.mark.parametrize(("on", "binds"), [(60, True), (91, True), (92, False)])
def test_after_the_last_dose_a_month_binds_and_the_last_test_stays_until_it_is_done(
    on: int, binds: bool
) -> None:
    facts = [*course("uk-ppp", 2), ENDED]
    month = {Requirement.BLOOD_DONATION: (60, 91), Requirement.CONTRACEPTION_TAIL: (60, 91)}
    test = {Requirement.FINAL_TEST: (91, 105)}
    assert ahead(facts, on, "uk-ppp", LabSchedule.NONE) == {**(month if binds else {}), **test}
    tested = [*facts, *visit_with_test(day(91))]
    assert ahead(tested, 92, "uk-ppp", LabSchedule.NONE) == {}
