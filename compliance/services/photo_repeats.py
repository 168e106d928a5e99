"""The same photo sent twice: by its bytes, or by what is to be seen on it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Document, Patient, PatientStatement, StatementKind
from compliance.rules.terms import Term
from compliance.services.documents import documents_of
from compliance.services.photos import Photo


class Repeat(Term):
    """What of a photo was there before, at this clinic."""

    NONE = "none"
    SAME = "same"
    OTHER_PATIENT = "other-patient"
    ALIKE = "alike"


def earlier_document(session: Session, patient: Patient, photo: Photo) -> Document | None:
    """The document of this patient that holds the same photo already; None when there is none."""
    query = documents_of(patient).where(
        Document.sha256 == photo.sha256, Document.withdrawn_at.is_(None)
    )
    return session.scalars(query.limit(1)).first()


def repeat_of(session: Session, patient: Patient, photo: Photo) -> Repeat:
    """Whether a photo was sent before: the same file, or one that looks nearly the same."""
    sent = _home_tests(session, patient)
    same = [row for row in sent if _is_same(row, photo)]
    if any(row.patient_id != patient.id for row in same):
        return Repeat.OTHER_PATIENT
    if same:
        return Repeat.SAME
    alike = any(photo.resembles(row.detail.get("picture", "")) for row in sent)
    return Repeat.ALIKE if alike else Repeat.NONE


def _is_same(row: PatientStatement, photo: Photo) -> bool:
    clean = row.document is not None and row.document.sha256 == photo.sha256
    return clean or bool(row.detail.get("sent_sha256") == photo.sent_sha256)


def _home_tests(session: Session, patient: Patient) -> list[PatientStatement]:
    query = select(PatientStatement).where(
        PatientStatement.clinic_id == patient.clinic_id,
        PatientStatement.kind == StatementKind.HOME_TEST,
    )
    return list(session.scalars(query.order_by(PatientStatement.id)))
