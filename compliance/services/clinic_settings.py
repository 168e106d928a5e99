"""A clinic's settings: tried out before they are saved, changed with before and after on record."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import AuditEvent, Clinic, Patient
from compliance.rules.assess import assess
from compliance.rules.facts import ClinicTerms
from compliance.rules.findings import Assessment
from compliance.rules.openings import read_weekdays
from compliance.rules.programme import load_programme
from compliance.rules.reminders import Hours, ReminderKind
from compliance.rules.terms import LabSchedule, Outcome, Requirement
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.assessments import question_about, reassess
from compliance.services.clinic_choices import (
    LINK_DAYS,
    Leads,
    closed_days_of,
    leads_of,
    link_days_of,
    patient_hours_of,
    second_language_of,
)
from compliance.services.errors import Invalid
from compliance.services.evidence import clinic_terms, load_record, local_date

JUDGED_BY = ("time_zone", "lab_schedule")  # what the rules read
PLANNED_BY = ("opening_days", "closed_days", "lead_days")  # what the reminders are planned by
LANGUAGES = ("en", "es")
PAPERS = ("letter", "A4")
LONGEST_LEAD = 60  # days
MOST_LINES, LONGEST_LINE = 5, 80
MOST_LINK_DAYS = 60


@dataclass(frozen=True, slots=True)
class ClinicSettings:
    """Everything that an administrator sets for a clinic; `lab_schedule` None: the programme's."""

    name: str
    time_zone: str
    opening_days: tuple[int, ...]
    closed_days: tuple[dt.date, ...]
    language: str
    second_language: str
    lab_schedule: LabSchedule | None
    address: str
    phone: str
    email: str
    paper: str
    lead_days: Leads
    patient_hours: Hours
    closing_lines: tuple[str, ...]
    link_days: int = LINK_DAYS


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs, before and after as plain data."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to the answers: of so many patients, so many verdicts would differ.

    `requirements` counts the patients for whom any requirement would come out otherwise.
    """

    patients: int = 0
    verdicts: int = 0
    requirements: int = 0


def settings_of(clinic: Clinic) -> ClinicSettings:
    """The settings of a clinic as they are."""
    return ClinicSettings(
        name=clinic.name,
        time_zone=clinic.time_zone,
        opening_days=tuple(sorted(read_weekdays(clinic.opening_days))),
        closed_days=closed_days_of(clinic),
        language=clinic.language,
        second_language=second_language_of(clinic),
        lab_schedule=clinic.lab_schedule,
        address=clinic.address,
        phone=clinic.phone,
        email=clinic.email,
        paper=clinic.paper,
        lead_days=leads_of(clinic),
        patient_hours=patient_hours_of(clinic),
        closing_lines=tuple((clinic.settings or {}).get("closing_lines", ())),
        link_days=link_days_of(clinic),
    )


def changes_to(clinic: Clinic, wanted: ClinicSettings) -> list[Change]:
    """What would differ, setting by setting."""
    before, after = plain(settings_of(clinic)), plain(wanted)
    return [
        Change(name, before[name], after[name]) for name in before if before[name] != after[name]
    ]


def fingerprint(changes: list[Change]) -> str:
    """What a person saw before confirming: other values, or others' changes meanwhile, differ."""
    said = json.dumps([asdict(change) for change in changes], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def effect_of(session: Session, clinic: Clinic, wanted: ClinicSettings, now: dt.datetime) -> Effect:
    """How many verdicts would change; asks the rules only when they read what changes."""
    if not any(change.name in JUDGED_BY for change in changes_to(clinic, wanted)):
        return Effect()
    terms = clinic_terms(session, clinic)
    other = replace(terms, time_zone=wanted.time_zone, lab_schedule=wanted.lab_schedule)
    today, day = local_date(clinic, now), _local_day(other, now)
    pairs = [
        (_ask(session, patient, terms, today, now), _ask(session, patient, other, day, now))
        for patient in _patients(session, clinic)
    ]
    return Effect(
        patients=len(pairs),
        verdicts=sum(one.verdict is not two.verdict for one, two in pairs),
        requirements=sum(_outcomes(one) != _outcomes(two) for one, two in pairs),
    )


def _outcomes(answer: Assessment) -> dict[Requirement, Outcome]:
    return {finding.requirement: finding.outcome for finding in answer.findings}


def _local_day(terms: ClinicTerms, now: dt.datetime) -> dt.date:
    return now.astimezone(ZoneInfo(terms.time_zone)).date()


def _ask(
    session: Session, patient: Patient, terms: ClinicTerms, on: dt.date, now: dt.datetime
) -> Assessment:
    record = load_record(session, patient)
    question = question_about(record, on, now)
    return assess(record, load_programme(patient.programme), terms, question)


def _patients(session: Session, clinic: Clinic) -> list[Patient]:
    query = select(Patient).where(Patient.clinic_id == clinic.id).order_by(Patient.id)
    return list(session.scalars(query))


def change(
    session: Session, actor: Actor, clinic: Clinic, wanted: ClinicSettings, now: dt.datetime
) -> list[Change]:
    """Save the settings, audit before and after, and reassess where an answer depends on them.

    Raises Invalid with a sentence for each field that cannot be taken.
    """
    check(wanted)
    changes = changes_to(clinic, wanted)
    if not changes:
        return []
    effect = effect_of(session, clinic, wanted, now)
    _apply(clinic, wanted)
    session.flush()
    detail = {
        "before": {item.name: item.before for item in changes},
        "after": {item.name: item.after for item in changes},
        "patients": effect.patients,
        "verdicts_changed": effect.verdicts,
    }
    audit.record(
        session, actor, "clinic.changed", "clinic", clinic.code, now,
        clinic_id=clinic.id, detail=detail,
    )  # fmt: skip
    if any(item.name in (*JUDGED_BY, *PLANNED_BY) for item in changes):
        for patient in _patients(session, clinic):
            reassess(session, actor, patient, now)
    return changes


def _apply(clinic: Clinic, wanted: ClinicSettings) -> None:
    data = plain(wanted)
    for name in ("name", "time_zone", "language", "address", "phone", "email", "paper"):
        setattr(clinic, name, data[name])
    clinic.lab_schedule = wanted.lab_schedule
    clinic.opening_days = ",".join(str(day) for day in wanted.opening_days)
    clinic.settings = {
        **(clinic.settings or {}),
        "closed_days": data["closed_days"],
        "second_language": wanted.second_language,
        "reminder_lead_days": data["lead_days"],
        "patient_hours": data["patient_hours"],
        "closing_lines": data["closing_lines"],
        "link_days": data["link_days"],
    }


def plain(settings: ClinicSettings) -> dict[str, Any]:
    """The settings as plain data, for the audit trail and the pages."""
    return {
        "name": settings.name.strip(),
        "time_zone": settings.time_zone,
        "opening_days": list(settings.opening_days),
        "closed_days": sorted({day.isoformat() for day in settings.closed_days}),
        "language": settings.language,
        "second_language": settings.second_language,
        "lab_schedule": settings.lab_schedule.value if settings.lab_schedule else "",
        "address": settings.address.replace("\r\n", "\n").strip(),
        "phone": settings.phone.strip(),
        "email": settings.email.strip(),
        "paper": settings.paper,
        "lead_days": {kind.value: list(days.values()) for kind, days in settings.lead_days.items()},
        "patient_hours": {
            "from": settings.patient_hours.first.isoformat("minutes"),
            "until": settings.patient_hours.last.isoformat("minutes"),
        },
        "closing_lines": [line.strip() for line in settings.closing_lines if line.strip()],
        "link_days": settings.link_days,
    }


def check(wanted: ClinicSettings) -> None:
    """Raise Invalid with a sentence for each setting that cannot be taken."""
    faults = dict(_faults(wanted))
    if faults:
        raise Invalid(faults)


def _faults(wanted: ClinicSettings) -> Iterator[tuple[str, str]]:
    if not wanted.name.strip():
        yield "name", "Enter the clinic's name."
    if wanted.time_zone not in available_timezones():
        found = wanted.time_zone
        yield "time_zone", f"Found {found!r}; enter an IANA time zone such as America/New_York."
    if not wanted.opening_days:
        yield "opening_days", "Choose at least one day: no reminder could ever go out."
    if wanted.second_language and wanted.second_language == wanted.language:
        yield "second_language", "Choose another language than the first, or none."
    if wanted.email and ("@" not in wanted.email or " " in wanted.email.strip()):
        yield "email", f"Found {wanted.email!r}; enter an address such as desk@example.org."
    hours = wanted.patient_hours
    if hours.first >= hours.last:
        yield "mail_until", f"Found {hours.last:%H:%M}; enter a time after {hours.first:%H:%M}."
    if not 1 <= wanted.link_days <= MOST_LINK_DAYS:
        yield "link_days", f"Found {wanted.link_days}; enter 1 to {MOST_LINK_DAYS} days."
    yield from _closing_faults(wanted.closing_lines)
    yield from _lead_faults(wanted.lead_days)


def _closing_faults(lines: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    longest = max((len(line) for line in lines), default=0)
    if len(lines) > MOST_LINES or longest > LONGEST_LINE:
        yield (
            "closing_lines",
            (
                f"Found {len(lines)} lines, the longest with {longest} characters; allowed are "
                f"{MOST_LINES} lines of {LONGEST_LINE} characters."
            ),
        )


def _lead_faults(leads: Leads) -> Iterator[tuple[str, str]]:
    for kind, by_rung in leads.items():
        days = list(by_rung.values())
        falling = all(one > other for one, other in itertools.pairwise(days))
        if not falling or not all(0 <= day <= LONGEST_LEAD for day in days):
            yield (
                lead_field(kind),
                (
                    f"Found {', '.join(map(str, days))}; enter numbers of days that fall, "
                    f"from {LONGEST_LEAD} to 0."
                ),
            )


def lead_field(kind: ReminderKind) -> str:
    """The name of the form's field for the lead days of a kind."""
    return f"lead_{kind.value.replace('-', '_')}"


def history(session: Session, clinic: Clinic, limit: int = 50) -> list[AuditEvent]:
    """What was changed in a clinic's settings and adopted by it, newest first."""
    query = (
        select(AuditEvent)
        .where(AuditEvent.clinic_id == clinic.id, AuditEvent.entity == "clinic")
        .order_by(AuditEvent.sequence.desc())
        .limit(limit)
    )
    return list(session.scalars(query))
