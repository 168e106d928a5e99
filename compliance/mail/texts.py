"""The words of mails: a folder of templates a language, and dates as that language writes them."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "mail"
DEFAULT_LANGUAGE = "en"

_templates = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Text:
    """What one mail says: its subject, and its body twice."""

    subject: str
    plain: str
    html: str


@cache
def languages() -> tuple[str, ...]:
    """The languages that mails are written in: one folder each."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/words.toml")))


def language_of(wanted: str) -> str:
    """The language to write in: the wanted one, its main form, or the default."""
    for choice in (wanted, wanted.partition("-")[0]):
        if choice in languages():
            return choice
    return DEFAULT_LANGUAGE


@cache
def _words(language: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / language / "words.toml").read_text(encoding="utf-8"))


def long_date(day: dt.date, language: str) -> str:
    """A day with its weekday, as the language writes it: Thu 9 Apr 2026, jue 9 abr 2026."""
    words = _words(language)
    form: str = words["date"]
    return form.format(
        weekday=words["weekdays"][day.weekday()],
        day=day.day,
        month=words["months"][day.month - 1],
        year=day.year,
    )


def calendar_title(clinic: str, language: str) -> str:
    """What a calendar says of a day: that there is something, never what."""
    title: str = _words(language)["calendar"]
    return title.format(clinic=clinic)


def write(template: str, language: str, **said: Any) -> Text:
    """One mail from its three templates; anything that a template misses raises."""
    said = {**said, "language": language}
    subject, plain, html = (
        _templates.get_template(f"{language}/{template}.{part}").render(said)
        for part in ("subject.txt", "txt", "html")
    )
    return Text(" ".join(subject.split()), plain.strip() + "\n", html.strip() + "\n")
