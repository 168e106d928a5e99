"""The one door for laboratory results: stored as sent, matched, filed or held, accounted for."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from compliance.models import (
    Clinic,
    CodeMapping,
    ImportedFile,
    ImportedMessage,
    Patient,
)
from compliance.models.intake import Disposition
from compliance.rules.facts import write_fact
from compliance.rules.terminology import Terminology, load_terminology
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.assessments import reassess_all
from compliance.services.dispositions import Judgement, Setting, asserted, judge
from compliance.services.drafts import Draft, DraftMessage, write_drafts
from compliance.services.errors import NotPermitted
from compliance.services.evidence import zone_of
from compliance.services.file_accounts import Account, Line, account_of, counts, recount
from compliance.services.filing import Filing, Result
from compliance.services.incoming import IncomingFile, IncomingMessage, IncomingResult, Subject
from compliance.services.matching import match_all
from compliance.services.portions import portions
from compliance.services.pregnancy_text import excerpt
from compliance.services.taken_back import TAKEN_BACK

__all__ = [
    "Account",
    "Line",
    "account_of",
    "as_written",
    "by_subject",
    "code_mappings",
    "receive",
    "recount",
    "write_judgement",
]

PORTION = 250  # messages, or patients, that are in hand at once


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
        self.touched: dict[int, None] = {}
        self.settings: dict[str, Setting] = {}
        self.kinds: dict[str, bool] = {}
        self.count = 0

    def take(self, messages: Iterable[IncomingMessage]) -> None:
        """Every message, then the account, the verdicts that changed and the audit event."""
        for portion in portions(messages, PORTION):
            self._take(portion)
        recount(self.file)
        if not self.file.error and self.kinds and not any(self.kinds.values()):
            kinds = ", ".join(sorted(kind or "(no type)" for kind in self.kinds))
            self.file.error = f"No message of this file carries results: it holds {kinds[:200]}."
        for ids in portions(self.touched, PORTION):
            patients = self.session.scalars(
                select(Patient).where(Patient.id.in_(ids)).options(selectinload(Patient.courses))
            )
            reassess_all(self.session, self.actor, patients.all(), self.now)
        audit.record(
            self.session,
            self.actor,
            "results.received",
            "imported_file",
            self.file.public_id,
            self.now,
            clinic_id=self.clinic.id,
            detail={"name": self.file.name, "sha256": self.file.sha256, **counts(self.file)},
        )

    def _take(self, messages: Sequence[IncomingMessage]) -> None:
        digests = [hashlib.sha256(message.raw).hexdigest() for message in messages]
        seen = self._seen(digests)
        parts: list[_Part] = []
        for message, digest in zip(messages, digests, strict=True):
            self.kinds[message.type] = (
                self.kinds.get(message.type, False) or message.carries_results
            )
            for subject, items in by_subject(message, self.terms):
                row = self._row(message, subject, digest)
                row.results = [
                    self._result(row, result, message, position)
                    for position, result in enumerate(items, 1)
                ]
                if digest in seen:
                    _repeated(row, *seen[digest])
                parts.append(_Part(subject, row))
            seen.setdefault(digest, (self.file.name, self.file.received_at))
        self._settle(parts)
        write_drafts(self.session, [part.row for part in parts])

    def _seen(self, digests: Sequence[str]) -> dict[str, tuple[str, dt.datetime]]:
        """In which file each message was received before, and when."""
        query = (
            select(ImportedMessage.sha256, ImportedFile.name, ImportedFile.received_at)
            .join(ImportedFile, ImportedFile.id == ImportedMessage.file_id)
            .where(ImportedMessage.clinic_id == self.clinic.id, ImportedMessage.sha256.in_(digests))
            .order_by(ImportedMessage.id.desc())
        )
        return {digest: (name, at) for digest, name, at in self.session.execute(query)}

    def _row(self, message: IncomingMessage, subject: Subject, digest: str) -> DraftMessage:
        self.count += 1
        return DraftMessage(
            file_id=self.file.id,
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
        self, row: DraftMessage, result: IncomingResult, message: IncomingMessage, position: int
    ) -> Draft:
        judgement = judge(result, message, self._setting(message))
        draft = Draft(row, self.clinic.id, position, **as_written(result))
        draft.fact = judgement.fact
        write_judgement(draft, judgement)
        return draft

    def _setting(self, message: IncomingMessage) -> Setting:
        if message.sender not in self.settings:
            mappings = code_mappings(self.session, self.clinic, message.sender)
            zone = zone_of(self.clinic)
            self.settings[message.sender] = Setting(self.terms, zone, self.now, mappings)
        return self.settings[message.sender]

    def _settle(self, parts: Sequence[_Part]) -> None:
        waiting = [(part.subject, part.unsettled()) for part in parts]
        waiting = [(subject, results) for subject, results in waiting if results]
        found = match_all(self.session, self.clinic, [subject for subject, _ in waiting])
        filing = Filing(self.session, self.actor, self.now)
        filing.look(
            (patient, result)
            for subject, results in waiting
            if (patient := found[subject].patient) is not None
            for result in results
        )
        for subject, results in waiting:
            seems = found[subject].patient or found[subject].suggestion
            if seems is not None:
                self.touched[seems.id] = None
            for result in results:
                filing.settle(result, found[subject])
        filing.write()


@dataclass(frozen=True, slots=True)
class _Part:
    """What a message says about one subject."""

    subject: Subject
    row: DraftMessage

    def unsettled(self) -> list[Draft]:
        """The results that may be filed, wait for a person, or take back what is filed."""
        return [
            item
            for item in self.row.results
            if item.disposition in _UNSETTLED or item.status in TAKEN_BACK
        ]


def _repeated(row: DraftMessage, file_name: str, received_at: dt.datetime) -> None:
    for result in row.results:
        result.disposition, result.urgent = Disposition.IGNORED, False
        result.reason = (
            f"The same message was received before, in {file_name}"
            f" on {received_at:%Y-%m-%d}; nothing changed."
        )


_UNSETTLED = (Disposition.FILED, Disposition.HELD)


def by_subject(
    message: IncomingMessage, terms: Terminology
) -> list[tuple[Subject, list[IncomingResult]]]:
    """What a message is stored as: its results one after the other, a part for each subject."""
    results = (*message.results, *asserted(message, terms))
    groups = [(key, list(items)) for key, items in groupby(results, lambda item: item.subject)]
    return groups or [(message.subject, [])]


def as_written(result: IncomingResult) -> dict[str, Any]:
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


def write_judgement(row: Result, judgement: Judgement) -> Result:
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
