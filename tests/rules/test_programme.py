"""Programme files: read strictly, valued by edition, every value with its citation."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from compliance.rules.facts import Adoption
from compliance.rules.parameters import PARAMETERS
from compliance.rules.programme import (
    FOLDER,
    NoEditionError,
    ProgrammeError,
    load_programme,
    programme_ids,
    read_programme,
)
from compliance.rules.terms import Binding

IPLEDGE = load_programme("us-ipledge")
D = dt.date


def adopted(on: dt.date, edition: str = "2026") -> tuple[Adoption, ...]:
    return (Adoption(edition=edition, on=on),)


def edition_on(day: dt.date, terms: tuple[Adoption, ...] = ()) -> str | None:
    found = IPLEDGE.edition_on(day, terms)
    return found.id if found else None


@pytest.mark.parametrize("programme_id", programme_ids())
def test_every_value_of_every_programme_has_a_citation(programme_id: str) -> None:
    programme = load_programme(programme_id)
    for edition in programme.editions:
        assert edition.citation.title
        for provision in programme.provisions_of(edition.id).values():
            citation = provision.citation
            assert citation.title
            assert citation.published_on
            assert citation.href.startswith("http") or not citation.verified


@pytest.mark.parametrize("programme_id", programme_ids())
def test_every_parameter_has_a_value_from_its_first_edition_on(programme_id: str) -> None:
    programme = load_programme(programme_id)
    for parameter in programme.parameters.values():
        assert parameter.by_edition
        assert parameter.meaning.endswith(".")


@pytest.mark.parametrize(
    ("day", "edition"),
    [
        (D(2021, 12, 12), None),
        (D(2021, 12, 13), "2021"),
        (D(2023, 9, 30), "2021"),
        (D(2023, 10, 1), "2023-discretion"),
        (D(2026, 11, 15), "2023-discretion"),
        (D(2030, 1, 1), "2023-discretion"),
    ],
)
def test_an_unconfirmed_edition_never_applies_by_itself(day: dt.date, edition: str | None) -> None:
    assert edition_on(day) == edition


def test_an_adoption_applies_from_its_day() -> None:
    terms = adopted(D(2026, 12, 1))
    before, after = (
        IPLEDGE.edition_on(D(2026, 11, 30), terms),
        IPLEDGE.edition_on(D(2026, 12, 1), terms),
    )
    assert before is not None
    assert after is not None
    assert (before.id, after.id) == ("2023-discretion", "2026")


def test_no_edition_is_adopted_before_it_was_published() -> None:
    assert edition_on(D(2026, 2, 8), adopted(D(2020, 1, 1))) == "2023-discretion"
    assert edition_on(D(2026, 2, 9), adopted(D(2020, 1, 1))) == "2026"


def test_a_later_adoption_of_a_confirmed_edition_keeps_the_one_before() -> None:
    terms = adopted(D(2023, 12, 1), "2023-discretion")
    before, after = (
        IPLEDGE.edition_on(D(2023, 11, 30), terms),
        IPLEDGE.edition_on(D(2023, 12, 1), terms),
    )
    assert before is not None
    assert after is not None
    assert (before.id, after.id) == ("2021", "2023-discretion")


def test_an_earlier_adoption_of_a_confirmed_edition_does_not_bring_it_forward() -> None:
    assert edition_on(D(2023, 9, 30), adopted(D(2023, 9, 1), "2023-discretion")) == "2021"


def test_nothing_required_is_a_cited_answer_and_not_known_is_an_error() -> None:
    lifted = IPLEDGE.provision("lockout_days", D(2026, 12, 1), adopted(D(2026, 11, 15)))
    assert lifted.value is None
    assert lifted.edition == "2026"
    assert lifted.citation.href.startswith("https://www.dermatologytimes.com")
    with pytest.raises(NoEditionError):
        IPLEDGE.provision("lockout_days", D(2021, 12, 12))


def test_a_later_edition_keeps_what_it_does_not_change() -> None:
    kept = IPLEDGE.provision("window_days_can", D(2026, 12, 1), adopted(D(2026, 11, 15)))
    assert (kept.value, kept.edition, kept.binding) == (7, "2026", Binding.MUST)


SMALL = """
id = "small"
name = "Small"
authority = "Authority"
jurisdiction = "XX"
time_zone = "Europe/London"
notice = "Advice."
[[edition]]
id = "1"
published = 2020-01-01
in_force_from = 2020-02-01
confirmed = true
summary = "First."
source = "A"
[sources.A]
title = "Text"
href = "https://example.org/text"
published = "2020"
kind = "authority"
[parameters.lead_in_days]
requirement = "contraception-lead-in"
binding = "must"
judged_on = "act"
meaning = "Days."
by_edition."1" = { value = 28, source = "A" }
"""

BROKEN = {
    "unknown key": ('name = "Small"', 'name = "Small"\nmood = "good"', "mood: unknown key"),
    "missing key": ('notice = "Advice."\n', "", "notice: missing"),
    "duplicate key": ('name = "Small"', 'name = "Small"\nname = "Big"', "the file: cannot be read"),
    "wrong name of the file": ('id = "small"', 'id = "large"', "id: found 'large'"),
    "unknown parameter": ("parameters.lead_in_days", "parameters.luck", "parameters.luck: unknown"),
    "wrong type": ("value = 28", 'value = "28"', "by_edition.1.value: found '28'"),
    "unknown edition": ('by_edition."1"', 'by_edition."2"', "by_edition: found '2' (allowed: 1)"),
    "unknown source": ('source = "A" }', 'source = "B" }', "source: found 'B' (allowed: A)"),
    "no source": (', source = "A" }', " }", "source: missing"),
    "value and none": ("value = 28", "value = 28, not_required = true", "or none of"),
    "neither value nor none": ("value = 28, ", "", "or none of"),
    "not required must be true": (
        "value = 28",
        "not_required = false",
        "not_required: found False",
    ),
    "unknown requirement": ("contraception-lead-in", "luck", "requirement: found 'luck'"),
    "unknown binding": ('"must"', '"may"', "binding: found 'may' (allowed: must | should)"),
    "unknown act": ('judged_on = "act"', 'judged_on = "moon"', "judged_on: found 'moon'"),
    "a date as text": ("2020-02-01", '"2020-02-01"', "in_force_from: found '2020-02-01'"),
    "no such zone": ("Europe/London", "Mars/Olympus", "time_zone: found 'Mars/Olympus'"),
    "an empty text": ('meaning = "Days."', 'meaning = ""', "meaning: found ''"),
    "an edition twice": (
        "[sources.A]",
        SMALL[SMALL.index("[[edition]]") : SMALL.index("[sources.A]")] + "[sources.A]",
        "edition[2].id: '1' stands twice",
    ),
}


def test_the_small_programme_is_read(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    assert read_programme(path).provision("lead_in_days", D(2020, 2, 1)).value == 28


@pytest.mark.parametrize(("before", "after", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_mistake_names_file_key_found_and_allowed(
    tmp_path: Path, before: str, after: str, words: str
) -> None:
    assert before in SMALL
    path = tmp_path / "small.toml"
    path.write_text(SMALL.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ProgrammeError) as error:
        read_programme(path)
    assert "small.toml: " in str(error.value)
    assert words in str(error.value)


def test_an_unknown_programme_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_programme("mars-ppp")
    assert FOLDER.is_dir()
    assert set(IPLEDGE.parameters) <= set(PARAMETERS)
