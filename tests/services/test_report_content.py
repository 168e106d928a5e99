"""Shares, intervals, months and hashes: the arithmetic under every figure."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal

import pytest

from compliance.services.report_content import (
    Account,
    Area,
    Indicator,
    Month,
    Point,
    percentage,
    wilson,
)
from tests.pdf.examples import report


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    [
        (0, 10, "0.0", "27.8"),
        (1, 10, "1.8", "40.4"),
        (5, 10, "23.7", "76.3"),
        (10, 10, "72.2", "100.0"),
        (0, 1, "0.0", "79.3"),
        (1, 1, "20.7", "100.0"),
        (81, 263, "25.5", "36.6"),
        (15, 148, "6.2", "16.0"),
    ],
)
def test_the_interval_is_wilsons(numerator, denominator, low, high):
    assert wilson(numerator, denominator) == (Decimal(low), Decimal(high))


def test_no_cases_have_neither_share_nor_interval():
    assert wilson(0, 0) is None
    assert percentage(0, 0) is None


@pytest.mark.parametrize(("numerator", "denominator"), [(3, 2), (-1, 2), (1, 0)])
def test_what_is_no_share_is_refused(numerator, denominator):
    with pytest.raises(ValueError, match="is not a share"):
        wilson(numerator, denominator)


def test_the_interval_always_holds_the_share():
    for denominator in range(1, 60):
        for numerator in range(denominator + 1):
            low, high = wilson(numerator, denominator)
            share = percentage(numerator, denominator)
            assert Decimal(0) <= low <= share <= high <= Decimal(100)


def test_percentages_round_half_up():
    assert percentage(1, 16) == Decimal("6.3")
    assert percentage(2, 3) == Decimal("66.7")


def test_a_month_knows_its_days_and_neighbours():
    month = Month.parse("2024-02")
    assert (month.first, month.last) == (dt.date(2024, 2, 1), dt.date(2024, 2, 29))
    assert month.back(2) == Month(2023, 12)
    assert month.back(-11) == Month(2025, 1)
    assert dt.date(2024, 2, 29) in month
    assert dt.date(2024, 3, 1) not in month
    assert (month.title, month.short, str(month)) == ("February 2024", "Feb", "2024-02")


def test_a_month_ends_on_the_clinics_clock():
    assert Month(2026, 10).ends_at("America/New_York") == dt.datetime(
        2026, 11, 1, 3, 59, 59, tzinfo=dt.UTC
    )


@pytest.mark.parametrize("text", ["2026", "2026-13", "10-2026", "October", ""])
def test_what_is_no_month_is_refused_with_what_is_allowed(text):
    with pytest.raises(ValueError, match="a month is written like 2026-10"):
        Month.parse(text)


def share(*pairs):
    months = [Month(2026, 1).back(-i) for i in range(len(pairs))]
    points = tuple(
        Point(month=month, numerator=n, denominator=d)
        for month, (n, d) in zip(months, pairs, strict=True)
    )
    return Indicator(
        number=8,
        title="A share",
        area=Area.MONTHLY,
        numerator=pairs[-1][0],
        denominator=pairs[-1][1],
        series=points,
        method="",
    )


def test_change_is_in_points_from_the_month_before():
    assert share((1, 2), (3, 4)).change == Decimal("25.0")


def test_there_is_no_change_from_a_month_without_cases():
    assert share((0, 0), (3, 4)).change is None


def test_a_count_changes_by_cases():
    assert share((5, None), (3, None)).change == -2


def test_an_account_balances_only_when_its_parts_add_up():
    parts = (("Filed", 3), ("Held", 1))
    assert Account(title="Results", parts=parts, whole=("Received", 4)).balances
    assert not Account(title="Results", parts=parts, whole=("Received", 5)).balances


def test_the_hash_is_that_of_the_content_whatever_zone_the_cut_off_is_written_in():
    elsewhere = report().cut_off.astimezone(dt.timezone(dt.timedelta(hours=-5)))
    assert dataclasses.replace(report(), cut_off=elsewhere).content_hash == report().content_hash
    assert len(report().content_hash) == 64
