"""Back in order within n days of contact: by what was recorded, never by time alone."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask

from compliance.db import db, transaction
from compliance.models import Clinic, ContactOutcome, Evidence, Patient, Role
from compliance.rules.dates import local_day
from compliance.rules.facts import read_fact
from compliance.rules.terms import Cycle
from compliance.rules.triage import Group
from compliance.services import recording
from compliance.services.actors import Actor
from compliance.services.assessments import place_of, reassess
from compliance.services.contact_effect import BackInOrder, back_in_order
from compliance.services.report_content import Month
from compliance.services.reports import monthly_content
from tests.services.test_contacts import days, did, stood
from tests.world import NOW, a_clinic, a_patient, a_user

LATE = NOW + days(60)
NEGATIVE = {"result": "negative", "setting": "medical"}


@pytest.fixture
def prescriber(app: Flask) -> Actor:
    return a_user(a_clinic(), Role.PRESCRIBER, "Dr Pia Prescriber")


def told(actor: Actor, patient: Patient, at: dt.datetime, kind: str, **data: object) -> Evidence:
    with transaction() as session:
        there = session.get(Patient, patient.id)
        fact = read_fact(kind, {key.rstrip("_"): value for key, value in data.items()})
        return recording.record_evidence(session, actor, there, fact, at)


def waiting_for_a_test(actor: Actor) -> Patient:
    """A patient for whom only the second pregnancy test is missing: "due this week"."""
    patient = a_patient(actor, cycle=Cycle.IRREGULAR)
    signed = ["patient", "prescriber"]
    began = "2026-03-02"
    told(actor, patient, NOW, "acknowledgement", on=began, form="enrolment", signed_by=signed)
    told(actor, patient, NOW, "pregnancy_test", collected=began, **NEGATIVE)
    for method in ("combined-pill", "male-condom"):
        told(actor, patient, NOW, "contraception", method=method, from_=began)
    assert stood(patient).grouping == "due-this-week"
    return patient


def has_tested(actor: Actor, patient: Patient, at: dt.datetime) -> Evidence:
    """The test that was missing is recorded: the window opens."""
    day = local_day(at, "America/New_York").isoformat()
    row = told(actor, patient, at, "pregnancy_test", collected=day, **NEGATIVE)
    assert stood(patient).grouping == "window-open"
    return row


def counted(actor: Actor, known_at: dt.datetime = LATE, within: int = 7) -> BackInOrder:
    since, until = NOW - days(1), NOW + days(20)
    return back_in_order(db.session(), actor.clinic_id, since, until, within, known_at=known_at)


@pytest.mark.parametrize(("after", "back"), [(1, 1), (7, 1), (8, 0)])
def test_what_is_recorded_up_to_the_last_day_counts(prescriber, after, back) -> None:
    patient = waiting_for_a_test(prescriber)
    did(prescriber, patient, at=NOW + dt.timedelta(minutes=5))
    has_tested(prescriber, patient, NOW + days(after))
    assert counted(prescriber) == BackInOrder(1, back, 1 - back, 0)


def test_the_last_day_is_a_calendar_day_of_the_clinic(prescriber) -> None:
    patient = waiting_for_a_test(prescriber)
    did(prescriber, patient, at=NOW + dt.timedelta(minutes=5))
    midnight = dt.datetime(2026, 4, 10, 4, 0, tzinfo=dt.UTC)  # 9 April is over in New York
    has_tested(prescriber, patient, midnight - dt.timedelta(minutes=1))
    assert counted(prescriber).back == 1
    assert counted(prescriber, within=6).back == 0


def test_what_was_recorded_before_the_contact_does_not_count(prescriber) -> None:
    patient = waiting_for_a_test(prescriber)
    has_tested(prescriber, patient, NOW + days(1))
    did(prescriber, patient, at=NOW + days(2))
    assert counted(prescriber).contacts == 0  # the patient stood in order already


def test_days_that_are_not_over_are_counted_apart(prescriber) -> None:
    patient = waiting_for_a_test(prescriber)
    did(prescriber, patient, at=NOW + dt.timedelta(minutes=5))
    assert counted(prescriber, known_at=NOW + days(2)) == BackInOrder(1, 0, 0, 1)
    has_tested(prescriber, patient, NOW + days(3))
    assert counted(prescriber, known_at=NOW + days(2)) == BackInOrder(1, 0, 0, 1)
    assert counted(prescriber, known_at=NOW + days(3)) == BackInOrder(1, 1, 0, 0)


def test_a_withdrawn_alarm_puts_back_in_order_too(prescriber) -> None:
    patient = waiting_for_a_test(prescriber)
    has_tested(prescriber, patient, NOW + days(1))
    day = (NOW + days(1)).date().isoformat()
    wrong = told(prescriber, patient, NOW + days(1), "pregnancy_test", collected=day,
                 result="positive", setting="medical")  # fmt: skip
    assert stood(patient).grouping == "act-now"
    did(prescriber, patient, at=NOW + days(2))
    with transaction() as session:
        there = session.get(Patient, patient.id)
        row = session.get(Evidence, wrong.id)
        recording.withdraw_evidence(
            session, prescriber, there, row, "Another patient's", NOW + days(3)
        )
    assert stood(patient).grouping == "window-open"
    assert counted(prescriber) == BackInOrder(1, 1, 0, 0)


def test_a_window_that_closed_unused_is_no_success(prescriber) -> None:
    patient = waiting_for_a_test(prescriber)
    has_tested(prescriber, patient, NOW)
    closing = NOW + days(5)
    with transaction() as session:
        there = session.get(Patient, patient.id)
        reassess(session, prescriber, there, closing)
    assert stood(patient).grouping == "act-now"
    did(prescriber, patient, at=closing)
    told(prescriber, patient, NOW + days(8), "visit", on="2026-04-10")
    later = NOW + days(7)  # the window closed the evening before
    assert place_of(db.session(), patient, later, later)[2].group is Group.WAITING
    assert counted(prescriber).back == 0


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [("called", 1), ("reached", 1), ("will-come", 1), ("no-answer", 0), ("handed-to", 0)],
)
def test_only_who_was_reached_or_left_word_counts_as_contacted(prescriber, outcome, counts) -> None:
    patient = waiting_for_a_test(prescriber)
    at = NOW + dt.timedelta(minutes=5)
    more = {"until": at.date(), "handed_to_id": prescriber.user_id}
    did(prescriber, patient, ContactOutcome(outcome), at, **more)
    assert counted(prescriber).contacts == counts


def test_contacts_outside_the_time_or_of_another_clinic_do_not_count(prescriber) -> None:
    patient = waiting_for_a_test(prescriber)
    since, until = NOW - days(1), NOW + days(20)
    for at in (since, until - dt.timedelta(seconds=1), since - dt.timedelta(seconds=1), until):
        did(prescriber, patient, at=at)
    stranger = a_user(a_clinic("elsewhere"), Role.PRESCRIBER)
    did(stranger, waiting_for_a_test(stranger))
    assert counted(prescriber).contacts == 2
    assert counted(stranger).contacts == 1


def test_the_monthly_report_tells_what_contacts_led_to(prescriber) -> None:
    patient, other = waiting_for_a_test(prescriber), waiting_for_a_test(prescriber)
    for each in (patient, other):
        did(prescriber, each, at=NOW + dt.timedelta(minutes=5))
    did(prescriber, other, at=NOW + days(28))  # 30 April: a week is not over on 4 May
    has_tested(prescriber, patient, NOW + days(2))
    clinic = db.session.get(Clinic, prescriber.clinic_id)
    content = monthly_content(db.session(), clinic, Month(2026, 4), NOW + days(32))
    account = next(each for each in content.accounts if "contacted" in each.title)
    assert account.parts == (
        ("Back in order within 7 days", 1),
        ("Not in order within 7 days", 1),
        ("7 days not over at the cut-off", 1),
    )
    assert account.whole == ("Contacts in the month", 3)
    assert account.balances
