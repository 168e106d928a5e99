"""The rules in force at this clinic: editions, values with citations, adoptions, action limits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, SelectField, SelectMultipleField, TextAreaField
from wtforms.validators import InputRequired

from compliance.db import db, transaction
from compliance.models import Clinic, LimitAdoption, Role, User
from compliance.rules.action_limits import (
    ActionLimit,
    limit_words,
    limits_in_force,
    suggested_limits,
)
from compliance.rules.changes import changes
from compliance.rules.differences import provision_words
from compliance.rules.findings import Provision
from compliance.rules.programme import Edition, Parameter, Programme, load_programme
from compliance.rules.readings import readings_of
from compliance.rules.terms import Analyte
from compliance.rules.words import sentence
from compliance.services import adoptions, evidence
from compliance.services.errors import Invalid
from compliance.services.patients import prescribers
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.filters import keep
from compliance.web.forms import PageForm
from compliance.web.security import STAFF, access, actor, clinic
from compliance.web.words import words

programmes = Blueprint("programmes", __name__, url_prefix="/rules")
ADOPTERS = (Role.PRESCRIBER, Role.ADMINISTRATOR)
LIMIT = "limits_"  # the fields of the limits, one an analyte
ORDER = tuple(dict.fromkeys(limit.analyte for limit in suggested_limits()))


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
        limit_sets=_limit_sets(here, today),
        may_adopt=actor().role in ADOPTERS,
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
@access(*ADOPTERS)
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


# --- the clinic's action limits -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShownSet:
    """An adopted set of action limits: its row, who attested it, and what it says in words.

    `limits` holds analyte, level, limit and advice of each; `state` is `ahead`, `now` or `past`.
    """

    row: LimitAdoption
    attester: User
    limits: tuple[tuple[str, str, str, str], ...]
    state: str


def _limit_sets(here: Clinic, today: dt.date) -> list[ShownSet]:
    """Every set that the clinic adopted, the one in force or to come first."""
    session = db.session()
    rows = adoptions.limit_adoptions_of(session, here)
    begun = [row for row in rows if row.adopted_on <= today]
    return [
        ShownSet(
            row,
            session.get_one(User, row.attested_by_id),
            tuple(_told(limit) for limit in suggested_limits() if limit.key in row.limits),
            "ahead" if row.adopted_on > today else "now" if row is begun[-1] else "past",
        )
        for row in reversed(rows)
    ]


def _told(limit: ActionLimit) -> tuple[str, str, str, str]:
    said, advice = sentence(limit_words(limit)), sentence(limit.advice)
    return words(limit.analyte.value), limit.level.value, said, advice


class LimitsForm(PageForm):
    """The clinic's attested choice of action limits; one field an analyte is added below."""

    on = DateField(
        "In force from",
        [InputRequired("Enter the day.")],
        description="Results collected from this day on are judged by these limits.",
    )
    source = TextAreaField(
        "Source",
        [InputRequired("Enter the source.")],
        description="The clinic's protocol or decision, with its date.",
    )
    attested_by = SelectField("Signed off by", [InputRequired("Choose a prescriber.")], coerce=int)
    attested = BooleanField(
        "A prescriber of this clinic has read each limit and signed it off",
        [InputRequired("The limits take effect only when they are signed off.")],
    )

    @property
    def chosen(self) -> list[str]:
        """The keys of the limits that were ticked."""
        return [key for analyte in ORDER for key in self[LIMIT + analyte.value].data or ()]


for _analyte in ORDER:
    setattr(
        LimitsForm,
        LIMIT + _analyte.value,
        SelectMultipleField(
            words(_analyte.value),
            choices=[
                (limit.key, limit.key) for limit in suggested_limits() if limit.analyte is _analyte
            ],
        ),
    )


@programmes.route("/limits", methods=["GET", "POST"])
@access(*ADOPTERS)
def adopt_limits() -> str | Response | tuple[str, int]:
    """Attest the action limits that this clinic works by."""
    here, form = clinic(), LimitsForm()
    if actor().role is Role.PRESCRIBER:
        del form.attested_by
    else:
        people = prescribers(db.session(), here)
        form.attested_by.choices = [(user.id, user.name) for user in people]
    if request.method == "POST" and accepted(form, lambda: _adopt_limits(here.id, form)):
        flash("The action limits are recorded and every patient was assessed again.", "ok")
        return redirect(url_for("programmes.index", _anchor="limits"))
    if request.method == "GET":
        _prefill(form, here)
    fields = [(form[LIMIT + analyte.value], _options(analyte)) for analyte in ORDER]
    page = render_template("programmes/limits.html", form=form, fields=fields)
    return (page, 422) if request.method == "POST" else page


def _options(analyte: Analyte) -> list[tuple[str, str, str]]:
    """The limits of an analyte: key, level with numbers, and what is advised."""
    return [
        (limit.key, f"{sentence(limit.level.value)}: {keep(limit_words(limit))}", _hint(limit))
        for limit in suggested_limits()
        if limit.analyte is analyte
    ]


def _hint(limit: ActionLimit) -> str:
    other = " Instead of the one above; choose one of the two." if limit.variant_of else ""
    return f"{sentence(limit.advice)}.{other}"


def _prefill(form: LimitsForm, here: Clinic) -> None:
    """What is in force now, or else what is suggested."""
    today = evidence.local_date(here, now())
    sets = evidence.clinic_terms(db.session(), here).limits
    own = limits_in_force(sets, today)
    proposed = own or tuple(limit for limit in suggested_limits() if not limit.variant_of)
    for analyte in ORDER:
        keys = [limit.key for limit in proposed if limit.analyte is analyte]
        form[LIMIT + analyte.value].data = keys
    form.on.data = today


def _adopt_limits(clinic_id: int, form: Any) -> None:
    try:
        with transaction() as session:
            adoptions.adopt_limits(
                session,
                actor(),
                session.get(Clinic, clinic_id),
                form.chosen,
                form.on.data,
                form.source.data,
                now(),
                attested_by=form.attested_by.data if "attested_by" in form else None,
            )
    except Invalid as error:
        first = LIMIT + ORDER[0].value
        fields = {first if name == "limits" else name: said for name, said in error.fields.items()}
        raise Invalid(fields) from None
