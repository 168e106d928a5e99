"""The stop protocol on a patient's page: who does what by when, and one button for each step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace

from flask import Blueprint, flash, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound as UnknownAddress
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import Length, Optional

from compliance.db import transaction
from compliance.models import Evidence, Patient, Role, StoredAssessment
from compliance.rules.clock import Clock
from compliance.rules.dates import day_ends
from compliance.rules.programme import load_programme
from compliance.rules.stop_protocol import BY_RESULT_ONLY, StopProtocol, Task
from compliance.rules.terms import ProtocolKind, Step
from compliance.services import patients
from compliance.services.errors import Conflict
from compliance.services.protocol_steps import may_do, record_step
from compliance.services.protocols import needs_protocol, protocol_of
from compliance.web.clock import now
from compliance.web.forms import PageForm
from compliance.web.security import CLINICAL, access, actor

protocol = Blueprint("protocol", __name__, url_prefix="/patients/<public_id>/protocol")

TITLES = {
    ProtocolKind.STOP: "Stop protocol",
    ProtocolKind.UNCLEAR: "Stop protocol: unclear test",
}


class StepForm(PageForm):
    """What somebody wants to add about a step that is done."""

    note = StringField("Note", [Optional(), Length(max=500, message="Enter at most 500 letters.")])


@protocol.post("/<step>")
@access(*CLINICAL)
def done(public_id: str, step: str) -> Response:
    """Record that a step was done, today and by the person who is signed in."""
    if step not in [item.value for item in Step]:
        raise UnknownAddress
    form = StepForm()
    if not form.sent_and_valid():
        flash(" ".join(form.note.errors) or "Nothing was recorded; try once more.", "danger")
    else:
        said, tone = _record(public_id, Step(step), form.note.data or "")
        flash(said, tone)
    return redirect(url_for("patients.show", public_id=public_id, _anchor="protocol"))


def _record(public_id: str, step: Step, note: str) -> tuple[str, str]:
    try:
        with transaction() as session:
            patient = patients.get_patient(session, actor(), public_id)
            record_step(session, actor(), patient, step, note, now())
    except Conflict as error:
        return str(error), "info"
    return "Recorded. The next step of the stop protocol stands below.", "ok"


def card_of(
    session: Session,
    patient: Patient,
    answer: StoredAssessment | None,
    rows: Sequence[Evidence],
    moment: dt.datetime,
) -> SimpleNamespace | None:
    """What templates/protocol/_card.html asks for; None without a stop protocol."""
    found = (
        protocol_of(session, patient, moment)
        if answer and needs_protocol(answer.findings)
        else None
    )
    if found is None:
        return None
    zone = patient.clinic.time_zone
    clock = Clock(moment, zone, zone)
    by_id = {str(row.id): row for row in rows}
    tasks = [_task(task, patient, clock, by_id, task == found.next) for task in found.tasks]
    return SimpleNamespace(
        title=TITLES[found.kind],
        sentence=found.sentence,
        open=found.is_open,
        late=sum(task.state == "overdue" for task in tasks),
        grave=found.kind is ProtocolKind.STOP,
        tasks=tasks,
        outcomes=_outcomes(found, patient),
    )


def _task(
    task: Task, patient: Patient, clock: Clock, rows: dict[str, Evidence], comes_next: bool
) -> SimpleNamespace:
    rule, done = task.rule, task.done
    state = "done" if done else "overdue" if task.is_overdue(clock) else "open"
    may = done is None and may_do(actor().role, rule.owner)
    return SimpleNamespace(
        step=rule.step.value,
        title=rule.title,
        task=rule.task,
        owner=rule.owner.value,
        call=_call(rule.call, patient),
        state=state,
        next=comes_next,
        by=day_ends(task.by, patient.clinic.time_zone),
        first=task.first,
        days=rule.target_days,
        citation=rule.citation,
        done=done,
        row=rows.get(done.evidence) if done else None,
        url=_address(rule.step, patient) if may else None,
        records=rule.step in BY_RESULT_ONLY,
    )


def _call(text: str, patient: Patient) -> str:
    prescriber = patient.prescriber.name if patient.prescriber else "a prescriber of this clinic"
    return text.format(
        prescriber=prescriber,
        patient=patient.name,
        telephone=patient.phone or "no telephone number on record",
        authority=load_programme(patient.programme).authority,
    )


def _address(step: Step, patient: Patient) -> str:
    if step in BY_RESULT_ONLY:
        return url_for("evidence.record", public_id=patient.public_id, kind="pregnancy-test")
    return url_for("protocol.done", public_id=patient.public_id, step=step.value)


def _outcomes(found: StopProtocol, patient: Patient) -> list[tuple[str, str]]:
    """The entries that settle what it was, as links for those who may make them."""
    links = [("Record a pregnancy", "pregnancy")] if actor().role in CLINICAL else []
    if actor().role is Role.PRESCRIBER:
        links.append(("Exclude a pregnancy, with the reason", "pregnancy-excluded"))
    return [
        (label, url_for("evidence.record", public_id=patient.public_id, kind=kind))
        for label, kind in links
    ]
