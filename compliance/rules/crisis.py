"""Whom to call when a patient may harm themselves: data by country, read strictly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from compliance.rules.protocol_steps import FOLDER
from compliance.rules.strict_toml import Table

ANYWHERE = "*"


@dataclass(frozen=True, slots=True)
class CrisisLine:
    """A crisis line and the emergency number; `verified` once a person has checked both."""

    line: str
    number: str
    emergency: str
    verified: bool


def crisis_line(country: str) -> CrisisLine:
    """The line of a country by its ISO 3166 code; the general entry where none is named."""
    lines = _read()
    return lines.get(country.upper(), lines[ANYWHERE])


@cache
def _read() -> dict[str, CrisisLine]:
    top = Table.load(FOLDER, "crisis.toml")
    lines = {row.text("code"): _line(row) for row in top.tables("country")}
    top.done()
    return lines


def _line(row: Table) -> CrisisLine:
    line = CrisisLine(
        line=row.text("line"),
        number=row.text("number") if "number" in row else "",
        emergency=row.text("emergency"),
        verified=bool(row.truth("verified", False)),
    )
    row.done()
    return line
