"""What an edition changed, in words."""

from __future__ import annotations

import pytest

from compliance.rules.differences import (
    Difference,
    UnknownEditionError,
    differences,
    find_edition,
    value_words,
)
from compliance.rules.programme import programme_ids
from compliance.rules.terms import Requirement

IDS = programme_ids()


def changed(before: str, after: str) -> tuple[Difference, ...]:
    return differences(find_edition(before, IDS), find_edition(after, IDS))


def test_the_edition_of_2026_ended_the_second_prescriber_and_brought_a_form() -> None:
    found = changed("uk-ppp/2025-10", "uk-ppp/2026-01")
    assert [item.requirement for item in found] == [
        Requirement.ACKNOWLEDGEMENT,
        Requirement.SECOND_PRESCRIBER,
    ]
    assert found[0].after == "acknowledgement-of-risk for everyone, version 2026-01"
    assert found[1].before == "18 (must)"
    assert found[1].after == "nothing is asked"
    assert found[1].citation is not None
    assert found[1].citation.published_on == "2026-01-22"
    assert found[1].sentence.endswith("Before: 18 (must). Now: nothing is asked.")


def test_a_change_of_the_verb_alone_is_a_difference() -> None:
    found = {item.parameter: item for item in changed("uk-ppp/2019-06", "uk-ppp/2023-10")}
    assert found["review_topics"].before == "mental-health (should)"
    assert found["review_topics"].after == "mental-health, sexual-function (must)"
    assert found["lead_in_months"].after == "nothing is asked"


def test_what_is_not_stated_is_not_called_nothing() -> None:
    found = {item.parameter: item for item in changed("eu-ppp/2003", "eu-ppp/2018")}
    assert found["forms"].before == "not stated in the sources that we know"


def test_programmes_of_two_kinds_can_be_compared() -> None:
    found = {item.parameter: item for item in changed("us-ipledge/2026", "uk-ppp/2026-01")}
    assert found["window_days"].before == "not known here"
    assert found["window_days_can"].after == "not known here"
    assert found["window_days_can"].citation is None


def test_an_edition_does_not_differ_from_itself() -> None:
    assert changed("au-pi/2018", "au-pi/2018") == ()


def test_a_name_that_is_no_edition_names_those_that_are() -> None:
    with pytest.raises(UnknownEditionError, match="uk-ppp/2026-01"):
        find_edition("uk-ppp", IDS)


def test_values_read_as_words() -> None:
    assert value_words(True) == "asked for"
    assert value_words((1, 5)) == "1 to 5"
    assert value_words(frozenset()) == "none"
    assert value_words({"a": 3}) == "a: 3"
    for name in IDS:
        for parameter in find_edition_names(name):
            assert "<" not in parameter
            assert "frozenset" not in parameter


def find_edition_names(programme: str) -> list[str]:
    from compliance.rules.programme import load_programme

    found = load_programme(programme)
    return [
        value_words(provision.value)
        for edition in found.editions
        for provision in found.provisions_of(edition.id).values()
        if provision.value is not None
    ]
