"""The patient's page on a telephone of 390 pixels: both languages, light and dark, no scripts."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from waitress import create_server

from compliance.app import create_app
from compliance.db import only_reading, transaction
from compliance.models import Patient, Role
from compliance.services.patient_links import make_link
from compliance.web.clock import now
from tests.conftest import make_config
from tests.journeys.test_browser import browser  # noqa: F401 - the fixture
from tests.servers import free_port
from tests.world import a_clinic, a_patient, a_user

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
PAGES = ("", "month", "questions", "report", "photo", "mail")


@pytest.fixture
def site(sqlite_template: Any, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The real server, and a link for a patient of each language."""
    shutil.copy(sqlite_template.file, tmp_path / "clinic.db")
    app = create_app(make_config(tmp_path))
    links = {}
    with app.app_context():
        only_reading(True)
        nurse = a_user(a_clinic(phone="+1 555 0100", address="1 Harbor Lane"), Role.NURSE)
        for language in ("en", "es"):
            patient = a_patient(nurse, now(), language=language)
            with transaction() as session:
                links[language] = make_link(session, nurse, session.get(Patient, patient.id), now())
    port = free_port()
    server = create_server(app, host="127.0.0.1", port=port, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    yield {"url": f"http://127.0.0.1:{port}", **links}
    server.close()


def opened(page: Page, site: dict[str, str], language: str) -> None:
    page.goto(f"{site['url']}/p/{site[language]}")
    for name, value in (("day", "2"), ("month", "4"), ("year", "1998")):
        page.fill(f"[name={name}]", value)
    page.click("button[type=submit]")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_page_can_be_read_and_fits_a_telephone(
    browser: Browser,  # noqa: F811
    site: dict[str, str],
    language: str,
    theme: Any,
) -> None:
    context = browser.new_context(viewport=PHONE, color_scheme=theme, bypass_csp=True)
    page = context.new_page()
    opened(page, site, language)
    page.goto(f"{site['url']}/p/report")
    page.check("[value=possible-pregnancy]")
    page.click("button[type=submit]")
    for address in ("done", *PAGES):
        page.goto(f"{site['url']}/p/{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
        found = Axe().run(page)
        assert found.violations_count == 0, (address, found.generate_report())
        assert page.locator("html").get_attribute("lang") == language
    context.close()


def test_a_possible_pregnancy_is_reported_without_scripts_by_large_targets(
    browser: Browser,  # noqa: F811
    site: dict[str, str],
) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    opened(page, site, "en")
    expect(page).to_have_title("Your clinic")
    page.click("text=Report something")
    for target in page.locator(".choice, button, select").all():
        assert target.bounding_box()["height"] >= 44
    page.click("button[type=submit]")
    expect(page.get_by_role("alert")).to_contain_text("Choose what you would like to report")
    page.click("text=I may be pregnant")
    page.click("button[type=submit]")
    expect(page.get_by_role("link", name="Call Riverside Dermatology now")).to_be_visible()
    page.click("text=Back")
    expect(page.get_by_role("heading", name="You told us of a possible pregnancy")).to_be_visible()
    page.click("text=Close this page")
    page.goto(f"{site['url']}/p/")
    expect(page.get_by_role("heading", name="The page is closed")).to_be_visible()
    context.close()
