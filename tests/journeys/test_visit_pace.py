"""How long a routine visit takes a person: each act at its human pace, counted and added up.

With VISIT_PACE=human (script/visit-time) the acts are done at that pace and the clock is read.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page

from tests.journeys.test_browser import browser  # noqa: F401 - the fixture
from tests.journeys.test_visit_browser import context, open_visit, site  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser

POINT = 1.3  # seconds to point at something and click (keystroke-level model: 1.1 and 0.2)
KEY = 0.3  # seconds a key, at 40 words a minute
READ = 1.0  # seconds to read a section
TARGET = 90.0  # seconds for the median visit
REAL = os.environ.get("VISIT_PACE") == "human"


@dataclass
class Hand:
    """A hand and an eye: each act takes its time, and is counted."""

    page: Page
    clicks: int = 0
    keys: int = 0
    read: int = 0

    def wait(self, seconds: float) -> None:
        if REAL:
            self.page.wait_for_timeout(seconds * 1000)

    def look(self, section: str) -> None:
        self.page.locator(section).scroll_into_view_if_needed()
        self.wait(READ)
        self.read += 1

    def click(self, place: Locator) -> None:
        self.wait(POINT)
        place.click()
        self.clicks += 1

    def type(self, place: Locator, text: str) -> None:
        self.click(place)
        place.press_sequentially(text, delay=KEY * 1000 if REAL else 0)
        self.keys += len(text)

    @property
    def seconds(self) -> float:
        return self.clicks * POINT + self.keys * KEY + self.read * READ


def routine_visit(page: Page) -> Hand:
    """A visit at which all is as last month."""
    hand = Hand(page)
    hand.look("#verdict")
    hand.look("#settle")
    hand.look("#test")
    hand.click(page.get_by_label("Negative"))
    hand.look("#contraception")
    hand.click(page.get_by_label("The patient states these today"))
    hand.click(page.get_by_label("The prescriber states these today"))
    hand.look("#talk")
    hand.click(page.get_by_label("Counselling for this prescription is confirmed"))
    hand.click(page.get_by_label("All answered correctly"))
    hand.look("#mood")
    for question in ("Little interest", "Feeling down"):
        hand.click(page.get_by_role("group", name=question).get_by_label("Not at all"))
    hand.click(page.get_by_label("Dry lips or skin"))
    hand.look("#dose")
    hand.type(page.get_by_label("Weight (kg)"), "61.5")
    hand.type(page.get_by_label("Daily dose (mg)"), "40")
    hand.click(page.get_by_label("Prescribe this today"))
    hand.click(page.get_by_role("button", name="Check and confirm"))
    page.wait_for_url("**/confirm")
    hand.look("#recorded")
    hand.look("#becomes")
    hand.click(page.get_by_role("button", name="Record the visit", exact=True))
    page.wait_for_url("**/done/**")
    hand.look("#becomes")
    return hand


def test_a_routine_visit_takes_a_person_less_than_90_seconds(context, site) -> None:  # noqa: F811
    measured = []
    for address in site["all"]:
        page = open_visit(context, {"visit": address})
        began = time.monotonic()
        hand = routine_visit(page)
        measured.append(time.monotonic() - began)
        print(
            f"{hand.clicks} clicks, {hand.keys} keys, {hand.read} sections read:"
            f" {hand.seconds:.0f} s at a person's pace"
            + (f", measured {measured[-1]:.0f} s" if REAL else "")
        )
        page.close()
    if REAL:
        print(f"median of {len(measured)} visits: {statistics.median(measured):.0f} s")
    assert hand.clicks <= 16
    assert hand.seconds < TARGET
