"""Where a patient stands on the worklist, and when time alone moves them."""

from __future__ import annotations

import datetime as dt

from compliance.rules.assess import assess
from compliance.rules.facts import (
    Acknowledgement,
    Comprehension,
    Dispensing,
    Fact,
    LastDose,
    Menses,
    Symptom,
)
from compliance.rules.findings import Question
from compliance.rules.plan import plan
from compliance.rules.terms import Act, Cycle, TestResult
from compliance.rules.triage import Group, Triage, triage
from tests.rules.histories import (
    IPLEDGE,
    admitted,
    day,
    month,
    noon,
    record,
    sample,
    started,
    terms,
)

D = dt.date


def place(facts: list[Fact], on: dt.date, act: Act = Act.DISPENSE, *adopted: dt.date) -> Triage:
    at, clinic = noon(on), terms(*adopted)
    found = assess(record(facts), IPLEDGE, clinic, Question(at=at, act=act))
    return triage(found, plan(record(facts), IPLEDGE, clinic, at), at)


def unanswered(facts: list[Fact]) -> list[Fact]:
    return [fact for fact in facts if not isinstance(fact, Comprehension)]


OPEN = [*started()[:-1]]


def test_a_positive_test_comes_before_everything() -> None:
    found = place([*OPEN, sample(day(32), TestResult.POSITIVE)], day(32))
    assert found.group is Group.ACT_NOW
    assert found.headline.startswith("The pregnancy test of 3 Apr 2026 is positive")
    assert found.rank < place(unanswered(OPEN), day(37)).rank


def test_a_stop_symptom_is_acted_on_now() -> None:
    found = place([*OPEN, Symptom(on=day(32), name="abdominal-pain")], day(32))
    assert found.group is Group.ACT_NOW


def test_an_open_window_with_something_missing_becomes_pressing_two_days_before_it_closes() -> None:
    early, late = place(unanswered(OPEN), day(34)), place(unanswered(OPEN), day(35))
    assert (early.group, late.group) == (Group.WINDOW_OPEN, Group.ACT_NOW)
    assert early.changes_at == dt.datetime(2026, 4, 6, 4, 0, tzinfo=dt.UTC)
    assert early.action == "Ask the patient to answer this month's questions"
    assert late.act_by == dt.datetime(2026, 4, 9, 3, 59, 59, tzinfo=dt.UTC)


def test_an_open_window_with_nothing_missing_waits_for_the_pick_up() -> None:
    found = place(OPEN, day(33))
    assert found.group is Group.WINDOW_OPEN
    assert found.headline == (
        "Prerequisites appear met. The pick-up window is open until 8 Apr 2026, 23:59 Eastern."
    )
    assert found.action == "Have the medicine picked up"
    assert place(OPEN, day(33), Act.PRESCRIBE).action.startswith("Issue the prescription")


def test_of_two_windows_the_one_that_closes_first_comes_first() -> None:
    facts: list[Fact] = [*admitted(cycle=Cycle.IRREGULAR)]
    sooner = place([*facts, *unanswered(month(day(30)))], day(31))
    later = place([*facts, *unanswered(month(day(31)))], day(31))
    assert sooner.rank < later.rank


def test_a_month_goes_from_on_track_to_due_to_open_or_overdue() -> None:
    facts = started()
    groups = [place(facts, on).group for on in (day(40), day(47), day(48), day(61), day(62))]
    assert groups == [
        Group.ON_TRACK,
        Group.ON_TRACK,
        Group.DUE_THIS_WEEK,
        Group.DUE_THIS_WEEK,
        Group.ACT_NOW,
    ]
    assert place(facts, day(40)).changes_at == dt.datetime(2026, 4, 19, 4, 0, tzinfo=dt.UTC)


def test_a_man_whose_edition_asks_for_nothing_is_planned_by_his_supply() -> None:
    facts = [*admitted(can=False), Dispensing(on=day(1))]
    assert place(facts, day(10), Act.PRESCRIBE, day(2)).group is Group.ON_TRACK
    assert place(facts, day(25), Act.PRESCRIBE, day(2)).group is Group.DUE_THIS_WEEK
    late = place(facts, day(40), Act.PRESCRIBE, day(2))
    assert late.group is Group.ACT_NOW
    assert late.headline == "The supply ended on 1 Apr 2026 and no pick-up has followed."


def test_who_can_only_wait_for_a_day_waits_with_that_day() -> None:
    found = place([*admitted(cycle=Cycle.IRREGULAR)], day(10))
    assert found.group is Group.WAITING
    assert "1 Apr 2026" in found.headline
    assert place([*admitted(cycle=Cycle.IRREGULAR)], day(25)).group is Group.DUE_THIS_WEEK
    locked = place(started()[:-1], day(40))
    assert locked.group is Group.WAITING
    assert "21 Apr 2026" in locked.headline


def test_what_can_be_done_now_is_not_left_waiting() -> None:
    facts = [f for f in admitted() if not isinstance(f, Acknowledgement)]
    found = place(facts, day(10))
    assert found.group is Group.DUE_THIS_WEEK
    assert found.headline == "No signed enrolment form is recorded."


def test_after_treatment_it_runs_until_follow_up_is_complete() -> None:
    facts = [*started(), LastDose(on=D(2026, 5, 1)), sample(D(2026, 5, 1))]
    assert place(facts, D(2026, 5, 10), Act.MONITOR).group is Group.AFTER_TREATMENT
    assert place(facts, D(2026, 5, 25), Act.MONITOR).group is Group.DUE_THIS_WEEK
    assert place(facts, D(2026, 6, 16), Act.MONITOR).group is Group.ACT_NOW
    done = [*facts, sample(D(2026, 6, 1))]
    assert place(done, D(2026, 6, 1), Act.MONITOR).group is Group.AFTER_TREATMENT
    closed = place(done, D(2026, 6, 2), Act.MONITOR)
    assert (closed.group, closed.headline) == (Group.CLOSED, "Follow-up is complete.")


def test_the_group_comes_first_in_the_rank() -> None:
    places = [
        place([*OPEN, sample(day(32), TestResult.POSITIVE)], day(32)),
        place(OPEN, day(33)),
        place(started(), day(50)),
        place([*admitted(), Menses(started=day(30))], day(3)),
        place(started(), day(40)),
    ]
    assert [item.group for item in places] == list(Group)[:5]
    assert [item.rank for item in places] == sorted(item.rank for item in places)
    assert all(len(item.rank) <= 80 for item in places)
