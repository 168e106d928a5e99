"""The edges of the programmes without a registry: periods, weakened methods, after treatment."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.rules.assess import assess
from compliance.rules.dates import day_begins
from compliance.rules.facts import (
    Contraception,
    ContraceptionExemption,
    Fact,
    Lab,
    LastDose,
    Medicine,
    Menses,
)
from compliance.rules.findings import Assessment, Finding, Question
from compliance.rules.programme import load_programme
from compliance.rules.terms import (
    Act,
    Analyte,
    ExemptionReason,
    LabSchedule,
    Method,
    Outcome,
    Requirement,
    TestResult,
    TestSetting,
)
from tests.rules.abroad import ZONES, admitted, ask, clinic, course, noon, visit_with_test
from tests.rules.histories import day, record, sample


def found(answer: Assessment, requirement: Requirement) -> Finding:
    return next(item for item in answer.findings if item.requirement is requirement)


def on_methods(programme: str, *methods: Contraception) -> list[Fact]:
    """Ready for the first prescription on day 0, with these methods alone."""
    facts = [fact for fact in admitted(programme) if not isinstance(fact, Contraception)]
    return [*facts, *methods, *visit_with_test(day(0))]


@pytest.mark.parametrize(("period", "fits"), [(0, False), (-1, True), (-2, True), (-3, False)])
def test_in_canada_treatment_best_starts_on_day_two_or_three_of_a_period(
    period: int, fits: bool
) -> None:
    facts = [*admitted("ca-ppp"), *visit_with_test(day(0)), Menses(started=day(period))]
    finding = found(ask("ca-ppp", facts, day(0)), Requirement.TEST_BEFORE_START)
    assert finding.warns is not fits


def test_the_answer_turns_as_day_two_of_the_period_begins() -> None:
    facts = [*admitted("ca-ppp"), *visit_with_test(day(0)), Menses(started=day(0))]
    answer = ask("ca-ppp", facts, day(0))
    assert answer.changes_at == day_begins(day(1), ZONES["ca-ppp"])


@pytest.mark.parametrize(
    ("besides", "outcome"),
    [
        ((), Outcome.UNMET),
        ((Method.PARTNER_VASECTOMY,), Outcome.UNKNOWN),
        ((Method.COPPER_IUD,), Outcome.MET),
    ],
)
def test_beside_a_medicine_a_method_that_the_text_leaves_open_leaves_the_answer_open(
    besides: tuple[Method, ...], outcome: Outcome
) -> None:
    used = (Method.COMBINED_PILL, Method.MALE_CONDOM, *besides)
    methods = [Contraception(method=method, from_=day(-60)) for method in used]
    facts = [*on_methods("ca-ppp", *methods), Medicine(name="rifampicin", from_=day(-50))]
    assert found(ask("ca-ppp", facts, day(0)), Requirement.INTERACTION).outcome is outcome


@pytest.mark.parametrize(("over", "counts"), [(-27, False), (-28, False), (-29, True)])
def test_a_pill_begun_on_the_last_weakened_day_counts_from_the_next_on(
    over: int, counts: bool
) -> None:
    methods = [
        Contraception(method=Method.COMBINED_PILL, from_=day(0)),
        Contraception(method=Method.MALE_CONDOM, from_=day(-60)),
    ]
    medicine = Medicine(name="rifampicin", from_=day(-60), until=day(over))
    facts = [*on_methods("uk-ppp", *methods), medicine]
    finding = found(ask("uk-ppp", facts, day(0)), Requirement.CONTRACEPTION_METHODS)
    assert (finding.outcome is Outcome.MET) is counts


@pytest.mark.parametrize(("begun", "counts"), [(0, False), (1, True)])
def test_a_pill_counts_through_the_day_before_the_medicine(begun: int, counts: bool) -> None:
    methods = [
        Contraception(method=Method.COMBINED_PILL, from_=day(-60), until=day(0)),
        Contraception(method=Method.MALE_CONDOM, from_=day(-60)),
    ]
    facts = [*on_methods("uk-ppp", *methods), Medicine(name="rifampicin", from_=day(begun))]
    finding = found(ask("uk-ppp", facts, day(0)), Requirement.CONTRACEPTION_METHODS)
    assert (finding.outcome is Outcome.MET) is counts


ENDED = day(60)


@pytest.mark.parametrize("programme", ["uk-ppp", "ca-ppp"])
@pytest.mark.parametrize(
    ("result", "late", "outcome"),
    [
        (TestResult.NEGATIVE, 0, Outcome.MET),
        (TestResult.NEGATIVE, -1, Outcome.DUE),
        (TestResult.INDETERMINATE, 0, Outcome.DUE),
        (TestResult.POSITIVE, 0, Outcome.DUE),
    ],
)
def test_only_a_negative_test_once_the_time_has_passed_is_the_test_after_treatment(
    programme: str, result: TestResult, late: int, outcome: Outcome
) -> None:
    facts = [*course(programme, 2), LastDose(on=ENDED)]
    due = found(ask(programme, facts, ENDED, Act.MONITOR), Requirement.FINAL_TEST)
    assert due.earliest is not None
    on = due.earliest + dt.timedelta(days=late)
    facts.append(sample(on, result, setting=TestSetting.LABORATORY))
    answer = ask(programme, facts, due.earliest, Act.MONITOR)
    assert found(answer, Requirement.FINAL_TEST).outcome is outcome


@pytest.mark.parametrize(
    ("collected", "outcome"),
    [(-8, Outcome.DUE), (-7, Outcome.MET), (14, Outcome.MET), (15, Outcome.UNMET)],
)
def test_blood_at_the_end_of_treatment_counts_within_the_tolerance_only(
    collected: int, outcome: Outcome
) -> None:
    on = ENDED + dt.timedelta(days=collected)
    lab = Lab(collected=on, analyte=Analyte.TG, value="0.9", unit="mmol/L", fasting=True)
    facts = record([*course("au-pi", 2), LastDose(on=ENDED), lab])
    question = Question(at=noon(max(on, ENDED), "au-pi"), act=Act.MONITOR)
    terms = clinic("au-pi", LabSchedule.LABEL)
    answer = assess(facts, load_programme("au-pi"), terms, question)
    assert found(answer, Requirement.LAB_FOLLOW_UP).outcome is outcome


@pytest.mark.parametrize(("agreed", "counts"), [(60, False), (61, True)])
def test_an_agreement_without_contraception_counts_from_the_day_after_the_earlier_course(
    agreed: int, counts: bool
) -> None:
    exemption = ContraceptionExemption(
        on=day(agreed), reason=ExemptionReason.NO_PARTNER, on_form=True
    )
    facts = [fact for fact in course("uk-ppp", 2) if not isinstance(fact, Contraception)]
    facts += [LastDose(on=ENDED), exemption]
    finding = found(ask("uk-ppp", facts, day(61)), Requirement.CONTRACEPTION_METHODS)
    assert (finding.outcome is not Outcome.UNMET) is counts
