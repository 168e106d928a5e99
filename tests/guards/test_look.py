"""Pages keep to their own policy, to icons that exist and to colours that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for path in (ROOT / "templates").rglob("*.html")
    if "mail" not in path.relative_to(ROOT / "templates").parts
]
STYLE = (ROOT / "compliance/web/static/app.css").read_text(encoding="utf-8")
ICONS = set(
    re.findall(
        r'^  "([\w-]+)": \'<', (ROOT / "templates/_icons.html").read_text(encoding="utf-8"), re.M
    )
)
TONES = ("danger", "warn", "ok", "info", "hold", "neutral")
# (text, ground, least contrast): WCAG 2.2 AA asks 4.5 of text, 3 of the edges of controls.
READ = [
    *(("text", ground, 4.5) for ground in ("bg", "surface", "sunken", "brand-soft")),
    *(("muted", ground, 4.5) for ground in ("bg", "surface", "sunken")),
    *(("brand-text", ground, 4.5) for ground in ("bg", "surface", "sunken", "brand-soft")),
    *(("on-brand", ground, 4.5) for ground in ("brand", "brand-hover")),
    *((tone, ground, 4.5) for tone in TONES for ground in (f"{tone}-soft", "surface", "sunken")),
    *(("line-strong", ground, 3.0) for ground in ("bg", "surface")),
    *(("focus", ground, 3.0) for ground in ("bg", "surface", "sunken", "brand-soft")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_has_what_its_policy_forbids(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle\s*=", text), "inline styles are blocked"
    assert not re.search(r"\son\w+\s*=\s*[\"']", text), "inline handlers are blocked"
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "inline scripts are blocked"
    assert not re.search(r"<(?:script|link|img|use)\b[^>]*(?:src|href)=[\"'](?:https?:)?//", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_icon_that_a_page_names_exists(page: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", page.read_text(encoding="utf-8"), flags=re.S)
    named = set(re.findall(r"\bicon\(\"([\w-]+)\"", text))
    named |= set(re.findall(r"icon_name=\"([\w-]+)\"", text))
    assert named <= ICONS


def test_every_status_chip_has_an_icon_that_exists() -> None:
    text = (ROOT / "templates/_macros.html").read_text(encoding="utf-8")
    table = text[text.index("set chips = {") : text.index("} -%}", text.index("set chips = {"))]
    chips = re.findall(r'"[\w-]+": \("(\w+)", "([\w-]+)", "[^"]+"\)', table)
    assert len(chips) > 30
    assert {tone for tone, _ in chips} == set(TONES)
    assert {icon for _, icon in chips} <= ICONS


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_can_be_read_on_its_ground(theme: str) -> None:
    colours = _colours(":root {")
    if theme == "dark":
        colours |= _colours(':root[data-theme="dark"] {')
    weak = {
        f"{text} on {ground}": round(ratio, 2)
        for text, ground, least in READ
        if (ratio := _contrast(colours[text], colours[ground])) < least
    }
    assert weak == {}


def test_both_ways_into_the_dark_theme_show_the_same_colours() -> None:
    assert _colours(':root:not([data-theme="light"]) {') == _colours(':root[data-theme="dark"] {')


def _colours(opening: str) -> dict[str, str]:
    start = STYLE.index(opening)
    block = STYLE[start : STYLE.index("}", start)]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
