"""Documents of a patient, kept byte for byte; what a file is, its content says, not its name."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import PureWindowsPath

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from compliance.models import Document, Patient
from compliance.rules.dates import show
from compliance.services.actors import Actor
from compliance.services.errors import Invalid, NotFound
from compliance.services.evidence import local_date
from compliance.services.withdrawal import audit_entry

MOST_BYTES = 10 * 1024 * 1024
MOST_LETTERS = 200
ENDINGS = {
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "text/plain": ".txt",
}
_BEGINNINGS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_STRANGE = re.compile(r"[^\w .()-]+")


def media_type_of(content: bytes) -> str | None:
    """What a file is by its first bytes, or text in UTF-8; None for anything else."""
    for beginning, media_type in _BEGINNINGS:
        if content.startswith(beginning):
            return media_type
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else "text/plain"


def safe_name(sent: str, media_type: str) -> str:
    """The name of a file without folders or strange letters, ending as its content says."""
    stem = _STRANGE.sub("_", PureWindowsPath(sent).stem).strip(" ._")[:100]
    return (stem or "document") + ENDINGS[media_type]


def add_document(
    session: Session,
    actor: Actor,
    patient: Patient,
    title: str,
    file_name: str,
    content: bytes,
    now: dt.datetime,
) -> Document:
    """Keep one file of up to 10 MB, and audit it; raises Invalid with a sentence for each field."""
    media_type = media_type_of(content)
    digest = hashlib.sha256(content).hexdigest()
    faults = _title_fault(title) | _file_fault(session, patient, content, media_type, digest)
    if faults or media_type is None:
        raise Invalid(faults)
    row = Document(
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        at=now,
        by=actor.name,
        by_id=actor.user_id,
        title=title.strip(),
        file_name=safe_name(file_name, media_type),
        media_type=media_type,
        size=len(content),
        sha256=digest,
        content=content,
    )
    session.add(row)
    session.flush()
    audit_entry(session, actor, row, "added", now, sha256=digest, size=row.size)
    return row


def _title_fault(title: str) -> dict[str, str]:
    letters = len(title.strip())
    if not letters:
        return {"title": "Say what it is, such as “Signed enrolment form”."}
    if letters > MOST_LETTERS:
        return {"title": f"Found {letters} letters; allowed are {MOST_LETTERS}."}
    return {}


def _file_fault(
    session: Session, patient: Patient, content: bytes, media_type: str | None, digest: str
) -> dict[str, str]:
    if not content.strip():
        return {"file": "The file is empty."}
    if len(content) > MOST_BYTES:
        return {"file": f"The file has {len(content):,} bytes; allowed are {MOST_BYTES:,}."}
    if media_type is None:
        return {"file": "By its content this is no PDF, PNG, JPEG or plain text in UTF-8."}
    same = session.scalar(
        documents_of(patient).where(Document.sha256 == digest, Document.withdrawn_at.is_(None))
    )
    if same is None:
        return {}
    day = show(local_date(patient.clinic, same.at))
    return {"file": f"The same file is here already: “{same.title}”, added on {day} by {same.by}."}


def elsewhere(session: Session, row: Document) -> bool:
    """Whether the same file stands in the record of another patient of this clinic."""
    query = select(Document.id).where(
        Document.sha256 == row.sha256,
        Document.clinic_id == row.clinic_id,
        Document.patient_id != row.patient_id,
        Document.withdrawn_at.is_(None),
    )
    return session.scalar(query.limit(1)) is not None


def get_document(session: Session, patient: Patient, public_id: str) -> Document:
    """One document of this patient; raises NotFound."""
    row = session.scalar(documents_of(patient).where(Document.public_id == public_id))
    if row is None:
        raise NotFound("There is no such document of this patient.")
    return row


def documents_of(patient: Patient) -> Select[Document]:
    """The query for all documents of a patient, newest first, with the withdrawn ones."""
    query = select(Document).where(
        Document.patient_id == patient.id, Document.clinic_id == patient.clinic_id
    )
    return query.order_by(Document.at.desc(), Document.id.desc())
