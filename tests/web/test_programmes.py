"""The page of the rules: what changes on which day, and what nobody has checked yet."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from flask import Flask

from compliance.db import db, transaction
from compliance.models import Clinic, Role
from compliance.rules.programme import load_programme
from compliance.services import adoptions
from tests.journeys.person import Person
from tests.world import NOW, a_clinic, a_user, email_of


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


def at_work(app: Flask, clinic_id: int) -> Person:
    person = Person(app, email_of(db.session, a_user(clinic_id, Role.NURSE)))
    assert person.sign_in().status_code == 302
    return person


def test_an_announced_edition_is_told_with_each_difference_in_words(app: Flask) -> None:
    said = at_work(app, a_clinic()).read("/rules")
    assert "Edition 2026 was announced for Sun 15 Nov 2026 in 227 days" in said
    assert "from the day of this clinic's own adoption only" in said
    assert "Days from the test that opened a missed first window to the next test." in said
    assert "19 (must) Nothing is asked" in said
    assert "Edition 2023-discretion has applied from Sun 1 Oct 2023" in said


def test_an_adopted_edition_changes_on_the_clinics_own_day(app: Flask) -> None:
    clinic_id = a_clinic()
    doctor = a_user(clinic_id, Role.PRESCRIBER)
    with transaction() as session:
        clinic = session.get(Clinic, clinic_id)
        source = "The notice of 16 June 2026"
        adoptions.adopt(session, doctor, clinic, "2026", dt.date(2026, 5, 1), source, NOW)
    said = at_work(app, clinic_id).read("/rules")
    assert "Edition 2026 applies from Fri 1 May 2026 in 29 days" in said
    assert "By this clinic's adoption." in said
    assert "was announced for" not in said


def test_values_that_nobody_has_checked_are_counted_and_marked(app: Flask) -> None:
    said = at_work(app, a_clinic(programme="uk-ppp", country="GB")).read("/rules")
    provisions = load_programme("uk-ppp").provisions_of("2026-01").values()
    open_ = sum(not item.citation.verified for item in provisions)
    assert open_ > 0
    assert f"{open_} of {len(provisions)} values rest on sources that nobody has checked" in said
    assert said.count("Source not verified") >= open_


@pytest.mark.parametrize("programme", ["uk-ppp", "eu-ppp", "ca-ppp", "au-pi", "us-ipledge"])
def test_the_page_can_be_read_for_every_programme(app: Flask, programme: str) -> None:
    said = at_work(app, a_clinic(programme=programme)).read("/rules")
    assert "What changes on which day" in said
    assert "Provision(" not in said
    assert "datetime" not in said
