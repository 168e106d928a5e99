"""The planner and the look back over HTTP: supposed, known then, and nothing written."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from compliance.db import db, transaction
from compliance.models import (
    AccessLogEntry,
    AuditEvent,
    Clinic,
    Evidence,
    Patient,
    PrescriptionOrder,
    Role,
)
from compliance.services import adoptions, recording
from compliance.services.opening_days import openings_of, public_holidays
from tests.journeys.person import Person
from tests.services.test_what_if import decide, later, ready, told
from tests.world import a_clinic, a_patient, a_user, email_of

HOME = "test=2026-12-15&setting=medical&statements=2026-12-15&pick_up=2026-12-17"


class Team:
    """A clinic with a prescriber, a nurse who is signed in, and one patient on treatment."""

    def __init__(self, app: Flask, **clinic: object) -> None:
        self.clinic_id = a_clinic(**clinic)
        self.prescriber = a_user(self.clinic_id, Role.PRESCRIBER)
        self.patient, self.test = ready(self.prescriber)
        nurse = a_user(self.clinic_id, Role.NURSE)
        self.nurse = Person(app, email_of(db.session, nurse))
        assert self.nurse.sign_in().status_code == 302
        self.address = f"/patients/{self.patient.public_id}"

    def planner(self, query: str = "", status: int = 200) -> str:
        return self.nurse.read(f"{self.address}/planner?{query}", status)


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(later(hours=3), tick=False):
        yield


@pytest.fixture
def team(app: Flask) -> Team:
    """On Friday 20 November 2026, in New York; the medicine was picked up today."""
    team = Team(app)
    decide(team.prescriber, team.patient)
    return team


def cells(page: str) -> dict[str, str]:
    """What each day of the calendar says, by its date."""
    found = re.findall(r'<td class="cal-day.*?datetime="([\d-]+)"(.*?)</td>', page, flags=re.S)
    return {day: " ".join(re.sub(r"<[^>]+>", " ", text).split()) for day, text in found}


def calendar(team: Team, query: str = "") -> dict[str, str]:
    answer = team.nurse.client.get(f"{team.address}/planner?{query}")
    assert answer.status_code == 200
    return cells(answer.get_data(as_text=True))


# --- what if --------------------------------------------------------------------------------------


def test_the_patient_page_leads_to_the_planner(team: Team) -> None:
    page = team.nurse.client.get(team.address).get_data(as_text=True)
    assert f'href="{team.address}/planner"' in page


def test_supposed_steps_are_answered_for_the_day_of_the_pick_up(team: Team) -> None:
    said = team.planner(HOME)
    assert "Prerequisites would appear met on Thu 17 Dec 2026" in said.replace("\xa0", " ")
    assert "Window: Tue 15 Dec 2026 to Mon 21 Dec 2026, 23:59 Eastern." in said.replace("\xa0", " ")
    assert "Nothing on this page is recorded" in said
    without = team.planner("test=2026-12-15&pick_up=2026-12-17").replace("\xa0", " ")
    assert "Not yet on Thu 17 Dec 2026: The prescriber has not confirmed counselling" in without
    assert "What would block on Thu 17 Dec 2026" in without


def test_another_edition_or_programme_is_supposed_and_said(team: Team) -> None:
    query = HOME.replace("setting=medical", "setting=home")
    assert "Where the test was done Not met" in team.planner(f"{query}&rules=us-ipledge/2021")
    said = team.planner(f"{query}&rules=us-ipledge/2026")
    assert "Prerequisites would appear met" in said
    assert "edition 2026 (supposed)" in said
    assert "instead of what applies at this clinic" in said
    assert "UK Pregnancy Prevention Programme" in team.planner("rules=uk-ppp")


def test_the_calendar_has_six_weeks_and_says_what_each_day_is_for(team: Team) -> None:
    said = calendar(team, HOME)
    assert next(iter(said)) == "2026-11-15", "a week begins on Sunday in the United States"
    assert len(said) == 42
    assert said["2026-11-26"].endswith("Thanksgiving Day, closed")
    assert said["2026-11-28"].endswith("Closed")
    assert "Today" in said["2026-11-20"]
    assert "Picked up" in said["2026-11-20"]
    assert "Test planned" in said["2026-12-15"]
    assert "Window open" in said["2026-12-16"]
    assert "Pick-up planned" in said["2026-12-17"]
    assert "Window" not in said["2026-12-18"]
    later = calendar(team, f"{HOME}&from=2027-01-05")
    assert next(iter(later)) == "2027-01-03"
    assert "Supply ends" in later["2027-01-15"]
    assert "Test window" in later["2027-01-10"]


def test_an_open_window_says_its_last_useful_moment_on_the_last_day(app: Flask) -> None:
    said = calendar(Team(app))
    assert "Window open" in said["2026-11-25"]
    assert "Last moment 23:59 Eastern" in said["2026-11-26"]
    assert sum("Last moment" in text for text in said.values()) == 1


def test_a_window_that_closes_on_a_holiday_is_warned_of_with_the_last_open_day(app: Flask) -> None:
    said = Team(app).planner().replace("\xa0", " ")
    assert (
        "The pick-up window closes on Thu 26 Nov 2026, when the clinic is closed (Thanksgiving"
        " Day). The last open day that is useful is Wed 25 Nov 2026."
    ) in said


def test_a_clinic_open_on_saturday_has_no_closed_saturday(app: Flask) -> None:
    said = calendar(Team(app, opening_days="1,2,3,4,5,6"))
    assert "Closed" not in said["2026-11-28"]
    assert "Closed" in said["2026-11-29"]


def test_medicine_that_runs_out_before_the_pick_up_is_warned_of(team: Team) -> None:
    said = team.planner(HOME.replace("12-15", "12-28").replace("12-17", "12-30"))
    assert (
        "The supply lasts through Sat 19 Dec 2026: a pick-up on Wed 30 Dec 2026 comes after 10 days"
        " without it."
    ) in said.replace("\xa0", " ")
    needed = "on Sun 20 Dec 2026 the clinic is closed. The last open day on which a pick-up leaves"
    assert f"{needed} no gap is Fri 18 Dec 2026." in team.planner().replace("\xa0", " ")


def test_a_clinic_elsewhere_has_the_holidays_and_weeks_of_its_country(app: Flask) -> None:
    london = Team(app, code="thames", country="GB", time_zone="Europe/London")
    said = calendar(london, "from=2026-12-21")
    assert next(iter(said)) == "2026-12-21", "a week begins on Monday"
    assert "Boxing Day" in said["2026-12-26"]
    assert "Boxing Day (observed)" in said["2026-12-28"]


def test_a_country_whose_holidays_are_not_known_is_said(app: Flask) -> None:
    said = Team(app, country="XX").planner()
    assert "The public holidays of this clinic's country (XX) are not known here" in said
    assert public_holidays("XX", (2026,)) is None


def test_what_cannot_be_planned_is_said_beside_its_field(team: Team) -> None:
    said = team.planner("test=2029-01-01&pick_up=tomorrow&rules=mars&setting=moon", 422)
    assert "This cannot be planned" in said
    assert "Test collected on: Enter a day from a year ago to two years ahead." in said
    assert "Picked up on: Not a valid date value." in said
    assert "Judged by: Not a valid choice." in said
    assert "Where: Not a valid choice." in said


def test_planning_writes_nothing_but_the_look_and_puts_nobody_in_the_address(team: Team) -> None:
    db.session.rollback()
    before = [db.session.scalar(select(func.count(table.id))) for table in (Evidence, AuditEvent)]
    page = team.nurse.client.get(f"{team.address}/planner?{HOME}").get_data(as_text=True)
    db.session.rollback()
    after = [db.session.scalar(select(func.count(table.id))) for table in (Evidence, AuditEvent)]
    assert after == before
    look = db.session.scalars(select(AccessLogEntry).order_by(AccessLogEntry.id.desc())).first()
    assert (look.page, look.patient_id) == ("planner", team.patient.id)
    addresses = re.findall(r'(?:href|action)="([^"]*)"', page)
    assert not [item for item in addresses if team.patient.family_name in item]
    assert 'method="post" action="/patients' not in page


def test_nobody_plans_for_a_patient_of_another_clinic(app: Flask, team: Team) -> None:
    stranger = Person(app, email_of(db.session, a_user(a_clinic("hill"), Role.PRESCRIBER)))
    assert stranger.sign_in().status_code == 302
    stranger.read(f"{team.address}/planner", 404)
    stranger.read(f"{team.address}?known_at=2026-11-20T10:40", 404)
    pharmacist = Person(app, email_of(db.session, a_user(team.clinic_id, Role.PHARMACIST)))
    assert pharmacist.sign_in().status_code == 302
    pharmacist.read(f"{team.address}/planner", 403)


def test_a_patient_who_has_nothing_recorded_can_be_planned_for(app: Flask, team: Team) -> None:
    bare = a_patient(team.prescriber, later(hours=1), enrolled_on=None, reason=None)
    said = team.nurse.read(f"/patients/{bare.public_id}/planner?{HOME}")
    assert "Not yet on Thu" in said


# --- as known then --------------------------------------------------------------------------------


def test_the_page_as_known_then_replays_verdict_and_findings_and_says_so(team: Team) -> None:
    with transaction() as session:
        patient = session.get(Patient, team.patient.id)
        row = session.scalar(select(Evidence).where(Evidence.kind == "comprehension"))
        recording.withdraw_evidence(
            session, team.prescriber, patient, row, "made in error", later(hours=2)
        )
        clinic = session.get(Clinic, team.clinic_id)
        adoptions.adopt(session, team.prescriber, clinic, "2026", dt.date(2026, 11, 15),
                        "The notice of 16 June 2026", later(hours=2))  # fmt: skip
    told(team.prescriber, team.patient, later(hours=2), "pregnancy_test", collected="2026-11-20",
         result="positive", setting="medical", supersedes=team.test.id)  # fmt: skip
    then = team.nurse.read(f"{team.address}?known_at=2026-11-20T10:20")
    assert "This is the past, not today's answer" in then
    assert "Prerequisites appear met until" in then
    assert "edition 2023-discretion" in then
    assert "Corrects an entry" in then
    assert "Withdrawn" in then
    now = team.nurse.read(team.address)
    assert "is positive: treatment stops at once" in now.replace("\xa0", " ")
    assert "This is the past" not in now


def test_a_decision_is_linked_to_what_was_known_just_before_it(team: Team) -> None:
    page = team.nurse.client.get(f"{team.address}/planner").get_data(as_text=True)
    links = re.findall(r'href="(/patients/\w+\?known_at=[^"]+)">(\w+) ', page)
    assert [name for _, name in links] == ["Dispensed", "Prescribed"]
    order = db.session.scalars(select(PrescriptionOrder)).one()
    said = team.nurse.read(dict((name, link) for link, name in links)["Prescribed"])
    assert "To prescribe Prerequisites appear met" in said
    assert f"As known {order.decided_at:%-d %b %Y}".split(",")[0] in said


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-11-20T14:00", "2030-01-01", "0001-01-01T00:00%2B14:00"]
)
def test_a_moment_that_is_not_past_leads_back_with_a_sentence(team: Team, text: str) -> None:
    said = team.nurse.read(f"{team.address}?known_at={text}")
    assert "Enter a day or a moment that is past" in said
    assert "This is the past" not in said


def test_before_the_patient_was_on_record_nothing_was_known(team: Team) -> None:
    said = team.nurse.read(f"{team.address}?known_at=2026-01-01T09:00")
    assert "The patient was not on record yet." in said


# --- opening days ---------------------------------------------------------------------------------


def test_holidays_of_every_year_in_sight_count_as_closed(team: Team) -> None:
    clinic = db.session.get(Clinic, team.clinic_id)
    found = openings_of(clinic, dt.date(2026, 12, 1), dt.date(2027, 1, 31))
    assert found.holidays[dt.date(2026, 12, 25)] == "Christmas Day"
    assert found.holidays[dt.date(2027, 1, 1)] == "New Year's Day"
    assert not found.is_open(dt.date(2026, 12, 25))
    assert found.is_open(dt.date(2026, 12, 24))
