"""The half hour in which a patient's page stands open: a signed cookie, under /p only."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from typing import Any

from flask import current_app, g, request
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from compliance.db import db
from compliance.models import PatientLink
from compliance.services.patient_links import is_live
from compliance.web.clock import now

COOKIE, PATH = "page", "/p"
IDLE = dt.timedelta(minutes=30)


class PageClosed(Exception):
    """The page of this browser is not open, or no longer."""


def open_page(answer: Response, link_id: int) -> None:
    """Open the page of a link in this browser."""
    _set(answer, link_id, secrets.token_urlsafe(16))


def close_page(answer: Response) -> None:
    """Close it again."""
    answer.delete_cookie(COOKIE, path=PATH)


def keep_open(answer: Response) -> Response:
    """Half an hour more with each answer."""
    if g.get("page_link_id") is not None and not g.get("page_left"):
        _set(answer, g.page_link_id, g.page_nonce)
    return answer


def _set(answer: Response, link_id: int, nonce: str) -> None:
    until = int((now() + IDLE).timestamp())
    answer.set_cookie(
        COOKIE,
        _signer().dumps([link_id, until, nonce]),
        max_age=IDLE,
        path=PATH,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def admit() -> None:
    """The rule of the routes behind the birth date; raises PageClosed."""
    link_id, nonce = _read(request.cookies.get(COOKIE, ""))
    link = db.session.get(PatientLink, link_id)
    if link is None or link.opened_at is None or not is_live(link, now()):
        raise PageClosed
    g.page_link_id, g.page_nonce, g.page_language = link.id, nonce, link.patient.language


def _read(cookie: str) -> tuple[int, str]:
    try:
        link_id, until, nonce = _signer().loads(cookie)
    except (BadData, ValueError, TypeError):
        raise PageClosed from None
    if now().timestamp() >= until:
        raise PageClosed
    return link_id, nonce


def form_token() -> str:
    """What each form of this page carries; another site cannot know it."""
    return str(_signer("form").dumps(g.page_nonce))


def check_form(fields: Any) -> None:
    """Refuse a form that this page did not make; raises Forbidden."""
    if not hmac.compare_digest(fields.get("token", "").encode(), form_token().encode()):
        raise Forbidden


def _signer(use: str = "page") -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"patient-{use}")
