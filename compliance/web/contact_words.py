"""What staff did, in the words of the pages."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from compliance.models import ContactOutcome
from compliance.rules.dates import show

SAID = {
    ContactOutcome.CALLED: "Called",
    ContactOutcome.REACHED: "Reached",
    ContactOutcome.NO_ANSWER: "No answer",
    ContactOutcome.WILL_COME: "Will come",
    ContactOutcome.SNOOZED: "Snoozed",
    ContactOutcome.HANDED_TO: "Handed on",
}


class Entry(Protocol):
    """An entry of the contact history, or what the worklist knows of it."""

    @property
    def outcome(self) -> ContactOutcome:
        """What came of it."""

    @property
    def until(self) -> dt.date | None:
        """The day they will come, or on which it is asked again."""


def said(entry: Entry, colleague: str = "") -> str:
    """What was done, in a few words: "Snoozed until 5 Apr 2026", "Handed to Nia Nurse"."""
    if entry.outcome is ContactOutcome.HANDED_TO and colleague:
        return f"Handed to {colleague}"
    if entry.until is None:
        return SAID[entry.outcome]
    word = "on" if entry.outcome is ContactOutcome.WILL_COME else "until"
    return f"{SAID[entry.outcome]} {word} {show(entry.until)}"
