"""The administration in a real browser: a file taken over, and no page that axe faults."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from waitress import create_server

from compliance.app import create_app
from compliance.db import db, only_reading
from compliance.models import Role
from tests.conftest import make_config
from tests.journeys.test_browser import browser
from tests.servers import free_port
from tests.services.onboarding_sheets import a_csv
from tests.world import PASSWORD, a_clinic, a_user, email_of

pytestmark = pytest.mark.browser

__all__ = ["browser"]  # the fixture
PAGES = (
    "/administration",
    "/administration/clinic",
    "/administration/clinics/new",
    "/administration/people",
    "/administration/people/1",
    "/administration/people/new",
    "/administration/mails",
    "/administration/mails/digest/en/neutral",
    "/administration/onboarding",
)


@pytest.fixture(scope="module")
def address(sqlite_template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("site")
    shutil.copy(sqlite_template.file, folder / "clinic.db")
    app = create_app(make_config(folder))
    with app.app_context():
        only_reading(True)
        ada = a_user(a_clinic(), Role.ADMINISTRATOR, "Ada Admin", "ada@example.org")
        assert email_of(db.session, ada) == "ada@example.org"
        db.session.rollback()
    port = free_port()
    server = create_server(app, host="127.0.0.1", port=port, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{port}"
    server.close()


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(base_url=address, color_scheme=request.param)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Email address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada Admin")
    yield page
    context.close()


def faults(page: Page) -> list[str]:
    return [item["id"] for item in Axe().run(page).response["violations"]]


def test_axe_finds_nothing_in_the_administration(page: Page) -> None:
    found = {}
    for address in PAGES:
        page.goto(address)
        if ids := faults(page):
            found[address] = ids
    assert found == {}


def test_a_file_is_taken_over_with_the_keyboard_and_no_fault_on_the_way(page: Page) -> None:
    page.goto("/administration/onboarding")
    rows = a_csv(["N-1", "Ann", "Lee", "02/04/1999"], ["N-2", "Bo", "Ng", "never"])
    sent = {"name": "ours.csv", "mimeType": "text/csv", "buffer": rows}
    page.get_by_label("Spreadsheet").set_input_files(sent)
    page.get_by_role("button", name="Upload").press("Enter")
    page.get_by_label("Day first").check()
    assert faults(page) == []
    page.get_by_role("button", name="Try it").press("Enter")
    expect(page.locator(".lede")).to_contain_text("2 rows = 1 new + 0 duplicate + 1 refused")
    assert faults(page) == []
    page.get_by_label("I have seen that 1 refused row").check()
    page.get_by_role("button", name="Load 1 patient").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Loaded")
    page.get_by_label("Why it is undone").fill("The wrong list.")
    page.get_by_role("button", name="Undo the load").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("The load is undone.")
    assert faults(page) == []
