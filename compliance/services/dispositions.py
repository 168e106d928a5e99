"""What becomes of one result, by its own words alone: filed, held, rejected or ignored, and why.

Pure: no database. FILED here means that it may be filed once it is known whose it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from compliance.models.intake import Disposition
from compliance.rules.facts import Fact, Lab, PregnancyTest
from compliance.rules.terminology import AnalyteTerms, LabCode, Limits, Terminology
from compliance.rules.terms import Analyte, ResultStatus, Specimen, TestResult, TestSetting
from compliance.services.incoming import IncomingMessage, IncomingResult
from compliance.services.lab_text import (
    Doubt,
    Number,
    read_answer,
    read_collected,
    read_number,
    read_upper_limit,
)
from compliance.services.pregnancy_text import (
    asserts_pregnancy,
    excerpt,
    hcg_result,
    reads_positive,
    speaks_against,
)
from compliance.services.scope import Kind, Scope, place

# OBX-11 in words; what is not here is unknown, and only final and corrected results are filed.
STATUSES = {
    "F": "final",
    "C": "corrected",
    "P": "preliminary",
    "R": "preliminary",
    "S": "preliminary",
    "I": "pending",
    "O": "pending",
    "N": "not-asked",
    "X": "cancelled",
    "D": "entered-in-error",
    "W": "entered-in-error",
}
_WITHOUT_VALUE = ("pending", "not-asked", "cancelled")


@dataclass(frozen=True, slots=True)
class Setting:
    """What judging needs to know beside the message."""

    terms: Terminology
    zone: ZoneInfo
    now: dt.datetime
    mappings: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One result with its disposition, the reason in a sentence, and the fact to file.

    Without a fact nothing can be filed as it stands, whoever confirms it.
    """

    disposition: Disposition
    reason: str
    system: str
    code: str
    value: str
    unit: str
    status: str
    analyte: str | None = None
    comparator: str = ""
    fact: Fact | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    urgent: bool = False
    is_pregnancy: bool = False

    def held(self, reason: str, *, urgent: bool = False) -> Judgement:
        """The same, held for a person."""
        return replace(
            self, disposition=Disposition.HELD, reason=reason, urgent=urgent or self.urgent
        )

    def ignored(self, reason: str) -> Judgement:
        """The same, ignored with a reason."""
        return replace(self, disposition=Disposition.IGNORED, reason=reason)


def judge(result: IncomingResult, message: IncomingMessage, setting: Setting) -> Judgement:
    """Judge one result of a message; raises nothing."""
    scope = place(result, setting.terms, setting.mappings)
    base = _base(result, scope)
    if result.is_stated:
        said = f"“{result.label[:80]}” was answered “{excerpt(result.value.text)}” on a form: no"
        reason = f"{said} laboratory reported it. Confirm it with whoever did the test."
        return base.held(reason, urgent=_alarms(base, result, setting.terms))
    try:
        return _judged(base, scope, result, message, setting)
    except Doubt as doubt:
        return base.held(str(doubt), urgent=_alarms(base, result, setting.terms))


def asserted(message: IncomingMessage, terms: Terminology) -> tuple[IncomingResult, ...]:
    """The remarks of a message (notes, diagnoses, order texts) that state a pregnancy."""
    return tuple(item for item in message.remarks if asserts_pregnancy(item.value.text, terms))


def _base(result: IncomingResult, scope: Scope) -> Judgement:
    analyte = scope.lab.analyte.value if scope.lab else None
    if scope.specimen is not None:
        analyte = Analyte.HCG.value
    return Judgement(
        Disposition.HELD,
        scope.doubt,
        system=scope.system,
        code=scope.code,
        value=result.value.text,
        unit=result.unit,
        status=STATUSES.get(result.status, "unknown"),
        analyte=analyte,
        extra={"mapped_from": list(scope.mapped_from)} if scope.mapped_from else {},
        is_pregnancy=scope.is_pregnancy,
    )


def _judged(
    base: Judgement,
    scope: Scope,
    result: IncomingResult,
    message: IncomingMessage,
    setting: Setting,
) -> Judgement:
    if result.is_remark:
        return base.held(
            f"A text in {result.source} states a pregnancy: “{excerpt(result.value.text)}”."
            " Read it and decide.",
            urgent=True,
        )
    if result.doubt:
        return base.held(result.doubt, urgent=_alarms(base, result, setting.terms))
    if scope.kind is Kind.STATEMENT:
        return _statement(base, result, setting.terms)
    if not message.carries_results or result.is_question:
        return _no_result(base, result, message, setting.terms)
    if scope.kind is Kind.OUTSIDE:
        return _outside(base, result, setting.terms)
    if (early := _by_status(base, result, setting.terms)) is not None:
        return early
    if scope.kind is Kind.UNCERTAIN:
        return base.held(scope.doubt, urgent=_alarms(base, result, setting.terms))
    read = _tested if scope.kind is Kind.TEST else _measured
    return _checked(read(base, scope, result, setting), scope, message)


def _alarms(base: Judgement, result: IncomingResult, terms: Terminology) -> bool:
    """Whether it may announce a pregnancy, so that it stands first among what waits."""
    return base.is_pregnancy and reads_positive(result, terms)


def _statement(base: Judgement, result: IncomingResult, terms: Terminology) -> Judgement:
    name = result.label[:80] or base.code
    try:
        meaning = read_answer(result.value, terms.pregnancy.statements, terms)
    except Doubt:
        return base.held(
            f"“{name}” was answered “{excerpt(result.value.text)}”: a statement about pregnancy,"
            " not a test. It clears nobody; a person must read it.",
            urgent=True,
        )
    said = f"answered “{excerpt(result.value.text)}”" if meaning else "left without an answer"
    return base.ignored(f"“{name}”, {said}, is a statement and not a test: it clears nobody.")


def _no_result(
    base: Judgement, result: IncomingResult, message: IncomingMessage, terms: Terminology
) -> Judgement:
    why = (
        "It is a question asked at order entry"
        if message.carries_results
        else f"A message of type {message.type or '(none)'} carries no results"
    )
    alarming = _alarms(base, result, terms)
    if alarming or asserts_pregnancy(result.value.text, terms):
        return base.held(
            f"{why}, but it says “{excerpt(result.value.text)}”. A person must read it.",
            urgent=True,
        )
    if message.is_order:
        reason = f"{why}: it is an order. Nothing of it is filed."
        return replace(base, disposition=Disposition.REJECTED, reason=reason)
    return base.ignored(f"{why}; nothing of it is filed.")


def _outside(base: Judgement, result: IncomingResult, terms: Terminology) -> Judgement:
    if asserts_pregnancy(result.value.text, terms):
        return base.held(
            f"The text states a pregnancy: “{excerpt(result.value.text)}”. Read it and decide.",
            urgent=True,
        )
    if not base.code:
        return base.ignored("It has no code and no name of a test that this programme asks for.")
    if result.value.text and _is_nameless(base, result, terms):
        return base.held(
            f"{base.code} is a code that we do not know, and no name stands beside it: nobody can"
            " tell whether this programme asks for it. It needs a code mapping."
        )
    name = result.label[:80] or base.code
    return base.ignored(f"Out of scope: “{name}” is no test that this programme asks for.")


def _is_nameless(base: Judgement, result: IncomingResult, terms: Terminology) -> bool:
    """Whether only a code of a system that we do not keep says what was measured."""
    return terms.system(base.system) != "loinc" and not any(item.text for item in result.code)


def _by_status(base: Judgement, result: IncomingResult, terms: Terminology) -> Judgement | None:
    """What the status alone decides; only final and corrected results go on."""
    if base.status in ("final", "corrected"):
        return None
    shown = f"status {result.status}, {base.status}" if result.status else "no status"
    if base.status in _WITHOUT_VALUE and not result.value.text:
        return base.ignored(f"There is no result yet or at all ({shown}).")
    if base.status == "entered-in-error":
        reason = f"The laboratory withdraws a result ({shown}); see whether it was filed here."
        return base.held(reason, urgent=True)
    return base.held(
        f"It is not final ({shown}) and is never filed as if it were.",
        urgent=_alarms(base, result, terms),
    )


def _measured(base: Judgement, scope: Scope, result: IncomingResult, setting: Setting) -> Judgement:
    """A number of an analyte: value, unit, limits and day, in this order."""
    if scope.lab is None:
        raise Doubt(scope.doubt)
    analyte = setting.terms.analytes[scope.lab.analyte]
    number = read_number(result.value)
    unit = _unit(result.unit, analyte, scope.lab.property, scope.lab.loinc, setting.terms)
    base = replace(base, value=number.text, comparator=number.comparator, unit=unit)
    collected = _collected(base, result, setting)
    if isinstance(collected, Judgement):
        return collected
    if analyte.analyte is Analyte.HCG:
        fact: Fact = _quantitative(number, unit, analyte, collected, setting.terms)
    else:
        fact = _lab(base, scope.lab, number, collected, result)
    extra = {"value": str(number), "unit": unit} if isinstance(fact, PregnancyTest) else {}
    whole = replace(base, fact=fact, extra={**base.extra, **extra})
    if not scope.lab.confirmed:
        return whole.held(
            f"The meaning of code {scope.lab.loinc} awaits a reviewer's confirmation."
        )
    if isinstance(fact, PregnancyTest):
        return _contradicted(whole, fact, result, setting.terms)
    return _believed(whole, number, unit, analyte)


def _lab(
    base: Judgement,
    code: LabCode,
    number: Number,
    collected: dt.date | dt.datetime,
    result: IncomingResult,
) -> Lab:
    return Lab(
        collected=collected,
        analyte=code.analyte,
        value=str(number),
        unit=base.unit,
        upper_limit=read_upper_limit(result.reference_range),
        status=ResultStatus(base.status),
        fasting=code.fasting,
    )


def _collected(
    base: Judgement, result: IncomingResult, setting: Setting
) -> dt.date | dt.datetime | Judgement:
    try:
        return read_collected(result.collected, setting.zone, setting.now)
    except Doubt as doubt:
        return base.held(str(doubt), urgent=_alarms(base, result, setting.terms))


def _unit(
    written: str, analyte: AnalyteTerms, property_: str, code: str, terms: Terminology
) -> str:
    """The unit in UCUM, when the code may carry it; raises Doubt otherwise."""
    allowed = analyte.properties[property_]
    if not written:
        raise Doubt(f"{analyte.name} came without a unit; a unit is never guessed.")
    known = terms.unit(written)
    unit = analyte.read_as.get(known, known)
    if not unit:
        raise Doubt(f"The unit “{written[:40]}” is not in our table; it is not guessed.")
    if unit not in allowed:
        raise Doubt(
            f"The code {code} ({property_}) cannot carry {unit}; it takes {' or '.join(allowed)}."
            " Code or unit is wrong, so nothing was converted."
        )
    return unit


def _believed(base: Judgement, number: Number, unit: str, analyte: AnalyteTerms) -> Judgement:
    """Hold what is hard to believe, with what it probably is."""
    value = Fraction(number.value)
    shown = f"{analyte.name} of {number} {unit}"
    suspicion = analyte.suspicions.get(unit)
    if suspicion is not None and suspicion.covers(value):
        reason = f"{shown} is implausible: it is probably {suspicion.unit}. Ask the laboratory."
        return replace(base, fact=None).held(reason)
    limits = analyte.limits[unit]
    if is_beyond_belief(number, limits):
        reason = f"{shown} cannot be right and is never filed as it stands. Ask the laboratory."
        return replace(base, fact=None).held(reason)
    above, below = limits.query_above, limits.query_below
    if (above is not None and value > above) or (below is not None and value < below):
        return base.held(f"{shown} is unusual: confirm it with the laboratory, then file it.",
                         urgent=True)  # fmt: skip
    return _fileable(base)


def is_beyond_belief(number: Number, limits: Limits) -> bool:
    """Whether a number can never be right within these limits of belief."""
    value = Fraction(number.value)
    low, high = limits.refuse_below, limits.refuse_above
    if low is not None and (value < low or (number.comparator.startswith("<") and value <= low)):
        return True
    return high is not None and value > high


def _quantitative(
    number: Number,
    unit: str,
    analyte: AnalyteTerms,
    collected: dt.date | dt.datetime,
    terms: Terminology,
) -> PregnancyTest:
    if is_beyond_belief(number, analyte.limits[unit]):
        raise Doubt(f"hCG of {number} {unit} cannot be right. Ask the laboratory.")
    found = hcg_result(number, analyte.convert(number.value, unit, "[IU]/L"), terms)
    return _pregnancy_test(found, Specimen.SERUM, collected)


def _tested(base: Judgement, scope: Scope, result: IncomingResult, setting: Setting) -> Judgement:
    """A qualitative pregnancy test: its words by the table, and nothing beside them against it."""
    meaning = read_answer(result.value, setting.terms.pregnancy.readings, setting.terms)
    if not meaning:
        raise Doubt("The laboratory sent no value.")
    collected = _collected(base, result, setting)
    if isinstance(collected, Judgement):
        return collected
    specimen = scope.specimen or Specimen.SERUM
    fact = _pregnancy_test(TestResult(meaning), specimen, collected)
    answer = {"answer": result.value.text[:200]}
    whole = replace(base, fact=fact, extra={**base.extra, **answer})
    return _contradicted(whole, fact, result, setting.terms)


def _pregnancy_test(
    found: TestResult, specimen: Specimen, collected: dt.date | dt.datetime
) -> PregnancyTest:
    day = collected.date() if isinstance(collected, dt.datetime) else collected
    return PregnancyTest(
        collected=day, result=found, specimen=specimen, setting=TestSetting.LABORATORY
    )


def _contradicted(
    base: Judgement, fact: PregnancyTest, result: IncomingResult, terms: Terminology
) -> Judgement:
    """A negative test is filed only when neither its flags nor its notes speak against it."""
    if fact.result is not TestResult.NEGATIVE:
        return _fileable(replace(base, urgent=True))
    against = speaks_against(result, terms)
    if against:
        return base.held(f"It reads negative, but {against}; a person must decide.", urgent=True)
    return _fileable(base)


def _fileable(base: Judgement) -> Judgement:
    return replace(base, disposition=Disposition.FILED, reason="It can be filed.")


def _checked(base: Judgement, scope: Scope, message: IncomingMessage) -> Judgement:
    if base.disposition is Disposition.FILED and message.is_test:
        return base.held("The sender marked the message as a test or debugging message (MSH-11).")
    return base
