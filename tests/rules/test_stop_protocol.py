"""The stop protocol: when it opens, who does what by when, and what alone closes it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.rules.assess import assess
from compliance.rules.case_reader import CaseError, read_case
from compliance.rules.facts import (
    ClinicTerms,
    Fact,
    FactError,
    Lab,
    LastDose,
    Pregnancy,
    PregnancyExcluded,
    ProtocolStep,
    Record,
    Symptom,
    read_fact,
    write_fact,
)
from compliance.rules.findings import Assessment, Question
from compliance.rules.plan import plan
from compliance.rules.programme import load_programme, programme_ids
from compliance.rules.protocol_steps import steps_for
from compliance.rules.stop_protocol import Learned, StopProtocol, stop_protocol
from compliance.rules.terms import (
    Act,
    Analyte,
    Outcome,
    Owner,
    ProtocolKind,
    Requirement,
    Specimen,
    Step,
    TestResult,
    TestSetting,
    Verdict,
)
from compliance.rules.triage import Group, Triage, triage
from tests.rules.histories import (
    ACTS,
    CLINICS,
    IPLEDGE,
    SITUATIONS,
    day,
    noon,
    record,
    sample,
    started,
    terms,
)

OPEN = started()[:-1]  # the window of day 31 is open, nothing was picked up
ON = day(32)
POSITIVE = replace(sample(ON, TestResult.POSITIVE), id="positive")
UNCLEAR = replace(sample(ON, TestResult.INDETERMINATE), id="unclear")
STEPS = [Step.STOP, Step.CONTACT, Step.CONFIRM, Step.REPORT, Step.REFER]


def kept(facts: list[Fact]) -> Record:
    """A record in which facts that have an id keep it."""
    made = record(facts)
    named = zip(facts, made.facts, strict=True)
    return replace(made, facts=tuple(own if own.id else given for own, given in named))


def asked(facts: list[Fact], at: dt.datetime, act: Act = Act.DISPENSE) -> Assessment:
    return assess(kept(facts), IPLEDGE, terms(), Question(at=at, act=act))


def protocol(
    facts: list[Fact], on: dt.date = ON, learned: Learned | None = None, of: str = "us-ipledge"
) -> StopProtocol | None:
    question = Question(at=noon(on), act=Act.DISPENSE)
    return stop_protocol(kept(facts), load_programme(of), terms(), question, learned)


def place(facts: list[Fact], at: dt.datetime, act: Act = Act.DISPENSE) -> Triage:
    question = Question(at=at, act=act)
    found = assess(kept(facts), IPLEDGE, terms(), question)
    stopping = stop_protocol(kept(facts), IPLEDGE, terms(), question)
    return triage(found, plan(kept(facts), IPLEDGE, terms(), at), at, stopping)


def done(*steps: Step, cause: str = "positive", on: dt.date = ON) -> list[Fact]:
    return [ProtocolStep(on=on, step=step, cause=cause, by="Nia Nurse") for step in steps]


def open_steps(found: StopProtocol | None) -> list[Step]:
    return [task.rule.step for task in found.open_tasks] if found else []


def test_a_positive_test_closes_the_open_window_and_opens_the_protocol_at_once() -> None:
    before = asked(OPEN, noon(ON))
    assert before.verdict is Verdict.YES
    assert before.window == (day(31), day(37))
    assert protocol(OPEN) is None

    after = asked([*OPEN, POSITIVE], noon(ON))
    assert after.verdict is Verdict.NO
    assert after.window is None
    assert after.earliest is None
    found = protocol([*OPEN, POSITIVE])
    assert found is not None
    assert (found.kind, found.cause, found.since) == (ProtocolKind.STOP, "positive", ON)
    assert open_steps(found) == STEPS
    assert found.sentence == (
        "The pregnancy test of 3 Apr 2026 is positive; the stop protocol is open since 3 Apr 2026,"
        " 0 of 5 steps done."
    )


def test_an_unclear_test_opens_a_smaller_one_which_only_a_repeated_test_ends() -> None:
    facts = [*OPEN, UNCLEAR]
    found = protocol(facts)
    assert found is not None
    assert asked(facts, noon(ON)).window is None
    assert open_steps(found) == [Step.HOLD, Step.CONTACT, Step.REPEAT]
    facts += done(Step.HOLD, Step.CONTACT, Step.REPEAT, cause="unclear")
    assert open_steps(protocol(facts)) == [Step.REPEAT]
    at_home = sample(day(33), setting=TestSetting.HOME)
    assert open_steps(protocol([*facts, at_home], day(33))) == [Step.REPEAT]
    assert protocol([*facts, sample(day(33))], day(33)) is None


def test_each_further_unclear_test_is_repeated_in_its_own_time() -> None:
    again = replace(sample(day(34), TestResult.INDETERMINATE), id="again")
    facts = [*OPEN, UNCLEAR, *done(Step.HOLD, Step.CONTACT, cause="unclear")]
    first, second = protocol(facts), protocol([*facts, again], day(34))
    assert first.next.by == day(35)
    assert first.next.first == day(33)
    assert open_steps(second) == [Step.REPEAT]
    assert second.next.by == day(37)


def test_a_positive_repeat_asks_for_every_step_of_the_stop_protocol() -> None:
    facts = [*OPEN, UNCLEAR, *done(Step.HOLD, Step.CONTACT, cause="unclear")]
    found = protocol([*facts, replace(sample(day(34), TestResult.POSITIVE), id="p")], day(34))
    assert open_steps(found) == STEPS
    assert found.since == day(34)


def test_a_pregnancy_opens_it_with_nothing_left_to_confirm() -> None:
    found = protocol([*started(), Pregnancy(on=day(40), id="told")], day(40))
    assert found.sentence.startswith("A pregnancy was confirmed on 11 Apr 2026;")
    assert open_steps(found) == [Step.STOP, Step.CONTACT, Step.REPORT, Step.REFER]


def test_a_pregnancy_after_a_positive_test_goes_on_with_the_same_protocol() -> None:
    facts = [*OPEN, POSITIVE, *done(Step.STOP, Step.CONTACT), Pregnancy(on=day(34), id="told")]
    found = protocol(facts, day(34))
    assert (found.cause, found.since) == ("told", ON)
    assert open_steps(found) == [Step.REPORT, Step.REFER]


def test_serum_or_hcg_after_the_test_confirms_and_what_says_neither_does_not() -> None:
    facts = [*OPEN, POSITIVE]

    def left(*more: Fact) -> list[Step]:
        return open_steps(protocol([*facts, *more], day(34)))

    def hcg(value: str) -> Lab:
        return Lab(collected=day(33), analyte=Analyte.HCG, value=value, unit="[IU]/L", id="hcg")

    serum = replace(sample(day(33), specimen=Specimen.SERUM), id="serum")
    assert Step.CONFIRM not in left(serum)
    assert Step.CONFIRM not in left(hcg("140"))
    assert Step.CONFIRM not in left(hcg("2"))
    assert Step.CONFIRM in left(hcg("12"))
    assert Step.CONFIRM in left(hcg("haemolysed"))
    assert Step.CONFIRM in left(sample(day(33)))
    assert Step.CONFIRM in left(replace(serum, result=TestResult.INDETERMINATE))


def test_a_negative_serum_test_confirms_nothing_away() -> None:
    serum = replace(sample(day(33), specimen=Specimen.SERUM), id="serum")
    facts = [*OPEN, POSITIVE, serum]
    assert protocol(facts, day(34)).is_open
    assert asked(facts, noon(day(34))).verdict is Verdict.NO


@pytest.mark.parametrize("count", range(5))
def test_each_step_that_is_done_moves_the_next_action(count: int) -> None:
    facts = [*OPEN, POSITIVE, *done(*STEPS[:count])]
    found = place(facts, noon(ON))
    rule = steps_for(ProtocolKind.STOP, "us-ipledge")[count]
    assert found.group is Group.ACT_NOW
    assert found.action == f"{rule.title} ({rule.owner}): {rule.task}"
    assert found.headline.endswith(f", {count} of 5 steps done.")
    last = ON + dt.timedelta(days=rule.target_days)
    assert found.act_by == dt.datetime.combine(last, dt.time(3, 59, 59), dt.UTC) + dt.timedelta(1)


def test_a_step_that_belongs_to_another_alarm_counts_for_nothing() -> None:
    facts = [*OPEN, POSITIVE, *done(*STEPS, cause="somebody else's")]
    assert open_steps(protocol(facts)) == STEPS


def test_steps_done_before_a_correction_still_count_after_it() -> None:
    facts = [*OPEN, replace(POSITIVE, id="corrected"), *done(Step.STOP)]
    corrected = Learned(replaced={"positive": "corrected"})
    assert open_steps(protocol(facts, learned=corrected)) == STEPS[1:]
    assert open_steps(protocol(facts)) == STEPS


def test_the_clock_runs_from_the_day_on_which_the_clinic_learned_of_it() -> None:
    found = protocol([*OPEN, POSITIVE], day(34), Learned(on={"positive": day(34)}))
    assert found.since == day(34)
    assert [task.by for task in found.tasks] == [day(34), day(34), day(36), day(36), day(41)]


def test_a_step_is_overdue_when_its_last_day_is_over_and_not_a_minute_before() -> None:
    facts = [*OPEN, POSITIVE, *done(Step.STOP)]
    midnight = dt.datetime(2026, 4, 4, 4, 0, tzinfo=dt.UTC)  # in New York
    before = place(facts, midnight - dt.timedelta(minutes=1))
    after = place(facts, midnight)
    assert before.changes_at == midnight
    assert "Overdue" not in before.headline
    assert after.headline.endswith("1 of 5 steps done. Overdue: 1.")
    assert after.changes_at == dt.datetime(2026, 4, 6, 4, 0, tzinfo=dt.UTC)  # confirm, report
    assert place(facts, after.changes_at).headline.endswith("Overdue: 3.")


def test_what_is_overdue_comes_before_what_is_not() -> None:
    late = place([*OPEN, POSITIVE], noon(day(34)))
    fresh = place([*OPEN, replace(sample(day(34), TestResult.POSITIVE), id="p")], noon(day(34)))
    assert late.rank < fresh.rank


def test_with_every_step_done_only_the_outcome_is_missing_and_nobody_is_hurried() -> None:
    facts = [*OPEN, POSITIVE, *done(*STEPS)]
    assert not protocol(facts).is_open
    found = place(facts, noon(day(40)))
    assert found.group is Group.DUE_THIS_WEEK
    assert found.headline.endswith("every step of the stop protocol is done.")
    assert found.action.startswith("Record the last dose")
    assert asked(facts, noon(day(40))).verdict is Verdict.NO
    ended = [*facts, LastDose(on=ON)]
    assert place(ended, noon(day(40)), Act.MONITOR).group is Group.AFTER_TREATMENT


def test_a_finished_protocol_hides_no_other_danger() -> None:
    facts = [*OPEN, POSITIVE, *done(*STEPS), Symptom(on=day(33), name="abdominal-pain")]
    assert place(facts, noon(day(33))).group is Group.ACT_NOW


def test_excluding_a_pregnancy_closes_it_and_a_later_positive_opens_a_new_one() -> None:
    excluded = PregnancyExcluded(on=day(34), by="Dr A", reason="Two serum hCG below 5")
    facts = [*OPEN, POSITIVE, *done(Step.STOP), excluded]
    assert protocol(facts, day(34)) is None
    assert protocol(facts, day(33)) is not None
    again = replace(sample(day(35), TestResult.POSITIVE), id="again")
    assert open_steps(protocol([*facts, again], day(35))) == STEPS


@pytest.mark.parametrize("programme_id", programme_ids())
def test_every_programme_has_both_protocols_with_owner_target_and_whom_to_call(
    programme_id: str,
) -> None:
    stop = steps_for(ProtocolKind.STOP, programme_id)
    unclear = steps_for(ProtocolKind.UNCLEAR, programme_id)
    assert [rule.step for rule in stop] == STEPS
    assert [rule.step for rule in unclear] == [Step.HOLD, Step.CONTACT, Step.REPEAT]
    for rule in (*stop, *unclear):
        assert rule.task.endswith(".")
        assert rule.call
        assert rule.owner in Owner
        assert rule.citation.title
    found = protocol([*OPEN, POSITIVE], of=programme_id)
    assert open_steps(found) == STEPS


def test_only_the_united_states_name_their_registry() -> None:
    calls = {name: steps_for(ProtocolKind.STOP, name)[3].call for name in programme_ids()}
    assert "MedWatch" in calls.pop("us-ipledge")
    assert set(calls.values()) == {"{authority}"}


def test_a_step_is_kept_as_evidence_and_is_no_part_of_a_case_file(tmp_path) -> None:
    step = ProtocolStep(on=ON, step=Step.STOP, cause="7", by="Dr A", note="By telephone")
    assert read_fact("protocol_step", write_fact(step)) == step
    with pytest.raises(FactError, match="stop"):
        read_fact("protocol_step", {**write_fact(step), "step": "wait"})
    path = tmp_path / "a-case.toml"
    path.write_text(
        'id = "a-case"\ntitle = "t"\nprogramme = "us-ipledge"\ntime_zone = "UTC"\n'
        '[patient]\nborn = 1999-05-02\n[[protocol_step]]\nstep = "stop"\n',
        "utf-8",
    )
    with pytest.raises(CaseError, match="protocol_step: unknown key"):
        read_case(path)


@given(SITUATIONS, ACTS, CLINICS, st.sampled_from(programme_ids()))
@settings(max_examples=200)
def test_one_is_open_whenever_a_pregnancy_is_not_ruled_out(
    situation: tuple[list[Fact], dt.datetime], act: Act, clinic: ClinicTerms, programme_id: str
) -> None:
    facts, at = situation
    programme = load_programme(programme_id)
    question = Question(at=at, act=act)
    answer = assess(record(facts), programme, clinic, question)
    found = stop_protocol(record(facts), programme, clinic, question)
    for finding in answer.findings:
        if finding.requirement is Requirement.NOT_PREGNANT:
            assert (found is not None and found.is_open) == (finding.outcome is not Outcome.MET)


@given(SITUATIONS, CLINICS, st.data())
@settings(max_examples=200)
def test_the_place_of_an_open_protocol_stays_until_it_says(
    situation: tuple[list[Fact], dt.datetime], clinic: ClinicTerms, data: st.DataObject
) -> None:
    facts, at = situation
    facts = [*facts, sample(at.date() - dt.timedelta(days=2), TestResult.POSITIVE)]

    def there(moment: dt.datetime) -> tuple[Triage, Assessment]:
        question = Question(at=moment, act=Act.DISPENSE)
        answer = assess(record(facts), IPLEDGE, clinic, question)
        found = stop_protocol(record(facts), IPLEDGE, clinic, question)
        return triage(answer, plan(record(facts), IPLEDGE, clinic, moment), moment, found), answer

    place, answer = there(at)
    ends = [moment for moment in (answer.changes_at, place.changes_at) if moment]
    span = int((min(ends, default=at + dt.timedelta(days=30)) - at).total_seconds())
    for second in (data.draw(st.integers(0, max(span - 1, 0))), max(span - 1, 0)):
        assert there(at + dt.timedelta(seconds=second))[0] == place
    if place.changes_at and place.changes_at == min(ends):
        moved, _ = there(place.changes_at)
        assert replace(moved, changes_at=None) != replace(place, changes_at=None)
