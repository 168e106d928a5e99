"""Laboratory results over time, as charts: each result as the laboratory wrote it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from compliance.rules.facts import Lab, facts_of
from compliance.rules.lab_guides import Guides, lab_guides
from compliance.rules.lab_notes import LabNote, lab_notes
from compliance.rules.terms import Analyte, ResultStatus
from compliance.rules.what_if import Situation
from compliance.web.charts import Chart, line_chart
from compliance.web.words import words

CHARTS = 2  # on the patient's own page; the page of results has them all


def results_context(situation: Situation, moment: dt.datetime, most: int = 0) -> dict[str, Any]:
    """Every newest result with what it means, and the trends; `most` keeps the notable ones."""
    notes = lab_notes(situation.record, situation.programme, situation.terms, moment)
    drawn = trends(situation, moment)
    shown = _first(drawn, notes)[:most] if most else drawn
    return {"lab_notes": notes, "trends": shown, "trends_left": len(drawn) - len(shown)}


def _first(drawn: list[dict[str, Any]], notes: Sequence[LabNote]) -> list[dict[str, Any]]:
    """What asks for a look comes first; the rest keeps its order."""
    notable = {words(note.analyte.value) for note in notes if note.sentences or note.grade}
    return sorted(drawn, key=lambda item: item["title"] not in notable)


def trends(situation: Situation, moment: dt.datetime) -> list[dict[str, Any]]:
    """One chart an analyte and unit: results in different units are never drawn as one line."""
    series: dict[tuple[Analyte, str], list[Lab]] = defaultdict(list)
    for fact in reversed(facts_of(situation.record.facts, Lab)):
        if fact.unit and fact.status in (ResultStatus.FINAL, ResultStatus.CORRECTED):
            series[fact.analyte, fact.unit].append(fact)
    ordered = sorted(series, key=lambda key: (list(Analyte).index(key[0]), key[1]))
    newest = [series[key][0] for key in ordered]
    guides = lab_guides(situation.record, situation.programme, situation.terms, moment, newest)
    return [
        {
            "id": f"{analyte.value}-{number}",
            "title": words(analyte.value),
            "chart": _chart(series[analyte, unit], unit, guide),
        }
        for number, ((analyte, unit), guide) in enumerate(zip(ordered, guides, strict=True))
    ]


def _chart(facts: Sequence[Lab], unit: str, guide: Guides) -> Chart:
    return line_chart(
        [(fact.day, fact.value) for fact in facts],
        unit,
        limit=_decimal(guide.limit),
        upper=next((fact.upper_limit for fact in facts if fact.upper_limit), None),
        strict=guide.strict,
        bands=[(band.grade, _exact(band.low), _decimal(band.high)) for band in guide.bands],
    )


def _exact(value: Fraction) -> Decimal:
    return round(Decimal(value.numerator) / value.denominator, 2)


def _decimal(value: Fraction | None) -> Decimal | None:
    return None if value is None else _exact(value)
