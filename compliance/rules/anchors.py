"""The days of a course on which editions hang: its first prescription, first dose and last dose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from compliance.rules.dates import plus
from compliance.rules.facts import Dispensing, Fact, LastDose, Prescription
from compliance.rules.programme import JudgedOn

if TYPE_CHECKING:
    from compliance.rules.context import Context


def anchors_of(ctx: Context) -> dict[JudgedOn, dt.date]:
    """The days as known on the day asked; it stands in for what has not happened yet."""
    ended = ctx.newest(LastDose)
    since = plus(ended.on, 1) if ended else dt.date.min
    handed = _first(ctx.known(Dispensing), since, ctx.today)
    return {
        JudgedOn.INITIATION: min(handed, _first(ctx.known(Prescription), since, ctx.today)),
        JudgedOn.FIRST_DOSE: handed,
        JudgedOn.LAST_DOSE: ended.on if ended else ctx.today,
    }


def _first(facts: Iterable[Fact], since: dt.date, today: dt.date) -> dt.date:
    return next((fact.day for fact in facts if fact.day >= since), today)
