"""Only the edges ask what time it is; everywhere else the moment is an argument."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2] / "compliance"
EDGES = ("web/clock.py", "api/clock.py", "scheduler.py", "cli/")
CLOCK = re.compile(r"\b(?:datetime|dt)\.now\(|\bdate\.today\(|\btime\.time\(|utcnow\(")


def test_nothing_but_the_edges_asks_the_clock() -> None:
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if CLOCK.search(path.read_text(encoding="utf-8"))
    }
    assert "web/clock.py" in asking
    assert {path for path in asking if not path.startswith(EDGES)} == set()
