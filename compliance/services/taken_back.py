"""What a laboratory takes back: the filed entry that a cancelled or mistaken result concerns."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from compliance.models import Evidence, ImportedResult

TAKEN_BACK = ("entered-in-error", "cancelled")


class Tested(Protocol):
    """What says which test of which specimen a result is of."""

    code_system: str
    code: str
    collected: str
    order_number: str


def filed_of(session: Session, result: Tested, patient_id: int | None) -> Evidence | None:
    """What stands filed of the same test and specimen; None when nothing does."""
    if patient_id is None or not result.code:
        return None
    later = aliased(Evidence)
    query = (
        select(ImportedResult, Evidence)
        .join(Evidence, Evidence.id == ImportedResult.evidence_id)
        .where(
            ImportedResult.patient_id == patient_id,
            ImportedResult.code_system == result.code_system,
            ImportedResult.code == result.code,
            Evidence.withdrawn_at.is_(None),
            ~exists().where(later.supersedes_id == Evidence.id),
        )
        .order_by(Evidence.id.desc())
    )
    for before, row in session.execute(query):
        if is_same(result, before.collected, before.order_number):
            return row
    return None


def is_same(result: Tested, collected: str, order_number: str) -> bool:
    """Whether a result that is taken back is of this specimen; an order counts without a time."""
    same_order = order_number != "" and order_number == result.order_number
    return same_order if not result.collected else collected == result.collected
