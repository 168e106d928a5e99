"""The questions that a patient answers each month: our own, in turn, with what is right."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache

from compliance.rules.strict_toml import Table
from compliance.rules.terminology import FOLDER


@dataclass(frozen=True, slots=True)
class Question:
    """One question: the answers that may be chosen, and the right one."""

    id: str
    answers: tuple[str, ...]
    right: str


def all_questions() -> tuple[Question, ...]:
    """Every question there is, in the order in which the months ask them."""
    return _read()[1]


def questions_of(day: dt.date) -> tuple[Question, ...]:
    """The questions of a day's month: the same all month, others in the next."""
    count, every = _read()
    first = (day.year * 12 + day.month) * count
    return tuple(every[(first + step) % len(every)] for step in range(count))


@cache
def _read() -> tuple[int, tuple[Question, ...]]:
    top = Table.load(FOLDER, "questions.toml")
    count = int(top.needed_number("a_month"))
    questions = tuple(_question(row) for row in top.tables("question"))
    top.done()
    return count, questions


def _question(row: Table) -> Question:
    answers = row.listed("answers")
    question = Question(row.text("id"), answers, row.checked("right", row.text("right"), answers))
    row.done()
    return question
