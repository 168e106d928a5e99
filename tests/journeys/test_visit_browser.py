"""The monthly visit in a real browser: saved as it is typed, through an expired session too."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from waitress import create_server

from compliance.app import create_app
from compliance.db import db, only_reading, transaction
from compliance.models import Patient, Role
from compliance.rules.facts import read_fact
from compliance.services.actors import Actor
from compliance.services.recording import record_evidence
from compliance.web.clock import now
from tests.conftest import make_config
from tests.journeys.test_browser import browser  # noqa: F401 - the fixture
from tests.servers import free_port
from tests.world import PASSWORD, a_clinic, a_patient, a_user, email_of

pytestmark = pytest.mark.browser

PATIENTS = 3


def before_today(day: dt.date) -> list[tuple[str, dict[str, Any]]]:
    """What is on record on the day of the second test: the form, the first test, both methods."""
    began = day - dt.timedelta(days=33)
    signed = {"on": began, "form": "enrolment", "signed_by": ["patient", "prescriber"]}
    methods = ["combined-pill", "male-condom"]
    test = {"collected": began, "result": "negative", "setting": "medical"}
    return [
        ("acknowledgement", signed),
        ("pregnancy_test", test),
        *(("contraception", {"method": method, "from": began}) for method in methods),
        *(("method_report", {"on": began, "by": side, "methods": methods})
          for side in ("patient", "prescriber")),
        ("menses", {"started": day - dt.timedelta(days=1)}),
        ("weight", {"on": began, "kg": 61.0}),
    ]  # fmt: skip


def a_visit(prescriber: Actor, today: dt.date, moment: dt.datetime) -> str:
    """A patient whose monthly visit is today; the address of the visit."""
    patient = a_patient(prescriber, moment, enrolled_on=today - dt.timedelta(days=33))
    for kind, data in before_today(today):
        with transaction() as session:
            row = session.get(Patient, patient.id)
            record_evidence(session, prescriber, row, read_fact(kind, data), moment)
    return f"/patients/{patient.public_id}/visit"


@pytest.fixture
def site(sqlite_template, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The real server on a clinic with patients whose monthly visit is today."""
    shutil.copy(sqlite_template.file, tmp_path / "clinic.db")
    app = create_app(make_config(tmp_path))
    with app.app_context():
        only_reading(True)
        prescriber = a_user(a_clinic(), Role.PRESCRIBER, "Dr Pia Ramos")
        moment = now()
        today = moment.astimezone(dt.timezone(dt.timedelta(hours=-5))).date()
        visits = [a_visit(prescriber, today, moment) for _ in range(PATIENTS)]
        email = email_of(db.session, prescriber)
        db.session.rollback()
    port = free_port()
    server = create_server(app, host="127.0.0.1", port=port, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield {"url": f"http://127.0.0.1:{port}", "email": email, "visit": visits[0], "all": visits}
    server.close()


@pytest.fixture
def context(browser: Browser, site: dict[str, Any]) -> Iterator[BrowserContext]:  # noqa: F811
    context = browser.new_context(base_url=site["url"], viewport={"width": 1280, "height": 900})
    sign_in(context.new_page(), site)
    yield context
    context.close()


def sign_in(page: Page, site: dict[str, Any]) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email address").fill(site["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dr Pia Ramos")


def open_visit(context: BrowserContext, site: dict[str, Any]) -> Page:
    page = context.new_page()
    page.goto(site["visit"])
    return page


def saved(page: Page) -> None:
    expect(page.locator("[data-saved]")).to_have_text(re.compile(r"^Saved \d\d:\d\d$"))


def test_a_visit_is_saved_as_it_is_typed_and_recorded_with_one_confirmation(context, site) -> None:
    page = open_visit(context, site)
    page.get_by_label("Negative").check()
    page.get_by_label("Weight (kg)").fill("62")
    page.get_by_label("Daily dose (mg)").fill("40")
    expect(page.locator("[data-per-kg]")).to_have_text("This dose: 0.65 mg/kg a day.")
    saved(page)
    page.close()

    page = open_visit(context, site)  # restored as it was left
    expect(page.get_by_label("Weight (kg)")).to_have_value("62")
    expect(page.get_by_label("Negative")).to_be_checked()
    for label in ("The patient states these today", "The prescriber states these today",
                  "Counselling for this prescription is confirmed", "All answered correctly",
                  "Prescribe this today"):  # fmt: skip
        page.get_by_label(label).check()
    for question in ("Little interest", "Feeling down"):
        page.get_by_role("group", name=question).get_by_label("Not at all").check()
    page.get_by_role("button", name="Check and confirm").click()
    expect(page.locator("#becomes")).to_contain_text("Appears met")
    page.get_by_role("button", name="Record the visit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Visit recorded")
    expect(page.locator("#recorded")).to_contain_text("62 kg")


def test_the_statements_are_matched_and_the_phq9_opens_as_one_ticks(context, site) -> None:
    page = open_visit(context, site)
    expect(page.locator("[data-match]")).to_contain_text("Both sides name the same methods")
    page.locator("#patient_methods").get_by_label("External (male) condom").uncheck()
    expect(page.locator("[data-match]")).to_contain_text("Only the prescriber: External")
    sheet, urgent = page.locator(".visit-phq9"), page.locator(".visit-urgent")
    page.get_by_role("group", name="Little interest").get_by_label("More than half").check()
    expect(sheet).to_be_hidden()
    page.get_by_role("group", name="Feeling down").get_by_label("Several days").check()
    expect(sheet).to_be_visible()
    expect(urgent).to_be_hidden()
    page.get_by_role("group", name="Its question 9").get_by_label("Several days").check()
    expect(urgent).to_contain_text("Do not leave the patient alone.")


def test_after_the_session_ended_the_page_waits_for_a_sign_in_and_goes_on(context, site) -> None:
    page = open_visit(context, site)
    page.get_by_label("Weight (kg)").fill("62")
    saved(page)
    context.clear_cookies()
    page.get_by_label("Weight (kg)").fill("63")
    expect(page.locator("[data-saved]")).to_contain_text("Sign in again in another tab")
    expect(page.get_by_label("Weight (kg)")).to_have_value("63")
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    sign_in(context.new_page(), site)
    expect(page.locator("[data-saved]")).to_have_text(re.compile(r"^Saved"), timeout=15_000)
    page.close()
    page = open_visit(context, site)
    expect(page.get_by_label("Weight (kg)")).to_have_value("63")


def test_a_second_window_is_told_and_keeps_its_text(context, site) -> None:
    one, other = open_visit(context, site), open_visit(context, site)
    one.get_by_label("Weight (kg)").fill("70")
    saved(one)
    other.get_by_label("Weight (kg)").fill("71")
    expect(other.locator("[data-saved]")).to_contain_text("saved this visit in another window")
    other.get_by_role("button", name="Save and go on later").click()
    expect(other.get_by_role("alert").first).to_contain_text("Weight (kg): 70")
    expect(other.get_by_label("Weight (kg)")).to_have_value("71")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_pages_of_a_visit_at_any_width(
    browser: Browser,  # noqa: F811
    site,
    scheme: str,
) -> None:
    context = browser.new_context(base_url=site["url"], color_scheme=scheme)
    sign_in(context.new_page(), site)
    page = open_visit(context, site)
    found = {"open": faults(page)}
    for question in ("Little interest", "Feeling down", "Its question 9"):
        page.get_by_role("group", name=question).get_by_label("Nearly every day").check()
    page.get_by_role("button", name="Check and confirm").click()
    expect(page.get_by_role("alert").first).to_be_focused()
    found["faults"] = faults(page)
    page.get_by_label("PHQ-9, sum").fill("12")
    page.get_by_label("What was done").fill("The prescriber was called in at once.")
    page.get_by_label("Prescribe this today").check()
    page.get_by_role("button", name="Check and confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm the visit")
    found["confirm"] = faults(page)
    page.get_by_label("Reason for going on").fill("Agreed with the programme by telephone.")
    page.get_by_role("button", name="Record the visit with an override").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Visit recorded")
    found["done"] = faults(page)
    context.close()
    assert {name: faulty for name, faulty in found.items() if faulty} == {}


def faults(page: Page) -> list[str]:
    """What axe faults, and whether the page scrolls sideways on a telephone."""
    page.set_viewport_size({"width": 390, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth")
    sideways = ["scrolls sideways"] if wide > 390 else []
    page.set_viewport_size({"width": 1280, "height": 900})
    return sideways + [
        f"{rule['id']}: {node['target']}"
        for rule in Axe().run(page).response["violations"]
        for node in rule["nodes"]
    ]
