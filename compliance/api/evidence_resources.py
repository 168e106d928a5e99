"""Evidence as FHIR: laboratory results, pregnancy tests, prescriptions, signed forms."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.api.answers import Resource
from compliance.api.parts import (
    ISOTRETINOIN,
    LOINC,
    SNOMED,
    STATUS_WORDS,
    UCUM,
    concept,
    edition_note,
    moment,
    notes,
    own_code,
    resource,
    to_patient,
    words,
)
from compliance.models import Dispense, Evidence, PrescriptionOrder
from compliance.rules.facts import Acknowledgement, Lab, PregnancyTest, Prescription
from compliance.rules.programme import load_programme
from compliance.rules.terminology import load_terminology
from compliance.rules.terms import TestResult
from compliance.services.evidence import local_date

_HL7 = "http://terminology.hl7.org/CodeSystem"
_NUMBER = re.compile(r"(<=|>=|<|>)?\s*(-?[0-9]+(?:\.[0-9]+)?)")
_ANSWERS = {
    TestResult.NEGATIVE: ("260385009", "Negative"),
    TestResult.POSITIVE: ("10828004", "Positive"),
    TestResult.INDETERMINATE: ("82334004", "Indeterminate"),
}
_IN_ERROR = "entered-in-error"


def _dead(row: Any) -> bool:
    """Whether it was withdrawn, or another entry took its place."""
    return row[0].withdrawn_at is not None or row.replaced is not None


def _why_dead(row: Any) -> str:
    if row[0].withdrawn_at is not None:
        return "Withdrawn by the clinic as entered in error."
    return "Replaced by a corrected entry." if row.replaced is not None else ""


# --- Observation ----------------------------------------------------------------------------------


def observations(_session: Session, rows: Sequence[Any], _now: dt.datetime) -> list[Resource]:
    """Laboratory results and pregnancy tests."""
    return [_observation(row) for row in rows]


def _observation(row: Any) -> Resource:
    evidence: Evidence = row[0]
    fact = evidence.fact
    said = _lab(fact) if isinstance(fact, Lab) else _pregnancy_test(fact)
    status = fact.status.value if isinstance(fact, Lab) else "final"
    as_sent = evidence.extra.get("as_sent", "")
    remarks = (_why_dead(row), f"As the laboratory wrote it: {as_sent}" if as_sent else "")
    body = {
        "status": _IN_ERROR if _dead(row) else status,
        "category": [concept("", {"system": f"{_HL7}/observation-category", "code": "laboratory"})],
        "subject": to_patient(row.Patient),
        "issued": moment(evidence.recorded_at),
        **said,
    }
    body["note"] = [*body.get("note", []), *notes(*remarks)]
    return resource("Observation", evidence.public_id, row.updated, body)


def _lab(fact: Lab) -> Resource:
    analyte = load_terminology().analytes[fact.analyte]
    loinc = _loinc(fact)
    coding = ({"system": LOINC, "code": loinc},) if loinc else ()
    upper = fact.upper_limit
    return {
        "code": concept(analyte.name, *coding, own_code("analyte", fact.analyte.value)),
        "effectiveDateTime": _collected(fact.collected),
        **_value(fact.value, fact.unit),
        "referenceRange": [{"text": f"up to {upper}"}] if upper else [],
        "note": notes(
            "" if fact.fasting is None else f"Fasting: {'yes' if fact.fasting else 'no'}"
        ),
    }


def _loinc(fact: Lab) -> str:
    """The first confirmed code that may carry this unit; the code that was sent is not kept."""
    terms = load_terminology()
    units = terms.analytes[fact.analyte].properties
    fitting = (
        item.loinc
        for item in terms.codes.values()
        if item.analyte is fact.analyte
        and item.confirmed
        and item.fasting is None
        and fact.unit in units[item.property]
    )
    return next(fitting, "")


def _collected(at: dt.date | dt.datetime) -> str:
    if isinstance(at, dt.datetime):
        return moment(at) if at.tzinfo else at.date().isoformat()
    return at.isoformat()


def _value(text: str, unit: str) -> Resource:
    """A quantity when it is one number, else the laboratory's own words."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return {"valueString": f"{text} {unit}".strip()} if text else {}
    comparator, number = found.groups()
    quantity: Resource = {"value": Decimal(number)}
    if comparator:
        quantity["comparator"] = comparator
    if unit:
        quantity |= {"unit": unit, "system": UCUM, "code": unit}
    return {"valueQuantity": quantity}


def _pregnancy_test(fact: Any) -> Resource:
    test: PregnancyTest = fact
    tests = load_terminology().pregnancy.tests
    loinc = next((code for code, specimen in tests.items() if specimen is test.specimen), "")
    code, display = _ANSWERS[test.result]
    setting = words(test.setting.value) if test.setting else "not known"
    return {
        "code": concept(
            f"Pregnancy test, {test.specimen.value}",
            {"system": LOINC, "code": loinc},
            own_code("analyte", "HCG"),
        ),
        "effectiveDateTime": test.collected.isoformat(),
        "valueCodeableConcept": concept(
            display, {"system": SNOMED, "code": code, "display": display}
        ),
        "note": notes(f"Where it was done: {setting}."),
    }


# --- MedicationRequest ----------------------------------------------------------------------------


def prescriptions(session: Session, rows: Sequence[Any], now: dt.datetime) -> list[Resource]:
    """Prescriptions of isotretinoin, with what was known when each was issued."""
    ids = [row[0].id for row in rows]
    query = select(PrescriptionOrder).where(PrescriptionOrder.evidence_id.in_(ids))
    orders = {order.evidence_id: order for order in session.scalars(query)}
    filled = set(
        session.scalars(
            select(Dispense.prescription_id)
            .join(Evidence, Evidence.id == Dispense.evidence_id)
            .where(Dispense.prescription_id.in_([order.id for order in orders.values()]))
            .where(Evidence.withdrawn_at.is_(None))
        )
    )
    return [_prescription(row, orders.get(row[0].id), filled, now) for row in rows]


def _prescription(
    row: Any, order: PrescriptionOrder | None, filled: set[int | None], now: dt.datetime
) -> Resource:
    evidence: Evidence = row[0]
    fact: Any = evidence.fact
    prescribed: Prescription = fact
    dose = order.daily_dose_mg if order else prescribed.daily_dose_mg
    body = {
        "status": _order_status(row, prescribed, order, filled, now),
        "intent": "order",
        "medicationCodeableConcept": concept("Isotretinoin", ISOTRETINOIN),
        "subject": to_patient(row.Patient),
        "authoredOn": prescribed.on.isoformat(),
        "requester": {"display": _prescriber(evidence, order)},
        "dosageInstruction": [{"text": f"{Decimal(str(dose)):f} mg a day"}] if dose else [],
        "dispenseRequest": {
            "numberOfRepeatsAllowed": prescribed.refills,
            "expectedSupplyDuration": {
                "value": prescribed.days_supply, "unit": "days", "system": UCUM, "code": "d",
            },
        },
        "note": notes(_why_dead(row), *(_decision(order, row) if order else ())),
    }  # fmt: skip
    return resource("MedicationRequest", evidence.public_id, row.updated, body)


def _prescriber(evidence: Evidence, order: PrescriptionOrder | None) -> str:
    return order.prescriber.name if order and order.prescriber else evidence.recorded_by


def _order_status(
    row: Any,
    fact: Prescription,
    order: PrescriptionOrder | None,
    filled: set[int | None],
    now: dt.datetime,
) -> str:
    if _dead(row):
        return _IN_ERROR
    if order is not None and order.id in filled:
        return "completed"
    last = fact.on + dt.timedelta(days=fact.days_supply * (1 + fact.refills))
    return "active" if local_date(row.Patient.clinic, now) <= last else "unknown"


def _decision(order: PrescriptionOrder, row: Any) -> list[str]:
    blocked = ", ".join(words(item) for item in order.blocked_by)
    said = f"When it was issued: {STATUS_WORDS[order.verdict].lower()}."
    return [
        f"{said} Against it stood: {blocked}." if blocked else said,
        edition_note(row.Patient.programme, order.edition),
        f"Issued all the same: {order.override_reason}" if order.override_reason else "",
    ]


# --- Consent --------------------------------------------------------------------------------------


def consents(_session: Session, rows: Sequence[Any], _now: dt.datetime) -> list[Resource]:
    """Signed forms."""
    return [_consent(row) for row in rows]


def _consent(row: Any) -> Resource:
    evidence: Evidence = row[0]
    fact: Any = evidence.fact
    signed: Acknowledgement = fact
    programme = load_programme(row.Patient.programme)
    version = f", version {signed.version}" if signed.version else ""
    body = {
        "status": _IN_ERROR if _dead(row) else "active",
        "scope": concept("", {"system": f"{_HL7}/consentscope", "code": "treatment"}),
        "category": [
            concept(
                words(signed.form.value),
                {"system": LOINC, "code": "59284-0"},
                own_code("form", signed.form.value),
            )
        ],
        "patient": to_patient(row.Patient),
        "dateTime": signed.on.isoformat(),
        "performer": [{"display": words(item.value)} for item in signed.signed_by],
        "organization": [{"display": row.Patient.clinic.name}],
        "policyRule": concept(f"{programme.name}: {words(signed.form.value)}{version}"),
    }
    return resource("Consent", evidence.public_id, row.updated, body)
