"""What the frame of every page shows: where one can go, who one is, what this installation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, request, url_for

from compliance import __version__
from compliance.db import db
from compliance.models import Role, Setting
from compliance.services import corrections, held, jobs, statement_handling
from compliance.services.actors import Actor
from compliance.web.clock import now
from compliance.web.security import CLINICAL, OVERSIGHT, STAFF
from compliance.web.words import words


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    label: str
    endpoint: str
    icon: str
    roles: tuple[Role, ...]
    heading: str = ""


PLACES = (
    Place("Today", "worklist.today", "today", STAFF),
    Place("Patients", "patients.index", "patients", STAFF),
    Place("Lab results", "labs.index", "lab", (*CLINICAL, Role.MANAGER)),
    Place("Incidents", "incidents.index", "alert", STAFF),
    Place("Statements", "statements.index", "chat", CLINICAL),
    Place("Pharmacy check", "pharmacy.check", "pill", (*CLINICAL, Role.PHARMACIST)),
    Place("Portal sheet", "reconciliation.index", "external", CLINICAL),
    Place("Reminders", "reminders.index", "reminder", STAFF, heading="Compliance"),
    Place("Monthly reports", "reports.index", "report", OVERSIGHT),
    Place("Rules in force", "programmes.index", "rules", STAFF),
    Place("Board", "board.index", "eye", OVERSIGHT),
    Place("Audit trail", "auditing.index", "audit", OVERSIGHT),
    Place("Administration", "administration.index", "settings", (Role.MANAGER, Role.ADMINISTRATOR)),
)

# A patient's forms and planner belong to the place of the patients.
WITHIN = {
    "codes": "labs",
    "held_acts": "labs",
    "identifiers": "patients",
    "lab_columns": "labs",
    "lab_panel": "patients",
    "mail_texts": "administration",
    "onboarding": "administration",
    "people": "administration",
    "contacts": "worklist",
    "courses": "patients",
    "evidence": "patients",
    "planner": "patients",
    "visits": "patients",
}


def register(app: Flask) -> None:
    """Give every template its frame."""
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    actor, clinic = g.get("actor"), g.get("clinic")
    settings = current_app.extensions["settings"]
    frame: dict[str, Any] = {
        "version": __version__,
        "home_url": url_for("worklist.today") if "worklist" in current_app.blueprints else "/",
        "demo": is_demonstration(),
        "silent": _silent(actor),
        "mail_off": actor is not None and not settings.mail_leaves,
        "clinic": clinic,
        "nav": [],
        "user": None,
    }
    if actor is not None and clinic is not None:
        frame["nav"] = _places(actor)
        frame["user"] = {"name": actor.name, "role": words(actor.role.value) if actor.role else ""}
        frame["sign_out_url"] = url_for("security.logout")
    return frame


def _silent(actor: Actor | None) -> jobs.Pulse | None:
    """The schedule's last sign of life, for the page of today, once it has fallen silent."""
    if actor is None or actor.role not in STAFF or request.endpoint != "worklist.today":
        return None
    pulse = jobs.pulse(db.session(), now())
    return None if pulse.alive else pulse


# What waits behind a place, so that it is seen from every page.
_COUNTED: dict[str, Callable[[Actor], int]] = {
    "labs.index": lambda actor: held.count_held(db.session(), actor),
    "incidents.index": lambda actor: corrections.count_waiting(db.session(), actor),
    "statements.index": lambda actor: statement_handling.count_open(db.session(), actor),
}


def _places(actor: Actor) -> list[dict[str, Any]]:
    here = WITHIN.get(request.blueprint or "", request.blueprint)
    return [
        {
            "label": place.label,
            "url": url_for(place.endpoint),
            "icon": place.icon,
            "active": place.endpoint.split(".")[0] == here,
            "count": _COUNTED[place.endpoint](actor) if place.endpoint in _COUNTED else 0,
            "heading": place.heading,
        }
        for place in PLACES
        if actor.role in place.roles and place.endpoint in current_app.view_functions
    ]


def is_demonstration() -> bool:
    """Whether the data of this installation were made up."""
    if "demonstration" not in current_app.extensions:
        row = db.session.get(Setting, "demonstration")
        if row is None:
            return False
        current_app.extensions["demonstration"] = bool(row.value)
    return bool(current_app.extensions["demonstration"])
