"""Assumed facts as they are typed: `kind key=value …`, or TOML `kind={key=value, …}`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, get_origin, get_type_hints

from compliance.rules.case_reader import CaseError, read_case_fact
from compliance.rules.facts import KINDS, Fact
from compliance.rules.what_if import MARK

SOURCE = "--assume"
_FORMS = "kind key=value ..., or kind={key=value, ...} in TOML"
_TABLE = re.compile(r"\s*(\w+)\s*=\s*\{.*\}\s*", re.S)
_PAIR = re.compile(r"""\s+(\w+)=("(?:[^"\\]|\\.)*"|'[^']*'|\[[^\]]*\]|[^\s\[\]"']+)""")


def read_assumptions(texts: Iterable[str]) -> tuple[Fact, ...]:
    """The facts, numbered in their order; raises CaseError naming key, found and allowed."""
    return tuple(replace(_read(text), id=f"{MARK}{number}") for number, text in enumerate(texts, 1))


def _read(text: str) -> Fact:
    kind, row = _table(text) if _TABLE.fullmatch(text) else _pairs(text)
    return read_case_fact(SOURCE, kind, row)


def _table(text: str) -> tuple[str, Mapping[str, Any]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        kind = text.partition("=")[0].strip()
        raise CaseError(SOURCE, kind, f"is not TOML: {error} (allowed: {_FORMS})") from None
    if len(data) != 1:
        raise CaseError(SOURCE, "", f"found {text!r} (allowed: one fact each; {_FORMS})")
    return next(iter(data.items()))


def _pairs(text: str) -> tuple[str, Mapping[str, Any]]:
    kind, _, rest = text.strip().partition(" ")
    if kind not in KINDS:
        raise CaseError(SOURCE, kind, f"unknown kind (allowed: {', '.join(KINDS)}; as {_FORMS})")
    row: dict[str, Any] = {}
    at, rest = 0, f" {rest}".rstrip()
    while at < len(rest):
        found = _PAIR.match(rest, at)
        if found is None:
            raise CaseError(SOURCE, kind, f"found {rest[at:].strip()!r} (allowed: {_FORMS})")
        key, written = found.groups()
        if key in row:
            raise CaseError(SOURCE, f"{kind}.{key}", "stands twice (allowed: once)")
        row[key] = _value(_hints(kind).get(key), written)
        at = found.end()
    return kind, row


def _hints(kind: str) -> dict[str, Any]:
    return {name.rstrip("_"): hint for name, hint in get_type_hints(KINDS[kind]).items()}


def _value(hint: Any, written: str) -> Any:
    """A value as TOML has it; quotation marks may be left out, and the brackets of a list."""
    if get_origin(hint) is not tuple:
        return _scalar(hint, written)
    listed = _toml(written)
    if isinstance(listed, list):
        return listed
    items = written.strip("[]").split(",")
    inner = str if "str" in str(hint) else None
    return [_scalar(inner, item.strip()) for item in items if item.strip()]


def _scalar(hint: Any, written: str) -> Any:
    if hint is str and written[:1] not in ("'", '"'):
        return written
    value = _toml(written)
    return written if value is None else value


def _toml(written: str) -> Any:
    try:
        return tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        return None
