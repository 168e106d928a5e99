"""Laboratories' own codes: what was seen, what each means here, and who said so."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField
from wtforms.validators import InputRequired

from compliance.db import db, transaction
from compliance.models import ImportedResult, Patient, Role
from compliance.rules.terminology import load_terminology
from compliance.services import audit, code_mapping, codes
from compliance.services.code_mapping import Outcome
from compliance.services.codes import LocalCode, Target
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.filters import plural
from compliance.web.forms import PageForm
from compliance.web.lab_reading import reader
from compliance.web.security import CLINICAL, access, actor

code_pages = Blueprint("codes", __name__, url_prefix="/labs/codes")

PER_PAGE = 50
Page = str | Response | tuple[str, int]


class MappingForm(PageForm):
    """What a laboratory's code means."""

    target = SelectField("It means", [InputRequired("Choose what the code means.")])


class UnmapForm(PageForm):
    """Which mapping is taken back."""

    mapping = IntegerField(validators=[InputRequired()])


@code_pages.get("")
@access(*CLINICAL, Role.MANAGER)
def index() -> str:
    """Every code that nobody has mapped, and every one that somebody has."""
    seen = codes.local_codes(db.session(), actor())
    pages = max(1, -(-len(seen) // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    return render_template(
        "labs/codes.html",
        seen=seen[(page - 1) * PER_PAGE : page * PER_PAGE],
        count=len(seen),
        waiting=sum(item.held for item in seen),
        page=page,
        pages=pages,
        mapped=[
            (row, name_of(row.target_code)) for row in codes.mappings_of(db.session(), actor())
        ],
        form=UnmapForm() if actor().role in CLINICAL else None,
    )


def name_of(code: str) -> str:
    """What a code of the catalogue measures."""
    terms = load_terminology()
    if code in terms.codes:
        return terms.analytes[terms.codes[code].analyte].name
    return "Pregnancy test" if code in terms.pregnancy.tests else code


@code_pages.route("/<public_id>", methods=["GET", "POST"])
@access(*CLINICAL)
def show(public_id: str) -> Page:
    """One code: what it may mean, what mapping it would change, then mapping it."""
    form, tried = MappingForm(), list[Outcome]()
    local = _opened(public_id)
    offered = codes.targets(local)
    form.target.choices = [("", "Choose…"), *((item.code, label(item)) for item in offered)]
    act = _map if "map" in request.form else _try
    if request.method == "POST" and accepted(form, lambda: tried.append(act(public_id, form))):
        if act is _map:
            flash(f"Mapped. {told(tried[0])}", "ok")
            return redirect(url_for("codes.index"))
        local = codes.local_code(db.session(), actor(), public_id)
    page = render_template(
        "labs/code.html",
        local=local,
        form=form,
        fitting=[item for item in offered if item.fits],
        others=[item for item in offered if not item.fits],
        label=label,
        tried=tried[0] if tried else None,
        told=told,
        cancel_url=url_for("codes.index"),
    )
    return (page, 422) if request.method == "POST" and not tried else page


def _opened(public_id: str) -> LocalCode:
    """The code with its newest result as example: a look at that patient is written down."""
    with transaction() as session:
        local = codes.local_code(session, actor(), public_id)
        _log(session, local.example)
    return codes.local_code(db.session(), actor(), public_id)


def _log(session: Session, example: ImportedResult) -> None:
    patient: Patient | None = example.patient or example.suggested_patient
    if patient is not None:
        audit.log_access(session, actor(), patient, "laboratory code", now())


def label(target: Target) -> str:
    """A target as a person chooses it: name, units, code."""
    return " · ".join(
        part for part in (target.name, " or ".join(target.units), target.code) if part
    )


def told(outcome: Outcome, read: str = "read again") -> str:
    """What reading again makes of the results, in one sentence."""
    if not outcome.total:
        return "No result that waits would change."
    parts = [f"{outcome.filed} filed", f"{outcome.held.total()} held"]
    if outcome.ignored:
        parts.append(f"{outcome.ignored} ignored")
    return f"{plural(outcome.total, 'result')} {read}: {', '.join(parts)}."


def _try(public_id: str, form: MappingForm) -> Outcome:
    with transaction() as session:
        local = codes.local_code(session, actor(), public_id)
        target = form.target.data
        return code_mapping.try_mapping(session, actor(), local, target, reader(session), now())


def _map(public_id: str, form: MappingForm) -> Outcome:
    with transaction() as session:
        local = codes.local_code(session, actor(), public_id)
        target = form.target.data
        return code_mapping.map_code(session, actor(), local, target, reader(session), now())


@code_pages.post("/unmap")
@access(*CLINICAL)
def unmap() -> Response:
    """Take a mapping back."""
    form, said = UnmapForm(), list[str]()

    def act() -> None:
        with transaction() as session:
            mapping = form.mapping.data
            kept = code_mapping.filed_under(session, actor(), mapping)
            outcome = code_mapping.unmap(session, actor(), mapping, reader(session), now())
            stays = f" {plural(kept, 'filed result')} stay in the record." if kept else ""
            said.append(f"The mapping is taken back. {told(outcome)}{stays}")

    done = accepted(form, act)
    flash(said[0] if done else "Choose a mapping of the list.", "ok" if done else "warn")
    return redirect(url_for("codes.index"))
