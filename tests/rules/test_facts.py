"""Facts are read strictly, written shortly, and come back the same."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.rules.facts import (
    KINDS,
    Enrolment,
    Fact,
    FactError,
    Lab,
    PregnancyPotential,
    facts_of,
    read_fact,
    write_fact,
)
from tests.rules.histories import FACTS


@given(st.sampled_from(list(KINDS)).flatmap(FACTS.__getitem__))
def test_what_is_written_is_read_back(fact: Fact) -> None:
    assert read_fact(fact.kind, write_fact(fact)) == fact


def test_there_is_a_strategy_for_every_kind() -> None:
    assert set(FACTS) == set(KINDS)


def test_what_equals_the_default_is_not_written() -> None:
    assert write_fact(Enrolment(on=dt.date(2026, 3, 2), id="e1")) == {"on": "2026-03-02"}


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("luck", {}, "luck: unknown kind"),
        ("enrolment", {}, "on: missing"),
        ("enrolment", {"on": "2026-02-30"}, "on: found '2026-02-30'"),
        ("enrolment", {"on": 5}, "on: found 5 (allowed: a local date"),
        ("enrolment", {"on": "2026-03-02", "id": "x"}, "id: unknown key"),
        ("comprehension", {"on": "2026-03-02", "passed": "yes"}, "passed: found 'yes'"),
        ("prescription", {"on": "2026-03-02", "refills": -1}, "refills: found -1"),
        ("prescription", {"on": "2026-03-02", "refills": True}, "refills: found True"),
        ("prescription", {"on": "2026-03-02", "daily_dose_mg": 0}, "daily_dose_mg: found 0"),
        ("dispensing", {"on": "2026-03-02", "days_supply": 0}, "days_supply: found 0"),
        ("visit", {"on": "2026-03-02", "topics": "mood"}, "topics: found 'mood'"),
        ("symptom", {"on": "2026-03-02", "name": " "}, "name: found ' '"),
        (
            "contraception",
            {"method": "ius", "from": "2026-03-02", "effective_from": "2026-03-01"},
            "effective_from: found 2026-03-01 (allowed: not before from",
        ),
        (
            "pregnancy_potential",
            {"from": "2026-03-02", "can_become_pregnant": "maybe"},
            "can_become_pregnant: found 'maybe' (allowed: true, false or \"undetermined\")",
        ),
    ],
)
def test_a_mistake_names_key_found_and_allowed(kind: str, data: dict[str, Any], words: str) -> None:
    with pytest.raises(FactError) as error:
        read_fact(kind, data)
    assert words in str(error.value)


def test_a_result_may_have_a_day_or_a_moment() -> None:
    row = {"analyte": "TG", "value": "90", "unit": "mg/dL"}
    moment = read_fact("lab", {**row, "collected": "2026-03-02T08:30:00"})
    day = read_fact("lab", {**row, "collected": "2026-03-02"})
    assert isinstance(moment, Lab)
    assert moment.day == day.day == dt.date(2026, 3, 2)


def test_facts_of_one_kind_come_oldest_first() -> None:
    facts: list[Fact] = [
        Enrolment(on=dt.date(2026, 3, 9)),
        Enrolment(on=dt.date(2026, 3, 2)),
        read_fact("pregnancy_potential", {"from": "2026-03-02", "can_become_pregnant": True}),
    ]
    assert [fact.on.day for fact in facts_of(facts, Enrolment)] == [2, 9]
    assert len(facts_of(facts, PregnancyPotential)) == 1
