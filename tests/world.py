"""Plain functions with defaults that put a clinic, people and patients into a test's database."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from compliance.db import transaction
from compliance.models import Clinic, Membership, Patient, Role, User
from compliance.rules.terms import Cycle, Potential, PotentialReason
from compliance.services import patients
from compliance.services.accounts import NewUser, add_user
from compliance.services.actors import Actor, system

NOW = dt.datetime(2026, 4, 2, 15, 0, tzinfo=dt.UTC)  # a Thursday, 11:00 in New York
PASSWORD = "a password for tests"
_number = itertools.count(1)


def a_clinic(code: str = "riverside", **changes: Any) -> int:
    """A clinic in New York on iPLEDGE; returns its id."""
    values = {
        "name": "Riverside Dermatology",
        "programme": "us-ipledge",
        "time_zone": "America/New_York",
        "country": "US",
        "created_at": NOW,
        **changes,
    }
    with transaction() as session:
        clinic = Clinic(code=code, **values)
        session.add(clinic)
        session.flush()
        return clinic.id


def a_user(
    clinic_id: int, role: Role = Role.NURSE, name: str = "Nia Nurse", email: str = ""
) -> Actor:
    """A person with a role at a clinic; returns the actor."""
    email = email or f"{role.value}{next(_number)}@example.org"
    with transaction() as session:
        clinic = session.get(Clinic, clinic_id)
        new = NewUser(email=email, name=name, password=PASSWORD)
        user = add_user(session, system("tests"), new, {clinic: role}, NOW)
        return Actor(name=user.name, user_id=user.id, clinic_id=clinic_id, role=role)


def a_patient(actor: Actor, now: dt.datetime = NOW, **changes: Any) -> Patient:
    """A patient enrolled a month ago, who can become pregnant unless the changes say otherwise."""
    number = next(_number)
    values: dict[str, Any] = {
        "mrn": f"T-{number:04d}",
        "given_name": "Amara",
        "family_name": f"Okafor{number}",
        "birth_date": dt.date(1998, 4, 2),
        "potential": Potential.YES,
        "reason": PotentialReason.ANATOMY,
        "cycle": Cycle.REGULAR,
        "confirmed": True,
        "enrolled_on": now.date() - dt.timedelta(days=31),
        "email": f"patient{number}@example.org",
        **changes,
    }
    with transaction() as session:
        clinic = session.get(Clinic, actor.clinic_id)
        return patients.enrol(session, actor, clinic, patients.NewPatient(**values), now)


def email_of(session: Any, actor: Actor) -> str:
    """The address that an actor signs in with."""
    return session.get(User, actor.user_id).email


__all__ = ["NOW", "PASSWORD", "Membership", "a_clinic", "a_patient", "a_user", "email_of"]
