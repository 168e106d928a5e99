"""Results typed in by hand, from a fax: judged as what a laboratory sends, and refused on doubt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from compliance.models import Evidence, Patient
from compliance.models.intake import Disposition
from compliance.rules.facts import Fact, Lab, facts_of
from compliance.rules.terminology import AnalyteTerms, Terminology, load_terminology
from compliance.rules.terms import Analyte
from compliance.services import evidence
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.dispositions import Judgement, Setting, judge
from compliance.services.errors import Invalid
from compliance.services.evidence import zone_of
from compliance.services.incoming import Coded, IncomingMessage, IncomingResult, Stamp, Value
from compliance.services.result_columns import LOINC, code_for

# How the laboratories of a country usually print; elsewhere nothing is offered first.
_MASS = ("US",)
_MOLES = ("AU", "CA", "DK", "FI", "GB", "IE", "NL", "NO", "NZ", "SE")
_MESSAGE = IncomingMessage(position=1, type="typed in")


@dataclass(frozen=True, slots=True)
class Typed:
    """One result as a person read it; `again` is the value typed a second time, when asked."""

    analyte: Analyte
    value: str
    unit: str
    upper_limit: str = ""
    fasting: bool | None = None
    again: str = ""


def usual_unit(analyte: AnalyteTerms, country: str) -> str:
    """The unit that the laboratories of a country print, or "" where that is not certain."""
    wanted = "mass" if country in _MASS else "moles" if country in _MOLES else ""
    units = analyte.properties.get(wanted) or analyte.properties.get("activity", ())
    return units[0] if units and wanted else ""


def record_typed(
    session: Session,
    actor: Actor,
    patient: Patient,
    collected: dt.date,
    typed: Sequence[Typed],
    now: dt.datetime,
) -> list[Evidence]:
    """Append the results of one sample and reassess once, all or none.

    Raises Invalid with faults named value-TG, unit-TG and again-TG: what does not fit or cannot be
    right is refused; what is unusual must be typed twice.
    """
    setting = Setting(load_terminology(), zone_of(patient.clinic), now)
    known = facts_of(evidence.load_record(session, patient).facts, Lab)
    facts: list[tuple[Typed, Fact]] = []
    faults: dict[str, str] = {}
    for item in typed:
        try:
            facts.append((item, _fact(item, collected, known, setting)))
        except Invalid as refused:
            faults.update(refused.fields)
    if faults:
        raise Invalid(faults)
    rows = [
        evidence.append(session, actor, patient, fact, now, extra={"as_sent": _as_read(item)})
        for item, fact in facts
    ]
    reassess(session, actor, patient, now)
    return rows


def _as_read(item: Typed) -> str:
    return f"{item.value} {item.unit}"


def _fact(item: Typed, day: dt.date, known: Sequence[Lab], setting: Setting) -> Fact:
    key = item.analyte.value
    judged = _judged(item, day, setting)
    fact = judged.fact
    if fact is None:
        raise Invalid({f"value-{key}": judged.reason})
    if isinstance(fact, Lab):
        fact = replace(fact, fasting=item.fasting if item.fasting is not None else fact.fasting)
        if any(_is_same(fact, other) for other in known):
            raise Invalid({f"value-{key}": "The same result of this day is on record already."})
    if judged.disposition is Disposition.HELD and item.again.strip() != item.value.strip():
        name = setting.terms.analytes[item.analyte].name
        raise Invalid(
            {
                f"again-{key}": f"{name} of {item.value} {item.unit} is unusual. Is that right?"
                " Look at the paper and type the value again."
            }
        )
    return fact


def _judged(item: Typed, day: dt.date, setting: Setting) -> Judgement:
    terms = setting.terms
    known = terms.unit(item.unit)
    analyte = terms.analytes[item.analyte]
    result = IncomingResult(
        position=1,
        code=(Coded(LOINC, _code(item, analyte.read_as.get(known, known), terms)),),
        value=Value("ST", item.value),
        unit=item.unit,
        reference_range=f"<= {item.upper_limit}" if item.upper_limit else "",
        status="F",
        collected=Stamp(day.isoformat(), day),
    )
    return judge(result, _MESSAGE, setting)


def _code(item: Typed, unit: str, terms: Terminology) -> str:
    try:
        return code_for(item.analyte.value, unit, terms)
    except Invalid as refused:
        raise Invalid({f"unit-{item.analyte.value}": refused.fields["analytes"]}) from None


def _is_same(one: Lab, other: Lab) -> bool:
    return (one.analyte, one.day, one.value, one.unit) == (
        other.analyte, other.day, other.value, other.unit,
    )  # fmt: skip
