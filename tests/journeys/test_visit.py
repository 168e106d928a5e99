"""The monthly visit over HTTP, without JavaScript: kept, checked, confirmed, recorded at once."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import time_machine

from compliance.db import db
from compliance.models import (
    AccessLogEntry,
    AuditEvent,
    Clinic,
    Evidence,
    PrescriptionOrder,
    Role,
    VisitDraft,
)
from compliance.rules.terms import Potential, PotentialReason
from tests.journeys.person import TOKEN, Person, text_of
from tests.journeys.test_month import enrol, first_steps
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

BOTH = ["combined-pill", "male-condom"]
LATER = NOW + dt.timedelta(minutes=5)
HERE = {"Origin": "http://localhost"}

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def stopped_clock():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def patient(team) -> str:
    """Enrolled a month ago, on both methods since; the period began yesterday."""
    patient = enrol(team["nurse"])
    first_steps(team["nurse"], patient)
    team["nurse"].record(patient, "menses", started="2026-04-01")
    return patient


def routine(**changes: Any) -> dict[str, Any]:
    """What a routine visit says in its fields; None leaves a field out."""
    said = {
        "on": "2026-04-02",
        "mode": "in-person",
        "collected": "2026-04-02",
        "result": "negative",
        "specimen": "urine",
        "setting": "medical",
        "sensitivity": "25",
        "patient_methods": BOTH,
        "patient_states": "y",
        "prescriber_methods": BOTH,
        "prescriber_states": "y",
        "counselled": "y",
        "understood": "yes",
        "interest": "0",
        "low_mood": "1",
        "symptoms": ["dry-eyes"],
        "weight_kg": "61.5",
        "daily_dose_mg": "40",
        "days_supply": "30",
        "refills": "0",
        "prescribe": "y",
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def address(patient: str, part: str = "") -> str:
    return f"/patients/{patient}/visit{part}"


def hidden(page: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', page).group(1)


def send(person: Person, patient: str, go: str = "check", **changes: Any):
    """Open the visit, fill it in, send it."""
    page = person.client.get(address(patient)).get_data(as_text=True)
    version = hidden(page, "version")
    return person.submit(address(patient), version=version, go=go, **routine(**changes))


def agree(person: Person, patient: str, **changes: Any):
    """Read the confirmation and record the visit."""
    page = person.client.get(address(patient, "/confirm")).get_data(as_text=True)
    fields = {name: hidden(page, name) for name in ("version", "shown")}
    token = TOKEN.search(page).group(1)
    data = {"csrf_token": token, **fields, **changes}
    return person.client.post(address(patient, "/confirm"), data=data)


def tidy(text: str) -> str:
    """Without the spaces that tags leave before signs."""
    return re.sub(r"\s+([:,.)])", r"\1", text).replace("( ", "(")


def kinds() -> list[str]:
    db.session.rollback()
    return sorted(row.kind for row in db.session.query(Evidence) if row.happened_on == NOW.date())


def test_a_prescriber_writes_a_whole_visit_and_it_is_recorded_at_once(team, patient) -> None:
    prescriber = team["prescriber"]
    opened = prescriber.read(address(patient))
    assert "What today must settle" in opened
    assert "Pregnancy test before the start" in opened
    assert send(prescriber, patient).location.endswith("/visit/confirm")

    confirmation = tidy(prescriber.read(address(patient, "/confirm")))
    assert "Pregnancy test: Negative, urine, medical setting, 2 Apr 2026" in confirmation
    assert "Prescription: 30 days, 40 mg a day (0.65 mg/kg)" in confirmation
    assert "As it stands To prescribe Not yet" in confirmation
    assert "After this visit To hand over Appears met" in confirmation
    assert kinds() == []  # until now nothing is evidence

    done = agree(prescriber, patient)
    assert done.status_code == 302
    assert "mood_screen" in kinds()
    assert kinds() == sorted(
        ["pregnancy_test", "method_report", "method_report", "counselling", "comprehension",
         "mood_screen", "symptom", "weight", "visit", "prescription"]
    )  # fmt: skip
    row = db.session.query(Evidence).filter_by(kind="pregnancy_test").all()[-1]
    assert row.fact.sensitivity == 25
    order = db.session.query(PrescriptionOrder).one()
    assert (str(order.verdict), order.days_supply, str(order.daily_dose_mg)) == ("yes", 30, "40")
    assert order.override_reason is None
    after = prescriber.read(done.location)
    assert "Before the visit To prescribe Not yet" in after
    assert "After the visit To hand over Appears met" in after
    assert "What comes next" in after


def test_nothing_typed_is_lost_when_a_field_is_wrong(team, patient) -> None:
    wrong = send(team["prescriber"], patient, collected="2026-04-09", weight_kg="12")
    page = wrong.get_data(as_text=True)
    assert wrong.status_code == 422
    assert "Enter 20 to 350 kg." in text_of(wrong)
    assert 'value="2026-04-09"' in page
    assert 'value="12"' in page
    assert re.search(r'name="low_mood" value="1" checked', page)
    again = send(team["prescriber"], patient, collected="2026-04-09")
    assert "lies after today" in text_of(again)
    assert re.search(r'class="errors" role="alert" tabindex="-1" data-focus', again.text)
    assert kinds() == []


def test_a_visit_is_left_and_found_again_as_it_was_typed(team, patient) -> None:
    left = send(team["nurse"], patient, go="later", weight_kg="sixty", result=None)
    assert left.location.endswith(f"/patients/{patient}")
    with time_machine.travel(LATER, tick=False):
        page = team["prescriber"].client.get(address(patient)).get_data(as_text=True)
    assert 'value="sixty"' in page  # even what cannot be taken
    assert 'value="dry-eyes" checked' in page
    assert "Saved 2 Apr 2026, 11:00 Eastern" in page
    assert kinds() == []


def test_two_windows_tell_of_each_other_and_neither_text_is_lost(team, patient) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    stale = nurse.client.get(address(patient)).get_data(as_text=True)
    send(prescriber, patient, go="later", weight_kg="70")
    data = {"csrf_token": TOKEN.search(stale).group(1), "go": "later", "version": "0"}
    both = nurse.client.post(address(patient), data={**data, **routine(weight_kg="71")})
    said = tidy(text_of(both))
    assert both.status_code == 409
    assert "Dr Pia Prescriber saved this visit in another window." in said
    assert "Weight (kg): 70" in said
    assert 'value="71"' in both.text
    kept = db.session.query(VisitDraft).one().answers["weight_kg"]
    assert kept == ["70"]  # theirs stands until a person decides
    db.session.rollback()

    data["version"] = hidden(both.text, "version")
    assert nurse.client.post(
        address(patient), data={**data, **routine(weight_kg="71")}
    ).status_code == 302  # fmt: skip
    assert db.session.query(VisitDraft).one().answers["weight_kg"] == ["71"]


def test_the_same_text_saved_twice_is_no_conflict(team, patient) -> None:
    page = team["nurse"].client.get(address(patient)).get_data(as_text=True)
    data = {"csrf_token": TOKEN.search(page).group(1), "version": "0", **routine()}
    for _ in range(2):
        saved = team["nurse"].client.post(address(patient, "/save"), data=data)
        assert saved.get_json() == {"version": 1, "saved": "11:00"}


def test_an_expired_session_holds_the_answers_until_one_is_signed_in_again(team, patient) -> None:
    nurse = team["nurse"]
    page = nurse.client.get(address(patient)).get_data(as_text=True)
    stale = TOKEN.search(page).group(1)
    nurse.client.forget()
    data = {"csrf_token": stale, "version": "0", "go": "check", **routine()}
    held = nurse.client.post(address(patient), data=data, headers=HERE)
    assert held.status_code == 401
    assert "Nothing you typed is lost" in text_of(held)
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', held.text)
    sent = {}
    for name, value in fields:
        sent.setdefault(name, []).append(value)
    assert sent["patient_methods"] == BOTH

    assert nurse.sign_in().status_code == 302  # in another tab
    again = nurse.client.post(address(patient), data=sent, headers=HERE)
    assert again.status_code == 302
    assert again.location.endswith("/visit/confirm")
    assert db.session.query(VisitDraft).one().answers["weight_kg"] == ["61.5"]


def test_signed_out_in_another_tab_holds_the_answers_as_well(team, patient) -> None:
    nurse = team["nurse"]
    page = nurse.client.get(address(patient)).get_data(as_text=True)
    nurse.sign_out()
    data = {"csrf_token": TOKEN.search(page).group(1), "version": "0", **routine()}
    held = nurse.client.post(address(patient), data=data, headers=HERE)
    assert held.status_code == 401
    assert 'name="weight_kg" value="61.5"' in held.text


def test_a_page_older_than_the_session_is_held_too(team, patient) -> None:
    nurse = team["nurse"]
    page = nurse.client.get(address(patient)).get_data(as_text=True)
    nurse.client.forget()
    nurse.sign_in()
    data = {"csrf_token": TOKEN.search(page).group(1), "version": "0", **routine()}
    held = nurse.client.post(address(patient), data=data, headers=HERE)
    assert held.status_code == 401
    assert "before you signed in as Nia Nurse" in text_of(held)
    assert 'name="weight_kg" value="61.5"' in held.text
    assert nurse.client.post(address(patient), data=data).status_code == 400  # from elsewhere


def test_what_another_site_sends_is_not_held(team, patient) -> None:
    nurse = team["nurse"]
    nurse.client.forget()
    for headers in ({"Origin": "https://evil.example"}, {}):
        answer = nurse.client.post(address(patient), data=routine(), headers=headers)
        assert answer.status_code == 302
        assert "/sign-in" in answer.location


def test_a_password_is_never_held(team) -> None:
    nurse = team["nurse"]
    nurse.client.forget()
    secret = {"email": nurse.email, "password": "not to be shown again"}
    answer = nurse.client.post("/sign-in", data=secret, headers=HERE)
    assert "not to be shown again" not in answer.text


def test_a_nurse_leaves_counselling_and_prescription_to_the_prescriber(team, patient) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    send(nurse, patient, daily_dose_mg="30")
    confirmation = nurse.read(address(patient, "/confirm"))
    assert "Left for the prescriber: counselling to confirm, a prescription for 30" in confirmation
    assert agree(nurse, patient).status_code == 302
    assert "counselling" not in kinds()
    assert "prescription" not in kinds()

    opened = prescriber.client.get(address(patient))
    assert "Nia Nurse recorded a visit on 2 Apr 2026" in text_of(opened)
    assert 'name="daily_dose_mg"' in opened.text
    assert re.search(r'id="daily_dose_mg" value="30"', opened.text)
    assert not re.search(r'name="counselled"[^>]* checked', opened.text)  # an act of one's own
    rest = {"result": "", "interest": "", "low_mood": "", "symptoms": None, "weight_kg": None,
            "patient_states": None, "prescriber_states": None, "understood": None}  # fmt: skip
    send(prescriber, patient, **rest)
    agree(prescriber, patient)
    assert kinds().count("visit") == 1  # the second half of one visit
    assert {"counselling", "prescription"} <= {*kinds()}
    assert str(db.session.query(PrescriptionOrder).one().verdict) == "yes"


def test_question_nine_asks_for_action_the_same_day(team, patient) -> None:
    nurse = team["nurse"]
    low = {"interest": "2", "low_mood": "2", "prescribe": None}
    unasked = send(nurse, patient, **low)
    assert "The two answers add up to 4: ask the PHQ-9" in text_of(unasked)
    answer = send(nurse, patient, **low, phq9="9", self_harm="1")
    assert answer.status_code == 422
    assert "say what was done" in text_of(answer)
    assert "Do not leave the patient alone." in text_of(answer)
    assert "988" in text_of(answer)
    assert "Numbers not verified" in text_of(answer)
    too_few = send(nurse, patient, **low, phq9="4", self_harm="1", mood_action="Dr Pia was called.")
    assert "add up to 5 already" in text_of(too_few)
    send(nurse, patient, **low, phq9="9", self_harm="1", mood_action="Dr Pia was called in.")
    assert "Act now, today" in nurse.read(address(patient, "/confirm"))
    agree(nurse, patient)
    screen = db.session.query(Evidence).filter_by(kind="mood_screen").one()
    assert screen.detail["action"] == "Dr Pia was called in."


def test_a_sum_of_two_asks_for_no_phq9_and_a_sum_of_three_does(team, patient) -> None:
    assert send(team["nurse"], patient, interest="1", low_mood="1").status_code == 302
    assert send(team["nurse"], patient, interest="1", low_mood="2").status_code == 422


def test_a_positive_test_is_recorded_and_no_reason_prescribes(team, patient) -> None:
    prescriber = team["prescriber"]
    send(prescriber, patient, result="positive")
    confirmation = prescriber.read(address(patient, "/confirm"))
    assert "No prescription : a positive or unclear test" in confirmation
    done = agree(prescriber, patient, override_reason="The patient insists and so do I.")
    assert "No prescription was issued" in prescriber.read(done.location)
    assert "pregnancy_test" in kinds()
    assert db.session.query(PrescriptionOrder).count() == 0


def test_a_blocked_prescription_takes_the_whole_visit_back_until_a_reason_is_given(
    team, patient
) -> None:
    prescriber = team["prescriber"]
    send(prescriber, patient, counselled=None)
    refused = agree(prescriber, patient)
    assert refused.status_code == 422
    assert "say why in at least 10 characters" in text_of(refused)
    assert kinds() == []  # all or nothing
    done = agree(prescriber, patient, override_reason="Agreed with the programme by telephone.")
    assert done.status_code == 302
    assert "counselling" in db.session.query(PrescriptionOrder).one().blocked_by


def test_an_answer_that_changed_meanwhile_is_shown_before_anything_is_recorded(
    team, patient
) -> None:
    prescriber = team["prescriber"]
    send(prescriber, patient)
    page = prescriber.client.get(address(patient, "/confirm")).get_data(as_text=True)
    shown = {name: hidden(page, name) for name in ("version", "shown")}
    positive = {"result": "positive", "specimen": "serum", "setting": "laboratory"}
    team["nurse"].record(patient, "pregnancy-test", collected="2026-04-02", **positive)
    data = {"csrf_token": TOKEN.search(page).group(1), **shown}
    late = prescriber.client.post(address(patient, "/confirm"), data=data)
    assert late.status_code == 409
    assert "The record changed while you were reading" in text_of(late)
    assert db.session.query(PrescriptionOrder).count() == 0


def test_a_visit_recorded_in_one_window_is_not_recorded_again_in_the_other(team, patient) -> None:
    prescriber = team["prescriber"]
    send(prescriber, patient)
    page = prescriber.client.get(address(patient, "/confirm")).get_data(as_text=True)
    shown = {name: hidden(page, name) for name in ("version", "shown")}
    agree(prescriber, patient)
    data = {"csrf_token": TOKEN.search(page).group(1), **shown}
    twice = prescriber.client.post(address(patient, "/confirm"), data=data, follow_redirects=True)
    assert "was recorded or thrown away in another window" in text_of(twice)
    assert db.session.query(PrescriptionOrder).count() == 1


def test_a_symptom_of_consequence_says_so_and_a_thrown_away_visit_records_nothing(
    team, patient
) -> None:
    prescriber = team["prescriber"]
    assert "it may be a sign of pancreatitis" in prescriber.read(address(patient))
    send(prescriber, patient, symptoms=["abdominal-pain"], other_symptom="Itchy skin")
    confirmation = prescriber.client.get(address(patient, "/confirm"))
    assert "Abdominal pain : it may be a sign of pancreatitis." in text_of(confirmation)
    assert "Symptom : Itchy skin" in text_of(confirmation)
    data = {"csrf_token": TOKEN.search(confirmation.text).group(1), "version": "1"}
    prescriber.client.post(address(patient, "/discard"), data=data)
    assert kinds() == []
    assert "Not saved yet" in prescriber.read(address(patient))


def test_every_saving_is_audited_every_look_logged_and_others_stay_out(team, patient) -> None:
    send(team["nurse"], patient, go="later")
    send(team["nurse"], patient)
    agree(team["nurse"], patient)
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    said = [action for action in actions if action.startswith("visit.")]
    assert said == ["visit.started", "visit.recorded"]  # the same text again is no new saving
    looks = {entry.page for entry in db.session.query(AccessLogEntry)}
    assert {"visit", "visit: confirmation"} <= looks


def test_the_page_is_smaller_than_60_kilobytes(team, patient) -> None:
    assert len(team["prescriber"].client.get(address(patient)).data) < 60_000


def test_only_those_who_see_patients_write_visits(app, team, patient) -> None:
    clinic_id = db.session.query(Clinic).one().id
    db.session.rollback()
    for role in (Role.MANAGER, Role.PHARMACIST, Role.ADMINISTRATOR):
        person = Person(app, email_of(db.session, a_user(clinic_id, role, f"A {role}")))
        person.sign_in()
        for part in ("", "/confirm", "/token"):
            assert person.client.get(address(patient, part)).status_code == 403
        token = {"csrf_token": TOKEN.search(person.client.get("/password").text).group(1)}
        for part in ("", "/save", "/confirm", "/discard"):
            assert person.client.post(address(patient, part), data=token).status_code == 403


def test_a_patient_of_another_clinic_has_no_visit_here(app, patient) -> None:
    stranger = Person(app, email_of(db.session, a_user(a_clinic("other"), Role.PRESCRIBER)))
    stranger.sign_in()
    assert stranger.client.get(address(patient)).status_code == 404
    data = {"csrf_token": stranger.token(), "version": "0", **routine()}
    assert stranger.client.post(address(patient, "/save"), data=data).status_code == 404
    assert db.session.query(VisitDraft).count() == 0


def test_a_patient_who_cannot_become_pregnant_is_asked_about_no_pregnancy(app, team) -> None:
    actor = a_user(db.session.query(Clinic).one().id)
    db.session.rollback()
    no = {"potential": Potential.NO, "reason": PotentialReason.ASSIGNED_MALE}
    public_id = a_patient(actor, **no).public_id
    page = team["prescriber"].client.get(address(public_id)).text
    assert 'id="test"' not in page
    assert 'id="contraception"' not in page
    assert 'name="understood"' not in page
    assert 'name="counselled"' in page


def test_each_programme_asks_at_the_visit_what_it_asks(app) -> None:
    uk = {"programme": "uk-ppp", "time_zone": "Europe/London", "country": "GB"}
    doctor = a_user(a_clinic("uk", **uk), Role.PRESCRIBER, "Dr Ada Marsh")
    public_id = a_patient(doctor).public_id
    person = Person(app, email_of(db.session, doctor))
    person.sign_in()
    page = person.client.get(address(public_id))
    assert "Sexual function" in text_of(page)
    assert "No risk of pregnancy is expected, because" in text_of(page)
    assert "Samaritans" in text_of(page)
    assert 'name="patient_states"' not in page.text  # no registry compares two statements there
    assert 'name="understood"' not in page.text
    told = {"topics": ["sexual-function"], "exemption": "established-abstinence",
            "exemption_on_form": "y", "patient_states": None, "prescriber_states": None,
            "understood": None, "prescribe": None}  # fmt: skip
    send(person, public_id, **told)
    agree(person, public_id)
    visit = db.session.query(Evidence).filter_by(kind="visit").one()
    assert visit.detail["topics"] == ["mental-health", "sexual-function"]
    exemption = db.session.query(Evidence).filter_by(kind="contraception_exemption").one()
    assert exemption.detail["on_form"] is True


def test_a_prescriber_decides_in_the_visit_about_results_and_a_nurse_is_told_to_tell(
    team, patient
) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    nurse.record_lab(patient, "TG", "900", "mg/dL")
    assert "A prescriber decides about these; tell the prescriber" in nurse.read(address(patient))
    assert 'name="decided_about"' not in nurse.client.get(address(patient)).text
    undecided = send(prescriber, patient, decided_about=["TG"])
    assert "Choose what was decided." in text_of(undecided)
    said = {"decided_about": ["TG"], "decision": "stop", "decision_note": "Repeat in two weeks"}
    send(prescriber, patient, **said)
    agree(prescriber, patient)
    decision = db.session.query(Evidence).filter_by(kind="lab_decision").one()
    assert decision.detail["decision"] == "stop: Repeat in two weeks"
    assert decision.detail["by"] == "Dr Pia Prescriber"


def test_a_symptom_that_waits_can_be_decided_about_in_the_next_visit(team, patient) -> None:
    team["nurse"].record(patient, "symptom", on="2026-04-02", name="abdominal-pain")
    page = team["prescriber"].client.get(address(patient))
    assert 'href="#results"' in page.text
    assert 'id="results"' in page.text
    assert "Abdominal pain was reported on 2 Apr 2026" in text_of(page)
    assert page.text.count('name="decided_about"') > 10


def test_two_statements_that_differ_are_shown_beside_each_other_and_close_the_window(
    team, patient
) -> None:
    prescriber = team["prescriber"]
    send(prescriber, patient, go="later", patient_methods=["combined-pill"])
    assert "The two sides differ" in prescriber.read(address(patient))
    send(prescriber, patient, patient_methods=["combined-pill"])
    confirmation = prescriber.read(address(patient, "/confirm"))
    assert "To hand over Not yet" in confirmation
    assert "the entries must name the same methods" in confirmation


def test_every_link_to_a_part_of_the_page_leads_to_one(team, patient) -> None:
    page = team["prescriber"].client.get(address(patient)).text
    links = set(re.findall(r'href="#([\w-]+)"', page))
    assert len(links) > 2
    assert [link for link in links if f'id="{link}"' not in page] == []
