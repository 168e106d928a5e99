"""A new clinic in an installation, added by whoever administers the first one."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import available_timezones

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Membership, Role, User
from compliance.rules.programme import programme_ids
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.errors import Invalid, NotPermitted

CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class NewClinic:
    """A clinic to add: a short code, its programme, ISO country (two letters), IANA time zone."""

    code: str
    name: str
    programme: str
    country: str
    time_zone: str


def administers_installation(session: Session, actor: Actor) -> bool:
    """Whether this person is an administrator of the clinic that was there first."""
    first = session.scalar(select(func.min(Clinic.id)))
    query = select(Membership.id).where(
        Membership.clinic_id == first,
        Membership.user_id == actor.user_id,
        Membership.role == Role.ADMINISTRATOR,
    )
    return session.scalar(query) is not None


def add_clinic(session: Session, actor: Actor, new: NewClinic, now: dt.datetime) -> Clinic:
    """Add a clinic with the actor as its first administrator; raises NotPermitted or Invalid."""
    if not administers_installation(session, actor):
        raise NotPermitted("Only an administrator of the first clinic here adds another one.")
    _check(session, new)
    clinic = Clinic(
        code=new.code,
        name=new.name.strip(),
        programme=new.programme,
        country=new.country,
        time_zone=new.time_zone,
        paper="letter" if new.country in ("US", "CA") else "A4",
        created_at=now,
    )
    session.add(clinic)
    session.flush()
    person = session.get_one(User, actor.user_id)
    session.add(Membership(user=person, clinic=clinic, role=Role.ADMINISTRATOR))
    said = {"name": clinic.name, "programme": clinic.programme, "time_zone": clinic.time_zone}
    audit.record(
        session, actor, "clinic.added", "clinic", clinic.code, now, clinic_id=clinic.id, detail=said
    )
    return clinic


def _check(session: Session, new: NewClinic) -> None:
    faults: dict[str, str] = {}
    if not CODE.fullmatch(new.code):
        faults["code"] = f"Found {new.code!r}; enter 2 to 40 small letters, digits or hyphens."
    elif session.scalar(select(Clinic.id).where(Clinic.code == new.code)) is not None:
        faults["code"] = "Another clinic has this code already."
    if not new.name.strip():
        faults["name"] = "Enter the clinic's name."
    if new.programme not in programme_ids():
        faults["programme"] = f"Found {new.programme!r}; choose a programme."
    if not COUNTRY.fullmatch(new.country):
        faults["country"] = f"Found {new.country!r}; enter two capital letters such as US."
    if new.time_zone not in available_timezones():
        faults["time_zone"] = f"Found {new.time_zone!r}; enter a zone such as America/New_York."
    if faults:
        raise Invalid(faults)
