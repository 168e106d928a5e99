"""A clinic adopts its action limits: attested, audited, judged at once, and replayed as known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AuditEvent, Clinic, LimitAdoption, Patient, Role, StoredAssessment
from compliance.rules.facts import Lab
from compliance.rules.terms import Act, Analyte, Requirement
from compliance.services import assessments, evidence
from compliance.services.actors import Actor
from compliance.services.adoptions import adopt_limits, limit_adoptions_of
from compliance.services.errors import Invalid
from tests.world import NOW, a_clinic, a_patient, a_user

TODAY = NOW.date()
SOURCE = "Protocol of the clinic, 1 March 2026"
LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture
def doctor(app: Any) -> Actor:
    return a_user(a_clinic(), Role.PRESCRIBER, "Dr Dana Derm")


def adopt(
    actor: Actor,
    *keys: str,
    on: dt.date = TODAY,
    source: str = SOURCE,
    now: dt.datetime = NOW,
    **more: Any,
) -> None:
    with transaction() as session:
        clinic = session.get(Clinic, actor.clinic_id)
        adopt_limits(session, actor, clinic, keys, on, source, now, **more)


def with_alt(doctor: Actor, value: str) -> Patient:
    patient = a_patient(doctor)
    with transaction() as session:
        fact = Lab(collected=TODAY, analyte=Analyte.ALT, value=value, unit="U/L", upper_limit="40")
        evidence.append(session, doctor, session.get(Patient, patient.id), fact, NOW)
    return patient


def held_by_limits(patient: Patient, known_at: dt.datetime | None = None) -> bool:
    session = db.session()
    found = assessments.ask(
        session, session.get(Patient, patient.id), LATER, act=Act.PRESCRIBE, known_at=known_at
    )
    return Requirement.LAB_LIMITS in found.blocked_by


@pytest.mark.parametrize(("value", "held"), [("120", False), ("121", True)])
def test_every_patient_is_assessed_again_by_the_limits_adopted(
    doctor: Actor, value: str, held: bool
) -> None:
    patient = with_alt(doctor, value)
    adopt(doctor, "alt-act")
    stored = db.session.scalars(
        select(StoredAssessment).where(StoredAssessment.patient_id == patient.id)
    ).one()
    blocking = [item["requirement"] for item in stored.findings if item["blocks"]]
    assert ("lab-limits" in blocking) is held
    assert held_by_limits(patient) is held


@pytest.mark.parametrize(("days", "held"), [(0, True), (1, False)])
def test_limits_hold_for_results_from_their_day_on(doctor: Actor, days: int, held: bool) -> None:
    patient = with_alt(doctor, "201")
    adopt(doctor, "alt-critical", on=TODAY + dt.timedelta(days=days))
    assert held_by_limits(patient) is held


def test_what_was_answered_before_the_adoption_was_recorded_replays_without_it(
    doctor: Actor,
) -> None:
    patient = with_alt(doctor, "201")
    adopt(doctor, "alt-critical", now=LATER)
    assert held_by_limits(patient, LATER)
    assert not held_by_limits(patient, LATER - dt.timedelta(seconds=1))


def test_a_newer_set_replaces_the_whole_of_the_older_one(doctor: Actor) -> None:
    patient = with_alt(doctor, "201")
    adopt(doctor, "alt-act", "alt-critical")
    adopt(doctor, "ck-act")
    assert not held_by_limits(patient)
    with transaction() as session:
        rows = limit_adoptions_of(session, session.get(Clinic, doctor.clinic_id))
        assert [row.limits for row in rows] == [["alt-act", "alt-critical"], ["ck-act"]]


def test_the_trail_keeps_who_adopted_which_limits_from_when_and_on_whose_word(
    doctor: Actor,
) -> None:
    adopt(doctor, "alt-act", "tg-act-fasting")
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "limits.adopted")
    ).one()
    assert event.detail == {
        "limits": ["alt-act", "tg-act-fasting"],
        "on": TODAY.isoformat(),
        "source": SOURCE,
        "attested_by": doctor.user_id,
    }


def refused(actor: Actor, *keys: str, **more: Any) -> Sequence[str]:
    with pytest.raises(Invalid) as error:
        adopt(actor, *keys, **more)
    assert db.session.scalar(select(LimitAdoption.id)) is None
    return list(error.value.fields)


def test_what_cannot_be_adopted_is_refused_field_by_field(doctor: Actor) -> None:
    assert refused(doctor) == ["limits"]
    assert refused(doctor, "alt-act", "gpt-act") == ["limits"]
    assert refused(doctor, "tg-act-fasting", "tg-act-fasting-500") == ["limits"]
    assert refused(doctor, "alt-act", source="protocol ") == ["source"]
    adopt(doctor, "alt-act", "tg-act-fasting-500", source="protocol 1")


def test_whoever_is_no_prescriber_names_the_prescriber_who_attests(doctor: Actor) -> None:
    manager = a_user(doctor.clinic_id, Role.ADMINISTRATOR, "Ada Admin")
    elsewhere = a_user(a_clinic("hillside"), Role.PRESCRIBER, "Dr Far Away")
    for nobody in (None, manager.user_id, elsewhere.user_id):
        assert refused(manager, "alt-act", attested_by=nobody) == ["attested_by"]
    adopt(manager, "alt-act", attested_by=doctor.user_id)
    assert db.session.scalars(select(LimitAdoption)).one().attested_by_id == doctor.user_id


def test_the_limits_of_one_clinic_bind_no_other(doctor: Actor) -> None:
    other = a_user(a_clinic("hillside"), Role.PRESCRIBER, "Dr Far Away")
    patient = with_alt(other, "201")
    adopt(doctor, "alt-critical")
    assert not held_by_limits(patient)
