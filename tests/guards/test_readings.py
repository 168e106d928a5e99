"""Every mark of an open question that a sentence or a citation names is explained."""

from __future__ import annotations

import re
from pathlib import Path

from compliance.rules.programme import load_programme
from compliance.rules.readings import readings_of

ROOT = Path(__file__).parents[2]


def test_every_mark_of_ipledge_is_explained_and_every_explanation_has_words() -> None:
    files = [*ROOT.glob("compliance/rules/*.py"), ROOT / "compliance/programmes/us-ipledge.toml"]
    named = set()
    for file in files:
        named |= set(re.findall(r"\bA\d{1,2}\b", file.read_text(encoding="utf-8")))
    explained = {item.mark for item in readings_of("us-ipledge")}
    assert len(named) > 10
    assert named <= explained
    assert all(len(item.reading) > 3 for item in readings_of("us-ipledge"))


def test_a_programme_without_a_list_has_no_readings() -> None:
    assert readings_of("no-such-programme") == ()
    assert load_programme("us-ipledge").id == "us-ipledge"
