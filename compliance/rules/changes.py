"""What changes on which day at one clinic: the editions that come and those that came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from compliance.rules.differences import Difference, differences
from compliance.rules.facts import Adoption
from compliance.rules.programme import Edition, Programme


@dataclass(frozen=True, slots=True)
class Change:
    """One day on which another edition begins to apply, and what it asks otherwise.

    `applies` is false where the edition is only announced: then `on` is the day announced, and it
    binds this clinic from the day of its own adoption only. `before` is None for the first.
    """

    on: dt.date
    edition: Edition
    before: Edition | None
    applies: bool
    adopted: bool
    differences: tuple[Difference, ...]


def changes(programme: Programme, adoptions: tuple[Adoption, ...]) -> tuple[Change, ...]:
    """Every change at a clinic, oldest first; what is only announced comes last."""
    return (*_applied(programme, adoptions), *_announced(programme, adoptions))


def _applied(programme: Programme, adoptions: tuple[Adoption, ...]) -> Iterable[Change]:
    adopted = {item.edition for item in adoptions}
    before: Edition | None = None
    for day in sorted({start for start, _ in programme.timeline(adoptions)}):
        edition = programme.edition_on(day, adoptions)
        if edition is None or edition is before:
            continue
        found = _differ(programme, before, edition)
        yield Change(day, edition, before, True, edition.id in adopted, found)
        before = edition


def _announced(programme: Programme, adoptions: tuple[Adoption, ...]) -> Iterable[Change]:
    """Editions that nobody confirmed and that this clinic has not adopted."""
    starting = {edition.id for _, edition in programme.timeline(adoptions)}
    for number, edition in enumerate(programme.editions):
        if edition.id not in starting:
            before = programme.editions[number - 1] if number else None
            found = _differ(programme, before, edition)
            yield Change(edition.in_force_from, edition, before, False, False, found)


def _differ(
    programme: Programme, before: Edition | None, edition: Edition
) -> tuple[Difference, ...]:
    return differences((programme, before), (programme, edition)) if before else ()
