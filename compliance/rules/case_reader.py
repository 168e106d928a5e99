"""The strict reader of case files: a record as dated facts, questions, expected answers."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules.facts import (
    KINDS,
    Adoption,
    ClinicTerms,
    Fact,
    FactError,
    Record,
    read_adoption,
    read_fact,
)
from compliance.rules.findings import Question
from compliance.rules.programme import load_programme, programme_ids
from compliance.rules.terms import (
    Act,
    Analyte,
    LabSchedule,
    Profession,
    Requirement,
    Sex,
    Term,
    Verdict,
)


class CaseError(ValueError):
    """A case that cannot be read: file, key, what was found, what is allowed."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}" if key else f"{file}: {problem}")
        self.file = file
        self.key = key
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Ask:
    """One question of a case, its moment as it was written, and the answer it must get, if any."""

    written_at: dt.datetime
    question: Question
    expect: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Case:
    """A record with its questions."""

    id: str
    title: str
    programme: str
    note: str
    record: Record
    terms: ClinicTerms
    asks: tuple[Ask, ...]


Check = tuple[Callable[[Any], Any], str, bool]
REQUIRED, OPTIONAL = True, False


def read_case(path: Path, *, questions_needed: bool = True) -> Case:
    """Read one case strictly; raises CaseError naming file, key, what was found and is allowed.

    A case may come without questions where the caller asks its own.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(str(path), "", f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CaseError(str(path), "", "is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise CaseError(str(path), "", f"is not TOML: {error}") from None
    return _Reader(str(path), questions_needed).case(data, path.stem)


def read_case_fact(source: str, kind: str, row: Mapping[str, Any]) -> Fact:
    """Read one fact as a case file has it, from TOML values; raises CaseError naming the key."""
    if kind not in KINDS:
        raise CaseError(source, kind, f"unknown kind (allowed: {', '.join(KINDS)})")
    return _Reader(source).fact(kind, kind, row)


def _exactly(kind: type[Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError
        return value

    return read


def _text(value: Any) -> str:
    if type(value) is not str or not value.strip():
        raise TypeError
    return value


def _zone(value: Any) -> str:
    try:
        ZoneInfo(_text(value))
    except (LookupError, OSError):
        raise ValueError from None
    return str(value)


def _count(least: int) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not int or value < least:
            raise TypeError
        return value

    return read


def _one_of(words: Iterable[str]) -> tuple[Callable[[Any], Any], str]:
    allowed = tuple(words)

    def read(value: Any) -> Any:
        if type(value) is not str or value not in allowed:
            raise ValueError
        return value

    return read, " | ".join(allowed)


def _term(term: type[Term]) -> tuple[Callable[[Any], Any], str]:
    return _one_of(str(item) for item in term)


def _list_of(words: Iterable[str]) -> tuple[Callable[[Any], Any], str]:
    read, allowed = _one_of(words)

    def read_all(value: Any) -> Any:
        return [read(item) for item in _exactly(list)(value)]

    return read_all, f"a list of: {allowed}"


def _days(value: Any) -> list[dt.date]:
    first, last = (_exactly(dt.date)(day) for day in _exactly(list)(value))
    if first > last:
        raise ValueError
    return [first, last]


def _day_or_days(value: Any) -> list[dt.date]:
    return [value, value] if type(value) is dt.date else _days(value)


def _map_of(
    words: Iterable[str], read: Callable[[Any], Any], allowed: str
) -> tuple[Callable[[Any], Any], str]:
    key, keys = _one_of(words)

    def read_all(value: Any) -> Any:
        return {key(name): read(item) for name, item in _exactly(dict)(value).items()}

    return read_all, f"a table of {allowed}; keys: {keys}"


def _grade(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 5:
        raise ValueError
    return value


_REQUIREMENTS = tuple(str(item) for item in Requirement)
_DATE = (_exactly(dt.date), "a local date such as 2026-04-02")
_MOMENT = (_exactly(dt.datetime), "a local or offset date-time such as 2026-04-02T09:30:00")
_WORDS = (_text, "text that is not empty")
_TOP: Mapping[str, Check] = {
    "id": (*_WORDS, REQUIRED),
    "title": (*_WORDS, REQUIRED),
    "programme": (*_one_of(programme_ids()), REQUIRED),
    "time_zone": (_zone, "a name of the IANA time zone database", REQUIRED),
    "note": (*_WORDS, OPTIONAL),
    "lab_plan": (_exactly(dict), "a table", OPTIONAL),
    "patient": (_exactly(dict), "a table", REQUIRED),
    "adoption": (_exactly(list), "[[adoption]] tables", OPTIONAL),
    **{kind: (_exactly(list), f"[[{kind}]] tables", OPTIONAL) for kind in KINDS},
    "ask": (_exactly(list), "[[ask]] tables, at least one", REQUIRED),
}
_PATIENT: Mapping[str, Check] = {
    "born": (*_DATE, REQUIRED),
    "sex_at_birth": (*_term(Sex), OPTIONAL),
}
_LAB_PLAN: Mapping[str, Check] = {"schedule": (*_term(LabSchedule), REQUIRED)}
_ASK: Mapping[str, Check] = {
    "at": (*_MOMENT, REQUIRED),
    "act": (*_term(Act), REQUIRED),
    "days_supply": (_count(1), "a whole number, 1 or more", OPTIONAL),
    "refills": (_count(0), "a whole number, 0 or more", OPTIONAL),
    "by": (*_term(Profession), OPTIONAL),
    "expect": (_exactly(dict), "a table", OPTIONAL),
}
_EXPECT: Mapping[str, Check] = {
    "permitted": (*_term(Verdict), OPTIONAL),
    "blocked_by": (*_list_of(_REQUIREMENTS), OPTIONAL),
    "not_blocked_by": (*_list_of(_REQUIREMENTS), OPTIONAL),
    "warnings": (*_list_of(_REQUIREMENTS), OPTIONAL),
    "window": (_days, "two dates, [first, last], the first not after the last", OPTIONAL),
    "earliest": (*_DATE, OPTIONAL),
    "due": (*_map_of(_REQUIREMENTS, _day_or_days, "one date or [first, last]"), OPTIONAL),
    "grades": (*_map_of((str(a) for a in Analyte), _grade, "grades from 0 to 5"), OPTIONAL),
}


class _Reader:
    """Reads one file and names the key of the first fault."""

    def __init__(self, file: str, questions_needed: bool = True) -> None:
        self.file = file
        self.questions_needed = questions_needed

    def case(self, data: Mapping[str, Any], stem: str) -> Case:
        if not self.questions_needed:
            data = {"ask": [], **data}
        top = self.table("", data, _TOP)
        if top["id"] != stem:
            self.fault("id", f"found {top['id']!r} (allowed: the name of the file, {stem!r})")
        record = self.record(top)
        asks = tuple(
            self.ask(f"ask[{number}]", item, top["time_zone"], record.born)
            for number, item in enumerate(top["ask"], 1)
        )
        if not asks and self.questions_needed:
            self.fault("ask", "missing: a case asks at least one question")
        return Case(
            top["id"],
            top["title"],
            top["programme"],
            top.get("note", ""),
            record,
            self.terms(top),
            asks,
        )

    def record(self, top: Mapping[str, Any]) -> Record:
        """The patient and the facts of a case."""
        patient = self.table("patient", top["patient"], _PATIENT)
        sex = patient.get("sex_at_birth")
        return Record(
            born=patient["born"],
            sex_at_birth=Sex(sex) if sex else None,
            facts=tuple(self.facts(top)),
        )

    def terms(self, top: Mapping[str, Any]) -> ClinicTerms:
        plan = top.get("lab_plan")
        chosen = self.table("lab_plan", plan, _LAB_PLAN)["schedule"] if plan is not None else None
        return ClinicTerms(
            time_zone=top["time_zone"],
            adoptions=tuple(self.adoptions(top)),
            lab_schedule=LabSchedule(chosen) if chosen else None,
        )

    def adoptions(self, top: Mapping[str, Any]) -> Iterable[Adoption]:
        editions = [edition.id for edition in load_programme(top["programme"]).editions]
        for number, item in enumerate(top.get("adoption", ()), 1):
            where = f"adoption[{number}]"
            adoption = self.read(where, item, lambda row: read_adoption(row))
            if adoption.edition not in editions:
                self.fault(
                    f"{where}.edition",
                    f"found {adoption.edition!r} (allowed: {' | '.join(editions)})",
                )
            yield adoption

    def facts(self, top: Mapping[str, Any]) -> Iterable[Fact]:
        for kind in KINDS:
            for number, item in enumerate(top.get(kind, ()), 1):
                yield self.fact(kind, f"{kind}[{number}]", item)

    def fact(self, kind: str, where: str, item: Any) -> Fact:
        if type(item) is dict and item.get("can_become_pregnant") in ("yes", "no"):
            written = item["can_become_pregnant"]
            allowed = 'true, false or "undetermined"'
            self.fault(f"{where}.can_become_pregnant", f"found {written!r} (allowed: {allowed})")
        found: Fact = self.read(where, item, lambda row: read_fact(kind, row, where))
        return found

    def read(self, where: str, item: Any, convert: Callable[[Mapping[str, Any]], Any]) -> Any:
        """Convert one row; a date written as text is none here, as it would be in JSON."""
        if type(item) is not dict:
            self.fault(where, f"found {item!r} (allowed: a table)")
        try:
            found = convert(item)
        except FactError as error:
            self.fault(f"{where}.{error.key}", error.problem)
        for key, value in item.items():
            read = getattr(found, key, None) or getattr(found, f"{key}_", None)
            if _dates_from_text(value, read):
                self.fault(f"{where}.{key}", f"found {value!r} (allowed: {_DATE[1]})")
        return found

    def ask(self, where: str, item: Any, zone: str, born: dt.date) -> Ask:
        row = self.table(where, item, _ASK)
        written: dt.datetime = row["at"]
        if written.date() < born:
            self.fault(f"{where}.at", "lies before the patient was born")
        question = Question(
            at=written if written.tzinfo else written.replace(tzinfo=ZoneInfo(zone)),
            act=Act(row["act"]),
            days_supply=row.get("days_supply", 30),
            refills=row.get("refills", 0),
            by=row.get("by", Profession.DERMATOLOGIST.value),
        )
        expect = row.get("expect")
        if expect is not None:
            expect = self.table(f"{where}.expect", expect, _EXPECT)
            self.contradictions(f"{where}.expect", expect, written.date())
        return Ask(written, question, expect)

    def contradictions(self, where: str, expect: Mapping[str, Any], day: dt.date) -> None:
        blocked = set(expect.get("blocked_by", ()))
        for requirement in sorted(blocked & set(expect.get("not_blocked_by", ()))):
            self.fault(where, f"{requirement} stands in blocked_by and in not_blocked_by")
        permitted = expect.get("permitted") == Verdict.YES.value
        if permitted and (blocked or "earliest" in expect):
            other = "blocked_by" if blocked else "earliest"
            self.fault(where, f'permitted = "yes" with {other}')
        if "earliest" in expect and expect["earliest"] < day:
            self.fault(f"{where}.earliest", f"{expect['earliest']} lies before the day asked")

    def table(self, where: str, item: Any, checks: Mapping[str, Check]) -> dict[str, Any]:
        if type(item) is not dict:
            self.fault(where, f"found {item!r} (allowed: a table)")
        for key in item:
            if key not in checks:
                self.fault(_join(where, key), f"unknown key (allowed: {', '.join(checks)})")
        for key, (_, allowed, required) in checks.items():
            if required and key not in item:
                self.fault(_join(where, key), f"missing (required: {allowed})")
        return {
            key: self.value(_join(where, key), value, checks[key]) for key, value in item.items()
        }

    def value(self, where: str, value: Any, check: Check) -> Any:
        try:
            return check[0](value)
        except (ValueError, TypeError):
            self.fault(where, f"found {value!r} (allowed: {check[1]})")

    def fault(self, key: str, problem: str) -> Any:
        raise CaseError(self.file, key, problem)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _dates_from_text(written: Any, read: Any) -> bool:
    if isinstance(written, list) and isinstance(read, tuple):
        return any(_dates_from_text(*pair) for pair in zip(written, read, strict=False))
    return isinstance(written, str) and isinstance(read, dt.date)
