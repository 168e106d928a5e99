"""Today in a real browser: keys, search as one types, and the way to the form and back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.test_browser import browser, page, sign_in, site  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser

PATIENT = "Ewa Łukasiewicz"


def test_the_list_follows_what_is_typed_and_the_address_stays(page: Page, site) -> None:  # noqa: F811
    sign_in(page, site)
    page.get_by_role("searchbox").press_sequentially("nobody of this name", delay=10)
    expect(page.locator("#results")).to_contain_text("Nobody found")
    expect(page.locator("form.search [role=status]")).to_contain_text("0 patients matching")
    page.get_by_role("searchbox").fill("lukas")
    expect(page.locator("#results")).to_contain_text(PATIENT)
    expect(page).to_have_url(re.compile(r"/$"))


def test_keys_go_through_the_list_and_stay_out_of_what_is_typed(page: Page, site) -> None:  # noqa: F811
    sign_in(page, site)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Next patient")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)

    page.keyboard.press("j")
    link = page.locator("#results").get_by_role("link", name=PATIENT, exact=True)
    expect(link).to_be_focused()
    page.keyboard.press("ArrowDown")  # there is no other: the focus stays
    expect(link).to_be_focused()
    page.keyboard.press("/")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    page.keyboard.type("j?")
    expect(box).to_have_value("j?")
    expect(dialog).to_have_count(0)


def test_keys_can_be_switched_off(page: Page, site) -> None:  # noqa: F811
    sign_in(page, site)
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("button", name="Switch them off").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("button", name="Switch them on").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_what_was_done_is_written_down_from_the_keyboard(page: Page, site) -> None:  # noqa: F811
    sign_in(page, site)
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", level=1)).to_have_text("What I did")
    day, whom = page.get_by_label("Which day?"), page.get_by_label("To whom?")
    expect(day).to_be_hidden()
    page.get_by_label("Will come").check()
    expect(day).to_be_visible()
    page.get_by_label("Hand to a colleague").check()
    expect(day).to_be_hidden()
    expect(whom).to_be_visible()
    page.get_by_label("No answer").check()
    page.get_by_label("Why?").select_option("Waiting for a result")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("status").first).to_contain_text(f"Recorded for {PATIENT}.")
    expect(page.locator("#results")).to_contain_text("No answer · just now by Dr Pia Ramos")
