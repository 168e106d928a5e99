"""The steps of the stop protocol as data: what, who, by when, whom to call; read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from compliance.rules.findings import Citation
from compliance.rules.programme import programme_ids
from compliance.rules.strict_toml import Table
from compliance.rules.terms import Owner, ProtocolKind, Step, Term

FOLDER = Path(__file__).resolve().parent.parent / "protocols"
OWN = "OWN"
T = TypeVar("T", bound=Term)


@dataclass(frozen=True, slots=True)
class StepRule:
    """One step: who sees to it, whom to call, and within how many days of learning of the result.

    The citation is that of the duty. No authority states the days: they are our own target.
    """

    step: Step
    owner: Owner
    target_days: int
    title: str
    task: str
    call: str
    citation: Citation


@cache
def steps_for(kind: ProtocolKind, programme_id: str) -> tuple[StepRule, ...]:
    """The steps of a protocol in their order, as this programme has them."""
    found: dict[Step, StepRule] = {}
    for of, programmes, rule in _read():
        if of is kind and (not programmes or programme_id in programmes):
            found[rule.step] = rule
    return tuple(found.values())


_Row = tuple[ProtocolKind, tuple[str, ...], StepRule]


@cache
def _read() -> tuple[_Row, ...]:
    top = Table.load(FOLDER, "stop.toml")
    listed = top.table("sources")
    sources = {key: listed.table(key) for key in listed}
    rows = tuple(_row(item, sources) for item in top.tables("step"))
    for table in (*sources.values(), top):
        table.done()
    return rows


def _row(item: Table, sources: Mapping[str, Table]) -> _Row:
    programmes = item.listed("programmes", ())
    for name in programmes:
        item.checked("programmes", name, programme_ids())
    days = item.needed_number("target_days")
    if days < 0 or days.denominator != 1:
        raise item.fault("target_days", days, "a whole number, 0 or more")
    rule = StepRule(
        step=_term(item, "step", Step),
        owner=_term(item, "owner", Owner),
        target_days=int(days),
        title=item.text("title"),
        task=item.text("task"),
        call=item.text("call"),
        citation=_citation(item, sources),
    )
    row = _term(item, "protocol", ProtocolKind), programmes, rule
    item.done()
    return row


def _term(item: Table, key: str, term: type[T]) -> T:
    return term(item.checked(key, item.text(key), [str(each) for each in term]))


def _citation(item: Table, sources: Mapping[str, Table]) -> Citation:
    key = item.checked("source", item.text("source"), list(sources))
    source = sources[key]
    verified = item.truth("verified", key != OWN)
    locator = item.text("locator") if "locator" in item else ""
    href = source.text("href") if "href" in source else ""
    title, published = source.text("title"), source.text("published")
    return Citation(title, href, published, locator, bool(verified))
