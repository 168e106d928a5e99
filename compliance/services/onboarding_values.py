"""The cells of a row become a patient, or sentences that name field, found and allowed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from compliance.rules.terms import Potential, PotentialReason, Sex, Term
from compliance.services.onboarding_columns import BY_NAME, DATES
from compliance.services.patients import NewPatient, faults_of, fold

_NUMBERS = re.compile(r"(\d{1,2})\s*[./-]\s*(\d{1,2})\s*[./-]\s*(\d{4})")
_WORDS = re.compile(r"(\d{1,2})\s+(?:de\s+)?([a-z]{3,12})\.?,?\s+(?:de\s+)?(\d{4})")
_MONTHS = (
    ("jan", "ene"), ("feb",), ("mar",), ("apr", "abr"), ("may",), ("jun",), ("jul",),
    ("aug", "ago"), ("sep",), ("oct",), ("nov",), ("dec", "dic"),
)  # fmt: skip
_SEXES = {
    "f": Sex.FEMALE, "female": Sex.FEMALE, "woman": Sex.FEMALE, "mujer": Sex.FEMALE,
    "femenino": Sex.FEMALE, "male": Sex.MALE, "man": Sex.MALE, "hombre": Sex.MALE,
    "masculino": Sex.MALE, "varon": Sex.MALE, "h": Sex.MALE,
}  # fmt: skip
_POTENTIALS = {
    "": Potential.UNDETERMINED, "undetermined": Potential.UNDETERMINED,
    "unknown": Potential.UNDETERMINED, "no se sabe": Potential.UNDETERMINED,
    "indeterminado": Potential.UNDETERMINED, "yes": Potential.YES, "y": Potential.YES,
    "si": Potential.YES, "s": Potential.YES, "no": Potential.NO, "n": Potential.NO,
}  # fmt: skip
_LANGUAGES = {
    "en": "en", "english": "en", "ingles": "en",
    "es": "es", "spanish": "es", "espanol": "es", "castellano": "es",
}  # fmt: skip
_TEXTS = ("mrn", "given_name", "family_name", "email", "phone")
LEAST_WEIGHT, MOST_WEIGHT = Decimal(10), Decimal(400)  # kg


class DateForm(Term):
    """Which number of 02/04/2026 is the day."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


@dataclass(frozen=True, slots=True)
class DateQuestion:
    """A column of dates that can be read two ways, with what speaks for each."""

    field: str
    example: str
    open: int
    only_day_first: int
    only_month_first: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A patient as a row has it; `weight_kg` in kg."""

    new: NewPatient
    started_on: dt.date | None
    weight_kg: Decimal | None


@dataclass(frozen=True, slots=True)
class Setting:
    """What the rows of a file are read by; `letters` are all the sexes in the file, folded.

    `language` is the clinic's first one: it is meant where a row names none.
    """

    today: dt.date
    programmes: frozenset[str]
    prescribers: Mapping[str, int]
    language: str = "en"
    dates: Mapping[str, DateForm] = field(default_factory=dict)
    letters: frozenset[str] = frozenset()


def question_about(name: str, values: Iterable[str]) -> DateQuestion | None:
    """The question that a column of dates leaves open; None when each can be read one way only."""
    pairs = [match.groups() for value in values if (match := _NUMBERS.fullmatch(value))]
    days = [(int(first), int(second)) for first, second, _ in pairs]
    unsure = [index for index, (a, b) in enumerate(days) if a <= 12 and b <= 12 and a != b]
    if not unsure:
        return None
    return DateQuestion(
        field=name,
        example="/".join(pairs[unsure[0]]),
        open=len(unsure),
        only_day_first=sum(a > 12 and b <= 12 for a, b in days),
        only_month_first=sum(b > 12 and a <= 12 for a, b in days),
    )


def read_date(text: str, form: DateForm | None) -> dt.date:
    """A date in one of several forms; raises ValueError with what is wrong with it."""
    said = "enter a date such as 2026-04-02"
    try:
        if match := _NUMBERS.fullmatch(text):
            first, second, written = (int(part) for part in match.groups())
            return _by_form(first, second, written, form)
        if match := _WORDS.fullmatch(fold(text)):
            day, month, year = match.groups()
            return dt.date(int(year), _month(month), int(day))
        return dt.date.fromisoformat(text.removesuffix(" 00:00:00"))
    except _Ambiguous:
        raise ValueError("it can be read two ways; say which form the column has") from None
    except ValueError:
        raise ValueError(said) from None


class _Ambiguous(ValueError):
    """Day and month cannot be told apart."""


def _by_form(first: int, second: int, year: int, form: DateForm | None) -> dt.date:
    if form is None and first <= 12 and second <= 12 and first != second:
        raise _Ambiguous
    month_first = form is DateForm.MONTH_FIRST or (form is None and second > 12)
    return dt.date(year, first, second) if month_first else dt.date(year, second, first)


def _month(word: str) -> int:
    found = (index for index, starts in enumerate(_MONTHS, 1) if word.startswith(starts))
    number = next(found, None)
    if number is None:
        raise ValueError(word)
    return number


class RowReader:
    """Reads one row; collects every fault instead of stopping at the first."""

    def __init__(self, cells: Mapping[str, str], setting: Setting) -> None:
        self.cells, self.setting = cells, setting
        self.faults: list[str] = []

    def read(self) -> Incoming | None:
        """The patient, or None when `faults` says why not."""
        dates = {name: self._date(name) for name in DATES}
        words, weight, started = self._words(), self._weight(), dates["started_on"]
        self._programme()
        if dates["birth_date"] is None:
            if not self._text("birth_date"):
                self._fault("birth_date", "it is needed")
            return None
        said: dict[str, Any] = {name: self._text(name) for name in _TEXTS}
        new = NewPatient(
            birth_date=dates["birth_date"], enrolled_on=dates["enrolled_on"], **said, **words
        )
        self.faults += [
            f"{BY_NAME[name].label}: {fault}" for name, fault in self._checked(new, started).items()
        ]
        return None if self.faults else Incoming(new, started, weight)

    def _words(self) -> dict[str, Any]:
        """What is a word of a closed vocabulary."""
        return {
            "sex_at_birth": self._word("sex_at_birth", self._sexes(), None),
            "potential": self._word("potential", _POTENTIALS, Potential.UNDETERMINED),
            "reason": self._reason(),
            "language": self._word("language", _LANGUAGES, self.setting.language),
            "prescriber_id": self._word("prescriber", self.setting.prescribers, None),
        }

    def _checked(self, new: NewPatient, started: dt.date | None) -> dict[str, str]:
        today = self.setting.today
        faults = faults_of(new, today)
        if started and not new.birth_date < started <= today:
            faults["started_on"] = f"Found {started}; enter a day up to today, {today}."
        for name, longest in (
            ("mrn", 60),
            ("given_name", 120),
            ("family_name", 120),
            ("phone", 60),
        ):
            if len(getattr(new, name)) > longest:
                faults[name] = f"Found {len(getattr(new, name))} characters; allowed: {longest}."
        return faults

    def _text(self, name: str) -> str:
        return self.cells.get(name, "").strip()

    def _fault(self, name: str, said: str) -> None:
        found = f"found “{self._text(name)}”" if self._text(name) else "found nothing"
        self.faults.append(f"{BY_NAME[name].label}: {found}; {said}.")

    def _date(self, name: str) -> dt.date | None:
        if not self._text(name):
            return None
        try:
            return read_date(self._text(name), self.setting.dates.get(name))
        except ValueError as error:
            self._fault(name, str(error))
            return None

    def _word(self, name: str, known: Mapping[str, Any], otherwise: Any) -> Any:
        said = fold(self._text(name))
        if said and said not in known:
            self._fault(name, f"allowed: {BY_NAME[name].allowed}")
        return known.get(said, otherwise)

    def _sexes(self) -> Mapping[str, Sex]:
        """An M means male beside an F, and mujer beside an H; alone it is not guessed."""
        letters = self.setting.letters
        if "h" in letters and "f" not in letters:
            return {**_SEXES, "m": Sex.FEMALE}
        if "f" in letters and "h" not in letters:
            return {**_SEXES, "m": Sex.MALE}
        return _SEXES

    def _reason(self) -> PotentialReason | None:
        known = {item.value.replace("-", " "): item for item in PotentialReason}
        said = fold(self._text("reason")).replace("-", " ")
        if said and said not in known:
            self._fault("reason", f"allowed: {', '.join(item.value for item in PotentialReason)}")
        return known.get(said)

    def _programme(self) -> None:
        if self._text("programme") and fold(self._text("programme")) not in self.setting.programmes:
            self._fault("programme", "allowed is the clinic's own programme")

    def _weight(self) -> Decimal | None:
        text = self._text("weight_kg").lower().removesuffix("kg").strip().replace(",", ".")
        if not text:
            return None
        weight = _number(text)
        if weight is None or not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
            self._fault("weight_kg", f"allowed: {LEAST_WEIGHT} to {MOST_WEIGHT} kg")
            return None
        return weight


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
