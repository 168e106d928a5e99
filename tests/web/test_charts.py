"""A chart shows every numeric result, in order, below its limit or marked."""

import datetime as dt
from decimal import Decimal
from itertools import pairwise

import pytest

from compliance.web.charts import TOP, line_chart

DAYS = [dt.date(2026, month, 22) for month in (1, 2, 3)]


def test_results_are_drawn_in_the_order_of_their_days():
    chart = line_chart(zip(reversed(DAYS), ("3", "2", "1"), strict=True))
    assert [dot.value for dot in chart.dots] == ["1", "2", "3"]
    assert [dot.x for dot in chart.dots] == sorted(dot.x for dot in chart.dots)


def test_a_greater_value_stands_higher():
    low, high = line_chart([(DAYS[0], "92"), (DAYS[1], "300")]).dots
    assert high.y < low.y


def test_a_result_at_the_limit_is_marked():
    chart = line_chart([(DAYS[0], "299.9"), (DAYS[1], "300")], "mg/dL", limit=Decimal(300))
    assert [dot.over for dot in chart.dots] == [False, True]
    assert "1 at or above the limit" in chart.sentence


def test_a_value_that_is_no_number_is_left_out_and_a_comparator_is_kept():
    chart = line_chart([(DAYS[0], "haemolysed"), (DAYS[1], "<5"), (DAYS[2], "7")])
    assert [dot.value for dot in chart.dots] == ["<5", "7"]


def test_everything_stays_inside_the_frame():
    chart = line_chart([(day, value) for day, value in zip(DAYS, ("4", "4000", "0"), strict=True)])
    assert all(chart.left <= dot.x <= chart.right for dot in chart.dots)
    assert all(0 <= dot.y <= chart.bottom for dot in chart.dots)


def test_the_limit_is_inside_the_frame_although_no_result_comes_near_it():
    chart = line_chart([(DAYS[0], "10")], limit=800, upper=150)
    assert 0 < chart.limit.at < chart.upper.at < chart.bottom
    assert (chart.limit.label, chart.upper.label) == ("limit 800", "ULN 150")


def test_no_results_make_an_empty_chart():
    chart = line_chart([], "U/L")
    assert chart.dots == ()
    assert chart.sentence == "No results."


def test_one_result_stands_in_the_middle_under_its_day():
    chart = line_chart([(dt.datetime(2026, 4, 2, 9, 30, tzinfo=dt.UTC), "4.2")])
    assert chart.columns[0].label == "2 Apr"
    assert chart.columns[0].at == chart.dots[0].x


def test_many_months_have_at_most_six_labels():
    days = [dt.date(2025, 1, 1) + dt.timedelta(days=30 * n) for n in range(18)]
    chart = line_chart([(day, "1") for day in days])
    assert 3 <= len(chart.columns) <= 6


def test_a_strict_limit_is_itself_still_within():
    points = [(DAYS[0], "120"), (DAYS[1], "120.1")]
    chart = line_chart(points, "U/L", limit=120, strict=True)
    assert [dot.over for dot in chart.dots] == [False, True]
    assert "1 above the limit" in chart.sentence


def test_grades_are_bands_one_above_the_other_inside_the_frame():
    grades = [(1, Decimal(150), Decimal(300)), (2, Decimal(300), Decimal(500)),
              (3, Decimal(500), Decimal(1000)), (4, Decimal(1000), None)]  # fmt: skip
    chart = line_chart([(DAYS[0], "650")], "mg/dL", bands=grades)
    assert [(band.grade, band.label) for band in chart.bands] == [
        (1, "grade 1"),
        (2, "grade 2"),
        (3, "grade 3"),
    ]
    for lower, upper in pairwise(chart.bands):
        assert upper.top + upper.height == pytest.approx(lower.top, abs=0.1)
    assert chart.bands[-1].top == TOP
    assert chart.bands[0].top + chart.bands[0].height < chart.bottom


def test_a_band_too_low_to_write_in_has_no_label():
    grades = [(1, Decimal(150), Decimal(160)), (2, Decimal(160), Decimal(900))]
    chart = line_chart([(DAYS[0], "800")], bands=grades)
    assert [band.label for band in chart.bands] == ["", "grade 2"]
