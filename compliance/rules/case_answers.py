"""An assessment written out: as one JSON object, and for a person to read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from compliance.rules.dates import local_day, show, zone
from compliance.rules.findings import Assessment, Days, Finding, Provision
from compliance.rules.programme import Programme
from compliance.rules.terms import Act, Outcome, Requirement, Term, Verdict


def answer(
    case: str, at: dt.datetime, found: Assessment, differ: list[str] | None
) -> dict[str, Any]:
    """The answer as plain JSON data; `differ` is None where nothing was expected."""
    plain: dict[str, Any] = {
        "case": case,
        "at": at.isoformat(),
        "act": found.question.act.value,
        "programme": found.programme,
        "edition": found.edition,
        "permitted": found.verdict.value,
        "blocked_by": [item.value for item in found.blocked_by],
        "warnings": [item.value for item in found.warnings],
        "window": _days(found.window),
        "earliest": found.earliest.isoformat() if found.earliest else None,
        "due": {item.value: _days(days) for item, days in found.due.items()},
        "grades": dict(found.grades),
        "findings": [_finding(item) for item in found.findings],
    }
    if differ is not None:
        plain["agrees"] = not differ
        plain["differences"] = differ
    return plain


def _days(days: Days | None) -> list[str] | None:
    return [day.isoformat() for day in days] if days else None


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "requirement": finding.requirement.value,
        "outcome": finding.outcome.value,
        "binding": finding.binding.value,
        "reason": finding.reason,
        "action": finding.action,
        "earliest": finding.earliest.isoformat() if finding.earliest else None,
        "act_by": finding.act_by.isoformat() if finding.act_by else None,
        "evidence": list(finding.evidence),
        "basis": [provision_data(item) for item in finding.basis],
    }


def provision_data(item: Provision) -> dict[str, Any]:
    """A provision as plain JSON data, its citation beside its value."""
    return {
        "parameter": item.parameter,
        "value": plain_value(item.value),
        "edition": item.edition,
        "title": item.citation.title,
        "address": item.citation.href,
        "published": item.citation.published_on,
        "locator": item.citation.locator,
        "verified": item.citation.verified,
    }


def plain_value(value: Any) -> Any:
    """A parameter's value as plain JSON data; sets in a fixed order."""
    if isinstance(value, Term):
        return value.value
    if isinstance(value, (frozenset, set)):
        return sorted(plain_value(item) for item in value)
    if isinstance(value, tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    return value.isoformat() if isinstance(value, dt.date) else value


# --- what was expected ----------------------------------------------------------------------------


def differences(found: Assessment, expect: Mapping[str, Any]) -> list[str]:
    """Each way in which the answer is not the one expected, in words."""
    return [
        *_verdict(found, expect),
        *_requirements(found, expect),
        *_dates(found, expect),
        *_due(found, expect),
        *_grades(found, expect),
    ]


def _verdict(found: Assessment, expect: Mapping[str, Any]) -> list[str]:
    wanted = expect.get("permitted", found.verdict.value)
    if wanted == found.verdict.value:
        return []
    return [f"permitted: expected {wanted}, found {found.verdict.value}"]


def _requirements(found: Assessment, expect: Mapping[str, Any]) -> list[str]:
    blocked = {item.value for item in found.blocked_by}
    warned = {item.value for item in found.warnings}
    return [
        *(f"{item} should block" for item in expect.get("blocked_by", ()) if item not in blocked),
        *(
            f"{item} should not block"
            for item in expect.get("not_blocked_by", ())
            if item in blocked
        ),
        *(f"{item} should warn" for item in expect.get("warnings", ()) if item not in warned),
    ]


def _dates(found: Assessment, expect: Mapping[str, Any]) -> list[str]:
    differ = []
    if "window" in expect and expect["window"] != list(found.window or ()):
        differ.append(f"window: expected {_range(expect['window'])}, found {_range(found.window)}")
    if "earliest" in expect and expect["earliest"] != found.earliest:
        differ.append(f"earliest: expected {expect['earliest']}, found {found.earliest or 'none'}")
    return differ


def _due(found: Assessment, expect: Mapping[str, Any]) -> list[str]:
    differ = []
    for name, wanted in expect.get("due", {}).items():
        days = found.due.get(Requirement(name))
        if list(days or ()) != wanted:
            differ.append(f"due {name}: expected {_range(wanted)}, found {_range(days)}")
    return differ


def _grades(found: Assessment, expect: Mapping[str, Any]) -> list[str]:
    return [
        f"grade of {name}: expected {wanted}, found {found.grades.get(name, 'none')}"
        for name, wanted in expect.get("grades", {}).items()
        if found.grades.get(name) != wanted
    ]


def _range(days: Any) -> str:
    if not days:
        return "none"
    return str(days[0]) if days[0] == days[1] else f"{days[0]} to {days[1]}"


# --- for a person ---------------------------------------------------------------------------------

_MARKS = {
    Outcome.UNMET: "no ",
    Outcome.UNKNOWN: "?  ",
    Outcome.DUE: "due",
    Outcome.MET: "ok ",
    Outcome.NOT_REQUIRED: "-  ",
}
_ACTS = {
    Act.PRESCRIBE: "prescribe",
    Act.DISPENSE: "dispense",
    Act.DONATE_BLOOD: "donate blood",
    Act.MONITOR: "monitor",
}


def describe(
    programme: Programme, found: Assessment, differ: list[str] | None, time_zone: str
) -> str:
    """The whole answer for a person: verdict, window, findings with their sources."""
    lines = [
        f"  {_moment(found, time_zone)}, {_ACTS[found.question.act]}: {verdict_line(found)}",
        f"    Rules: {programme.name}, edition {found.edition or 'unknown'}. {programme.notice}",
        *_when(found),
        *(line for finding in found.findings for line in _lines(finding)),
        *(f"    DIFFERS  {item}" for item in differ or ()),
    ]
    return "\n".join(lines) + "\n"


def _moment(found: Assessment, time_zone: str) -> str:
    at = found.question.at
    day = local_day(at, time_zone)
    try:
        local = at.astimezone(zone(time_zone))
    except OverflowError:
        local = at
    return f"{show(day)} {local:%H:%M}"


def verdict_line(found: Assessment) -> str:
    """The verdict in a few words; never that something is approved."""
    if found.verdict is Verdict.YES:
        return "prerequisites appear met"
    blocking = ", ".join(item.value for item in found.blocked_by)
    if found.verdict is Verdict.HOLD:
        return f"on hold until a person decides ({blocking})"
    return f"not yet ({blocking})"


def _when(found: Assessment) -> list[str]:
    lines = []
    if found.window:
        lines.append(f"    Window: {show(found.window[0])} to {show(found.window[1])}.")
    if found.earliest:
        lines.append(f"    Earliest, if what is missing is done in time: {show(found.earliest)}.")
    for requirement, (first, last) in found.due.items():
        days = show(first) if first == last else f"{show(first)} to {show(last)}"
        lines.append(f"    Next, {requirement.value}: {days}.")
    if found.grades:
        graded = ", ".join(f"{key} {grade}" for key, grade in found.grades.items())
        lines.append(f"    CTCAE v5.0 grades: {graded}.")
    return lines


def _lines(finding: Finding) -> list[str]:
    mark = "!  " if finding.warns else _MARKS[finding.outcome]
    lines = [f"    {mark} {finding.requirement.value}: {finding.reason}"]
    if finding.action and finding.outcome is not Outcome.MET:
        lines.append(f"          To do: {finding.action}.")
    if finding.blocks or finding.warns:
        lines += [f"          By: {_cited(item)}" for item in finding.basis[:1]]
    return lines


def _cited(item: Provision) -> str:
    checked = "" if item.citation.verified else " [not verified]"
    where = ", ".join(part for part in (item.citation.locator, item.citation.href) if part)
    return f"{item.citation.title} ({item.citation.published_on}): {where}{checked}"
