"""What staff did: kept, checked, shown on the worklist, and counted as back in order."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import event, select

from compliance.db import db, transaction
from compliance.models import (
    AuditEvent,
    Contact,
    ContactOutcome,
    Patient,
    Role,
    StoredAssessment,
)
from compliance.rules.facts import Fact, PregnancyTest
from compliance.rules.terms import Specimen, TestResult, TestSetting
from compliance.services import contacts, evidence
from compliance.services.actors import Actor
from compliance.services.assessments import reassess
from compliance.services.contacts import NewContact
from compliance.services.errors import Conflict, Invalid
from compliance.services.worklist import SNOOZED, Filters, Order, worklist
from tests.world import NOW, a_clinic, a_patient, a_user

TODAY = NOW.date()
REASON = "The visit has to be arranged"


def days(count: int) -> dt.timedelta:
    return dt.timedelta(days=count)


def did(
    actor: Actor,
    patient: Patient,
    outcome: ContactOutcome = ContactOutcome.REACHED,
    at: dt.datetime = NOW,
    **more: object,
) -> Contact:
    values = {"reason": REASON, **more}
    with transaction() as session:
        there = session.get(Patient, patient.id)
        return contacts.record_contact(session, actor, there, NewContact(outcome, **values), at)


def faults(*args: object, **kwargs: object) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        did(*args, **kwargs)
    return refused.value.fields


def record(actor: Actor, patient: Patient, fact: Fact, at: dt.datetime = NOW) -> None:
    with transaction() as session:
        there = session.get(Patient, patient.id)
        evidence.append(session, actor, there, fact, at)
        reassess(session, actor, there, at)


def a_test(on: dt.date, result: TestResult) -> PregnancyTest:
    return PregnancyTest(
        collected=on, result=result, specimen=Specimen.URINE, setting=TestSetting.MEDICAL
    )


def stood(patient: Patient) -> StoredAssessment:
    return db.session.scalar(
        select(StoredAssessment).where(StoredAssessment.patient_id == patient.id)
    )


def put(patient: Patient, **columns: object) -> None:
    """Stand elsewhere on the worklist, as a new answer would have it."""
    with transaction() as session:
        row = session.scalar(
            select(StoredAssessment).where(StoredAssessment.patient_id == patient.id)
        )
        for name, value in columns.items():
            setattr(row, name, value)


def groups(actor: Actor, at: dt.datetime = NOW, **filters: object) -> dict[str, int]:
    found = worklist(db.session(), actor, Filters(**filters), at, at.date())
    return {group: count for group, count in found.counts.items() if count}


@pytest.fixture
def nurse(app: Flask) -> Actor:
    return a_user(a_clinic())


def test_an_entry_is_kept_with_where_the_patient_stood_and_is_audited(nurse) -> None:
    patient = a_patient(nurse)
    row = did(nurse, patient, ContactOutcome.NO_ANSWER)
    assert (row.grouping, row.headline) == (stood(patient).grouping, stood(patient).headline)
    assert (row.by, row.by_id, row.reason) == ("Nia Nurse", nurse.user_id, REASON)
    event = db.session.scalar(select(AuditEvent).where(AuditEvent.action == "contact.recorded"))
    assert (event.actor, event.patient_id) == ("Nia Nurse", patient.id)
    assert event.detail["outcome"] == "no-answer"


def test_the_history_is_told_newest_first(nurse) -> None:
    patient, other = a_patient(nurse), a_patient(nurse)
    first = did(nurse, patient, ContactOutcome.NO_ANSWER)
    second = did(nurse, patient, ContactOutcome.REACHED, NOW + days(1))
    did(nurse, other)
    assert [row.id for row in contacts.contacts_of(db.session(), patient)] == [second.id, first.id]


def test_nothing_is_written_down_without_a_reason(nurse) -> None:
    patient = a_patient(nurse)
    assert "reason" in faults(nurse, patient, reason="  ")
    assert "reason" in faults(nurse, patient, reason="x" * 501)
    assert did(nurse, patient, reason="x" * 500).id
    assert len(contacts.contacts_of(db.session(), patient)) == 1


@pytest.mark.parametrize(("away", "fits"), [(-1, False), (0, True), (90, True), (91, False)])
def test_the_day_they_will_come_lies_between_today_and_ninety_days(nurse, away, fits) -> None:
    patient = a_patient(nurse)
    if fits:
        day = TODAY + days(away)
        assert did(nurse, patient, ContactOutcome.WILL_COME, until=day).until == day
    else:
        assert "until" in faults(nurse, patient, ContactOutcome.WILL_COME, until=TODAY + days(away))


@pytest.mark.parametrize(("away", "fits"), [(0, False), (1, True), (30, True), (31, False)])
def test_a_snooze_lasts_from_a_day_to_thirty(nurse, away, fits) -> None:
    patient = a_patient(nurse)
    put(patient, act_by=None, window_closes_at=None)
    if fits:
        did(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(away))
    else:
        assert "until" in faults(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(away))


def test_a_day_that_an_outcome_does_not_ask_for_is_not_kept(nurse) -> None:
    row = did(nurse, a_patient(nurse), until=TODAY + days(3), handed_to_id=nurse.user_id)
    assert (row.until, row.handed_to_id) == (None, None)


def test_a_hand_over_goes_to_a_colleague_of_this_clinic_only(nurse) -> None:
    patient = a_patient(nurse)
    here = a_user(nurse.clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")
    elsewhere = a_user(a_clinic("elsewhere"), Role.NURSE)
    pharmacist = a_user(nurse.clinic_id, Role.PHARMACIST, "Phil")
    for wrong in (elsewhere.user_id, pharmacist.user_id, None):
        assert "handed_to" in faults(nurse, patient, ContactOutcome.HANDED_TO, handed_to_id=wrong)
    row = did(nurse, patient, ContactOutcome.HANDED_TO, handed_to_id=here.user_id)
    assert row.handed_to.name == "Dr Pia Ramos"


@pytest.mark.parametrize("result", [TestResult.POSITIVE, TestResult.INDETERMINATE])
def test_a_positive_or_unclear_test_cannot_be_put_off(nurse, result) -> None:
    patient = a_patient(nurse)
    record(nurse, patient, a_test(TODAY, result))
    said = faults(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(1))
    assert said["until"].startswith("A pregnancy test that is positive or unclear")
    assert did(nurse, patient, ContactOutcome.REACHED).id


@pytest.mark.parametrize(
    ("outcome", "fits"), [("unmet", False), ("unknown", False), ("met", True), ("due", True)]
)
def test_what_is_urgent_and_open_cannot_be_put_off(nurse, outcome, fits) -> None:
    patient = a_patient(nurse)
    finding = {"requirement": "review", "outcome": outcome, "urgent": True, "blocks": False}
    put(patient, findings=[finding], act_by=None, window_closes_at=None)
    if fits:
        assert did(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(1)).id
    else:
        said = faults(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(1))
        assert said["until"] == "What is urgent cannot be put off."


def test_who_was_never_assessed_is_not_on_the_worklist(nurse) -> None:
    patient = a_patient(nurse)
    with transaction() as session:
        query = select(StoredAssessment).where(StoredAssessment.patient_id == patient.id)
        session.delete(session.scalar(query))
    with pytest.raises(Conflict, match="not on the worklist yet"):
        did(nurse, patient)


def test_a_window_that_closes_first_cannot_be_put_off(nurse) -> None:
    patient = a_patient(nurse)
    closes = dt.datetime(2026, 4, 9, 4, 0, tzinfo=dt.UTC)  # 8 April is over in New York
    put(patient, act_by=closes, window_closes_at=closes)
    said = faults(nurse, patient, ContactOutcome.SNOOZED, until=dt.date(2026, 4, 9))
    assert said["until"] == (
        "The window closes on 8 Apr 2026, before 9 Apr 2026: choose a day up to then."
    )
    assert did(nurse, patient, ContactOutcome.SNOOZED, until=dt.date(2026, 4, 8)).id


def test_a_moment_that_is_past_forbids_no_snooze(nurse) -> None:
    patient = a_patient(nurse)
    put(patient, act_by=NOW - days(1), window_closes_at=None)
    assert did(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(7)).id


def test_who_is_put_off_is_counted_apart_until_the_day_comes(nurse) -> None:
    patient = a_patient(nurse)
    put(patient, act_by=None, window_closes_at=None, grouping="due-this-week")
    a_patient(nurse)
    did(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(3))
    assert groups(nurse) == {SNOOZED: 1, stood(patient).grouping: 1}
    assert groups(nurse, NOW + days(2))[SNOOZED] == 1
    assert SNOOZED not in groups(nurse, NOW + days(3))
    shown = worklist(db.session(), nurse, Filters(), NOW, TODAY).rows
    assert patient.public_id not in [row.public_id for row in shown]
    apart = worklist(db.session(), nurse, Filters(group=SNOOZED), NOW, TODAY).rows
    assert [row.public_id for row in apart] == [patient.public_id]


@pytest.mark.parametrize("change", [{"grouping": "act-now"}, {"headline": "Something else."}])
def test_other_news_wakes_who_was_put_off(nurse, change) -> None:
    patient = a_patient(nurse)
    put(patient, act_by=None, window_closes_at=None, grouping="due-this-week")
    did(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(3))
    assert groups(nurse) == {SNOOZED: 1}
    put(patient, **change)
    assert groups(nurse) == {stood(patient).grouping: 1}


def test_a_later_entry_ends_a_snooze(nurse) -> None:
    patient = a_patient(nurse)
    put(patient, act_by=None, window_closes_at=None)
    did(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(3))
    did(nurse, patient, ContactOutcome.CALLED)
    assert SNOOZED not in groups(nurse)


def test_a_search_finds_who_is_put_off_too(nurse) -> None:
    patient = a_patient(nurse, family_name="Sleeper")
    put(patient, act_by=None, window_closes_at=None)
    did(nurse, patient, ContactOutcome.SNOOZED, until=TODAY + days(3))
    found = worklist(db.session(), nurse, Filters(), NOW, TODAY, text="sleep")
    assert [row.group for row in found.rows] == [SNOOZED]


def test_a_hand_over_shows_whose_it_is_until_it_is_handed_on_or_a_month_old(nurse) -> None:
    doctor = a_user(nurse.clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")
    patient = a_patient(nurse)
    did(nurse, patient, ContactOutcome.HANDED_TO, handed_to_id=doctor.user_id)
    did(doctor, patient, ContactOutcome.CALLED)

    def whose(at: dt.datetime = NOW) -> str:
        return worklist(db.session(), nurse, Filters(), at, TODAY).rows[0].handed_to

    assert whose() == "Dr Pia Ramos"
    assert whose(NOW + days(30) - dt.timedelta(seconds=1)) == "Dr Pia Ramos"
    assert whose(NOW + days(30)) == ""
    did(doctor, patient, ContactOutcome.HANDED_TO, handed_to_id=nurse.user_id)
    assert whose() == "Nia Nurse"


def test_mine_are_those_whom_i_prescribe_for_and_those_handed_to_me(nurse) -> None:
    doctor = a_user(nurse.clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")
    own = a_patient(nurse, prescriber_id=doctor.user_id)
    handed, other = a_patient(nurse), a_patient(nurse)
    did(nurse, handed, ContactOutcome.HANDED_TO, handed_to_id=doctor.user_id)

    def found(actor: Actor, **filters: object) -> set[str]:
        rows = worklist(db.session(), actor, Filters(**filters), NOW, TODAY).rows
        return {row.public_id for row in rows}

    assert found(doctor, mine=True) == {own.public_id, handed.public_id}
    assert found(doctor, handed_to_id=doctor.user_id) == {handed.public_id}
    assert found(nurse, prescriber_id=doctor.user_id) == {own.public_id}
    assert found(nurse) == {own.public_id, handed.public_id, other.public_id}


def test_the_order_is_risk_first_and_can_be_changed(nurse) -> None:
    calm = a_patient(nurse, given_name="Zoe", family_name="Abel")
    grave = a_patient(nurse, given_name="Ana", family_name="Zorn")
    put(calm, rank="54~", act_by=NOW + days(1), grouping="on-track")
    put(grave, rank="012026", act_by=NOW + days(9), grouping="act-now")
    did(nurse, calm)

    def order(by: Order) -> list[str]:
        rows = worklist(db.session(), nurse, Filters(order=by), NOW, TODAY).rows
        return [row.name for row in rows]

    assert order(Order.URGENT) == ["Ana Zorn", "Zoe Abel"]
    assert order(Order.ACT_BY) == ["Zoe Abel", "Ana Zorn"]
    assert order(Order.NAME) == ["Zoe Abel", "Ana Zorn"]
    assert order(Order.CONTACT) == ["Ana Zorn", "Zoe Abel"]


def test_no_clinic_sees_the_list_or_the_entries_of_another(nurse) -> None:
    stranger = a_user(a_clinic("elsewhere"))
    did(nurse, a_patient(nurse))
    assert groups(stranger) == {}
    assert sum(groups(nurse).values()) == 1


def test_the_list_is_one_query_however_long_it_is(nurse) -> None:
    for _ in range(4):
        did(nurse, a_patient(nurse))
    asked: list[str] = []
    engine = db.engine

    def note(_connection, _cursor, statement, *_rest) -> None:  # type: ignore[no-untyped-def]
        if statement.lstrip().upper().startswith("SELECT"):
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        found = worklist(db.session(), nurse, Filters(), NOW, TODAY)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(found.rows) == 4
    assert len(asked) == 1
