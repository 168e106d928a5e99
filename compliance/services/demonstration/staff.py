"""The two made-up clinics and the people who work there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from compliance.models import Clinic, Role, User
from compliance.rules.terms import LabSchedule
from compliance.services.accounts import NewUser, add_user
from compliance.services.actors import system
from compliance.services.demonstration.histories import NURSE, PHARMACIST, PRESCRIBER

DOCTOR = "Dr Imani Calloway"
EAST, WEST = "harbor", "canyon"
EDITION = "2026"
ADOPTED_ON = dt.date(2026, 11, 15)
NOTICE = (
    "Demonstration only: the notice of 16 June 2026 that moved the modification approved on "
    "9 February 2026 to 15 November 2026. No real clinic attests this."
)
LIMITS_SOURCE = (
    "Demonstration only: a made-up protocol for blood tests with the suggested limits. No real "
    "clinician has signed them off."
)


@dataclass(frozen=True, slots=True)
class Account:
    """One made-up member of staff: the role at each clinic, by the clinic's code."""

    email: str
    name: str
    roles: Mapping[str, Role]


ACCOUNTS = (
    Account("prescriber@example.org", DOCTOR, {EAST: Role.PRESCRIBER}),
    Account("nurse@example.org", "Nils Abernathy, RN", {EAST: Role.NURSE}),
    Account("manager@example.org", "Mireille Fontclair", {EAST: Role.MANAGER}),
    Account("pharmacist@example.org", "Osei Brightwell, PharmD", {EAST: Role.PHARMACIST}),
    Account(
        "administrator@example.org",
        "Ada Quillfeather",
        {EAST: Role.ADMINISTRATOR, WEST: Role.ADMINISTRATOR},
    ),
    Account("prescriber2@example.org", "Dr Tomás Villaluz", {EAST: Role.PRESCRIBER}),
    Account("nurse.both@example.org", "Hana Østergaard, RN", {EAST: Role.NURSE, WEST: Role.NURSE}),
    Account("prescriber.west@example.org", "Dr Leilani Standing", {WEST: Role.PRESCRIBER}),
    Account("manager.west@example.org", "Rui Larkspur", {WEST: Role.MANAGER}),
)

# Who writes what at which clinic; in the west the nurse reports the hand-overs.
WRITERS: dict[str, dict[str, tuple[str, ...]]] = {
    EAST: {
        PRESCRIBER: ("prescriber@example.org", "prescriber2@example.org"),
        NURSE: ("nurse@example.org", "nurse.both@example.org"),
        PHARMACIST: ("pharmacist@example.org",),
    },
    WEST: {
        PRESCRIBER: ("prescriber.west@example.org",),
        NURSE: ("nurse.both@example.org",),
        PHARMACIST: ("nurse.both@example.org",),
    },
}


def open_clinics(session: Session, at: dt.datetime) -> dict[str, Clinic]:
    """The two clinics, by code."""
    east = Clinic(
        code=EAST,
        name="Harbor Lane Dermatology",
        programme="us-ipledge",
        time_zone="America/New_York",
        country="US",
        lab_schedule=LabSchedule.LABEL,
        address="1200 Harbor Lane, Suite 4\nNew York, NY 10000",
        phone="+1 212 555 0100",
        email="harbor-lane@example.org",
        created_at=at,
    )
    west = Clinic(
        code=WEST,
        name="Canyon View Skin Clinic",
        programme="us-ipledge",
        time_zone="America/Los_Angeles",
        country="US",
        lab_schedule=LabSchedule.PEAK_DOSE,
        address="88 Canyon View Road\nLos Angeles, CA 90000",
        phone="+1 213 555 0100",
        email="canyon-view@example.org",
        opening_days="1,2,3,4,5,6",
        created_at=at,
    )
    session.add_all([east, west])
    session.flush()
    return {EAST: east, WEST: west}


def add_accounts(
    session: Session, clinics: Mapping[str, Clinic], password: str, at: dt.datetime
) -> dict[str, User]:
    """Everybody's account, all with one password; by address."""
    actor = system("demonstration")
    return {
        item.email: add_user(
            session,
            actor,
            NewUser(email=item.email, name=item.name, password=password),
            {clinics[code]: role for code, role in item.roles.items()},
            at,
        )
        for item in ACCOUNTS
    }
