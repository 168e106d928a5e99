"""On which days a clinic is open: weekdays, holidays, and the last and next open day."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.rules.openings import Openings, read_weekdays, show_day

WEEK = frozenset({1, 2, 3, 4, 5})
THANKSGIVING = dt.date(2026, 11, 26)
CLINIC = Openings(WEEK, {THANKSGIVING: "Thanksgiving Day"})


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_it_opens_on_its_weekdays_unless_they_are_holidays() -> None:
    assert CLINIC.is_open(day("2026-11-25"))
    assert not CLINIC.is_open(THANKSGIVING)
    assert not CLINIC.is_open(day("2026-11-28"))
    assert CLINIC.closed_words(THANKSGIVING) == "the clinic is closed (Thanksgiving Day)"
    assert CLINIC.closed_words(day("2026-11-28")) == "the clinic is closed"


@pytest.mark.parametrize(
    ("first", "last", "useful"),
    [
        ("2026-11-20", "2026-11-26", "2026-11-25"),
        ("2026-11-23", "2026-11-29", "2026-11-27"),
        ("2026-11-27", "2026-11-27", "2026-11-27"),
        ("2026-11-28", "2026-11-29", None),
        ("2026-11-27", "2026-11-26", None),
    ],
)
def test_the_last_open_day_of_a_span(first: str, last: str, useful: str | None) -> None:
    assert CLINIC.last_open(day(first), day(last)) == (day(useful) if useful else None)


def test_the_next_open_day_skips_holidays_and_weekends_and_may_never_come() -> None:
    assert CLINIC.next_open(day("2026-11-25")) == day("2026-11-25")
    assert CLINIC.next_open(THANKSGIVING) == day("2026-11-27")
    assert CLINIC.next_open(day("2026-11-28")) == day("2026-11-30")
    assert Openings(frozenset()).next_open(THANKSGIVING) is None


def test_weekdays_are_read_as_they_are_stored() -> None:
    assert read_weekdays("1,2,3,4,5") == WEEK
    assert read_weekdays(" 6, 7 ") == {6, 7}
    assert read_weekdays("") == frozenset()


def test_a_day_is_shown_with_its_weekday() -> None:
    assert show_day(THANKSGIVING) == "Thu 26 Nov 2026"
