"""Administration: what there is to administer, the clinic's settings, another clinic."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import Clinic, Role
from compliance.rules.programme import load_programme
from compliance.rules.reminders import ReminderKind
from compliance.services import clinic_settings as services
from compliance.services import clinics
from compliance.services.clinic_choices import DEFAULT_LEADS
from compliance.services.clinic_settings import Change, Effect
from compliance.services.evidence import clinic_terms, local_date
from compliance.services.opening_days import public_holidays
from compliance.web.answers import accepted
from compliance.web.clinic_forms import (
    LAB_PLANS,
    LANGUAGES,
    WEEKDAYS,
    ClinicForm,
    NewClinicForm,
)
from compliance.web.clock import now
from compliance.web.filters import ZONES, d
from compliance.web.reminder_words import PATIENT_NAMES
from compliance.web.security import access, actor, choose_clinic, clinic

administration = Blueprint("administration", __name__, url_prefix="/administration")

ADMINISTERING = (Role.MANAGER, Role.ADMINISTRATOR)
LABELS = {
    "name": "Name",
    "time_zone": "Time zone",
    "opening_days": "Open on",
    "closed_days": "Closed days",
    "language": "First language",
    "second_language": "Second language",
    "lab_schedule": "Plan of laboratory tests",
    "address": "Address",
    "phone": "Telephone",
    "email": "E-mail",
    "paper": "Paper",
    "lead_days": "Days of reminders",
    "patient_hours": "Hours of mails",
    "closing_lines": "Closing lines of mails",
    "link_days": "Days of a patient's link",
}
ACTIONS = {
    "clinic.changed": "Settings changed",
    "clinic.added": "Clinic added",
    "edition.adopted": "Edition adopted",
    "limits.adopted": "Action limits adopted",
}
Page = str | Response | tuple[str, int]


@administration.get("")
@access(*ADMINISTERING)
def index() -> str:
    """What there is to administer."""
    return render_template(
        "administration/index.html",
        is_administrator=actor().role is Role.ADMINISTRATOR,
        may_add=clinics.administers_installation(db.session(), actor()),
        events=history(clinic(), limit=8),
    )


@administration.route("/clinic", methods=["GET", "POST"])
@access(*ADMINISTERING)
def settings() -> Page:
    """The clinic's settings; a change is shown with its effect before it is saved."""
    form, seen = ClinicForm(), _Seen()
    if request.method == "GET" or actor().role is not Role.ADMINISTRATOR:
        form.fill(services.settings_of(clinic()))
    elif accepted(form, lambda: _look_or_save(form, seen)) and seen.saved:
        flash("Saved. What depends on it was assessed again.", "ok")
        return redirect(url_for("administration.settings"))
    page = _settings_page(form, seen)
    return (page, 422) if form.errors else page


class _Seen:
    """What the person is shown before confirming, or that it was saved."""

    changes: list[Change] | None = None
    effect: Effect = Effect()
    fingerprint: str = ""
    saved: bool = False


def _look_or_save(form: ClinicForm, seen: _Seen) -> None:
    """Save what was seen and confirmed; anything else is shown first."""
    wanted, moment = form.wanted(), now()
    services.check(wanted)
    clinic_id = clinic().id
    with transaction() as session:
        here = session.get(Clinic, clinic_id, with_for_update=True)
        seen.changes = services.changes_to(here, wanted)
        seen.fingerprint = services.fingerprint(seen.changes)
        if seen.changes and request.form.get("seen") == seen.fingerprint:
            services.change(session, actor(), here, wanted, moment)
            seen.saved = True
    if not seen.saved:
        seen.effect = services.effect_of(db.session(), clinic(), wanted, moment)


def _settings_page(form: ClinicForm, seen: _Seen) -> str:
    here, moment = clinic(), now()
    return render_template(
        "administration/clinic.html",
        form=form,
        editable=actor().role is Role.ADMINISTRATOR,
        seen=seen,
        changes=[_said(change) for change in seen.changes or []],
        current=[_said(Change(name, "", value)) for name, value in _values(here).items()],
        local_time=moment.astimezone(ZoneInfo(here.time_zone)),
        zones=sorted(set(ZONES) & available_timezones() | {here.time_zone}),
        lab_plans=_lab_plans(here, moment),
        holidays=_holidays(here, local_date(here, moment)),
        kinds=PATIENT_NAMES,
        usual={kind.value: _days(list(days.values())) for kind, days in DEFAULT_LEADS.items()},
        events=history(here),
    )


def _values(here: Clinic) -> dict[str, Any]:
    return services.plain(services.settings_of(here))


def _lab_plans(here: Clinic, moment: dt.datetime) -> list[tuple[str, str, str]]:
    """The plans in words; the first says what the programme itself sets today."""
    programme = load_programme(here.programme)
    terms = clinic_terms(db.session(), here)
    edition = programme.edition_on(local_date(here, moment), terms.adoptions)
    found = programme.provisions_of(edition.id).get("lab_schedule") if edition else None
    named = {value: label for value, label, _ in LAB_PLANS}
    said = named.get(str(found.value), "") if found else ""
    first = f"Today: {said[:1].lower()}{said[1:]}." if said else "It sets none."
    return [(LAB_PLANS[0][0], LAB_PLANS[0][1], first), *LAB_PLANS[1:]]


def _holidays(here: Clinic, today: dt.date) -> list[tuple[dt.date, str]] | None:
    """The public holidays of the next year; None for a country that is not known."""
    found = public_holidays(here.country, (today.year, today.year + 1))
    if found is None:
        return None
    until = today + dt.timedelta(days=365)
    return [(day, name) for day, name in sorted(found.items()) if today <= day < until]


def _said(change: Change) -> SimpleNamespace:
    """One change in words."""
    return SimpleNamespace(
        label=LABELS.get(change.name, change.name),
        before=in_words(change.name, change.before),
        after=in_words(change.name, change.after),
    )


def in_words(name: str, value: Any) -> str:
    """The value of a setting as a person says it."""
    if name == "lab_schedule":
        return next((label for plan, label, _ in LAB_PLANS if plan == value), str(value))
    if value in ("", [], None):
        return "–"
    if name == "opening_days":
        return ", ".join(dict(WEEKDAYS)[str(day)] for day in value)
    if name == "closed_days":
        return ", ".join(d(day) for day in value)
    if name in ("language", "second_language"):
        return dict(LANGUAGES).get(value, str(value))
    if name == "lead_days":
        return "; ".join(
            f"{PATIENT_NAMES[ReminderKind(kind)]}: {_days(said)}" for kind, said in value.items()
        )
    if name == "patient_hours":
        return f"{value['from']} to {value['until']}"
    return " / ".join(value) if isinstance(value, list) else str(value).replace("\n", ", ")


def _days(days: list[int]) -> str:
    return ", ".join(str(day) for day in days) + " days before"


def history(here: Clinic, limit: int = 50) -> list[SimpleNamespace]:
    """What was changed in the clinic's settings, in words, newest first."""
    return [
        SimpleNamespace(
            at=event.at,
            who=event.actor,
            what=ACTIONS.get(event.action, event.action),
            changes=_changes_of(event.detail),
            detail=event.detail,
        )
        for event in services.history(db.session(), here, limit)
    ]


def _changes_of(detail: dict[str, Any]) -> list[SimpleNamespace]:
    before = detail.get("before", {})
    return [
        _said(Change(name, before.get(name), value))
        for name, value in detail.get("after", {}).items()
    ]


@administration.route("/clinics/new", methods=["GET", "POST"])
@access(Role.ADMINISTRATOR)
def add_clinic() -> Page:
    """Add a clinic to this installation."""
    form = NewClinicForm()
    made: list[int] = []
    if request.method == "POST" and accepted(form, lambda: made.append(_add(form))):
        choose_clinic(made[0])
        flash("The clinic is added, and you work in it now. Enter its letterhead and people.", "ok")
        return redirect(url_for("administration.settings"))
    page = render_template(
        "administration/new_clinic.html",
        form=form,
        may_add=clinics.administers_installation(db.session(), actor()),
        zones=sorted(set(ZONES) & available_timezones()),
    )
    return (page, 422) if request.method == "POST" else page


def _add(form: NewClinicForm) -> int:
    with transaction() as session:
        return int(clinics.add_clinic(session, actor(), form.new_clinic(), now()).id)
