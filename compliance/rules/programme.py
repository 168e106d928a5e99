"""Programme files: every number that a regulator wrote, valued by edition, with its citation."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules.facts import Adoption
from compliance.rules.findings import Citation, Provision
from compliance.rules.parameters import PARAMETERS
from compliance.rules.terms import Binding, Requirement, Term

FOLDER = Path(__file__).resolve().parent.parent / "programmes"


class JudgedOn(Term):
    """The act whose date selects the edition."""

    INITIATION = "initiation"
    FIRST_DOSE = "first-dose"
    TEST = "test"
    PRESCRIPTION = "prescription"
    DISPENSING = "dispensing"
    LAST_DOSE = "last-dose"
    ACT = "act"


class LedBy(Term):
    """Who lets the medicine out: a registry by a test's window, or each prescription itself."""

    REGISTRY = "registry"
    PRESCRIBER = "prescriber"


class SourceKind(Term):
    """Who says it: the authority, a professional body, a secondary text, or we ourselves."""

    AUTHORITY = "authority"
    PROFESSIONAL = "professional"
    SECONDARY = "secondary"
    OWN = "own"


class ProgrammeError(ValueError):
    """A programme file that cannot be read: file, key, what was found, what is allowed."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}")
        self.file = file
        self.key = key
        self.problem = problem


class NoEditionError(LookupError):
    """No edition of the programme is recorded for a day: what it asked then is not known."""

    def __init__(self, day: dt.date) -> None:
        super().__init__(day)
        self.day = day


@dataclass(frozen=True, slots=True)
class Edition:
    """One published version; an unconfirmed one applies by the clinic's adoption only."""

    id: str
    published: dt.date
    in_force_from: dt.date
    confirmed: bool
    summary: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that a programme says, with its value in each edition."""

    name: str
    requirement: Requirement
    binding: Binding
    judged_on: JudgedOn
    meaning: str
    by_edition: Mapping[str, Provision]


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """The rules of one authority for this medicine, through all their editions."""

    id: str
    name: str
    authority: str
    jurisdiction: str
    time_zone: str
    notice: str
    editions: tuple[Edition, ...]
    parameters: Mapping[str, Parameter]
    _provisions: Mapping[str, Mapping[str, Provision]]
    led_by: LedBy = LedBy.REGISTRY
    _timelines: dict[tuple[Adoption, ...], tuple[tuple[dt.date, Edition], ...]] = field(
        default_factory=dict
    )

    def edition_on(self, day: dt.date, adoptions: tuple[Adoption, ...] = ()) -> Edition | None:
        """The edition that this clinic works by on a day; None before the first."""
        for start, edition in self.timeline(adoptions):
            if start <= day:
                return edition
        return None

    def timeline(self, adoptions: tuple[Adoption, ...] = ()) -> tuple[tuple[dt.date, Edition], ...]:
        """Each edition with the clinic's first day of working by it, the newest edition first."""
        known = self._timelines.get(adoptions)
        if known is None:
            known = self._timelines[adoptions] = tuple(self._starts(adoptions))
        return known

    def provision(self, name: str, day: dt.date, adoptions: tuple[Adoption, ...] = ()) -> Provision:
        """A parameter's value on a day; a value of None means that nothing is required.

        Raises NoEditionError when no edition is known for the day, and for a parameter that the
        edition is silent about.
        """
        found = self.provisions_on(day, adoptions).get(name)
        if found is None:
            raise NoEditionError(day)
        return found

    def provisions_on(
        self, day: dt.date, adoptions: tuple[Adoption, ...] = ()
    ) -> Mapping[str, Provision]:
        """Every provision in force on a day, by parameter name; none before the first edition."""
        edition = self.edition_on(day, adoptions)
        return self._provisions[edition.id] if edition else {}

    def provisions_of(self, edition_id: str) -> Mapping[str, Provision]:
        """Every provision of one edition, by parameter name."""
        return self._provisions[edition_id]

    def _starts(self, adoptions: tuple[Adoption, ...]) -> Iterable[tuple[dt.date, Edition]]:
        adopted = {item.edition: item.on for item in sorted(adoptions, key=_latest_first)}
        for edition in reversed(self.editions):
            on = adopted.get(edition.id)
            if edition.confirmed:
                yield max(edition.in_force_from, on or edition.in_force_from), edition
            elif on is not None:
                yield max(edition.published, on), edition


def _latest_first(adoption: Adoption) -> int:
    return -adoption.on.toordinal()


@cache
def load_programme(programme_id: str) -> Programme:
    """The programme of this id; raises ProgrammeError, KeyError for an unknown id."""
    if programme_id not in programme_ids():
        raise KeyError(programme_id)
    return read_programme(FOLDER / f"{programme_id}.toml")


@cache
def programme_ids() -> tuple[str, ...]:
    """The ids of all programmes that have a file."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def read_programme(path: Path) -> Programme:
    """Read one file strictly; ProgrammeError names file, key, what was found and is allowed."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProgrammeError(path.name, "the file", f"cannot be read: {error}") from None
    return _Reader(path.name, path.stem).programme(data)


_Checks = Mapping[str, tuple[Callable[[Any], Any], str]]
_TEXT = (lambda value: _instance(value, str), "text that is not empty")
_DATE = (lambda value: _instance(value, dt.date), "a local date such as 2026-04-02")
_TRUTH = (lambda value: _instance(value, bool), "true or false")
_TABLE = (lambda value: _instance(value, dict), "a table")
_ROWS = (lambda value: _instance(value, list), "a list of tables")
_PROGRAMME: _Checks = {
    "id": _TEXT,
    "name": _TEXT,
    "authority": _TEXT,
    "jurisdiction": _TEXT,
    "time_zone": (lambda value: str(ZoneInfo(value)), "a name of the IANA time zone database"),
    "notice": _TEXT,
    "led_by": (LedBy, " | ".join(str(item) for item in LedBy)),
    "edition": _ROWS,
    "sources": _TABLE,
    "parameters": _TABLE,
}
_EDITION: _Checks = {
    "id": _TEXT,
    "published": _DATE,
    "in_force_from": _DATE,
    "confirmed": _TRUTH,
    "summary": _TEXT,
    "source": _TEXT,
}
_SOURCE: _Checks = {
    "title": _TEXT,
    "href": (lambda value: value if isinstance(value, str) else int("x"), "an address"),
    "published": _TEXT,
    "kind": (SourceKind, " | ".join(str(item) for item in SourceKind)),
}
_PARAMETER: _Checks = {
    "requirement": (Requirement, " | ".join(str(item) for item in Requirement)),
    "binding": (Binding, " | ".join(str(item) for item in Binding)),
    "judged_on": (JudgedOn, " | ".join(str(item) for item in JudgedOn)),
    "meaning": _TEXT,
    "by_edition": _TABLE,
}
_VALUE: _Checks = {
    "value": (lambda value: value, "the parameter's value"),
    "not_required": (lambda value: value if value is True else int("x"), "true"),
    "not_stated": (lambda value: value if value is True else int("x"), "true"),
    "binding": (Binding, " | ".join(str(item) for item in Binding)),
    "source": _TEXT,
    "locator": _TEXT,
    "verified": _TRUTH,
}

_ONE_OF = {"value", "not_required", "not_stated"}


def _instance(value: Any, kind: type[Any]) -> Any:
    if type(value) is not kind or value in ("", {}, []):
        raise TypeError
    return value


class _Reader:
    """Reads one file and names the key of the first fault."""

    def __init__(self, file: str, stem: str) -> None:
        self.file = file
        self.stem = stem
        self.sources: dict[str, Any] = {}
        self.editions: list[str] = []

    def programme(self, data: Mapping[str, Any]) -> Programme:
        top = self.table("", data, _PROGRAMME, {"led_by"})
        if top["id"] != self.stem:
            self.fault("id", f"found {top['id']!r} (allowed: the name of the file, {self.stem!r})")
        self.sources = {
            key: self.table(f"sources.{key}", item, _SOURCE) for key, item in top["sources"].items()
        }
        editions = tuple(
            self.edition(f"edition[{number}]", item)
            for number, item in enumerate(top["edition"], 1)
        )
        parameters = {name: self.parameter(name, item) for name, item in top["parameters"].items()}
        return Programme(
            top["id"],
            top["name"],
            top["authority"],
            top["jurisdiction"],
            top["time_zone"],
            top["notice"],
            editions,
            parameters,
            {item.id: _of_edition(item.id, parameters) for item in editions},
            top.get("led_by", LedBy.REGISTRY),
        )

    def edition(self, where: str, item: Any) -> Edition:
        read = self.table(where, item, _EDITION)
        if read["id"] in self.editions:
            self.fault(f"{where}.id", f"{read['id']!r} stands twice")
        self.editions.append(read["id"])
        citation = self.citation(where, {"source": read.pop("source")})
        return Edition(**read, citation=citation)

    def parameter(self, name: str, item: Any) -> Parameter:
        where = f"parameters.{name}"
        if name not in PARAMETERS:
            self.fault(where, f"unknown key (allowed: {', '.join(PARAMETERS)})")
        read = self.table(where, item, _PARAMETER)
        by_edition = read.pop("by_edition")
        for edition in by_edition:
            if edition not in self.editions:
                self.fault(
                    f"{where}.by_edition",
                    f"found {edition!r} (allowed: {', '.join(self.editions)})",
                )
        values = self.inherited(name, read["binding"], by_edition)
        return Parameter(name=name, **read, by_edition=values)

    def inherited(
        self, name: str, binding: Binding, by_edition: Mapping[str, Any]
    ) -> dict[str, Provision]:
        """A later edition keeps the value of the one before unless the file gives its own."""
        values: dict[str, Provision] = {}
        newest: Mapping[str, Any] | None = None
        for edition in self.editions:
            newest = by_edition.get(edition, newest)
            if newest is not None:
                values[edition] = self.provision(name, binding, edition, newest)
        return values

    def provision(self, name: str, binding: Binding, edition: str, item: Any) -> Provision:
        where = f"parameters.{name}.by_edition.{edition}"
        read = self.table(where, item, _VALUE, set(_VALUE) - {"source"})
        if len(_ONE_OF & set(read)) != 1:
            named = ", ".join(sorted(_ONE_OF))
            self.fault(where, f"found several or none of: {named} (allowed: one of them)")
        value = None
        if "value" in read:
            convert, allowed = PARAMETERS[name]
            value = self.value(f"{where}.value", read["value"], convert, allowed)
        said = read.get("binding", binding)
        stated = "not_stated" not in read
        return Provision(name, value, said, edition, self.citation(where, read), stated)

    def citation(self, where: str, read: Mapping[str, Any]) -> Citation:
        key = read["source"]
        if key not in self.sources:
            self.fault(f"{where}.source", f"found {key!r} (allowed: {', '.join(self.sources)})")
        source = self.sources[key]
        return Citation(
            source["title"],
            source["href"],
            source["published"],
            read.get("locator", ""),
            read.get("verified", source["kind"] is not SourceKind.OWN),
        )

    def table(
        self, where: str, item: Any, checks: _Checks, optional: Iterable[str] = ()
    ) -> dict[str, Any]:
        if not isinstance(item, dict):
            self.fault(where, f"found {item!r} (allowed: a table)")
        for key in item:
            if key not in checks:
                self.fault(_join(where, key), f"unknown key (allowed: {', '.join(checks)})")
        for key in checks:
            if key not in item and key not in optional:
                self.fault(_join(where, key), f"missing (required: {checks[key][1]})")
        return {
            key: self.value(_join(where, key), value, *checks[key]) for key, value in item.items()
        }

    def value(self, where: str, value: Any, convert: Callable[[Any], Any], allowed: str) -> Any:
        try:
            return convert(value)
        except (ValueError, TypeError, KeyError):
            self.fault(where, f"found {value!r} (allowed: {allowed})")

    def fault(self, key: str, problem: str) -> Any:
        raise ProgrammeError(self.file, key, problem)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _of_edition(edition: str, parameters: Mapping[str, Parameter]) -> dict[str, Provision]:
    return {
        name: parameter.by_edition[edition]
        for name, parameter in parameters.items()
        if edition in parameter.by_edition
    }
