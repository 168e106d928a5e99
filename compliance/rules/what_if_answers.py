"""Answers under a supposition, written out: what is supposed, the answer, and what rests on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compliance.rules.assess import assess
from compliance.rules.case_answers import answer, describe
from compliance.rules.case_reader import Case, CaseError, read_case
from compliance.rules.cases import find_cases
from compliance.rules.facts import write_fact
from compliance.rules.findings import Assessment, Question
from compliance.rules.programme import load_programme
from compliance.rules.what_if import (
    Situation,
    Supposition,
    check_assumed,
    conditions,
    in_zone,
    known_by,
    questions_at,
    rests_on,
    suppose,
)

Say = Callable[[str], Any]
ANSWERED = "Answered under other conditions, so nothing was compared with what was expected."


def run_supposed(
    paths: Sequence[Path], what: Supposition, as_json: bool, write: Say, complain: Say
) -> int:
    """Answer the questions of cases under a supposition; 0: all read, 2: one is unreadable."""
    answered = unread = 0
    for path in find_cases(paths):
        try:
            case = read_case(path, questions_needed=what.at is None)
            lines = list(_answer_case(case, what, as_json))
        except CaseError as error:
            unread += 1
            complain(str(error) if error.file == str(path) else f"{path}: {error}")
            continue
        answered += 1
        for line in lines:
            write(line)
    if not as_json:
        write(f"{ANSWERED}{f' {unread} could not be answered.' if unread else ''}")
    return 0 if answered and not unread else 2


def _answer_case(case: Case, what: Supposition, as_json: bool) -> Iterable[str]:
    now = Situation(case.record, load_programme(case.programme), case.terms)
    if what.known_at is not None:
        now = known_by(now, what.known_at)
    if not as_json:
        yield f"{case.id}  {case.title}"
    questions = _questions(case, now, what)
    yield from answers(case.id, now, what, questions, as_json, of_a_case=True)


def _questions(case: Case, now: Situation, what: Supposition) -> tuple[Question, ...]:
    """The case's own questions, at the moment supposed; or its own two where it has none."""
    if what.at is None:
        return tuple(ask.question for ask in case.asks)
    at = in_zone(what.at, now.terms.time_zone)
    own = (replace(ask.question, at=at) for ask in case.asks)
    return tuple(dict.fromkeys(own)) or questions_at(now, at)


def answers(
    name: str,
    now: Situation,
    what: Supposition,
    questions: Sequence[Question],
    as_json: bool,
    *,
    of_a_case: bool = False,
) -> Iterable[str]:
    """Each question answered, as one JSON object a line or for a person; raises CaseError."""
    check_assumed(what, now, [question.at for question in questions])
    there = suppose(now, what)
    zone = there.terms.time_zone
    said = conditions(what, zone, of_a_case)
    if said and not as_json:
        yield "\n".join(f"  WHAT IF  {line}" for line in said)
    for question in questions:
        found = assess(there.record, there.programme, there.terms, question)
        if as_json:
            yield json.dumps(_plain(name, found, what, said, zone), ensure_ascii=False)
        else:
            yield describe(there.programme, found, None, zone) + _resting(found)


def _plain(
    name: str, found: Assessment, what: Supposition, said: list[str], zone: str
) -> dict[str, Any]:
    at = found.question.at
    plain = answer(name, at, found, None)
    if what:
        plain["what_if"] = {
            "conditions": said,
            "programme": what.programme,
            "edition": what.edition,
            "known_at": in_zone(what.known_at, zone).isoformat() if what.known_at else None,
            "assumed": [
                {"id": fact.id, "kind": fact.kind, **write_fact(fact)} for fact in what.assumed
            ],
            "rests_on_assumed": {
                requirement.value: list(ids) for requirement, ids in rests_on(found).items()
            },
        }
    return plain


def _resting(found: Assessment) -> str:
    """Which findings would fall with what is assumed."""
    resting = rests_on(found)
    if not resting:
        return ""
    named = (f"{requirement.value} ({', '.join(ids)})" for requirement, ids in resting.items())
    return f"    ASSUMED  These rest on what is only assumed: {', '.join(named)}.\n"
