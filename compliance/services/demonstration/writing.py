"""Histories into rows: what recording each fact on its day would have written, but in bulk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from compliance.models import Clinic, Course, Evidence, Patient, PatientIdentifier, User
from compliance.models.evidence import Source
from compliance.rules.facts import ClinicTerms, write_fact
from compliance.services.audit import Happened
from compliance.services.demonstration.histories import NURSE, PRESCRIBER, Entry, History
from compliance.services.demonstration.names import Person
from compliance.services.patients import fold

REGISTRY = "iPLEDGE"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a clinic's histories are written: the clinic, its terms and who writes what there."""

    clinic: Clinic
    terms: ClinicTerms
    writers: Mapping[str, Sequence[User]]


@dataclass(slots=True)
class Written:
    """A patient with the rows and the audit events that are still to be stored."""

    patient: Patient
    history: History
    by: Mapping[str, User]
    rows: dict[int, Evidence] = field(default_factory=dict)  # by the identity of the entry
    happened: list[Happened] = field(default_factory=list)

    def in_order(self) -> list[Entry]:
        """The entries in the order in which they were recorded."""
        return sorted(self.history.entries, key=lambda entry: entry.at)


def write_patients(
    session: Session, desk: Desk, histories: Iterable[History], seed: int
) -> list[Written]:
    """Store patients with all their evidence, and note the changes that are to be audited."""
    written = [_patient(desk, history, number, seed) for number, history in enumerate(histories, 1)]
    session.add_all(item.patient for item in written)
    session.flush()
    for item in written:
        _evidence(desk, item)
    _store_evidence(session, written)
    return written


def _store_evidence(session: Session, written: Sequence[Written]) -> None:
    """All rows; those that supersede another one after it, since they name its id."""
    rows = [(entry, item.rows) for item in written for entry in item.history.entries]
    rows.sort(key=lambda pair: pair[0].at)
    session.add_all(own[id(entry)] for entry, own in rows if entry.corrects is None)
    session.flush()
    for entry, own in rows:
        if entry.corrects is not None:
            own[id(entry)].supersedes_id = own[id(entry.corrects)].id
            session.add(own[id(entry)])
    session.flush()


# --- the patient ----------------------------------------------------------------------------------


def _patient(desk: Desk, history: History, number: int, seed: int) -> Written:
    # Not for secrets: addresses come out the same from the same seed.
    rng = Random(f"{seed}/{desk.clinic.code}/rows/{number}")  # noqa: S311
    writers = {role: rng.choice(people) for role, people in desk.writers.items()}
    clinic = desk.clinic
    at = min(entry.at for entry in history.entries) - dt.timedelta(minutes=2)
    patient = Patient(
        public_id=f"{rng.getrandbits(64):016x}",
        clinic_id=clinic.id,
        clinic=clinic,
        mrn=f"{clinic.code[:1].upper()}{clinic.code[-1:].upper()}-{40_000 + number * 37}",
        programme=clinic.programme,
        prescriber_id=writers[PRESCRIBER].id,
        created_at=at,
        **_particulars(history.person),
    )
    patient.courses.append(_course(clinic, history))
    number_there = f"{rng.randrange(10**9, 10**10)}"
    patient.identifiers.append(
        PatientIdentifier(
            clinic_id=clinic.id, authority=REGISTRY, value=number_there, recorded_at=at
        )
    )
    written = Written(patient, history, writers)
    for entry in history.entries:
        written.rows[id(entry)] = Evidence(public_id=f"{rng.getrandbits(64):016x}")
    return written


def _particulars(person: Person) -> dict[str, Any]:
    return {
        "given_name": person.given_name,
        "family_name": person.family_name,
        "search_name": fold(f"{person.given_name} {person.family_name}"),
        "birth_date": person.born,
        "sex_at_birth": person.sex,
        "pronouns": person.pronouns,
        "email": person.email,
        "phone": person.phone,
        "language": person.language,
        "discretion": person.discretion,
        "reminders_wanted": person.reminders_wanted,
    }


def _course(clinic: Clinic, history: History) -> Course:
    return Course(
        clinic_id=clinic.id,
        opened_on=history.opened_on,
        closed_on=history.closed_on,
        closed_reason="Follow-up is complete." if history.closed_on else "",
        weight_kg=history.weight_kg,
        target_mg_per_kg=Decimal(120),
    )


# --- the evidence ---------------------------------------------------------------------------------


def _evidence(desk: Desk, written: Written) -> None:
    patient = written.patient
    note(written, written.by[NURSE], patient.created_at, "patient.enrolled", "patient",
          patient.public_id)  # fmt: skip
    for entry in written.in_order():
        row, user = written.rows[id(entry)], written.by[entry.by]
        row.clinic_id, row.patient_id = patient.clinic_id, patient.id
        row.course_id = patient.courses[0].id
        row.kind, row.happened_on = entry.fact.kind, entry.fact.day
        row.detail, row.extra = write_fact(entry.fact), {}
        row.source = Source.DEMONSTRATION
        row.recorded_at, row.recorded_by, row.recorded_by_id = entry.at, user.name, user.id
        _withdrawn(written, entry, row, user)
        detail = {"happened_on": entry.fact.day.isoformat(), "source": row.source.value,
                  "fact": row.detail}  # fmt: skip
        action = "evidence.corrected" if entry.corrects else "evidence.recorded"
        note(written, user, entry.at, action, row.kind, row.public_id, detail)


def _withdrawn(written: Written, entry: Entry, row: Evidence, user: User) -> None:
    if entry.withdrawn is None:
        return
    at, reason = entry.withdrawn
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_reason = at, user.name, reason
    note(written, user, at, "evidence.withdrawn", row.kind, row.public_id, {"reason": reason})


def note(
    written: Written,
    user: User,
    at: dt.datetime,
    action: str,
    entity: str,
    entity_id: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Note one change to a patient's record for the audit trail."""
    patient = written.patient
    written.happened.append(
        Happened(at, user.name, user.id, patient.clinic_id, patient.id, action, entity, entity_id,
                 detail or {})
    )  # fmt: skip
