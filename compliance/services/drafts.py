"""Messages and results on their way in, before they are rows: many of them are stored at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy.orm import Session

from compliance.models import ImportedMessage, ImportedResult
from compliance.models.intake import Disposition
from compliance.models.patients import new_public_id
from compliance.rules.facts import Fact
from compliance.services.bulk import insert_for_ids, insert_rows


@dataclasses.dataclass(slots=True)
class DraftMessage:
    """One message, or its part about one subject, with the columns of its row."""

    file_id: int
    clinic_id: int
    position: int
    message_type: str
    sender: str
    control_id: str
    sha256: str
    patient_identifiers: list[list[str]]
    patient_name: str
    patient_born: str
    error: str | None
    results: list[Draft] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Draft:
    """One result with the columns of its row; what is made of it is set step by step."""

    message: DraftMessage
    clinic_id: int
    position: int
    display: str
    field: str
    order_number: str
    as_sent: str
    reference_range: str
    interpretation: str
    collected: str
    public_id: str = dataclasses.field(default_factory=new_public_id)
    code_system: str = ""
    code: str = ""
    analyte: str | None = None
    value: str = ""
    comparator: str = ""
    unit: str = ""
    status: str = ""
    disposition: Disposition = Disposition.HELD
    reason: str = ""
    urgent: bool = False
    waits_for_patient: bool = False
    patient_id: int | None = None
    suggested_patient_id: int | None = None
    evidence_id: int | None = None
    proposed_fact: dict[str, Any] | None = None
    fact: Fact | None = None  # what proposed_fact says


def _columns(draft: type[Any], *others: str) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(draft) if item.name not in others)


_OF_MESSAGE = _columns(DraftMessage, "results")
_OF_RESULT = _columns(Draft, "message", "fact")


def write_drafts(session: Session, messages: Sequence[DraftMessage]) -> None:
    """Store messages and their results, each kind in one statement."""
    of_message, of_result = attrgetter(*_OF_MESSAGE), attrgetter(*_OF_RESULT)
    rows = [dict(zip(_OF_MESSAGE, of_message(item), strict=True)) for item in messages]
    ids = insert_for_ids(session, ImportedMessage, rows)
    results = [
        {"message_id": row_id, **dict(zip(_OF_RESULT, of_result(item), strict=True))}
        for message, row_id in zip(messages, ids, strict=True)
        for item in message.results
    ]
    insert_rows(session, ImportedResult, results)
