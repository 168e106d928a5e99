"""A person maps a laboratory's own code: what came with it is judged again from its bytes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, or_, select
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
from compliance.rules.terminology import load_terminology
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.codes import UNFILED, LocalCode, Pair, mapped_keys, targets
from compliance.services.dispositions import Judgement, Setting, judge
from compliance.services.errors import Conflict, Invalid, NotFound
from compliance.services.evidence import zone_of
from compliance.services.filing import settle
from compliance.services.held import mark_resolved, reassess_each
from compliance.services.intake import code_mappings, recount, write_judgement
from compliance.services.matching import Match, match
from compliance.services.rereading import Original, Reader, originals
from compliance.services.scope import LOINC


@dataclass(slots=True)
class Outcome:
    """What reading results again made of them."""

    filed: int = 0
    ignored: int = 0
    held: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How many results were read again."""
        return self.filed + self.ignored + self.held.total()

    def count(self, row: ImportedResult) -> None:
        """Count one result where it stands now."""
        if row.disposition is Disposition.FILED:
            self.filed += 1
        elif row.disposition is Disposition.HELD:
            self.held[row.reason] += 1
        else:
            self.ignored += 1


def try_mapping(
    session: Session, actor: Actor, local: LocalCode, target: str, read: Reader, now: dt.datetime
) -> Outcome:
    """What mapping a code would make of the results that came with it; nothing is kept of it."""
    trial = session.begin_nested()
    try:
        return _read_again(session, actor, local, local.pair, {local.pair: target}, read, now)[0]
    finally:
        trial.rollback()


def map_code(
    session: Session, actor: Actor, local: LocalCode, target: str, read: Reader, now: dt.datetime
) -> Outcome:
    """Map one laboratory's code and read again what came with it; audited.

    Raises Invalid for a target outside the catalogue, Conflict when the code is mapped already.
    """
    if target not in {item.code for item in targets(local)}:
        raise Invalid({"target": "Choose a code of the list."})
    if (local.sender, *local.pair) in mapped_keys(session, actor):
        raise Conflict("This code is mapped already; take that mapping back first.")
    added = {local.pair: target}
    outcome, people = _read_again(session, actor, local, local.pair, added, read, now)
    row = CodeMapping(
        clinic_id=actor.clinic_id,
        sender=local.sender,
        code_system=local.system,
        code=local.code,
        target_code=target,
        mapped_by=actor.name,
        mapped_at=now,
    )
    session.add(row)
    session.flush()
    _audit(session, actor, "code.mapped", row, outcome, now)
    reassess_each(session, actor, people, now)
    return outcome


def unmap(
    session: Session, actor: Actor, mapping_id: int, read: Reader, now: dt.datetime
) -> Outcome:
    """Take a mapping back and read again what waits under it; what was filed stays filed.

    Audited. Raises NotFound for a mapping of another clinic or none.
    """
    row = session.scalar(
        select(CodeMapping).where(
            CodeMapping.id == mapping_id, CodeMapping.clinic_id == actor.clinic_id
        )
    )
    if row is None:
        raise NotFound("There is no such mapping at this clinic.")
    local = _Sent(row.sender, (row.code_system, row.code))
    session.delete(row)
    session.flush()
    under = {local.pair: row.target_code}
    outcome, people = _read_again(
        session, actor, local, (LOINC, row.target_code), under, read, now, undo=True
    )
    _audit(session, actor, "code.unmapped", row, outcome, now)
    reassess_each(session, actor, people, now)
    return outcome


def filed_under(session: Session, actor: Actor, mapping_id: int) -> int:
    """How many results stand filed because of a mapping."""
    row = session.get(CodeMapping, mapping_id)
    if row is None or row.clinic_id != actor.clinic_id:
        return 0
    query = (
        select(ImportedResult.proposed_fact)
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .where(
            ImportedResult.clinic_id == actor.clinic_id,
            ImportedResult.disposition == Disposition.FILED,
            ImportedResult.code == row.target_code,
            ImportedMessage.sender == row.sender,
        )
    )
    pair = [row.code_system, row.code]
    return sum(
        (fact or {}).get("extra", {}).get("mapped_from") == pair for fact in session.scalars(query)
    )


@dataclass(frozen=True, slots=True)
class _Sent:
    """A laboratory and one of its codes."""

    sender: str
    pair: Pair


def _read_again(
    session: Session,
    actor: Actor,
    local: LocalCode | _Sent,
    stored: Pair,
    mapping: Mapping[Pair, str],
    read: Reader,
    now: dt.datetime,
    *,
    undo: bool = False,
) -> tuple[Outcome, list[Patient | None]]:
    """Judge again what a mapping changes: what waits, and what was ignored for its code alone."""
    outcome = Outcome()
    people: list[Patient | None] = []
    files: set[ImportedFile] = set()
    for original in originals(_candidates(session, actor, local, stored), read):
        without, under = _judgements(session, original, mapping, now)
        before, after = (under, without) if undo else (without, under)
        if not _is_changed(original, local.pair, before, after):
            continue
        people += _settle_again(session, actor, original, after, now)
        outcome.count(original.row)
        files.add(original.row.message.file)
    session.flush()
    for file in files:
        recount(file)
    return outcome, people


def _candidates(
    session: Session, actor: Actor, local: LocalCode | _Sent, stored: Pair
) -> Sequence[ImportedResult]:
    query = (
        select(ImportedResult)
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .where(
            ImportedResult.clinic_id == actor.clinic_id,
            ImportedResult.disposition.in_(UNFILED),
            ImportedResult.resolved_at.is_(None),
            ImportedMessage.sender == local.sender,
            or_(_is_pair(local.pair), _is_pair(stored)),
        )
        .order_by(ImportedResult.id)
    )
    return session.scalars(query).all()


def _is_pair(pair: Pair) -> ColumnElement[bool]:
    return and_(ImportedResult.code_system == pair[0], ImportedResult.code == pair[1])


def _judgements(
    session: Session, original: Original, mapping: Mapping[Pair, str], now: dt.datetime
) -> tuple[Judgement, Judgement]:
    """What a result says without a mapping and with it."""
    clinic = _clinic_of(session, original.row)
    known = code_mappings(session, clinic, original.message.sender)
    terms, zone = load_terminology(), zone_of(clinic)
    result, message = original.result, original.message
    return (
        judge(result, message, Setting(terms, zone, now, known)),
        judge(result, message, Setting(terms, zone, now, {**known, **mapping})),
    )


def _clinic_of(session: Session, row: ImportedResult) -> Clinic:
    clinic = session.get(Clinic, row.clinic_id)
    assert clinic is not None  # noqa: S101 - a foreign key says so
    return clinic


def _is_changed(original: Original, pair: Pair, before: Judgement, after: Judgement) -> bool:
    """Whether the mapping decides; what is ignored for another reason stays so."""
    if pair not in {(item.system, item.code) for item in original.result.code}:
        return False
    row = original.row
    if row.disposition is Disposition.IGNORED:
        return row.reason == before.reason and after.disposition is not Disposition.IGNORED
    return before != after


def _settle_again(
    session: Session, actor: Actor, original: Original, judgement: Judgement, now: dt.datetime
) -> list[Patient | None]:
    """Write the new judgement and file or hold by it; returns whose the result seemed and seems."""
    row = original.row
    known = row.patient
    people = [known or row.suggested_patient]
    row.proposed_fact, row.waits_for_patient = None, False
    write_judgement(row, judgement)
    clinic = _clinic_of(session, row)
    found = Match(known) if known else match(session, clinic, original.result.subject)
    settle(session, actor, row, found, now)
    if row.disposition is Disposition.FILED:
        mark_resolved(row, actor, now, "Filed after its code was mapped.")
    return [*people, found.patient or found.suggestion]


def _audit(
    session: Session,
    actor: Actor,
    action: str,
    row: CodeMapping,
    outcome: Outcome,
    now: dt.datetime,
) -> None:
    audit.record(
        session,
        actor,
        action,
        "code_mapping",
        row.id,
        now,
        clinic_id=row.clinic_id,
        detail={
            "laboratory": row.sender,
            "system": row.code_system,
            "code": row.code,
            "target": row.target_code,
            "filed": outcome.filed,
            "held": outcome.held.total(),
            "ignored": outcome.ignored,
        },
    )
