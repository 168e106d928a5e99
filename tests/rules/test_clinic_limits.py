"""The clinic's own limits and waiting results in the answer: what holds, and what lets go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

import pytest

from compliance.rules.assess import assess
from compliance.rules.facts import (
    ClinicTerms,
    Fact,
    Lab,
    LabDecision,
    LimitSet,
    Prescription,
    Record,
    WaitingResult,
)
from compliance.rules.findings import Assessment, Finding, Question
from compliance.rules.programme import load_programme
from compliance.rules.terms import Act, Analyte, Binding, Outcome, Requirement, Verdict
from tests.rules import abroad, histories
from tests.rules.histories import admitted, day, noon, record, started

LIMITS, NOT_PREGNANT = Requirement.LAB_LIMITS, Requirement.NOT_PREGNANT
ALL = ("alt-warn", "alt-act", "alt-critical", "tg-act-fasting", "tg-critical-fasting")
ADOPTED = day(0)


def terms(*keys: str, on: dt.date = ADOPTED) -> ClinicTerms:
    return histories.terms(limits=(LimitSet(on=on, keys=keys or ALL),))


def alt(value: str, on: dt.date, upper: str = "40", unit: str = "U/L") -> Lab:
    return Lab(collected=on, analyte=Analyte.ALT, value=value, unit=unit, upper_limit=upper)


def decided(on: dt.date, analyte: Analyte = Analyte.ALT) -> LabDecision:
    return LabDecision(on=on, analyte=analyte, decision="go on, repeat in 2 weeks", by="Dr A")


def ask(
    *more: Fact,
    at: dt.date | None = None,
    clinic: ClinicTerms | None = None,
    act: Act = Act.DISPENSE,
) -> Assessment:
    """A course under iPLEDGE of which everything else is met on day 31."""
    facts = [*started()[:-1], *more]
    return histories.ask(facts, at or day(31), act, clinic or terms())


def of(found: Assessment, requirement: Requirement = LIMITS) -> Finding:
    return next(item for item in found.findings if item.requirement is requirement)


def test_a_clinic_that_adopted_nothing_is_answered_as_before() -> None:
    found = ask(alt("130", day(20)), clinic=histories.terms())
    assert found.verdict is Verdict.YES
    assert of(found).reason == "No result waits for a decision."


@pytest.mark.parametrize(
    ("value", "verdict", "urgent"),
    [
        ("40", Verdict.YES, False),
        ("41", Verdict.YES, False),
        ("120", Verdict.YES, False),
        ("121", Verdict.HOLD, False),
        ("200", Verdict.HOLD, False),
        ("201", Verdict.HOLD, True),
    ],
)
def test_a_result_holds_from_the_limit_at_which_the_clinic_acts(
    value: str, verdict: Verdict, urgent: bool
) -> None:
    found = ask(alt(value, day(20)))
    assert found.verdict is verdict
    assert of(found).urgent is urgent


def test_a_limit_that_only_warns_is_shown_and_does_not_block() -> None:
    found = of(ask(alt("41", day(20))))
    assert found.outcome is Outcome.MET
    assert "Worth watching: ALT 41 U/L of 22 Mar 2026" in found.reason
    later = of(ask(alt("41", day(20)), alt("20", day(25))))
    assert "Worth watching" not in later.reason


def test_a_reached_limit_says_what_it_is_who_decides_and_by_whose_set() -> None:
    act, critical = of(ask(alt("121", day(20)))), of(ask(alt("201", day(20))))
    assert "ALT 121 U/L of 22 Mar 2026 reaches this clinic's limit" in act.reason
    assert "lower or pause, repeat in 1 to 2 weeks" in act.reason
    assert act.action.startswith("Have the prescriber acknowledge")
    assert "nothing goes on until a named clinician decides" in critical.reason
    assert critical.binding is Binding.MUST
    assert (
        critical.basis[0].citation.title == "Action limits of this clinic, in force from 2 Mar 2026"
    )


@pytest.mark.parametrize(
    ("decision", "verdict"),
    [
        (decided(day(19)), Verdict.HOLD),
        (decided(day(20)), Verdict.YES),
        (decided(day(25)), Verdict.YES),
        (decided(day(25), Analyte.TG), Verdict.HOLD),
    ],
)
@pytest.mark.parametrize("value", ["121", "201", "22 "])
def test_a_decision_about_the_analyte_since_the_result_lets_go(
    value: str, decision: LabDecision, verdict: Verdict
) -> None:
    unit = "" if value == "22 " else "U/L"
    assert ask(alt(value.strip(), day(20), unit=unit), decision).verdict is verdict


def test_each_result_counts_by_the_set_of_its_own_day() -> None:
    for on, verdict in ((day(20), Verdict.HOLD), (day(21), Verdict.YES)):
        assert ask(alt("121", day(20)), clinic=terms("alt-act", on=on)).verdict is verdict
    loosened = histories.terms(
        limits=(LimitSet(on=day(0), keys=("alt-act",)), LimitSet(on=day(25), keys=("tc-act",)))
    )
    assert ask(alt("121", day(20)), clinic=loosened).verdict is Verdict.HOLD
    assert ask(alt("121", day(26)), clinic=loosened).verdict is Verdict.YES


def test_a_newer_normal_result_does_not_acknowledge_an_older_one() -> None:
    assert ask(alt("121", day(20)), alt("20", day(25))).verdict is Verdict.HOLD


@pytest.mark.parametrize(
    ("lab", "keys", "verdict", "said"),
    [
        (alt("22", day(20), unit=""), ("alt-act",), Verdict.HOLD, "unit or number in doubt"),
        (alt("22", day(20), unit=""), ("ck-act",), Verdict.YES, ""),
        (alt("22", day(20), ""), ("alt-act",), Verdict.HOLD, "upper limit is missing"),
        (alt("22", day(20), ""), ("alt-warn",), Verdict.YES, ""),
        (alt("<300", day(20)), ("alt-act",), Verdict.HOLD, "may be on either side"),
        (alt("<120", day(20)), ("alt-act",), Verdict.YES, ""),
    ],
)
def test_what_cannot_be_compared_with_a_limit_in_force_never_counts_as_met(
    lab: Lab, keys: tuple[str, ...], verdict: Verdict, said: str
) -> None:
    # What the label of iPLEDGE says of a result in doubt only warns.
    found = ask(lab, clinic=terms(*keys))
    assert found.verdict is verdict
    assert said in of(found).reason


def test_raised_alt_with_raised_bilirubin_of_the_same_day_is_critical() -> None:
    def bilirubin(on: dt.date) -> Lab:
        return Lab(collected=on, analyte=Analyte.BILI, value="2.5", unit="mg/dL", upper_limit="1.2")

    own = terms("alt-bili-critical")
    assert of(ask(alt("121", day(20)), bilirubin(day(20)), clinic=own)).urgent
    assert ask(alt("121", day(20)), bilirubin(day(21)), clinic=own).verdict is Verdict.YES


def test_several_results_are_told_at_once_the_gravest_first() -> None:
    fat = Lab(collected=day(20), analyte=Analyte.TG, value="450", unit="mg/dL", fasting=True)
    found = of(ask(fat, alt("201", day(20))))
    assert found.reason.index("ALT 201") < found.reason.index("TG 450")
    assert "critical" in found.reason
    assert len(found.evidence) == 2


def test_the_label_that_warns_and_the_clinic_that_holds_are_both_heard() -> None:
    fat = Lab(collected=day(20), analyte=Analyte.TG, value="600", unit="mg/dL", fasting=True)
    warned = of(ask(fat, clinic=terms("ck-act")))
    assert warned.warns
    both = of(ask(fat, alt("121", day(20)), clinic=terms("alt-act")))
    assert both.blocks
    assert "TG 600 mg/dL of 22 Mar 2026 (CTCAE v5 grade 3)" in both.reason
    assert "ALT 121 U/L" in both.reason


def test_a_result_of_which_the_clinic_speaks_is_not_told_again_by_the_label_that_warns() -> None:
    fat = Lab(collected=day(20), analyte=Analyte.TG, value="600", unit="mg/dL", fasting=True)
    found = of(ask(fat))
    assert found.blocks
    assert found.reason.count("TG 600") == 1


def test_it_holds_for_prescribing_and_after_treatment_as_well() -> None:
    for act in (Act.PRESCRIBE, Act.MONITOR):
        assert LIMITS in ask(alt("201", day(20)), act=act).blocked_by


# --- programmes that a prescriber leads -----------------------------------------------------------


def abroad_ask(
    programme: str, facts: Iterable[Fact], on: dt.date, own: tuple[str, ...] = ALL
) -> Assessment:
    clinic = replace(abroad.clinic(programme), limits=(LimitSet(on=day(-60), keys=own),))
    question = Question(at=abroad.noon(on, programme), act=Act.PRESCRIBE)
    return assess(record(facts), load_programme(programme), clinic, question)


@pytest.mark.parametrize("programme", abroad.PROGRAMMES)
def test_the_clinics_limits_hold_under_every_programme(programme: str) -> None:
    for value, blocks in (("120", False), ("121", True)):
        facts = [*abroad.admitted(programme), alt(value, day(0))]
        assert (LIMITS in abroad_ask(programme, facts, day(0)).blocked_by) is blocks


def test_where_the_label_states_no_limit_the_clinics_own_are_still_judged() -> None:
    facts = abroad.admitted("ca-ppp")
    assert of(abroad.ask("ca-ppp", facts, day(0))).outcome is Outcome.NOT_REQUIRED
    found = of(abroad_ask("ca-ppp", facts, day(0)))
    assert found.outcome is Outcome.MET
    assert "by the clinic's limits" in found.reason


def test_a_result_that_the_label_holds_already_is_not_told_twice() -> None:
    fat = Lab(collected=day(0), analyte=Analyte.TG, value="900", unit="mg/dL", fasting=True)
    found = of(abroad_ask("uk-ppp", [*abroad.admitted("uk-ppp"), fat], day(0)))
    assert found.blocks
    assert found.reason.count("TG 900") == 1


def test_an_adoption_ahead_changes_the_answer_on_its_day_and_not_before() -> None:
    clinic = replace(abroad.clinic("ca-ppp"), limits=(LimitSet(on=day(9), keys=ALL),))
    facts = [*abroad.admitted("ca-ppp"), Prescription(on=day(0))]

    def at(on: dt.date) -> Assessment:
        question = Question(at=abroad.noon(on, "ca-ppp"), act=Act.MONITOR)
        return assess(record(facts), load_programme("ca-ppp"), clinic, question)

    assert of(at(day(8))).outcome is Outcome.NOT_REQUIRED
    assert of(at(day(9))).outcome is Outcome.MET
    changes = at(day(8)).changes_at
    assert changes is not None
    assert changes < abroad.noon(day(9), "ca-ppp")


# --- results that wait for a person ---------------------------------------------------------------


def waiting(analyte: Analyte | None = Analyte.ALT, on: int = 30, **more: bool) -> WaitingResult:
    return WaitingResult(on=day(on), analyte=analyte, id="received", **more)


def test_a_waiting_result_holds_where_its_analyte_has_a_limit_in_force() -> None:
    # `record` numbers its facts; what waits keeps the id by which the page finds it.
    assert ask(waiting()).verdict is Verdict.HOLD
    assert ask(waiting(Analyte.LDL)).verdict is Verdict.YES
    assert ask(waiting(), clinic=histories.terms()).verdict is Verdict.YES
    assert of(ask(waiting(), clinic=histories.terms())).warns  # the label's own limit only warns


def test_a_waiting_result_says_since_when_and_what_to_do() -> None:
    found = of(ask(waiting(certain=False)))
    assert "A laboratory result (ALT) waits for a person since 1 Apr 2026" in found.reason
    assert "not certain that it is this patient's" in found.reason
    assert found.action == "Open the waiting result, then file it, correct it or dismiss it"
    two = of(ask(waiting(), waiting(Analyte.TG))).reason
    assert "2 laboratory results (ALT and TG) wait" in two


def test_a_waiting_result_does_not_count_before_it_came() -> None:
    assert ask(waiting(on=32)).verdict is Verdict.YES
    assert ask(waiting(on=31)).verdict is Verdict.HOLD


@pytest.mark.parametrize(("analyte", "blocks"), [(Analyte.TG, True), (Analyte.ALT, False)])
@pytest.mark.parametrize("programme", ["uk-ppp", "eu-ppp", "au-pi"])
def test_abroad_the_label_itself_holds_for_a_waiting_triglyceride(
    programme: str, analyte: Analyte, blocks: bool
) -> None:
    facts = [*abroad.admitted(programme), waiting(analyte, on=0)]
    found = abroad_ask(programme, facts, day(0), own=("ck-act",))
    assert (LIMITS in found.blocked_by) is blocks


@pytest.mark.parametrize("programme", ["us-ipledge", *abroad.PROGRAMMES])
def test_a_waiting_result_that_may_announce_a_pregnancy_is_never_a_yes(programme: str) -> None:
    waits = waiting(None, on=0, pregnancy=True, urgent=True)
    facts: list[Fact]
    if programme == "us-ipledge":
        facts = [*admitted(can=False)]
        sound = histories.ask(facts, noon(day(0)), Act.PRESCRIBE)
        held = histories.ask([*facts, waits], noon(day(0)), Act.PRESCRIBE)
    else:
        facts = abroad.admitted(programme, can=False)
        sound = abroad.ask(programme, facts, day(0))
        held = abroad.ask(programme, [*facts, waits], day(0))
    assert NOT_PREGNANT not in sound.blocked_by
    assert sound.verdict is Verdict.YES
    assert held.verdict is Verdict.HOLD
    assert of(held, NOT_PREGNANT).urgent
    assert "may announce a pregnancy waits for a person" in of(held, NOT_PREGNANT).reason


def test_a_positive_test_is_told_before_a_result_that_only_may_be_one() -> None:
    positive = histories.sample(day(30), histories.TestResult.POSITIVE)
    found = of(ask(positive, waiting(None, pregnancy=True)), NOT_PREGNANT)
    assert found.outcome is Outcome.UNMET
    assert "is positive" in found.reason


def test_the_answer_names_the_received_result_that_waits() -> None:
    facts = (*record(started()[:-1]).facts, waiting())
    known = Record(born=dt.date(1999, 5, 2), facts=facts)
    question = Question(at=noon(day(31)), act=Act.DISPENSE)
    found = assess(known, histories.IPLEDGE, terms(), question)
    assert of(found).evidence == ("received",)
