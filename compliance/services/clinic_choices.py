"""What a clinic chose beside its columns: closed days, hours of mails, lead days, closing lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from compliance.models import Clinic
from compliance.rules.reminders import PATIENT_HOURS, PATIENT_KINDS, Hours, ReminderKind, Rung

Leads = Mapping[ReminderKind, Mapping[Rung, int]]

LINK_DAYS = 14
DEFAULT_LEADS: Leads = {kind: rule.leads for kind, rule in PATIENT_KINDS.items()}


def closed_days_of(clinic: Clinic) -> tuple[dt.date, ...]:
    """The clinic's own closed days, in order, beside weekends and public holidays."""
    return tuple(dt.date.fromisoformat(day) for day in _setting(clinic, "closed_days", []))


def second_language_of(clinic: Clinic) -> str:
    """The language beside the first one; "" when there is none."""
    return str(_setting(clinic, "second_language", ""))


def patient_hours_of(clinic: Clinic) -> Hours:
    """The local hours in which mail to patients may go out; the rest is quiet."""
    said = _setting(clinic, "patient_hours", None)
    if said is None:
        return PATIENT_HOURS
    return Hours(dt.time.fromisoformat(said["from"]), dt.time.fromisoformat(said["until"]))


def leads_of(clinic: Clinic) -> Leads:
    """So many days before its date, for each kind of reminder and rung."""
    said = _setting(clinic, "reminder_lead_days", {})
    return {
        kind: dict(zip(usual, said.get(kind.value, usual.values()), strict=True))
        for kind, usual in DEFAULT_LEADS.items()
    }


def closing_lines_of(clinic: Clinic) -> tuple[str, ...]:
    """The last lines of each mail: the clinic's own, or its name and telephone."""
    own = _setting(clinic, "closing_lines", [])
    return tuple(own) or (f"{clinic.name}, {clinic.phone}" if clinic.phone else clinic.name,)


def link_days_of(clinic: Clinic) -> int:
    """For so many days a link to the patient's page works."""
    return int(_setting(clinic, "link_days", LINK_DAYS))


def _setting(clinic: Clinic, name: str, otherwise: Any) -> Any:
    return (clinic.settings or {}).get(name, otherwise)
