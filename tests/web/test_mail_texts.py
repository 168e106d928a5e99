"""The pages that show what each mail says."""

from __future__ import annotations

import re

import pytest

from compliance.db import db
from compliance.mail.messages import Sender, access_message
from compliance.mail.texts import languages
from compliance.models import Clinic, Role
from compliance.rules.reminders import PATIENT_KINDS, STAFF_KINDS
from tests.journeys.person import Person
from tests.world import NOW, a_clinic, a_user, email_of


@pytest.fixture
def person(app) -> Person:
    clinic_id = a_clinic(settings={"closing_lines": ["The Riverside team", "Mondays 9 to 5"]})
    person = Person(app, email_of(db.session, a_user(clinic_id, Role.ADMINISTRATOR)))
    person.sign_in()
    return person


def test_every_mail_in_every_language_and_wording_has_its_page(person):
    page = person.client.get("/administration/mails").get_data(as_text=True)
    links = re.findall(r'href="(/administration/mails/[^"]+)"', page)
    assert len(links) == (len(PATIENT_KINDS) * 2 + len(STAFF_KINDS)) * len(languages())
    for link in links:
        assert person.client.get(link).status_code == 200, link
        assert person.client.get(f"{link}/page").status_code == 200, link


def test_the_clinics_closing_lines_stand_in_both_bodies(person):
    address = "/administration/mails/test-due/en/neutral"
    assert "The Riverside team\nMondays 9 to 5" in person.client.get(address).text
    assert "The Riverside team<br>Mondays 9 to 5" in person.client.get(f"{address}/page").text


def test_the_framed_mail_may_run_nothing_and_only_our_page_frames_it(person):
    address = "/administration/mails/step/en/neutral"
    assert person.client.get(address).status_code == 404
    address = "/administration/mails/final-test/es/detailed"
    framed = person.client.get(f"{address}/page").headers["Content-Security-Policy"]
    assert framed.endswith("frame-ancestors 'self'; sandbox")
    assert framed.startswith("default-src 'none'")
    around = person.client.get(address).headers["Content-Security-Policy"]
    assert "frame-src 'self'" in around
    assert "frame-ancestors 'none'" in around
    assert 'sandbox title="The mail as a page"' in person.client.get(address).text


@pytest.mark.parametrize(("language", "subject"), [("en", "Your access at"), ("es", "Su acceso a")])
def test_a_link_for_a_password_is_mailed_in_the_clinics_language(app, language, subject):
    clinic = db.session.get(Clinic, a_clinic(language=language, email="desk@example.org"))
    link = "https://clinic.example.org/set-password/abc"
    sender = Sender("us@example.org", "", "a secret of tests")
    message = access_message("nia@example.org", clinic, link, "key", sender, NOW)
    assert message["Subject"] == f"{subject} Riverside Dermatology"
    assert message["Reply-To"] == "desk@example.org"
    for part in ("plain", "html"):
        assert link in message.get_body((part,)).get_content()
