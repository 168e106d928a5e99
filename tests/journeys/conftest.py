"""Who takes part in a journey."""

from __future__ import annotations

import pytest
import time_machine
from flask import Flask

from compliance.db import db
from compliance.models import Role
from tests.journeys.person import Person
from tests.world import NOW, a_clinic, a_user, email_of


@pytest.fixture
def team(app: Flask) -> dict[str, Person]:
    """A nurse and a prescriber of one clinic, both signed in, on 2 April 2026 at 11:00 Eastern."""
    clinic_id = a_clinic()
    people = {}
    for role, name in ((Role.NURSE, "Nia Nurse"), (Role.PRESCRIBER, "Dr Pia Prescriber")):
        actor = a_user(clinic_id, role, name)
        person = Person(app, email_of(db.session, actor))
        with time_machine.travel(NOW, tick=False):
            assert person.sign_in().status_code == 302
        people[role.value] = person
    return people
