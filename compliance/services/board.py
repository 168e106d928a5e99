"""The board of silences: each figure counted by the query that its list shows, or not at all."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from compliance.services import (
    silent_decisions,
    silent_machine,
    silent_patients,
    silent_results,
    silent_statements,
)
from compliance.services.errors import NotFound, place_of
from compliance.services.silences import Found, Scope, Silence

log = logging.getLogger("compliance.board")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what it counts over what, why it matters, and what to do, all in words."""

    key: str
    title: str
    heading: str
    counts: str
    over: tuple[str, str]
    means: str
    remedy: str
    look: Callable[[Session, Scope], Found]
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """A figure and what was found at a moment; `found` is None when it could not be counted."""

    figure: Figure
    at: dt.datetime
    found: Found | None

    @property
    def count(self) -> int | None:
        """How many; None when that is not known, which is not zero."""
        return None if self.found is None else len(self.found.silences)

    @property
    def silences(self) -> Sequence[Silence]:
        """What was found, the oldest first; what never was right stands before all."""
        found = self.found.silences if self.found else ()
        first = dt.datetime.min.replace(tzinfo=dt.UTC)
        return sorted(found, key=lambda item: item.since or first)

    @property
    def oldest(self) -> dt.datetime | None:
        """Since when the oldest has been silent."""
        return min((item.since for item in self.silences if item.since), default=None)

    @property
    def state(self) -> str:
        """How it stands: `unknown`, `clear`, `waiting`, or `grave`."""
        if self.count is None:
            return "unknown"
        return ("grave" if self.figure.grave else "waiting") if self.count else "clear"


_PATIENTS = ("open course", "open courses")

FIGURES = (
    Figure(
        "no-next-date",
        "No next date",
        "Patients",
        "Open courses for which no plan, worklist or contact has a date from today on.",
        _PATIENTS,
        "Nobody expects these patients, so nobody notices when they do not come.",
        "Open the list and settle with each patient what comes next.",
        silent_patients.no_next_date,
    ),
    Figure(
        "stop-steps",
        "Stop protocol past its clock",
        "Patients",
        "Steps of open stop protocols that are not done and whose last day is over.",
        ("open step", "open steps"),
        "A positive or unclear test is not being followed up in time.",
        "Have the owner of each step do it today.",
        silent_patients.overdue_steps,
        grave=True,
    ),
    Figure(
        "undeliverable",
        "Cannot be reached by mail",
        "Patients",
        "Patients who want reminders, and staff who want the digest, without an address or whose "
        "newest mail was given up or came back.",
        ("address", "addresses"),
        "Reminders to them go nowhere; only a call reaches them.",
        "Call them, and ask for an address that works.",
        silent_patients.undeliverable,
    ),
    Figure(
        "statements",
        "Patients' statements unhandled",
        "Patients",
        "What patients reported on their own pages and nobody has closed, and links that wrong "
        "birth dates ended.",
        ("statement made", "statements made"),
        "A possible pregnancy, a missed pill or a symptom may be waiting for a call.",
        "Open Statements, call the patient, and close each with what was done.",
        silent_statements.unhandled,
        grave=True,
    ),
    Figure(
        "unread",
        "Unread for too long",
        "Results",
        "Results beyond a limit without a prescriber's decision, and urgent ones that are held, "
        "for two days or longer.",
        ("result waiting", "results waiting"),
        "A dangerous result may have been seen by nobody.",
        "Have a prescriber decide on each result today.",
        silent_results.unread_results,
        grave=True,
    ),
    Figure(
        "held",
        "Held imports",
        "Results",
        "Results that came from a laboratory and were neither filed nor dismissed.",
        ("result received", "results received"),
        "Until somebody decides they are in nobody's record.",
        "File each to its patient, or dismiss it with a reason.",
        silent_results.held_results,
    ),
    Figure(
        "incidents",
        "Open incidents",
        "Results",
        "Incidents that nobody has closed: a result was corrected or withdrawn after a "
        "prescription or a hand-over that rested on it.",
        ("incident", "incidents"),
        "A patient may have the medicine because of a result that was wrong.",
        "See to each patient, then close the incident with what was done.",
        silent_results.open_incidents,
        grave=True,
    ),
    Figure(
        "corrections",
        "Corrected results unread",
        "Results",
        "Results that a laboratory corrected after they were filed, and that no prescriber has "
        "read since.",
        ("corrected result", "corrected results"),
        "Somebody may still go by what the result said before.",
        "A prescriber reads each on the page of incidents.",
        silent_results.unread_corrections,
    ),
    Figure(
        "overrides",
        "Unsigned overrides",
        "Decisions",
        "Prescriptions and dispensings that went on although the verdict was not yes, recorded by "
        "somebody else than a prescriber and not countersigned.",
        ("override", "overrides"),
        "Somebody went on without a prescriber knowing.",
        "A prescriber reads each reason and countersigns, or withdraws the entry.",
        silent_decisions.unsigned_overrides,
    ),
    Figure(
        "editions",
        "Editions awaiting adoption",
        "Decisions",
        "Editions announced for a day that has passed or comes within 30 days, not confirmed by "
        "the authority and not adopted here.",
        ("edition", "editions"),
        "The clinic may be working by rules that no longer hold.",
        "Ask the authority, then attest from which day this clinic works by it.",
        silent_decisions.unadopted_editions,
    ),
    Figure(
        "heartbeat",
        "Schedule silent",
        "The machine",
        "The schedule, when its last heartbeat is more than 90 seconds ago.",
        ("schedule", "schedules"),
        "Nothing is reminded, swept, reported or backed up.",
        "Start the server, or the process of the schedule.",
        silent_machine.silent_schedule,
        grave=True,
    ),
    Figure(
        "jobs",
        "Jobs failed or late",
        "The machine",
        "Scheduled jobs whose last run failed, that are late, or that never ran.",
        ("job", "jobs"),
        "What a job does is not being done.",
        "Look into the server's log; each job tries again by itself.",
        silent_machine.troubled_jobs,
        grave=True,
    ),
    Figure(
        "answers",
        "Overdue sweeps",
        "The machine",
        "Answers that time changed more than five minutes ago and that no sweep has computed "
        "again.",
        _PATIENTS,
        "A reminder may be planned by an answer that no longer holds.",
        "See why the sweep stands still; opening Today computes them at once.",
        silent_patients.stale_answers,
    ),
    Figure(
        "backups",
        "Backup too old",
        "The machine",
        "The newest backup, when it is older than 26 hours or there is none.",
        ("backup kept", "backups kept"),
        "A broken disk would lose what was recorded since.",
        "Run the command backup, then see why the night's did not come.",
        silent_machine.old_backup,
        grave=True,
    ),
)


def count(session: Session, figure: Figure, scope: Scope) -> Counted:
    """Count one figure; a fault makes it unknown, never zero, and harms no other figure."""
    try:
        with session.begin_nested():
            return Counted(figure, scope.now, figure.look(session, scope))
    except Exception as error:
        log.error("figure %s: %s at %s", figure.key, type(error).__name__, place_of(error))
        return Counted(figure, scope.now, None)


def count_all(session: Session, scope: Scope) -> list[Counted]:
    """Count every figure, in the order in which the board shows them."""
    return [count(session, figure, scope) for figure in FIGURES]


def figure_of(key: str) -> Figure:
    """The figure with this key; raises NotFound."""
    for figure in FIGURES:
        if figure.key == key:
            return figure
    raise NotFound("There is no such figure on the board.")
