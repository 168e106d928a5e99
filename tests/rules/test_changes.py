"""What changes on which day at a clinic: what came, what comes, what is only announced."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.rules.changes import Change, changes
from compliance.rules.facts import Adoption
from compliance.rules.programme import load_programme, programme_ids


def of(programme: str, *adopted: tuple[str, str]) -> tuple[Change, ...]:
    adoptions = tuple(
        Adoption(edition=edition, on=dt.date.fromisoformat(on)) for edition, on in adopted
    )
    return changes(load_programme(programme), adoptions)


def test_an_edition_that_nobody_confirmed_is_announced_and_changes_nothing_by_itself() -> None:
    *came, announced = of("us-ipledge")
    assert [(item.edition.id, item.applies) for item in came] == [
        ("2021", True),
        ("2023-discretion", True),
    ]
    assert (announced.edition.id, announced.applies) == ("2026", False)
    assert announced.on == dt.date(2026, 11, 15)
    lockout = next(item for item in announced.differences if item.parameter == "lockout_days")
    assert (lockout.before, lockout.after) == ("19 (must)", "nothing is asked")


def test_an_adopted_edition_applies_from_the_clinics_own_day() -> None:
    last = of("us-ipledge", ("2026", "2026-12-01"))[-1]
    assert (last.edition.id, last.on, last.applies, last.adopted) == (
        "2026",
        dt.date(2026, 12, 1),
        True,
        True,
    )
    assert last.before is not None
    assert last.before.id == "2023-discretion"


def test_an_edition_adopted_before_the_one_it_follows_leaves_no_change_back() -> None:
    found = of("us-ipledge", ("2026", "2026-02-09"), ("2023-discretion", "2026-06-01"))
    assert [item.edition.id for item in found] == ["2021", "2026"]


@pytest.mark.parametrize("programme", programme_ids())
def test_each_day_of_a_change_is_the_first_on_which_its_edition_applies(programme: str) -> None:
    loaded = load_programme(programme)
    for item in changes(loaded, ()):
        if item.applies:
            assert loaded.edition_on(item.on) is item.edition
            before = loaded.edition_on(item.on - dt.timedelta(days=1))
            assert before is item.before
            assert bool(item.differences) == bool(before)
