"""Which reminders follow from an answer, and when they may go out."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.rules.findings import PlannedDate
from compliance.rules.reminders import (
    PATIENT_HOURS,
    PATIENT_KINDS,
    RUNGS,
    Calendar,
    Hours,
    Obligation,
    ReminderKind,
    Rung,
    Situation,
    known_as,
    may_go,
    next_digest,
    obligations,
    rungs,
    worth_planning,
)
from compliance.rules.terms import Outcome, Phase, Requirement

WEEKDAYS = Calendar("America/New_York", frozenset({1, 2, 3, 4, 5}))
THURSDAY = dt.datetime(2026, 4, 2, 15, 0, tzinfo=dt.UTC)  # 11:00 in New York
WINDOW = (dt.date(2026, 4, 2), dt.date(2026, 4, 8))
CLOSES = dt.datetime(2026, 4, 9, 4, 0, tzinfo=dt.UTC)


def local(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.timezone(-dt.timedelta(hours=4))):%a %d %H:%M}"


def a_test_due(last: dt.date, requirement: Requirement = Requirement.MONTHLY_TEST) -> PlannedDate:
    return PlannedDate(requirement, last - dt.timedelta(days=6), last, "A test is due.")


def a_situation(**changes: object) -> Situation:
    values: dict[str, object] = {"at": THURSDAY, "phase": Phase.DURING, **changes}
    return Situation(**values)  # type: ignore[arg-type]


def an_obligation(by: dt.date, *, fixed: bool = False) -> Obligation:
    closes = dt.datetime.combine(by, dt.time(23), dt.UTC)
    return Obligation(ReminderKind.TEST_DUE, Requirement.MONTHLY_TEST, by, by, closes, fixed=fixed)


def test_a_planned_test_is_owed_under_its_requirement_and_date():
    owed = obligations(a_situation(plan=(a_test_due(dt.date(2026, 5, 3)),)), WEEKDAYS)
    assert [(item.kind, item.name) for item in owed] == [
        (ReminderKind.TEST_DUE, "monthly-test:2026-05-03")
    ]


def test_only_the_next_two_dates_of_a_requirement_are_owed():
    plan = tuple(a_test_due(dt.date(2026, month, 3)) for month in (8, 5, 7, 6))
    owed = obligations(a_situation(plan=plan), WEEKDAYS)
    assert [item.by.month for item in owed] == [5, 6]


def test_a_date_that_has_passed_is_owed_no_more():
    owed = obligations(a_situation(plan=(a_test_due(dt.date(2026, 4, 1)),)), WEEKDAYS)
    assert owed == ()


def test_the_last_day_itself_still_counts():
    owed = obligations(a_situation(plan=(a_test_due(dt.date(2026, 4, 2)),)), WEEKDAYS)
    assert len(owed) == 1


def test_an_open_window_is_owed_until_it_closes():
    window = a_situation(window=WINDOW, window_closes_at=CLOSES)
    assert [(item.kind, item.name) for item in obligations(window, WEEKDAYS)] == [
        (ReminderKind.WINDOW_OPENING, "prescription-window:2026-04-08"),
        (ReminderKind.WINDOW_CLOSING, "prescription-window:2026-04-08"),
    ]
    closed = a_situation(at=CLOSES, window=WINDOW, window_closes_at=CLOSES)
    assert obligations(closed, WEEKDAYS) == ()


@pytest.mark.parametrize("outcome", [Outcome.UNMET, Outcome.UNKNOWN, Outcome.DUE])
def test_a_missing_statement_takes_the_place_of_the_closing_window(outcome):
    situation = a_situation(
        window=WINDOW, window_closes_at=CLOSES, missing={Requirement.COMPREHENSION: outcome}
    )
    assert [item.kind for item in obligations(situation, WEEKDAYS)] == [
        ReminderKind.WINDOW_OPENING,
        ReminderKind.STATEMENT_DUE,
    ]


def test_an_opening_is_told_on_the_day_itself_and_until_the_window_closes():
    window = a_situation(window=WINDOW, window_closes_at=CLOSES)
    opening = obligations(window, WEEKDAYS)[0]
    [told] = rungs(opening, WEEKDAYS)
    assert (local(told.due_at), told.expires_at) == ("Thu 02 10:00", CLOSES)


def planned(requirement: Requirement, last: dt.date, **changes: object) -> list[ReminderKind]:
    """The kinds that follow from one planned date."""
    situation = a_situation(plan=(a_test_due(last, requirement),), **changes)
    return [item.kind for item in obligations(situation, WEEKDAYS)]


MAY = dt.date(2026, 5, 4)


@pytest.mark.parametrize(
    ("requirement", "kind"),
    [
        (Requirement.REVIEW, ReminderKind.VISIT),
        (Requirement.COUNSELLING, ReminderKind.VISIT),
        (Requirement.LAB_FOLLOW_UP, ReminderKind.LABS),
        (Requirement.DAYS_SUPPLY, ReminderKind.SUPPLY_ENDING),
        (Requirement.CONTRACEPTION_METHODS, ReminderKind.METHOD_ENDING),
    ],
)
def test_each_date_ahead_has_its_own_kind(requirement, kind):
    assert planned(requirement, MAY) == [kind]


def test_the_end_of_contraception_is_told_after_treatment_only():
    assert planned(Requirement.CONTRACEPTION_TAIL, MAY) == []
    assert planned(Requirement.CONTRACEPTION_TAIL, MAY, phase=Phase.AFTER) == [
        ReminderKind.CONTRACEPTION_ENDING
    ]


def test_the_end_of_the_supply_is_told_only_where_nothing_else_leads_to_the_next_one():
    supply = a_test_due(MAY, Requirement.DAYS_SUPPLY)
    both = a_situation(plan=(supply, a_test_due(MAY)))
    assert [item.kind for item in obligations(both, WEEKDAYS)] == [ReminderKind.TEST_DUE]


@pytest.mark.parametrize(
    ("outcome", "told"), [(Outcome.UNMET, True), (Outcome.MET, False), (Outcome.UNKNOWN, True)]
)
def test_a_form_to_sign_again_is_due_with_the_next_step(outcome, told):
    steps = (a_test_due(dt.date(2026, 5, 9)), a_test_due(MAY, Requirement.REVIEW))
    situation = a_situation(plan=steps, missing={Requirement.ACKNOWLEDGEMENT: outcome})
    names = [item.name for item in obligations(situation, WEEKDAYS)]
    assert ("acknowledgement:2026-05-04" in names) is told


def test_a_statement_without_an_open_window_has_no_date_and_is_not_asked_for():
    situation = a_situation(missing={Requirement.COMPREHENSION: Outcome.UNMET})
    assert obligations(situation, WEEKDAYS) == ()


def test_after_treatment_only_the_final_test_is_owed():
    plan = (
        a_test_due(dt.date(2026, 5, 3)),
        a_test_due(dt.date(2026, 5, 4), Requirement.FINAL_TEST),
    )
    owed = obligations(a_situation(phase=Phase.AFTER, plan=plan), WEEKDAYS)
    assert [item.kind for item in owed] == [ReminderKind.FINAL_TEST]


def test_a_closed_course_owes_nothing():
    plan = (a_test_due(dt.date(2026, 5, 3)),)
    assert obligations(a_situation(plan=plan, course_closed=True), WEEKDAYS) == ()


def test_rungs_fall_on_open_days_at_ten_earlier_rather_than_later():
    planned = rungs(an_obligation(dt.date(2026, 5, 5)), WEEKDAYS)  # a Tuesday
    assert [(item.rung, local(item.due_at)) for item in planned] == [
        (Rung.GENTLE, "Tue 28 10:00"),
        (Rung.FIRM, "Fri 01 10:00"),  # Saturday 2 May is closed
        (Rung.LAST_CALL, "Mon 04 10:00"),
    ]


def test_rungs_keep_their_local_hour_over_a_clock_change():
    planned = rungs(an_obligation(dt.date(2026, 11, 3)), WEEKDAYS)  # clocks go back on 1 November
    zone = dt.timezone(-dt.timedelta(hours=5))
    assert f"{planned[-1].due_at.astimezone(zone):%a %H:%M}" == "Mon 10:00"
    assert local(planned[0].due_at) == "Tue 27 10:00"


def test_an_obligation_seen_late_gets_its_last_rung_at_once():
    planned = rungs(an_obligation(dt.date(2026, 4, 2)), WEEKDAYS)
    assert worth_planning(planned, THURSDAY) == planned[-1:]


def test_every_kind_lists_its_rungs_from_mild_to_pressing():
    for rule in PATIENT_KINDS.values():
        assert list(rule.leads) == [rung for rung in RUNGS if rung in rule.leads]
        assert sorted(rule.leads.values(), reverse=True) == list(rule.leads.values())


def test_an_estimate_that_moves_a_few_days_keeps_its_name():
    moved = an_obligation(dt.date(2026, 5, 12))
    assert known_as(moved, {"monthly-test:2026-05-03"}) == "monthly-test:2026-05-03"
    assert known_as(moved, {"monthly-test:2026-04-12"}) == "monthly-test:2026-05-12"
    assert known_as(moved, {"final-test:2026-05-12"}) == "monthly-test:2026-05-12"


def test_a_fixed_date_never_borrows_another_name():
    fixed = an_obligation(dt.date(2026, 5, 4), fixed=True)
    assert known_as(fixed, {"monthly-test:2026-05-03"}) == "monthly-test:2026-05-04"


def test_at_night_it_waits_for_the_morning():
    night = dt.datetime(2026, 4, 3, 3, 0, tzinfo=dt.UTC)  # 23:00 on Thursday
    moment = may_go(ReminderKind.TEST_DUE, WEEKDAYS, night, CLOSES)
    assert moment is not None
    assert local(moment) == "Fri 03 08:00"


def test_on_a_closed_day_it_waits_unless_that_is_too_late():
    saturday = dt.datetime(2026, 4, 4, 15, 0, tzinfo=dt.UTC)
    patient = may_go(ReminderKind.TEST_DUE, WEEKDAYS, saturday, CLOSES)
    assert patient is not None
    assert local(patient) == "Mon 06 08:00"
    sunday_night = dt.datetime(2026, 4, 6, 4, 0, tzinfo=dt.UTC)
    assert may_go(ReminderKind.TEST_DUE, WEEKDAYS, saturday, sunday_night) == saturday


def test_too_late_is_too_late_also_when_only_quiet_hours_are_left():
    evening = dt.datetime(2026, 4, 9, 1, 0, tzinfo=dt.UTC)  # 21:00, the window closes at midnight
    assert may_go(ReminderKind.TEST_DUE, WEEKDAYS, evening, CLOSES) is None


def test_the_digest_is_for_the_next_open_morning():
    slot = next_digest(WEEKDAYS, THURSDAY)
    assert (slot.day, local(slot.due_at)) == (dt.date(2026, 4, 2), "Thu 02 07:00")
    friday_evening = dt.datetime(2026, 4, 3, 22, 0, tzinfo=dt.UTC)
    assert next_digest(WEEKDAYS, friday_evening).day == dt.date(2026, 4, 6)


def test_a_clinic_without_opening_days_is_taken_to_be_open():
    calendar = Calendar("America/New_York", frozenset())
    assert may_go(ReminderKind.TEST_DUE, calendar, THURSDAY, CLOSES) == THURSDAY
    assert next_digest(calendar, THURSDAY).day == dt.date(2026, 4, 2)


zones = st.sampled_from(["America/New_York", "America/Los_Angeles", "Europe/London", "Asia/Tokyo"])
moments = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
)


@given(zones, st.frozensets(st.integers(1, 7), min_size=1), moments, st.integers(0, 240))
def test_whatever_the_clinic_nothing_goes_out_in_quiet_hours_or_too_late(zone, days, at, left):
    calendar, expires = Calendar(zone, days), at + dt.timedelta(hours=left)
    moment = may_go(ReminderKind.TEST_DUE, calendar, at, expires)
    if moment is None:
        return
    here = moment.astimezone(ZoneInfo(zone))
    assert at <= moment < expires
    assert PATIENT_HOURS.first <= here.time() < PATIENT_HOURS.last
    if here.isoweekday() not in days:  # then waiting for an open day would have been too late
        assert may_go(ReminderKind.TEST_DUE, calendar, at, None) >= expires


@given(
    zones,
    st.frozensets(st.integers(1, 7), min_size=1),
    st.dates(dt.date(2026, 1, 1), dt.date(2027, 1, 1)),
)
def test_whatever_the_date_no_rung_is_due_after_it(zone, days, by):
    for kind in PATIENT_KINDS:
        closes = dt.datetime.combine(by, dt.time(20), dt.UTC)
        planned = rungs(
            Obligation(kind, Requirement.MONTHLY_TEST, by, by, closes), Calendar(zone, days)
        )
        assert [item.due_at for item in planned] == sorted(item.due_at for item in planned)
        assert all(item.due_at.date() <= by + dt.timedelta(days=1) for item in planned)


# ————— what a clinic sets itself —————

WINTER = Calendar(
    "America/New_York",
    frozenset({1, 2, 3, 4, 5}),
    closed_days=frozenset(dt.date(2026, 12, 21) + dt.timedelta(days=ahead) for ahead in range(14)),
    patient_hours=Hours(dt.time(9, 30), dt.time(12)),
    leads={ReminderKind.TEST_DUE: {Rung.GENTLE: 20, Rung.FIRM: 5, Rung.LAST_CALL: 0}},
)


def test_a_clinics_own_lead_days_replace_the_usual_ones_for_their_kind_only():
    by = dt.date(2026, 11, 30)
    closes = dt.datetime(2026, 12, 1, 5, tzinfo=dt.UTC)
    for kind, days in (
        (ReminderKind.TEST_DUE, (10, 25, 30)),
        (ReminderKind.FINAL_TEST, (20, 26, 27)),
    ):
        owed = Obligation(kind, Requirement.MONTHLY_TEST, by, by, closes)
        assert tuple(item.due_at.day for item in rungs(owed, WINTER)) == days


def test_a_reminder_that_falls_in_a_long_closure_goes_out_before_it():
    by = dt.date(2027, 1, 1)
    closes = dt.datetime(2027, 1, 2, 5, tzinfo=dt.UTC)
    owed = Obligation(ReminderKind.TEST_DUE, Requirement.MONTHLY_TEST, by, by, closes)
    zone = ZoneInfo("America/New_York")
    days = [item.due_at.astimezone(zone).date() for item in rungs(owed, WINTER)]
    assert days == [dt.date(2026, 12, 11), dt.date(2026, 12, 18), dt.date(2026, 12, 18)]


@pytest.mark.parametrize(
    ("at", "goes"),
    [
        ("2026-12-18T09:29", "2026-12-18T09:30"),
        ("2026-12-18T11:59", "2026-12-18T11:59"),
        ("2026-12-18T12:00", "2027-01-04T09:30"),  # closed over the holidays
    ],
)
def test_mail_keeps_to_the_clinics_own_hours_and_closed_days(at, goes):
    zone = ZoneInfo("America/New_York")
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=zone).astimezone(dt.UTC)
    went = may_go(ReminderKind.TEST_DUE, WINTER, moment, None)
    assert went.astimezone(zone).isoformat()[:16] == goes
