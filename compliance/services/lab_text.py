"""Laboratory text to exact values: numbers, ranges, answers, days; a doubt becomes a sentence."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from compliance.rules.terminology import Answers, Terminology, plain
from compliance.services.incoming import Coded, Stamp, Value

_NUMBER = re.compile(
    r"(?P<comparator><=|>=|<|>|≤|≥|=)?\s*(?P<number>[+-]?[0-9]{1,12}(?:[.,][0-9]{1,20})?)\Z"
)
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}\Z")
_SEVERAL = re.compile(r"[0-9]\s*(?:[-–:/]|to|bis)\s*[0-9]")
_SIGNS = {"≤": "<=", "≥": ">=", "=": ""}
_UPPER = re.compile(r"(?:<=?|≤|up to|bis)\s*([0-9]+(?:[.,][0-9]+)?)\Z")
_SPAN = re.compile(
    r"[0-9]+(?:[.,][0-9]+)?\s*(?:-|–|_|to|bis)\s*([0-9]+(?:[.,][0-9]+)?)\Z",
)


class Doubt(Exception):
    """A text that has not one certain meaning; its words are the reason that a person is shown."""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number and its comparator: <, <=, >, >= or none."""

    value: Decimal
    comparator: str = ""
    text: str = ""

    def __str__(self) -> str:
        return f"{self.comparator}{self.text}"


def read_number(value: Value) -> Number:
    """The one number of a value; raises Doubt for anything else."""
    if value.repeated:
        raise Doubt("Several values were sent where one is expected.")
    text = " ".join(value.text.split())
    if value.structured is not None:
        comparator, first, separator, second = (part.strip() for part in value.structured)
        if separator or second:
            raise Doubt(f"“{_short(text)}” is a range, a ratio or a titre, not one number.")
        text = f"{comparator}{first}"
    return _number(text)


def _number(text: str) -> Number:
    if not text:
        raise Doubt("The laboratory sent no value.")
    found = _NUMBER.match(text)
    if found is None:
        if _SEVERAL.search(text):
            raise Doubt(f"“{_short(text)}” is a range, a ratio or a titre, not one number.")
        raise Doubt(f"“{_short(text)}” is not a number.")
    written = found["number"]
    if _THOUSANDS.match(written):
        raise Doubt(f"“{_short(text)}” can be a decimal comma or a thousands separator.")
    exact = written.replace(",", ".").lstrip("+")
    comparator = found["comparator"] or ""
    return Number(Decimal(exact), _SIGNS.get(comparator, comparator), exact)


def read_upper_limit(reference_range: str) -> str:
    """The upper end of a laboratory's range, or "" when it has none that is plain."""
    text = " ".join(reference_range.casefold().strip("[]() ").split())
    found = _UPPER.match(text) or _SPAN.match(text)
    return found.group(1).replace(",", ".") if found else ""


def read_answer(value: Value, answers: Answers, terms: Terminology) -> str:
    """What a worded or coded answer means in the table; "" when nothing was sent.

    Every word that was sent must be in the table and all must agree; raises Doubt otherwise.
    """
    if value.repeated:
        raise Doubt("Several values were sent where one is expected.")
    codings = value.codings or ((Coded(text=value.text),) if value.text else ())
    found = {meaning for coding in codings for meaning in _meanings(coding, answers, terms)}
    if len(found) > 1:
        raise Doubt(f"“{_short(value.text)}” was sent with codes and words that disagree.")
    if not found and codings:
        raise Doubt(f"“{_short(value.text)}” is not in the table of answers.")
    return next(iter(found), "")


def _meanings(coding: Coded, answers: Answers, terms: Terminology) -> set[str]:
    found = set()
    system = terms.system(coding.system)
    by_code = answers.codes.get((system, coding.code.casefold())) if system else None
    if by_code is not None:
        found.add(by_code)
    words = coding.text or ("" if by_code else coding.code)
    if words:
        by_words = answers.words.get(plain(words))
        if by_words is None:
            raise Doubt(f"“{_short(words)}” is not in the table of answers.")
        found.add(by_words)
    return found


def read_collected(stamp: Stamp, zone: ZoneInfo, now: dt.datetime) -> dt.date | dt.datetime:
    """The clinic-local time of collection, or its day; raises Doubt without one, or in the future.

    Midnight is how laboratories write that they know the day only: the day then stays as written.
    """
    if not stamp.text:
        raise Doubt("No time of collection was sent.")
    if stamp.day is None:
        raise Doubt(f"The time of collection “{_short(stamp.text)}” names no single day.")
    local = _local(stamp, zone)
    today = now.astimezone(zone)
    late = local > today.replace(tzinfo=None) if isinstance(local, dt.datetime) else (
        local > today.date()
    )  # fmt: skip
    if late:
        raise Doubt(f"The time of collection “{_short(stamp.text)}” lies in the future.")
    return local


def _local(stamp: Stamp, zone: ZoneInfo) -> dt.date | dt.datetime:
    moment = stamp.moment
    if moment is None or stamp.day is None or moment.time() == dt.time(0):
        return stamp.day or dt.date.max
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(zone).replace(tzinfo=None)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:79]}…"
