"""FHIR's QuestionnaireResponse: the answers that we know how to read, and the others.

A question is known by its questionnaire and linkId. An answer is a statement on a form and no
laboratory's report: it becomes a result without a laboratory's code, so that a person confirms it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compliance.interop.fhir_json import Resource, all_texts, items, part, text_of
from compliance.interop.fhir_values import read_codings
from compliance.interop.times import read_stamp
from compliance.services.incoming import Coded, IncomingResult, Subject, Value

KIND = "QuestionnaireResponse"
_STATUSES = {
    "completed": "F",
    "amended": "C",
    "in-progress": "P",
    "stopped": "P",
    "entered-in-error": "W",
}


@dataclass(frozen=True, slots=True)
class _Test:
    """Where a questionnaire asks for a pregnancy test: its result, and the day of it."""

    result: str
    day: str


_SNOMED = "http://snomed.info/sct"
_MEANINGS = {"77386006": "positive", "60001007": "negative"}  # "pregnant" and "not pregnant"
_TESTS = {"IPledgeRemsPatientEnrollment": _Test("2.2", "2.3")}


def answers(response: Resource) -> dict[str, list[Resource]]:
    """Every answered linkId with its answers, in order, groups and questions alike."""
    found: dict[str, list[Resource]] = {}
    waiting = list(items(response.get("item")))
    while waiting:
        item = waiting.pop(0)
        given = items(item.get("answer"))
        if given:
            found.setdefault(text_of(item, "linkId"), []).extend(given)
        inner = [child for answer in given for child in items(answer.get("item"))]
        waiting = [*items(item.get("item")), *inner, *waiting]
    return found


def is_known(response: Resource) -> bool:
    """Whether it answers a questionnaire that we know."""
    return _name(response) in _TESTS


def read_links(response: Resource) -> frozenset[str]:
    """The linkIds of this questionnaire whose answers are read."""
    test = _TESTS.get(_name(response))
    return frozenset((test.result, test.day)) if test else frozenset()


def _name(response: Resource) -> str:
    return text_of(response, "questionnaire").partition("|")[0].rpartition("/")[2]


def read_answers(response: Resource, subject: Subject) -> Iterator[IncomingResult]:
    """The pregnancy tests that the answers state, each to be confirmed by a person."""
    test, given = _TESTS.get(_name(response)), answers(response)
    if test is None:
        return
    days = [text_of(item, "valueDate") for item in given.get(test.day, [])]
    for answer in given.get(test.result, []):
        yield IncomingResult(
            position=0,
            code=(Coded(_name(response), test.result, "Pregnancy test on a form"),),
            value=_value(answer),
            status=_STATUSES.get(text_of(response, "status"), ""),
            collected=read_stamp(days[0] if len(days) == 1 else "", KIND[:20]),
            subject=subject,
            source=f"linkId {test.result}",
            order=text_of(response, "id"),
            is_stated=True,
        )


def _value(answer: Resource) -> Value:
    """The answer in its own words; the code of a known answer stands for what it means."""
    coding = part(answer, "valueCoding")
    if not coding:
        return Value("ST", " ".join(all_texts(answer)))
    words = text_of(coding, "display")
    meaning = (
        _MEANINGS.get(text_of(coding, "code"), "") if text_of(coding, "system") == _SNOMED else ""
    )
    contradicted = any(
        other in words.casefold() for other in _MEANINGS.values() if other != meaning
    )
    known = (Coded(text=meaning),) if meaning and not contradicted else ()
    return Value(
        "CWE", words or text_of(coding, "code"), known or read_codings({"coding": [coding]})
    )


def answered_texts(response: Resource) -> str:
    """The words of the answers, without the questions, whose words say nothing about anybody."""
    read = read_links(response)
    return " ".join(
        text
        for link, given in answers(response).items()
        if link not in read
        for answer in given
        for text in all_texts({name: item for name, item in answer.items() if name != "item"})
    )
