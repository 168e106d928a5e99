"""Laboratory results: which number is meant, which is the newest, and what may not be believed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import cache, lru_cache

from compliance.rules.context import Context
from compliance.rules.facts import Lab
from compliance.rules.quantities import Quantity, read_quantity
from compliance.rules.terminology import AnalyteTerms, load_terminology
from compliance.rules.terms import Analyte, ResultStatus

_RANK = {ResultStatus.PRELIMINARY: 0, ResultStatus.FINAL: 1, ResultStatus.CORRECTED: 2}


@cache
def analyte_terms() -> dict[Analyte, AnalyteTerms]:
    """The terms of every analyte."""
    return dict(load_terminology().analytes)


@lru_cache(maxsize=65536)
def read_result(analyte: Analyte, text: str, unit: str) -> Quantity | None:
    """The value as reported, in its own unit; None when it cannot be used as it stands.

    Unusable are a text that is no number, a missing or foreign unit, and a number that is not
    possible in its unit or was most likely written in another: never converted by guess.
    """
    terms = analyte_terms()[analyte]
    value = read_quantity(text)
    unit = terms.read_as.get(unit, unit)
    if value is None or unit not in terms.units:
        return None
    limits, suspicion = terms.limits.get(unit), terms.suspicions.get(unit)
    if limits is not None and _beyond(value, limits.refuse_below, limits.refuse_above):
        return None
    exact = not value.comparator
    if exact and suspicion is not None and suspicion.covers(value.number):
        return None
    return value


def _beyond(value: Quantity, low: object, high: object) -> bool:
    # "<0.5" is a low value, not an impossible one; only what is written exactly can be refused.
    if value.comparator:
        return False
    below = low is not None and value.number < low  # type: ignore[operator]
    return below or (high is not None and value.number > high)  # type: ignore[operator]


def in_unit(analyte: Analyte, value: Quantity, unit: str, to: str) -> Quantity:
    """The same amount in another unit of the analyte, exactly; both units must be its own."""
    terms = analyte_terms()[analyte]
    unit, to = terms.read_as.get(unit, unit), terms.read_as.get(to, to)
    return value.times(terms.units[to] / terms.units[unit])


def results(ctx: Context, analyte: Analyte) -> list[Lab]:
    """The results of an analyte that stand, oldest first; a corrected one replaces its original."""
    if ctx.labs is None:
        ctx.labs = _by_analyte(ctx.known(Lab))
    return ctx.labs.get(analyte, _NONE)


_NONE: list[Lab] = []


def _by_analyte(labs: Iterable[Lab]) -> dict[Analyte, list[Lab]]:
    found: dict[Analyte, list[Lab]] = {}
    for lab in labs:
        if lab.status is not ResultStatus.ENTERED_IN_ERROR:
            found.setdefault(lab.analyte, []).append(lab)
    return {
        analyte: several if len(several) == 1 else _standing(several)
        for analyte, several in found.items()
    }


def _standing(labs: Iterable[Lab]) -> list[Lab]:
    found: dict[dt.date, list[Lab]] = {}
    for lab in labs:
        found.setdefault(lab.collected, []).append(lab)
    return [lab for moment in sorted(found, key=_moment) for lab in _final(found[moment])]


def _final(labs: list[Lab]) -> Iterable[Lab]:
    best = max(_RANK[lab.status] for lab in labs)
    return (lab for lab in labs if _RANK[lab.status] == best)


def _moment(collected: dt.date | dt.datetime) -> dt.datetime:
    if isinstance(collected, dt.datetime):
        return collected
    return dt.datetime.combine(collected, dt.time())


def results_of_day(ctx: Context, lab: Lab) -> list[Lab]:
    """Every result that stands of the day on which this one was collected, itself included."""
    results(ctx, lab.analyte)
    found = ctx.labs or {}
    return [item for several in found.values() for item in several if item.day == lab.day]


def newest_results(ctx: Context, analyte: Analyte) -> list[Lab]:
    """The newest result by collection; several when one moment has several that stand."""
    found = results(ctx, analyte)
    if len(found) < 2:
        return found
    return [lab for lab in found if _moment(lab.collected) == _moment(found[-1].collected)]


def usable(lab: Lab) -> Quantity | None:
    """The result's value, when it can be used."""
    return read_result(lab.analyte, lab.value, lab.unit)


def upper_limit(lab: Lab) -> Quantity | None:
    """The laboratory's own upper limit, when it is a plain number."""
    return read_limit(lab.upper_limit)


def read_limit(text: str) -> Quantity | None:
    """An upper limit as the laboratory writes it, such as `40` or `<150`."""
    found = read_quantity(text.lstrip("<≤= ")) if text else None
    return found if found is not None and not found.comparator and found.number > 0 else None
