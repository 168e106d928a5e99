"""FHIR JSON as text that keeps every digit; what is doubtful about it is refused in a sentence."""

from __future__ import annotations

import json
from typing import Any, NoReturn

LARGEST = 64 * 1024 * 1024  # bytes; the whole of a document stands in memory while it is read
Resource = dict[str, Any]


class Unreadable(Exception):
    """Why a document cannot be read: a sentence for a person."""


class Digits(str):
    """A number with the digits that were sent: 5.90 stays 5.90."""

    __slots__ = ()


def read_documents(content: bytes) -> list[Resource]:
    """The resources of a JSON document, or of one document a line; raises Unreadable."""
    text = _text(content)
    try:
        return [_resource(_parsed(text))]
    except json.JSONDecodeError as fault:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith("{") for line in lines):
            raise Unreadable(
                f"This is no JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}."
            ) from None
    try:
        return [_resource(_parsed(line)) for line in lines]
    except json.JSONDecodeError as fault:
        raise Unreadable(f"One of the lines is no JSON: {fault.msg}.") from None


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Unreadable(
            f"The document has {len(content):,} bytes; at most {LARGEST:,} are read at once."
            " Send it in parts."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The document is not in UTF-8, which FHIR asks for.") from None
    if text.lstrip().startswith("<"):
        raise Unreadable(
            "This is XML. FHIR is read as JSON only; ask the sender for JSON. Nothing was read."
        )
    return text


def _parsed(text: str) -> Any:
    try:
        found = json.loads(
            text,
            parse_float=Digits,
            parse_int=Digits,
            parse_constant=_no_number,
            object_pairs_hook=_each_once,
        )
        _check_characters(text, found)
    except RecursionError:
        raise Unreadable("The document is nested too deeply to be read.") from None
    return found


def _check_characters(text: str, found: Any) -> None:
    """Refuse what no database keeps as text; escapes are the only way to write it."""
    if "\\u0000" in text:
        raise Unreadable("The document holds a NUL character, which no text may have.")
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Unreadable("The document holds half of a character (a surrogate).") from None


def _no_number(name: str) -> NoReturn:
    raise Unreadable(f"The document holds {name}, which is no number in JSON.")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(
            f"The property “{twice[:60]}” stands twice in one object; which counts is not guessed."
        )
    return found


def _resource(found: Any) -> Resource:
    if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
        raise Unreadable("This JSON is no FHIR resource: it has no resourceType.")
    return found


def items(value: Any) -> list[Resource]:
    """The objects of a list; anything else is passed over."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def part(value: Any, *names: str) -> Resource:
    """The object at a path, or an empty one."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text_of(value: Any, name: str) -> str:
    """The text or number under a name, without the blanks around it, or ""."""
    found = value.get(name) if isinstance(value, dict) else None
    return found.strip() if isinstance(found, str) else ""


def all_texts(value: Any) -> list[str]:
    """Every text anywhere inside a value, its narrative and its encoded data left out."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(inner for name, inner in item.items() if name not in ("div", "data"))
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str) and not isinstance(item, Digits):
            found.append(item)
    found.reverse()
    return found
