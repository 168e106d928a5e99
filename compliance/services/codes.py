"""Laboratories' own codes: which were seen, and what of our catalogue each can be mapped to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from compliance.models import CodeMapping, ImportedMessage, ImportedResult
from compliance.models.intake import Disposition
from compliance.rules.terminology import Terminology, has_word, load_terminology
from compliance.services.actors import Actor
from compliance.services.errors import NotFound
from compliance.services.held import get_result
from compliance.services.scope import LOINC

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LocalCode:
    """One code of one laboratory that means nothing here yet; `example` is the newest result."""

    sender: str
    system: str
    code: str
    display: str
    held: int
    ignored: int
    example: ImportedResult
    units: tuple[str, ...]

    @property
    def pair(self) -> Pair:
        """System and code together: neither means anything alone."""
        return self.system, self.code


@dataclass(frozen=True, slots=True)
class Target:
    """What a code can be mapped to: a code of the catalogue, and whether the units seen fit it."""

    code: str
    name: str
    units: tuple[str, ...]
    fits: bool
    named: bool


UNFILED = (Disposition.HELD, Disposition.IGNORED)


def local_codes(session: Session, actor: Actor) -> list[LocalCode]:
    """Every unmapped code of every laboratory, those that wait first, then the most frequent."""
    held = func.sum(case((ImportedResult.disposition == Disposition.HELD, 1), else_=0))
    query = (
        select(*_KEY, func.count(ImportedResult.id), held, func.max(ImportedResult.id))
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .where(*_is_local(actor))
        .group_by(*_KEY)
    )
    rows = session.execute(query).all()
    examples = _examples(session, [row[-1] for row in rows])
    units, mapped = _units_seen(session, actor), mapped_keys(session, actor)
    found = [
        _local_code(key, count, waiting, examples[newest], units.get(key, ()))
        for *parts, count, waiting, newest in rows
        if (key := (parts[0], parts[1], parts[2])) not in mapped
    ]
    return sorted(found, key=lambda item: (-item.held, -item.ignored, item.display))


_KEY = (ImportedMessage.sender, ImportedResult.code_system, ImportedResult.code)
_Key = tuple[str, str, str]


def _is_local(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    return (
        ImportedResult.clinic_id == actor.clinic_id,
        ImportedResult.disposition.in_(UNFILED),
        ImportedResult.code != "",
        ImportedResult.code_system != LOINC,
    )


def _local_code(
    key: _Key, count: int, waiting: int, example: ImportedResult, units: Sequence[str]
) -> LocalCode:
    sender, system, code = key
    return LocalCode(
        sender, system, code, example.display, waiting, count - waiting, example, tuple(units)
    )


def _examples(session: Session, ids: Sequence[int]) -> Mapping[int, ImportedResult]:
    rows = session.scalars(select(ImportedResult).where(ImportedResult.id.in_(ids)))
    return {row.id: row for row in rows}


def _units_seen(session: Session, actor: Actor) -> Mapping[_Key, Sequence[str]]:
    query = (
        select(*_KEY, ImportedResult.unit)
        .join(ImportedMessage, ImportedMessage.id == ImportedResult.message_id)
        .where(*_is_local(actor), ImportedResult.unit != "")
        .distinct()
        .order_by(ImportedResult.unit)
    )
    units: dict[_Key, list[str]] = {}
    for sender, system, code, unit in session.execute(query):
        units.setdefault((sender, system, code), []).append(unit)
    return units


def mapped_keys(session: Session, actor: Actor) -> set[tuple[str, str, str]]:
    """Laboratory, system and code of what the clinic has mapped."""
    return {(row.sender, row.code_system, row.code) for row in mappings_of(session, actor)}


def local_code(session: Session, actor: Actor, public_id: str) -> LocalCode:
    """The unmapped code that a result came with; raises NotFound."""
    row = get_result(session, actor, public_id)
    key = (row.message.sender, row.code_system, row.code)
    for item in local_codes(session, actor):
        if (item.sender, *item.pair) == key:
            return item
    raise NotFound("There is no such unmapped code at this clinic.")


def mappings_of(session: Session, actor: Actor) -> Sequence[CodeMapping]:
    """What the clinic has mapped, newest first."""
    query = select(CodeMapping).where(CodeMapping.clinic_id == actor.clinic_id)
    return session.scalars(query.order_by(CodeMapping.id.desc())).all()


def targets(local: LocalCode) -> list[Target]:
    """The catalogue: what the units seen and the laboratory's words fit stands first."""
    terms = load_terminology()
    seen = {terms.unit(unit) for unit in local.units}
    found = [_target(code, seen, local, terms) for code in terms.codes]
    words = f"{local.display} {local.code}"
    about_tests = has_word(words, terms.pregnancy.test_words)
    for code, specimen in terms.pregnancy.tests.items():
        name = f"Pregnancy test, {specimen.value}"
        found.append(Target(code, name, (), fits=not local.units, named=about_tests))
    return sorted(found, key=lambda item: (not item.fits, not item.named, item.name, item.code))


def _target(code: str, seen: set[str], local: LocalCode, terms: Terminology) -> Target:
    lab = terms.codes[code]
    analyte = terms.analytes[lab.analyte]
    units = tuple(analyte.properties[lab.property])
    read = {analyte.read_as.get(unit, unit) for unit in seen}
    words = f"{local.display} {local.code}"
    named = has_word(words, analyte.words) and not has_word(words, analyte.unlike)
    fasting = ", fasting" if lab.fasting else ""
    return Target(code, f"{analyte.name}{fasting}", units, bool(read) and read <= set(units), named)
