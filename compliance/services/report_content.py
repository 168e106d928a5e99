"""What a monthly report says, as plain typed data: no database, no drawing, no patient's name."""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

Z_95 = Decimal("1.959963984540054")
TENTH = Decimal("0.1")


def wilson(numerator: int, denominator: int) -> tuple[Decimal, Decimal] | None:
    """The Wilson 95 % interval of a share, in percent with one decimal; None for no cases.

    Raises ValueError unless 0 <= numerator <= denominator.
    """
    if not 0 <= numerator <= denominator:
        raise ValueError(f"{numerator} of {denominator} is not a share")
    if denominator == 0:
        return None
    n, z2 = Decimal(denominator), Z_95 * Z_95
    share = Decimal(numerator) / n
    centre = share + z2 / (2 * n)
    spread = Z_95 * (share * (1 - share) / n + z2 / (4 * n * n)).sqrt()
    scale = 100 / (1 + z2 / n)
    return _tenth((centre - spread) * scale), _tenth((centre + spread) * scale)


def percentage(numerator: int, denominator: int) -> Decimal | None:
    """A share in percent with one decimal, half up; None for no cases."""
    return _tenth(Decimal(100 * numerator) / denominator) if denominator else None


def _tenth(value: Decimal) -> Decimal:
    return min(max(value.quantize(TENTH, ROUND_HALF_UP), Decimal("0.0")), Decimal("100.0"))


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One calendar month."""

    year: int
    number: int

    @classmethod
    def of(cls, day: dt.date) -> Month:
        """The month that a day lies in."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `2026-10`; raises ValueError saying what was found and what is allowed."""
        try:
            first = dt.date.fromisoformat(f"{text}-01")
        except ValueError:
            raise ValueError(f"found {text!r}; a month is written like 2026-10") from None
        return cls.of(first)

    @property
    def first(self) -> dt.date:
        """Its first day."""
        return dt.date(self.year, self.number, 1)

    @property
    def last(self) -> dt.date:
        """Its last day."""
        return self.first.replace(day=calendar.monthrange(self.year, self.number)[1])

    @property
    def title(self) -> str:
        """`October 2026`."""
        return f"{calendar.month_name[self.number]} {self.year}"

    @property
    def short(self) -> str:
        """`Oct`."""
        return calendar.month_abbr[self.number]

    def back(self, months: int) -> Month:
        """The month so many months earlier (later, if negative)."""
        index = self.year * 12 + self.number - 1 - months
        return Month(index // 12, index % 12 + 1)

    def ends_at(self, time_zone: str) -> dt.datetime:
        """The last instant of the month in a time zone, to the second."""
        last = dt.datetime.combine(self.last, dt.time(23, 59, 59), ZoneInfo(time_zone))
        return last.astimezone(dt.UTC)

    def __contains__(self, day: dt.date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


class Area(str, Enum):
    """The part of the job that an indicator watches."""

    START = "Starting treatment"
    MONTHLY = "Every month on treatment"
    LABORATORY = "Laboratory monitoring"
    END = "Ending treatment"
    SAFETY = "Safety and follow-up"
    GOVERNANCE = "Governance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One counted case of an indicator: whose, when, met or not, why, and what was done."""

    local_id: str
    day: dt.date
    met: bool
    reason: str = ""
    done: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One month of a series; `denominator` is None where things are counted, not shares."""

    month: Month
    numerator: int
    denominator: int | None

    @property
    def percent(self) -> Decimal | None:
        """The share in percent; None for no cases and for counts."""
        return percentage(self.numerator, self.denominator) if self.denominator else None

    @property
    def value(self) -> Decimal | None:
        """What a chart draws: the percentage of a share, the number of a count."""
        return Decimal(self.numerator) if self.denominator is None else self.percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One figure of the month; a share has a denominator, a count has None.

    `series` is oldest first and ends with this month; `method` says how cases are counted.
    """

    number: int
    title: str
    area: Area
    numerator: int
    denominator: int | None
    series: tuple[Point, ...]
    method: str
    benchmark: str = ""
    cases: tuple[Case, ...] = ()

    @property
    def percent(self) -> Decimal | None:
        """The share in percent; None for no cases and for counts."""
        return percentage(self.numerator, self.denominator) if self.denominator else None

    @property
    def interval(self) -> tuple[Decimal, Decimal] | None:
        """The Wilson 95 % interval in percent; None for no cases and for counts."""
        return wilson(self.numerator, self.denominator) if self.denominator else None

    @property
    def change(self) -> Decimal | None:
        """This month's value less last month's (percentage points, or a number of cases)."""
        if len(self.series) < 2:
            return None
        before, now = self.series[-2].value, self.series[-1].value
        return None if before is None or now is None else now - before

    @property
    def exceptions(self) -> tuple[Case, ...]:
        """The cases that did not meet it (of a count: every case)."""
        return tuple(case for case in self.cases if not case.met)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """One of the four figures of the first page."""

    title: str
    value: str
    detail: str
    series: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One line of the trend chart."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One thing that deserves somebody's attention, in a few words and a sentence."""

    title: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRow:
    """One case that did not meet an indicator."""

    local_id: str
    day: dt.date
    requirement: str
    reason: str
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRow:
    """One decision taken against the verdict: when, by whom, for whom, what blocked, and why."""

    at: dt.datetime
    by: str
    local_id: str
    requirements: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """A pregnancy, a positive or unclear test, or another event that stops treatment."""

    local_id: str
    day: dt.date
    event: str
    followed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Counts that must add up: the parts, and the whole that they are compared with."""

    title: str
    parts: tuple[tuple[str, int], ...]
    whole: tuple[str, int]

    @property
    def balances(self) -> bool:
        """Whether the parts add up to the whole."""
        return sum(count for _, count in self.parts) == self.whole[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionRow:
    """An edition of the programme that was in force in the month, with its source."""

    edition: str
    in_force: str
    citation: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyReport:
    """Everything that the monthly report prints.

    `cut_off` is the aware instant up to which recorded evidence was counted.
    """

    clinic: str
    clinic_code: str
    programme: str
    authority: str
    time_zone: str
    month: Month
    cut_off: dt.datetime
    headline: str
    key_figures: tuple[KeyFigure, ...]
    trends: tuple[Trend, ...]
    attention: tuple[Attention, ...]
    indicators: tuple[Indicator, ...]
    exceptions: tuple[ExceptionRow, ...]
    overrides: tuple[OverrideRow, ...]
    events: tuple[EventRow, ...]
    accounts: tuple[Account, ...]
    editions: tuple[EditionRow, ...]
    language: str = "en-GB"
    demonstration: bool = False
    audit_head: str = ""

    @property
    def content_hash(self) -> str:
        """The SHA-256 of everything above in a canonical form, as 64 hexadecimal digits."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, default=_canonical)
        return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return str(value)
