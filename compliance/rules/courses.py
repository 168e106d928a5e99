"""Where a patient stands: which course, which qualification for it, and which path."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import NamedTuple, TypeVar

from compliance.rules.context import COURSE, Context
from compliance.rules.cover import cover_of
from compliance.rules.dates import plus
from compliance.rules.facts import (
    Dispensing,
    Enrolment,
    LastDose,
    PregnancyPotential,
    Prescription,
)
from compliance.rules.programme import NoEditionError
from compliance.rules.terms import Act, Cycle, Phase, Potential

E = TypeVar("E", Dispensing, Prescription)


class Course(NamedTuple):
    """The course that a question is about.

    `since` is the first day whose facts count towards qualifying for it, `count_from` the first
    day from which days on two methods can count, `category_since` the day on which the patient's
    category changed (None: it never did), `ended` the last dose of the newest course that has
    ended, and `restarted` says that a broken pair in a long gap undid the qualification.
    """

    phase: Phase
    can: bool
    potential: PregnancyPotential | None
    since: dt.date
    count_from: dt.date
    category_since: dt.date | None
    dispensings: tuple[Dispensing, ...]
    prescriptions: tuple[Prescription, ...]
    ended: LastDose | None
    restarted: bool = False

    @property
    def first_dispensing(self) -> Dispensing | None:
        """The pick-up with which this qualification's treatment began."""
        return self.dispensings[0] if self.dispensings else None

    @property
    def last_dispensing(self) -> Dispensing | None:
        """The newest pick-up."""
        return self.dispensings[-1] if self.dispensings else None


def course_of(ctx: Context) -> Course:
    """The course that the question is about."""
    if ctx.course is None:
        ctx.course = ctx.shared(COURSE, _read)
    return ctx.course


def supply_ends(dispensing: Dispensing) -> dt.date:
    """The last day for which the medicine handed over lasts."""
    return plus(dispensing.on, dispensing.days_supply - 1)


def _read(ctx: Context) -> Course:
    ended = ctx.newest(LastDose)
    started = plus(ended.on, 1) if ended else dt.date.min
    history = ctx.known(PregnancyPotential)
    if len(history) > 1:
        history = sorted(history, key=_restrictive_last)
    potential = history[-1] if history else None
    changed = None if ctx.anchors else _changed_on(history)
    can = not _cannot(ctx, potential)
    since = max(started, changed) if can and changed else started
    dispensings = _since(ctx.known(Dispensing), since)
    course = Course(
        phase=Phase.DURING if dispensings else Phase.BEFORE,
        can=can,
        potential=potential,
        since=since,
        count_from=changed if can and changed else dt.date.min,
        category_since=changed,
        dispensings=dispensings,
        prescriptions=_since(ctx.known(Prescription), since),
        ended=ended,
    )
    if ended and not _begun_again(ctx, course, started):
        return course._replace(phase=Phase.AFTER, since=ended.on)
    return _restarted(ctx, course) or course


def _since(items: list[E], day: dt.date) -> tuple[E, ...]:
    return tuple([item for item in items if item.on >= day])


def _begun_again(ctx: Context, course: Course, started: dt.date) -> bool:
    """Whether a new course has begun, or is asked about, after the newest last dose."""
    if ctx.question.act in (Act.PRESCRIBE, Act.DISPENSE):
        return True
    if course.dispensings or course.prescriptions:
        return True
    return any(item.on >= started for item in ctx.known(Enrolment))


def _restarted(ctx: Context, course: Course) -> Course | None:
    """A gap beyond the limit, not covered by a complete pair throughout, undoes qualification."""
    last = course.last_dispensing
    if last is None or not course.can or not ctx.has("gap_days"):
        return None
    if not ctx.clock.reached(plus(supply_ends(last), ctx.rule("gap_days").value + 1)):
        return None
    broken = cover_of(ctx).first_gap(last.on, ctx.today)
    if broken is None:
        return None
    since = max(broken, plus(last.on, 1))
    return course._replace(
        phase=Phase.BEFORE,
        since=since,
        count_from=since,
        dispensings=(),
        prescriptions=_since(list(course.prescriptions), since),
        restarted=True,
    )


_RANK = {Potential.NO: 0, Potential.YES: 1, Potential.UNDETERMINED: 2}
_CYCLES = {cycle: number for number, cycle in enumerate(reversed(Cycle))}
_CYCLES[Cycle.UNKNOWN] = len(_CYCLES)


def _restrictive_last(entry: PregnancyPotential) -> tuple[dt.date, int, bool, int, str]:
    """Of two entries of one day the stricter is the one that counts."""
    return (
        entry.from_,
        _RANK[entry.can_become_pregnant],
        not entry.confirmed_by_professional,
        _CYCLES[entry.cycle],
        str(entry.reason),
    )


def _changed_on(history: list[PregnancyPotential]) -> dt.date | None:
    """The first day of the newest category, when another was recorded on an earlier day."""
    changed = None
    for before, entry in pairwise(history):
        if _claims_cannot(before) != _claims_cannot(entry):
            changed = entry.from_ if entry.from_ > before.from_ else changed
    return changed


def _claims_cannot(entry: PregnancyPotential) -> bool:
    return entry.can_become_pregnant is Potential.NO


def _cannot(ctx: Context, potential: PregnancyPotential | None) -> bool:
    """Cannot become pregnant, for a reason that the programme accepts; confirmed or not."""
    if potential is None or not _claims_cannot(potential):
        return False
    try:
        if ctx.anchors:
            return _outside(ctx, potential)
        return potential.reason in ctx.rule("cannot_reasons").value
    except NoEditionError:
        return False


def _outside(ctx: Context, potential: PregnancyPotential) -> bool:
    """Outside by anatomy, or ended by what a professional has confirmed."""
    if potential.reason in (ctx.rule("outside_reasons").value or ()):
        return True
    ended = ctx.rule("ended_reasons").value or frozenset()
    left_open = ctx.rule("open_reasons").value or frozenset()
    return potential.confirmed_by_professional and potential.reason in ended | left_open
