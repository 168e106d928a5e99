"""A laboratory's spreadsheet and its fax in a real browser, and nothing that axe faults."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_browser import (  # noqa: F401 - fixtures
    _axe,
    browser,
    sign_in,
    site,
)

pytestmark = pytest.mark.browser

SHEET = "Chart,Drawn,TG,ALT,Remark\nX-1,2026-04-01,120,22,fine\nX-2,2026-04-01,1200,NA,\n"


def look(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for one."""
    folder = os.environ.get("PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("width", [390, 1280])
def test_a_spreadsheet_is_described_tried_and_taken_in(
    browser: Browser,  # noqa: F811
    site,  # noqa: F811
    width: int,
    tmp_path: Path,
) -> None:
    context = browser.new_context(base_url=site["url"], viewport={"width": width, "height": 900})
    page = context.new_page()
    sign_in(page, site)
    sheet = tmp_path / f"april-{width}.csv"
    sheet.write_text(SHEET.replace("Chart", f"Chart {width}"), encoding="utf-8")
    page.goto("/labs")
    page.locator("#files").set_input_files(sheet)
    page.get_by_role("button", name="Take them in").click()
    page.get_by_role("heading", name="Columns of this laboratory").wait_for()
    assert _axe(page) == []
    assert fits(page)
    look(page, f"describe-{width}")
    page.locator("#sender").fill(f"Lab {width}")
    page.locator("#number").select_option(f"Chart {width}")
    expect(page.locator("#collected")).to_have_value("Drawn")
    page.locator("#unit-TG").select_option("mg/dL")
    page.locator("#unit-ALT").select_option("U/L")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="What would become of it").wait_for()
    assert _axe(page) == []
    assert fits(page)
    look(page, f"tried-{width}")
    page.get_by_role("button", name="Save, and take the file in").click()
    page.get_by_text("was taken in").wait_for()
    look(page, f"taken-{width}")
    page.goto("/labs/columns")
    assert _axe(page) == []
    assert fits(page)
    look(page, f"columns-{width}")
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_fax_is_typed_in_on_one_page(browser: Browser, site, width: int) -> None:  # noqa: F811
    context = browser.new_context(base_url=site["url"], viewport={"width": width, "height": 900})
    page = context.new_page()
    sign_in(page, site)
    record = page.get_by_role("link", name="Ewa Łukasiewicz").first.get_attribute("href")
    page.goto(f"{record}/record/lab-results")
    assert _axe(page) == []
    assert fits(page)
    page.locator("#collected").fill("2026-01-02")
    page.locator("#value-TG").fill("1.7")
    page.locator("#unit-TG").select_option("mg/dL")
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("probably mmol/L").first.wait_for()
    assert _axe(page) == []
    look(page, f"panel-{width}")
    context.close()
