"""What a person can do at once about results that wait: for one of them, or for several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from compliance.db import transaction
from compliance.models import Evidence, ImportedResult
from compliance.rules.facts import Fact
from compliance.services import corrections, held
from compliance.services.confirmed_units import confirm_unit, units_to_confirm
from compliance.services.errors import DomainError
from compliance.services.filing import proposed
from compliance.services.rematching import find_all_again
from compliance.services.scope import LOINC
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.filters import plural
from compliance.web.forms import PageForm
from compliance.web.lab_reading import reader
from compliance.web.security import CLINICAL, access, actor

held_acts = Blueprint("held_acts", __name__, url_prefix="/labs/held")


class DismissManyForm(PageForm):
    """Why several results are dismissed together."""

    many_reason = StringField("Why", [InputRequired("Enter the reason.")])


class OneClickForm(PageForm):
    """One click that needs no more said."""


class ConfirmUnitForm(PageForm):
    """The unit that the laboratory confirmed, and who there did."""

    confirmed_unit = SelectField("Unit", [InputRequired("Choose the unit.")])
    confirmed_by = StringField(
        "Who confirmed it",
        [InputRequired("Enter who confirmed it.")],
        description="The person you asked at the laboratory.",
    )


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A held result with what one click could do about it."""

    row: ImportedResult
    fact: Fact | None
    withdrawable: Evidence | None
    can_map: bool
    can_confirm: bool

    @classmethod
    def of(cls, session: Session, row: ImportedResult) -> HeldRow:
        """What can be done about this one."""
        is_local = row.code != "" and row.code_system != LOINC
        taken_back = corrections.withdrawable(session, row)
        return cls(row, proposed(row), taken_back, is_local, bool(units_to_confirm(row)))


def choices_about(session: Session, row: ImportedResult) -> dict[str, Any]:
    """What the page of one held result offers beside filing and dismissing."""
    units = units_to_confirm(row)
    form = ConfirmUnitForm() if units else None
    if form is not None:
        form.confirmed_unit.choices = [("", "–"), *((unit, unit) for unit in units)]
    return {"held_row": HeldRow.of(session, row), "unit_form": form}


@held_acts.post("/dismiss")
@access(*CLINICAL)
def dismiss() -> Response:
    """Dismiss every result that was chosen, with one reason."""
    form, chosen = DismissManyForm(), request.form.getlist("chosen")

    def act() -> str:
        with transaction() as session:
            rows = [held.get_result(session, actor(), name) for name in dict.fromkeys(chosen)]
            reason = form.many_reason.data or ""
            count = corrections.dismiss_many(session, actor(), rows, reason, now())
        return f"Dismissed {plural(count, 'result')}. They stay on record with your reason."

    return _answered(form, act)


@held_acts.post("/match-again")
@access(*CLINICAL)
def match_again() -> Response:
    """Look once more for the patients of what waits without one."""

    def act() -> str:
        with transaction() as session:
            found = find_all_again(session, actor(), reader(session), now())
        count = plural(found.filed + found.held, "result")
        return (
            f"{count} found their patient: {found.filed} filed, {found.held} held."
            f" {found.suggested} more suggested by name."
        )

    return _answered(OneClickForm(), act)


@held_acts.post("/<public_id>/withdraw-filed")
@access(*CLINICAL)
def withdraw_filed(public_id: str) -> Response:
    """Withdraw the filed result that the laboratory takes back."""

    def act() -> str:
        with transaction() as session:
            row = held.get_result(session, actor(), public_id)
            corrections.withdraw_filed(session, actor(), row, now())
        return "Withdrawn. The patient's answer is the new one; earlier decisions were checked."

    return _answered(OneClickForm(), act)


@held_acts.post("/<public_id>/unit")
@access(*CLINICAL)
def unit(public_id: str) -> Response:
    """File a number in the unit that the laboratory confirmed."""
    form = ConfirmUnitForm()
    form.confirmed_unit.choices = [(text, text) for text in request.form.getlist("confirmed_unit")]

    def act() -> str:
        with transaction() as session:
            row = held.get_result(session, actor(), public_id)
            chosen, who = form.confirmed_unit.data or "", form.confirmed_by.data or ""
            confirm_unit(session, actor(), row, chosen, who, reader(session), now())
        return "Filed in the unit that the laboratory confirmed."

    back = url_for("labs.resolve", public_id=public_id)
    return _answered(form, act, refused=back)


def _answered(form: PageForm, act: Any, refused: str = "") -> Response:
    """Do it and say so, or say why not, on the queue or on the page it was asked from."""
    told: list[str] = []
    try:
        if accepted(form, lambda: told.append(act())):
            flash(told[0], "ok")
            return redirect(url_for("labs.queue"))
        problems = [str(text) for field in form for text in field.errors]
        problems += [str(text) for text in form.form_errors]
    except DomainError as error:
        problems = [str(error)]
    for problem in problems:
        flash(problem, "warn")
    return redirect(refused or url_for("labs.queue"))
