"""A patient's own page over HTTP, without scripts: opened by link and birth date, heard at once."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
import time_machine
from flask import Flask
from PIL import Image
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import (
    AccessLogEntry,
    Clinic,
    Evidence,
    Patient,
    PatientLink,
    PatientStatement,
    Role,
    StoredAssessment,
)
from compliance.rules.facts import read_fact
from compliance.rules.questions import questions_of
from compliance.rules.terms import Potential, Verdict
from compliance.services.actors import Actor
from compliance.services.patient_links import make_link
from compliance.services.recording import record_all
from compliance.web import patient_page as pages
from compliance.web.throttle import Throttle
from tests.journeys.person import Browser, text_of
from tests.world import NOW, a_clinic, a_patient, a_user

BORN = {"day": "2", "month": "4", "year": "1998"}
TOKEN = re.compile(r'name="token" value="([^"]+)"')
GONE = "This link no longer works"


@pytest.fixture(autouse=True)
def _fresh_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "WRONG", Throttle(most=20))


@pytest.fixture
def nurse(app: Flask) -> Actor:
    return a_user(a_clinic(phone="+1 555 0100", email="desk@example.org"), Role.NURSE)


class Telephone:
    """A patient with a link, on a browser without scripts."""

    def __init__(self, app: Flask, actor: Actor, **changes: Any) -> None:
        self.patient = a_patient(actor, **changes)
        self.client = Browser(app)
        self.token = self.new_link(actor)

    def new_link(self, actor: Actor) -> str:
        with transaction() as session:
            return make_link(session, actor, session.get(Patient, self.patient.id), NOW)

    def enter(self, **born: str) -> Any:
        return self.client.post(f"/p/{self.token}", data={**BORN, **born})

    def read(self, page: str = "", status: int = 200) -> str:
        answer = self.client.get(f"/p/{page}")
        assert answer.status_code == status, text_of(answer)
        return text_of(answer)

    def send(self, page: str, **fields: Any) -> str:
        """Send a form of the page; what the answer says."""
        shown = self.client.get(f"/p/{page}")
        token = TOKEN.search(shown.get_data(as_text=True)).group(1)
        sent = self.client.post(f"/p/{page}", data={"token": token, **fields})
        assert sent.status_code == 302, text_of(sent)
        return self.read("done")

    def stored(self) -> StoredAssessment:
        db.session.expire_all()
        query = select(StoredAssessment).where(StoredAssessment.patient_id == self.patient.id)
        return db.session.scalars(query).one()

    def said(self) -> list[PatientStatement]:
        db.session.expire_all()
        query = select(PatientStatement).where(PatientStatement.patient_id == self.patient.id)
        return list(db.session.scalars(query.order_by(PatientStatement.id)))

    def evidence(self, kind: str) -> list[Evidence]:
        query = select(Evidence).where(
            Evidence.patient_id == self.patient.id, Evidence.kind == kind
        )
        return list(db.session.scalars(query.order_by(Evidence.id)))


@pytest.fixture
def phone(app: Flask, nurse: Actor) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield Telephone(app, nurse)


@pytest.fixture
def inside(phone: Telephone) -> Telephone:
    assert phone.enter().status_code == 302
    return phone


def test_nothing_is_shown_before_the_birth_date_fits(phone: Telephone) -> None:
    shown = text_of(phone.client.get(f"/p/{phone.token}"))
    assert "birth date" in shown
    assert phone.patient.given_name not in shown
    assert phone.read(status=403) == phone.read("month", 403)
    assert "does not fit" in text_of(phone.enter(day="3"))
    assert phone.client.get("/p/").status_code == 403
    answer = phone.enter()
    assert answer.headers["Location"] == "/p/"
    assert "What is next" in phone.read()


def test_the_page_names_no_medicine_in_its_title_and_hides_from_crawlers(phone: Telephone) -> None:
    answer = phone.client.get(f"/p/{phone.token}")
    assert "<title>Your clinic</title>" in answer.get_data(as_text=True)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "isotretinoin" not in answer.get_data(as_text=True).lower()


def test_the_cookie_is_the_pages_own_and_leads_nowhere_else(phone: Telephone) -> None:
    cookie = phone.enter().headers["Set-Cookie"]
    assert cookie.startswith("page=")
    assert "Path=/p" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert phone.client.get("/patients").status_code == 302


def test_the_fifth_wrong_birth_date_ends_every_link_of_the_patient(
    phone: Telephone, nurse: Actor
) -> None:
    first, phone.token = phone.token, phone.new_link(nurse)
    for _ in range(2):
        phone.enter(year="1990")
    phone.token = first
    for _ in range(2):
        assert phone.enter(year="1990").status_code == 422
    assert phone.enter(year="1990").status_code == 404
    assert phone.enter().status_code == 404
    with transaction() as session:
        links = session.scalars(select(PatientLink)).all()
        assert all(link.revoked_at for link in links)


def test_expired_revoked_and_unknown_links_look_the_same_and_an_unknown_one_names_no_clinic(
    phone: Telephone,
) -> None:
    unknown = phone.client.get("/p/" + "x" * 43)
    with time_machine.travel(NOW + dt.timedelta(days=14), tick=False):
        expired = phone.client.get(f"/p/{phone.token}")
    with transaction() as session:
        session.scalars(select(PatientLink)).one().revoked_at = NOW
    revoked = phone.client.get(f"/p/{phone.token}")
    assert {answer.status_code for answer in (unknown, expired, revoked)} == {404}
    assert text_of(expired) == text_of(revoked)
    assert "Riverside Dermatology: +1 555 0100" in text_of(expired)
    assert GONE in text_of(unknown)
    assert "Riverside" not in text_of(unknown)


def test_a_link_works_until_the_last_moment_of_its_fortnight(phone: Telephone) -> None:
    with time_machine.travel(NOW + dt.timedelta(days=14, seconds=-1), tick=False):
        assert phone.enter().status_code == 302


def test_another_address_ends_the_links_that_went_to_the_old_one(phone: Telephone) -> None:
    with transaction() as session:
        session.get(Patient, phone.patient.id).phone = "+1 555 0199"
    assert phone.client.get(f"/p/{phone.token}").status_code == 200
    with transaction() as session:
        session.get(Patient, phone.patient.id).email = "elsewhere@example.org"
    assert phone.client.get(f"/p/{phone.token}").status_code == 404


def test_the_page_closes_by_itself_after_half_an_hour_without_a_look(inside: Telephone) -> None:
    with time_machine.travel(NOW + dt.timedelta(minutes=29), tick=False):
        inside.read()
    with time_machine.travel(NOW + dt.timedelta(minutes=58), tick=False):
        inside.read()
    with time_machine.travel(NOW + dt.timedelta(minutes=89), tick=False):
        inside.read(status=403)


def test_a_revoked_link_closes_the_page_that_it_opened(inside: Telephone) -> None:
    with transaction() as session:
        session.scalars(select(PatientLink)).one().revoked_at = NOW
    inside.read(status=403)


def test_a_form_of_another_site_changes_nothing(inside: Telephone) -> None:
    sent = inside.client.post("/p/report", data={"kind": "possible-pregnancy", "token": "made-up"})
    assert sent.status_code == 403
    assert inside.said() == []


def test_each_look_is_logged_as_the_patients_own(inside: Telephone) -> None:
    inside.read()
    looks = db.session.scalars(select(AccessLogEntry)).all()
    assert ("patient by link", "own page: home") in {(look.actor, look.page) for look in looks}


def test_a_possible_pregnancy_locks_at_once_and_says_whom_to_call(inside: Telephone) -> None:
    shown = inside.send("report", kind="possible-pregnancy", text="My period is late")
    assert "Call Riverside Dermatology now: +1 555 0100" in shown
    assert "911" in shown
    stored = inside.stored()
    assert stored.verdict is not Verdict.YES
    assert stored.grouping == "act-now"
    assert "stated a possible pregnancy" in stored.headline
    assert "Do not take any more capsules" in inside.read()
    inside.send("report", kind="possible-pregnancy")
    assert len(inside.said()) == 1


def test_the_months_methods_are_the_patients_own_statement(inside: Telephone) -> None:
    shown = inside.send("month", methods=["combined-pill", "male-condom"])
    assert "You stated: Combined pill, Condom." in shown
    assert "has not entered" in shown
    inside.send("month", methods=["combined-pill"])
    first, second = inside.evidence("method_report")
    assert second.supersedes_id == first.id
    assert second.detail["methods"] == ["combined-pill"]
    assert (second.recorded_by, second.source.value) == ("patient by link", "patient")


def test_no_method_chosen_is_said_beside_the_field(inside: Telephone) -> None:
    token = TOKEN.search(inside.client.get("/p/month").get_data(as_text=True)).group(1)
    sent = inside.client.post("/p/month", data={"token": token})
    assert sent.status_code == 422
    assert "Choose one to four methods" in text_of(sent)


def test_a_stop_symptom_is_evidence_and_a_task(inside: Telephone) -> None:
    inside.send("report", kind="symptom", symptom="low-mood", text="")
    assert "988" in inside.read("done")
    assert [row.detail["name"] for row in inside.evidence("symptom")] == ["low-mood"]
    assert inside.said()[0].handled_at is None


def a_photo(shade: int = 200, **saved: Any) -> bytes:
    image = Image.new("RGB", (400, 300), (shade, 120, 90))
    image.paste((20, 20, 20), (50, 60, 120, 200))
    out = io.BytesIO()
    image.save(out, "JPEG", **saved)
    return out.getvalue()


def send_photo(phone: Telephone, content: bytes, **changes: str) -> Any:
    token = TOKEN.search(phone.client.get("/p/photo").get_data(as_text=True)).group(1)
    data = {
        "token": token, "kit": "ClearLine", "taken_on": "2026-04-02", "taken_time": "07:30",
        "result": "negative", **changes, "photo": (io.BytesIO(content), "IMG_1.jpg"),
    }  # fmt: skip
    return phone.client.post("/p/photo", data=data, content_type="multipart/form-data")


def test_a_photo_waits_for_a_person_without_its_place_and_is_no_evidence(inside: Telephone) -> None:
    place = Image.Exif()
    place[0x010F] = "SecretPhone"
    assert send_photo(inside, a_photo(exif=place)).status_code == 302
    (said,) = inside.said()
    assert said.handled_at is None
    assert b"SecretPhone" not in said.document.content
    assert said.detail["repeat"] == ""
    assert inside.evidence("pregnancy_test") == []


def test_the_same_photo_again_is_flagged_also_from_another_patient(
    app: Flask, inside: Telephone, nurse: Actor
) -> None:
    for _ in range(2):
        assert send_photo(inside, a_photo()).status_code == 302
    assert [row.detail["repeat"] for row in inside.said()] == ["", "same"]
    other = Telephone(app, nurse)
    other.enter()
    send_photo(other, a_photo())
    assert other.said()[0].detail["repeat"] == "other-patient"
    third = Telephone(app, nurse)
    third.enter()
    send_photo(third, a_photo(quality=40))
    assert third.said()[0].detail["repeat"] == "alike"


def test_a_home_test_read_as_positive_locks_before_anybody_has_looked(inside: Telephone) -> None:
    send_photo(inside, a_photo(), result="positive")
    assert "Call Riverside" in inside.read("done")
    assert inside.stored().grouping == "act-now"


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 not a photo", b"\xff\xd8\xff broken"])
def test_what_is_no_photo_by_its_content_is_refused(inside: Telephone, content: bytes) -> None:
    assert send_photo(inside, content).status_code == 422
    assert inside.said() == []


def test_no_more_mail_is_done_with_one_click_and_told_to_staff(phone: Telephone) -> None:
    assert phone.client.get(f"/p/{phone.token}/stop").status_code == 200
    db.session.expire_all()
    assert db.session.get(Patient, phone.patient.id).reminders_wanted
    sent = phone.client.post(f"/p/{phone.token}/stop", data={"List-Unsubscribe": "One-Click"})
    assert sent.status_code == 200
    db.session.expire_all()
    assert not db.session.get(Patient, phone.patient.id).reminders_wanted
    assert [row.kind.value for row in phone.said()] == ["no-mail"]


def test_questions_wait_for_the_clinics_own_entry(inside: Telephone) -> None:
    assert "once your clinic has made its own entry" in inside.read("questions")
    assert len(questions_of(NOW.date())) == 4


def after_the_visit(phone: Telephone, doctor: Actor, methods: list[str]) -> None:
    """The test is done, and the prescriber has confirmed counselling and entered the methods."""
    month = NOW.date() - dt.timedelta(days=31)
    today = NOW.date()
    facts: list[tuple[str, dict[str, Any]]] = [
        ("pregnancy_test", {"collected": month, "result": "negative", "setting": "medical"}),
        ("menses", {"started": today - dt.timedelta(days=1)}),
        ("pregnancy_test", {"collected": today, "result": "negative", "setting": "medical"}),
        ("counselling", {"on": today}),
        ("method_report", {"on": today, "by": "prescriber", "methods": methods}),
    ]
    with transaction() as session:
        patient = session.get(Patient, phone.patient.id)
        record_all(session, doctor, patient, [read_fact(*item) for item in facts], NOW)


@pytest.fixture
def visited(app: Flask, inside: Telephone, nurse: Actor) -> Telephone:
    doctor = a_user(nurse.clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")
    after_the_visit(inside, doctor, ["combined-pill", "male-condom"])
    return inside


def outcome(phone: Telephone, requirement: str) -> str:
    findings = {item["requirement"]: item["outcome"] for item in phone.stored().findings}
    return str(findings[requirement])


def test_the_two_entries_match_or_differ_and_a_second_one_settles_it(visited: Telephone) -> None:
    shown = visited.send("month", methods=["combined-pill", "ring"])
    assert "The two entries differ" in shown
    assert "Your clinic entered: Combined pill, Condom" in shown
    assert outcome(visited, "method-match") == "unmet"
    shown = visited.send("month", methods=["combined-pill", "male-condom"])
    assert "The two entries match" in shown
    assert outcome(visited, "method-match") == "met"


def test_the_clinics_entry_is_not_shown_before_the_patients_own(visited: Telephone) -> None:
    shown = visited.read("month") + visited.read()
    assert "entered" not in shown


def test_a_wrong_answer_is_explained_recorded_as_failed_and_tried_again(
    visited: Telephone,
) -> None:
    asked = questions_of(NOW.date())
    right = {item.id: item.right for item in asked}
    wrong = next(answer for answer in asked[0].answers if answer != asked[0].right)
    shown = visited.send("questions", **{**right, asked[0].id: wrong})
    assert "Read why" in shown
    assert outcome(visited, "comprehension") != "met"
    assert "All answers are right" in visited.send("questions", **right)
    assert outcome(visited, "comprehension") == "met"
    assert [row.detail["passed"] for row in visited.evidence("comprehension")] == [False, True]


def test_a_question_left_open_is_asked_for_and_nothing_is_recorded(visited: Telephone) -> None:
    shown = visited.client.get("/p/questions").get_data(as_text=True)
    sent = visited.client.post("/p/questions", data={"token": TOKEN.search(shown).group(1)})
    assert sent.status_code == 422
    assert "own wording" in text_of(sent)
    assert visited.evidence("comprehension") == []


def test_a_flood_is_turned_away_but_never_a_possible_pregnancy(inside: Telephone) -> None:
    for _ in range(20):
        inside.send("report", kind="missed-pill")
    token = TOKEN.search(inside.client.get("/p/report").get_data(as_text=True)).group(1)
    sent = inside.client.post("/p/report", data={"token": token, "kind": "missed-pill"})
    assert sent.status_code == 409
    assert "call the clinic" in text_of(sent)
    inside.send("report", kind="possible-pregnancy")
    assert inside.stored().grouping == "act-now"


def test_who_cannot_become_pregnant_is_asked_nothing_about_it(app: Flask, nurse: Actor) -> None:
    from compliance.rules.terms import PotentialReason

    with time_machine.travel(NOW, tick=False):
        phone = Telephone(app, nurse, potential=Potential.NO, reason=PotentialReason.ASSIGNED_MALE)
        phone.enter()
        for page in ("", "report"):
            assert "pregnan" not in phone.read(page).lower()


def test_one_patients_page_shows_nothing_of_another_patient_or_clinic(
    app: Flask, inside: Telephone
) -> None:
    far = a_user(a_clinic("hillside", name="Hillside Skin", phone="+1 555 0200"), Role.NURSE)
    other = Telephone(app, far, given_name="Zelda", family_name="Quux")
    other.enter()
    other.send("report", kind="missed-pill", text="Words of Zelda")
    send_photo(other, a_photo())
    pages_there = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("patient_page.") and "GET" in rule.methods
    ]
    assert len(pages_there) > 8
    for page in pages_there:
        answer = inside.client.get(page.replace("<token>", inside.token), follow_redirects=True)
        assert not re.search("Zelda|Quux|Hillside|ClearLine|0200", text_of(answer)), page
    assert db.session.scalar(select(Clinic.id).where(Clinic.code == "hillside"))


def test_whoever_guesses_tokens_is_turned_away_after_twenty(phone: Telephone) -> None:
    for number in range(20):
        assert phone.client.get(f"/p/guess-{number}").status_code == 404
    assert phone.client.get("/p/guess-again").status_code == 429
    assert phone.client.get(f"/p/{phone.token}").status_code == 200
    with time_machine.travel(NOW + dt.timedelta(minutes=2), tick=False):
        assert phone.client.get("/p/guess-once-more").status_code == 404
