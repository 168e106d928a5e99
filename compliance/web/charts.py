"""Line charts as plain geometry, which a template draws as SVG without any inline style."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 38, 14, 16, 26
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NUMBER = re.compile(r"^\s*[<>≤≥]?=?\s*([0-9]+(?:\.[0-9]+)?)\s*$")

Number = Decimal | int | float | str
Point = tuple[datetime.date, Number]
GradeRange = tuple[int, Decimal, Decimal | None]  # a grade, above what, up to what
WRITTEN = 14  # the height of a line of text


@dataclass(frozen=True, slots=True)
class Dot:
    """One drawn result: its place, day, value as written, and whether over the limit."""

    x: float
    y: float
    day: datetime.date
    value: str
    over: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A tick or a line: where it is and what stands beside it."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Band:
    """A pale range across the chart: its upper edge, its height, its number and its words.

    `label` is empty where the range is too low to write in.
    """

    top: float
    height: float
    grade: int
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws; coordinates are in the units of width and height."""

    dots: tuple[Dot, ...]
    path: str
    rows: tuple[Mark, ...]
    columns: tuple[Mark, ...]
    limit: Mark | None
    upper: Mark | None
    unit: str
    strict: bool = False
    bands: tuple[Band, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM

    @property
    def sentence(self) -> str:
        """The chart in words, for those who do not see it."""
        if not self.dots:
            return "No results."
        first, last = self.dots[0], self.dots[-1]
        over = sum(dot.over for dot in self.dots)
        told = f"{len(self.dots)} results from {_day(first.day)} to {_day(last.day)}; "
        told += f"the latest is {last.value} {self.unit}".rstrip()
        return f"{told}; {over} {self.beyond}." if self.limit else f"{told}."

    @property
    def beyond(self) -> str:
        """What a marked result is."""
        return "above the limit" if self.strict else "at or above the limit"


def line_chart(
    points: Iterable[Point],
    unit: str = "",
    limit: Number | None = None,
    upper: Number | None = None,
    *,
    strict: bool = False,
    bands: Iterable[GradeRange] = (),
) -> Chart:
    """The geometry of one analyte's results over time; values that are not numbers are left out.

    `limit` is the clinic's limit (`strict`: itself still within) and `upper` the laboratory's
    upper limit, both in `unit`, as are the ends of the `bands`.
    """
    known = sorted(
        (
            (_as_day(day), read, str(value))
            for day, value in points
            if (read := _read(value)) is not None
        ),
        key=lambda point: point[0],
    )
    top_line, upper_line = _read(limit), _read(upper)
    ticks = _ticks([value for _, value, _ in known] + [v for v in (top_line, upper_line) if v])
    days = [day for day, _, _ in known]
    dots = tuple(
        Dot(
            _x(day, days),
            _y(value, ticks[-1]),
            day,
            text,
            top_line is not None and (value > top_line or (value == top_line and not strict)),
        )
        for day, value, text in known
    )
    return Chart(
        dots=dots,
        path=" ".join(f"{'L' if n else 'M'}{dot.x} {dot.y}" for n, dot in enumerate(dots)),
        rows=tuple(Mark(_y(tick, ticks[-1]), f"{tick.normalize():f}") for tick in ticks),
        columns=_months(days),
        limit=_line(top_line, ticks[-1], "limit"),
        upper=_line(upper_line, ticks[-1], "ULN"),
        unit=unit,
        strict=strict,
        bands=tuple(_bands(bands, ticks[-1])),
    )


def _bands(bands: Iterable[GradeRange], top: Decimal) -> Iterable[Band]:
    for grade, low, high in bands:
        if low < top:
            edge, floor = _y(top if high is None else min(high, top), top), _y(low, top)
            height = round(floor - edge, 1)
            # The first grade begins at the upper limit, whose own label stands there.
            room = WRITTEN if grade > 1 else 2 * WRITTEN
            yield Band(edge, height, grade, f"grade {grade}" if height >= room else "")


def _line(value: Decimal | None, top: Decimal, word: str) -> Mark | None:
    return None if value is None else Mark(_y(value, top), f"{word} {value.normalize():f}")


def _read(value: Number | None) -> Decimal | None:
    found = NUMBER.match(str(value)) if value is not None else None
    return Decimal(found.group(1)) if found else None


def _ticks(values: Sequence[Decimal]) -> list[Decimal]:
    """Four or five round steps from nought to above the greatest value."""
    most = max(values, default=Decimal(1)) * Decimal("1.05") or Decimal(1)
    power = Decimal(10) ** (most / 4).adjusted()
    step = next(
        power * by for by in map(Decimal, ("1", "2", "2.5", "5", "10")) if power * by * 4 >= most
    )
    count = int((most / step).to_integral_value(ROUND_CEILING))
    return [step * n for n in range(count + 1)]


def _x(day: datetime.date, days: Sequence[datetime.date]) -> float:
    span = (days[-1] - days[0]).days
    share = (day - days[0]).days / span if span else 0.5
    return round(LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16), 1)


def _y(value: Decimal, top: Decimal) -> float:
    return round(float(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)), 1)


def _months(days: Sequence[datetime.date]) -> tuple[Mark, ...]:
    """At most six labels: the first day of every month between, or the days themselves when few."""
    if not days:
        return ()
    firsts = [
        datetime.date(n // 12, n % 12 + 1, 1)
        for n in range(days[0].year * 12 + days[0].month, days[-1].year * 12 + days[-1].month)
    ]
    if len(firsts) < 2:
        ends = dict.fromkeys((days[0], days[-1]))
        return tuple(Mark(_x(day, days), f"{day.day} {MONTHS[day.month - 1]}") for day in ends)
    every = -(-len(firsts) // 6)
    return tuple(
        Mark(
            _x(first, days),
            f"{MONTHS[first.month - 1]}{f' {first.year}' if first.month == 1 else ''}",
        )
        for first in firsts[::every]
    )


def _as_day(day: datetime.date) -> datetime.date:
    return day.date() if isinstance(day, datetime.datetime) else day


def _day(day: datetime.date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
