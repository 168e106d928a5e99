"""The account of a received file: what became of every result of it, and the sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import object_session

from compliance.models import ImportedFile, ImportedMessage, ImportedResult
from compliance.models.intake import Disposition


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


def recount(file: ImportedFile) -> None:
    """Set a file's account from its results."""
    query = (
        select(ImportedResult.disposition, func.count())
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .where(ImportedMessage.file_id == file.id)
        .group_by(ImportedResult.disposition)
    )
    session = object_session(file)
    totals = {row[0]: row[1] for row in session.execute(query)} if session else {}
    file.received = sum(totals.values())
    for disposition in Disposition:
        setattr(file, disposition.value, totals.get(disposition, 0))


def counts(file: ImportedFile) -> dict[str, int]:
    """The numbers of a file's account."""
    return {
        "received": file.received,
        **{disposition.value: getattr(file, disposition.value) for disposition in Disposition},
    }


def account_of(file: ImportedFile, *, is_repeat: bool = False) -> Account:
    """The account of a stored file, as plain data."""
    return Account(
        file=file.name,
        error=file.error,
        results=tuple(_lines(file)),
        is_repeat=is_repeat,
        public_id=file.public_id,
        format=file.format,
        **counts(file),
    )


def _lines(file: ImportedFile) -> Iterable[Line]:
    session = object_session(file)
    if session is None:
        return
    of_file = ImportedMessage.file_id == file.id
    named = session.execute(
        select(ImportedMessage.id, ImportedMessage.patient_identifiers).where(of_file)
    )
    numbers = {message_id: _numbers(identifiers) for message_id, identifiers in named}
    query = (
        select(ImportedResult.message_id, *_OF_LINE)
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .where(of_file)
        .order_by(ImportedMessage.position, ImportedResult.position)
    )
    for row in session.execute(query):
        said: list[Any] = list(row[1:-2])
        said += [numbers[row.message_id], row.disposition.value, row.reason]
        yield Line(*said)


_OF_LINE = (
    ImportedResult.code_system,
    ImportedResult.code,
    ImportedResult.display,
    ImportedResult.analyte,
    ImportedResult.value,
    ImportedResult.comparator,
    ImportedResult.unit,
    ImportedResult.status,
    ImportedResult.interpretation,
    ImportedResult.collected,
    ImportedResult.disposition,
    ImportedResult.reason,
)


def _numbers(identifiers: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(
        " ".join(part for part in (kind, value, authority) if part)
        for authority, value, kind in identifiers
    )
