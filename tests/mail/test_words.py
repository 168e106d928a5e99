"""What mails say: nothing that a stranger may not read, unless the patient asked for it."""

from __future__ import annotations

import itertools
import re

import pytest

from compliance.mail.messages import template_of, text_of
from compliance.mail.texts import FOLDER, Text, language_of, languages
from compliance.rules.reminders import PATIENT_KINDS, ReminderKind, Rung
from compliance.services.letters import Waiting
from tests.mail.test_outbox import a_letter

# Stems, in both languages: medicine, pregnancy, contraception, sex, tests, the programme's name.
TELLING = re.compile(
    r"isotretin|accutane|roaccut|claravis|absorica|ipledge|rems\b|retino|medic|drug|acn[eé]"
    r"|pregnan|embaraz|gestaci|hcg|birth|contracep|anticoncep|pill\b|píldora|condom|condón|preserv"
    r"|\bsex|abstin|menst|period|regla\b|\btest|prueba|\blab|analítica|blood|sangre|urin|orina"
    r"|prescri|receta|pharmac|farmac|dispens|tratamiento|treatment|receptor|fértil|fertil",
    re.IGNORECASE,
)

EVERYTHING = list(itertools.product(ReminderKind, Rung, languages()))


def said_by(kind: ReminderKind, rung: Rung, language: str, *, detailed: bool = False) -> Text:
    waiting = (Waiting("Riverside", 3, 2, 1, 4, 5), Waiting("Lakeside", unsent=1))
    letter = a_letter(kind=kind, rung=rung, language=language, detailed=detailed, waiting=waiting)
    return text_of(letter, "https://clinic.example.org")


@pytest.mark.parametrize(("kind", "rung", "language"), EVERYTHING)
def test_no_mail_tells_a_stranger_anything(kind, rung, language):
    text = said_by(kind, rung, language)
    for part in (text.subject, text.plain, text.html):
        assert TELLING.findall(part) == []


@pytest.mark.parametrize(("kind", "rung", "language"), EVERYTHING)
def test_every_mail_says_the_day_in_both_bodies(kind, rung, language):
    text = said_by(kind, rung, language)
    day = {"en": "Thu 9 Apr 2026", "es": "jue 9 abr 2026"}[language]
    assert day in text.plain
    assert day in text.html
    assert f'lang="{language}"' in text.html


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", PATIENT_KINDS)
def test_who_asked_for_detail_gets_it(kind, language):
    detailed = said_by(kind, Rung.FIRM, language, detailed=True)
    assert TELLING.search(detailed.plain)
    assert TELLING.search(detailed.html)
    assert not TELLING.search(detailed.subject)  # a lock screen shows it


def test_the_kinds_cannot_be_told_apart_from_outside():
    texts = {said_by(kind, Rung.GENTLE, "en") for kind in PATIENT_KINDS}
    assert len(texts) == 1


def test_rungs_are_told_apart_by_their_subject():
    subjects = {said_by(ReminderKind.TEST_DUE, rung, "es").subject for rung in Rung}
    assert subjects == {
        "Un paso con Riverside Dermatology hasta el jue 9 abr 2026",
        "Pendiente: un paso con Riverside Dermatology hasta el jue 9 abr 2026",
        "Último aviso: un paso con Riverside Dermatology hasta el jue 9 abr 2026",
    }


@pytest.mark.parametrize("language", languages())
def test_every_kind_has_its_three_templates_in_every_language(language):
    needed = {template_of(kind, detailed=True) for kind in ReminderKind}
    needed |= {template_of(kind, detailed=False) for kind in ReminderKind}
    needed.add("access")  # no reminder: the link with which staff set a password
    files = {f"{name}.{part}" for name in needed for part in ("subject.txt", "txt", "html")}
    files |= {f"own-page.{part}" for part in ("subject.txt", "txt", "html")}  # asked for by staff
    files |= {"words.toml", "page-link.txt", "page-link.html"}
    assert {path.name for path in (FOLDER / language).iterdir()} == files


def test_the_digest_counts_and_names_nobody():
    text = said_by(ReminderKind.DIGEST, Rung.DAILY, "en")
    assert text.subject == "Riverside Dermatology: what waits on Thu 9 Apr 2026"
    assert "Need action now: 3" in text.plain
    assert "https://clinic.example.org/" in text.plain


def test_a_clinic_without_a_telephone_is_still_reachable_in_words():
    text = text_of(a_letter(clinic_phone=""), "")
    assert "Please contact us." in text.plain


def test_a_name_with_markup_stays_text():
    text = text_of(a_letter(clinic="<b>Riverside</b>"), "")
    assert "<b>Riverside" not in text.html


@pytest.mark.parametrize(
    ("wanted", "written"), [("es", "es"), ("es-MX", "es"), ("en", "en"), ("xx", "en"), ("", "en")]
)
def test_a_language_that_is_not_there_falls_back(wanted, written):
    assert language_of(wanted) == written
