"""The rules in force at this clinic: editions, every value with its citation, and adoptions."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField, TextAreaField
from wtforms.validators import InputRequired

from compliance.db import db, transaction
from compliance.models import Clinic, Role, User
from compliance.rules.programme import load_programme
from compliance.services import adoptions, evidence
from compliance.services.errors import Invalid
from compliance.web.clock import now
from compliance.web.patients import form_errors
from compliance.web.security import STAFF, access, actor, clinic

programmes = Blueprint("programmes", __name__, url_prefix="/rules")


class AdoptionForm(FlaskForm):
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
    return render_template(
        "programmes/index.html",
        programme=programme,
        current=current,
        today=today,
        starts={edition.id: start for start, edition in programme.timeline(terms.adoptions)},
        adopted=[
            (row, db.session.get(User, row.attested_by_id))
            for row in adoptions.adoptions_of(db.session(), here)
        ],
        may_adopt=actor().role in (Role.PRESCRIBER, Role.ADMINISTRATOR),
    )


@programmes.route("/adopt", methods=["GET", "POST"])
@access(Role.PRESCRIBER, Role.ADMINISTRATOR)
def adopt() -> str | Response | tuple[str, int]:
    """Attest that this clinic works by an edition."""
    here = clinic()
    editions = load_programme(here.programme).editions
    form = AdoptionForm()
    form.edition.choices = [(item.id, f"{item.id}: {item.summary}") for item in editions]
    errors: dict[str, str] = {}
    if request.method == "POST":
        errors = form_errors(form) or _adopt(here.id, form)
        if not errors:
            flash("The adoption is recorded and every patient was assessed again.", "ok")
            return redirect(url_for("programmes.index"))
    page = render_template(
        "evidence/form.html",
        title="Adopt an edition",
        why="An edition that is not confirmed applies only from the day that the clinic attests.",
        form=form,
        errors=errors,
        patient=None,
        submit="Attest",
        cancel_url=url_for("programmes.index"),
    )
    return (page, 422) if errors else page


def _adopt(clinic_id: int, form: AdoptionForm) -> dict[str, str]:
    try:
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
    except Invalid as error:
        return error.fields
    return {}
