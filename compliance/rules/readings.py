"""Where an authority's text leaves room, and how it is read here; reasons name the mark."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "programmes" / "readings"


@dataclass(frozen=True, slots=True)
class Reading:
    """One open question of a programme's text, and the answer taken until somebody settles it."""

    mark: str
    question: str
    reading: str


@cache
def readings_of(programme_id: str) -> tuple[Reading, ...]:
    """The readings of a programme, in the order of their marks; none when no file lists any."""
    file = FOLDER / f"{programme_id}.toml"
    if not file.exists():
        return ()
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(Reading(mark, item["question"], item["reading"]) for mark, item in data.items())
