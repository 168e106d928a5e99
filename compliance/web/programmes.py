"""The rules in force at this clinic: editions, every value with its citation, and adoptions."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField, TextAreaField
from wtforms.validators import InputRequired

from compliance.db import db, transaction
from compliance.models import Clinic, Role, User
from compliance.rules.changes import changes
from compliance.rules.differences import provision_words
from compliance.rules.findings import Provision
from compliance.rules.programme import Edition, Parameter, Programme, load_programme
from compliance.rules.readings import readings_of
from compliance.services import adoptions, evidence
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import PageForm
from compliance.web.security import STAFF, access, actor, clinic

programmes = Blueprint("programmes", __name__, url_prefix="/rules")


class AdoptionForm(PageForm):
    """The clinic's attestation."""

    edition = SelectField("Edition", [InputRequired("Choose one.")])
    on = DateField("From", [InputRequired("Enter the day.")])
    source = TextAreaField(
        "Source",
        [InputRequired("Enter the source.")],
        description="The notice or letter that you rely on, with its date.",
    )


@programmes.get("")
@access(*STAFF)
def index() -> str:
    """What binds here today, and since when."""
    here = clinic()
    programme = load_programme(here.programme)
    terms = evidence.clinic_terms(db.session(), here)
    today = evidence.local_date(here, now())
    current = programme.edition_on(today, terms.adoptions)
    found = changes(programme, terms.adoptions)
    values = _values(programme, current)
    return render_template(
        "programmes/index.html",
        programme=programme,
        ahead=[item for item in found if not item.applies or item.on > today],
        past=[
            item for item in reversed(found) if item.applies and item.before and item.on <= today
        ],
        values=values,
        unverified=sum(not provision.citation.verified for _, provision, _ in values),
        current=current,
        today=today,
        starts={edition.id: start for start, edition in programme.timeline(terms.adoptions)},
        adopted=[
            (row, db.session.get(User, row.attested_by_id))
            for row in adoptions.adoptions_of(db.session(), here)
        ],
        readings=readings_of(programme.id),
        may_adopt=actor().role in (Role.PRESCRIBER, Role.ADMINISTRATOR),
    )


def _values(
    programme: Programme, current: Edition | None
) -> list[tuple[Parameter, Provision, str]]:
    """Everything that binds today: what it means, with its source, and its value in words."""
    provisions = programme.provisions_of(current.id) if current else {}
    return [
        (programme.parameters[name], provision, provision_words(provision))
        for name, provision in provisions.items()
    ]


@programmes.route("/adopt", methods=["GET", "POST"])
@access(Role.PRESCRIBER, Role.ADMINISTRATOR)
def adopt() -> str | Response | tuple[str, int]:
    """Attest that this clinic works by an edition."""
    here = clinic()
    editions = load_programme(here.programme).editions
    form = AdoptionForm()
    form.edition.choices = [(item.id, f"{item.id}: {item.summary}") for item in editions]
    if request.method == "POST" and accepted(form, lambda: _adopt(here.id, form)):
        flash("The adoption is recorded and every patient was assessed again.", "ok")
        return redirect(url_for("programmes.index"))
    page = render_template(
        "programmes/adopt.html",
        form=form,
    )
    return (page, 422) if request.method == "POST" else page


def _adopt(clinic_id: int, form: AdoptionForm) -> None:
    with transaction() as session:
        adoptions.adopt(
            session,
            actor(),
            session.get(Clinic, clinic_id),
            form.edition.data,
            form.on.data,
            form.source.data,
            now(),
        )
