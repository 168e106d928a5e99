"""The monthly visit: kept as it is typed, then recorded all at once or not at all."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Evidence, Patient, PrescriptionOrder, Role, VisitDraft
from compliance.rules.findings import Assessment
from compliance.services import audit, recording
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotFound, NotPermitted
from compliance.services.visit_preview import NewPrescription, Preview, VisitContent, preview

MOST_TYPED = 20_000  # characters; a visit needs about 2,000

Answers = Mapping[str, list[str]]


class Changed(Conflict):
    """The visit, or its answer, is not what this window was shown; nothing was written."""


def open_draft(session: Session, patient: Patient) -> VisitDraft | None:
    """The visit that is being written down for a patient; None when there is none."""
    query = select(VisitDraft).where(
        VisitDraft.patient_id == patient.id, VisitDraft.finished_at.is_(None)
    )
    return session.scalar(query.order_by(VisitDraft.id.desc()).limit(1))


def last_visit(session: Session, patient: Patient, since: dt.datetime) -> VisitDraft | None:
    """The newest visit that was recorded from a moment on."""
    query = select(VisitDraft).where(
        VisitDraft.patient_id == patient.id,
        VisitDraft.finished_at >= since,
        VisitDraft.outcome.is_not(None),
    )
    found = session.scalars(query.order_by(VisitDraft.id.desc()))
    return next((draft for draft in found if draft.outcome and not _discarded(draft)), None)


def get_visit(session: Session, patient: Patient, public_id: str) -> VisitDraft:
    """A recorded visit of this patient; raises NotFound."""
    draft = session.scalar(
        select(VisitDraft).where(
            VisitDraft.public_id == public_id, VisitDraft.patient_id == patient.id
        )
    )
    if draft is None or draft.finished_at is None or _discarded(draft):
        raise NotFound("There is no such visit in this patient's record.")
    return draft


def _discarded(draft: VisitDraft) -> bool:
    return bool((draft.outcome or {}).get("discarded"))


def save(
    session: Session,
    actor: Actor,
    patient: Patient,
    answers: Answers,
    version: int,
    now: dt.datetime,
) -> VisitDraft:
    """Keep what has been typed so far; `version` is the saving that this window began from.

    Raises Changed when another window has saved or finished it since, Invalid when it is too long.
    """
    if len(json.dumps(answers)) > MOST_TYPED:
        raise Invalid({"form": f"A visit holds at most {MOST_TYPED:,} characters; shorten it."})
    draft = _locked(session, patient)
    if draft is not None and draft.answers == answers:
        return draft  # the same text twice is no conflict
    _check_version(draft, version)
    action = "visit.saved" if draft else "visit.started"
    if draft is None:
        draft = _new_draft(patient, now)
        session.add(draft)
    draft.answers, draft.saved_at = dict(answers), now
    draft.version, draft.by, draft.by_id = version + 1, actor.name, actor.user_id
    session.flush()
    _audit(session, actor, patient, action, draft, now, {"version": draft.version})
    return draft


def _new_draft(patient: Patient, now: dt.datetime) -> VisitDraft:
    return VisitDraft(
        clinic_id=patient.clinic_id, patient_id=patient.id, started_at=now, version=0, answers={}
    )


def _locked(session: Session, patient: Patient) -> VisitDraft | None:
    """The open draft, with the patient's row held so that two savings cannot cross."""
    session.scalar(select(Patient.id).where(Patient.id == patient.id).with_for_update())
    return open_draft(session, patient)


def _check_version(draft: VisitDraft | None, version: int) -> None:
    if draft is None and version > 0:
        raise Changed("This visit was recorded or thrown away in another window.")
    if draft is not None and draft.version != version:
        raise Changed(f"{draft.by} saved this visit in another window.")


def _current(session: Session, patient: Patient, version: int) -> VisitDraft:
    draft = _locked(session, patient)
    if draft is None:
        raise Changed("This visit was recorded or thrown away in another window.")
    _check_version(draft, version)
    return draft


def discard(
    session: Session, actor: Actor, patient: Patient, version: int, now: dt.datetime
) -> None:
    """Throw away what was typed; nothing of it becomes evidence. Raises Changed."""
    draft = _current(session, patient, version)
    _close(draft, now, {"discarded": True})
    _audit(session, actor, patient, "visit.discarded", draft, now, {"version": version})


def finish(
    session: Session,
    actor: Actor,
    patient: Patient,
    version: int,
    content: VisitContent,
    shown: str,
    now: dt.datetime,
) -> VisitDraft:
    """Record the whole visit and close its draft; `shown` is the key of the preview agreed to.

    Raises Changed when the visit or the answer is another one meanwhile, Invalid or NotPermitted
    when a part cannot be recorded; then no part of it may be committed.
    """
    draft = _current(session, patient, version)
    expected = preview(session, patient, content, now)
    if expected.key != shown:
        raise Changed("The record changed while you were reading: look at the new answer.")
    if not expected.fresh and not content.prescription and not content.prepared:
        raise Invalid({"form": "Nothing is filled in that could be recorded."})
    rows = recording.record_all(session, actor, patient, expected.fresh, now)
    order = _prescribe(session, actor, patient, content, expected, now)
    _close(draft, now, _outcome(expected, rows, order, content))
    draft.by, draft.by_id = actor.name, actor.user_id
    _audit(session, actor, patient, "visit.recorded", draft, now, _said(draft))
    return draft


def _prescribe(
    session: Session,
    actor: Actor,
    patient: Patient,
    content: VisitContent,
    expected: Preview,
    now: dt.datetime,
) -> PrescriptionOrder | None:
    """Issue what the visit prescribes, unless an alarm of pregnancy locks it."""
    wanted: NewPrescription | None = content.prescription
    if wanted is None or expected.locked:
        return None
    if actor.role is not Role.PRESCRIBER:
        raise NotPermitted("Only a prescriber issues prescriptions.")
    return recording.prescribe(
        session,
        actor,
        patient,
        now,
        days_supply=wanted.days_supply,
        refills=wanted.refills,
        daily_dose_mg=wanted.daily_dose_mg,
        override_reason=wanted.override_reason,
    )


def _outcome(
    expected: Preview,
    rows: list[Evidence],
    order: PrescriptionOrder | None,
    content: VisitContent,
) -> dict[str, Any]:
    recorded = [row.public_id for row in rows] + ([order.evidence.public_id] if order else [])
    return {
        "recorded": recorded,
        "locked": expected.locked and content.prescription is not None,
        "prepared": dict(content.prepared),
        "before": _answer(expected.now),
        "after": _answer(expected.after),
    }


def _answer(answer: Assessment) -> dict[str, str]:
    return {
        "act": answer.question.act.value,
        "verdict": answer.verdict.value,
        "reason": next((finding.reason for finding in answer.findings if finding.blocks), ""),
    }


def _close(draft: VisitDraft, now: dt.datetime, outcome: dict[str, Any]) -> None:
    """Finished, a draft keeps no second copy of what has become evidence."""
    draft.finished_at, draft.outcome, draft.answers = now, outcome, {}


def _said(draft: VisitDraft) -> dict[str, Any]:
    outcome = draft.outcome or {}
    return {
        "version": draft.version,
        "recorded": outcome["recorded"],
        "prepared": sorted(outcome["prepared"]),
        "verdict": outcome["after"]["verdict"],
    }


def _audit(
    session: Session,
    actor: Actor,
    patient: Patient,
    action: str,
    draft: VisitDraft,
    now: dt.datetime,
    detail: dict[str, Any],
) -> None:
    audit.record(
        session,
        actor,
        action,
        "visit",
        draft.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail=detail,
    )
