"""A corrected result is told to the prescriber at once, once, and not when it was read before."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance.db import db, transaction
from compliance.models import Role
from compliance.services import corrections
from compliance.services.actors import Actor
from tests.interop.messages import TG, obx, oru
from tests.services.reminding import Clock, Remembering, rows, run
from tests.services.test_intake import BORN, Place, take
from tests.world import NOW, a_clinic, a_patient, a_user


@pytest.fixture
def place(app: Any) -> Place:
    nurse = a_user(a_clinic(), Role.NURSE)
    return Place(nurse, a_patient(nurse, mrn="T-1", family_name="Okafor", birth_date=BORN))


@pytest.fixture
def prescriber(place: Place) -> Actor:
    return a_user(place.nurse.clinic_id or 0, Role.PRESCRIBER, "Dr P", "doctor@example.org")


def corrected(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "120"), control="1"))
    take(place.nurse, oru(obx(TG, "130", status="C"), control="2"))


def alerts() -> list[str]:
    return [row.state.value for row in rows() if row.kind == "alert"]


def test_a_result_that_nobody_corrected_alerts_nobody(place: Place, prescriber: Actor) -> None:
    take(place.nurse, oru(obx(TG, "120"), control="1"))
    assert alerts() == []


def test_a_correction_is_told_to_the_prescriber_once_and_names_nobody(
    place: Place, prescriber: Actor
) -> None:
    corrected(place)
    outbox = Remembering(Clock(NOW + dt.timedelta(minutes=1)))
    run(outbox)
    run(outbox)
    (message,) = [mail for _, mail in outbox.mails if mail["To"] == "doctor@example.org"]
    text = message.get_body(("plain",)).get_content()
    assert "/incidents" in text
    for telling in ("Okafor", "T-1", "130", "riglyc"):
        assert telling not in f"{message['Subject']} {text}"
    assert alerts() == ["sent"]


def test_what_was_read_before_the_mail_went_out_is_not_told(
    place: Place, prescriber: Actor
) -> None:
    corrected(place)
    ((row, _),) = corrections.unread(db.session(), prescriber)
    name = row.public_id
    with transaction() as session:
        corrections.mark_read(session, prescriber, name, NOW)
    run(Remembering(Clock(NOW + dt.timedelta(minutes=1))))
    assert alerts() == ["cleared"]
