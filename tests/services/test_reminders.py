"""Reminders planned with every answer, sent at most once, and never when nothing is owed."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AuditEvent, Course, DeliveryAttempt, Patient, Reminder, Role, User
from compliance.models.patients import Discretion
from compliance.rules.terms import LabSchedule
from compliance.services import reminders, sending
from compliance.services.assessments import reassess
from compliance.services.errors import Conflict, NotFound
from tests import world
from tests.services.reminding import (
    PICKED_UP,
    Clock,
    Killed,
    Remembering,
    a_test,
    away,
    beginning,
    on_treatment,
    permanent,
    pick_up,
    record,
    rows,
    run,
    statements,
    states,
    temporary,
)

GENTLE = dt.date(2026, 4, 24)  # seven days before 2 May is a Saturday
FIRM = dt.date(2026, 4, 29)
LAST_CALL = dt.date(2026, 5, 1)


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic(phone="555-0100", lab_schedule=LabSchedule.NONE))


@pytest.fixture
def outbox(app):
    return Remembering(Clock())


def change(patient_id: int, **values: object) -> None:
    with transaction() as session:
        patient = session.get_one(Patient, patient_id)
        for name, value in values.items():
            setattr(patient, name, value)


def said(reminder: Reminder) -> list[str]:
    return [attempt.detail for attempt in reminder.attempts]


# ————— planning —————


def test_an_answer_plans_its_rungs_on_working_days_at_ten(nurse):
    patient = on_treatment(nurse)
    planned = [(row.obligation, row.rung, row.due_at) for row in rows(patient)]
    assert planned == [
        ("monthly-test:2026-05-02", "gentle", Clock().set(GENTLE, 10)),
        ("monthly-test:2026-05-02", "firm", Clock().set(FIRM, 10)),
        ("monthly-test:2026-05-02", "last-call", Clock().set(LAST_CALL, 10)),
    ]


def test_planning_again_and_again_changes_nothing(nurse):
    patient = on_treatment(nurse)
    before = [(row.id, row.key, row.due_at) for row in rows(patient)]
    for minutes in range(5):
        with transaction() as session:
            moment = world.NOW + dt.timedelta(minutes=minutes)
            reassess(session, nurse, session.get_one(Patient, patient), moment)
            assert reminders.reconcile_some(session, 0, moment) == 0
    assert [(row.id, row.key, row.due_at) for row in rows(patient)] == before


def test_the_key_names_course_kind_obligation_rung_and_recipient(nurse):
    patient = on_treatment(nurse)
    row = rows(patient)[0]
    assert row.key == (
        f"{row.course_id}|test-due|monthly-test:2026-05-02|gentle|patient:{row.patient.public_id}"
    )


def test_what_is_done_is_cleared_at_once(nurse):
    patient = on_treatment(nurse)
    day = dt.date(2026, 4, 26)
    record(nurse, patient, [a_test(day)], Clock().set(day))
    tests = [row for row in rows(patient) if row.kind == "test-due"]
    assert {row.state.value for row in tests} == {"cleared"}
    assert "No longer needed" in tests[0].state_reason


def test_an_open_window_asks_for_the_statement_and_then_for_the_pick_up(nurse):
    patient = world.a_patient(nurse, enrolled_on=PICKED_UP - dt.timedelta(days=31)).id
    record(nurse, patient, [*beginning(), a_test(PICKED_UP)], world.NOW)
    assert {row.kind for row in rows(patient)} == {"statement-due", "window-opening"}
    record(nurse, patient, statements(PICKED_UP), world.NOW)
    now = {(row.kind, row.state.value) for row in rows(patient) if row.kind != "window-opening"}
    assert now == {("statement-due", "cleared"), ("window-closing", "planned")}
    record(nurse, patient, pick_up(PICKED_UP), world.NOW)
    assert {row.state.value for row in rows(patient) if row.kind == "window-closing"} == {"cleared"}


def test_a_test_withdrawn_brings_its_reminders_back(nurse):
    from compliance.services.recording import record_evidence, withdraw_evidence

    patient, day = on_treatment(nurse), dt.date(2026, 4, 20)
    now = Clock().set(day)
    with transaction() as session:
        person = session.get_one(Patient, patient)
        row = record_evidence(session, nurse, person, a_test(day), now)
        withdraw_evidence(session, nurse, person, row, "wrong patient", now)
    tests = {row.rung: row.state.value for row in rows(patient) if row.kind == "test-due"}
    assert tests == {"gentle": "planned", "firm": "planned", "last-call": "planned"}


def test_after_a_later_pick_up_the_moved_date_is_still_the_same_obligation(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(GENTLE)
    run(outbox)
    with transaction() as session:
        course = session.get_one(Patient, patient).course
        answer = session.get_one(reminders.StoredAssessment, course.id)
        answer.plan = [
            {**item, "first": "2026-05-01", "last": "2026-05-07"}
            for item in answer.plan
            if item["requirement"] == "monthly-test"
        ]
        reminders.reconcile(session, course.patient, course, answer, outbox.clock())
    tests = [row for row in rows(patient) if row.kind == "test-due"]
    assert [(row.rung, row.state.value) for row in tests] == [
        ("gentle", "sent"),
        ("firm", "planned"),
        ("last-call", "planned"),
    ]
    assert {row.obligation for row in tests} == {"monthly-test:2026-05-02"}
    assert tests[1].context["by"] == "2026-05-07"


def test_a_patient_who_cannot_become_pregnant_is_not_reminded_of_tests(nurse):
    from compliance.rules.terms import Potential, PotentialReason

    patient = world.a_patient(
        nurse, potential=Potential.NO, reason=PotentialReason.ASSIGNED_MALE
    ).id
    assert [row.kind for row in rows(patient) if row.kind == "test-due"] == []


# ————— sending —————


def test_each_rung_goes_out_once_however_often_it_runs(nurse, outbox):
    patient = on_treatment(nurse)
    for day in (GENTLE, FIRM, LAST_CALL):
        outbox.clock.set(day)
        for _ in range(3):
            run(outbox)
    assert len(outbox.mails) == 3
    assert len(set(outbox.ids)) == 3
    assert states(patient) == {"gentle": "sent", "firm": "sent", "last-call": "sent"}


def test_a_sent_reminder_is_written_down_and_audited_without_an_address(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(GENTLE)
    run(outbox)
    row = rows(patient)[0]
    (attempt,) = row.attempts
    assert (attempt.outcome.value, attempt.detail) == ("accepted", "Taken.")
    assert attempt.message_id == outbox.ids[0]
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "reminder.sent")).one()
    assert event.actor == "system: reminders"
    assert "@" not in str(event.detail)


def test_nothing_goes_out_before_it_is_due(nurse, outbox):
    on_treatment(nurse)
    outbox.clock.set(GENTLE, 9, 59)
    assert run(outbox) == {}


def test_in_quiet_hours_it_waits_for_the_morning(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(GENTLE + dt.timedelta(days=3), 23)  # a Monday night, after an outage
    assert run(outbox)["waiting"] == 1
    assert run(outbox) == {}
    assert rows(patient)[0].tries == 0
    outbox.clock.set(GENTLE + dt.timedelta(days=4), 8)
    assert run(outbox)["sent"] == 1


def test_on_a_closed_day_it_waits_for_the_next_working_day(nurse, outbox):
    on_treatment(nurse)
    outbox.clock.set(GENTLE + dt.timedelta(days=1))  # Saturday
    assert run(outbox)["waiting"] == 1
    outbox.clock.set(GENTLE + dt.timedelta(days=3), 8)
    assert run(outbox)["sent"] == 1


def test_after_an_outage_only_the_most_pressing_rung_goes_out(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(LAST_CALL)
    assert run(outbox) == {"skipped": 2, "sent": 1}
    assert states(patient) == {"gentle": "skipped", "firm": "skipped", "last-call": "sent"}


def test_after_the_date_nothing_goes_out_and_staff_see_that_nobody_was_reminded(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(dt.date(2026, 5, 4))
    assert run(outbox) == {"skipped": 2, "dead": 1}
    assert outbox.mails == []
    last = rows(patient)[-1]
    assert (last.rung, last.state.value) == ("last-call", "dead")
    assert last.state_reason == "The date passed before it could be sent."


def test_an_outage_of_the_server_past_the_date_is_shown_as_not_delivered(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(LAST_CALL)
    outbox.answer = away
    run(outbox)
    outbox.clock.set(dt.date(2026, 5, 4))
    run(outbox)
    last = rows(patient)[-1]
    assert (last.state.value, last.state_reason) == (
        "dead",
        "It could not be delivered before the date passed.",
    )


def test_in_the_last_quiet_hours_it_is_too_late_and_shown(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(dt.date(2026, 5, 2), 21)
    run(outbox)
    assert outbox.mails == []
    assert states(patient)["last-call"] == "dead"


def test_an_old_digest_is_skipped(nurse, outbox):
    world.a_patient(nurse)
    plan_digests(outbox.clock.set(dt.date(2026, 4, 3), 6))
    outbox.clock.set(dt.date(2026, 4, 3), 16)
    assert run(outbox) == {"skipped": 1}
    assert outbox.mails == []


def test_the_condition_is_looked_at_again_at_the_moment_of_sending(nurse, outbox):
    patient, day = on_treatment(nurse), GENTLE
    moment = outbox.clock.set(day)
    with transaction() as session:  # recorded, but nobody reassessed: a fault in between
        from compliance.services import evidence

        evidence.append(session, nurse, session.get_one(Patient, patient), a_test(day), moment)
    run(outbox)
    states_of = {(row.kind, row.state.value) for row in rows(patient)}
    assert ("test-due", "cleared") in states_of
    assert {kind for kind, state in states_of if state == "sent"} <= {"window-opening"}


def test_a_closed_course_is_not_reminded(nurse, outbox):
    patient = on_treatment(nurse)
    with transaction() as session:
        session.scalars(select(Course)).one().closed_on = GENTLE
    outbox.clock.set(GENTLE)
    run(outbox)
    assert outbox.mails == []
    assert states(patient)["gentle"] == "cleared"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"reminders_wanted": False}, "The patient does not want reminders."),
        ({"email": ""}, "There is no e-mail address for this patient."),
    ],
)
def test_who_cannot_be_reminded_is_skipped_with_the_reason(nurse, outbox, values, reason):
    patient = on_treatment(nurse)
    change(patient, **values)
    outbox.clock.set(GENTLE)
    assert run(outbox) == {"skipped": 1}
    row = rows(patient)[0]
    assert (row.state.value, row.state_reason, said(row)) == ("skipped", reason, [reason])


def test_an_address_entered_later_gets_the_later_rungs(nurse, outbox):
    patient = on_treatment(nurse, email="")
    outbox.clock.set(GENTLE)
    run(outbox)
    change(patient, email="amara@example.org")
    outbox.clock.set(FIRM)
    run(outbox)
    assert [str(message["To"]) for _, message in outbox.mails] == ["amara@example.org"]


def test_the_mail_is_neutral_unless_the_patient_asked_for_detail(nurse, outbox):
    patient = on_treatment(nurse, language="es")
    outbox.clock.set(GENTLE)
    run(outbox)
    change(patient, discretion=Discretion.DETAILED, language="en")
    outbox.clock.set(FIRM)
    run(outbox)
    neutral, detailed = (message for _, message in outbox.mails)
    assert neutral["Subject"] == "Un paso con Riverside Dermatology hasta el sáb 2 may 2026"
    assert "embarazo" not in neutral.as_string()
    assert detailed["Subject"].startswith("Still to do: a step with")
    assert "pregnancy test" in detailed.get_body(("plain",)).get_content()


# ————— failures —————


def test_a_temporary_failure_is_tried_again_after_a_growing_pause(nurse, outbox):
    patient = on_treatment(nurse)
    moment = outbox.clock.set(GENTLE)
    outbox.answer = temporary
    assert run(outbox) == {"failed": 1}
    first = rows(patient)[0]
    pause = first.next_try_at - moment
    assert dt.timedelta(minutes=5) <= pause <= dt.timedelta(minutes=6, seconds=15)
    assert run(outbox) == {}
    outbox.clock.at = first.next_try_at
    assert run(outbox) == {"failed": 1}
    assert rows(patient)[0].next_try_at - outbox.clock() > pause * 2
    outbox.answer = lambda _message: None
    outbox.clock.at = rows(patient)[0].next_try_at
    assert run(outbox) == {"sent": 1}
    assert len({attempt.message_id for attempt in rows(patient)[0].attempts}) == 1


def test_pauses_differ_by_reminder_and_are_bounded():
    pauses = {sending.pause_after(f"key {number}", 3) for number in range(50)}
    assert len(pauses) > 20
    assert max(sending.pause_after("key", tries) for tries in range(1, 9)) <= (
        sending.LONGEST_PAUSE * 1.25
    )


def test_a_permanent_failure_is_dead_and_shown_at_once(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(GENTLE)
    outbox.answer = permanent
    assert run(outbox) == {"dead": 1}
    row = rows(patient)[0]
    assert (row.state.value, row.state_reason) == ("dead", "550 No such user")
    outbox.clock.at += dt.timedelta(days=3)
    assert run(outbox) == {}


def test_after_too_many_temporary_failures_it_is_given_up_visibly(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(GENTLE)
    outbox.answer = temporary
    for _ in range(30):
        run(outbox)
        row = rows(patient)[0]
        if row.state.value == "dead":
            break
        outbox.clock.at = row.next_try_at or outbox.clock.at
    assert row.state.value == "dead"
    assert row.tries <= sending.MOST_TRIES


def test_a_server_that_is_away_stops_the_run_and_does_not_count_as_a_try(nurse, outbox):
    people = [on_treatment(nurse) for _ in range(3)]
    outbox.clock.set(GENTLE)
    outbox.answer = away
    assert run(outbox) == {"failed": 1}
    firsts = [rows(patient)[0] for patient in people]
    assert [row.state.value for row in firsts] == ["failed", "planned", "planned"]
    assert [row.tries for row in firsts] == [0, 0, 0]
    outbox.answer = lambda _message: None
    outbox.clock.at += dt.timedelta(minutes=10)
    assert run(outbox) == {"sent": 3}


def test_one_bad_letter_does_not_hold_up_the_others(nurse, outbox):
    good, bad = on_treatment(nurse), on_treatment(nurse)
    change(bad, email="not an address")
    outbox.clock.set(GENTLE)
    assert run(outbox) == {"sent": 1, "dead": 1}
    assert (states(good)["gentle"], states(bad)["gentle"]) == ("sent", "dead")


def test_a_crash_before_the_mark_doubles_at_most_that_one_under_the_same_id(nurse, outbox):
    people = [on_treatment(nurse) for _ in range(3)]
    outbox.clock.set(GENTLE)

    def killed() -> None:
        raise Killed

    outbox.after = killed
    with pytest.raises(Killed):
        run(outbox)
    outbox.after = lambda: None
    assert run(outbox) == {"sent": 2}  # the others do not wait for the claim to end
    outbox.clock.at += sending.CLAIM_FOR
    assert run(outbox) == {"sent": 1}
    assert len(outbox.mails) == 4
    assert len(set(outbox.ids)) == 3
    assert {states(patient)["gentle"] for patient in people} == {"sent"}
    notes = [text for patient in people for text in said(rows(patient)[0])]
    assert sending.INTERRUPTED in notes


def test_a_crash_before_the_sending_loses_nothing(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(GENTLE)

    def killed(_message: object) -> None:
        raise Killed

    outbox.answer = killed
    with pytest.raises(Killed):
        run(outbox)
    outbox.answer = lambda _message: None
    outbox.clock.at += sending.CLAIM_FOR
    assert run(outbox) == {"sent": 1}
    assert states(patient)["gentle"] == "sent"


def test_a_fault_that_nobody_foresaw_is_a_failed_try_not_a_lost_run(nurse, outbox):
    first, second = on_treatment(nurse), on_treatment(nurse)
    outbox.clock.set(GENTLE)
    faults = [KeyError("Amara Okafor")]

    def once(_message: object) -> None:
        if faults:
            raise faults.pop()

    outbox.answer = once
    assert run(outbox) == {"failed": 1, "sent": 1}
    assert (states(first)["gentle"], states(second)["gentle"]) == ("failed", "sent")
    assert rows(first)[0].state_reason == "It could not be prepared or sent (KeyError)."


def test_a_letter_that_kills_every_worker_is_given_up_in_the_end(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(GENTLE)

    def killed(_message: object) -> None:
        raise Killed

    outbox.answer = killed
    for _ in range(sending.MOST_TRIES):
        with pytest.raises(Killed):
            run(outbox)
        outbox.clock.at += sending.CLAIM_FOR
    assert run(outbox) == {"dead": 1}
    assert states(patient)["gentle"] == "dead"


def test_what_is_out_of_date_cannot_be_tried_again(nurse, outbox):
    patient = on_treatment(nurse)
    outbox.clock.set(dt.date(2026, 5, 4))
    run(outbox)
    with pytest.raises(Conflict, match="call the patient"), transaction() as session:
        sending.retry(session, nurse, rows(patient)[-1].id, outbox.clock())


def test_two_workers_cannot_both_claim(nurse, outbox):
    patient = on_treatment(nurse)
    moment = outbox.clock.set(GENTLE)
    reminder_id = rows(patient)[0].id
    claims = []
    for owner in ("one", "two"):
        with transaction() as session:
            claims.append(sending.claim(session, reminder_id, owner, moment))
    assert claims == [True, False]


def test_what_went_out_counts_as_sent_also_when_the_claim_was_taken_over(nurse, outbox):
    patient = on_treatment(nurse)
    moment = outbox.clock.set(GENTLE)
    reminder_id = rows(patient)[0].id
    with transaction() as session:
        sending.claim(session, reminder_id, "slow", moment)
    with transaction() as session:
        sending.claim(session, reminder_id, "other", moment + sending.CLAIM_FOR)
    with transaction() as session:
        sending.mark_sent(session, reminder_id, "Taken.", "<id@x>", moment)
    with transaction() as session:
        sending.mark_failed(session, reminder_id, "slow", "450", moment)
    assert rows(patient)[0].state.value == "sent"


def test_a_person_may_have_it_tried_again_only_at_the_own_clinic(nurse, outbox):
    patient = on_treatment(nurse)
    stranger = world.a_user(world.a_clinic("lakeside"))
    outbox.clock.set(GENTLE)
    outbox.answer = permanent
    run(outbox)
    reminder_id = rows(patient)[0].id
    with pytest.raises(NotFound), transaction() as session:
        sending.retry(session, stranger, reminder_id, outbox.clock())
    with transaction() as session:
        sending.retry(session, nurse, reminder_id, outbox.clock())
    outbox.answer = lambda _message: None
    assert run(outbox) == {"sent": 1}
    with pytest.raises(Conflict), transaction() as session:
        sending.retry(session, nurse, reminder_id, outbox.clock())


def test_two_workers_at_once_send_each_reminder_once(app, nurse):
    people = [on_treatment(nurse) for _ in range(8)]
    boxes = [Remembering(Clock(Clock().set(GENTLE))) for _ in range(2)]
    start = threading.Barrier(2)

    def work(outbox: Remembering) -> None:
        with app.app_context():
            start.wait()
            run(outbox)
            db.session.remove()

    workers = [threading.Thread(target=work, args=(box,)) for box in boxes]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sent = boxes[0].ids + boxes[1].ids
    assert len(sent) == len(set(sent)) == 8
    assert {states(patient)["gentle"] for patient in people} == {"sent"}


# ————— the morning digest —————


def plan_digests(now: dt.datetime) -> int:
    with transaction() as session:
        return reminders.plan_digests(session, now)


def test_everybody_clinical_gets_one_digest_a_day_of_counts(nurse, outbox):
    clinic = nurse.clinic_id
    world.a_user(clinic, Role.MANAGER, "Mia Manager")
    world.a_user(clinic, Role.PHARMACIST, "Phil Pharmacist")
    world.a_patient(nurse, mrn="SECRET-1", family_name="Verysecret")
    morning = outbox.clock.set(dt.date(2026, 4, 3), 6)
    assert [plan_digests(morning), plan_digests(morning)] == [2, 0]
    outbox.clock.set(dt.date(2026, 4, 3), 7, 1)
    tally = run(outbox)
    assert tally["sent"] + tally["skipped"] == 2
    for _, message in outbox.mails:
        text = message.as_string()
        assert "Riverside" in str(message["Subject"])
        assert "SECRET" not in text
        assert "Verysecret" not in text


def test_who_works_at_two_clinics_gets_one_digest_with_both(nurse, outbox):
    from compliance.models import Clinic, Membership

    other = world.a_clinic("lakeside", name="Lakeside Dermatology")
    with transaction() as session:
        session.add(Membership(user_id=nurse.user_id, clinic_id=other, role=Role.NURSE))
        assert session.get(Clinic, other) is not None
    morning = outbox.clock.set(dt.date(2026, 4, 3), 6)
    assert plan_digests(morning) == 1


def test_a_digest_is_declined_also_after_it_was_planned(nurse, outbox):
    morning = outbox.clock.set(dt.date(2026, 4, 3), 6)
    assert plan_digests(morning) == 1
    with transaction() as session:
        session.get_one(User, nurse.user_id).wants_digest = False
    outbox.clock.set(dt.date(2026, 4, 3), 7)
    assert run(outbox) == {"skipped": 1}


def test_a_morning_on_which_nothing_waits_is_skipped_with_the_reason(nurse, outbox):
    plan_digests(outbox.clock.set(dt.date(2026, 4, 3), 6))
    outbox.clock.set(dt.date(2026, 4, 3), 7)
    assert run(outbox) == {"skipped": 1}
    assert rows()[0].state_reason == "Nothing waited for anybody that morning."


def test_no_digest_on_a_closed_day(nurse):
    saturday = Clock().set(dt.date(2026, 4, 4), 6)
    plan_digests(saturday)
    assert [row.obligation for row in rows()] == ["day:2026-04-06"]


def test_attempts_belong_to_their_reminder(nurse, outbox):
    on_treatment(nurse)
    outbox.clock.set(GENTLE)
    run(outbox)
    assert db.session.scalars(select(DeliveryAttempt)).one().reminder.state.value == "sent"
