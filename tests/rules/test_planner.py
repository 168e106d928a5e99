"""The planner: the answer for a day with planned steps, the calendar, and what it warns of."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from compliance.rules.assess import assess
from compliance.rules.facts import ClinicTerms, Fact, MethodReport, Record, read_fact
from compliance.rules.findings import Question
from compliance.rules.openings import Openings
from compliance.rules.planner import Day, Outlook, Wanted, look_ahead
from compliance.rules.planner_advice import Worry, advise
from compliance.rules.programme import load_programme
from compliance.rules.steps import Steps, assumed_facts, methods_on
from compliance.rules.terms import Act, Method, Phase, Requirement, TestSetting, Verdict
from compliance.rules.what_if import Situation, Supposition

WEEKDAYS = frozenset({1, 2, 3, 4, 5})
ALWAYS = Openings(frozenset(range(1, 8)))
BOTH = ["combined-pill", "male-condom"]
_number = itertools.count(1)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def fact(kind: str, **data: Any) -> Fact:
    data = {key.rstrip("_"): value for key, value in data.items()}
    return read_fact(kind, data, str(next(_number)))


def month(on: dt.date, picked_up: int | None = 0) -> list[Fact]:
    """The test, the statements and the pick-up so many days later (None: none)."""
    made = [
        fact("pregnancy_test", collected=on, result="negative", setting="medical"),
        fact("counselling", on=on),
        fact("comprehension", on=on, passed=True),
        *(
            fact("method_report", on=on, by=side, methods=BOTH)
            for side in ("prescriber", "patient")
        ),
    ]
    if picked_up is not None:
        made.append(fact("dispensing", on=on + dt.timedelta(days=picked_up)))
    return made


def on_treatment(first: str, *more: Fact, zone: str = "America/New_York") -> Situation:
    """A patient whose treatment began on a day, 32 days after everything else was begun."""
    start = day(first)
    began = start - dt.timedelta(days=32)
    facts = [
        fact("pregnancy_potential", from_=began, can_become_pregnant=True, reason="anatomy",
             confirmed_by_professional=True, cycle="irregular"),
        fact("enrolment", on=began),
        fact("acknowledgement", on=began, form="enrolment", signed_by=["patient", "prescriber"]),
        fact("pregnancy_test", collected=began, result="negative", setting="medical"),
        *(fact("contraception", method=method, from_=began) for method in BOTH),
        fact("visit", on=began, topics=["mental-health"]),
        *month(start),
        *more,
    ]  # fmt: skip
    record = Record(born=day("1998-08-08"), facts=tuple(facts))
    return Situation(record, load_programme("us-ipledge"), ClinicTerms(time_zone=zone))


def look(
    here: Situation,
    today: str,
    steps: Steps = Steps(),  # noqa: B008 - frozen
    openings: Openings = ALWAYS,
    act: Act = Act.DISPENSE,
    first: str = "",
    weeks: int = 6,
    what: Supposition = Supposition(),  # noqa: B008 - frozen
) -> Outlook:
    zone = ZoneInfo(here.terms.time_zone)
    now = dt.datetime.combine(day(today), dt.time(10, 30), tzinfo=zone)
    return look_ahead(here, Wanted(steps, act, day(first or today), weeks), what, openings, now)


def days(outlook: Outlook) -> dict[dt.date, Day]:
    return {item.on: item for week in outlook.weeks for item in week}


def said(
    outlook: Outlook, steps: Steps, openings: Openings, today: str, about: Worry | None = None
) -> list[str]:
    found = advise(outlook, steps, openings, day(today))
    return [item.sentence for item in found if about is None or item.about is about]


# --- the steps ------------------------------------------------------------------------------------


def test_planned_steps_are_facts_with_marked_ids_and_a_negative_test() -> None:
    here = on_treatment("2026-03-02")
    when = day("2026-03-30")
    steps = Steps(test=when, setting=TestSetting.HOME, statements=when, visit=when,
                  prescription=when, pick_up=when)  # fmt: skip
    facts = assumed_facts(steps, here.record)
    assert [item.id for item in facts] == [f"assumed-{n}" for n in range(1, 8)]
    assert {item.kind for item in facts} == {
        "visit", "pregnancy_test", "counselling", "method_report", "comprehension", "prescription",
    }  # fmt: skip
    assert {item.day for item in facts} == {when}


def test_both_sides_are_supposed_to_state_the_methods_in_use_on_the_day() -> None:
    changed = fact("contraception", method="implant", from_="2026-03-20")
    over = fact("contraception", method="diaphragm", from_="2026-01-01", until="2026-03-29")
    here = on_treatment("2026-03-02", changed, over)
    assert Method.DIAPHRAGM in methods_on(here.record, day("2026-03-29"))
    on = methods_on(here.record, day("2026-03-30"))
    assert set(on) == {Method.COMBINED_PILL, Method.MALE_CONDOM, Method.IMPLANT}
    bare = Record(born=day("1998-08-08"), facts=(fact("menses", started="2026-03-01"),))
    assert methods_on(bare, day("2026-03-30")) == ()
    made = assumed_facts(Steps(statements=day("2026-03-30")), bare)
    assert MethodReport not in {type(item) for item in made}


def test_methods_last_stated_serve_where_none_is_recorded_as_used() -> None:
    report = fact("method_report", on="2026-03-02", by="patient", methods=["implant"])
    record = Record(born=day("1998-08-08"), facts=(report,))
    assert methods_on(record, day("2026-03-30")) == (Method.IMPLANT,)
    assert methods_on(record, day("2026-03-01")) == ()


# --- the answer -----------------------------------------------------------------------------------


def test_a_sample_on_tuesday_and_a_pharmacy_that_opens_on_thursday() -> None:
    here = on_treatment("2026-03-02")
    steps = Steps(test=day("2026-03-31"), statements=day("2026-03-31"), pick_up=day("2026-04-02"))
    found = look(here, "2026-03-26", steps)
    assert found.answer.verdict is Verdict.YES
    assert found.answer.window == (day("2026-03-31"), day("2026-04-06"))
    assert found.done
    without = Steps(test=day("2026-03-31"), pick_up=day("2026-04-02"))
    blocked = look(here, "2026-03-26", without).answer.blocked_by
    assert blocked == (
        Requirement.COUNSELLING,
        Requirement.COMPREHENSION,
        Requirement.METHOD_MATCH,
    )


def test_without_a_pick_up_the_answer_is_for_the_last_step_and_without_steps_for_today() -> None:
    here = on_treatment("2026-03-02")
    steps = Steps(test=day("2026-03-30"), statements=day("2026-03-31"))
    asked = look(here, "2026-03-26", steps, act=Act.PRESCRIBE).answer.question.at
    assert asked.isoformat() == "2026-03-31T12:00:00-04:00"
    now = look(here, "2026-03-26").answer.question.at
    assert now.isoformat() == "2026-03-26T10:30:00-04:00"


def test_another_edition_may_be_supposed_beside_the_steps() -> None:
    here = on_treatment("2026-03-02")
    steps = Steps(test=day("2026-03-31"), setting=TestSetting.HOME, statements=day("2026-03-31"),
                  pick_up=day("2026-04-02"))  # fmt: skip
    old = look(here, "2026-03-26", steps, what=Supposition(edition="2021")).answer
    new = look(here, "2026-03-26", steps, what=Supposition(edition="2026")).answer
    assert Requirement.TEST_SETTING in old.blocked_by
    assert (new.verdict, new.edition) == (Verdict.YES, "2026")


# --- the calendar ---------------------------------------------------------------------------------


def test_each_day_says_whether_the_window_is_open_and_what_is_planned() -> None:
    here = on_treatment("2026-03-02")
    steps = Steps(test=day("2026-03-31"), statements=day("2026-04-01"), pick_up=day("2026-04-02"))
    found = days(look(here, "2026-03-26", steps))
    assert not found[day("2026-03-30")].window
    assert found[day("2026-03-31")].window
    assert found[day("2026-03-31")].verdict is Verdict.NO, "the statements are not there yet"
    assert found[day("2026-04-01")].verdict is Verdict.YES
    assert found[day("2026-04-02")].asked
    assert found[day("2026-04-02")].events == (("dispensing", True),)
    assert ("pregnancy_test", True) in found[day("2026-03-31")].events
    assert not found[day("2026-04-03")].window, "it was picked up"
    assert found[day("2026-05-01")].supply_ends
    assert [on for on, item in found.items() if item.test] == [
        day("2026-04-26") + dt.timedelta(days=number) for number in range(7)
    ]


def test_a_pick_up_that_may_not_be_done_counts_for_nothing() -> None:
    here = on_treatment("2026-03-02")
    steps = Steps(test=day("2026-03-31"), pick_up=day("2026-04-02"))
    outlook = look(here, "2026-03-26", steps)
    found = days(outlook)
    assert not outlook.done
    assert found[day("2026-04-02")].events == (("dispensing", True),)
    assert found[day("2026-03-31")].supply_ends
    assert not any(item.supply_ends for on, item in found.items() if on > day("2026-03-31"))
    assert found[day("2026-04-06")].closes_at is not None, "the window still waits"


def test_what_was_recorded_and_the_days_gone_by_are_shown() -> None:
    found = days(look(on_treatment("2026-03-02"), "2026-03-05", first="2026-03-01"))
    assert found[day("2026-03-02")].events == (("dispensing", False), ("pregnancy_test", False))
    assert found[day("2026-03-02")].past
    assert found[day("2026-03-02")].verdict is None
    assert found[day("2026-03-05")].today


@pytest.mark.parametrize(
    ("first", "inside"),
    [
        ("2026-01-26", ["2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"]),
        ("2028-02-14", ["2028-02-28", "2028-02-29", "2028-03-01"]),
        ("2026-02-22", ["2026-03-07", "2026-03-08", "2026-03-09"]),
        ("2026-10-19", ["2026-10-31", "2026-11-01", "2026-11-02"]),
    ],
    ids=["month ends", "a leap day", "clocks go forward", "clocks go back"],
)
def test_the_calendar_has_each_day_once_whatever_the_month_and_the_clock(
    first: str, inside: list[str]
) -> None:
    outlook = look(on_treatment("2026-01-12"), first)
    found = list(days(outlook))
    assert found == [day(first) + dt.timedelta(days=number) for number in range(42)]
    assert [len(week) for week in outlook.weeks] == [7] * 6
    assert {day(text) for text in inside} <= set(found)


@pytest.mark.parametrize(
    ("test", "last", "utc"),
    [
        ("2026-03-02", "2026-03-08", "2026-03-09T03:59:59"),
        ("2026-10-26", "2026-11-01", "2026-11-02T04:59:59"),
        ("2028-02-23", "2028-02-29", "2028-03-01T04:59:59"),
        ("2026-01-26", "2026-02-01", "2026-02-02T04:59:59"),
    ],
)
def test_the_last_useful_moment_falls_on_the_last_day_through_clock_changes_and_leap_days(
    test: str, last: str, utc: str
) -> None:
    start = (day(test) - dt.timedelta(days=28)).isoformat()
    here = on_treatment(start, *month(day(test), picked_up=None))
    found = days(look(here, test))
    closing = {on: item.closes_at for on, item in found.items() if item.closes_at}
    assert list(closing) == [day(last)]
    assert closing[day(last)].astimezone(dt.UTC).isoformat() == f"{utc}+00:00"
    assert [on for on, item in found.items() if item.window] == [
        day(test) + dt.timedelta(days=number) for number in range(7)
    ]


def test_in_the_west_the_last_moment_comes_before_the_day_has_ended() -> None:
    west = "America/Los_Angeles"
    here = on_treatment("2026-03-02", *month(day("2026-03-30"), picked_up=None), zone=west)
    found = days(look(here, "2026-03-30"))
    closes = found[day("2026-04-05")].closes_at
    assert closes is not None
    assert closes.astimezone(ZoneInfo(west)).time() == dt.time(20, 59, 59)


def test_an_answer_that_is_kept_for_several_days_is_the_answer_of_each() -> None:
    here = on_treatment("2026-03-02", *month(day("2026-03-30"), picked_up=None))
    steps = Steps(pick_up=day("2026-04-03"), test=day("2026-05-01"), statements=day("2026-05-02"))
    outlook = look(here, "2026-03-25", steps)
    for on, item in days(outlook).items():
        there = here.record
        facts = [*there.facts, *outlook.assumed]
        if on > day("2026-04-03"):
            facts.append(fact("dispensing", on="2026-04-03"))
        record = Record(born=there.born, facts=tuple(facts))
        at = dt.datetime.combine(on, dt.time(12), tzinfo=ZoneInfo("America/New_York"))
        anew = assess(record, here.programme, here.terms, Question(at=at, act=Act.DISPENSE))
        assert item.verdict is anew.verdict, on


def test_after_the_course_the_final_test_is_shown_and_no_window() -> None:
    here = on_treatment("2026-03-02", fact("last_dose", on="2026-03-31"))
    outlook = look(here, "2026-04-06", act=Act.MONITOR)
    found = days(outlook)
    assert outlook.answer.phase is Phase.AFTER
    assert found[day("2026-04-30")].test
    assert {item.verdict for item in found.values()} == {None}
    assert not any(item.window or item.supply_ends for item in found.values())


# --- warnings -------------------------------------------------------------------------------------


def test_a_window_that_closes_on_a_weekend_names_the_last_open_day() -> None:
    here = on_treatment("2026-03-02", *month(day("2026-03-30"), picked_up=None))
    clinic = Openings(WEEKDAYS)
    found = said(look(here, "2026-03-30", openings=clinic), Steps(), clinic, "2026-03-30")
    assert (
        "The pick-up window closes on Sun 5 Apr 2026, when the clinic is closed. The last open day"
        " that is useful is Fri 3 Apr 2026."
    ) in found


def test_a_window_that_closes_on_a_holiday_names_it() -> None:
    here = on_treatment("2026-10-23", *month(day("2026-11-20"), picked_up=None))
    clinic = Openings(WEEKDAYS, {day("2026-11-26"): "Thanksgiving Day"})
    found = said(look(here, "2026-11-20", openings=clinic), Steps(), clinic, "2026-11-20")
    assert any(
        "closes on Thu 26 Nov 2026, when the clinic is closed (Thanksgiving Day)." in item
        and "Wed 25 Nov 2026" in item
        for item in found
    )


def test_a_window_with_no_open_day_left_says_so() -> None:
    here = on_treatment("2026-03-02", *month(day("2026-03-30"), picked_up=None))
    clinic = Openings(WEEKDAYS)
    outlook = look(here, "2026-04-04", openings=clinic)
    (found,) = said(outlook, Steps(), clinic, "2026-04-04", Worry.WINDOW)
    assert "The clinic is open on no day from Sat 4 Apr 2026 on until then." in found


def test_a_window_that_closes_on_an_open_day_or_is_used_warns_of_nothing() -> None:
    here = on_treatment("2026-03-02", *month(day("2026-03-31"), picked_up=None))
    clinic = Openings(WEEKDAYS)
    assert said(look(here, "2026-03-31", openings=clinic), Steps(), clinic, "2026-03-31",
                Worry.WINDOW) == []  # fmt: skip
    sunday = on_treatment("2026-03-02", *month(day("2026-03-30"), picked_up=None))
    steps = Steps(pick_up=day("2026-04-02"))
    assert said(look(sunday, "2026-03-30", steps, clinic), steps, clinic, "2026-03-30",
                Worry.WINDOW) == []  # fmt: skip


def test_medicine_that_runs_out_before_the_planned_pick_up_is_counted_in_days() -> None:
    here = on_treatment("2026-03-02")  # lasts through 31 March
    late = Steps(test=day("2026-04-03"), statements=day("2026-04-03"), pick_up=day("2026-04-03"))
    found = said(look(here, "2026-03-26", late), late, ALWAYS, "2026-03-26")
    assert found == [
        "The supply lasts through Tue 31 Mar 2026: a pick-up on Fri 3 Apr 2026 comes after 2 days"
        " without it."
    ]
    just = Steps(test=day("2026-04-01"), statements=day("2026-04-01"), pick_up=day("2026-04-01"))
    assert said(look(here, "2026-03-26", just), just, ALWAYS, "2026-03-26") == []


def test_medicine_that_runs_out_before_any_pick_up_can_happen_is_warned_of() -> None:
    here = on_treatment("2026-03-02")
    closed = {
        day("2026-03-31") + dt.timedelta(days=number): "a long closure" for number in range(5)
    }
    clinic = Openings(frozenset(range(1, 8)), closed)
    found = said(look(here, "2026-03-31", openings=clinic), Steps(), clinic, "2026-03-31")
    assert (
        "The supply lasts through Tue 31 Mar 2026, and the next pick-up can happen on Sun 5 Apr"
        " 2026 at the earliest: 4 days without the medicine."
    ) in found
    gone = said(look(here, "2026-04-10"), Steps(), ALWAYS, "2026-04-10", Worry.SUPPLY)
    assert gone[0].startswith("The supply lasted through Tue 31 Mar 2026, and the next pick-up")


def test_a_supply_that_is_needed_on_a_closed_day_names_the_last_open_day_before() -> None:
    here = on_treatment("2026-03-05")  # lasts through Friday, 3 April
    clinic = Openings(WEEKDAYS, {day("2026-04-03"): "Good Friday"})
    found = said(look(here, "2026-03-26", openings=clinic), Steps(), clinic, "2026-03-26",
                 Worry.SUPPLY)  # fmt: skip
    assert found == [
        "The supply lasts through Fri 3 Apr 2026, and on Sat 4 Apr 2026 the clinic is closed. The"
        " last open day on which a pick-up leaves no gap is Thu 2 Apr 2026."
    ]


def test_steps_on_closed_days_and_after_the_pick_up_are_pointed_at() -> None:
    here = on_treatment("2026-03-02")
    clinic = Openings(WEEKDAYS, {day("2026-04-03"): "Good Friday"})
    steps = Steps(test=day("2026-03-29"), statements=day("2026-04-04"), pick_up=day("2026-04-03"))
    outlook = look(here, "2026-03-26", steps, clinic)
    found = said(outlook, steps, clinic, "2026-03-26", Worry.CLOSED)
    assert found == [
        "The test is planned on Sun 29 Mar 2026, when the clinic is closed. The next open day is"
        " Mon 30 Mar 2026.",
        "The statements are planned on Sat 4 Apr 2026, when the clinic is closed. The next open"
        " day is Mon 6 Apr 2026.",
        "The pick-up is planned on Fri 3 Apr 2026, when the clinic is closed (Good Friday). The"
        " next open day is Mon 6 Apr 2026.",
    ]
    assert said(outlook, steps, clinic, "2026-03-26", Worry.ORDER) == [
        "The statements of Sat 4 Apr 2026 come after the pick-up on Fri 3 Apr 2026 and cannot"
        " count for it."
    ]


def test_the_best_days_for_a_test_that_end_on_a_closed_day_name_the_last_open_one() -> None:
    here = on_treatment("2026-03-05")
    clinic = Openings(WEEKDAYS)
    found = said(look(here, "2026-03-26", openings=clinic), Steps(), clinic, "2026-03-26",
                 Worry.TEST)  # fmt: skip
    assert found == [
        "The best days for the test end on Sat 4 Apr 2026, when the clinic is closed. The last"
        " open day that is useful is Fri 3 Apr 2026."
    ]


def test_an_earliest_day_that_is_closed_names_the_next_open_one() -> None:
    here = on_treatment("2026-03-02")
    began = fact(
        "pregnancy_test", collected="2026-03-30", result="indeterminate", setting="medical"
    )
    unclear = Situation(
        Record(born=here.record.born, facts=(*here.record.facts, began)), here.programme, here.terms
    )
    clinic = Openings(WEEKDAYS, {day("2026-03-31"): "a holiday"})
    outlook = look(unclear, "2026-03-30", openings=clinic)
    assert outlook.answer.earliest == day("2026-03-31")
    found = said(outlook, Steps(), clinic, "2026-03-30", Worry.CLOSED)
    assert found == [
        "On the earliest day, Tue 31 Mar 2026, the clinic is closed (a holiday): the next open day"
        " is Wed 1 Apr 2026."
    ]
