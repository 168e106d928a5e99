"""People: who works here and as what; invitations, and the page that sets a password."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import PasswordField, SelectField, StringField
from wtforms.validators import EqualTo, Length

from compliance.db import db, transaction
from compliance.mail.errors import Undelivered
from compliance.mail.messages import access_message
from compliance.mail.post import outbox_of, sender_of
from compliance.models import Role, User
from compliance.services import people as services
from compliance.services.errors import Conflict, NotFound
from compliance.services.password_links import make_token, read_token
from compliance.web.answers import accepted
from compliance.web.clock import now
from compliance.web.forms import CHOOSE, NEEDED, PageForm, choices
from compliance.web.security import access, actor, clinic, public
from compliance.web.words import words

people = Blueprint("people", __name__)

Page = str | Response | tuple[str, int]


class InviteForm(PageForm):
    """A person who shall work here."""

    name = StringField("Name", [NEEDED, Length(max=200)])
    email = StringField("E-mail", [NEEDED, Length(max=254)], description="They sign in with it.")
    role = SelectField("Role", [CHOOSE], choices=[("", "Choose…"), *choices(Role)])


class NewPasswordForm(PageForm):
    """One's own new password."""

    password = PasswordField("New password", [NEEDED])
    again = PasswordField(
        "New password once more",
        [NEEDED, EqualTo("password", "The two passwords are not the same.")],
    )


@people.get("/administration/people")
@access(Role.MANAGER, Role.ADMINISTRATOR)
def index() -> str:
    """Everybody with a role at this clinic."""
    return render_template(
        "administration/people.html",
        rows=[_row(place) for place in services.members_of(db.session(), clinic().id)],
        is_administrator=actor().role is Role.ADMINISTRATOR,
    )


def _row(place: Any) -> SimpleNamespace:
    user, moment = place.user, now()
    locked = user.locked_until is not None and user.locked_until > moment
    return SimpleNamespace(
        user=user,
        role=words(place.role.value),
        locked_until=user.locked_until if locked else None,
        elsewhere=len(user.memberships) - 1,
        is_me=user.id == actor().user_id,
    )


@people.route("/administration/people/new", methods=["GET", "POST"])
@access(Role.ADMINISTRATOR)
def invite() -> Page:
    """Invite somebody to work here."""
    form = InviteForm()
    made: list[services.Invited] = []
    if request.method == "POST" and accepted(form, lambda: made.append(_invite(form))):
        return _invited(made[0])
    page = render_template("administration/invite.html", form=form)
    return (page, 422) if request.method == "POST" else page


def _invite(form: InviteForm) -> services.Invited:
    with transaction() as session:
        role = Role(form.role.data)
        return services.invite(session, actor(), form.email.data, form.name.data, role, now())


def _invited(made: services.Invited) -> Page:
    if made.is_new:
        return _hand_over(made.user)
    flash(f"{made.user.name} has an account already and can now work in this clinic too.", "ok")
    return redirect(url_for("people.index"))


def _hand_over(user: User) -> Page:
    """Mail the link that sets the password; where no mail leaves, show it this once."""
    token = make_token(user, current_app.config["SECRET_KEY"], now())
    settings = current_app.extensions["settings"]
    link = settings.base_url + url_for("people.set_password", token=token)
    if settings.mail_leaves and _mailed(user, link, settings):
        flash(f"A link to choose the password was mailed to {user.email}.", "ok")
        return redirect(url_for("people.show", user_id=user.id))
    return render_template(
        "administration/link.html", person=user, link=link, mail_failed=settings.mail_leaves
    )


def _mailed(user: User, link: str, settings: Any) -> bool:
    sender = sender_of(settings)
    try:
        message = access_message(user.email, clinic(), link, f"access|{link}", sender, now())
        with outbox_of(settings) as outbox:
            outbox.deliver(message)
    except Undelivered:
        return False
    return True


@people.get("/administration/people/<int:user_id>")
@access(Role.ADMINISTRATOR)
def show(user_id: int) -> str:
    """One person: role, access, password, digest."""
    place = services.member(db.session(), actor(), user_id)
    return render_template(
        "administration/person.html",
        row=_row(place),
        place=place,
        roles=choices(Role),
        governs=services.governs(db.session(), actor(), place.user),
    )


@people.post("/administration/people/<int:user_id>/role")
@access(Role.ADMINISTRATOR)
def set_role(user_id: int) -> Response:
    """Give somebody another role here."""
    role = next((item for item in Role if item.value == request.form.get("role")), None)
    if role is None:
        raise NotFound("There is no such role.")
    return _done(user_id, partial(services.set_role, role=role), "The role is changed.")


@people.post("/administration/people/<int:user_id>/<any(deactivate,reactivate,unlock):step>")
@access(Role.ADMINISTRATOR)
def change_access(user_id: int, step: str) -> Response:
    """Close an account, open it again, or unlock it."""
    acts: dict[str, tuple[Callable[..., None], str]] = {
        "deactivate": (services.deactivate, "The account is closed, and its sessions have ended."),
        "reactivate": (services.reactivate, "The account is open again."),
        "unlock": (services.unlock, "The account is unlocked."),
    }
    return _done(user_id, *acts[step])


@people.post("/administration/people/<int:user_id>/digest")
@access(Role.ADMINISTRATOR)
def set_digest(user_id: int) -> Response:
    """Say whether somebody gets the morning digest."""
    wanted = request.form.get("wanted") == "yes"
    return _done(user_id, partial(services.set_digest, wanted=wanted), "The digest is set.")


@people.post("/administration/people/<int:user_id>/end")
@access(Role.ADMINISTRATOR)
def end_role(user_id: int) -> Response:
    """End somebody's role at this clinic."""
    back = url_for("people.index")
    return _done(user_id, services.end_role, "The role here has ended.", to=back)


@people.post("/administration/people/<int:user_id>/password")
@access(Role.ADMINISTRATOR)
def reset_password(user_id: int) -> Page:
    """End the old password and hand over a link that sets a new one."""
    with transaction() as session:
        user = services.reset_password(session, actor(), user_id, now())
    return _hand_over(user)


def _done(user_id: int, act: Callable[..., None], said: str, to: str = "") -> Response:
    try:
        with transaction() as session:
            act(session, actor(), user_id, now=now())
        flash(said, "ok")
    except Conflict as refused:
        flash(str(refused), "error")
        to = ""
    return redirect(to or url_for("people.show", user_id=user_id))


@people.route("/set-password/<token>", methods=["GET", "POST"])
@public
def set_password(token: str) -> Page:
    """Choose one's own password, by a link that works once."""
    form = NewPasswordForm()
    key = current_app.config["SECRET_KEY"]
    name = read_token(db.session(), token, key, now()).name
    if request.method == "POST" and accepted(form, lambda: _set_password(token, key, form)):
        flash("Your password is set. Sign in with it.", "ok")
        return redirect(url_for("security.login"))
    page = render_template("administration/set_password.html", form=form, name=name)
    return (page, 422) if request.method == "POST" else page


def _set_password(token: str, key: str, form: NewPasswordForm) -> None:
    with transaction() as session:
        user = read_token(session, token, key, now())
        services.set_password(session, user, form.password.data, now())
