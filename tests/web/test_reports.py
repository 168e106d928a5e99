"""The page and the command that make the monthly report."""

from __future__ import annotations

import hashlib
import re

import time_machine
from flask import Flask

from compliance.cli.reports import report
from compliance.db import db
from compliance.models import AuditEvent, Role, StoredReport
from tests.journeys.person import Person, text_of
from tests.world import NOW, a_clinic, a_patient, a_user, email_of


def a_manager(app: Flask) -> Person:
    manager = a_user(a_clinic(), Role.MANAGER)
    a_patient(manager)
    person = Person(app)
    person.sign_in(email_of(db.session, manager))
    return person


@time_machine.travel(NOW, tick=False)
def test_a_manager_makes_a_report_and_downloads_the_very_bytes(app: Flask) -> None:
    person = a_manager(app)
    assert "No report yet" in person.read("/reports")
    answer = person.submit("/reports", month="2026-03")
    assert answer.status_code == 302
    assert "The report of March 2026 is made" in person.read("/reports")
    row = db.session.query(StoredReport).one()
    file = person.client.get(f"/reports/{row.public_id}.pdf")
    assert file.mimetype == "application/pdf"
    assert "monthly-report-riverside-2026-03.pdf" in file.headers["Content-Disposition"]
    assert file.data.startswith(b"%PDF")
    assert hashlib.sha256(file.data).hexdigest() == row.sha256
    actions = [event.action for event in db.session.query(AuditEvent)]
    assert "report.downloaded" in actions


@time_machine.travel(NOW, tick=False)
def test_a_month_that_was_not_offered_is_refused_on_the_page(app: Flask) -> None:
    person = a_manager(app)
    answer = person.submit("/reports", month="2026-04")
    assert answer.status_code == 422
    assert "Not a valid choice" in text_of(answer)
    assert db.session.query(StoredReport).count() == 0


@time_machine.travel(NOW, tick=False)
def test_a_nurse_sees_no_reports_and_another_clinic_none_of_ours(app: Flask) -> None:
    manager = a_manager(app)
    manager.submit("/reports", month="2026-03")
    public_id = db.session.query(StoredReport).one().public_id
    nurse, stranger = Person(app), Person(app)
    nurse.sign_in(email_of(db.session, a_user(a_clinic("east"), Role.NURSE)))
    assert nurse.client.get("/reports").status_code == 403
    stranger.sign_in(email_of(db.session, a_user(a_clinic("west"), Role.MANAGER)))
    assert stranger.client.get(f"/reports/{public_id}.pdf").status_code == 404


@time_machine.travel(NOW, tick=False)
def test_the_command_writes_the_same_bytes_for_the_same_cut_off(app, tmp_path) -> None:
    a_patient(a_user(a_clinic()))
    app.cli.add_command(report)
    run = app.test_cli_runner().invoke
    words = ["report", "monthly", "--clinic", "riverside", "--month", "2026-03",
             "--known-at", "2026-04-02T10:00:00Z", "--out"]  # fmt: skip
    for name in ("first.pdf", "second.pdf"):
        result = run(args=[*words, str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        assert re.search(r"\d pages, SHA-256 [0-9a-f]{64}", result.output)
    assert (tmp_path / "first.pdf").read_bytes() == (tmp_path / "second.pdf").read_bytes()


@time_machine.travel(NOW, tick=False)
def test_the_command_says_what_it_cannot_take(app) -> None:
    a_clinic()
    app.cli.add_command(report)
    run = app.test_cli_runner().invoke
    for words, sentence in (
        (["--clinic", "nowhere", "--month", "2026-03"], "no clinic has that code"),
        (["--clinic", "riverside", "--month", "03/2026"], "a month is written like 2026-10"),
        (["--clinic", "riverside", "--month", "2026-04"], "has not ended at this clinic"),
    ):
        result = run(args=["report", "monthly", *words])
        assert result.exit_code == 1
        assert sentence in result.output
