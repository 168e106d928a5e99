"""The pages of the board: figures with their proof, lists that act, and the schedule's pulse."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from sqlalchemy import text, update

from compliance.db import db, transaction
from compliance.models import JobRun, Patient, Role
from compliance.services import jobs
from compliance.web.board import age
from tests import world
from tests.journeys.person import TOKEN, Person, text_of
from tests.services.test_board import an_override
from tests.world import NOW

SECOND = dt.timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic())


def at_work(app, nurse, role: Role) -> Person:
    actor = world.a_user(nurse.clinic_id, role, f"A {role.value}")
    person = Person(app, world.email_of(db.session, actor))
    person.sign_in()
    return person


@pytest.fixture
def manager(app, nurse):
    return at_work(app, nurse, Role.MANAGER)


def beat(at: dt.datetime) -> None:
    with transaction() as session:
        session.merge(JobRun(name=jobs.HEARTBEAT, started_at=at, finished_at=at, succeeded=True))


def test_a_zero_shows_when_it_was_counted_over_how_many_and_by_which_query(manager, nurse):
    for _ in range(3):
        world.a_patient(nurse)
    page = manager.read("/board/answers")
    assert "0 of 3 open courses, counted 2 Apr 2026, 11:00 Eastern" in page
    assert "Answers that time changed more than five minutes ago" in page
    assert "Nothing matches the query below." in page
    board = manager.read("/board")
    assert "0 of 3 open courses" in board
    assert "Counted 2 Apr 2026, 11:00 Eastern" in board


def test_a_figure_and_its_list_agree_and_every_row_leads_to_its_patient(manager, nurse):
    patients = [world.a_patient(nurse, email="") for _ in range(2)]
    assert "2 of 4 addresses" in manager.read("/board")
    answer = manager.client.get("/board/undeliverable")
    html = answer.get_data(as_text=True)
    assert text_of(answer).count("there is no e-mail address") == 2
    for patient in patients:
        assert f'href="/patients/{patient.public_id}"' in html


def test_a_long_list_is_paged_and_a_page_beyond_the_last_is_the_last(manager, nurse):
    for _ in range(51):
        world.a_patient(nurse, email="")
    first = manager.read("/board/undeliverable")
    assert "Page 1 of 2" in first
    assert first.count("there is no e-mail address") == 50
    last = manager.read("/board/undeliverable?page=99")
    assert "Page 2 of 2" in last
    assert last.count("there is no e-mail address") == 1


def test_a_figure_that_cannot_be_counted_says_so_and_shows_no_number(manager, nurse):
    with transaction() as session:
        session.execute(text("ALTER TABLE prescription RENAME TO gone"))
    board = manager.read("/board")
    assert "Could not be counted" in board
    assert "it is not known whether anything is wrong" in board
    page = manager.read("/board/overrides")
    assert "this is not a zero" in page
    assert "0 of" not in page
    with transaction() as session:
        session.execute(text("ALTER TABLE gone RENAME TO prescription"))


def test_an_unknown_figure_is_not_found(manager):
    manager.read("/board/nonsense", status=404)


@pytest.mark.parametrize("role", [Role.NURSE, Role.PHARMACIST])
def test_the_board_is_for_oversight(app, nurse, role):
    person = at_work(app, nurse, role)
    for address in ("/board", "/board/pulse", "/board/held"):
        person.read(address, status=403)


def test_a_prescriber_countersigns_and_a_manager_is_offered_no_button(app, manager, nurse):
    public_id = an_override(nurse, world.a_patient(nurse).id)
    assert "Countersign" not in re.sub(r"countersigns", "", manager.read("/board/overrides"))
    refused = manager.client.post(
        f"/board/overrides/{public_id}", data={"csrf_token": manager.token()}
    )
    assert refused.status_code == 403
    doctor = at_work(app, nurse, Role.PRESCRIBER)
    page = doctor.client.get("/board/overrides").get_data(as_text=True)
    token = TOKEN.search(page).group(1)
    answer = doctor.client.post(f"/board/overrides/{public_id}", data={"csrf_token": token})
    assert answer.status_code == 302
    assert "0 of 1 override" in doctor.read("/board/overrides")


def test_the_pulse_turns_ninety_seconds_after_the_last_heartbeat(manager):
    assert "It has never run." in manager.read("/board/pulse")
    beat(NOW - 90 * SECOND + SECOND)
    alive = manager.client.get("/board/pulse").get_data(as_text=True)
    assert 'data-state="alive"' in alive
    beat(NOW - 90 * SECOND)
    silent = manager.client.get("/board/pulse").get_data(as_text=True)
    assert 'data-state="silent"' in silent
    assert "1 minute ago" in silent
    assert len(silent) < 2500


def test_without_a_script_the_board_comes_again_by_itself(manager):
    html = manager.client.get("/board").get_data(as_text=True)
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in html
    assert len(html) < 60_000


def test_staff_see_on_today_that_the_schedule_is_silent_and_only_then(app, nurse):
    person = at_work(app, nurse, Role.NURSE)
    assert "The schedule is silent" in person.read("/")
    assert "The schedule is silent" not in person.read("/patients")
    beat(NOW)
    assert "The schedule is silent" not in person.read("/")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 seconds"), (1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (3599, "59 minutes"),
     (3600, "1 hour"), (86399, "23 hours"), (86400, "1 day"), (172800, "2 days"),
     (-5, "0 seconds")],
)  # fmt: skip
def test_an_age_is_told_in_its_largest_whole_unit(seconds, said):
    assert age(NOW - seconds * SECOND, NOW) == said


def test_what_never_was_has_no_age():
    assert age(None, NOW) == ""


def test_another_clinics_rows_are_never_shown(manager):
    other = world.a_user(world.a_clinic("elsewhere"))
    world.a_patient(other, email="", family_name="Elsewhere")
    with transaction() as session:
        session.execute(update(Patient).values(email=""))
    assert "Elsewhere" not in manager.read("/board/undeliverable")
