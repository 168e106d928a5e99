"""How much was taken: what was handed over, at its dose, as far as its days have come."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from compliance.rules.crisis import crisis_line
from compliance.rules.doses import cumulative_mg, latest_weight, taken
from compliance.rules.facts import Dispensing, LastDose, Prescription, Record, Weight

MARCH = dt.date(2026, 3, 2)
APRIL = dt.date(2026, 4, 2)


def record(*facts) -> Record:
    return Record(born=dt.date(1998, 4, 2), facts=facts)


def months() -> Record:
    return record(
        Prescription(on=MARCH, daily_dose_mg=20),
        Dispensing(on=MARCH, days_supply=30),
        Prescription(on=APRIL, daily_dose_mg=40.5),
        Dispensing(on=APRIL, days_supply=30),
    )


def test_the_day_of_the_hand_over_is_the_first_day_taken() -> None:
    assert cumulative_mg(months(), MARCH) == 20
    assert cumulative_mg(months(), MARCH - dt.timedelta(days=1)) == 0


def test_a_supply_ends_with_its_days_and_the_next_dose_counts_from_its_own() -> None:
    assert cumulative_mg(months(), MARCH + dt.timedelta(days=29)) == 600
    assert cumulative_mg(months(), MARCH + dt.timedelta(days=30)) == 600
    assert cumulative_mg(months(), APRIL + dt.timedelta(days=1)) == Decimal("681.0")


def test_what_was_prescribed_without_a_dose_or_not_handed_over_adds_nothing() -> None:
    assert cumulative_mg(record(Dispensing(on=MARCH)), APRIL) == 0
    assert cumulative_mg(record(Prescription(on=MARCH, daily_dose_mg=20)), APRIL) == 0


def test_a_supply_that_comes_early_is_begun_when_the_one_before_it_has_ended() -> None:
    early = record(
        Prescription(on=MARCH, daily_dose_mg=20),
        Dispensing(on=MARCH, days_supply=30),
        Dispensing(on=MARCH + dt.timedelta(days=25), days_supply=30),
    )
    assert taken(early, MARCH + dt.timedelta(days=27)).days == 28
    assert taken(early, MARCH + dt.timedelta(days=30)).days == 31
    assert taken(early, MARCH + dt.timedelta(days=90)).days == 60
    assert taken(early, MARCH + dt.timedelta(days=90)).mg == 1200


def test_days_without_a_dose_on_record_are_counted_and_add_nothing() -> None:
    half = record(
        Prescription(on=MARCH),
        Dispensing(on=MARCH, days_supply=30),
        Prescription(on=APRIL, daily_dose_mg=20),
        Dispensing(on=APRIL, days_supply=30),
    )
    found = taken(half, APRIL)
    assert (found.days, found.unknown_days, found.mg) == (31, 30, 20)


def test_after_the_last_dose_nothing_more_is_taken_until_another_hand_over() -> None:
    ended = dt.date(2026, 3, 11)
    stopped = record(*months().facts[:2], LastDose(on=ended))
    assert taken(stopped, APRIL).days == 10
    again = record(*months().facts, LastDose(on=ended))
    assert taken(again, APRIL).days == 11


def test_an_earlier_course_is_left_out() -> None:
    assert taken(months(), APRIL, since=APRIL).mg == Decimal("40.5")
    assert taken(months(), APRIL, since=APRIL + dt.timedelta(days=1)).days == 0


def test_the_newest_weight_up_to_the_day_counts() -> None:
    weighed = record(Weight(on=MARCH, kg=60), Weight(on=APRIL, kg=62))
    assert latest_weight(weighed, APRIL - dt.timedelta(days=1)).kg == 60
    assert latest_weight(weighed, APRIL).kg == 62
    assert latest_weight(record(), APRIL) is None


def test_a_country_without_a_line_of_its_own_gets_the_general_one_and_none_is_verified() -> None:
    assert crisis_line("us").number == "988"
    assert crisis_line("FR").number == ""
    assert crisis_line("FR").emergency == "112"
    assert not any(crisis_line(code).verified for code in ("US", "CA", "GB", "IE", "AU", "FR"))
