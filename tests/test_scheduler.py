"""The schedule: every job once, in one process, written down, and stopped cleanly."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections import Counter

import pytest
from sqlalchemy import select

from compliance import scheduler
from compliance.db import db, transaction
from compliance.models import Clinic, JobRun, Lease, Reminder, StoredAssessment, StoredReport
from compliance.scheduler import Bench, Job, run_job, start_scheduler, stop_scheduler
from compliance.services import assessments, jobs
from tests import world
from tests.services.reminding import Clock, on_treatment, rows

GENTLE = dt.date(2026, 4, 24)


@pytest.fixture
def bench(app, config):
    return Bench(app, config, Clock())


@pytest.fixture
def nurse(app):
    return world.a_user(world.a_clinic())


def job(name: str) -> Job:
    return next(item for item in scheduler.JOBS if item.name == name)


def last_run(name: str) -> JobRun:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(JobRun, name)


def test_the_jobs_run_as_often_as_promised():
    assert {item.name: item.every.total_seconds() for item in scheduler.JOBS} == {
        "heartbeat": 30,
        "sweep": 60,
        "digests": 3600,
        "reminders": 300,
        "bounces": 600,
        "monthly-reports": 3600,
        "backup": 3600,
    }


def test_every_job_runs_on_an_empty_installation_and_is_written_down(bench):
    for item in scheduler.JOBS:
        assert run_job(bench, item)
    for item in scheduler.JOBS:
        run = last_run(item.name)
        assert (run.succeeded, run.finished_at) == (True, bench.clock()), run.detail


def test_the_sweep_reassesses_whom_time_has_changed_and_then_has_nothing_to_do(bench, nurse):
    on_treatment(nurse)
    bench.clock.set(dt.date(2026, 6, 30))
    assert scheduler.sweep(bench) == "1 reassessed"
    assert scheduler.sweep(bench) == "0 reassessed"


def test_one_bad_record_does_not_hold_up_the_sweep_of_the_others(bench, nurse):
    bad, good = on_treatment(nurse), on_treatment(nurse)
    bench.clock.set(dt.date(2026, 6, 30))
    with transaction() as session:
        from compliance.models import Patient

        session.get_one(Patient, bad).programme = "no-such-programme"
    run_job(bench, job("sweep"))
    run = last_run("sweep")
    assert (run.succeeded, run.detail) == (False, "1 reassessed, 1 could not be")
    db.session.rollback()
    row = db.session.scalars(
        select(StoredAssessment).where(StoredAssessment.patient_id == good)
    ).one()
    assert row.assessed_at == bench.clock()


def test_reminders_are_planned_and_sent_into_files_when_there_is_no_server(bench, nurse):
    patient = on_treatment(nurse)
    with transaction() as session:  # a fault lost what was planned
        session.query(Reminder).delete()
    run_job(bench, job("reminders"))
    assert Counter(row.kind for row in rows(patient)) == {"test-due": 3, "labs": 2}
    bench.clock.set(GENTLE)
    run_job(bench, job("reminders"))
    run_job(bench, job("reminders"))
    files = list(bench.config.mail_dir.glob("*.eml"))
    assert len(files) == 1
    assert last_run("reminders").detail == "nothing was due"


def test_a_mail_server_that_cannot_be_used_is_said_without_its_password(bench):
    wrong = dataclasses.replace(bench.config, smtp_url="smtp://me:hush@mail.example.org")
    run_job(dataclasses.replace(bench, config=wrong), job("reminders"))
    run = last_run("reminders")
    assert run.succeeded is False
    assert "SMTP_URL" in run.detail
    assert "hush" not in run.detail


def test_the_month_is_reported_from_the_first_working_day_on_and_once(bench):
    world.a_clinic(created_at=dt.datetime(2026, 1, 5, tzinfo=dt.UTC))
    bench.clock.set(dt.date(2026, 8, 2))  # a Sunday: 3 August is the first working day
    assert scheduler.monthly_reports(bench) == "0 made"
    bench.clock.set(dt.date(2026, 8, 3))
    assert scheduler.monthly_reports(bench) == "1 made"
    assert scheduler.monthly_reports(bench) == "0 made"
    db.session.rollback()
    report = db.session.scalars(select(StoredReport)).one()
    assert (report.month, report.made_by) == (dt.date(2026, 7, 1), "system: monthly report")


def test_a_clinic_that_is_new_has_no_month_to_report(bench):
    world.a_clinic(created_at=dt.datetime(2026, 8, 2, tzinfo=dt.UTC))
    bench.clock.set(dt.date(2026, 8, 4))
    assert scheduler.monthly_reports(bench) == "0 made"


def test_one_failing_clinic_does_not_stop_the_report_of_the_others(bench):
    old = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    world.a_clinic("broken", created_at=old, paper="papyrus")
    world.a_clinic("sound", created_at=old)
    bench.clock.set(dt.date(2026, 8, 3))
    run_job(bench, job("monthly-reports"))
    run = last_run("monthly-reports")
    assert (run.succeeded, run.detail) == (False, "1 made, 1 could not be")
    codes = db.session.scalars(select(Clinic.code).join(StoredReport)).all()
    assert codes == ["sound"]


def test_a_job_that_fails_says_where_but_never_what(bench):
    def breaks(_bench: Bench) -> str:
        raise ValueError("Amara Okafor, born 2 Apr 1998")

    broken = Job("broken", dt.timedelta(minutes=1), breaks)
    run_job(bench, broken)
    run_job(bench, broken)
    run = last_run("broken")
    assert (run.succeeded, run.failures) == (False, 2)
    assert run.detail.startswith("ValueError at test_scheduler.py:")
    assert "Amara" not in run.detail
    run_job(bench, dataclasses.replace(broken, work=lambda _bench: "well again"))
    assert (last_run("broken").failures, last_run("broken").detail) == (0, "well again")


def test_only_the_process_that_holds_the_lease_works(bench):
    other = dataclasses.replace(bench, owner="another process")
    assert run_job(bench, job("heartbeat"))
    assert not run_job(other, job("heartbeat"))
    bench.clock.at += jobs.LEASE_FOR + dt.timedelta(seconds=1)
    assert run_job(other, job("heartbeat"))
    assert not run_job(bench, job("heartbeat"))


def test_a_lease_given_back_is_free_at_once(bench):
    other = dataclasses.replace(bench, owner="another process")
    assert run_job(bench, job("heartbeat"))
    with transaction() as session:
        jobs.release_lease(session, bench.owner, bench.clock())
    assert run_job(other, job("heartbeat"))


def test_started_it_beats_and_stopped_it_gives_the_lease_back(app, config):
    running = start_scheduler(app, config)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            db.session.rollback()
            run = db.session.get(JobRun, "heartbeat")
            if run is not None and run.succeeded:
                break
            db.session.expire_all()
            time.sleep(0.1)
    finally:
        stop_scheduler(running)
    assert last_run("heartbeat").detail == "alive"
    lease = db.session.get_one(Lease, jobs.LEASE)
    assert lease.until <= scheduler.clock_now()


def test_a_sweep_asked_to_stop_stops_between_two_batches(bench, nurse):
    on_treatment(nurse)
    bench.clock.set(dt.date(2026, 6, 30))
    bench.stopping.set()
    assert scheduler.sweep(bench) == "0 reassessed"
    assert assessments.due_for_reassessment(db.session(), bench.clock())
