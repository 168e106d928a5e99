"""What is always true of an answer, whatever the history."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from compliance.rules.assess import assess
from compliance.rules.context import next_fact_from
from compliance.rules.facts import (
    ClinicTerms,
    Fact,
    LastDose,
    Pregnancy,
    PregnancyExcluded,
    PregnancyTest,
    Prescription,
)
from compliance.rules.findings import Assessment, Question
from compliance.rules.plan import plan
from compliance.rules.terms import Act, Outcome, Requirement, TestResult, Verdict
from compliance.rules.triage import triage
from tests.rules.histories import (
    ACTS,
    CLINICS,
    DAYS,
    IPLEDGE,
    NOISE,
    SITUATIONS,
    day,
    noon,
    record,
    sample,
    started,
    stated,
    terms,
)

OF_TESTS = {
    Requirement.SCREENING_TEST,
    Requirement.TEST_BEFORE_START,
    Requirement.MONTHLY_TEST,
    Requirement.NOT_PREGNANT,
}
Situation = tuple[list[Fact], dt.datetime]
THE_ACTS = st.sampled_from([Act.PRESCRIBE, Act.DISPENSE])


def answer(facts: list[Fact], at: dt.datetime, act: Act, clinic: ClinicTerms) -> Assessment:
    return assess(record(facts), IPLEDGE, clinic, Question(at=at, act=act))


def without_ids(found: Assessment) -> Assessment:
    """The answer but for the names of the evidence."""
    findings = tuple(item._replace(evidence=()) for item in found.findings)
    return replace(found, findings=findings)


def still(found: Assessment, at: dt.datetime) -> Assessment:
    """The answer but for the moment and what is counted from it."""
    question = replace(found.question, at=at)
    return replace(found, question=question, earliest=None, changes_at=None)


@given(SITUATIONS, ACTS, CLINICS)
@settings(max_examples=400)
def test_it_never_raises_and_always_says_why(
    situation: Situation, act: Act, clinic: ClinicTerms
) -> None:
    facts, at = situation
    found = answer(facts, at, act, clinic)
    planned = plan(record(facts), IPLEDGE, clinic, at)
    assert triage(found, planned, at).headline
    for finding in found.findings:
        assert finding.reason[0].isupper() or not finding.reason[0].isalpha()
        assert finding.reason.endswith(".")
        assert finding.action or not finding.blocks
    for item in planned:
        assert item.first <= item.last


@given(SITUATIONS, THE_ACTS, CLINICS, st.sampled_from(list(TestResult)[1:]), st.data())
def test_no_yes_with_a_positive_or_unclear_test_or_a_pregnancy_on_the_day(
    situation: Situation,
    act: Act,
    clinic: ClinicTerms,
    result: TestResult,
    data: st.DataObject,
) -> None:
    facts, at = situation
    facts = [fact for fact in facts if not isinstance(fact, PregnancyExcluded)]
    today = answer(facts, at, act, clinic)
    on = data.draw(st.sampled_from([at.date() - dt.timedelta(days=2), at.date()]))
    later = any(isinstance(fact, PregnancyTest) and fact.collected > on for fact in facts)
    assume(result is TestResult.POSITIVE or not later)
    local = at if clinic.time_zone == "Pacific/Guam" else at + dt.timedelta(hours=12)
    found = answer([*facts, sample(on, result)], local, act, clinic)
    assert found.verdict is Verdict.NO
    assert Requirement.NOT_PREGNANT in found.blocked_by
    assert found.window is None
    pregnant = answer([*facts, Pregnancy(on=on)], local, act, clinic)
    assert pregnant.verdict is Verdict.NO
    assert today is not None


@given(SITUATIONS, THE_ACTS, CLINICS)
@settings(max_examples=300)
def test_a_yes_for_a_patient_who_can_rests_on_a_negative_test_of_the_last_week(
    situation: Situation, act: Act, clinic: ClinicTerms
) -> None:
    facts, at = situation
    found = answer(facts, at, act, clinic)
    asked = {item.requirement: item for item in found.findings}
    only_who_can = asked[Requirement.TEST_SETTING].outcome is not Outcome.NOT_REQUIRED
    event(f"{found.verdict} for one who {'can' if only_who_can else 'cannot'}")
    if found.verdict is not Verdict.YES or not only_who_can:
        return
    negatives = {
        fact.collected
        for fact in facts
        if isinstance(fact, PregnancyTest) and fact.result is TestResult.NEGATIVE
    }
    assert found.window is not None
    assert found.window[0] in negatives
    assert found.window[0] <= at.date() + dt.timedelta(days=1)
    assert found.window[1] == found.window[0] + dt.timedelta(days=6)


@given(SITUATIONS, ACTS, CLINICS)
def test_what_is_unknown_never_counts_as_met(
    situation: Situation, act: Act, clinic: ClinicTerms
) -> None:
    facts, at = situation
    found = answer(facts, at, act, clinic)
    blocking = [item for item in found.findings if item.blocks]
    unmet = any(item.outcome is Outcome.UNMET for item in blocking)
    wanted = Verdict.NO if unmet else Verdict.HOLD if blocking else Verdict.YES
    assert found.verdict is wanted


@given(SITUATIONS, THE_ACTS, CLINICS, st.data())
def test_taking_away_every_test_of_a_patient_who_can_never_leaves_a_yes(
    situation: Situation, act: Act, clinic: ClinicTerms, data: st.DataObject
) -> None:
    facts, at = situation
    found = answer([f for f in facts if not isinstance(f, PregnancyTest)], at, act, clinic)
    asked = {item.requirement: item for item in found.findings}
    if asked[Requirement.TEST_SETTING].outcome is not Outcome.NOT_REQUIRED:
        assert found.verdict is not Verdict.YES


@given(SITUATIONS, ACTS, CLINICS, st.randoms(use_true_random=False))
def test_the_order_of_entry_does_not_matter(
    situation: Situation,
    act: Act,
    clinic: ClinicTerms,
    random: object,
) -> None:
    facts, at = situation
    shuffled = list(facts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = answer(facts, at, act, clinic)
    assert without_ids(answer(shuffled, at, act, clinic)) == without_ids(found)
    there = plan(record(facts), IPLEDGE, clinic, at)
    assert plan(record(shuffled), IPLEDGE, clinic, at) == there


@given(SITUATIONS, ACTS, CLINICS, NOISE)
def test_facts_dated_after_the_day_asked_change_nothing_but_the_moment_of_change(
    situation: Situation, act: Act, clinic: ClinicTerms, noise: list[Fact]
) -> None:
    facts, at = situation
    tomorrow = (at + dt.timedelta(days=2)).date()
    later = [fact for fact in noise if fact.day >= tomorrow]
    found = answer(facts, at, act, clinic)
    ahead = answer([*facts, *later], at, act, clinic)
    assert replace(ahead, changes_at=None) == replace(found, changes_at=None)


@given(SITUATIONS, ACTS, CLINICS, st.data())
@settings(max_examples=400)
def test_nothing_changes_before_changes_at_and_something_does_at_it(
    situation: Situation, act: Act, clinic: ClinicTerms, data: st.DataObject
) -> None:
    facts, at = situation
    found = answer(facts, at, act, clinic)
    until = found.changes_at or at + dt.timedelta(days=500)
    assert until > at
    span = int((until - at).total_seconds())
    seconds = data.draw(st.lists(st.integers(0, max(span - 1, 0)), max_size=3))
    for second in [*seconds, max(span - 1, 0)]:
        moment = at + dt.timedelta(seconds=second)
        assert still(answer(facts, moment, act, clinic), at) == still(found, at)
    if found.changes_at:
        changed = answer(facts, found.changes_at, act, clinic)
        assert still(changed, at) != still(found, at)


@given(SITUATIONS, st.sampled_from([Act.MONITOR, *list(Act)[:2]]), CLINICS, st.data())
def test_the_place_on_the_worklist_stays_until_it_says(
    situation: Situation, act: Act, clinic: ClinicTerms, data: st.DataObject
) -> None:
    facts, at = situation
    # Once a course has ended the clinic's worklist monitors, as the dates ahead do.
    act = Act.MONITOR if any(isinstance(fact, LastDose) for fact in facts) else act
    found = answer(facts, at, act, clinic)
    planned = plan(record(facts), IPLEDGE, clinic, at)
    place = triage(found, planned, at)
    begins = next_fact_from(record(facts), clinic.time_zone, at)
    ends = [moment for moment in (found.changes_at, place.changes_at, begins) if moment]
    until = min(ends, default=at + dt.timedelta(days=300))
    span = int((until - at).total_seconds())
    for second in (data.draw(st.integers(0, max(span - 1, 0))), max(span - 1, 0)):
        moment = at + dt.timedelta(seconds=second)
        then = answer(facts, moment, act, clinic)
        ahead = plan(record(facts), IPLEDGE, clinic, moment)
        assert ahead == planned
        assert triage(then, ahead, moment) == place
    if place.changes_at:
        moved = triage(found, planned, place.changes_at)
        assert replace(moved, changes_at=None) != replace(place, changes_at=None)


@given(SITUATIONS, THE_ACTS, CLINICS, DAYS)
def test_a_pregnancy_excluded_later_never_turns_an_answer_without_alarm(
    situation: Situation, act: Act, clinic: ClinicTerms, on: dt.date
) -> None:
    facts, at = situation
    calm = [
        fact
        for fact in facts
        if not isinstance(fact, Pregnancy)
        and not (isinstance(fact, PregnancyTest) and fact.result is not TestResult.NEGATIVE)
        and fact.kind != "lab"
    ]
    excluded = PregnancyExcluded(on=on, by="Dr A", reason="none")
    found = replace(answer(calm, at, act, clinic), changes_at=None)
    assert replace(answer([*calm, excluded], at, act, clinic), changes_at=None) == found


@pytest.mark.parametrize("months", [1, 2, 3])
def test_following_the_plan_leads_to_yes(months: int) -> None:
    facts = started(months)
    at = noon(day(31 + 30 * (months - 1) + 2))
    items = plan(record(facts), IPLEDGE, terms(), at)
    planned = {item.requirement: item for item in items}
    for on in (planned[Requirement.MONTHLY_TEST].first, planned[Requirement.MONTHLY_TEST].last):
        done = [*facts, sample(on), *stated(on), Prescription(on=on)]
        assert answer(done, noon(on), Act.DISPENSE, terms()).verdict is Verdict.YES
