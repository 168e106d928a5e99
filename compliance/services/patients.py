"""Patients: enrol, find, keep their contact details; never across clinics."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Course, Membership, Patient, PatientIdentifier, Role, User
from compliance.models.patients import Discretion
from compliance.rules.facts import Enrolment, PregnancyPotential
from compliance.rules.terms import Cycle, Potential, PotentialReason, Sex
from compliance.services import audit, evidence
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.errors import Invalid, NotFound

LIMIT = 50


@dataclass(frozen=True, slots=True)
class NewPatient:
    """What a clinic enters to enrol somebody."""

    mrn: str
    given_name: str
    family_name: str
    birth_date: dt.date
    potential: Potential
    reason: PotentialReason | None
    cycle: Cycle = Cycle.UNKNOWN
    confirmed: bool = False
    enrolled_on: dt.date | None = None
    sex_at_birth: Sex | None = None
    pronouns: str = ""
    email: str = ""
    phone: str = ""
    language: str = "en"
    discretion: Discretion = Discretion.NEUTRAL
    prescriber_id: int | None = None
    identifiers: Sequence[tuple[str, str]] = field(default_factory=tuple)


def fold(text: str) -> str:
    """Text as it is searched: lower case, without accents, single spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(plain.replace("ł", "l").replace("ø", "o").replace("ı", "i").split())


def get_patient(session: Session, actor: Actor, public_id: str) -> Patient:
    """The patient of the actor's own clinic; raises NotFound for any other."""
    patient = session.scalar(
        select(Patient).where(Patient.public_id == public_id, Patient.clinic_id == actor.clinic_id)
    )
    if patient is None:
        raise NotFound("There is no such patient at this clinic.")
    return patient


def enrol(
    session: Session, actor: Actor, clinic: Clinic, new: NewPatient, now: dt.datetime
) -> Patient:
    """Enter a patient with an open course, the pregnancy potential and the enrolment; audits both.

    Raises Invalid with a sentence for each field that cannot be taken.
    """
    _check(session, clinic, new, now)
    today = evidence.local_date(clinic, now)
    patient = Patient(
        clinic_id=clinic.id,
        clinic=clinic,
        mrn=new.mrn.strip(),
        given_name=new.given_name.strip(),
        family_name=new.family_name.strip(),
        search_name=fold(f"{new.given_name} {new.family_name}"),
        birth_date=new.birth_date,
        sex_at_birth=new.sex_at_birth,
        pronouns=new.pronouns.strip(),
        email=new.email.strip(),
        phone=new.phone.strip(),
        language=new.language,
        discretion=new.discretion,
        programme=clinic.programme,
        prescriber_id=new.prescriber_id,
        created_at=now,
    )
    patient.courses.append(Course(clinic_id=clinic.id, opened_on=new.enrolled_on or today))
    session.add(patient)
    session.flush()
    _add_identifiers(session, patient, new, now)
    audit.record(
        session,
        actor,
        "patient.enrolled",
        "patient",
        patient.public_id,
        now,
        clinic_id=clinic.id,
        patient_id=patient.id,
    )
    _first_evidence(session, actor, patient, new, now)
    reassess(session, actor, patient, now)
    return patient


def _add_identifiers(session: Session, patient: Patient, new: NewPatient, now: dt.datetime) -> None:
    for authority, value in new.identifiers:
        session.add(
            PatientIdentifier(
                clinic_id=patient.clinic_id,
                patient_id=patient.id,
                authority=authority.strip(),
                value=value.strip(),
                recorded_at=now,
            )
        )
    session.flush()


def _first_evidence(
    session: Session, actor: Actor, patient: Patient, new: NewPatient, now: dt.datetime
) -> None:
    on = new.enrolled_on or evidence.local_date(patient.clinic, now)
    potential = PregnancyPotential(
        from_=on,
        can_become_pregnant=new.potential,
        reason=new.reason,
        confirmed_by_professional=new.confirmed,
        cycle=new.cycle,
    )
    evidence.append(session, actor, patient, potential, now)
    if new.enrolled_on is not None:
        evidence.append(session, actor, patient, Enrolment(on=new.enrolled_on), now)


def faults_of(new: NewPatient, today: dt.date) -> dict[str, str]:
    """What is wrong with a patient to enrol on its own, a sentence a field; asks no database."""
    faults: dict[str, str] = {}
    _check_named(new, faults)
    if new.birth_date >= today or new.birth_date.year < today.year - 120:
        faults["birth_date"] = f"Found {new.birth_date}; enter a date of birth in the past."
    if new.enrolled_on and not new.birth_date < new.enrolled_on <= today:
        faults["enrolled_on"] = f"Found {new.enrolled_on}; enter a day up to today, {today}."
    if new.email and ("@" not in new.email or " " in new.email.strip()):
        faults["email"] = f"Found {new.email!r}; enter an address such as name@example.org."
    return faults


def _check(session: Session, clinic: Clinic, new: NewPatient, now: dt.datetime) -> None:
    faults = faults_of(new, evidence.local_date(clinic, now))
    if _mrn_taken(session, clinic, new.mrn):
        faults["mrn"] = f"The record number {new.mrn.strip()} belongs to a patient already here."
    if new.prescriber_id is not None and not _prescribes_here(session, clinic, new.prescriber_id):
        faults["prescriber"] = "Choose a prescriber of this clinic."
    _check_identifiers(session, clinic, new, faults)
    if faults:
        raise Invalid(faults)


def _check_named(new: NewPatient, faults: dict[str, str]) -> None:
    for name, label in (
        ("mrn", "record number"),
        ("given_name", "given name"),
        ("family_name", "family name"),
    ):
        if not getattr(new, name).strip():
            faults[name] = f"Enter the {label}."


def _check_identifiers(
    session: Session, clinic: Clinic, new: NewPatient, faults: dict[str, str]
) -> None:
    for authority, value in new.identifiers:
        taken = session.scalar(
            select(PatientIdentifier.id).where(
                PatientIdentifier.clinic_id == clinic.id,
                PatientIdentifier.authority == authority.strip(),
                PatientIdentifier.value == value.strip(),
            )
        )
        if taken is not None:
            faults["identifier_value"] = "This number belongs to another patient of this clinic."


def _mrn_taken(session: Session, clinic: Clinic, mrn: str) -> bool:
    query = select(Patient.id).where(Patient.clinic_id == clinic.id, Patient.mrn == mrn.strip())
    return session.scalar(query) is not None


def _prescribes_here(session: Session, clinic: Clinic, user_id: int) -> bool:
    return any(user.id == user_id for user in prescribers(session, clinic))


def prescribers(session: Session, clinic: Clinic) -> list[User]:
    """Who prescribes at a clinic, by name."""
    query = (
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.clinic_id == clinic.id, Membership.role == Role.PRESCRIBER)
        .where(User.active)
        .order_by(User.name)
    )
    return list(session.scalars(query))


def matching(clinic_id: int | None, text: str) -> Select[Patient]:
    """The query for patients of a clinic by name, record number or birth date."""
    query = select(Patient).where(Patient.clinic_id == clinic_id)
    words = fold(text).split()
    if not words:
        return query
    if born := birth_dates(text):
        return query.where(Patient.birth_date.in_(born))
    by_name = [Patient.search_name.contains(word, autoescape=True) for word in words]
    by_number = func.lower(Patient.mrn).contains(text.strip().lower(), autoescape=True)
    return query.where(or_(by_number, and_(*by_name)))


def birth_dates(text: str) -> list[dt.date]:
    """Each reading of a birth date as people type it: 02/04/2001 has two; [] for anything else."""
    found = []
    for form in ("%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%d/%m/%Y", "%m/%d/%Y"):
        with suppress(ValueError):
            found.append(dt.datetime.strptime(text.strip(), form).date())  # noqa: DTZ007
    return list(dict.fromkeys(found))


def search(session: Session, actor: Actor, text: str, limit: int = LIMIT) -> list[Patient]:
    """Patients of the actor's clinic by name, record number or birth date."""
    query = matching(actor.clinic_id, text).order_by(Patient.family_name, Patient.given_name)
    return list(session.scalars(query.limit(limit)))
