"""The page and the commands of reminders."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import pytest
import time_machine

from compliance.cli.reminders import reminders as command
from compliance.db import db, transaction
from compliance.models import JobRun, Role, User
from compliance.scheduler import send as send_mails
from compliance.services import bounces
from tests import world
from tests.journeys.person import TOKEN, Person, text_of
from tests.services.reminding import (
    Clock,
    Remembering,
    on_treatment,
    permanent,
    rows,
    run,
    temporary,
)

GENTLE = Clock().set(dt.date(2026, 4, 24))


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic(phone="555-0100"))


@pytest.fixture
def person(app, nurse):
    return Person(app, world.email_of(db.session, nurse))


def send_with(answer, now: dt.datetime = GENTLE) -> None:
    outbox = Remembering(Clock(now))
    outbox.answer = answer
    run(outbox)


def post(person: Person, address: str, /, **fields: str):
    token = TOKEN.search(person.client.get("/reminders").get_data(as_text=True)).group(1)
    return person.client.post(address, data={"csrf_token": token, **fields})


@time_machine.travel(world.NOW, tick=False)
def test_the_page_lists_what_is_planned_and_says_that_nothing_leaves(person, nurse, config):
    person.sign_in()
    on_treatment(nurse)
    page = person.read("/reminders")
    assert "Nothing leaves the building" in page
    assert str(config.mail_dir) in page
    assert "24 Apr 2026, 10:00 Eastern" in page
    assert "Pregnancy test due (first reminder) by Sat 2 May 2026" in page
    assert "The schedule is not running" in page


@time_machine.travel(world.NOW, tick=False)
def test_a_living_schedule_and_a_failing_job_are_shown(person):
    person.sign_in()
    with transaction() as session:
        session.add(
            JobRun(name="heartbeat", started_at=world.NOW, finished_at=world.NOW, succeeded=True)
        )
        session.add(
            JobRun(name="reminders", started_at=world.NOW, succeeded=False, failures=3,
                   detail="KeyError at smtp.py:1")
        )  # fmt: skip
    page = person.read("/reminders")
    assert "The schedule is not running" not in page
    assert "The job “reminders” failed" in page
    assert "3 times in a row" in page


@time_machine.travel(GENTLE, tick=False)
def test_a_mail_that_became_a_file_is_not_called_sent(person, nurse, config):
    person.sign_in()
    on_treatment(nurse)
    send_mails(config, lambda: GENTLE)
    page = person.read("/reminders?show=sent")
    assert "Written to a file" in page
    assert "nothing left the building" in page


@time_machine.travel(GENTLE, tick=False)
def test_what_could_not_be_sent_shows_the_try_and_the_telephone_and_can_be_tried_again(
    person, nurse
):
    person.sign_in()
    patient = on_treatment(nurse, phone="555-0199")
    send_with(permanent)
    page = person.read("/reminders?show=failed")
    assert "550 No such user" in page
    assert "Call 555-0199" in page
    answer = post(person, f"/reminders/{rows(patient)[0].id}/again")
    assert answer.status_code == 302
    assert rows(patient)[0].state.value == "failed"


@time_machine.travel(GENTLE, tick=False)
def test_a_temporary_failure_says_that_it_will_be_tried_again(person, nurse):
    person.sign_in()
    on_treatment(nurse)
    send_with(temporary)
    assert "Will be tried again" in person.read("/reminders?show=failed")


@time_machine.travel(GENTLE, tick=False)
def test_who_was_skipped_stands_there_with_the_reason(person, nurse):
    person.sign_in()
    on_treatment(nurse, email="")
    send_with(lambda _message: None)
    page = person.read("/reminders?show=skipped")
    assert "There is no e-mail address for this patient." in page


@time_machine.travel(GENTLE, tick=False)
def test_another_clinic_sees_and_touches_nothing_of_ours(app, nurse):
    patient = on_treatment(nurse)
    send_with(permanent)
    stranger = Person(app)
    stranger.sign_in(world.email_of(db.session, world.a_user(world.a_clinic("lakeside"))))
    assert "Okafor" not in stranger.read("/reminders?show=failed")
    answer = post(stranger, f"/reminders/{rows(patient)[0].id}/again")
    assert answer.status_code == 404
    assert rows(patient)[0].state.value == "dead"


@time_machine.travel(GENTLE, tick=False)
def test_a_sent_reminder_cannot_be_sent_again(person, nurse):
    person.sign_in()
    patient = on_treatment(nurse)
    send_with(lambda _message: None)
    assert post(person, f"/reminders/{rows(patient)[0].id}/again").status_code == 409


def test_one_turns_ones_own_digest_off_and_on(person, nurse):
    person.sign_in()
    for choice, wanted in (("no", False), ("yes", True)):
        answer = post(person, "/reminders/digest", wanted=choice)
        assert answer.status_code == 302, text_of(answer)
        db.session.rollback()
        db.session.expire_all()
        assert db.session.get_one(User, nurse.user_id).wants_digest is wanted


def test_a_pharmacist_has_no_reminders_page(app, nurse):
    pharmacist = Person(app)
    user = world.a_user(nurse.clinic_id, Role.PHARMACIST)
    pharmacist.sign_in(world.email_of(db.session, user))
    assert pharmacist.client.get("/reminders").status_code == 403


@time_machine.travel(world.NOW, tick=False)
def test_the_command_shows_what_would_go_out_and_why(app, nurse):
    patient = on_treatment(nurse, mrn="T-77")
    runner = app.test_cli_runner()
    shown = runner.invoke(command, ["plan", "--patient", "T-77", "--days", "30"])
    assert re.search(
        r"2026-04-24 10:00  T-77\s+test-due \(gentle\): monthly-test:2026-05-02, by 2 May 2026",
        shown.output,
    ), shown.output
    assert "3 planned for the next 30 days." in shown.output
    assert Counter(row.kind for row in rows(patient)) == {"test-due": 3, "labs": 2}
    near = runner.invoke(command, ["plan", "--patient", "T-77", "--days", "1"])
    assert "0 planned" in near.output


@time_machine.travel(GENTLE, tick=False)
def test_the_command_sends_once(app, nurse, config):
    on_treatment(nurse)
    runner = app.test_cli_runner()
    assert runner.invoke(command, ["send"]).output == "1 sent\n"
    assert runner.invoke(command, ["send"]).output == "Nothing was due.\n"
    assert len(list(config.mail_dir.glob("*.eml"))) == 1


@time_machine.travel(GENTLE, tick=False)
def test_mail_that_came_back_asks_for_another_address_and_shows_the_phone(person, nurse):
    patient = on_treatment(nurse, phone="555-0142")
    outbox = Remembering(Clock(GENTLE))
    run(outbox)
    with transaction() as session:
        report = bounces.Returned("<r@mx>", outbox.ids[0], "5.1.1", True, True)
        assert bounces.record(session, report, GENTLE) == "recorded"
    person.sign_in()
    page = person.read("/reminders?show=failed")
    assert "It came back: the address does not take mail (5.1.1)." in page
    assert "Call 555-0142" in page
    assert "Another address" in page
    address = f"/reminders/{rows(patient)[0].id}/address"
    assert post(person, address, address="new@example.org").status_code == 302
    assert "Another address" not in person.read("/reminders?show=failed")
    assert rows(patient)[0].patient.email == "new@example.org"
