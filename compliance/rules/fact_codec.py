"""The strict reader and writer of plain data that case files and the database share."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import Enum
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

from compliance.rules.terms import Potential

T = TypeVar("T")


class FactError(ValueError):
    """A fact that cannot be read: which key, what was found, what is allowed."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


def plain(value: Any) -> Any:
    """A value as plain JSON data."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Spec:
    """How one key of a table is read; `put` writes the value into a new object."""

    attribute: str
    convert: Callable[[Any], Any]
    allowed: str
    required: bool
    default: Any
    put: Callable[[Any, Any], None]


_Put = Callable[[Any, Any], None]
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Table:
    """How a whole table is read, made once for each dataclass."""

    specs: dict[str, Spec]
    required: tuple[tuple[str, _Put, _Convert], ...]
    optional: tuple[tuple[str, _Put, _Convert, Any], ...]
    put_id: _Put | None
    ordered: bool


_BOTH: Any = (Union, types.UnionType)


def specs_of(target: type[Any]) -> dict[str, Spec]:
    """How each key of a dataclass is read."""
    return _table_of(target).specs


_TABLES: dict[type[Any], Table] = {}


def _table_of(target: type[Any]) -> Table:
    table = _TABLES.get(target)
    if table is None:
        table = _TABLES[target] = _made(target)
    return table


def _made(target: type[Any]) -> Table:
    hints = get_type_hints(target)
    specs = {
        item.name.rstrip("_"): _spec(target, item, hints[item.name])
        for item in fields(target)
        if get_origin(hints[item.name]) is not ClassVar
    }
    read = [(key, spec) for key, spec in specs.items() if key != "id"]
    return Table(
        specs,
        tuple((key, spec.put, spec.convert) for key, spec in read if spec.required),
        tuple(
            (key, spec.put, spec.convert, spec.default) for key, spec in read if not spec.required
        ),
        specs["id"].put if "id" in specs else None,
        "from" in specs,
    )


def _spec(target: type[Any], item: Field[Any], hint: Any) -> Spec:
    convert, allowed = _converter(hint)
    if "least" in item.metadata:
        convert, allowed = _count_from_one, "a whole number, 1 or more"
    required = item.default is MISSING
    default = None if required else item.default
    # The slot itself: the classes are frozen, and their own setter is slow for what is new.
    put = getattr(target, item.name).__set__
    return Spec(item.name, convert, allowed, required, default, put)


def read_table(target: type[T], data: Mapping[str, Any], fact_id: str = "") -> T:
    """Read plain data into a frozen dataclass with slots; raises FactError."""
    table = _TABLES.get(target) or _table_of(target)
    found = _new(target)
    count = len(table.required)
    try:
        for key, put, convert in table.required:
            put(found, convert(data[key]))
        for key, put, convert, default in table.optional:
            if key in data:
                put(found, convert(data[key]))
                count += 1
            else:
                put(found, default)
    except (ValueError, TypeError, KeyError):
        raise _fault(data, table) from None
    if count != len(data):
        raise _fault(data, table)
    if table.put_id is not None:
        table.put_id(found, fact_id)
    if table.ordered:
        _check_order(found)
    return found


_new = object.__new__


def _fault(data: Mapping[str, Any], table: Table) -> FactError:
    """The first key that is wrong, or else the first that is missing."""
    for key, value in data.items():
        spec = table.specs.get(key)
        if spec is None or key == "id":
            return _unknown_key(key, table)
        try:
            spec.convert(value)
        except (ValueError, TypeError, KeyError):
            return FactError(key, f"found {value!r} (allowed: {spec.allowed})")
    return _missing_key(data, table)


def _unknown_key(key: str, table: Table) -> FactError:
    known = ", ".join(name for name in table.specs if name != "id")
    return FactError(key, f"unknown key (allowed: {known})")


def _missing_key(data: Mapping[str, Any], table: Table) -> FactError:
    key = next(key for key, *_ in table.required if key not in data)
    return FactError(key, f"missing (required: {table.specs[key].allowed})")


def _check_order(found: Any) -> None:
    start = found.from_
    for key in ("until", "effective_from"):
        end = getattr(found, key, None)
        if end and end < start:
            raise FactError(key, f"found {end} (allowed: not before from, {start})")


def _converter(hint: Any) -> tuple[Callable[[Any], Any], str]:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if get_origin(hint) in _BOTH:
        return _optional(hint)
    if get_origin(hint) is tuple:
        inner, allowed = _converter(get_args(hint)[0])
        return (lambda value: _list(value, inner)), f"a list of: {allowed}"
    if issubclass(hint, Potential):
        return _potential, 'true, false or "undetermined"'
    return _terms(hint).__getitem__, " | ".join(str(term) for term in hint)


def _terms(hint: Any) -> dict[Any, Any]:
    return {term.value: term for term in hint}


def _optional(hint: Any) -> tuple[Callable[[Any], Any], str]:
    kinds = [kind for kind in get_args(hint) if kind is not types.NoneType]
    if set(kinds) == {dt.date, dt.datetime}:
        return _date_or_moment, "a local date or a date-time"
    inner, allowed = _converter(kinds[0])
    if issubclass(kinds[0], Enum) and kinds[0] is not Potential:
        return {None: None, **_terms(kinds[0])}.__getitem__, allowed
    return (lambda value: None if value is None else inner(value)), allowed


def _list(value: Any, inner: Callable[[Any], Any]) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return tuple(map(inner, value))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


@lru_cache(maxsize=16384)
def _date(value: Any) -> dt.date:
    if isinstance(value, str) and len(value) == 10:
        return dt.date.fromisoformat(value)
    if type(value) is not dt.date:
        raise TypeError
    return value


def _date_or_moment(value: Any) -> dt.date | dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, str) and len(value) > 10:
        return dt.datetime.fromisoformat(value)
    return _date(value)


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _count_from_one(value: Any) -> int:
    if _count(value) < 1:
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value < float("inf"):
        raise TypeError
    return float(value)


def _potential(value: Any) -> Potential:
    if type(value) is bool:
        return Potential.YES if value else Potential.NO
    return _POTENTIALS[value]


_POTENTIALS: dict[Any, Potential] = {term.value: term for term in Potential}


_SCALARS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    str: (_text, "text that is not empty"),
    dt.date: (_date, "a local date such as 2026-04-02"),
    bool: (_truth, "true or false"),
    int: (_count, "a whole number, 0 or more"),
    float: (_number, "a number above 0"),
}
