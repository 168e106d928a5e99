"""The programmes without a registry: what always holds, and that every boundary has its cases."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.rules.assess import assess
from compliance.rules.cases import read_case
from compliance.rules.facts import (
    Contraception,
    Fact,
    LastDose,
    Medicine,
    Pregnancy,
    PregnancyExcluded,
    PregnancyTest,
    Prescription,
)
from compliance.rules.findings import Assessment, Question
from compliance.rules.method_status import MethodRole, MethodState, MethodStatus, method_status
from compliance.rules.plan import plan
from compliance.rules.programme import LedBy, load_programme
from compliance.rules.readings import readings_of
from compliance.rules.terms import (
    Act,
    LabSchedule,
    Method,
    Outcome,
    Requirement,
    TestResult,
    Verdict,
)
from tests.rules.abroad import COURSES, PROGRAMMES, ask, clinic, course, noon, visit_with_test
from tests.rules.histories import ACTS, MOMENTS, day, record, sample

CASES = Path(__file__).resolve().parent.parent / "cases"
SCHEDULES = st.sampled_from([None, *LabSchedule])
THE_ACTS = st.sampled_from([Act.PRESCRIBE, Act.DISPENSE])
Course = tuple[str, list[Fact]]


def answer(
    made: Course, at: dt.datetime, act: Act, schedule: LabSchedule | None = None
) -> Assessment:
    programme, facts = made
    question = Question(at=at, act=act)
    terms = clinic(programme, schedule)
    return assess(record(facts), load_programme(programme), terms, question)


def still(found: Assessment, at: dt.datetime) -> Assessment:
    """The answer but for the moment and what is counted from it."""
    question = replace(found.question, at=at)
    return replace(found, question=question, earliest=None, changes_at=None)


# --- what always holds ----------------------------------------------------------------------------


@given(COURSES, MOMENTS, ACTS, SCHEDULES)
@settings(max_examples=200, deadline=None)
def test_it_never_raises_and_always_says_why(
    made: Course, at: dt.datetime, act: Act, schedule: LabSchedule | None
) -> None:
    found = answer(made, at, act, schedule)
    for finding in found.findings:
        assert finding.reason.endswith(".")
        assert finding.reason[0].isupper() or not finding.reason[0].isalpha()
        assert finding.action or not (finding.blocks or finding.warns)
    programme, facts = made
    terms = clinic(programme, schedule)
    for item in plan(record(facts), load_programme(programme), terms, at):
        assert item.first <= item.last
        assert item.sentence[0].isupper()
    for status in method_status(record(facts), load_programme(programme), terms, at):
        assert status.sentence.endswith(".")


@given(COURSES, MOMENTS, ACTS, SCHEDULES, st.data())
@settings(max_examples=150, deadline=None)
def test_nothing_changes_before_changes_at_and_something_does_at_it(
    made: Course, at: dt.datetime, act: Act, schedule: LabSchedule | None, data: st.DataObject
) -> None:
    found = answer(made, at, act, schedule)
    until = found.changes_at or at + dt.timedelta(days=300)
    span = int((until - at).total_seconds())
    for second in (data.draw(st.integers(0, max(span - 1, 0))), max(span - 1, 0)):
        later = answer(made, at + dt.timedelta(seconds=second), act, schedule)
        assert still(later, at) == still(found, at)
    if found.changes_at:
        assert still(answer(made, found.changes_at, act, schedule), at) != still(found, at)


@given(COURSES, MOMENTS, THE_ACTS, st.sampled_from(list(TestResult)[1:]))
@settings(max_examples=100, deadline=None)
def test_no_yes_on_the_day_of_a_positive_or_unclear_test_or_a_pregnancy(
    made: Course, at: dt.datetime, act: Act, result: TestResult
) -> None:
    programme, facts = made
    calm = [fact for fact in facts if not isinstance(fact, PregnancyExcluded)]
    on = at.date() - dt.timedelta(days=1)
    for alarm in (sample(on, result), Pregnancy(on=on)):
        later = any(isinstance(fact, PregnancyTest) and fact.collected > on for fact in facts)
        if result is TestResult.INDETERMINATE and later:
            return
        found = answer((programme, [*calm, alarm]), at + dt.timedelta(hours=12), act)
        assert found.verdict is Verdict.NO
        assert Requirement.NOT_PREGNANT in found.blocked_by
        assert found.window is None


@given(COURSES, MOMENTS, ACTS)
@settings(max_examples=100, deadline=None)
def test_the_order_of_entry_does_not_matter(made: Course, at: dt.datetime, act: Act) -> None:
    programme, facts = made
    known = record(facts)
    turned = replace(known, facts=tuple(reversed(known.facts)))
    question = Question(at=at, act=act)
    answers = [
        assess(item, load_programme(programme), clinic(programme), question)
        for item in (known, turned)
    ]
    assert answers[0] == answers[1]


@given(COURSES, MOMENTS, THE_ACTS)
@settings(max_examples=100, deadline=None)
def test_what_is_unknown_never_counts_as_met(made: Course, at: dt.datetime, act: Act) -> None:
    found = answer(made, at, act)
    blocking = [item for item in found.findings if item.blocks]
    unmet = any(item.outcome is Outcome.UNMET for item in blocking)
    assert found.verdict is (Verdict.NO if unmet else Verdict.HOLD if blocking else Verdict.YES)


@pytest.mark.parametrize("programme", PROGRAMMES)
@pytest.mark.parametrize("months", [1, 2, 3])
def test_following_the_plan_leads_to_yes(programme: str, months: int) -> None:
    facts = course(programme, months)
    at = noon(day(28 * (months - 1) + 2), programme)
    ahead = plan(record(facts), load_programme(programme), clinic(programme), at)
    planned = {item.requirement: item for item in ahead}
    test, visit = planned[Requirement.MONTHLY_TEST], planned[Requirement.REVIEW].first
    for on in {test.first, test.last}:
        done = [*facts, *visit_with_test(on), *visit_with_test(visit)[:1]]
        assert ask(programme, done, visit).verdict is Verdict.YES
        issued = [*done, Prescription(on=visit)]
        assert ask(programme, issued, visit, Act.DISPENSE).verdict is Verdict.YES


@pytest.mark.parametrize("programme", PROGRAMMES)
def test_after_the_last_dose_the_plan_ends_with_what_still_binds(programme: str) -> None:
    facts = [*course(programme, 2), LastDose(on=day(57))]
    terms = clinic(programme)
    ahead = plan(record(facts), load_programme(programme), terms, noon(day(58), programme))
    wanted = {Requirement.CONTRACEPTION_TAIL, Requirement.BLOOD_DONATION}
    assert {item.requirement for item in ahead} >= wanted
    assert (Requirement.FINAL_TEST in {item.requirement for item in ahead}) is (
        programme != "au-pi"
    )


# --- the files ------------------------------------------------------------------------------------


def test_they_all_answer_the_same_questions() -> None:
    asked = [set(load_programme(item).parameters) for item in PROGRAMMES]
    assert all(names == asked[0] for names in asked)
    for item in PROGRAMMES:
        programme = load_programme(item)
        assert programme.led_by is LedBy.PRESCRIBER
        for edition in programme.editions:
            assert set(programme.provisions_of(edition.id)) == asked[0]


def test_what_is_our_own_or_secondary_is_shown_as_not_verified() -> None:
    programme = load_programme("uk-ppp")
    provisions = programme.provisions_of("2026-01")
    assert provisions["forms"].citation.verified
    for name in ("renewal_days_left", "supply_days", "lab_limits_beyond", "tail_months"):
        assert not provisions[name].citation.verified, name


def test_nothing_stated_is_another_answer_than_nothing_asked() -> None:
    canada = load_programme("ca-ppp").provisions_of("2014")
    australia = load_programme("au-pi").provisions_of("2025-04")
    assert canada["window_days"].value is australia["window_days"].value is None
    assert not canada["window_days"].stated
    assert australia["window_days"].stated


def test_every_mark_of_an_open_question_is_explained() -> None:
    root = Path(__file__).resolve().parents[2] / "compliance"
    explained = {item: {one.mark for one in readings_of(item)} for item in PROGRAMMES}
    for item in PROGRAMMES:
        text = (root / "programmes" / f"{item}.toml").read_text(encoding="utf-8")
        assert set(re.findall(r"\bB\d{1,2}\b", text)) <= explained[item], item
    rules = "".join(path.read_text(encoding="utf-8") for path in (root / "rules").glob("*.py"))
    assert set(re.findall(r"AMBIGUOUS (B\d{1,2})", rules)) <= set.union(*explained.values())


# --- the cases ------------------------------------------------------------------------------------


@cache
def _seen() -> dict[tuple[str, str, str], set[bool]]:
    """For each programme, edition and parameter: whether a case found it kept, and broken."""
    seen: dict[tuple[str, str, str], set[bool]] = defaultdict(set)
    for folder in ("uk", "eu", "ca", "au", "labs"):
        for path in sorted((CASES / folder).glob("*.toml")):
            case = read_case(path)
            for asked in case.asks:
                found = assess(
                    case.record, load_programme(case.programme), case.terms, asked.question
                )
                for finding in found.findings:
                    open_ = finding.outcome in (Outcome.UNMET, Outcome.UNKNOWN)
                    for basis in finding.basis:
                        seen[case.programme, basis.edition, basis.parameter].add(open_)
    return seen


_NUMBERS = sorted(
    (item, edition.id, name)
    for item in PROGRAMMES
    for edition in load_programme(item).editions
    for name, provision in load_programme(item).provisions_of(edition.id).items()
    if type(provision.value) is int
)
# They date or accompany other numbers and break nothing alone, or a guardian signs instead.
_NEVER_BROKEN = {
    "visit_every_days",
    "test_before_visit_days",
    "due_soon_days",
    "hcg_unclear_from",
    "hcg_positive_from",
}


@pytest.mark.parametrize(("programme", "edition", "name"), _NUMBERS)
def test_every_number_of_every_edition_has_a_case_on_each_side(
    programme: str, edition: str, name: str
) -> None:
    if name not in _NEVER_BROKEN:
        assert _seen()[programme, edition, name] == {True, False}


# --- the status of each method --------------------------------------------------------------------


def status(
    method: Contraception, on: dt.date, *more: Fact, programme: str = "uk-ppp"
) -> MethodStatus:
    terms = clinic(programme)
    known = record([method, *more])
    return method_status(known, load_programme(programme), terms, noon(on, programme))[0]


def fitted(method: Method, on: dt.date, **more: object) -> Contraception:
    return Contraception(method=method, from_=on, documented_by_professional=True, **more)


D = dt.date
IMPLANT = fitted(Method.IMPLANT, D(2023, 5, 1))


@pytest.mark.parametrize(
    ("on", "state"),
    [
        (D(2026, 3, 31), MethodState.ACTIVE),
        (D(2026, 4, 1), MethodState.DUE_SOON),
        (D(2026, 5, 1), MethodState.DUE_SOON),
        (D(2026, 5, 2), MethodState.EXPIRED),
    ],
)
def test_an_implant_counts_for_three_years(on: dt.date, state: MethodState) -> None:
    found = status(IMPLANT, on)
    assert (found.state, found.role, found.until) == (state, MethodRole.SOLE, D(2026, 5, 1))
    assert "1 May 2026" in found.sentence


def test_a_device_without_a_name_waits_for_a_person_when_its_sure_time_is_over() -> None:
    device = fitted(Method.IUS, D(2023, 5, 1))
    assert status(device, D(2026, 5, 1)).state is MethodState.DUE_SOON
    assert status(device, D(2026, 5, 2)).state is MethodState.UNVERIFIED


def test_a_medicine_weakens_the_pill_until_28_days_after_it() -> None:
    pill = Contraception(method=Method.COMBINED_PILL, from_=D(2026, 1, 1))
    taken = Medicine(name="rifampicin", from_=D(2026, 2, 1), until=D(2026, 2, 10))
    assert status(pill, D(2026, 1, 31), taken).state is MethodState.ACTIVE
    assert status(pill, D(2026, 2, 1), taken).state is MethodState.INTERACTION
    assert status(pill, D(2026, 3, 10), taken).state is MethodState.INTERACTION
    assert status(pill, D(2026, 3, 11), taken).state is MethodState.ACTIVE
    copper = fitted(Method.COPPER_IUD, D(2026, 1, 1))
    assert status(copper, D(2026, 2, 5), taken).state is MethodState.ACTIVE


def test_a_pill_protects_from_its_own_day() -> None:
    pill = Contraception(
        method=Method.COMBINED_PILL, from_=D(2026, 5, 1), effective_from=D(2026, 5, 8)
    )
    assert status(pill, D(2026, 5, 7)).state is MethodState.NOT_YET_EFFECTIVE
    assert status(pill, D(2026, 5, 8)).state is MethodState.ACTIVE
    assert status(pill, D(2026, 5, 8)).role is MethodRole.EFFECTIVE


def test_an_injection_is_enough_alone_only_documented_and_on_schedule() -> None:
    injected = D(2026, 1, 5)
    bare = Contraception(method=Method.INJECTION, from_=injected)
    assert status(bare, D(2026, 2, 1)).state is MethodState.UNVERIFIED
    assert status(bare, D(2026, 2, 1)).role is MethodRole.EFFECTIVE
    kept = fitted(Method.INJECTION, D(2025, 10, 6), renewals=(injected,))
    assert status(kept, D(2026, 3, 6)).state is MethodState.ACTIVE
    assert status(kept, D(2026, 4, 6)).state is MethodState.DUE_SOON
    assert status(kept, D(2026, 4, 7)).state is MethodState.EXPIRED
    assert "13 Apr 2026" in status(kept, D(2026, 4, 7)).sentence
    assert status(kept, D(2026, 4, 14)).state is MethodState.EXPIRED


def test_each_programme_classes_a_method_its_own_way() -> None:
    condoms = Contraception(method=Method.MALE_CONDOM, from_=D(2026, 1, 1))
    ring = Contraception(method=Method.RING, from_=D(2026, 1, 1))
    sponge = Contraception(method=Method.SPONGE, from_=D(2026, 1, 1))
    pill = Contraception(method=Method.MINIPILL, from_=D(2026, 1, 1))
    on = D(2026, 3, 1)
    assert status(condoms, on).role is MethodRole.BARRIER
    assert status(sponge, on).role is MethodRole.NEVER
    assert status(pill, on).role is MethodRole.LEFT_OPEN
    assert status(ring, on, programme="ca-ppp").role is MethodRole.EFFECTIVE
    ipledge = load_programme("us-ipledge")
    found = method_status(record([ring, condoms]), ipledge, clinic("ca-ppp"), noon(on, "ca-ppp"))
    assert [item.role for item in found] == [MethodRole.PRIMARY, MethodRole.SECONDARY]


def test_a_method_that_ended_is_not_listed_and_before_the_first_edition_none_is() -> None:
    ended = Contraception(method=Method.RING, from_=D(2026, 1, 1), until=D(2026, 1, 31))
    terms, programme = clinic("uk-ppp"), load_programme("uk-ppp")
    known = record([ended])
    assert len(method_status(known, programme, terms, noon(D(2026, 1, 31), "uk-ppp"))) == 1
    assert method_status(known, programme, terms, noon(D(2026, 2, 1), "uk-ppp")) == ()
    old = record([fitted(Method.IMPLANT, D(2018, 1, 1))])
    assert method_status(old, programme, terms, noon(D(2019, 5, 31), "uk-ppp")) == ()
