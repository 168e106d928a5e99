"""A step of the stop protocol is done: who may say so, and that it stays on record."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from compliance.models import Evidence, Patient, Role
from compliance.rules.facts import ProtocolStep
from compliance.rules.stop_protocol import BY_RESULT_ONLY, Task
from compliance.rules.terms import Owner, Step
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotPermitted
from compliance.services.evidence import local_date
from compliance.services.protocols import protocol_of
from compliance.services.recording import record_evidence


def may_do(role: Role | None, owner: Owner) -> bool:
    """Whether this role may see to a step: its owner, or a prescriber."""
    return role is Role.PRESCRIBER or (role is not None and role.value == owner.value)


def record_step(
    session: Session, actor: Actor, patient: Patient, step: Step, note: str, now: dt.datetime
) -> Evidence:
    """Record today that a step was done, with the evidence that opened the protocol.

    Raises NotPermitted for another role, Conflict when it is done already or nothing is open,
    Invalid for a step that only a result closes.
    """
    protocol = protocol_of(session, patient, now)
    tasks = protocol.tasks if protocol else ()
    task = next((item for item in tasks if item.rule.step is step), None)
    if protocol is None or task is None:
        raise Conflict("No stop protocol with this step is open for this patient any more.")
    _check(actor, task)
    today = local_date(patient.clinic, now)
    fact = ProtocolStep(on=today, step=step, cause=protocol.cause, by=actor.name, note=note.strip())
    return record_evidence(session, actor, patient, fact, now)


def _check(actor: Actor, task: Task) -> None:
    if not may_do(actor.role, task.rule.owner):
        raise NotPermitted(f"Only a {task.rule.owner} or a prescriber records this step.")
    if task.rule.step in BY_RESULT_ONLY:
        raise Invalid({"step": "Record the repeated test itself: its result closes this step."})
    if task.done is not None:
        raise Conflict(f"This step is recorded already: {task.rule.title.lower()}.")
