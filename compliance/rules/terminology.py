"""What laboratories write and what it means: analytes, codes, units, words; read strictly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from compliance.rules.strict_toml import Table, TerminologyError
from compliance.rules.terms import Analyte, Specimen, TestResult

FOLDER = Path(__file__).resolve().parent.parent / "terminology"
FILES = ("analytes.toml", "coding.toml", "pregnancy.toml")
PROPERTIES = ("mass", "moles", "mass-or-moles", "activity", "arbitrary")
_LOINC = re.compile(r"[1-9][0-9]{0,6}-[0-9]\Z")

__all__ = ["Terminology", "TerminologyError", "load_terminology"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of belief in one unit: beyond `query` ask a person, beyond `refuse` never file."""

    query_below: Fraction | None = None
    query_above: Fraction | None = None
    refuse_below: Fraction | None = None
    refuse_above: Fraction | None = None

    def scaled(self, factor: Fraction) -> Limits:
        """The same limits in another unit."""
        return Limits(
            *(
                None if limit is None else limit * factor
                for limit in (
                    self.query_below,
                    self.query_above,
                    self.refuse_below,
                    self.refuse_above,
                )
            )
        )


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A number at or beyond this point was most likely written in another unit."""

    unit: str
    below: Fraction | None = None
    from_: Fraction | None = None

    def covers(self, value: Fraction) -> bool:
        """Whether the value lies on the suspect side."""
        low = self.below is not None and value < self.below
        return low or (self.from_ is not None and value >= self.from_)


@dataclass(frozen=True, slots=True)
class AnalyteTerms:
    """One analyte: its units (how many make one of the first), and how far a number is believed."""

    analyte: Analyte
    name: str
    units: Mapping[str, Fraction]
    properties: Mapping[str, tuple[str, ...]]
    read_as: Mapping[str, str]
    limits: Mapping[str, Limits]
    suspicions: Mapping[str, Suspicion]
    words: tuple[str, ...]
    unlike: tuple[str, ...]

    def convert(self, value: Fraction | Decimal, unit: str, to: str) -> Fraction:
        """The value in another unit of this analyte, exactly; any other unit raises KeyError."""
        return Fraction(value) * self.units[to] / self.units[unit]


@dataclass(frozen=True, slots=True)
class LabCode:
    """A LOINC code of an analyte, with the property that decides which units it may carry."""

    loinc: str
    analyte: Analyte
    property: str
    fasting: bool | None = None
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Answers:
    """Words and coded answers, each with what it means."""

    words: Mapping[str, str]
    codes: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class PregnancyTerms:
    """Pregnancy tests, the words they are written in, and the statements that are no test."""

    negative_below: Fraction
    positive_from: Fraction
    tests: Mapping[str, Specimen]
    test_words: tuple[str, ...]
    readings: Answers
    positive_flags: frozenset[str]
    doubtful_flags: frozenset[str]
    doubts: tuple[str, ...]
    statement_codes: frozenset[str]
    statement_words: tuple[str, ...]
    statements: Answers
    assertions: tuple[str, ...]
    denials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terminology:
    """Everything that terminology/*.toml says."""

    analytes: Mapping[Analyte, AnalyteTerms]
    codes: Mapping[str, LabCode]
    systems: Mapping[str, str]
    units: Mapping[str, str]
    elsewhere: tuple[str, ...]
    pregnancy: PregnancyTerms

    def system(self, spelling: str) -> str:
        """The system that a spelling names, such as "loinc", or "" when it is not in the table."""
        return self.systems.get(squeeze(spelling), "")

    def unit(self, spelling: str) -> str:
        """The UCUM unit that a spelling names, or "" when it is not in the table."""
        return self.units.get(squeeze(spelling), "")


def squeeze(text: str) -> str:
    """A spelling as it is compared: no capitals, no spaces."""
    return "".join(text.casefold().split())


def plain(text: str) -> str:
    """Words as they are compared: no capitals, single spaces, no dots or colons around."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split()).strip(" .:;,!*()[]\"'")


def has_word(text: str, words: tuple[str, ...]) -> bool:
    """Whether the text holds one of the words or phrases, as whole words."""
    return _pattern(words).search(plain(text)) is not None


def without(text: str, words: tuple[str, ...]) -> str:
    """The text without these words and phrases."""
    return _pattern(words).sub(" ", plain(text))


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    phrases = (r"[\W_]+".join(map(re.escape, re.findall(r"[^\W_]+", word))) for word in words)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(phrases) or '(?!)'})(?![^\W_])")


def is_loinc(code: str) -> bool:
    """Whether the text has the form and the check digit of a LOINC code."""
    if not _LOINC.match(code):
        return False
    digits, check = code.split("-")
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return (10 - total % 10) % 10 == int(check)


@cache
def load_terminology(folder: Path = FOLDER) -> Terminology:
    """Read terminology/*.toml; TerminologyError names file, key, what was found and is allowed."""
    analytes, coding, pregnancy = (Table.load(folder, name) for name in FILES)
    known = {item.analyte: item for item in (_analyte(analytes, key) for key in list(analytes))}
    for term in Analyte:
        if term not in known:
            raise TerminologyError("analytes.toml", term, "nothing", "a table for every analyte")
    codes = _codes(analytes)
    systems, units, elsewhere = _coding(coding)
    _units_are_spelled(known.values(), units)
    return Terminology(known, codes, systems, units, elsewhere, _pregnancy(pregnancy, codes))


def _analyte(tables: Table, key: str) -> AnalyteTerms:
    table = tables.table(key)
    analyte = table.checked(key, key, [str(term) for term in Analyte])
    table.skip("codes")
    units = {
        unit: table.exact(f"units.{unit}", text) for unit, text in table.texts("units").items()
    }
    terms = AnalyteTerms(
        analyte=Analyte(analyte),
        name=table.text("name"),
        units=units,
        properties=_properties(table, units),
        read_as=_known_units(table, table.texts("read_as", {}), units),
        limits=_limits(table, units),
        suspicions=_suspicions(table, units),
        words=table.words("words"),
        unlike=table.words("unlike", ()),
    )
    table.done()
    return terms


def _properties(table: Table, units: Mapping[str, Fraction]) -> dict[str, tuple[str, ...]]:
    inner = table.table("properties")
    found = {}
    for name in inner:
        inner.checked(name, name, PROPERTIES)
        found[name] = tuple(inner.checked(name, unit, list(units)) for unit in inner.listed(name))
    return found


def _known_units(
    table: Table, pairs: Mapping[str, str], units: Mapping[str, Fraction]
) -> dict[str, str]:
    for spelling, unit in pairs.items():
        table.checked(f"read_as.{spelling}", unit, list(units))
    return dict(pairs)


def _limits(table: Table, units: Mapping[str, Fraction]) -> dict[str, Limits]:
    inner = table.table("limits")
    given: dict[str, Limits] = {}
    for unit in inner:
        inner.checked(unit, unit, list(units))
        limits = inner.table(unit)
        names = ("query_below", "query_above", "refuse_below", "refuse_above")
        given[unit] = Limits(*(limits.number(name) for name in names))
        limits.done()
    first, known = next(iter(given.items()))
    return {
        unit: given.get(unit) or known.scaled(factor / units[first])
        for unit, factor in units.items()
    }


def _suspicions(table: Table, units: Mapping[str, Fraction]) -> dict[str, Suspicion]:
    if "probably" not in table:
        return {}
    inner = table.table("probably")
    found = {}
    for unit in inner:
        inner.checked(unit, unit, list(units))
        entry = inner.table(unit)
        other = entry.checked("unit", entry.text("unit"), [name for name in units if name != unit])
        found[unit] = Suspicion(other, entry.number("below"), entry.number("from"))
        entry.done()
    return found


def _codes(tables: Table) -> dict[str, LabCode]:
    codes: dict[str, LabCode] = {}
    for key in list(tables):
        table = tables.table(key)
        allowed = list(table.table("properties"))
        for entry in table.tables("codes"):
            code = LabCode(
                loinc=_loinc(entry, "loinc", entry.text("loinc")),
                analyte=Analyte(key),
                property=entry.checked("property", entry.text("property"), allowed),
                fasting=entry.truth("fasting", None),
                confirmed=bool(entry.truth("confirmed", True)),
            )
            entry.done()
            if code.loinc in codes:
                raise TerminologyError(tables.file, f"{key}.codes", code.loinc, "each code once")
            codes[code.loinc] = code
    return codes


def _loinc(table: Table, key: str, code: str) -> str:
    if not is_loinc(code):
        raise TerminologyError(
            table.file, table.path(key), code, "a LOINC code with its check digit"
        )
    return code


def _coding(table: Table) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    systems = _spellings(table.table("systems"))
    units = _spellings(table.table("units"))
    inner = table.table("elsewhere")
    elsewhere = inner.words("words")
    inner.done()
    table.done()
    return systems, units, elsewhere


def _spellings(table: Table) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in table:
        for spelling in table.listed(name):
            if found.setdefault(squeeze(spelling), name) != name:
                allowed = f"one meaning (it is {found[squeeze(spelling)]} already)"
                raise TerminologyError(table.file, table.path(name), spelling, allowed)
    return found


def _units_are_spelled(analytes: Any, units: Mapping[str, str]) -> None:
    spelled = set(units.values())
    for terms in analytes:
        for unit in (*terms.units, *terms.read_as):
            if unit not in spelled:
                key = f"{terms.analyte}.units"
                raise TerminologyError("analytes.toml", key, unit, "a unit of coding.toml")


def _pregnancy(table: Table, lab_codes: Mapping[str, LabCode]) -> PregnancyTerms:
    tests, flags = table.table("tests"), table.table("flags")
    statements, assertions = table.table("statements"), table.table("assertions")
    terms = PregnancyTerms(
        negative_below=tests.needed_number("negative_below"),
        positive_from=tests.needed_number("positive_from"),
        tests=_test_codes(tests, lab_codes),
        test_words=tests.words("words"),
        readings=_readings(table),
        positive_flags=frozenset(flags.listed("positive")),
        doubtful_flags=frozenset(flags.listed("doubtful")),
        doubts=_only_words(table, "doubt"),
        statement_codes=frozenset(
            _loinc(statements, "loinc", code) for code in statements.listed("loinc")
        ),
        statement_words=statements.words("words"),
        statements=_statement_answers(statements),
        assertions=assertions.words("words"),
        denials=assertions.words("denials"),
    )
    for inner in (tests, flags, statements, assertions, table):
        inner.done()
    return terms


def _only_words(table: Table, key: str) -> tuple[str, ...]:
    inner = table.table(key)
    words = inner.words("words")
    inner.done()
    return words


def _test_codes(table: Table, lab_codes: Mapping[str, LabCode]) -> dict[str, Specimen]:
    found: dict[str, Specimen] = {}
    for specimen in Specimen:
        for code in table.listed(specimen.value):
            if (
                code in lab_codes
                or found.setdefault(_loinc(table, specimen, code), specimen) != specimen
            ):
                raise TerminologyError(table.file, table.path(specimen), code, "one meaning a code")
    return found


def _readings(table: Table) -> Answers:
    inner = table.table("readings")
    words: dict[str, str] = {}
    for result in TestResult:
        _meanings(inner, result.value, inner.words(result.value), result.value, words)
    inner.done()
    codes: dict[tuple[str, str], str] = {}
    answers = table.table("answers")
    for system in answers:
        entry = answers.table(system)
        for result in TestResult:
            pairs = ((system, code.casefold()) for code in entry.listed(result.value))
            _meanings(entry, result.value, pairs, result.value, codes)
        entry.done()
    return Answers(words, codes)


def _statement_answers(table: Table) -> Answers:
    words: dict[str, str] = {}
    codes: dict[tuple[str, str], str] = {}
    for meaning in ("no", "not_known"):
        _meanings(table, meaning, table.words(meaning), meaning, words)
        entry = table.table(f"codes_{meaning}")
        for system in entry:
            pairs = ((system, code.casefold()) for code in entry.listed(system))
            _meanings(entry, system, pairs, meaning, codes)
    return Answers(words, codes)


def _meanings(table: Table, key: str, keys: Any, meaning: str, into: dict[Any, str]) -> None:
    for word in keys:
        if into.setdefault(word, meaning) != meaning:
            raise TerminologyError(
                table.file, table.path(key), word, f"one meaning, not {into[word]} too"
            )
