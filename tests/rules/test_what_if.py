"""What if: assumed facts, other editions and programmes, and moments typed by people."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from compliance.rules.assess import assess
from compliance.rules.assumptions import read_assumptions
from compliance.rules.case_reader import Case, CaseError, read_case
from compliance.rules.facts import Adoption, PregnancyTest, write_fact
from compliance.rules.findings import Question
from compliance.rules.programme import load_programme, programme_ids
from compliance.rules.terms import Act, Requirement, TestResult, TestSetting, Verdict
from compliance.rules.what_if import (
    Situation,
    Supposition,
    check_assumed,
    fact_line,
    in_zone,
    known_by,
    open_supply,
    questions_at,
    read_moment,
    rests_on,
    suppose,
)
from compliance.rules.what_if_answers import run_supposed

CASES = Path(__file__).resolve().parent.parent / "cases"
ONE = CASES / "us" / "ipl-window-last-second.toml"
LOCKOUT = CASES / "us" / "ipl-adoption-ends-lockout.toml"
HOME = (
    "pregnancy_test collected=2026-04-09 result=negative setting=home home_process_documented=true"
)


def situation(path: Path = ONE) -> tuple[Case, Situation]:
    case = read_case(path)
    return case, Situation(case.record, load_programme(case.programme), case.terms)


def asked(now: Situation, at: str, act: Act = Act.DISPENSE):
    moment = in_zone(read_moment("--at", at), now.terms.time_zone)
    return assess(now.record, now.programme, now.terms, Question(at=moment, act=act))


# --- facts as they are typed ----------------------------------------------------------------------


def test_a_fact_typed_plainly_and_in_toml_is_the_same_fact() -> None:
    plainly, in_toml = read_assumptions(
        [
            "pregnancy_test collected=2026-04-28 result=negative setting=medical",
            'pregnancy_test={collected=2026-04-28, result="negative", setting="medical"}',
        ]
    )
    assert isinstance(plainly, PregnancyTest)
    assert (plainly.result, plainly.setting) == (TestResult.NEGATIVE, TestSetting.MEDICAL)
    assert write_fact(plainly) == write_fact(in_toml)
    assert [plainly.id, in_toml.id] == ["assumed-1", "assumed-2"]


@pytest.mark.parametrize(
    "line",
    [
        "method_report on=2026-04-28 by=patient methods=implant,male-condom",
        "contraception method=injection from=2026-01-01 renewals=2026-03-30,2026-04-29",
        "acknowledgement on=2026-03-02 form=enrolment version=2026-01 signed_by=patient prescribers=A,B",  # noqa: E501
        "lab collected=2026-04-28 analyte=TG value=180 unit=mg/dL fasting=true",
        'symptom on=2026-04-28 name="abdominal pain"',
        "pregnancy_potential from=2026-03-02 can_become_pregnant=no cycle=regular",
    ],
)
def test_a_fact_is_written_back_as_it_may_be_typed_again(line: str) -> None:
    typed = line.replace("pregnant=no", "pregnant=false")
    assert fact_line(read_assumptions([typed])[0]) == line


def test_lists_may_be_typed_with_and_without_brackets_and_quotes() -> None:
    forms = ["implant,male-condom", '["implant", "male-condom"]', "[implant, male-condom]"]
    texts = [f"method_report on=2026-04-28 by=patient methods={form}" for form in forms]
    assert len({str(write_fact(fact)) for fact in read_assumptions(texts)}) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tset on=2026-04-28", "--assume: tset: unknown kind (allowed: pregnancy_potential, "),
        ("menses", "menses.started: missing (required: a local date"),
        ("menses begun=2026-04-28", "menses.begun: unknown key (allowed: started)"),
        ("menses started=2026-02-30", "menses.started: found '2026-02-30' (allowed: a local date"),
        ("menses started=2026-04-28 started=2026-04-29", "menses.started: stands twice"),
        ("menses 2026-04-28", "menses: found '2026-04-28' (allowed: kind key=value"),
        ("menses={started=soon}", "menses: is not TOML: "),
        ("menses={started='2026-04-28'}", "menses.started: found '2026-04-28' (allowed: a local"),
        ("menses={}\nvisit={}", "allowed: one fact each"),
        (
            "pregnancy_test collected=2026-04-28 result=faint",
            "pregnancy_test.result: found 'faint' (allowed: negative | positive | indeterminate)",
        ),
        (
            "pregnancy_potential from=2026-04-28 can_become_pregnant=yes",
            "found 'yes' (allowed: true, false or \"undetermined\")",
        ),
        (
            "contraception method=implant from=2026-04-28 until=2026-04-27",
            "contraception.until: found 2026-04-27 (allowed: not before from",
        ),
    ],
)
def test_a_mistake_in_an_assumption_names_key_found_and_allowed(text: str, said: str) -> None:
    with pytest.raises(CaseError) as error:
        read_assumptions([text])
    assert said in str(error.value)


def test_an_assumption_may_lie_after_today_but_not_after_the_day_asked_nor_before_birth() -> None:
    _, now = situation()
    at = [dt.datetime(2030, 4, 28, 23, 0, tzinfo=dt.UTC)]
    check_assumed(Supposition(assumed=read_assumptions(["menses started=2030-04-28"])), now, at)
    late = Supposition(assumed=read_assumptions(["menses started=2030-04-29"]))
    with pytest.raises(
        CaseError, match=r"menses\.started: found 2030-04-29 .*day asked, 2030-04-28"
    ):
        check_assumed(late, now, at)
    early = Supposition(assumed=read_assumptions(["menses started=1998-08-07"]))
    with pytest.raises(CaseError, match="from the day of birth on, 1998-08-08"):
        check_assumed(early, now, at)


# --- moments --------------------------------------------------------------------------------------


def test_a_moment_is_local_unless_it_has_an_offset_and_a_day_means_noon() -> None:
    new_york = "America/New_York"
    noon = in_zone(read_moment("--at", "2026-04-28"), new_york)
    assert noon.isoformat() == "2026-04-28T12:00:00-04:00"
    morning = in_zone(read_moment("--at", "2026-01-28T09:30"), new_york)
    assert morning.isoformat() == "2026-01-28T09:30:00-05:00"
    assert in_zone(read_moment("--at", "2026-01-28T09:30Z"), new_york).utcoffset() == dt.timedelta(
        0
    )


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30", "2026-04-28T25:00"])
def test_a_moment_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(CaseError, match=r"--at: found .*allowed: a day or a local or offset"):
        read_moment("--at", text)


# --- what is supposed -----------------------------------------------------------------------------


def test_an_assumed_fact_counts_and_the_findings_that_rest_on_it_are_known() -> None:
    _, now = situation()
    assert asked(now, "2026-04-20").verdict is Verdict.NO
    days = {"collected": "2026-04-20", "on": "2026-04-20"}
    steps = [
        f"pregnancy_test collected={days['collected']} result=negative setting=medical",
        *(
            f"method_report on={days['on']} by={side} methods=combined-pill,male-condom"
            for side in ("prescriber", "patient")
        ),
        f"counselling on={days['on']}",
        f"comprehension on={days['on']} passed=true",
    ]
    there = suppose(now, Supposition(assumed=read_assumptions(steps)))
    found = asked(there, "2026-04-20")
    assert found.verdict is Verdict.YES
    assert rests_on(found)[Requirement.MONTHLY_TEST] == ("assumed-1",)
    assert Requirement.METHOD_MATCH in rests_on(found)
    assert Requirement.ENROLMENT not in rests_on(found)
    assert now.record.facts == situation()[1].record.facts, "nothing was added to what is known"


def test_an_edition_supposed_judges_every_act_as_if_there_had_never_been_another() -> None:
    _, now = situation(LOCKOUT)
    assert Requirement.FIRST_WINDOW_LOCKOUT in asked(now, "2026-11-14").blocked_by
    early = suppose(now, Supposition(edition="2026"))
    assert asked(early, "2026-11-14").verdict is Verdict.YES
    assert asked(early, "2026-11-14").edition == "2026"
    assert asked(early, "2015-01-01").edition == "2026"
    late = suppose(now, Supposition(edition="2021"))
    assert asked(late, "2026-11-15").edition == "2021"
    assert Requirement.FIRST_WINDOW_LOCKOUT in asked(late, "2026-11-15").blocked_by
    assert asked(now, "2026-11-15").edition == "2026", "the real programme is untouched"


def test_every_edition_of_every_programme_can_be_supposed() -> None:
    _, now = situation()
    for programme in programme_ids():
        for edition in load_programme(programme).editions:
            there = suppose(now, Supposition(programme=programme, edition=edition.id))
            found = asked(there, "2026-04-10", Act.PRESCRIBE)
            assert (found.programme, found.edition) == (programme, edition.id)


def test_adoptions_do_not_carry_over_to_another_programme() -> None:
    _, now = situation(LOCKOUT)
    assert now.terms.adoptions == (Adoption(edition="2026", on=dt.date(2026, 11, 15)),)
    assert suppose(now, Supposition(programme="uk-ppp")).terms.adoptions == ()
    assert suppose(now, Supposition(programme="us-ipledge")).terms == now.terms


def test_an_unknown_edition_or_programme_says_which_there_are() -> None:
    _, now = situation()
    with pytest.raises(CaseError, match=r"--edition: us-ipledge: found '2030' .*2021 \| 2023"):
        suppose(now, Supposition(edition="2030"))
    with pytest.raises(CaseError, match=r"--programme: found 'mars' .*uk-ppp"):
        suppose(now, Supposition(programme="mars"))
    with pytest.raises(CaseError, match="--edition: uk-ppp: found '2026'"):
        suppose(now, Supposition(programme="uk-ppp", edition="2026"))


def test_a_case_knows_by_a_moment_what_had_happened_by_its_day() -> None:
    _, now = situation(LOCKOUT)
    then = known_by(now, read_moment("--known-at", "2026-11-02"))
    assert {fact.day for fact in then.record.facts} == {dt.date(2026, 10, 1), dt.date(2026, 11, 2)}
    assert then.terms.adoptions == ()


def test_a_question_about_a_pick_up_is_about_the_supply_that_waits_for_it() -> None:
    _, now = situation()
    waiting = read_assumptions(["prescription on=2026-04-09 days_supply=14 refills=1"])
    there = suppose(now, Supposition(assumed=waiting))
    assert open_supply(there.record, dt.date(2026, 4, 8)) == (30, 0)
    assert open_supply(there.record, dt.date(2026, 4, 9)) == (14, 1)
    at = dt.datetime(2026, 4, 9, 16, tzinfo=dt.UTC)
    issue, hand_over = questions_at(there, at)
    assert (issue.act, issue.days_supply) == (Act.PRESCRIBE, 30)
    assert (hand_over.act, hand_over.days_supply, hand_over.refills) == (Act.DISPENSE, 14, 1)


def test_a_supposition_of_nothing_is_none() -> None:
    assert not Supposition()
    assert Supposition(edition="2026")


# --- case files answered --------------------------------------------------------------------------


def run(what: Supposition, *paths: Path, as_json: bool = False) -> tuple[int, list[str], list[str]]:
    said: list[str] = []
    faults: list[str] = []
    return run_supposed(paths, what, as_json, said.append, faults.append), said, faults


def test_another_moment_replaces_the_moments_of_all_questions_and_asks_each_act_once() -> None:
    what = Supposition(at=read_moment("--at", "2026-04-14"))
    code, lines, _ = run(what, ONE, as_json=True)
    answers = [json.loads(line) for line in lines]
    assert code == 0
    assert [(item["at"], item["act"]) for item in answers] == [
        ("2026-04-14T12:00:00-04:00", "dispense")
    ]
    assert "agrees" not in answers[0]


def test_a_case_without_questions_is_asked_whether_to_prescribe_and_to_dispense(
    tmp_path: Path,
) -> None:
    bare = tmp_path / ONE.name
    bare.write_text(ONE.read_text("utf-8").partition("[[ask]]")[0], encoding="utf-8")
    code, lines, _ = run(Supposition(at=read_moment("--at", "2026-04-14")), bare, as_json=True)
    assert code == 0
    assert [json.loads(line)["act"] for line in lines] == ["prescribe", "dispense"]
    code, _, faults = run(Supposition(edition="2026"), bare)
    assert code == 2
    assert "ask: missing" in faults[0]


def test_the_answer_says_what_is_supposed_and_what_rests_on_it() -> None:
    what = Supposition(
        at=read_moment("--at", "2026-04-14"),
        edition="2026",
        assumed=read_assumptions([HOME]),
        known_at=read_moment("--known-at", "2026-04-09T08:00"),
    )
    code, lines, _ = run(what, ONE)
    text = "\n".join(lines)
    assert code == 0
    assert "as if edition 2026 had been adopted from the beginning" in text
    assert "As known at 9 Apr 2026 08:00, each fact from its own day on" in text
    assert f"WHAT IF  assumed-1: {HOME}" in text
    assert "These rest on what is only assumed: " in text
    assert "test-setting (assumed-1)" in text
    assert "nothing was compared" in lines[-1]
    _, lines, _ = run(what, ONE, as_json=True)
    supposed = json.loads(lines[0])["what_if"]
    assert supposed["edition"] == "2026"
    assert supposed["assumed"] == [
        {
            "id": "assumed-1",
            "kind": "pregnancy_test",
            "collected": "2026-04-09",
            "result": "negative",
            "setting": "home",
            "home_process_documented": True,
        }
    ]
    assert supposed["rests_on_assumed"]["test-setting"] == ["assumed-1"]


def test_a_case_that_cannot_be_supposed_is_named_and_the_others_are_answered() -> None:
    british = CASES / "us" / "nowhere.toml"
    code, lines, faults = run(Supposition(edition="2026"), british, ONE)
    assert code == 2
    assert "nowhere.toml: cannot be read" in faults[0]
    assert "1 could not be answered" in lines[-1]
    assert any("edition 2026" in line for line in lines)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"])
def test_moments_at_the_calendars_edge_are_answered_too(moment: str) -> None:
    what = Supposition(
        at=read_moment("--at", moment), known_at=read_moment("--known-at", moment), edition="2026"
    )
    code, lines, faults = run(what, ONE)
    assert (code, faults) == (0, [])
    assert "WHAT IF  As known at" in "\n".join(lines)
