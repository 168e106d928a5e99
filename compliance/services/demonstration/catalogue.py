"""How many patients stand where, at each clinic, and the making of their histories."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from compliance.rules.terms import PotentialReason, Sex
from compliance.services.demonstration import situations_can as can
from compliance.services.demonstration import situations_cannot as cannot
from compliance.services.demonstration.can import (
    ABSTINENT,
    KITS,
    LIGATION,
    NOT_YET,
    PILL,
    TESTOSTERONE,
    TWO_PRIMARY,
    CanCourse,
    Kit,
)
from compliance.services.demonstration.cannot import CannotCourse
from compliance.services.demonstration.histories import Diary, History
from compliance.services.demonstration.names import People
from compliance.services.demonstration.staff import EAST, WEST


@dataclass(frozen=True, slots=True)
class Can:
    """A situation of patients who can become pregnant: how many east and west."""

    write: Callable[[CanCourse], None]
    east: int
    west: int
    kit: Kit | None = None
    ages: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Cannot:
    """A situation of patients who cannot become pregnant: how many east and west."""

    write: Callable[[CannotCourse], None]
    east: int
    west: int
    reason: PotentialReason = PotentialReason.ASSIGNED_MALE
    ages: tuple[int, int] | None = None


SITUATIONS: tuple[Can | Cannot, ...] = (
    Can(can.lead_in_running, 3, 2),
    Can(can.lead_in_running, 1, 0, NOT_YET, (13, 13)),
    Can(can.just_enrolled, 1, 1, ages=(15, 17)),
    Can(can.second_test_soon, 2, 1),
    Can(can.second_test_now, 2, 1),
    Can(can.first_window_open, 2, 1),
    Can(can.first_window_closing, 2, 1),
    Can(can.first_window_missed, 2, 1),
    Can(can.second_attempt, 1, 0),
    Can(can.test_too_early, 1, 0),
    Can(can.on_track, 6, 4),
    Can(can.on_track, 1, 0, TESTOSTERONE, (19, 30)),
    Can(can.on_track, 1, 0, LIGATION, (34, 44)),
    Can(can.on_track, 1, 0, ABSTINENT, (14, 16)),
    Can(can.test_soon, 3, 1),
    Can(can.test_now, 2, 1),
    Can(can.test_late, 2, 1),
    Can(can.ready_to_prescribe, 3, 1),
    Can(can.awaiting_pickup, 3, 1),
    Can(can.statements_differ, 1, 1, PILL, (18, 33)),
    Can(can.not_counselled, 1, 1),
    Can(can.window_missed, 1, 1),
    Can(can.home_test_undocumented, 1, 1),
    Can(can.positive_test, 1, 0),
    Can(can.unclear_test, 1, 1),
    Can(can.pregnant, 1, 0),
    Can(can.false_alarm, 1, 0),
    Can(can.long_gap, 1, 1),
    Can(can.two_primary, 1, 0, TWO_PRIMARY, (24, 38)),
    Can(can.overridden, 1, 0),
    Can(can.interacting, 1, 0),
    Can(can.interaction_acknowledged, 1, 0),
    Can(can.high_triglycerides, 1, 0),
    Can(can.no_unit, 1, 0),
    Can(can.tail_running, 2, 1),
    Can(can.final_test_soon, 1, 1),
    Can(can.final_test_now, 1, 1),
    Can(can.final_test_missed, 1, 1),
    Can(can.finished, 3, 1),
    Cannot(cannot.on_track, 16, 4),
    Cannot(cannot.on_track, 1, 0, PotentialReason.HYSTERECTOMY, (38, 48)),
    Cannot(cannot.on_track, 1, 0, PotentialReason.POSTMENOPAUSAL, (56, 61)),
    Cannot(cannot.on_track, 0, 1, PotentialReason.BILATERAL_OOPHORECTOMY, (35, 45)),
    Cannot(cannot.visit_soon, 4, 1),
    Cannot(cannot.supply_ended, 2, 1),
    Cannot(cannot.seen, 3, 1),
    Cannot(cannot.awaiting_pickup, 3, 1),
    Cannot(cannot.window_closing, 2, 0),
    Cannot(cannot.window_missed, 1, 0),
    Cannot(cannot.just_enrolled, 1, 1, ages=(14, 17)),
    Cannot(cannot.before_first, 2, 1),
    Cannot(cannot.undetermined, 1, 0, PotentialReason.OTHER, (15, 25)),
    Cannot(cannot.not_confirmed, 1, 0),
    Cannot(cannot.interacting, 1, 1),
    Cannot(cannot.abdominal_pain, 1, 0),
    Cannot(cannot.triglycerides_decided, 1, 0),
    Cannot(cannot.mistyped, 1, 0),
    Cannot(cannot.overridden, 1, 0),
    Cannot(cannot.ended, 3, 1),
    Cannot(cannot.finished, 3, 1),
)

_WITH_OVARIES_OR_WOMB = (
    PotentialReason.HYSTERECTOMY,
    PotentialReason.BILATERAL_OOPHORECTOMY,
    PotentialReason.POSTMENOPAUSAL,
    PotentialReason.OTHER,
)
_ADULTS_ONLY = 18


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when: the clinic's code, its zone, its date today and the authority's."""

    code: str
    time_zone: str
    today: dt.date
    closing: dt.date


def histories(place: Place, seed: int, people: People) -> Iterator[History]:
    """Every made-up patient of a clinic; the same for the same seed, clinic and day."""
    number = 0
    for situation in SITUATIONS:
        for _ in range({EAST: situation.east, WEST: situation.west}[place.code]):
            number += 1
            # Not for secrets: each patient's chances hang on the seed, so that they come out again.
            rng = Random(f"{seed}/{place.code}/{number}")  # noqa: S311
            yield _history(situation, place, rng, people)


def _history(situation: Can | Cannot, place: Place, rng: Random, people: People) -> History:
    age = rng.randint(*situation.ages) if situation.ages else _age(rng)
    person = people.person(rng, _sex(situation), age, place.today)
    name = situation.write.__name__
    diary = Diary(rng, person, name, place.today, place.closing, place.time_zone)
    if isinstance(situation, Can):
        kit = situation.kit or _kit(rng, age)
        situation.write(CanCourse(diary, kit))
    else:
        situation.write(CannotCourse(diary, situation.reason))
    return diary.history


def _sex(situation: Can | Cannot) -> Sex:
    if isinstance(situation, Can) or situation.reason in _WITH_OVARIES_OR_WOMB:
        return Sex.FEMALE
    return Sex.MALE


def _age(rng: Random) -> int:
    youngest, oldest = rng.choices(((13, 17), (18, 25), (26, 45)), (35, 43, 22))[0]
    return rng.randint(youngest, oldest)


def _kit(rng: Random, age: int) -> Kit:
    if age < _ADULTS_ONLY:
        return rng.choice((ABSTINENT, ABSTINENT, ABSTINENT, *KITS[:6]))
    return rng.choice(KITS)
