"""The words of the patient's page: one folder a language, and which language somebody reads."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "patient_page"
DEFAULT = "en"


@cache
def page_languages() -> tuple[str, ...]:
    """The languages that the page is written in."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/words.toml")))


@cache
def page_words(language: str) -> dict[str, Any]:
    """Every word of the page in a language that it is written in."""
    file = FOLDER / language / "words.toml"
    return {"language": language, **tomllib.loads(file.read_text(encoding="utf-8"))}


def words_for(wanted: str) -> dict[str, Any]:
    """The words in a language, in its main form, or in English."""
    for choice in (wanted, wanted.partition("-")[0]):
        if choice in page_languages():
            return page_words(choice)
    return page_words(DEFAULT)
