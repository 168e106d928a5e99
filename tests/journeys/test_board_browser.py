"""The board in a real browser: a stopped schedule turns it red by itself; the sheet is ticked."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from waitress import create_server

from compliance.app import create_app
from compliance.db import db, only_reading, transaction
from compliance.models import JobRun, Role
from compliance.services import jobs
from compliance.web.clock import now
from tests.conftest import make_config
from tests.journeys.test_browser import browser, sign_in  # noqa: F401 - a fixture and a step
from tests.servers import free_port
from tests.services.test_board import an_override
from tests.world import a_clinic, a_patient, a_user, email_of

pytestmark = pytest.mark.browser

POLL = 20_000  # milliseconds between two questions of the page
ALIVE, SILENT, LOST = "The schedule is alive", "The schedule is silent", "Cannot reach the server"


@pytest.fixture
def site(sqlite_template, tmp_path) -> Iterator[SimpleNamespace]:
    """A server of the test's own on a clinic with one patient; the test can age its heartbeat."""
    shutil.copy(sqlite_template.file, tmp_path / "clinic.db")
    app = create_app(make_config(tmp_path))
    with app.app_context():
        only_reading(True)
        prescriber = a_user(a_clinic(), Role.PRESCRIBER, "Dr Pia Ramos")
        email = email_of(db.session, prescriber)
        patient = a_patient(prescriber, now(), given_name="Ewa", email="")
        patient_id, public_id = patient.id, patient.public_id
        db.session.rollback()
    port = free_port()
    server = create_server(app, host="127.0.0.1", port=port, threads=4)
    threading.Thread(target=server.run, daemon=True).start()

    def beat(ago: dt.timedelta = dt.timedelta()) -> None:
        at = now() - ago
        with app.app_context(), transaction() as session:
            session.merge(
                JobRun(name=jobs.HEARTBEAT, started_at=at, finished_at=at, succeeded=True)
            )

    yield SimpleNamespace(
        app=app,
        url=f"http://127.0.0.1:{port}",
        person={"email": email},
        record=f"/patients/{public_id}",
        patient_id=patient_id,
        clinic_id=prescriber.clinic_id,
        beat=beat,
    )
    server.close()


@pytest.fixture
def page(browser: Browser, site: SimpleNamespace) -> Iterator[Page]:  # noqa: F811
    context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    yield page
    context.close()


def test_a_stopped_schedule_turns_the_board_red_without_a_reload_and_says_so(
    page: Page, site: SimpleNamespace
) -> None:
    page.clock.install()
    site.beat()
    sign_in(page, site.person)
    page.goto("/board")
    expect(page.get_by_role("heading", name=ALIVE)).to_be_visible()
    page.evaluate("window.never_loaded_again = true")

    site.beat(jobs.SILENT_AFTER)
    page.clock.run_for(POLL)
    expect(page.get_by_role("heading", name=SILENT)).to_be_visible()
    expect(page.locator("#pulse-said")).to_have_text(SILENT)

    site.beat()
    page.clock.run_for(POLL)
    expect(page.get_by_role("heading", name=ALIVE)).to_be_visible()
    expect(page.locator("#pulse-said")).to_have_text(ALIVE)

    page.route("**/board/pulse", lambda route: route.abort())
    page.clock.run_for(POLL)
    expect(page.get_by_role("heading", name=LOST)).to_be_visible()
    expect(page.locator("#pulse-said")).to_have_text(LOST)
    page.unroute("**/board/pulse")
    page.clock.run_for(POLL)
    expect(page.get_by_role("heading", name=ALIVE)).to_be_visible()
    assert page.evaluate("window.never_loaded_again") is True


def test_from_the_last_heartbeat_to_red_no_more_than_two_minutes_pass() -> None:
    assert jobs.SILENT_AFTER + dt.timedelta(milliseconds=POLL) <= dt.timedelta(minutes=2)


def test_who_was_signed_out_is_not_told_that_all_is_well(page: Page, site: SimpleNamespace) -> None:
    page.clock.install()
    site.beat()
    sign_in(page, site.person)
    page.goto("/board")
    page.context.clear_cookies()
    page.clock.run_for(POLL)
    expect(page.get_by_role("heading", name=LOST)).to_be_visible()


def test_the_board_says_nothing_while_nothing_turns(page: Page, site: SimpleNamespace) -> None:
    page.clock.install()
    site.beat()
    sign_in(page, site.person)
    page.goto("/board")
    site.beat(dt.timedelta(seconds=45))
    page.clock.run_for(POLL)
    expect(page.locator("#pulse")).to_contain_text("Last heartbeat 4")
    expect(page.locator("#pulse-said")).to_be_empty()


def test_lines_of_the_sheet_are_ticked_and_countersigning_asks_first(
    page: Page, site: SimpleNamespace
) -> None:
    with site.app.app_context():
        an_override_by_a_nurse(site)
    sign_in(page, site.person)
    page.goto("/reconciliation")
    page.get_by_role("link", name="Sheet of Ewa").click()
    page.get_by_role("checkbox", name="Patient category is in the portal").check()
    page.get_by_role("button", name="Tick the chosen lines").click()
    expect(page.get_by_role("status").first).to_contain_text("Written down")
    expect(page.get_by_role("checkbox", name="Patient category is in the portal")).to_have_count(0)

    page.goto("/board/overrides")
    page.get_by_role("button", name="Countersign").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, go on").click()
    expect(page.locator("#rows")).to_contain_text("0 of 1 override")


def an_override_by_a_nurse(site: SimpleNamespace) -> None:
    an_override(a_user(site.clinic_id, Role.NURSE), site.patient_id, now())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    browser: Browser,  # noqa: F811
    site: SimpleNamespace,
    scheme: str,
) -> None:
    with site.app.app_context():
        an_override_by_a_nurse(site)
    context = browser.new_context(base_url=site.url, color_scheme=scheme)
    page = context.new_page()
    sign_in(page, site.person)
    faults: dict[str, list[str]] = {}
    lists = ("held", "overrides", "backups", "heartbeat", "undeliverable")
    addresses = ("/board", *(f"/board/{key}" for key in lists), "/reconciliation")
    for address in ("/", *addresses, f"{site.record}/reconciliation"):
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.goto(address).status == 200
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults[f"{address} at {width}"] = ["scrolls sideways"]
        rules = Axe().run(page).response["violations"]
        if rules:
            faults[address] = [f"{r['id']}: {n['target']}" for r in rules for n in r["nodes"]]
    context.close()
    assert faults == {}
