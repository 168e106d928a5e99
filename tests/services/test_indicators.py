"""Each indicator counts what it says, and every figure is the length of its list."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from compliance.rules.facts import LimitSet, Prescription, read_fact
from compliance.services.cohort import Cohort, Received
from compliance.services.indicators import MONTHS, measure
from compliance.services.report_content import Month
from tests.services.histories import (
    FIRST,
    START,
    beginning,
    course,
    day,
    fact,
    labs,
    monthly,
    overridden,
    person,
    without,
)

FEB, MAR, APR, MAY = (Month(2026, number) for number in (2, 3, 4, 5))


def figures(month, *people, received=()):
    found = measure(Cohort(people=tuple(people), received=received), month)
    return {each.number: each for each in found}


def counted(number, month, *people):
    each = figures(month, *people)[number]
    return each.numerator, each.denominator


def reason(number, month, *people):
    (case,) = figures(month, *people)[number].exceptions
    return case.reason


def test_a_course_in_order_is_in_order_under_every_indicator():
    for month in (FEB, MAR, APR):
        for each in figures(month, person(course())).values():
            assert not each.exceptions, (each.title, each.exceptions)


def test_every_figure_is_the_length_of_its_list():
    people = [
        person(course(), "T-1"),
        person(without(course(), "enrolment"), "T-2"),
        person(beginning() + monthly(0) + monthly(30, test="positive"), "T-3"),
    ]
    for month in (FEB, MAR, APR, MAY):
        for each in figures(month, *people).values():
            if each.denominator is None:
                assert each.numerator == len(each.cases) == len(each.exceptions)
            else:
                assert each.denominator == len(each.cases)
                assert each.numerator == sum(case.met for case in each.cases)
                assert len(each.exceptions) == each.denominator - each.numerator
            assert each.series[-1].month == month
            assert len(each.series) == MONTHS
            assert (each.series[-1].numerator, each.series[-1].denominator) == (
                each.numerator,
                each.denominator,
            )


def test_every_exception_has_a_reason():
    bad = [
        person(without(course(), kind), kind)
        for kind in ("enrolment", "acknowledgement", "pregnancy_test", "contraception", "lab")
    ]
    for month in (FEB, MAR, APR, MAY):
        for each in figures(month, *bad).values():
            assert all(case.reason and case.local_id for case in each.exceptions), each.title


def test_no_patients_give_no_cases_and_no_percentages():
    for each in figures(FEB).values():
        assert not each.cases
        assert each.percent is None
        assert each.interval is None


def test_1_a_start_without_enrolment_is_an_exception():
    assert counted(1, FEB, person(without(course(), "enrolment"))) == (0, 1)
    assert counted(1, MAR, person(without(course(), "enrolment"))) == (0, 0)


def test_2_a_form_signed_after_the_first_dose_does_not_count():
    late = [*without(course(), "acknowledgement"), fact(
        "acknowledgement", on=day(1), form="enrolment", signed_by=["patient", "prescriber"]
    )]  # fmt: skip
    assert counted(2, FEB, person(late)) == (0, 1)


def test_2_a_form_signed_between_prescription_and_pick_up_counts():
    facts = [
        *without(beginning(), "acknowledgement"),
        *monthly(0, picked_up=2),
        fact("acknowledgement", on=day(1), form="enrolment", signed_by=["patient", "prescriber"]),
    ]
    assert counted(2, FEB, person(facts)) == (1, 1)


def test_7_the_first_prescription_needs_both_tests():
    assert counted(7, FEB, person(without(course(), "pregnancy_test", START))) == (0, 1)


def test_7_and_8_are_not_asked_of_patients_who_cannot_become_pregnant():
    facts = [
        *without(course(), "pregnancy_potential"),
        fact(
            "pregnancy_potential",
            from_=START,
            can_become_pregnant=False,
            reason="assigned-male",
            confirmed_by_professional=True,
        ),
    ]
    for number in (7, 8, 10, 9):
        assert counted(number, FEB, person(facts)) == (0, 0)
    assert counted(0, FEB, person(facts)) == (1, 1)


def test_8_a_later_prescription_without_a_test_says_the_rules_own_sentence():
    someone = person(without(course(), "pregnancy_test", day(30)))
    assert counted(8, MAR, someone) == (0, 1)
    issued = next(each for each in someone.facts(Prescription) if each.on == day(30))
    answer = someone.at_prescription(issued)
    said = [item.reason for item in answer.findings if item.requirement == "monthly-test"]
    assert said
    assert said[0] in reason(8, MAR, someone)


def test_8_the_first_prescription_is_not_counted_again():
    assert counted(8, FEB, person(course())) == (0, 0)
    assert counted(8, MAR, person(course())) == (1, 1)


def test_9_the_last_test_is_judged_when_its_time_is_over():
    ended = [*course(), fact("last_dose", on=day(60))]
    assert day(60) == dt.date(2026, 4, 6)  # a month later and fourteen days: 20 May
    at_end = fact("pregnancy_test", collected=day(60), result="negative", setting="medical")
    last = fact(
        "pregnancy_test", collected=dt.date(2026, 5, 20), result="negative", setting="medical"
    )
    late = fact(
        "pregnancy_test", collected=dt.date(2026, 5, 21), result="negative", setting="medical"
    )
    assert counted(9, APR, person(ended)) == (0, 0)
    assert counted(9, MAY, person(ended)) == (0, 1)
    assert counted(9, MAY, person([*ended, at_end, last])) == (1, 1)
    assert counted(9, MAY, person([*ended, at_end, late])) == (0, 1)
    (case,) = figures(MAY, person([*ended, at_end, late]))[9].exceptions
    assert case.done == "Negative test on 21 May 2026, after the time"


def test_10_statements_that_differ_are_an_exception():
    facts = [*beginning(), *monthly(0, patient_methods=("male-condom",))]
    assert counted(10, FEB, person(facts)) == (0, 1)


def test_12_a_method_that_ends_in_the_next_thirty_days_is_listed():
    facts = [
        *without(course(), "contraception"),
        fact("contraception", method="injection", from_=START),  # 105 days: until 20 April
        fact("contraception", method="male-condom", from_=START),
    ]
    assert counted(12, FEB, person(facts)) == (0, None)
    assert counted(12, MAR, person(facts)) == (1, None)
    assert "20 Apr 2026" in reason(12, MAR, person(facts))
    assert counted(12, APR, person(facts)) == (0, None)


@pytest.mark.parametrize(("supply", "met"), [(30, 1), (31, 0)])
def test_13_more_than_thirty_days_supply_is_an_exception(supply, met):
    facts = [*beginning(), *monthly(0, days_supply=supply)]
    assert counted(13, FEB, person(facts)) == (met, 1)


@pytest.mark.parametrize(("days", "met"), [(6, 1), (7, 0)])
def test_14_the_seventh_day_is_inside_the_window_and_the_eighth_outside(days, met):
    facts = [*beginning(), *monthly(0, picked_up=days)]
    assert counted(14, FEB, person(facts)) == (met, 1)


def test_17_a_baseline_older_than_the_limit_does_not_count():
    fresh = [*without(beginning(), "lab"), *labs(day(-31)), *monthly(0)]
    old = [*without(beginning(), "lab"), *labs(day(-32)), *monthly(0)]
    assert counted(17, FEB, person(fresh)) == (1, 1)
    assert counted(17, FEB, person(old)) == (0, 1)


def test_18_results_count_until_two_weeks_after_their_day():
    start = [*beginning(), *monthly(0), *monthly(30)]
    assert day(28 + 14).month == 3
    assert counted(18, MAR, person([*start, *labs(day(42))])) == (1, 1)
    assert counted(18, MAR, person([*start, *labs(day(43))])) == (0, 1)
    assert counted(18, MAR, person([*start, *labs(day(20))])) == (0, 1)


def test_18_a_course_that_ended_before_is_not_counted():
    facts = [*beginning(), *monthly(0), fact("last_dose", on=day(10))]
    assert counted(18, MAR, person(facts)) == (0, 0)


@pytest.mark.parametrize(("days", "met"), [(7, 1), (8, 0)])
def test_20_a_result_beyond_the_limit_is_acted_on_within_seven_days(days, met):
    high = [*course(), *labs(day(35), tg="501")]
    decided = fact("lab_decision", on=day(35 + days), analyte="TG", decision="Diet", by="Dr Ramos")
    assert counted(20, MAR, person([*high, decided])) == (met, 1)
    (case,) = figures(MAR, person(high))[20].exceptions
    assert case.reason == "TG 501 mg/dL of 12 Mar 2026, CTCAE grade 3."


def test_20_a_result_within_the_limit_is_no_case():
    assert counted(20, MAR, person([*course(), *labs(day(35), tg="500")])) == (0, 0)


@pytest.mark.parametrize(("fat", "cases"), [("442", 0), ("443", 1)])
def test_20_a_result_at_a_limit_that_the_clinic_adopted_is_a_case(fat, cases):
    own = LimitSet(on=day(35), keys=("tg-act-fasting",))
    patient = person([*course(), *labs(day(35), tg=fat)])
    patient.terms = replace(patient.terms, limits=(own,))
    assert counted(20, MAR, patient) == (0, cases)
    later = person([*course(), *labs(day(35), tg=fat)])
    later.terms = replace(later.terms, limits=(replace(own, on=day(36)),))
    assert counted(20, MAR, later) == (0, 0)


def test_21_and_24_a_patient_who_stays_away_becomes_overdue_and_then_lost():
    quiet = person(course())
    assert counted(21, APR, quiet) == (0, None)
    assert counted(24, APR, quiet) == (0, None)
    assert "30 Apr 2026 to 6 May 2026" in reason(21, MAY, quiet)
    assert reason(24, MAY, quiet) == "Last seen on 6 Apr 2026."


def test_24_forty_two_days_are_not_yet_lost():
    seen = [*course(), fact("visit", on=dt.date(2026, 4, 19))]
    assert counted(24, MAY, person(seen)) == (0, None)
    seen = [*course(), fact("visit", on=dt.date(2026, 4, 18))]
    assert counted(24, MAY, person(seen)) == (1, None)


def test_24_a_closed_course_is_not_lost():
    assert counted(24, MAY, person(course(), closed_on=dt.date(2026, 5, 2))) == (0, None)


def test_22_a_pregnancy_in_the_month_after_the_last_dose_is_counted():
    ended = [*course(), fact("last_dose", on=day(60))]
    inside = fact("pregnancy", on=dt.date(2026, 5, 6))
    outside = fact("pregnancy", on=dt.date(2026, 5, 7))
    assert counted(22, MAY, person([*ended, inside])) == (1, None)
    assert counted(22, MAY, person([*ended, outside])) == (0, None)


def test_23_an_override_is_counted_and_named_as_what_was_done():
    facts = without(course(), "pregnancy_test", day(30))
    decisions = overridden(facts, "prescription", day(30), "The portal says qualified.")
    someone = person(facts, decisions=decisions)
    assert counted(23, MAR, someone) == (1, None)
    (case,) = figures(MAR, someone)[8].exceptions
    assert case.done == "Override by Dr Ramos: The portal says qualified."


def test_25_what_was_not_simply_filed_is_counted_without_the_laboratorys_words():
    received = (
        Received(day=FIRST, disposition="filed", local_id="T-1"),
        Received(day=FIRST, disposition="held", local_id="T-1"),
        Received(day=FIRST, disposition="filed", local_id="T-2", without_unit=True),
        Received(day=day(40), disposition="rejected"),
    )
    found = figures(FEB, received=received)[25]
    assert found.numerator == 2
    assert {case.reason for case in found.cases} == {"Held.", "Filed, without a unit."}


def test_a_second_course_after_a_last_dose_starts_again():
    facts = [*course(1), fact("last_dose", on=day(29)), *monthly(200)]
    someone = person(facts)
    assert [bool(each.last_dose) for each in someone.treatments] == [True, False]
    month = Month.of(day(200))
    assert figures(month, someone)[7].denominator == 1
    assert figures(month, someone)[8].denominator == 0


def test_facts_after_the_day_do_not_change_how_it_is_judged():
    facts = [*beginning(), *monthly(0)]
    later = read_fact("pregnancy_test", {"collected": day(3), "result": "positive"}, "later")
    assert counted(0, FEB, person([*facts, later])) == counted(0, FEB, person(facts)) == (1, 1)


def test_days_before_the_first_edition_are_judged_by_no_rule_and_never_in_order():
    early = dt.date(2021, 6, 1)
    facts = [
        fact("prescription", on=early),
        fact("dispensing", on=early),
        *labs(early, tg="900"),
        fact("last_dose", on=early + dt.timedelta(days=20)),
        fact("symptom", on=early, name="abdominal-pain"),
    ]
    found = figures(Month(2021, 6), person(facts))
    assert (found[0].numerator, found[0].denominator) == (0, 1)
    for number in (2, 14, 17, 18, 20, 9):
        assert found[number].denominator == 0
    assert counted(21, Month(2021, 6), person(facts[:2])) == (0, None)


def test_9_a_patient_who_began_again_meanwhile_is_not_asked_for_the_last_test():
    again = [*course(1), fact("last_dose", on=day(29)), *monthly(40)]
    assert counted(9, APR, person(again)) == (0, 0)


def test_19_a_course_without_any_lipid_result_is_an_exception():
    ended = fact("last_dose", on=day(60))
    assert counted(19, APR, person([*course(), ended])) == (1, 1)
    assert counted(19, APR, person([*without(course(), "lab"), ended])) == (0, 1)
    error = fact("lab", collected=day(28), analyte="TG", value="9", status="entered-in-error")
    assert counted(19, APR, person([*without(course(), "lab"), error, ended])) == (0, 1)


def test_21_a_window_that_is_still_open_is_not_overdue():
    facts = [*course(), *monthly(90, picked_up=None)]
    assert counted(21, MAY, person(facts)) == (1, None)
    tested = [*course(), fact("pregnancy_test", collected=dt.date(2026, 5, 30), result="negative",
                              setting="medical")]  # fmt: skip
    assert counted(21, MAY, person(tested)) == (0, None)


def test_22_a_pregnancy_before_treatment_is_not_one_on_treatment():
    facts = [*beginning(), fact("pregnancy", on=day(-2))]
    assert counted(22, FEB, person(facts)) == (0, None)
    on_treatment = [*course(1), fact("pregnancy", on=day(10))]
    assert counted(22, FEB, person(on_treatment)) == (1, None)
