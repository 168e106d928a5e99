"""The planner of one patient: planned steps in, the answer for that day and a calendar out."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField
from wtforms.validators import Optional, ValidationError

from compliance.db import db
from compliance.models import Clinic, Patient
from compliance.rules.dates import plus
from compliance.rules.planner import Outlook, Wanted, look_ahead
from compliance.rules.planner_advice import advise
from compliance.rules.programme import load_programme, programme_ids
from compliance.rules.steps import Steps
from compliance.rules.terms import Act, TestSetting
from compliance.rules.what_if import Situation, Supposition
from compliance.services.assessments import current_act
from compliance.services.evidence import local_date
from compliance.services.opening_days import holidays_are_known, openings_of
from compliance.services.what_if import decisions_of, situation_of
from compliance.web.clock import now
from compliance.web.patient_view import edition_title, open_record
from compliance.web.security import STAFF, access

planner = Blueprint("planner", __name__, url_prefix="/patients/<public_id>/planner")

WEEKS = 6
BACK, AHEAD = 366, 731  # days: as far as a step may be planned and the calendar turned
SUNDAY_FIRST = frozenset({"US", "CA", "MX", "BR", "JP", "IN", "IL", "KR", "TW", "ZA", "PH"})
SETTINGS = [
    ("medical", "In a medical setting"),
    ("laboratory", "In a laboratory"),
    ("home", "At home, with the documented process"),
]


def _near(form: FlaskForm, field: DateField) -> None:
    today: dt.date = form.today  # type: ignore[attr-defined]
    if field.data is not None and not -BACK <= (field.data - today).days <= AHEAD:
        raise ValidationError("Enter a day from a year ago to two years ahead.")


def _day(label: str, hint: str = "") -> DateField:
    return DateField(label, [Optional(), _near], description=hint)


class PlannerForm(FlaskForm):
    """Steps as somebody might plan them; read from the address, and never stored."""

    test = _day("Test collected on", "Supposed to be negative.")
    setting = SelectField("Where", [Optional()], choices=SETTINGS, default="medical")
    statements = _day(
        "Statements on",
        "Confirmation, both sides' methods, answers.",
    )
    visit = _day("Visit on", "In person, with all that is to be asked.")
    prescription = _day("Prescription issued on")
    pick_up = _day("Picked up on", "The answer is given for this day.")
    rules = SelectField("Judged by", [Optional()])
    first = DateField("Calendar from", [Optional(), _near], name="from")

    def __init__(self, args: Any, today: dt.date) -> None:
        self.today = today
        super().__init__(args, meta={"csrf": False})  # type: ignore[no-untyped-call]
        self.rules.choices = [("", "What applies at this clinic"), *rules_to_choose()]

    def steps(self) -> Steps:
        """The planned steps."""
        return Steps(
            test=self.test.data,
            setting=TestSetting(self.setting.data or "medical"),
            statements=self.statements.data,
            visit=self.visit.data,
            prescription=self.prescription.data,
            pick_up=self.pick_up.data,
        )

    def supposition(self) -> Supposition:
        """The programme and the edition to judge by."""
        programme, _, edition = (self.rules.data or "").partition("/")
        return Supposition(programme=programme or None, edition=edition or None)


@cache
def rules_to_choose() -> list[tuple[str, str]]:
    """Every programme by its own editions, and every edition as if it alone had ever applied."""
    found = []
    for programme in map(load_programme, programme_ids()):
        found.append((programme.id, f"{programme.name}, each edition in its time"))
        found += [
            (f"{programme.id}/{edition.id}", f"{programme.name}, edition {edition.id} throughout")
            for edition in reversed(programme.editions)
        ]
    return found


@planner.get("")
@access(*STAFF)
def show(public_id: str) -> str | tuple[str, int]:
    """The answer for a day with planned steps, and what each day of six weeks is for."""
    patient = open_record(public_id, "planner")
    moment = now()
    form = PlannerForm(request.args, local_date(patient.clinic, moment))
    valid = bool(form.validate())  # type: ignore[no-untyped-call]
    page = render_template("planner/show.html", **_context(patient, form, valid, moment))
    return page if valid else (page, 422)


def _context(
    patient: Patient, form: PlannerForm, valid: bool, moment: dt.datetime
) -> dict[str, Any]:
    steps = form.steps() if valid else Steps()
    what = form.supposition() if valid else Supposition()
    here = situation_of(db.session(), patient)
    first = _first_day(patient.clinic, form, steps, valid)
    openings = openings_of(patient.clinic, plus(form.today, -BACK), plus(first, 7 * WEEKS + 31))
    wanted = Wanted(steps, _act(here, steps, form.today), first, WEEKS)
    outlook = look_ahead(here, wanted, what, openings, moment)
    return {
        "patient": patient,
        "today": form.today,
        "form": form,
        "steps": steps,
        "outlook": outlook,
        "answer": outlook.answer,
        "asked": outlook.asked,
        "advice": advise(outlook, steps, openings, form.today),
        "act": wanted.act.value,
        "supposed": what.programme is not None,
        "edition": edition_title(outlook.answer.programme, outlook.answer.edition),
        "weekdays": [day.on for day in outlook.weeks[0]],
        "earlier": _turned(-4, first),
        "later": _turned(4, first),
        "turned": form.first.data is not None,
        "holidays_known": holidays_are_known(patient.clinic),
        "just_before": dt.timedelta(microseconds=1),
        "decisions": decisions_of(db.session(), patient, 6),
        "ahead": _within(outlook),
    }


def _act(here: Situation, steps: Steps, today: dt.date) -> Act:
    """What is asked: the pick-up or the prescription that is planned, else what is next."""
    if steps.pick_up is not None:
        return Act.DISPENSE
    if steps.prescription is not None:
        return Act.PRESCRIBE
    return current_act(here.record, today)


def _first_day(clinic: Clinic, form: PlannerForm, steps: Steps, valid: bool) -> dt.date:
    """The first day of the first week shown: today's, unless the steps lie outside those weeks."""
    wanted = form.first.data if valid else None
    if wanted is None:
        planned = [day for day in steps.days().values() if day >= form.today]
        far = max(planned, default=form.today) >= plus(form.today, 7 * (WEEKS - 1))
        wanted = max(min(planned), plus(max(planned), -28)) if far else form.today
    begins = 7 if clinic.country in SUNDAY_FIRST else 1
    return plus(wanted, -((wanted.isoweekday() - begins) % 7))


def _turned(weeks: int, first: dt.date) -> str:
    """The same plan with the calendar turned by some weeks."""
    kept = {name: value for name, value in request.args.items() if value and name != "from"}
    return "?" + urlencode({**kept, "from": plus(first, 7 * weeks).isoformat()}) + "#calendar"


def _within(outlook: Outlook) -> list[dict[str, Any]]:
    """What lies ahead once every step is done, as the patient page shows it."""
    return [
        {
            "requirement": item.requirement.value,
            "first": item.first,
            "last": item.last,
            "sentence": item.sentence,
        }
        for item in outlook.ahead
    ]
