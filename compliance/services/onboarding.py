"""Taking over patients from a spreadsheet: columns, a dry run, decisions, one load, and undo."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from compliance.models import AuditEvent, Clinic, OnboardingBatch, OnboardingRow, Patient
from compliance.models.evidence import Source
from compliance.models.onboarding import BatchState, RowOutcome
from compliance.rules.facts import Dispensing
from compliance.services import audit, courses, evidence, patients
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.errors import Conflict, Invalid, NotFound
from compliance.services.onboarding_columns import check_columns, guess
from compliance.services.onboarding_files import Sheet, read_sheet
from compliance.services.onboarding_rows import Decision, Judged, about, judge
from compliance.services.onboarding_values import DateForm, Incoming

# What happens to a patient by itself: it does not stand in the way of undoing a load.
_BY_ITSELF = ("assessment.changed", "reminder.sent", "reminder.given-up")
_OPEN = (BatchState.UPLOADED, BatchState.CHECKED)


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the rows of a file; `rows` is always the sum of the others but undecided."""

    rows: int
    new: int
    duplicate: int
    refused: int
    left_out: int
    undecided: int = 0


def account_of(batch: OnboardingBatch) -> Account:
    """Every row in exactly one place; what was loaded or undone was new."""
    count = Counter(row.outcome for row in batch.rows)
    return Account(
        rows=len(batch.rows),
        new=count[RowOutcome.NEW] + count[RowOutcome.LOADED] + count[RowOutcome.UNDONE],
        duplicate=count[RowOutcome.DUPLICATE],
        refused=count[RowOutcome.REFUSED],
        left_out=count[RowOutcome.LEFT_OUT],
        undecided=sum(is_undecided(row) for row in batch.rows),
    )


def is_undecided(row: OnboardingRow) -> bool:
    """Whether a person has to look at a row before the file can be loaded."""
    return row.outcome is RowOutcome.DUPLICATE and not row.reason


def batches(session: Session, actor: Actor) -> list[OnboardingBatch]:
    """The files of the actor's clinic, newest first."""
    query = select(OnboardingBatch).where(OnboardingBatch.clinic_id == actor.clinic_id)
    return list(session.scalars(query.order_by(OnboardingBatch.id.desc())))


def get_batch(
    session: Session, actor: Actor, public_id: str, *, lock: bool = False
) -> OnboardingBatch:
    """One file of the actor's clinic; raises NotFound."""
    query = select(OnboardingBatch).where(
        OnboardingBatch.public_id == public_id, OnboardingBatch.clinic_id == actor.clinic_id
    )
    batch = session.scalar(query.with_for_update() if lock else query)
    if batch is None:
        raise NotFound("There is no such file at this clinic.")
    return batch


def upload(
    session: Session, actor: Actor, name: str, content: bytes, now: dt.datetime
) -> OnboardingBatch:
    """Keep a file as it came, with the columns that its headings suggest; raises Invalid."""
    sheet = read_sheet(content)
    batch = OnboardingBatch(
        clinic_id=actor.clinic_id,
        file_name=name[-255:] or "file",
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        columns={"fields": guess(sheet.headings), "dates": {}},
        uploaded_at=now,
        uploaded_by=actor.name,
    )
    session.add(batch)
    session.flush()
    _audit(session, actor, batch, "onboarding.uploaded", now, sha256=batch.sha256)
    return batch


def set_columns(
    session: Session,
    actor: Actor,
    batch: OnboardingBatch,
    fields: Mapping[str, str],
    dates: Mapping[str, DateForm],
    now: dt.datetime,
) -> None:
    """Say which column is which field and how dates are written, and try the file; writes nobody.

    Raises Invalid for a column that is missing or chosen twice, Conflict once it was loaded.
    """
    _must_be(batch, *_OPEN)
    check_columns(fields, read_sheet(batch.content).headings)
    forms = {name: form.value for name, form in dates.items()}
    batch.columns = {"fields": dict(fields), "dates": forms}
    _audit(session, actor, batch, "onboarding.mapped", now, columns=batch.columns)
    check(session, batch, now)


def check(session: Session, batch: OnboardingBatch, now: dt.datetime) -> None:
    """Try the file again against what the clinic has now; decisions stay."""
    _must_be(batch, *_OPEN)
    judged = _judge(session, batch, now)
    decided = {row.position: row.data for row in batch.rows}
    session.execute(delete(OnboardingRow).where(OnboardingRow.batch_id == batch.id))
    session.expire(batch, ["rows"])
    for item in judged:
        data = {**decided.get(item.position, {}), "cells": item.cells, "match": item.match}
        session.add(
            OnboardingRow(
                batch_id=batch.id,
                position=item.position,
                data=data,
                outcome=item.outcome,
                reason=item.reason,
            )
        )
    batch.state = BatchState.CHECKED
    session.flush()


def _judge(session: Session, batch: OnboardingBatch, now: dt.datetime) -> list[Judged]:
    clinic = session.get_one(Clinic, batch.clinic_id)
    decided = {row.position: row.data for row in batch.rows}
    return judge(session, clinic, batch, read_sheet(batch.content), decided, now)


def decide(
    session: Session,
    actor: Actor,
    batch: OnboardingBatch,
    decisions: Mapping[int, Decision | None],
    now: dt.datetime,
) -> None:
    """Say for some rows whether they are somebody known; None takes a decision back.

    Raises Invalid where another person would need another record number.
    """
    _must_be(batch, BatchState.CHECKED)
    rows = {row.position: row for row in batch.rows}
    for position, choice in decisions.items():
        if position not in rows:
            raise NotFound(f"The file has no row {position}.")
        _note_decision(rows[position], choice)
    chosen = {str(position): choice and choice.value for position, choice in decisions.items()}
    _audit(session, actor, batch, "onboarding.decided", now, rows=chosen)
    session.flush()
    check(session, batch, now)


def _note_decision(row: OnboardingRow, choice: Decision | None) -> None:
    match = row.data.get("match", {})
    if choice is Decision.ANOTHER and match.get("by") == "number":
        said = f"Row {row.position}: the record number is taken; another person needs another one."
        raise Invalid({f"decision-{row.position}": said})
    decision = choice.value if choice else ""
    row.data = {**row.data, "decision": decision, "about": about(match)}


def load(
    session: Session,
    actor: Actor,
    batch: OnboardingBatch,
    now: dt.datetime,
    *,
    refused_seen: bool = False,
) -> int:
    """Enrol every new row in this one transaction; returns how many.

    Raises Conflict when rows are undecided or differ from the dry run, Invalid when rows are
    refused and nobody said that this was seen.
    """
    _must_be(batch, BatchState.CHECKED)
    account = account_of(batch)
    _check_ready(account, refused_seen)
    judged = {item.position: item for item in _judge(session, batch, now)}
    if any(judged[row.position].outcome is not row.outcome for row in batch.rows):
        raise Conflict(
            "Something changed since the dry run. Try the file again; nothing is loaded."
        )
    for row in batch.rows:
        incoming = judged[row.position].incoming
        if incoming is not None:
            row.patient_id = _enrol(session, actor, batch, row.position, incoming, now).id
            row.outcome = RowOutcome.LOADED
    batch.state, batch.loaded_at = BatchState.LOADED, now
    _audit(session, actor, batch, "onboarding.loaded", now, **_numbers(account))
    return account.new


def _check_ready(account: Account, refused_seen: bool) -> None:
    if account.undecided:
        raise Conflict(f"{account.undecided} rows may be patients that are here: decide first.")
    if not account.new:
        raise Conflict("No row is new: there is nothing to load.")
    if account.refused and not refused_seen:
        raise Invalid({"refused_seen": f"Say that {account.refused} refused rows stay out."})


def _enrol(
    session: Session,
    actor: Actor,
    batch: OnboardingBatch,
    position: int,
    incoming: Incoming,
    now: dt.datetime,
) -> Patient:
    clinic = session.get_one(Clinic, batch.clinic_id)
    try:
        patient = patients.enrol(session, actor, clinic, incoming.new, now)
        _begin_course(session, actor, batch, patient, incoming, now)
    except Invalid as fault:
        raise Conflict(f"Row {position}: {fault} Nothing was loaded.") from None
    return patient


def _begin_course(
    session: Session,
    actor: Actor,
    batch: OnboardingBatch,
    patient: Patient,
    incoming: Incoming,
    now: dt.datetime,
) -> None:
    """The weight, and a treatment under way: a hand-over on its first day, of the usual supply."""
    course = courses.course_of(patient)
    course.weight_kg = incoming.weight_kg
    if incoming.started_on is None:
        return
    course.opened_on = min(course.opened_on, incoming.started_on)
    said = {"onboarding": batch.public_id, "supply": "not in the file"}
    begun = Dispensing(on=incoming.started_on)
    evidence.append(session, actor, patient, begun, now, source=Source.IMPORT, extra=said)
    reassess(session, actor, patient, now)


def undo(
    session: Session, actor: Actor, batch: OnboardingBatch, reason: str, now: dt.datetime
) -> int:
    """Take a load back: its evidence withdrawn, its courses closed, its record numbers freed.

    Raises Invalid without a reason, Conflict once anything else was recorded for its patients.
    """
    _must_be(batch, BatchState.LOADED)
    if not reason.strip():
        raise Invalid({"reason": "Say why the load is undone; the reason stays on record."})
    rows = [row for row in batch.rows if row.outcome is RowOutcome.LOADED]
    loaded = {row.patient_id: row for row in rows}
    _nothing_since(session, batch, loaded)
    for patient in session.scalars(select(Patient).where(Patient.id.in_(loaded))):
        _take_back(session, actor, patient, reason.strip(), now)
        loaded[patient.id].outcome = RowOutcome.UNDONE
    batch.state, batch.undone_at, batch.undone_reason = BatchState.UNDONE, now, reason.strip()
    _audit(
        session, actor, batch, "onboarding.undone", now, patients=len(rows), reason=reason.strip()
    )
    return len(rows)


def _nothing_since(
    session: Session, batch: OnboardingBatch, loaded: Mapping[int | None, OnboardingRow]
) -> None:
    """Raise Conflict when something was recorded for a patient after the load."""
    event = session.scalars(
        select(AuditEvent).where(
            AuditEvent.clinic_id == batch.clinic_id,
            AuditEvent.action == "onboarding.loaded",
            AuditEvent.entity_id == batch.public_id,
        )
    ).one()
    later = session.scalars(
        select(AuditEvent.patient_id).where(
            AuditEvent.chain == event.chain,
            AuditEvent.sequence > event.sequence,
            AuditEvent.patient_id.is_not(None),
            AuditEvent.action.not_in(_BY_ITSELF),
        )
    )
    touched = sorted(loaded[item].position for item in set(later) if item in loaded)
    if touched:
        raise Conflict(
            f"Something was recorded since for the patients of rows "
            f"{', '.join(map(str, touched[:20]))}: the load cannot be undone as a whole any more."
        )


def _take_back(
    session: Session, actor: Actor, patient: Patient, reason: str, now: dt.datetime
) -> None:
    said = f"Taken over by mistake: {reason}"
    for row in evidence.known_evidence(session, patient):
        evidence.withdraw(session, actor, patient, row, said, now)
    courses.end(session, actor, patient, said, now)
    number = patient.mrn
    patient.mrn = f"{number[:40]} (undone {patient.public_id[:6]})"
    audit.record(
        session,
        actor,
        "patient.undone",
        "patient",
        patient.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail={"record_number": number, "now": patient.mrn},
    )


def _must_be(batch: OnboardingBatch, *states: BatchState) -> None:
    if batch.state not in states:
        raise Conflict(f"This file is {batch.state.value} already.")


def _numbers(account: Account) -> dict[str, int]:
    return {
        "rows": account.rows,
        "new": account.new,
        "duplicate": account.duplicate,
        "refused": account.refused,
        "left_out": account.left_out,
    }


def sheet_of(batch: OnboardingBatch) -> Sheet:
    """The table in a file that was uploaded."""
    return read_sheet(batch.content)


def _audit(
    session: Session,
    actor: Actor,
    batch: OnboardingBatch,
    action: str,
    now: dt.datetime,
    **detail: object,
) -> None:
    audit.record(
        session,
        actor,
        action,
        "onboarding",
        batch.public_id,
        now,
        clinic_id=batch.clinic_id,
        detail=detail,
    )
