"""The one door for laboratory results: stored as sent, matched, filed or held, accounted for."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import (
    Clinic,
    CodeMapping,
    ImportedFile,
    ImportedMessage,
    ImportedResult,
    Patient,
)
from compliance.models.intake import Disposition
from compliance.rules.facts import write_fact
from compliance.rules.terminology import Terminology, load_terminology
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.dispositions import Judgement, Setting, asserted, judge
from compliance.services.errors import NotPermitted
from compliance.services.evidence import zone_of
from compliance.services.filing import settle
from compliance.services.incoming import IncomingFile, IncomingMessage, IncomingResult, Subject
from compliance.services.matching import Match, match
from compliance.services.pregnancy_text import excerpt


@dataclass(frozen=True, slots=True)
class Line:
    """One result of an account."""

    system: str
    code: str
    display: str
    analyte: str | None
    value: str
    comparator: str
    unit: str
    status: str
    interpretation: str
    collected: str
    patient_identifiers: tuple[str, ...]
    disposition: str
    reason: str


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a file: received = filed + held + rejected + ignored."""

    file: str
    received: int
    filed: int
    held: int
    rejected: int
    ignored: int
    error: str | None
    results: tuple[Line, ...]
    is_repeat: bool = False
    public_id: str = ""
    format: str = ""


def receive(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    file_name: str,
    content: bytes,
    parsed: IncomingFile,
    now: dt.datetime,
) -> Account:
    """Store a file with its bytes, judge and file its results, reassess whom they concern.

    The same bytes again change nothing, unless they could not be read before and can be now (a
    spreadsheet whose columns somebody has named). Raises NotPermitted for another clinic's staff.
    """
    if actor.clinic_id not in (None, clinic.id):
        raise NotPermitted("Results are received for your own clinic only.")
    digest = hashlib.sha256(content).hexdigest()
    known = session.scalar(
        select(ImportedFile).where(
            ImportedFile.clinic_id == clinic.id, ImportedFile.sha256 == digest
        )
    )
    if known is not None and not (parsed.messages and _was_unreadable(known)):
        return replace(account_of(known, is_repeat=True), file=file_name)
    file = known or ImportedFile(
        clinic_id=clinic.id,
        name=_fit(file_name, 255),
        format=parsed.format,
        sha256=digest,
        content=content,
        received_at=now,
        received_by=actor.name,
    )
    file.error = parsed.error
    session.add(file)
    session.flush()
    _Intake(session, actor, clinic, file, now).take(parsed.messages)
    return account_of(file)


def _was_unreadable(file: ImportedFile) -> bool:
    return file.error is not None and not file.messages


class _Intake:
    """One file on its way in."""

    def __init__(
        self,
        session: Session,
        actor: Actor,
        clinic: Clinic,
        file: ImportedFile,
        now: dt.datetime,
    ) -> None:
        self.session = session
        self.actor = actor
        self.clinic = clinic
        self.file = file
        self.now = now
        self.terms: Terminology = load_terminology()
        self.touched: dict[int, Patient] = {}
        self.settings: dict[str, Setting] = {}
        self.count = 0

    def take(self, messages: Sequence[IncomingMessage]) -> None:
        """Every message, then the account, the audit event and the verdicts that changed."""
        for message in messages:
            self._message(message)
        recount(self.file)
        if not self.file.error and messages and not any(item.carries_results for item in messages):
            kinds = ", ".join(sorted({item.type or "(no type)" for item in messages}))
            self.file.error = f"No message of this file carries results: it holds {kinds[:200]}."
        self.session.flush()
        for patient in self.touched.values():
            reassess(self.session, self.actor, patient, self.now)
        audit.record(
            self.session,
            self.actor,
            "results.received",
            "imported_file",
            self.file.public_id,
            self.now,
            clinic_id=self.clinic.id,
            detail={"name": self.file.name, "sha256": self.file.sha256, **_counts(self.file)},
        )

    def _message(self, message: IncomingMessage) -> None:
        digest = hashlib.sha256(message.raw).hexdigest()
        before = self.session.scalar(
            select(ImportedMessage).where(
                ImportedMessage.clinic_id == self.clinic.id, ImportedMessage.sha256 == digest
            )
        )
        for subject, items in by_subject(message, self.terms):
            row = self._row(message, subject, digest)
            for position, result in enumerate(items, 1):
                row.results.append(self._result(result, message, position))
            self.file.messages.append(row)
            self.session.flush()
            if before is not None:
                self._repeated(row, before)
            else:
                self._settle(row, subject)

    def _row(self, message: IncomingMessage, subject: Subject, digest: str) -> ImportedMessage:
        self.count += 1
        return ImportedMessage(
            clinic_id=self.clinic.id,
            position=self.count,
            message_type=_fit(message.type, 60),
            sender=_fit(message.sender, 255),
            control_id=_fit(message.control_id, 200),
            sha256=digest,
            patient_identifiers=[
                [item.authority, item.value, item.type] for item in subject.identifiers
            ],
            patient_name=_fit(subject.name, 255),
            patient_born=_fit(subject.born_as_sent, 20),
            error=message.problem or None,
        )

    def _result(
        self, result: IncomingResult, message: IncomingMessage, position: int
    ) -> ImportedResult:
        judgement = judge(result, message, self._setting(message))
        row = ImportedResult(clinic_id=self.clinic.id, position=position, **as_written(result))
        return write_judgement(row, judgement)

    def _setting(self, message: IncomingMessage) -> Setting:
        if message.sender not in self.settings:
            mappings = code_mappings(self.session, self.clinic, message.sender)
            zone = zone_of(self.clinic)
            self.settings[message.sender] = Setting(self.terms, zone, self.now, mappings)
        return self.settings[message.sender]

    def _repeated(self, row: ImportedMessage, before: ImportedMessage) -> None:
        for result in row.results:
            result.disposition, result.urgent = Disposition.IGNORED, False
            result.reason = (
                f"The same message was received before, in {before.file.name}"
                f" on {before.file.received_at:%Y-%m-%d}; nothing changed."
            )

    def _settle(self, row: ImportedMessage, subject: Subject) -> None:
        waiting = [item for item in row.results if item.disposition in _UNSETTLED]
        if not waiting:
            return
        found: Match = match(self.session, self.clinic, subject)
        seems = found.patient or found.suggestion
        if seems is not None:
            self.touched[seems.id] = seems
        for result in waiting:
            settle(self.session, self.actor, result, found, self.now)


_UNSETTLED = (Disposition.FILED, Disposition.HELD)


def by_subject(
    message: IncomingMessage, terms: Terminology
) -> list[tuple[Subject, list[IncomingResult]]]:
    """What a message is stored as: its results one after the other, a part for each subject."""
    results = (*message.results, *asserted(message, terms))
    groups = [(key, list(items)) for key, items in groupby(results, lambda item: item.subject)]
    return groups or [(message.subject, [])]


def as_written(result: IncomingResult) -> dict[str, str]:
    """What is stored of a result as the laboratory wrote it."""
    return {
        "display": _fit(result.label, 255),
        "field": _fit(result.source, 20),
        "order_number": _fit(result.order, 120),
        "as_sent": excerpt(_as_sent(result), 2000),
        "reference_range": _fit(result.reference_range, 120),
        "interpretation": _fit(" ".join(result.flags), 20),
        "collected": _fit(result.collected.text, 60),
    }


def write_judgement(row: ImportedResult, judgement: Judgement) -> ImportedResult:
    """Set what was made of a result, and why."""
    row.code_system = _fit(judgement.system, 120)
    row.code = _fit(judgement.code, 120)
    row.analyte = judgement.analyte
    row.value = excerpt(judgement.value, 2000)
    row.comparator = judgement.comparator
    row.unit = _fit(judgement.unit, 60)
    row.status = judgement.status
    row.disposition = judgement.disposition
    row.reason = judgement.reason
    row.urgent = judgement.urgent
    if judgement.fact is not None:
        row.proposed_fact = {
            "kind": judgement.fact.kind,
            "detail": write_fact(judgement.fact),
            "extra": judgement.extra,
        }
    return row


def _as_sent(result: IncomingResult) -> str:
    flags = f"[{' '.join(result.flags)}]" if result.flags else ""
    span = f"({result.reference_range})" if result.reference_range else ""
    return " ".join(part for part in (result.value.text, result.unit, span, flags) if part)


def _fit(text: str, length: int) -> str:
    return " ".join(text.split())[:length]


def code_mappings(session: Session, clinic: Clinic, sender: str) -> Mapping[tuple[str, str], str]:
    """What this laboratory's own codes were mapped to, as (system, code) to LOINC."""
    rows = session.scalars(
        select(CodeMapping).where(
            CodeMapping.clinic_id == clinic.id, CodeMapping.sender.in_(("", _fit(sender, 255)))
        )
    )
    return {(row.code_system, row.code): row.target_code for row in rows}


def recount(file: ImportedFile) -> None:
    """Set a file's account from its results."""
    results = [result for message in file.messages for result in message.results]
    file.received = len(results)
    for disposition in Disposition:
        total = sum(result.disposition is disposition for result in results)
        setattr(file, disposition.value, total)


def _counts(file: ImportedFile) -> dict[str, int]:
    return {
        "received": file.received,
        **{disposition.value: getattr(file, disposition.value) for disposition in Disposition},
    }


def account_of(file: ImportedFile, *, is_repeat: bool = False) -> Account:
    """The account of a stored file, as plain data."""
    return Account(
        file=file.name,
        error=file.error,
        results=tuple(_lines(file.messages)),
        is_repeat=is_repeat,
        public_id=file.public_id,
        format=file.format,
        **_counts(file),
    )


def _lines(messages: Iterable[ImportedMessage]) -> Iterable[Line]:
    for message in messages:
        numbers = tuple(
            " ".join(part for part in (kind, value, authority) if part)
            for authority, value, kind in message.patient_identifiers
        )
        for row in message.results:
            yield Line(
                system=row.code_system,
                code=row.code,
                display=row.display,
                analyte=row.analyte,
                value=row.value,
                comparator=row.comparator,
                unit=row.unit,
                status=row.status,
                interpretation=row.interpretation,
                collected=row.collected,
                patient_identifiers=numbers,
                disposition=row.disposition.value,
                reason=row.reason,
            )
