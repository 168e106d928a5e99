"""What an answer says beyond its verdict: sentences, actions, evidence, sources and moments."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.rules.facts import (
    Comprehension,
    Counselling,
    Dispensing,
    Fact,
    Lab,
    LabDecision,
    MethodReport,
    PregnancyTest,
    Symptom,
)
from compliance.rules.findings import Assessment, Finding
from compliance.rules.terms import (
    Act,
    Analyte,
    Outcome,
    Phase,
    Requirement,
    TestResult,
    TestSetting,
    Verdict,
)
from tests.rules.histories import admitted, ask, day, month, noon, sample, started, stated, terms

UTC = dt.UTC


def finding(found: Assessment, requirement: Requirement) -> Finding:
    return next(item for item in found.findings if item.requirement is requirement)


def without(facts: list[Fact], *kinds: type[Fact]) -> list[Fact]:
    return [fact for fact in facts if not isinstance(fact, kinds)]


def test_a_missing_monthly_test_says_since_when_what_to_do_and_by_when() -> None:
    found = ask(started(), day(40))
    missing = finding(found, Requirement.MONTHLY_TEST)
    assert missing.outcome is Outcome.UNMET
    assert missing.reason == (
        "No negative pregnancy test that counts has been collected since the last pick-up on"
        " 2 Apr 2026."
    )
    assert missing.action == "Collect a pregnancy test"
    assert missing.earliest == dt.date(2026, 4, 26)
    assert missing.act_by == dt.datetime(2026, 5, 3, 3, 59, 59, tzinfo=UTC)
    assert missing.basis[0].parameter == "monthly_test"
    assert missing.basis[0].citation.title


def test_evidence_names_the_facts_relied_on() -> None:
    facts = started()
    found = ask(facts, day(31))
    second = finding(found, Requirement.SCREENING_TEST)
    assert second.outcome is Outcome.NOT_REQUIRED
    assert finding(found, Requirement.ENROLMENT).evidence == ("fact-001",)


def test_the_window_closes_at_the_last_second_in_new_york() -> None:
    found = ask(started()[:-1], day(33))
    assert found.window == (day(31), day(37))
    assert found.window_closes_at == dt.datetime(2026, 4, 9, 3, 59, 59, tzinfo=UTC)
    assert found.changes_at == dt.datetime(2026, 4, 9, 4, 0, tzinfo=UTC)


def test_an_answer_that_time_cannot_change_has_no_next_moment() -> None:
    assert ask([], day(0)).changes_at is None


def test_a_future_adoption_is_a_moment_of_change() -> None:
    adoption = dt.date(2026, 4, 1)
    found = ask(admitted(), day(0), clinic=terms(adoption))
    assert found.edition == "2023-discretion"
    assert found.changes_at == dt.datetime(2026, 4, 1, 4, 0, tzinfo=UTC)


def test_the_phase_follows_the_course() -> None:
    assert ask(admitted(), day(1)).phase is Phase.BEFORE
    assert ask(started(), day(32)).phase is Phase.DURING


def test_prescribing_does_not_wait_for_the_patient_but_the_pick_up_does() -> None:
    facts = without([*started()[:-2], *month(day(31))], Comprehension)
    facts = [f for f in facts if not (isinstance(f, MethodReport) and f.by == "patient")]
    prescribe = ask(facts, day(31), Act.PRESCRIBE)
    assert prescribe.verdict is Verdict.YES
    assert finding(prescribe, Requirement.COMPREHENSION).outcome is Outcome.DUE
    dispense = ask(facts, day(31))
    assert dispense.blocked_by == (Requirement.COMPREHENSION, Requirement.METHOD_MATCH)
    owed = finding(dispense, Requirement.COMPREHENSION)
    assert owed.act_by == dispense.window_closes_at


def test_an_earlier_step_missing_is_named_with_its_own_action() -> None:
    facts = without(started()[:-1], Counselling)
    found = ask(facts, day(31))
    assert Requirement.COUNSELLING in found.blocked_by
    owed = finding(found, Requirement.COUNSELLING)
    assert owed.action == "Confirm counselling and enter the methods"
    assert "since the test of 2 Apr 2026" in owed.reason


def test_a_positive_test_is_urgent_closes_the_window_and_offers_no_date() -> None:
    found = ask([*started()[:-1], sample(day(32), TestResult.POSITIVE)], day(32))
    alarm = found.findings[0]
    assert alarm.requirement is Requirement.NOT_PREGNANT
    assert alarm.urgent
    assert found.window is None
    assert found.window_closes_at is None
    assert found.earliest is None


def test_an_unclear_test_offers_the_next_day() -> None:
    found = ask([*started()[:-1], sample(day(32), TestResult.INDETERMINATE)], day(32))
    assert found.findings[0].earliest == day(33)
    assert "AMBIGUOUS A15" in found.findings[0].reason


@pytest.mark.parametrize("result", [TestResult.POSITIVE, TestResult.INDETERMINATE])
def test_a_home_negative_never_lifts_an_alarm(result: TestResult) -> None:
    home = sample(day(34), setting=TestSetting.HOME, home_process_documented=True)
    facts = [*started(), sample(day(33), result), home, *stated(day(34))]
    assert Requirement.NOT_PREGNANT in ask(facts, day(34)).blocked_by


def test_the_last_capsule_is_no_obstacle_to_an_answer_at_the_ends_of_the_calendar() -> None:
    for on in (dt.date.min, dt.date.max):
        facts = [PregnancyTest(collected=on, result=TestResult.NEGATIVE), Dispensing(on=on)]
        assert ask(facts, dt.datetime(2026, 1, 1, tzinfo=UTC)).verdict is not Verdict.YES
    late = dt.datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    early = dt.datetime(1, 1, 1, tzinfo=UTC)
    for at in (late, early):
        for zone in ("Pacific/Guam", "America/Los_Angeles"):
            assert ask(started(2), at, clinic=terms(zone=zone)).verdict is not Verdict.YES


def test_a_symptom_warns_urgently_until_a_clinician_decides() -> None:
    facts = [*admitted(can=False), Symptom(on=day(1), name="abdominal-pain")]
    before = finding(ask(facts, day(1)), Requirement.LAB_LIMITS)
    assert before.warns
    assert before.urgent
    decided = LabDecision(on=day(2), analyte=Analyte.TG, decision="lipase normal", by="Dr A")
    after = finding(ask([*facts, decided], day(2)), Requirement.LAB_LIMITS)
    assert after.outcome is Outcome.MET


def test_a_high_result_warns_until_it_is_decided_and_again_when_it_is_new() -> None:
    def fat(on: dt.date) -> Lab:
        return Lab(collected=on, analyte=Analyte.TG, value="600", unit="mg/dL", fasting=True)

    facts: list[Fact] = [*admitted(can=False), fat(day(1))]
    warned = finding(ask(facts, day(1)), Requirement.LAB_LIMITS)
    assert "TG 600 mg/dL of 3 Mar 2026 (CTCAE v5 grade 3)" in warned.reason
    facts.append(LabDecision(on=day(2), analyte=Analyte.TG, decision="diet", by="Dr A"))
    assert not finding(ask(facts, day(2)), Requirement.LAB_LIMITS).warns
    facts.append(fat(day(3)))
    assert finding(ask(facts, day(3)), Requirement.LAB_LIMITS).warns


def test_every_reason_gives_dates_and_never_a_relative_word() -> None:
    for at in (day(1), day(20), day(31), day(40), day(70)):
        for act in Act:
            for item in ask(started(), at, act).findings:
                words = set(item.reason.lower().rstrip(".").split())
                assert not words & {"today", "tomorrow", "yesterday", "ago", "soon"}


def test_a_moment_with_an_offset_is_read_on_the_clinics_calendar() -> None:
    facts = [*started(), sample(day(58)), *stated(day(58))]
    eve = dt.datetime(2026, 4, 29, 3, 59, tzinfo=UTC)
    assert ask(facts, eve).verdict is Verdict.NO
    assert ask(facts, eve + dt.timedelta(minutes=1)).verdict is Verdict.YES


def test_a_result_dated_by_an_offset_counts_on_the_clinics_day() -> None:
    collected = dt.datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
    lab = Lab(collected=collected, analyte=Analyte.TG, value="600", unit="mg/dL")
    found = ask([*admitted(can=False), lab], noon(day(1)))
    assert found.grades["TG"] == 3
