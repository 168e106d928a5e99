"""A course as a picture: where things stand, in shapes and words, and the same as a table."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from compliance.web.timeline import (
    GUTTER,
    LEAST_DAYS,
    MOST_SCALE,
    PLOT,
    Bar,
    Lane,
    Level,
    Mark,
    Timeline,
    draw_timeline,
)

MARCH = dt.date(2026, 3, 2)


def days(count: int) -> dt.date:
    return MARCH + dt.timedelta(days=count)


def drawn(*lanes: Lane, today: dt.date = MARCH, **more) -> Timeline:
    found = draw_timeline(lanes, today, **more)
    assert found is not None
    return found


def marks_of(line: Timeline, shape: str) -> list[int]:
    path = dict(line.lanes[0].paths)[shape]
    return [int(x) for x in re.findall(r"M(\d+) ", path)]


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw_timeline([Lane("Tests")], MARCH) is None


def test_a_short_course_has_two_months_and_a_long_one_the_width_it_needs() -> None:
    short = drawn(Lane("Labs", marks=[Mark(MARCH, "tick", "One result")]))
    assert short.width < GUTTER + (LEAST_DAYS + 2) * MOST_SCALE + 10
    year = drawn(Lane("Labs", marks=[Mark(MARCH, "tick", "One result")]), today=days(365))
    assert abs(year.width - GUTTER - PLOT) < 60
    two = drawn(Lane("Labs", marks=[Mark(MARCH, "tick", "One result")]), today=days(730))
    assert two.width > GUTTER + 1600


def test_marks_stand_in_order_inside_the_picture_and_today_after_the_last_of_them() -> None:
    tests = [Mark(days(count), "ring", "Negative", "neg") for count in (0, 30, 61)]
    line = drawn(Lane("Tests", marks=tests, words=True), today=days(75))
    places = marks_of(line, "ring")
    assert places == sorted(places)
    assert all(GUTTER < x < line.width for x in places)
    assert dict(line.lines)["today"].x > places[-1]
    assert [word.text for word in line.lanes[0].words] == ["neg"] * 3


def test_each_result_has_a_shape_of_its_own_so_that_no_colour_is_needed() -> None:
    results = [
        Mark(days(0), "ring", "Negative", "neg"),
        Mark(days(30), "diamond", "Positive", "POS"),
        Mark(days(60), "triangle", "Unclear", "unclear"),
    ]
    paths = dict(drawn(Lane("Tests", marks=results, words=True)).lanes[0].paths)
    assert set(paths) == {"ring", "diamond", "triangle"}
    assert len(set(paths.values())) == 3


def test_words_that_would_overlap_go_into_a_second_row_and_then_are_left_to_the_table() -> None:
    close = [Mark(days(count), "ring", "Negative", "negative") for count in (0, 1, 2)]
    line = drawn(Lane("Tests", marks=close, words=True), today=days(300))
    rows = [word.y for word in line.lanes[0].words]
    assert len(rows) == 2
    assert rows[0] != rows[1]
    assert [day.day for day, _ in line.table[0][1]] == [2, 3, 4]


def test_a_bar_covers_both_its_days_and_an_open_one_is_an_outline() -> None:
    line = drawn(
        Lane(
            "Windows",
            bars=[Bar(days(0), days(6), "Used"), Bar(days(30), days(36), "Open", open=True)],
        ),
        today=days(31),
    )
    paths = dict(line.lanes[0].paths)
    left, right = (int(x) for x in re.findall(r"M(\d+) \d+H(\d+)", paths["bar"])[0])
    scale = (line.width - GUTTER - 6) / LEAST_DAYS
    assert abs((right - left + 1) - 7 * scale) < 3
    assert "bar-open" in paths


def test_the_dose_steps_from_change_to_change_and_leaves_a_gap_where_it_is_not_known() -> None:
    levels = [
        Level(days(0), Decimal(20), "20 mg"),
        Level(days(30), Decimal(40), "40 mg"),
        Level(days(60), None, "not known"),
        Level(days(90), Decimal(40), "40 mg"),
    ]
    line = drawn(Lane("Dose", levels=levels, unit="mg"), today=days(120))
    path = dict(line.lanes[0].paths)["step"]
    assert path.count("M") == 2, "one line up to the gap, another after it"
    assert path.count("V") == 1, "one step from 20 to 40"
    assert [word.text for word in line.lanes[0].words] == ["20 mg", "40 mg", "40 mg"]
    assert int(path.rpartition("H")[2]) < line.width - 6, "it ends today, not at the edge"


def test_the_last_dose_is_a_line_of_its_own_and_today_only_where_it_is_shown() -> None:
    lane = Lane("Labs", marks=[Mark(days(0), "tick", "One result")])
    assert dict(drawn(lane, today=days(30), last_dose=days(20)).lines).keys() == {"ended", "today"}
    assert "ended" not in dict(drawn(lane, today=days(30)).lines)
    before = drawn(lane, today=days(-400))
    assert "today" not in dict(before.lines)


def test_the_table_says_every_fact_by_month_newest_month_first() -> None:
    line = drawn(
        Lane("Tests", marks=[Mark(days(0), "ring", "Negative")]),
        Lane("Handed over", bars=[Bar(days(1), days(30), "30 days")]),
        Lane("Dose", levels=[Level(days(40), Decimal(20), "20 mg a day")]),
        today=days(50),
    )
    assert line.table == (
        ("Apr 2026", ((days(40), "20 mg a day"),)),
        ("Mar 2026", ((days(0), "Negative"), (days(1), "30 days"))),
    )
    assert "tests: 1, handed over: 1, dose: 1" in line.sentence


def test_the_year_stands_with_the_first_month_and_with_january() -> None:
    lane = Lane("Labs", marks=[Mark(dt.date(2026, 11, 10), "tick", "One result")])
    line = drawn(lane, today=dt.date(2027, 2, 20))
    assert [word.text for word in line.months] == ["Dec 2026", "Jan 2027", "Feb"]
