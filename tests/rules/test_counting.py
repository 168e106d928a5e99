"""How days, months, ages and limits are counted is the programme's choice, read from its file."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from compliance.rules.assess import assess
from compliance.rules.cases import read_case
from compliance.rules.dates import age_on, birthday, plus_months
from compliance.rules.findings import Assessment
from compliance.rules.programme import FOLDER, Programme, read_programme

CASES = Path(__file__).resolve().parent.parent / "cases"
D = dt.date


def chosen(tmp_path: Path, programme_id: str, before: str, after: str) -> Programme:
    """The programme with one value changed."""
    text = (FOLDER / f"{programme_id}.toml").read_text(encoding="utf-8")
    assert text.count(before) == 1
    path = tmp_path / f"{programme_id}.toml"
    path.write_text(text.replace(before, after), encoding="utf-8")
    return read_programme(path)


def answers(name: str, programme: Programme) -> list[Assessment]:
    case = read_case(CASES / name)
    return [assess(case.record, programme, case.terms, ask.question) for ask in case.asks]


@pytest.mark.parametrize(
    ("name", "programme_id", "before", "after", "verdicts"),
    [
        (
            "us/ipl-window-honolulu.toml",
            "us-ipledge",
            'value = "authority"',
            'value = "clinic"',
            ["yes", "yes"],
        ),
        (
            "us/ipl-guardian-leap.toml",
            "us-ipledge",
            'value = "1 March"',
            'value = "28 February"',
            ["yes"],
        ),
        (
            "eu/eu-leap-lead-in.toml",
            "eu-ppp",
            'value = "last day"',
            'value = "next day"',
            ["no", "no"],
        ),
        (
            "uk/uk-2026-01-tg-9-0-mm.toml",
            "uk-ppp",
            'value = "within"',
            'value = "beyond"',
            ["hold"],
        ),
    ],
)
def test_another_choice_gives_another_answer(
    tmp_path: Path, name: str, programme_id: str, before: str, after: str, verdicts: list[str]
) -> None:
    programme = chosen(tmp_path, programme_id, before, after)
    assert [found.verdict.value for found in answers(name, programme)][: len(verdicts)] == verdicts
    as_written = read_programme(FOLDER / f"{programme_id}.toml")
    assert answers(name, as_written)[len(verdicts) - 1].verdict.value != verdicts[-1]


def test_a_day_missing_in_a_month_is_its_last_day_or_the_day_after() -> None:
    assert plus_months(D(2026, 12, 31), 2) == D(2027, 2, 28)
    assert plus_months(D(2026, 12, 31), 2, beyond=True) == D(2027, 3, 1)
    assert plus_months(D(2027, 12, 29), 2, beyond=True) == D(2028, 2, 29)
    assert plus_months(D(2026, 1, 30), 2, beyond=True) == D(2026, 3, 30)


def test_a_person_of_the_leap_day_is_older_on_the_day_chosen() -> None:
    born = D(2008, 2, 29)
    assert birthday(born, 18) == D(2026, 3, 1)
    assert birthday(born, 18, early=True) == D(2026, 2, 28)
    assert [age_on(born, D(2026, 2, day)) for day in (27, 28)] == [17, 17]
    assert [age_on(born, D(2026, 2, day), early=True) for day in (27, 28)] == [17, 18]
    assert age_on(born, D(2028, 2, 28), early=True) == 19
    assert age_on(born, D(2028, 2, 29)) == 20
