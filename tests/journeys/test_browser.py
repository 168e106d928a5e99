"""One clinic morning in a real browser, and no page that axe faults."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waitress import create_server

from compliance.app import create_app
from compliance.db import db, only_reading
from compliance.models import Role
from compliance.web.clock import now
from tests.conftest import cannot, make_config
from tests.servers import free_port
from tests.world import PASSWORD, a_clinic, a_patient, a_user, email_of

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        cannot("no Chromium on this machine: the pages are tried over HTTP only")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(sqlite_template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The real server on a clinic with one patient; address, e-mails and the patient's name."""
    folder: Path = tmp_path_factory.mktemp("site")
    shutil.copy(sqlite_template.file, folder / "clinic.db")
    app = create_app(make_config(folder))
    with app.app_context():
        only_reading(True)
        clinic_id = a_clinic()
        prescriber = a_user(clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")
        a_patient(prescriber, now(), given_name="Ewa", family_name="Łukasiewicz")
        email = email_of(db.session, prescriber)
        db.session.rollback()
    port = free_port()
    server = create_server(app, host="127.0.0.1", port=port, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield {"url": f"http://127.0.0.1:{port}", "email": email}
    server.close()


@pytest.fixture
def page(browser: Browser, site: dict[str, str]) -> Iterator[Page]:
    context = browser.new_context(base_url=site["url"], viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    # a form that is sent back is no fault, though the browser's console names its 422
    assert [fault for fault in faults if "422" not in fault] == []


def sign_in(page: Page, site: dict[str, str]) -> None:
    page.goto("/")
    page.get_by_label("Email address").fill(site["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dr Pia Ramos")


def test_a_prescriber_finds_a_patient_and_records_a_test_in_a_browser(page, site) -> None:
    sign_in(page, site)
    page.get_by_role("searchbox").first.fill("lukas")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Ewa Łukasiewicz").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ewa Łukasiewicz")
    expect(page.get_by_label("Verdict")).to_contain_text("Not yet:")

    page.get_by_role("link", name="Record a pregnancy test").first.click()
    page.get_by_label("Negative").check()
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("status").first).to_contain_text("Recorded.")
    expect(page.locator("#tests")).to_contain_text("Negative")


def test_a_mistake_takes_the_focus_to_what_was_wrong_and_loses_nothing(page, site) -> None:
    sign_in(page, site)
    page.goto("/patients/new")
    page.get_by_label("Given name").fill("Ada")
    page.get_by_role("button", name="Add patient").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(page.get_by_label("Given name")).to_have_value("Ada")


PAGES = (
    "/",
    "/patients",
    "/patients/new",
    "/pharmacy",
    "/rules",
    "/audit",
    "/audit/proof",
    "/labs",
    "/reminders",
    "/reports",
)


def planner_of(record: str) -> str:
    """The planner with a pick-up supposed in ten days, so that it says and warns of all it can."""
    day = now().date() + dt.timedelta(days=10)
    return f"{record}/planner?test={day}&statements={day}&pick_up={day}&rules=us-ipledge/2026"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(browser: Browser, site, scheme: str) -> None:
    context = browser.new_context(base_url=site["url"], color_scheme=scheme)
    page = context.new_page()
    found: dict[str, list[str]] = {}
    page.goto("/sign-in")
    found["/sign-in"] = _axe(page)
    sign_in(page, site)
    record = page.get_by_role("link", name="Ewa Łukasiewicz").first.get_attribute("href")
    forms = [f"{record}/record/{kind}" for kind in ("pregnancy-test", "lab", "contraception")]
    plans = (planner_of(record), f"{record}?known_at=2026-01-02T09:00")
    lists = ("/?sort=name&whose=mine", "/?group=snoozed", f"{record}/contact")
    parts = ("history", "history?part=looks", "requirements", "results", "dose", "notes")
    beside = [f"{record}/{part}" for part in (*parts, "documents", "prescribe")]
    shown = (*PAGES, record, *lists, *plans, *beside, *forms)
    for address in shown:
        assert page.goto(address).status == 200, address
        found[address] = _axe(page)
    context.close()
    assert {address: faults for address, faults in found.items() if faults} == {}


def _axe(page: Page) -> list[str]:
    return [
        f"{rule['id']}: {node['target']}"
        for rule in Axe().run(page).response["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways(browser: Browser, site, width: int) -> None:
    context = browser.new_context(base_url=site["url"], viewport={"width": width, "height": 900})
    page = context.new_page()
    sign_in(page, site)
    record = page.get_by_role("link", name="Ewa Łukasiewicz").first.get_attribute("href")
    for address in (*PAGES, record, planner_of(record)):
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, address
    context.close()
