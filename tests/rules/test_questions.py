"""The month's questions: the same all month, others in the next, each with one right answer."""

from __future__ import annotations

import datetime as dt

from compliance.rules.questions import all_questions, questions_of


def test_a_month_asks_the_same_questions_from_its_first_to_its_last_day() -> None:
    assert questions_of(dt.date(2026, 4, 1)) == questions_of(dt.date(2026, 4, 30))


def test_the_next_month_asks_others_and_each_is_asked_within_two_months() -> None:
    april, may = (questions_of(dt.date(2026, month, 1)) for month in (4, 5))
    assert len(april) == len(may) == 4
    assert {*april, *may} == set(all_questions())


def test_every_question_can_be_answered_wrongly() -> None:
    assert all(len(item.answers) > 1 for item in all_questions())
