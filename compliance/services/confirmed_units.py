"""A held number is filed in the unit that the laboratory confirmed to a named person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from compliance.models import ImportedResult
from compliance.rules.facts import Lab
from compliance.rules.terminology import AnalyteTerms, load_terminology
from compliance.rules.terms import Analyte, ResultStatus
from compliance.services.actors import Actor
from compliance.services.dispositions import is_beyond_belief
from compliance.services.errors import Conflict, Invalid
from compliance.services.evidence import zone_of
from compliance.services.held import Decision, resolve_held
from compliance.services.lab_text import Doubt, read_collected, read_number, read_upper_limit
from compliance.services.rereading import Original, Reader, originals


def units_to_confirm(row: ImportedResult) -> Sequence[str]:
    """The units a held number may be confirmed in; none when the unit is not what it waits for."""
    is_number = row.analyte not in (None, Analyte.HCG.value) and row.proposed_fact is None
    if row.patient_id is None or not is_number or row.status not in ("final", "corrected"):
        return ()
    return tuple(_analyte(row).units)


def _analyte(row: ImportedResult) -> AnalyteTerms:
    return load_terminology().analytes[Analyte(row.analyte)]


def confirm_unit(
    session: Session,
    actor: Actor,
    row: ImportedResult,
    unit: str,
    who: str,
    read: Reader,
    now: dt.datetime,
) -> None:
    """File a held result in the unit that somebody at the laboratory confirmed; audited.

    Value, day and reference range are read again from the bytes. Raises Invalid, or Conflict when
    it does not wait any more or its bytes cannot be read.
    """
    if not who.strip():
        raise Invalid({"confirmed_by": "Enter who at the laboratory confirmed the unit."})
    if unit not in units_to_confirm(row):
        raise Invalid({"confirmed_unit": "Choose a unit of the list."})
    original = next(originals([row], read), None)
    if original is None:
        raise Conflict("The file cannot be read again; enter what the laboratory says instead.")
    fact = _fact(original, unit, now)
    said = f"{who.strip()} of the laboratory confirmed the unit {unit}."
    resolve_held(
        session, actor, row, Decision.FILE, now, patient=row.patient, fact=fact, reason=said
    )


def _fact(original: Original, unit: str, now: dt.datetime) -> Lab:
    row, sent = original.row, original.result
    if row.patient is None:
        raise Conflict("It is not certain whose result this is.")
    try:
        number = read_number(sent.value)
        collected = read_collected(sent.collected, zone_of(row.patient.clinic), now)
    except Doubt as doubt:
        raise Invalid({"confirmed_unit": str(doubt)}) from doubt
    terms = _analyte(row)
    if is_beyond_belief(number, terms.limits[unit]):
        raise Invalid(
            {"confirmed_unit": f"{terms.name} of {number} {unit} cannot be right either."}
        )
    same_unit = load_terminology().unit(sent.unit) in ("", unit)
    return Lab(
        collected=collected,
        analyte=terms.analyte,
        value=str(number),
        unit=unit,
        upper_limit=read_upper_limit(sent.reference_range) if same_unit else "",
        status=ResultStatus(row.status),
    )
