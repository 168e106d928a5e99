"""A course over months as plain geometry, which a template draws as SVG without inline style."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from compliance.rules.dates import plus, plus_months, show
from compliance.web.charts import MONTHS

GUTTER = 112  # left of the first day, where the names of the lanes stand
PLOT = 800  # the least width of the days, in the units of the picture (pixels on a screen)
LEAST_SCALE, MOST_SCALE = 2.2, 9.0  # units a day
LEAST_DAYS = 60
HEAD, PAD = 26, 6
LETTER = 6.4  # about the width of a letter of 11 px
ROWS = 2  # words of marks that stand close together go into a second row

# How a mark is drawn around its middle: a shape for each meaning, so that no colour is needed; what
# stands high or low leaves room for another mark of the same day.
SHAPES = {
    "ring": "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0",
    "disc-high": "m-4-5a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "diamond": "m0-7l7 7l-7 7l-7-7z",
    "triangle": "m0-6l7 12h-14z",
    "square-low": "m-4 1h8v8h-8z",
    "tick": "m0-6v12",
    "cross": "m-4-4l8 8m0-8l-8 8",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something of one day: its shape, a word beside it ("" for none), and the fact in words."""

    day: dt.date
    shape: str
    told: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasts, both days included; an open one is drawn as an outline."""

    first: dt.date
    last: dt.date
    told: str
    word: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """A value from a day on until the next one; None where it is not known."""

    day: dt.date
    value: Decimal | None
    told: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the picture: what happened of one kind."""

    name: str
    marks: Sequence[Mark] = ()
    bars: Sequence[Bar] = ()
    levels: Sequence[Level] = ()
    unit: str = ""
    words: bool = False

    @property
    def facts(self) -> Iterator[tuple[dt.date, str]]:
        """Everything in it, with its day, in words."""
        yield from ((item.day, item.told) for item in self.marks)
        yield from ((item.first, item.told) for item in self.bars)
        yield from ((item.day, item.told) for item in self.levels)

    @property
    def height(self) -> int:
        """How tall the row is drawn."""
        return 46 if self.levels else 22 + 13 * ROWS if self.words else 26


@dataclass(frozen=True, slots=True)
class Word:
    """A word in the picture, and where it begins or has its middle."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A lane as it is drawn: paths by their class, and words."""

    name: str
    top: int
    height: int
    paths: tuple[tuple[str, str], ...]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that the template draws, and the same facts by month, newest first."""

    lanes: tuple[Drawn, ...]
    width: int
    height: int
    months: tuple[Word, ...]
    lines: tuple[tuple[str, Word], ...]
    sentence: str
    table: tuple[tuple[str, tuple[tuple[dt.date, str], ...]], ...]
    gutter: int = GUTTER
    head: int = HEAD


def draw_timeline(
    lanes: Iterable[Lane], today: dt.date, *, last_dose: dt.date | None = None
) -> Timeline | None:
    """Draw the lanes from their first fact to today or their last day; None without any fact."""
    lanes = [lane for lane in lanes if next(lane.facts, None)]
    days = [day for lane in lanes for day, _ in lane.facts]
    if not days:
        return None
    ends = [bar.last for lane in lanes for bar in lane.bars]
    first = plus(min(days), -5)
    last = max(plus(max([*days, *ends, today]), 6), plus(first, LEAST_DAYS))
    frame = _Frame(first, last, min(last, max(today, *days)))
    drawn = tuple(_draw(lanes, frame))
    bottom = drawn[-1].top + drawn[-1].height
    return Timeline(
        lanes=drawn,
        width=frame.width,
        height=bottom + PAD,
        months=tuple(_months(frame)),
        lines=tuple(_lines(frame, today, last_dose)),
        sentence=_sentence(lanes, min(days), max(days)),
        table=tuple(_table(lanes)),
    )


class _Frame:
    """Days to units; nothing is known after the day `known`."""

    def __init__(self, first: dt.date, last: dt.date, known: dt.date) -> None:
        self.first, self.last, self.known = first, last, known
        days = (last - first).days + 1
        self.scale = min(MOST_SCALE, max(LEAST_SCALE, PLOT / days))
        self.width = GUTTER + round(days * self.scale) + PAD

    def x(self, day: dt.date) -> int:
        """Where a day begins."""
        return GUTTER + round((day - self.first).days * self.scale)

    def middle(self, day: dt.date) -> int:
        """The middle of a day."""
        return GUTTER + round(((day - self.first).days + 0.5) * self.scale)


def _draw(lanes: Iterable[Lane], frame: _Frame) -> Iterator[Drawn]:
    top = HEAD
    for lane in lanes:
        paths = [*_bars(lane, frame, top), *_marks(lane, frame, top), *_steps(lane, frame, top)]
        words = [*_mark_words(lane, frame, top), *_bar_words(lane, frame, top)]
        words += _level_words(lane, frame, top)
        yield Drawn(lane.name, top, lane.height, tuple(paths), tuple(words))
        top += lane.height


def _bars(lane: Lane, frame: _Frame, top: int) -> Iterator[tuple[str, str]]:
    for name, is_open in (("bar", False), ("bar-open", True)):
        shown = [bar for bar in lane.bars if bar.open is is_open]
        path = "".join(
            f"M{frame.x(bar.first)} {top + 6}H{frame.x(plus(bar.last, 1)) - 1}v14"
            f"H{frame.x(bar.first)}z"
            for bar in shown
        )
        if path:
            yield name, path


def _marks(lane: Lane, frame: _Frame, top: int) -> Iterator[tuple[str, str]]:
    for shape, form in SHAPES.items():
        shown = [mark for mark in lane.marks if mark.shape == shape]
        if shown:
            yield shape, "".join(f"M{frame.middle(mark.day)} {top + 13}{form}" for mark in shown)


def _mark_words(lane: Lane, frame: _Frame, top: int) -> Iterator[Word]:
    """Words below their marks; what finds no room in either row is left to shape and table."""
    free = [0.0] * ROWS
    for mark in sorted(lane.marks, key=lambda mark: mark.day):
        half = len(mark.word) * LETTER / 2
        at = frame.middle(mark.day)
        row = next((n for n, edge in enumerate(free) if at - half > edge), None)
        if mark.word and row is not None:
            free[row] = at + half + 2
            yield Word(at, top + 31 + 13 * row, mark.word)


def _bar_words(lane: Lane, frame: _Frame, top: int) -> Iterator[Word]:
    for bar in lane.bars:
        left, right = frame.x(bar.first), frame.x(plus(bar.last, 1))
        if bar.word and right - left > len(bar.word) * LETTER + 4:
            yield Word((left + right) // 2, top + 17, bar.word)


def _steps(lane: Lane, frame: _Frame, top: int) -> Iterator[tuple[str, str]]:
    path = ""
    until = [*(level.day for level in lane.levels[1:]), frame.known]
    for level, following in zip(lane.levels, until, strict=False):
        if level.value is not None:
            joined = "V" if path.endswith(f"H{frame.x(level.day)}") else f"M{frame.x(level.day)} "
            path += f"{joined}{_height_of(lane, level, top)}H{frame.x(following)}"
    if path:
        yield "step", path


def _height_of(lane: Lane, level: Level, top: int) -> int:
    most = max((item.value for item in lane.levels if item.value), default=Decimal(1))
    return top + 40 - round(20 * (level.value or Decimal(0)) / most)


def _level_words(lane: Lane, frame: _Frame, top: int) -> Iterator[Word]:
    """The value at each change, above its step, where there is room."""
    edge, before = 0.0, None
    for level in lane.levels:
        text = "" if level.value is None else f"{level.value:f} {lane.unit}"
        half = len(text) * LETTER / 2
        at = round(frame.x(level.day) + half)
        if text and level.value != before and at - half >= edge:
            edge = at + half + 2
            yield Word(at, _height_of(lane, level, top) - 5, text)
        before = level.value


def _months(frame: _Frame) -> Iterator[Word]:
    """The first of each month; the year stands with January and with the first one."""
    day, named = frame.first.replace(day=1), False
    while day <= frame.last:
        if day >= frame.first:
            year = f" {day.year}" if day.month == 1 or not named else ""
            named = True
            yield Word(frame.x(day), 14, f"{MONTHS[day.month - 1]}{year}")
        day = plus_months(day, 1)


def _lines(frame: _Frame, today: dt.date, last_dose: dt.date | None) -> Iterator[tuple[str, Word]]:
    if last_dose is not None and last_dose >= frame.first:
        yield "ended", Word(frame.middle(last_dose), HEAD, "Last dose")
    if frame.first <= today <= frame.last:
        yield "today", Word(frame.middle(today), HEAD, "Today")


def _sentence(lanes: Iterable[Lane], first: dt.date, last: dt.date) -> str:
    told = ", ".join(f"{lane.name.lower()}: {sum(1 for _ in lane.facts)}" for lane in lanes)
    return f"From {show(first)} to {show(last)}; {told}. The table below says the same."


def _table(lanes: Iterable[Lane]) -> Iterator[tuple[str, tuple[tuple[dt.date, str], ...]]]:
    """Month by month, the newest first; what happened on one day stands together."""
    facts = sorted((fact for lane in lanes for fact in lane.facts), key=lambda fact: fact[0])
    days = [
        (day, ", ".join(told for _, told in found))
        for day, found in groupby(facts, key=lambda fact: fact[0])
    ]
    months = [
        (f"{MONTHS[month - 1]} {year}", tuple(found))
        for (year, month), found in groupby(days, key=lambda item: (item[0].year, item[0].month))
    ]
    yield from reversed(months)
