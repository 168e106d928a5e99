"""What the planner warns of: closed days on which something is lost, and medicine that runs out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from compliance.rules.dates import plus
from compliance.rules.facts import Dispensing
from compliance.rules.findings import Days
from compliance.rules.openings import Openings, show_day
from compliance.rules.planner import Outlook
from compliance.rules.steps import Steps
from compliance.rules.terms import Phase, Term, Verdict


class Worry(Term):
    """What a piece of advice is about."""

    WINDOW = "window"
    TEST = "test"
    SUPPLY = "supply"
    CLOSED = "closed"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Advice:
    """One warning: what it is about, and the sentence that says what to do in time."""

    about: Worry
    sentence: str


def advise(
    outlook: Outlook, steps: Steps, openings: Openings, today: dt.date
) -> tuple[Advice, ...]:
    """Every warning, the most pressing first."""
    return (
        *_supply(outlook, steps, openings, today),
        *_windows(outlook, openings, today),
        *_tests(outlook, steps, openings, today),
        *_earliest_closed(outlook, openings),
        *_closed_steps(steps, openings),
        *_out_of_order(steps),
    )


# --- supply ---------------------------------------------------------------------------------------


def _supply(outlook: Outlook, steps: Steps, openings: Openings, today: dt.date) -> Iterable[Advice]:
    if outlook.answer.phase is Phase.AFTER or not outlook.supplies:
        return
    earlier = [end for item, end in outlook.supplies if not _is_planned(item, outlook, steps)]
    if earlier:
        yield from _gap(outlook, steps, openings, earlier[-1], today)
    yield from _closed_when_needed(openings, outlook.supplies[-1][1], today)


def _is_planned(item: Dispensing, outlook: Outlook, steps: Steps) -> bool:
    return outlook.done and item.on == steps.pick_up


def _gap(
    outlook: Outlook, steps: Steps, openings: Openings, end: dt.date, today: dt.date
) -> Iterable[Advice]:
    """Days without the medicine before the next pick-up."""
    following = steps.pick_up if outlook.done else _first_pick_up(outlook, openings, today)
    needed = plus(end, 1)
    if following is None or following <= needed:
        return
    lasts = f"The supply {'lasts' if end >= today else 'lasted'} through {show_day(end)}"
    without = _days((following - needed).days)
    if outlook.done:
        said = f"{lasts}: a pick-up on {show_day(following)} comes after {without} without it."
    else:
        said = (
            f"{lasts}, and the next pick-up can happen on {show_day(following)} at the earliest:"
            f" {without} without the medicine."
        )
    yield Advice(Worry.SUPPLY, said)


def _first_pick_up(outlook: Outlook, openings: Openings, today: dt.date) -> dt.date | None:
    """The first open day on which it could be, as far as the rules can say."""
    answer = outlook.answer
    if answer.verdict is Verdict.YES:
        return openings.next_open(max(today, outlook.asked))
    return openings.next_open(max(today, answer.earliest)) if answer.earliest else None


def _closed_when_needed(openings: Openings, end: dt.date, today: dt.date) -> Iterable[Advice]:
    """The day on which a new supply is needed is a closed one."""
    needed = plus(end, 1)
    if openings.is_open(needed) or needed <= today:
        return
    last = openings.last_open(today, end)
    useful = (
        f"The last open day on which a pick-up leaves no gap is {show_day(last)}."
        if last
        else "No open day is left before it."
    )
    yield Advice(
        Worry.SUPPLY,
        f"The supply lasts through {show_day(end)}, and on {show_day(needed)}"
        f" {openings.closed_words(needed)}. {useful}",
    )


# --- windows and tests ----------------------------------------------------------------------------


def _windows(outlook: Outlook, openings: Openings, today: dt.date) -> Iterable[Advice]:
    for window in sorted(outlook.windows):
        yield from _ends_closed(
            Worry.WINDOW, f"The pick-up window closes on {show_day(window[1])}", window, openings,
            today,
        )  # fmt: skip


def _tests(outlook: Outlook, steps: Steps, openings: Openings, today: dt.date) -> Iterable[Advice]:
    shown = outlook.weeks[-1][-1].on
    for days in outlook.tests:
        done = steps.test is not None and days[0] <= steps.test <= days[1]
        if done or days[0] > shown:
            continue
        yield from _ends_closed(
            Worry.TEST, f"The best days for the test end on {show_day(days[1])}", days, openings,
            today,
        )  # fmt: skip


def _ends_closed(
    about: Worry, said: str, days: Days, openings: Openings, today: dt.date
) -> Iterable[Advice]:
    first, last = max(days[0], today), days[1]
    if last < today or openings.is_open(last):
        return
    useful = openings.last_open(first, last)
    rest = (
        f"The last open day that is useful is {show_day(useful)}."
        if useful
        else f"The clinic is open on no day from {show_day(first)} on until then."
    )
    yield Advice(about, f"{said}, when {openings.closed_words(last)}. {rest}")


def _earliest_closed(outlook: Outlook, openings: Openings) -> Iterable[Advice]:
    """The first day on which it could be done is a closed one."""
    earliest = outlook.answer.earliest
    if earliest is None or earliest <= outlook.asked or openings.is_open(earliest):
        return
    other = openings.next_open(earliest)
    then = f": the next open day is {show_day(other)}." if other else "."
    yield Advice(
        Worry.CLOSED,
        f"On the earliest day, {show_day(earliest)}, {openings.closed_words(earliest)}{then}",
    )


# --- the steps themselves -------------------------------------------------------------------------

_STEPS = {
    "visit": "The visit",
    "test": "The test",
    "statements": "The statements",
    "prescription": "The prescription",
    "pick-up": "The pick-up",
}


def _closed_steps(steps: Steps, openings: Openings) -> Iterable[Advice]:
    for name, day in steps.days().items():
        if openings.is_open(day):
            continue
        other = openings.next_open(day)
        verb = "are" if name == "statements" else "is"
        then = f" The next open day is {show_day(other)}." if other else ""
        yield Advice(
            Worry.CLOSED,
            f"{_STEPS[name]} {verb} planned on {show_day(day)}, when"
            f" {openings.closed_words(day)}.{then}",
        )


def _out_of_order(steps: Steps) -> Iterable[Advice]:
    """A step after the pick-up cannot count for it."""
    if steps.pick_up is None:
        return
    late = [name for name, day in steps.days().items() if day > steps.pick_up]
    for name in late:
        verb = "come" if name == "statements" else "comes"
        yield Advice(
            Worry.ORDER,
            f"{_STEPS[name]} of {show_day(steps.days()[name])} {verb} after the pick-up on"
            f" {show_day(steps.pick_up)} and cannot count for it.",
        )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
