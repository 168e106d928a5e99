"""Who may use which route: every view declares it, and what declares nothing is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request, session
from flask_security import current_user
from werkzeug.exceptions import NotFound as UnknownAddress
from werkzeug.wrappers import Response as BaseResponse

from compliance.db import only_reading
from compliance.models import Clinic, Membership, Role
from compliance.services.actors import Actor
from compliance.services.errors import NotPermitted
from compliance.web.signed_out import held_answers

V = TypeVar("V", bound=Callable[..., Any])

PUBLIC = "public"
SIGNED_IN = "signed-in"
STAFF = (Role.PRESCRIBER, Role.NURSE, Role.MANAGER, Role.ADMINISTRATOR)
CLINICAL = (Role.PRESCRIBER, Role.NURSE)
OVERSIGHT = (Role.MANAGER, Role.ADMINISTRATOR, Role.PRESCRIBER)

# A callable rule admits or refuses by itself: programs with a token, not people.
Rule = str | tuple[Role, ...] | Callable[[], None]

# Views of libraries cannot carry a decorator: their rules stand here, and no others are admitted.
LIBRARY_RULES: dict[str, Rule] = {
    "static": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": SIGNED_IN,
    "security.change_password": SIGNED_IN,
}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def access(*roles: Role) -> Callable[[V], V]:
    """Only these roles, at the clinic that the person works in now."""
    return _declare(roles)


def public(view: V) -> V:
    """Anybody, without signing in."""
    return _declare(PUBLIC)(view)


def signed_in(view: V) -> V:
    """Anybody who is signed in, whatever the role."""
    return _declare(SIGNED_IN)(view)


def _declare(rule: Rule) -> Callable[[V], V]:
    def mark(view: V) -> V:
        view.access_rule = rule  # type: ignore[attr-defined]
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """What an endpoint declares; None when it declares nothing."""
    view = app.view_functions.get(endpoint)
    return getattr(view, "access_rule", None) or LIBRARY_RULES.get(endpoint)


def memberships() -> list[Membership]:
    """Where the signed-in person works."""
    if not current_user.is_authenticated:
        return []
    return list(current_user.memberships)


def actor() -> Actor:
    """Who makes this request; raises NotPermitted when nobody is signed in."""
    found: Actor | None = g.get("actor")
    if found is None:
        raise NotPermitted("Sign in first.")
    return found


def clinic() -> Clinic:
    """The clinic that the person works in now."""
    found: Clinic | None = g.get("clinic")
    if found is None:
        raise NotPermitted("This account belongs to no clinic; ask an administrator.")
    return found


def choose_clinic(clinic_id: int) -> None:
    """Work in another of one's own clinics from now on."""
    if clinic_id not in {item.clinic_id for item in memberships()}:
        raise NotPermitted("This account has no role at that clinic.")
    session["clinic_id"] = clinic_id


def guard(app: Flask) -> None:
    """Put the guard before every request and the headers after every answer."""
    app.before_request(_admit)
    app.after_request(_headers)


def _admit() -> BaseResponse | None:
    only_reading(request.method in ("GET", "HEAD", "OPTIONS"))
    if request.endpoint is None:
        return None  # no such address, or not by this method: the error pages answer
    rule = rule_of(current_app, request.endpoint)
    if rule is None:
        raise UnknownAddress
    if callable(rule):
        rule()
        return None
    if rule == PUBLIC and request.endpoint == "static":
        return None
    _identify()
    if rule == PUBLIC:
        return None
    if not current_user.is_authenticated:
        return held_answers() or current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    if rule != SIGNED_IN and (g.actor.role is None or g.actor.role not in rule):
        raise NotPermitted("Your role at this clinic does not include this page.")
    return None


def _identify() -> None:
    g.actor, g.clinic = None, None
    if not current_user.is_authenticated:
        return
    places = memberships()
    chosen = next((p for p in places if p.clinic_id == session.get("clinic_id")), None)
    place = chosen or (places[0] if places else None)
    g.clinic = place.clinic if place else None
    g.actor = Actor(
        name=current_user.name,
        user_id=current_user.id,
        clinic_id=place.clinic_id if place else None,
        role=place.role if place else None,
    )


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
