"""No text that asserts a pregnancy ends as ignored, whatever stands around it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from compliance.interop.formats import read_file
from compliance.models.intake import Disposition
from compliance.rules.terminology import load_terminology
from compliance.services.dispositions import Judgement, Setting, asserted, judge
from compliance.services.incoming import IncomingMessage, IncomingResult
from compliance.services.pregnancy_text import asserts_pregnancy
from tests.interop.messages import TG, obx, oru
from tests.world import NOW

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted(file for file in SAMPLES.rglob("*") if file.is_file() and file.name != "README.md")
SETTING = Setting(load_terminology(), ZoneInfo("UTC"), NOW + dt.timedelta(days=3650))


def judged(message: IncomingMessage) -> list[tuple[IncomingResult, Judgement]]:
    """Every result that a message is stored as, with what becomes of it."""
    results = (*message.results, *asserted(message, SETTING.terms))
    return [(item, judge(item, message, SETTING)) for item in results]


def vanished(content: bytes) -> list[str]:
    """The texts that assert a pregnancy and are neither held nor filed nor refused as an order."""
    return [
        item.value.text
        for message in read_file(content).messages
        for item, judgement in judged(message)
        if asserts_pregnancy(item.value.text, SETTING.terms)
        and judgement.disposition is Disposition.IGNORED
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(SAMPLES).as_posix())
def test_no_assertion_of_a_real_message_is_ignored(file: Path) -> None:
    assert vanished(file.read_bytes()) == []


SENTENCES = ("Patient is pregnant", "PREGNANT 12 weeks", "pregnancy confirmed", "schwanger")
PLACES = {
    "a result of another test": lambda text: obx("718-7^Hemoglobin^LN", text, "", kind="ST"),
    "a local code": lambda text: obx("X1^Comment^L", text, "", kind="TX"),
    "an analyte": lambda text: obx(TG, text, "", kind="ST"),
    "a cancelled result": lambda text: obx(TG, text, "", kind="ST", status="X"),
    "a pending result": lambda text: obx("X1^Note^L", text, "", kind="ST", status="I"),
    "a preliminary result": lambda text: obx("X1^Note^L", text, "", kind="ST", status="P"),
    "a question at order entry": lambda text: obx(
        "82810-3^Pregnancy status^LN", text, "", kind="ST", question="AOE"
    ),
    "a note": lambda text: f"{obx(TG, '120')}\rNTE|1||{text}",
    "a diagnosis": lambda text: f"DG1|1||Z33^{text}^I10",
}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_an_assertion_is_held_wherever_it_stands(where: str, sentence: str) -> None:
    (message,) = read_file(oru(PLACES[where](sentence))).messages
    if not asserts_pregnancy(sentence, SETTING.terms):
        pytest.fail(f"“{sentence}” is not recognised as an assertion")
    found = [
        judgement.disposition
        for item, judgement in judged(message)
        if sentence.casefold() in item.value.text.casefold()
        or any(sentence.casefold() in note.casefold() for note in item.notes)
    ]
    assert Disposition.HELD in found
    assert Disposition.IGNORED not in found
