"""What a patient's forms say, read from their fields; faults are named by field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from compliance.models import StatementKind
from compliance.rules.terms import Method, TestResult
from compliance.services.errors import Invalid
from compliance.services.patient_statements import HomeTest

REPORTS = (
    StatementKind.MISSED_PILL,
    StatementKind.POSSIBLE_PREGNANCY,
    StatementKind.SYMPTOM,
)


def birth_date_in(fields: Mapping[str, str]) -> dt.date | None:
    """The day in three numbers; None when it is no day."""
    try:
        year, month, day = (int(fields.get(name, "")) for name in ("year", "month", "day"))
        return dt.date(year, month, day)
    except ValueError:
        return None


def methods_in(fields: Any) -> list[Method]:
    """The methods that were chosen; raises Invalid for a word that is none."""
    try:
        return [Method(value) for value in fields.getlist("methods")]
    except ValueError:
        raise Invalid({"methods": "Choose from the list."}) from None


def report_in(fields: Mapping[str, str], allowed: tuple[StatementKind, ...]) -> StatementKind:
    """What is reported; raises Invalid when nothing was chosen."""
    found = next((kind for kind in allowed if kind.value == fields.get("kind")), None)
    if found is None:
        raise Invalid({"kind": "Choose what to report."})
    return found


def symptom_in(fields: Mapping[str, str], known: Mapping[str, str]) -> str:
    """The symptom that was chosen; "" for another one; raises Invalid for a word that is none."""
    chosen = fields.get("symptom", "")
    if chosen and chosen not in known:
        raise Invalid({"symptom": "Choose from the list."})
    return chosen


def home_test_in(fields: Mapping[str, str], time_zone: str) -> HomeTest:
    """The test that was told of; its moment is the clinic's local time. Raises Invalid."""
    result = next((item for item in TestResult if item.value == fields.get("result")), None)
    faults = {} if result else {"result": "Choose what it shows."}
    taken_at = _moment(fields, time_zone)
    if taken_at is None:
        faults["taken_at"] = "Enter a day and a time."
    if faults or result is None or taken_at is None:
        raise Invalid(faults)
    return HomeTest(kit=fields.get("kit", ""), taken_at=taken_at, result=result)


def _moment(fields: Mapping[str, str], time_zone: str) -> dt.datetime | None:
    try:
        day = dt.date.fromisoformat(fields.get("taken_on", ""))
        time = dt.time.fromisoformat(fields.get("taken_time", ""))
    except ValueError:
        return None
    return dt.datetime.combine(day, time.replace(tzinfo=None), ZoneInfo(time_zone))
