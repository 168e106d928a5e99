"""Whose result it is: by a number and who assigned it; a name and a birth date only suggest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from compliance.models import Clinic, Patient, PatientIdentifier
from compliance.services.incoming import Identifier, Subject
from compliance.services.patients import fold
from compliance.services.portions import portions

# HL7 table 0203, and how senders abbreviate it: numbers of a medical record.
_RECORD_NUMBERS = ("MR", "MRN", "PI", "PT", "")


@dataclass(frozen=True, slots=True)
class Match:
    """The patient, or the sentence why nobody is certain and whom a person might mean."""

    patient: Patient | None = None
    suggestion: Patient | None = None
    reason: str = ""


def match(session: Session, clinic: Clinic, subject: Subject) -> Match:
    """The one patient of this clinic whom the subject's numbers name, and nothing contradicts.

    A record number under an authority that we do not know counts only when birth date and family
    name agree with it: the same digits mean somebody else at another hospital.
    """
    return match_all(session, clinic, [subject])[subject]


def match_all(
    session: Session, clinic: Clinic, subjects: Iterable[Subject]
) -> dict[Subject, Match]:
    """The same for several subjects; those whom a number names cost two queries together."""
    subjects = dict.fromkeys(subjects)
    registered = _registered(session, clinic, subjects)
    by_record = _by_record_number(session, clinic, subjects)
    return {
        subject: _match(session, clinic, subject, registered, by_record) for subject in subjects
    }


def _match(
    session: Session,
    clinic: Clinic,
    subject: Subject,
    registered: Mapping[str, Sequence[PatientIdentifier]],
    by_record: Mapping[str, Patient],
) -> Match:
    if not subject.identifiers:
        reason = "The message names no patient number."
        return Match(None, _by_name(session, clinic, subject), reason)
    known = [
        row.patient
        for item in subject.identifiers
        for row in registered.get(item.value, ())
        if _assigned(item, row.authority)
    ]
    record = [by_record[value] for value in _record_numbers(subject) if value in by_record]
    certain = {patient.id: patient for patient in (*known, *_ours(record, clinic, subject))}
    if len(certain) > 1:
        return Match(None, None, "The message's numbers belong to different patients here.")
    if certain:
        return _uncontradicted(next(iter(certain.values())), subject)
    likely = next((item for item in record if _corroborates(item, subject)), None)
    if likely is not None:
        return Match(likely)
    shown = ", ".join(str(item) for item in subject.identifiers)[:200]
    return Match(
        None,
        _by_name(session, clinic, subject) or next(iter(record), None),
        f"No patient of this clinic is known under {shown}.",
    )


def _registered(
    session: Session, clinic: Clinic, subjects: Iterable[Subject]
) -> dict[str, list[PatientIdentifier]]:
    found: dict[str, list[PatientIdentifier]] = {}
    for values in portions({item.value for one in subjects for item in one.identifiers}):
        query = (
            select(PatientIdentifier)
            .where(PatientIdentifier.clinic_id == clinic.id, PatientIdentifier.value.in_(values))
            .options(selectinload(PatientIdentifier.patient).selectinload(Patient.courses))
        )
        for row in session.scalars(query):
            found.setdefault(row.value, []).append(row)
    return found


def _by_record_number(
    session: Session, clinic: Clinic, subjects: Iterable[Subject]
) -> dict[str, Patient]:
    found: dict[str, Patient] = {}
    for values in portions({value for one in subjects for value in _record_numbers(one)}):
        query = (
            select(Patient)
            .where(Patient.clinic_id == clinic.id, Patient.mrn.in_(values))
            .options(selectinload(Patient.courses))
        )
        found |= {patient.mrn: patient for patient in session.scalars(query)}
    return found


def _record_numbers(subject: Subject) -> list[str]:
    return list(
        dict.fromkeys(item.value for item in subject.identifiers if item.type in _RECORD_NUMBERS)
    )


def _assigned(item: Identifier, authority: str) -> bool:
    names = {fold(name) for name in (item.authority, item.authority_id) if name}
    return bool(authority) and fold(authority) in names


def _ours(found: Sequence[Patient], clinic: Clinic, subject: Subject) -> list[Patient]:
    return [
        patient
        for patient in found
        if any(
            item.value == patient.mrn
            and (_assigned(item, clinic.code) or _assigned(item, clinic.name))
            for item in subject.identifiers
        )
    ]


def _corroborates(patient: Patient, subject: Subject) -> bool:
    return subject.born == patient.birth_date and _same_family(patient, subject)


def _same_family(patient: Patient, subject: Subject) -> bool:
    return fold(patient.family_name) == fold(subject.family_name)


def _uncontradicted(patient: Patient, subject: Subject) -> Match:
    """A mistyped number names somebody else: birth date and name must not differ."""
    if subject.born is not None and subject.born != patient.birth_date:
        return Match(
            None,
            patient,
            f"The number belongs to a patient born {patient.birth_date}, the message says"
            f" {subject.born}.",
        )
    named = bool(subject.family_name)
    same_given = fold(patient.given_name) == fold(subject.given_name)
    if named and not _same_family(patient, subject) and (subject.born is None or not same_given):
        return Match(None, patient, "The number belongs to a patient of another name.")
    return Match(patient)


def _by_name(session: Session, clinic: Clinic, subject: Subject) -> Patient | None:
    """The only patient with this family name and birth date: a suggestion, never more."""
    if subject.born is None or not subject.family_name:
        return None
    query = select(Patient).where(
        Patient.clinic_id == clinic.id, Patient.birth_date == subject.born
    )
    found = [item for item in session.scalars(query) if _same_family(item, subject)]
    return found[0] if len(found) == 1 else None
