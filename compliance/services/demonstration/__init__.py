"""Demonstration data: two made-up clinics whose worklists are alive on the day they are loaded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy.orm import Session

from compliance.models import Clinic, EditionAdoption, LimitAdoption, Patient, Setting, User
from compliance.rules.action_limits import suggested_limits
from compliance.rules.dates import plus, zone
from compliance.rules.facts import Adoption, ClinicTerms, LimitSet
from compliance.rules.programme import load_programme
from compliance.services.actors import system
from compliance.services.adoptions import adoption_detail
from compliance.services.assessments import reassess
from compliance.services.audit import Happened, append_all
from compliance.services.demonstration.catalogue import Place, histories
from compliance.services.demonstration.decisions import write_decisions
from compliance.services.demonstration.histories import NURSE
from compliance.services.demonstration.names import People
from compliance.services.demonstration.portal import tick
from compliance.services.demonstration.staff import (
    ADOPTED_ON,
    EDITION,
    LIMITS_SOURCE,
    NOTICE,
    WEST,
    WRITERS,
    add_accounts,
    open_clinics,
)
from compliance.services.demonstration.writing import Desk, Written, write_patients

HISTORY_DAYS = 330
RECENT_DAYS = 7
LIMITS_DAYS = 28  # so long has the eastern clinic worked by limits of its own


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was made: clinics by code, users by address, patients and the situation of each."""

    clinics: dict[str, Clinic]
    users: dict[str, User]
    patients: list[Patient]
    situations: list[str]


def load(session: Session, now: dt.datetime, seed: int, password: str) -> Loaded:
    """Fill an empty database with about 150 patients; the same from the same seed and day.

    Facts are dated up to yesterday at each clinic and recorded in its office hours.
    """
    opened = _nine(now - dt.timedelta(days=HISTORY_DAYS), "America/New_York")
    clinics = open_clinics(session, opened)
    users = add_accounts(session, clinics, password, opened)
    session.add(Setting(name="demonstration", value=True))
    people, written = People(), list[Written]()
    for code, clinic in clinics.items():
        written += _fill(session, clinic, users, _place(code, clinic, now), seed, people)
    patients = [item.patient for item in written]
    for patient in patients:
        reassess(session, system("demonstration"), patient, now)
    for code, clinic in clinics.items():
        tick(session, clinic, users[WRITERS[code][NURSE][0]], now)
    return Loaded(clinics, users, patients, [item.history.situation for item in written])


def _place(code: str, clinic: Clinic, now: dt.datetime) -> Place:
    authority = load_programme(clinic.programme).time_zone
    return Place(
        code=code,
        time_zone=clinic.time_zone,
        today=now.astimezone(zone(clinic.time_zone)).date(),
        closing=now.astimezone(zone(authority)).date(),
    )


def _fill(
    session: Session,
    clinic: Clinic,
    users: Mapping[str, User],
    place: Place,
    seed: int,
    people: People,
) -> list[Written]:
    happened: list[Happened] = []
    if clinic.code == WEST:
        on = min(ADOPTED_ON, plus(place.today, -RECENT_DAYS))
        terms = _adopted(session, clinic, users["manager.west@example.org"], on, happened)
    else:
        on = plus(place.today, -LIMITS_DAYS)
        terms = _limited(session, clinic, users["prescriber@example.org"], on, happened)
    writers = {
        role: [users[email] for email in emails] for role, emails in WRITERS[clinic.code].items()
    }
    desk = Desk(clinic, terms, writers)
    written = write_patients(session, desk, histories(place, seed, people), seed)
    write_decisions(session, desk, written)
    noted = sorted(happened + _noted(written), key=attrgetter("at"))
    append_all(session, clinic.id, noted)
    return written


def _noted(written: list[Written]) -> list[Happened]:
    return [one for item in written for one in item.happened]


def _adopted(
    session: Session, clinic: Clinic, manager: User, on: dt.date, happened: list[Happened]
) -> ClinicTerms:
    """The western clinic's attested adoption of the edition that nobody has confirmed."""
    at = _nine(dt.datetime.combine(on, dt.time(12), dt.UTC), clinic.time_zone)
    session.add(
        EditionAdoption(
            clinic_id=clinic.id,
            programme=clinic.programme,
            edition=EDITION,
            adopted_on=on,
            source=NOTICE,
            attested_by_id=manager.id,
            recorded_at=at,
        )
    )
    detail = {"edition": EDITION, "on": on.isoformat(), "source": NOTICE}
    happened.append(
        Happened(at, manager.name, manager.id, clinic.id, None, "edition.adopted", "clinic",
                 clinic.code, detail)
    )  # fmt: skip
    return ClinicTerms(
        time_zone=clinic.time_zone,
        adoptions=(Adoption(edition=EDITION, on=on),),
        lab_schedule=clinic.lab_schedule,
    )


def _limited(
    session: Session, clinic: Clinic, prescriber: User, on: dt.date, happened: list[Happened]
) -> ClinicTerms:
    """The eastern clinic's attested adoption of the suggested action limits."""
    at = _nine(dt.datetime.combine(on, dt.time(12), dt.UTC), clinic.time_zone)
    row = LimitAdoption(
        clinic_id=clinic.id,
        adopted_on=on,
        limits=[limit.key for limit in suggested_limits() if not limit.variant_of],
        source=LIMITS_SOURCE,
        attested_by_id=prescriber.id,
        recorded_at=at,
    )
    session.add(row)
    happened.append(
        Happened(at, prescriber.name, prescriber.id, clinic.id, None, "limits.adopted", "clinic",
                 clinic.code, adoption_detail(row))
    )  # fmt: skip
    return ClinicTerms(
        time_zone=clinic.time_zone,
        lab_schedule=clinic.lab_schedule,
        limits=(LimitSet(on=on, keys=tuple(row.limits)),),
    )


def _nine(near: dt.datetime, tz: str) -> dt.datetime:
    """Nine in the morning of a moment's local day."""
    day = near.astimezone(zone(tz)).date()
    return dt.datetime.combine(day, dt.time(9), zone(tz)).astimezone(dt.UTC)


__all__ = ["Loaded", "load"]
