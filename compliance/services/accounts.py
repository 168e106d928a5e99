"""Accounts: people and their roles at clinics."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from flask_security import hash_password
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Membership, Role, User
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.errors import Invalid

SHORTEST_PASSWORD = 12


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person who shall be able to sign in."""

    email: str
    name: str
    password: str


def add_user(
    session: Session,
    actor: Actor,
    new: NewUser,
    roles: Mapping[Clinic, Role],
    now: dt.datetime,
) -> User:
    """Give a person an account with a role at each clinic named; raises Invalid."""
    _check(session, new)
    user = User(
        email=new.email.strip().lower(),
        name=new.name.strip(),
        password=hash_password(new.password),
        fs_uniquifier=secrets.token_hex(32),
        created_at=now,
    )
    user.memberships = [Membership(clinic=clinic, role=role) for clinic, role in roles.items()]
    session.add(user)
    session.flush()
    for clinic, role in roles.items():
        audit.record(
            session,
            actor,
            "user.added",
            "user",
            user.id,
            now,
            clinic_id=clinic.id,
            detail={"role": role.value},
        )
    return user


def _check(session: Session, new: NewUser) -> None:
    faults: dict[str, str] = {}
    if "@" not in new.email:
        faults["email"] = f"Found {new.email!r}; enter an address such as name@example.org."
    taken = select(User.id).where(func.lower(User.email) == new.email.strip().lower())
    if session.scalar(taken) is not None:
        faults["email"] = "Somebody has an account with this address already."
    if not new.name.strip():
        faults["name"] = "Enter the person's name."
    if len(new.password) < SHORTEST_PASSWORD:
        faults["password"] = (
            f"Found {len(new.password)} characters; allowed are {SHORTEST_PASSWORD} or more."
        )
    if faults:
        raise Invalid(faults)
