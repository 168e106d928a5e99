"""Mails over a real server and into files: taken once, or refused with what it means."""

from __future__ import annotations

import dataclasses
import datetime as dt
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from compliance.mail.errors import Undelivered
from compliance.mail.messages import Sender, message_id, message_of
from compliance.mail.outbox import FileOutbox, open_outbox
from compliance.mail.smtp import SmtpOutbox
from compliance.rules.reminders import ReminderKind, Rung
from compliance.services.letters import Letter
from tests.mail.servers import Keeper, mail_server, tls_contexts
from tests.servers import free_port

NOW = dt.datetime(2026, 4, 2, 14, 0, tzinfo=dt.UTC)
SENDER = Sender("clinic@example.org", "https://clinic.example.org", "a secret of tests")


def a_letter(**changes: object) -> Letter:
    values: dict[str, object] = {
        "reminder_id": 1,
        "key": "7|test-due|monthly-test:2026-04-09|gentle|patient:ab12",
        "kind": ReminderKind.TEST_DUE,
        "rung": Rung.GENTLE,
        "to": "amara@example.org",
        "language": "en",
        "detailed": False,
        "clinic": "Riverside Dermatology",
        "clinic_phone": "555-0100",
        "clinic_email": "desk@example.org",
        "first": dt.date(2026, 4, 3),
        "by": dt.date(2026, 4, 9),
        **changes,
    }
    return Letter(**values)  # type: ignore[arg-type]


def a_message(**changes: object):
    return message_of(a_letter(**changes), SENDER, NOW)


def refusal(outbox, **changes: object) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        outbox.deliver(a_message(**changes))
    return caught.value


def test_a_mail_arrives_with_both_bodies_and_accents_intact():
    keeper = Keeper()
    with mail_server(keeper) as place, SmtpOutbox(f"smtp://{place}") as outbox:
        outbox.deliver(a_message(language="es", clinic="Clínica Señor Núñez"))
    (mail,) = keeper.mails
    assert mail["Subject"] == "Un paso con Clínica Señor Núñez hasta el jue 9 abr 2026"
    assert mail["From"].addresses[0].display_name == "Clínica Señor Núñez"
    assert mail["Reply-To"] == "desk@example.org"
    assert mail["Content-Language"] == "es"
    assert mail["Auto-Submitted"] == "auto-generated"
    bodies, day = mail.iter_parts()
    assert [part.get_content_type() for part in bodies.iter_parts()] == ["text/plain", "text/html"]
    assert (day.get_content_type(), day.get_filename()) == ("text/calendar", "day.ics")
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert "Tiene un paso que completar con su clínica hasta el jue 9 abr 2026." in (
        plain.get_content()
    )


def test_one_connection_serves_many_mails():
    keeper = Keeper()
    with mail_server(keeper) as place, SmtpOutbox(f"smtp://{place}") as outbox:
        for number in range(20):
            outbox.deliver(a_message(to=f"patient{number}@example.org"))
    assert (len(keeper.mails), keeper.connections) == (20, 1)


def test_a_server_that_ends_each_connection_after_a_few_mails_gets_them_all():
    keeper = Keeper()
    keeper.most_a_connection = 3
    with mail_server(keeper) as place, SmtpOutbox(f"smtp://{place}") as outbox:
        for number in range(7):
            outbox.deliver(a_message(to=f"patient{number}@example.org"))
    assert (len(keeper.mails), keeper.connections) == (7, 3)


def test_a_mail_on_which_the_line_goes_dead_fails_alone_and_a_second_in_a_row_stops_the_run(
    monkeypatch,
):
    monkeypatch.setattr("compliance.mail.smtp.TIMEOUT", 0.3)
    keeper = Keeper()
    keeper.silent_on = {"one@example.org", "two@example.org"}
    with mail_server(keeper) as place, SmtpOutbox(f"smtp://{place}") as outbox:
        first = refusal(outbox, to="one@example.org")
        outbox.deliver(a_message())
        again = refusal(outbox, to="one@example.org")
        second = refusal(outbox, to="two@example.org")
    assert (first.for_good, first.server_wide) == (False, False)
    assert (again.server_wide, second.server_wide) == (False, True)
    assert keeper.recipients == ["amara@example.org"]


def test_it_signs_in_with_the_decoded_password():
    keeper = Keeper()
    url = "smtp://clinic:p%40ss%3Aword@"
    with mail_server(keeper, "p@ss:word") as place, SmtpOutbox(url + place) as outbox:
        outbox.deliver(a_message())
    assert len(keeper.mails) == 1


def test_a_wrong_password_is_our_own_fault_and_stops_the_run():
    with mail_server(Keeper(), "right") as place, SmtpOutbox(f"smtp://c:wrong@{place}") as outbox:
        failure = refusal(outbox)
    assert "refused the sign-in" in failure.detail
    assert (failure.for_good, failure.server_wide) == (False, True)


@pytest.mark.parametrize(
    ("answer", "for_good"),
    [
        ("450 4.2.0 Greylisted, try again later", False),
        ("451 4.7.1 Greylisted, come back in five minutes", False),
        ("452 4.2.2 Mailbox full", False),
        ("552 5.2.2 Mailbox full", False),
        ("552 Requested mail action aborted: exceeded storage allocation", False),
        ("552 5.3.4 Message too big", True),
        ("554 5.7.1 Listed by a block list", False),
        ("550 5.1.1 No such user", True),
        ("550 5.7.1 Relaying denied", False),
        ("530 5.7.0 Sign in first", False),
    ],
)
def test_a_refused_address_is_told_apart_and_the_next_mail_still_goes(answer, for_good):
    keeper = Keeper()
    keeper.answers["gone@example.org"] = answer
    with mail_server(keeper) as place, SmtpOutbox(f"smtp://{place}") as outbox:
        failure = refusal(outbox, to="gone@example.org")
        outbox.deliver(a_message())
    assert answer[:3] in failure.detail
    assert (failure.for_good, failure.server_wide) == (for_good, False)
    assert keeper.recipients == ["amara@example.org"]


def test_a_refused_content_is_told_apart_too():
    keeper = Keeper()
    keeper.data_answer = "554 5.6.0 Not like this"
    with mail_server(keeper) as place, SmtpOutbox(f"smtp://{place}") as outbox:
        failure = refusal(outbox)
    assert "554" in failure.detail
    assert failure.for_good


def test_what_is_written_down_of_a_refusal_holds_no_address():
    keeper = Keeper()
    keeper.answers["gone@example.org"] = "550 5.1.1 <gone@example.org>: unknown"
    with mail_server(keeper) as place, SmtpOutbox(f"smtp://{place}") as outbox:
        failure = refusal(outbox, to="gone@example.org")
    assert "gone" not in failure.detail


def test_a_server_that_is_away_stops_the_run_and_costs_no_mail():
    with SmtpOutbox(f"smtp://127.0.0.1:{free_port()}") as outbox:
        failure = refusal(outbox)
    assert "cannot be reached" in failure.detail
    assert (failure.for_good, failure.server_wide) == (False, True)


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_over_tls_it_signs_in_and_delivers(scheme: str):
    keeper, (server_side, client_side) = Keeper(), tls_contexts()
    with mail_server(keeper, "right", server_side, implicit=scheme == "smtps") as place:
        port = place.rpartition(":")[2]
        outbox = SmtpOutbox(f"{scheme}://clinic:right@localhost:{port}", client_side)
        with outbox:
            outbox.deliver(a_message())
    assert len(keeper.mails) == 1


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_to_a_server_without_a_trusted_certificate_nothing_is_sent(scheme: str):
    keeper, (server_side, _) = Keeper(), tls_contexts()
    with mail_server(keeper, "right", server_side, implicit=scheme == "smtps") as place:
        port = place.rpartition(":")[2]
        failure = refusal(SmtpOutbox(f"{scheme}://clinic:right@localhost:{port}"))
    assert failure.server_wide
    assert keeper.mails == []


def test_a_server_that_offers_no_tls_gets_no_password_and_no_mail():
    keeper = Keeper()
    with mail_server(keeper) as place, SmtpOutbox(f"smtp+starttls://c:right@{place}") as outbox:
        failure = refusal(outbox)
    assert (failure.for_good, failure.server_wide) == (False, True)
    assert keeper.mails == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("smtp://user:secret@mail.example.org", "password with smtp://"),
        ("http://mail.example.org", "found http"),
        ("smtp://", "allowed"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_the_password(url, said):
    with pytest.raises(ValueError, match=said) as caught:
        SmtpOutbox(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@", "@b", "two words@x.org", "a@x.org\nBcc: b@x.org"]
)
def test_an_address_that_is_none_fails_for_good(address):
    with pytest.raises(Undelivered) as caught:
        a_message(to=address)
    assert caught.value.for_good


def test_without_a_server_each_mail_is_one_file_however_often_it_is_written(tmp_path: Path):
    with open_outbox("", tmp_path / "mail") as outbox:
        said = outbox.deliver(a_message())
        outbox.deliver(a_message())
        outbox.deliver(a_message(key="another"))
    files = sorted((tmp_path / "mail").iterdir())
    assert {file.suffix for file in files} == {".eml"}
    assert len(files) == 2
    assert "nothing left the building" in said
    mail = message_from_bytes(files[0].read_bytes(), policy=policy.default)
    assert mail["To"] == "amara@example.org"


def test_a_file_that_cannot_be_finished_leaves_nothing_behind(tmp_path: Path):
    class Broken:
        def __getitem__(self, name: str) -> str:
            return "<a@b>"

        def as_bytes(self) -> bytes:
            raise RuntimeError

    with FileOutbox(tmp_path / "mail") as outbox, pytest.raises(RuntimeError):
        outbox.deliver(Broken())  # type: ignore[arg-type]
    assert list((tmp_path / "mail").iterdir()) == []


def test_every_mail_says_how_to_get_no_more_and_that_a_machine_wrote_it():
    mail = a_message()
    assert mail["List-Unsubscribe"] == "<mailto:desk@example.org?subject=unsubscribe>"
    assert mail["List-Unsubscribe-Post"] is None  # one click needs an address to post to
    assert (mail["Auto-Submitted"], mail["Precedence"]) == ("auto-generated", "bulk")
    page = "https://clinic.example.org/my/abc/stop"
    mail = a_message(unsubscribe=page)
    assert str(mail["List-Unsubscribe"]).startswith(f"<{page}>, <mailto:")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_message_id_cannot_be_made_without_the_secret_of_the_installation():
    key = a_letter().key
    other = dataclasses.replace(SENDER, secret="another installation")
    assert message_id(key, SENDER) != message_id(key, other)


def test_the_message_id_is_the_same_for_a_resend_and_says_nothing():
    first, again = a_message(), a_message()
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"] != message_id("another", SENDER)
    assert "test" not in first["Message-ID"]
    assert first["Message-ID"].endswith("@example.org>")


def test_a_name_with_a_line_break_cannot_add_a_header():
    message = a_message(clinic="Riverside\r\nBcc: other@example.org")
    assert message["Bcc"] is None
