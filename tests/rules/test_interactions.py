"""Which medicine warns, from when until when, and whose acknowledgement counts."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.rules.facts import Fact, InteractionAcknowledged, Medicine
from compliance.rules.terms import Requirement
from tests.rules.histories import ask, day, noon, started

ON = day(32)


def warns(*facts: Fact, on: dt.date = ON) -> bool:
    return Requirement.INTERACTION in ask([*started(), *facts], noon(on)).warnings


def taken(until: dt.date | None = None) -> Medicine:
    return Medicine(id="m", name="st-johns-wort", from_=day(20), until=until)


def seen(medicine: str = "st-johns-wort", on: dt.date = ON) -> InteractionAcknowledged:
    return InteractionAcknowledged(id="a", medicine=medicine, on=on)


def test_an_interacting_medicine_warns_until_the_prescriber_has_seen_it():
    assert warns(taken())
    assert not warns(taken(), seen())


def test_having_seen_another_medicine_does_not_count():
    assert warns(taken(), seen("phenytoin"))


@pytest.mark.parametrize(("on", "expected"), [(day(19), True), (day(20), False)])
def test_what_was_seen_before_the_medicine_was_begun_does_not_count(on, expected):
    assert warns(taken(), seen(on=on)) is expected


@pytest.mark.parametrize(("until", "expected"), [(ON, True), (ON - dt.timedelta(days=1), False)])
def test_a_medicine_warns_through_its_last_day(until, expected):
    assert warns(taken(until)) is expected
