"""Links in documents lead somewhere, and the glossary's names are used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_to_a_file(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (document.parent / target).exists(), target


def test_every_name_of_the_glossary_is_used_in_the_code() -> None:
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.M)
    names = [name for row in rows for name in re.findall(r"\w+", row)]
    code = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("compliance/**/*.py"))
    assert len(names) > 30
    assert [name for name in names if not re.search(rf"\b{name}\b", code, re.I)] == []


def test_every_file_of_the_rules_stays_under_400_lines() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in ROOT.glob("compliance/**/*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}
