"""The patient's page says the same in every language, and lacks no word that it may need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from compliance.mail.texts import languages
from compliance.rules.programme import load_programme
from compliance.rules.questions import all_questions
from compliance.rules.reminders import PATIENT_KINDS
from compliance.rules.terms import Method, TestResult
from compliance.web.forms import SYMPTOMS
from compliance.web.patient_page_forms import REPORTS
from compliance.web.patient_words import page_languages, page_words, words_for


def keys(words: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, value in words.items():
        yield f"{path}{name}"
        if isinstance(value, dict):
            yield from keys(value, f"{path}{name}.")


def test_the_page_speaks_every_language_of_the_mails() -> None:
    assert set(page_languages()) == set(languages())


@pytest.mark.parametrize("language", page_languages())
def test_no_language_lacks_a_word_or_has_one_too_many(language: str) -> None:
    assert set(keys(page_words(language))) == set(keys(page_words("en")))


@pytest.mark.parametrize("language", page_languages())
def test_everything_that_can_be_chosen_has_a_name(language: str) -> None:
    words = page_words(language)
    assert set(words["method_names"]) == {item.value for item in Method}
    assert set(words["results"]) == {item.value for item in TestResult}
    assert set(words["reports"]) == {item.value for item in REPORTS}
    assert {item.value for item in PATIENT_KINDS} <= set(words["kinds"])
    assert len(words["weekdays"]) == 7


@pytest.mark.parametrize("language", page_languages())
def test_every_question_is_worded_with_its_answers_and_its_reason(language: str) -> None:
    asked = page_words(language)["questions_asked"]
    assert set(asked) == {item.id for item in all_questions()}
    for question in all_questions():
        assert set(asked[question.id]) == {"ask", "why", *question.answers}


@pytest.mark.parametrize("programme", ["us-ipledge", "uk-ppp", "eu-ppp", "au-pi", "ca-ppp"])
def test_every_symptom_that_stops_treatment_can_be_reported(programme: str) -> None:
    offered, known = set(page_words("en")["symptoms"]), {key for key, _ in SYMPTOMS}
    assert offered <= known
    stops = load_programme(programme).parameters["stop_symptoms"]
    for provision in stops.by_edition.values():
        assert set(provision.value or {}) & known <= offered  # the others a clinician finds


def test_an_unknown_language_is_answered_in_english_and_a_regional_one_in_its_main_form() -> None:
    assert words_for("fr")["language"] == "en"
    assert words_for("es-MX")["language"] == "es"
