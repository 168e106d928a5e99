"""Each mail to a patient leads to the patient's own page, and ends the reminders with one click."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from compliance.db import db
from compliance.mail.delivery import send_due
from compliance.models import AuditEvent, PatientLink
from compliance.services.actors import Actor
from compliance.services.patient_links import digest_of
from tests.services.reminding import SENDER, Clock, Remembering, on_treatment
from tests.world import a_clinic, a_user

PAGE = re.compile(r"https://clinic\.example\.org/p/([\w-]{43})")


@pytest.fixture
def nurse(app: Flask) -> Actor:
    return a_user(a_clinic(phone="+1 555 0100", email="desk@example.org"))


@pytest.fixture
def mails(app: Flask, nurse: Actor) -> list[Any]:
    clock = Clock()
    on_treatment(nurse)
    outbox = Remembering(clock)
    for _ in range(40):
        clock.at += dt.timedelta(days=1)
        send_due(outbox, SENDER, clock)
    return [message for _, message in outbox.mails]


def bodies(mail: Any) -> list[str]:
    return [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]


def test_a_mail_holds_its_own_link_of_which_only_the_digest_is_kept(mails: list[Any]) -> None:
    assert len(mails) > 1
    tokens = [PAGE.search(mail.get_body(("plain",)).get_content()).group(1) for mail in mails]
    assert len(set(tokens)) == len(tokens)
    kept = set(db.session.scalars(select(PatientLink.digest)))
    assert kept == {digest_of(token) for token in tokens}
    for token in tokens:
        assert db.session.scalar(select(PatientLink).where(PatientLink.digest == token)) is None
    made = select(AuditEvent.action).where(AuditEvent.action == "patient-link.made")
    assert len(list(db.session.scalars(made))) == len(tokens)


def test_both_bodies_lead_to_the_same_page_and_one_click_ends_the_mails(mails: list[Any]) -> None:
    for mail in mails:
        plain, html = (
            PAGE.search(mail.get_body((kind,)).get_content()).group(1) for kind in ("plain", "html")
        )
        assert plain == html
        stop = f"<https://clinic.example.org/p/{plain}/stop>"
        assert mail["List-Unsubscribe"].startswith(stop)
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_calendar_day_is_as_neutral_as_the_mail_and_the_same_for_each_rung(
    mails: list[Any],
) -> None:
    days = [part for mail in mails for part in mail.iter_attachments()]
    assert len(days) == len(mails)
    said = [day.get_content() for day in days]
    assert all("SUMMARY:A step with Riverside Dermatology" in text for text in said)
    entries = {
        (re.search(r"UID:(\S+)", text).group(1), re.search(r"DTSTART\S+", text).group())
        for text in said
    }
    assert len(entries) < len(said)
    assert not re.search("pregnan|contracep|isotretin", "".join(said), re.I)
