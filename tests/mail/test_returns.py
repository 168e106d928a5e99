"""Mail that came back: read once from a real mailbox, matched by our Message-ID, shown to staff."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.mail.mailbox import MailboxFault
from compliance.mail.reports import read_report
from compliance.mail.returns import read_bounces
from compliance.models import Bounce, Clinic, Patient
from compliance.services import bounces
from compliance.services.errors import Invalid, NotFound
from compliance.services.silences import Scope
from compliance.services.silent_patients import undeliverable
from tests import world
from tests.mail.mailboxes import Box, mailbox
from tests.mail.servers import tls_contexts
from tests.services.reminding import Clock, Remembering, on_treatment, rows, run

GENTLE, FIRM = dt.date(2026, 4, 24), dt.date(2026, 4, 29)
OURS = "<" + "ab" * 20 + "@example.org>"


def report(
    about: str = OURS,
    action: str = "failed",
    status: str = "5.1.1",
    report_id: str = "<report-1@mx.example.net>",
    original: str = "message/rfc822",
) -> bytes:
    """A delivery report as RFC 3464 has it."""
    headers = f"From: clinic@example.org\nTo: amara@example.org\nMessage-ID: {about}\nSubject: A"
    return f"""Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: clinic@example.org
Message-ID: {report_id}
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I could not deliver your message. amara@example.org: user unknown

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; amara@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <amara@example.org> unknown

--b
Content-Type: {original}

{headers}

Hello
--b--
""".replace("\n", "\r\n").encode()


def plain(about: str = OURS, code: str = "550 5.1.1", sender: str = "MAILER-DAEMON@old.example"):
    return f"""From: {sender}
To: clinic@example.org
Message-ID: <plain-1@old.example>
Subject: failure notice

Hi. This is the program at old.example. I have given up.
<amara@example.org>: {code} no such user

--- Below this line is a copy of the message.

From: clinic@example.org
Message-ID: {about}
Subject: A step
""".replace("\n", "\r\n").encode()


@pytest.mark.parametrize("original", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_names_the_mail_and_what_became_of_it(original):
    found = read_report(report(original=original))
    assert found == bounces.Returned("<report-1@mx.example.net>", OURS, "5.1.1", True, True)


@pytest.mark.parametrize(
    ("action", "status", "final", "permanent"),
    [
        ("failed", "5.1.1", True, True),
        ("failed", "5.2.1", True, True),
        ("failed", "5.2.2", True, False),  # full
        ("failed", "5.7.1", True, False),  # refused for reasons of policy
        ("failed", "4.4.7", True, False),  # given up after days
        ("delayed", "4.4.1", False, False),
    ],
)
def test_what_will_not_arrive_and_an_address_that_is_no_more_are_told_apart(
    action, status, final, permanent
):
    found = read_report(report(action=action, status=status))
    assert found is not None
    assert (found.final, found.permanent) == (final, permanent)


def test_a_report_that_it_was_delivered_is_none():
    assert read_report(report(action="delivered", status="2.0.0")) is None


def test_a_report_for_people_is_read_by_the_message_id_in_its_body():
    found = read_report(plain())
    assert found is not None
    assert (found.about, found.status, found.permanent) == (OURS, "5.1.1", True)
    old = read_report(plain(code="550"))
    assert old is not None
    assert (old.status, old.permanent) == ("5.0.0", True)


@pytest.mark.parametrize(
    "raw",
    [
        plain(sender="amara@example.org"),  # a reply that quotes our mail
        plain(about="<their-own@example.net>"),
        report(about="<their-own@example.net>"),
        b"From: someone@example.org\r\nSubject: Hello\r\n\r\n550 5.1.1\r\n",
        b"",
        b"\xff\xfe not a mail at all",
    ],
)
def test_what_is_no_report_about_a_mail_of_ours_is_never_guessed_at(raw):
    assert read_report(raw) is None


# --- from the mailbox to the board ------------------------------------------


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic())


@pytest.fixture
def outbox():
    return Remembering(Clock())


def sent_to(nurse, outbox) -> tuple[int, str]:
    """A patient whose first reminder went out, and its Message-ID."""
    patient = on_treatment(nurse)
    outbox.clock.set(GENTLE)
    run(outbox)
    return patient, outbox.ids[-1]


def board(nurse, clock) -> list[str]:
    db.session.rollback()
    scope = Scope(db.session.get_one(Clinic, nurse.clinic_id), clock(), None)
    return [item.reason for item in undeliverable(db.session(), scope).silences]


def test_an_address_that_takes_no_mail_marks_the_reminder_and_stands_on_the_board(nurse, outbox):
    patient, message_id = sent_to(nurse, outbox)
    assert board(nurse, outbox.clock) == []
    box = Box()
    number = box.add(report(message_id))
    with mailbox(box) as url:
        assert read_bounces(url, outbox.clock) == {"recorded": 1}
    row = rows(patient)[0]
    assert row.state.value == "dead"
    assert row.state_reason == "It came back: the address does not take mail (5.1.1)."
    assert "amara" not in db.session.scalars(select(Bounce)).one().detail
    assert box.seen == {number}
    assert board(nurse, outbox.clock) == [
        "The address does not take mail: the newest was given up, or came back."
    ]


def test_over_tls_each_report_counts_once_however_often_it_is_read_or_sent(nurse, outbox):
    _, message_id = sent_to(nurse, outbox)
    box, (server_side, client_side) = Box(), tls_contexts()
    box.add(report(message_id))
    box.add(report(message_id))  # the same report, delivered twice
    with mailbox(box, server_side) as url:
        assert read_bounces(url, outbox.clock, client_side) == {"recorded": 1, "known": 1}
        assert read_bounces(url, outbox.clock, client_side) == {}
        box.seen.clear()
        box.era = 2  # the mailbox was made anew: its numbers begin again
        assert read_bounces(url, outbox.clock, client_side) == {"known": 2}
    assert len(db.session.scalars(select(Bounce)).all()) == 1


def test_mail_of_people_stays_unread_and_is_not_fetched_again(nurse, outbox):
    box = Box()
    box.add(b"From: amara@example.org\r\nSubject: Thank you\r\n\r\nSee you on Friday\r\n")
    box.add(report("<" + "cd" * 20 + "@example.org>"))  # a mail that no reminder was
    with mailbox(box) as url:
        assert read_bounces(url, outbox.clock) == {"other": 1, "unmatched": 1}
        assert read_bounces(url, outbox.clock) == {}
    assert (box.seen, box.fetched) == (set(), [1, 2])


def test_a_line_that_goes_dead_is_said_and_what_was_left_is_read_the_next_time(nurse, outbox):
    _, message_id = sent_to(nurse, outbox)
    box = Box()
    box.add(report(message_id, "delayed", "4.4.1"))
    box.add(report(message_id, report_id="<report-2@mx.example.net>"))
    box.break_after = 1
    with mailbox(box) as url:
        with pytest.raises(MailboxFault, match="broke off"):
            read_bounces(url, outbox.clock)
        box.break_after = 10
        assert read_bounces(url, outbox.clock) == {"recorded": 1}
    assert box.fetched == [1, 2]


def test_a_wrong_password_is_said_without_it(app, outbox):
    with mailbox(Box()) as url, pytest.raises(MailboxFault) as caught:
        read_bounces(url.replace("p%40ss", "wrong"), outbox.clock)
    assert "cannot be opened" in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_delay_leaves_the_reminder_sent(nurse, outbox):
    patient, message_id = sent_to(nurse, outbox)
    with transaction() as session:
        found = bounces.Returned("<r>", message_id, "4.4.1", False, False)
        bounces.record(session, found, outbox.clock())
    assert rows(patient)[0].state.value == "sent"
    assert board(nurse, outbox.clock) == []


def come_back(message_id: str, outbox: Remembering) -> None:
    with transaction() as session:
        found = bounces.Returned("<r>", message_id, "5.1.1", True, True)
        bounces.record(session, found, outbox.clock())


def test_no_more_mail_goes_to_an_address_until_another_is_entered(nurse, outbox):
    patient, message_id = sent_to(nurse, outbox)
    come_back(message_id, outbox)
    outbox.clock.set(FIRM)
    assert run(outbox)["sent"] == 0
    assert len(outbox.mails) == 1
    dead = [row for row in rows(patient) if row.state.value == "dead"]
    assert dead[-1].state_reason.startswith("Mail to this address came back; call")
    with transaction() as session:
        bounces.correct_address(session, nurse, dead[0].id, "new@example.org", outbox.clock())
    db.session.rollback()
    assert db.session.get_one(Patient, patient).email == "new@example.org"
    assert board(nurse, outbox.clock) == []
    bounce = db.session.scalars(select(Bounce)).one()
    assert (bounce.resolved_at, bounce.resolved_by) == (outbox.clock(), nurse.name)


def test_a_person_may_say_that_the_address_takes_mail_again(nurse, outbox):
    patient, message_id = sent_to(nurse, outbox)
    come_back(message_id, outbox)
    with transaction() as session:
        bounces.resolve(session, nurse, rows(patient)[0].id, outbox.clock())
    outbox.clock.set(FIRM)
    run(outbox)
    assert len(outbox.mails) == 2
    assert board(nurse, outbox.clock) == []


def test_nobody_settles_it_for_another_clinic_or_with_no_address(nurse, outbox):
    patient, message_id = sent_to(nurse, outbox)
    come_back(message_id, outbox)
    stranger, reminder_id = world.a_user(world.a_clinic("lakeside")), rows(patient)[0].id
    with pytest.raises(NotFound), transaction() as session:
        bounces.resolve(session, stranger, reminder_id, outbox.clock())
    with pytest.raises(NotFound), transaction() as session:
        bounces.correct_address(session, stranger, reminder_id, "a@b.org", outbox.clock())
    for wrong in ("", "nobody", "a b@c.org", "@c.org"):
        with pytest.raises(Invalid), transaction() as session:
            bounces.correct_address(session, nurse, reminder_id, wrong, outbox.clock())
