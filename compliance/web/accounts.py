"""Sign in and out; a door that closes for a while after too many wrong passwords."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, Flask, flash, redirect, request, url_for
from flask_security import (
    LoginForm,
    RoleMixin,
    Security,
    SQLAlchemyUserDatastore,
    user_authenticated,
    user_failed_authn,
)
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import User
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.web.clock import now
from compliance.web.security import choose_clinic, signed_in

MOST_TRIES = 5
CLOSED_FOR = dt.timedelta(minutes=15)

accounts = Blueprint("accounts", __name__)


class NoGlobalRoles(RoleMixin):
    """The library wants a table of roles; here a role belongs to a clinic (Membership)."""


class SignInForm(LoginForm):
    """The library's form, with the door closed after too many wrong passwords."""

    def validate(self, **kwargs: Any) -> bool:  # type: ignore[override]
        """Valid credentials do not open a closed door."""
        valid = bool(super().validate(**kwargs))
        closed_until = getattr(self.user, "locked_until", None)
        if closed_until is None or closed_until <= now():
            return valid
        minutes = CLOSED_FOR.seconds // 60
        self.form_errors.append(
            f"Too many wrong passwords. Try again in {minutes} minutes, or ask an administrator."
        )
        return False


def setup(app: Flask) -> None:
    """Put sign-in in place."""
    app.extensions["sign_in"] = Security(
        app,
        SQLAlchemyUserDatastore(db, User, NoGlobalRoles),
        login_form=SignInForm,
    )
    user_failed_authn.connect(_count_failure, app)
    user_authenticated.connect(_note_success, app)


def _count_failure(_app: Flask, user: User, **_rest: object) -> None:
    user_id, moment = user.id, now()
    with transaction() as session:
        row = session.get(User, user_id, with_for_update=True)
        row.failed_sign_ins += 1
        if row.failed_sign_ins >= MOST_TRIES:
            row.failed_sign_ins, row.locked_until = 0, moment + CLOSED_FOR
        audit.record(session, Actor(row.name, row.id), "sign-in.failed", "user", row.id, moment)


def _note_success(_app: Flask, user: User, **_rest: object) -> None:
    user_id = user.id
    with transaction() as session:
        row = session.get(User, user_id, with_for_update=True)
        row.failed_sign_ins, row.locked_until = 0, None
        audit.record(session, Actor(row.name, row.id), "sign-in", "user", row.id, now())


@accounts.post("/clinic")
@signed_in
def switch_clinic() -> Response:
    """Work in another of one's own clinics."""
    choose_clinic(int(request.form["clinic_id"]))
    flash("You now work in the clinic shown at the top.", "ok")
    return redirect(url_for("worklist.today"))
