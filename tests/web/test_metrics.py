"""The numbers for a monitor: who may read them, and that they say what happened."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine

from compliance.app import create_app
from compliance.models import Role
from compliance.scheduler import JOBS, Bench, run_job
from tests import world
from tests.conftest import make_config
from tests.journeys.person import Person
from tests.services.reminding import Clock, Remembering, on_treatment, permanent, run

GENTLE = Clock().set(dt.date(2026, 4, 24))


def numbers(client, **headers: str) -> dict[str, float]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.get_data(as_text=True).splitlines()
    form = re.compile(r"compliance_[a-z_]+(\{[a-z]+=\"[^\"]*\"\})? (NaN|-?[0-9.e+-]+)")
    assert all(line.startswith("# ") or form.fullmatch(line) for line in lines)
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.removeprefix("compliance_"): float(value) for name, value in pairs}


def test_what_was_sent_failed_and_skipped_is_counted_without_a_name(app, config):
    nurse, clock = world.a_user(world.a_clinic()), Clock(GENTLE)
    for changes in ({}, {"email": ""}):
        on_treatment(nurse, **changes)
    run(Remembering(clock))
    refusing = Remembering(clock)
    refusing.answer = permanent
    on_treatment(nurse)
    run(refusing)
    late = on_treatment(nurse)
    run_job(Bench(app, config, clock), next(job for job in JOBS if job.name == "heartbeat"))
    assert late
    with time_machine.travel(GENTLE + dt.timedelta(seconds=45), tick=False):
        found = numbers(app.test_client())
        page = app.test_client().get("/metrics").get_data(as_text=True)
    assert found['deliveries_total{outcome="accepted"}'] == 1
    assert found['deliveries_total{outcome="permanent-failure"}'] == 1
    reason = "There is no e-mail address for this patient."
    assert found[f'reminders_skipped_total{{reason="{reason}"}}'] == 1
    assert found["heartbeat_age_seconds"] == 45
    assert found["reminder_lag_seconds"] > 0
    assert found['job_duration_seconds{job="heartbeat"}'] == 0
    assert found["imports_held"] == 0
    assert "Okafor" not in page
    assert "@" not in page


def test_an_age_that_nobody_knows_is_not_a_number(app):
    found = numbers(app.test_client())
    assert found["heartbeat_age_seconds"] != found["heartbeat_age_seconds"]
    assert found["reminder_lag_seconds"] == 0


@pytest.mark.parametrize(
    ("near", "headers", "answered"),
    [
        ("127.0.0.1", {}, 200),
        ("10.0.0.9", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.9"}, 404),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.9"}, 404),
    ],
)
def test_without_a_token_only_this_machine_may_read_them(app, near, headers, answered):
    client = app.test_client()
    found = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": near})
    assert found.status_code == answered


def test_with_a_token_everybody_who_has_it_may_and_nobody_else(app, tmp_path, database_url):
    token = "0123456789abcdef"
    client = create_app(make_config(tmp_path, database_url, METRICS_TOKEN=token)).test_client()
    far = {"REMOTE_ADDR": "10.0.0.9"}
    for given, answered in ((f"Bearer {token}", 200), ("Bearer wrong", 404), ("", 404)):
        found = client.get("/metrics", headers={"Authorization": given}, environ_base=far)
        assert found.status_code == answered
    assert client.get("/metrics").status_code == 404  # this machine needs it too


@time_machine.travel(GENTLE, tick=False)
def test_the_board_tells_the_mails_of_the_last_day_and_why_some_did_not_go(app):
    clinic = world.a_clinic()
    nurse, manager = world.a_user(clinic), world.a_user(clinic, Role.MANAGER)
    on_treatment(nurse)
    on_treatment(nurse, email="")
    run(Remembering(Clock(GENTLE)))
    from compliance.db import db

    person = Person(app, world.email_of(db.session, manager))
    person.sign_in()
    page = person.read("/board")
    assert "Mails of the last 24 hours" in page
    assert "1: There is no e-mail address for this patient." in page
