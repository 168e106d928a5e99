"""FHIR's value[x], codes, flags and ranges as plain typed text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compliance.interop.fhir_json import Digits, Resource, items, part, text_of
from compliance.rules.terminology import load_terminology
from compliance.services.incoming import Coded, Value

_UCUM = "http://unitsofmeasure.org"
_VALUES = (
    "valueQuantity", "valueCodeableConcept", "valueString", "valueBoolean", "valueInteger",
    "valueRange", "valueRatio", "valueSampledData", "valueTime", "valueDateTime", "valuePeriod",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadValue:
    """A value with its unit, and what a person should know beside it."""

    value: Value
    unit: str = ""
    notes: tuple[str, ...] = ()


def read_value(holder: Resource) -> ReadValue:
    """The value of an Observation or of one of its components; a masked or absent one is empty."""
    present = [name for name in _VALUES if name in holder]
    absent = _codes(holder.get("dataAbsentReason"))
    if absent:
        return ReadValue(Value(), notes=(f"The sender gives no value: {absent}.",))
    if len(present) > 1:
        return ReadValue(Value("", " / ".join(present), repeated=True))
    if not present:
        return ReadValue(Value())
    found = holder[present[0]]
    if present[0] == "valueQuantity":
        return _quantity(found)
    if present[0] == "valueCodeableConcept":
        return ReadValue(_concept(found))
    if present[0] == "valueRange":
        return _between(found, "low", "-", "high")
    if present[0] == "valueRatio":
        return _between(found, "numerator", ":", "denominator")
    return ReadValue(Value("ST", _plain(found)))


def _plain(found: Any) -> str:
    if isinstance(found, bool):
        return "true" if found else "false"
    return found.strip() if isinstance(found, str) else "(a structure)"


def _quantity(found: Any) -> ReadValue:
    number, comparator = text_of(found, "value"), text_of(found, "comparator")
    if not number:
        return ReadValue(Value("NM"), _unit(found), ("The sender masked the value.",))
    if not isinstance(found.get("value"), Digits):
        return ReadValue(Value("ST", f"“{number}” sent as text"), _unit(found))
    text = f"{comparator}{number}"
    return ReadValue(Value("SN", text, structured=(comparator, number, "", "")), _unit(found))


def _unit(quantity: Any) -> str:
    """The UCUM code, when the words beside it mean the same; both when they differ."""
    code, words = text_of(quantity, "code"), text_of(quantity, "unit")
    if text_of(quantity, "system") not in (_UCUM, ""):
        return words or code
    known = load_terminology().unit
    if code and words and known(code) != known(words) and known(words):
        return f"{words}, coded as {code}"
    return code or words


def _between(found: Any, first: str, sign: str, second: str) -> ReadValue:
    one, other = part(found, first), part(found, second)
    numbers = text_of(one, "value"), text_of(other, "value")
    value = Value("SN", sign.join(numbers), structured=("", numbers[0], sign, numbers[1]))
    return ReadValue(value, _unit(one))


def _concept(found: Any) -> Value:
    codings = read_codings(found)
    words = next((item.text or item.code for item in codings if item.text or item.code), "")
    return Value("CWE", words, codings)


def read_codings(concept: Any) -> tuple[Coded, ...]:
    """The codings of a CodeableConcept, and its own text last."""
    found = [
        Coded(text_of(item, "system"), text_of(item, "code"), text_of(item, "display"))
        for item in items(part({"concept": concept}, "concept").get("coding"))
    ]
    found.append(Coded("", "", text_of(concept, "text")))
    return tuple(item for item in found if item.code or item.text)


def _codes(concept: Any) -> str:
    return ", ".join(item.code or item.text for item in read_codings(concept))


def read_flags(holder: Resource) -> tuple[str, ...]:
    """The interpretation codes, or their words where no code was sent."""
    found = [
        item.code or item.text
        for concept in items(holder.get("interpretation"))
        for item in read_codings(concept)[:1]
    ]
    return tuple(flag for flag in found if flag)


def read_range(holder: Resource, unit: str) -> str:
    """The one normal range in the unit of the value; several, or in another unit: none."""
    ranges = [
        item
        for item in items(holder.get("referenceRange"))
        if _codes(item.get("type")) in ("", "normal")
    ]
    if len(ranges) != 1:
        return ""
    low, high = part(ranges[0], "low"), part(ranges[0], "high")
    if any(_unit(end) not in ("", unit) for end in (low, high)):
        return ""
    ends = text_of(low, "value"), text_of(high, "value")
    if all(ends):
        return " - ".join(ends)
    if ends[1]:
        return f"<= {ends[1]}"
    return f">= {ends[0]}" if ends[0] else text_of(ranges[0], "text")
