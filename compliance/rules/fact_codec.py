"""The strict reader and writer of plain data that case files and the database share."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import Enum
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
    """How one key of a table is read."""

    attribute: str
    convert: Callable[[Any], Any]
    allowed: str
    required: bool
    default: Any


_BOTH: Any = (Union, types.UnionType)


_KNOWN: dict[str, dict[str, Spec]] = {}


def specs_of(target: type[Any]) -> dict[str, Spec]:
    """How each key of a dataclass is read."""
    known = _KNOWN.get(target.__name__)
    if known is None:
        hints = get_type_hints(target)
        known = _KNOWN[target.__name__] = {
            item.name.rstrip("_"): _spec(item, hints[item.name])
            for item in fields(target)
            if get_origin(hints[item.name]) is not ClassVar
        }
    return known


def _spec(item: Field[Any], hint: Any) -> Spec:
    convert, allowed = _converter(hint)
    if "least" in item.metadata:
        convert, allowed = _count_from_one, "a whole number, 1 or more"
    required = item.default is MISSING and item.default_factory is MISSING
    return Spec(item.name, convert, allowed, required, None if required else item.default)


def read_table(target: type[T], data: Mapping[str, Any], extra: dict[str, Any]) -> T:
    """Read plain data into a dataclass; raises FactError."""
    specs = specs_of(target)
    values = dict(extra)
    for key, value in data.items():
        spec = specs.get(key)
        if spec is None or key in extra or key == "id":
            known = ", ".join(name for name in specs if name != "id")
            raise FactError(key, f"unknown key (allowed: {known})")
        try:
            values[spec.attribute] = spec.convert(value)
        except (ValueError, TypeError):
            raise FactError(key, f"found {value!r} (allowed: {spec.allowed})") from None
    for key, spec in specs.items():
        if spec.required and spec.attribute not in values:
            raise FactError(key, f"missing (required: {spec.allowed})")
    _check_order(values)
    return target(**values)


def _check_order(values: Mapping[str, Any]) -> None:
    start = values.get("from_")
    for key in ("until", "effective_from"):
        if start and values.get(key) and values[key] < start:
            raise FactError(key, f"found {values[key]} (allowed: not before from, {start})")


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
    return (lambda value: hint(_text(value))), " | ".join(str(term) for term in hint)


def _optional(hint: Any) -> tuple[Callable[[Any], Any], str]:
    kinds = [kind for kind in get_args(hint) if kind is not types.NoneType]
    if set(kinds) == {dt.date, dt.datetime}:
        return _date_or_moment, "a local date or a date-time"
    inner, allowed = _converter(kinds[0])
    return (lambda value: None if value is None else inner(value)), allowed


def _list(value: Any, inner: Callable[[Any], Any]) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return tuple(inner(item) for item in value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


def _date(value: Any) -> dt.date:
    if type(value) is dt.date:
        return value
    if isinstance(value, str) and len(value) == 10:
        return dt.date.fromisoformat(value)
    raise TypeError


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
    return Potential(_text(value))


_SCALARS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    str: (_text, "text that is not empty"),
    dt.date: (_date, "a local date such as 2026-04-02"),
    bool: (_truth, "true or false"),
    int: (_count, "a whole number, 0 or more"),
    float: (_number, "a number above 0"),
}
