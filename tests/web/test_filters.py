"""Dates, names and numbers are written as people write them."""

import datetime as dt
from decimal import Decimal

import pytest

from compliance.web import filters

CLOSES = dt.datetime(2026, 4, 9, 4, 0, tzinfo=dt.UTC)  # midnight in New York


def test_a_day_is_written_without_leading_nought():
    assert filters.d(dt.date(2026, 4, 2)) == "2 Apr 2026"
    assert filters.dw(dt.date(2026, 4, 2)) == "Thu 2 Apr 2026"


def test_a_stored_day_reads_like_a_live_one():
    assert filters.dw("2026-04-02") == filters.dw(dt.date(2026, 4, 2))


def test_no_day_is_a_dash():
    assert filters.d(None) == filters.dw("") == filters.dt(None, "UTC") == "–"


def test_midnight_closes_the_day_before():
    assert filters.until(CLOSES, "America/New_York") == "Wed 8 Apr 2026, 23:59 Eastern"
    assert filters.until_day(CLOSES, "America/New_York") == dt.date(2026, 4, 8)


def test_a_closing_moment_within_a_day_stays_as_it_is():
    noon = dt.datetime(2026, 4, 8, 16, 0, tzinfo=dt.UTC)
    assert filters.until(noon, "America/New_York") == "Wed 8 Apr 2026, 12:00 Eastern"


def test_a_stored_moment_reads_like_a_live_one():
    stored = CLOSES.isoformat()
    assert filters.until(stored, "Europe/London") == filters.until(CLOSES, "Europe/London")


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("America/New_York", "Eastern"),
        ("Europe/London", "UK time"),
        ("Europe/Paris", "Paris time"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires time"),
    ],
)
def test_a_zone_has_the_name_that_people_use(zone, said):
    assert filters.zone_word(zone) == said


@pytest.mark.parametrize(
    ("away", "said"),
    [(-2, "2 days ago"), (-1, "yesterday"), (0, "today"), (1, "tomorrow"), (6, "in 6 days")],
)
def test_how_far_a_day_is_away(away, said):
    today = dt.date(2026, 4, 2)
    assert filters.in_days(today + dt.timedelta(days=away), today) == said


def test_age_counts_a_birthday_on_its_day():
    born = dt.date(2008, 4, 2)
    assert filters.age(born, dt.date(2026, 4, 1)) == 17
    assert filters.age(born, dt.date(2026, 4, 2)) == 18


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Amara Okafor", "AO"),
        ("Ewa Maria Łukasiewicz", "EŁ"),
        ("Cher", "C"),
        ("Dr Imani Calloway", "IC"),
        ("Nils Abernathy, RN", "NA"),
        ("", "?"),
        (None, "?"),
    ],
)
def test_initials_come_from_the_first_and_the_last_name(name, said):
    assert filters.initials(name) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(Decimal("25.00"), "25"), (Decimal("5.20"), "5.2"), (100, "100"), ("", "–"), (None, "–")],
)
def test_a_number_has_no_needless_noughts(value, said):
    assert filters.number(value) == said


def test_a_date_in_a_sentence_does_not_break():
    kept = filters.keep("A test is due from Sat 4 Apr 2026, 30 days after the last.")
    assert "Sat\u00a04\u00a0Apr\u00a02026" in kept
    assert "30\u00a0days" in kept
    assert (
        kept.replace("\u00a0", " ") == "A test is due from Sat 4 Apr 2026, 30 days after the last."
    )


def test_a_count_has_its_noun():
    assert filters.plural(1, "patient") == "1 patient"
    assert filters.plural(1200, "patient") == "1,200 patients"
    assert filters.plural(2, "entry", "entries") == "2 entries"
