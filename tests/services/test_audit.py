"""The audit chain: every tampering that a database allows is found."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, update

from compliance.db import db, transaction
from compliance.models import AuditEvent, AuditHead
from compliance.services import audit
from compliance.services.actors import Actor, system
from tests.world import NOW, a_clinic, a_patient, a_user


@pytest.fixture
def chain(app) -> str:
    clinic_id = a_clinic()
    nurse = a_user(clinic_id)
    for _ in range(3):
        a_patient(nurse)
    return f"clinic-{clinic_id}"


def fault(chain: str) -> str | None:
    db.session.rollback()
    return audit.verify(db.session, chain).fault


def test_an_untouched_chain_verifies(chain: str) -> None:
    proof = audit.verify(db.session, chain)
    assert proof.fault is None
    assert proof.events > 6
    assert len(proof.head) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "Somebody Else"},
        {"action": "nothing.happened"},
        {"detail": {"fact": "another"}},
        {"patient_id": None},
        {"hash": "f" * 64},
    ],
)
def test_a_changed_event_is_found(chain: str, change: dict) -> None:
    with transaction() as session:
        where = (AuditEvent.chain == chain, AuditEvent.sequence == 4)
        session.execute(update(AuditEvent).where(*where).values(**change))
    assert fault(chain) == "event 4 was changed"


def test_a_missing_event_is_found(chain: str) -> None:
    with transaction() as session:
        where = (AuditEvent.chain == chain, AuditEvent.sequence == 3)
        session.execute(delete(AuditEvent).where(*where))
    assert "missing" in fault(chain)


def test_a_cut_off_tail_is_found_by_the_head(chain: str) -> None:
    with transaction() as session:
        newest = session.get(AuditHead, chain).sequence
        where = (AuditEvent.chain == chain, AuditEvent.sequence == newest)
        session.execute(delete(AuditEvent).where(*where))
    assert "tail" in fault(chain)


def test_a_tail_cut_off_with_its_head_shows_another_head_than_was_printed(chain: str) -> None:
    printed = audit.verify(db.session, chain).head
    db.session.rollback()
    with transaction() as session:
        head = session.get(AuditHead, chain)
        where = (AuditEvent.chain == chain, AuditEvent.sequence == head.sequence)
        last = session.query(AuditEvent).filter(*where).one()
        head.sequence, head.hash = head.sequence - 1, last.previous_hash
        session.execute(delete(AuditEvent).where(*where))
    proof = audit.verify(db.session, chain)
    assert proof.fault is None
    assert proof.head != printed


def test_each_clinic_has_a_chain_of_its_own(chain: str) -> None:
    other = a_clinic("other")
    a_patient(a_user(other))
    assert fault(f"clinic-{other}") is None
    assert audit.verify(db.session, f"clinic-{other}").head != audit.verify(db.session, chain).head


def test_a_system_task_acts_under_its_name(app) -> None:
    actor: Actor = system("sweep")
    with transaction() as session:
        audit.record(session, actor, "job.ran", "job", "sweep", NOW)
    event = db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
    assert (event.actor, event.actor_id) == ("system: sweep", None)


def test_the_head_that_is_printed_is_the_last_link_before_the_cut_off(chain: str) -> None:
    newest = db.session.query(AuditEvent).order_by(AuditEvent.sequence.desc()).first()
    after = NOW + dt.timedelta(seconds=1)
    assert audit.head_before(db.session, chain, after) == f"event {newest.sequence}, {newest.hash}"
    assert audit.head_before(db.session, chain, NOW) == ""
