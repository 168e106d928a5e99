"""Who may use which route of the API: every view declares its scopes, or that it is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import current_app, g, request
from itsdangerous import BadData, URLSafeSerializer

from compliance.api.answers import Refused, base_url
from compliance.api.clock import now
from compliance.db import db
from compliance.models import ApiClient
from compliance.services import api_clients
from compliance.services.actors import Actor

V = TypeVar("V", bound=Callable[..., Any])
LIFETIME = 600  # seconds that a token is good for


@dataclass(frozen=True, slots=True)
class ClientRule:
    """The scope that a route asks for; None: open to everybody. Called before each request."""

    scope: str | None

    def __call__(self) -> None:
        """Admit the program that asks, or refuse it; raises Refused (401 or 403)."""
        if self.scope is None:
            return
        scope = self.scope.format(**(request.view_args or {}))
        g.client, scopes = _client()
        g.actor = api_clients.actor_of(g.client)
        if not api_clients.covers(scopes, scope):
            said = f'Bearer error="insufficient_scope", scope="{_known(scope)}"'
            raise Refused(
                403, f"The token lacks the scope {_known(scope)}.", {"WWW-Authenticate": said}
            )


def client_access(scope: str) -> Callable[[V], V]:
    """Only programs with this scope; `{kind}` in it stands for that part of the address."""
    return _declare(ClientRule(scope))


def open_to_all(view: V) -> V:
    """Anybody, without a token: it shows no patient."""
    return _declare(ClientRule(None))(view)


def _declare(rule: ClientRule) -> Callable[[V], V]:
    def mark(view: V) -> V:
        view.access_rule = rule  # type: ignore[attr-defined]
        return view

    return mark


def _known(scope: str) -> str:
    return scope if scope in api_clients.SCOPES else api_clients.READ_ALL


def actor() -> Actor:
    """The program that makes this request."""
    found: Actor = g.actor
    return found


def client() -> ApiClient:
    """The program as the table knows it, read anew for this request."""
    found: ApiClient = g.client
    return found


def new_token(client_id: str, scopes: tuple[str, ...]) -> str:
    """A signed token, bound to a program and its scopes, good for LIFETIME seconds."""
    ends = int(now().timestamp()) + LIFETIME
    return str(_signer().dumps([client_id, " ".join(scopes), ends]))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="api-token")


def _client() -> tuple[ApiClient, list[str]]:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise _unknown("Send a bearer token from /api/oauth/token.", "")
    try:
        client_id, scopes, ends = _signer().loads(token.strip())
    except (BadData, ValueError, TypeError):
        raise _unknown("The token is not one of ours.") from None
    if ends <= now().timestamp():
        raise _unknown("The token has run out; ask for a new one.")
    found = api_clients.admitted(db.session(), client_id)
    if found is None:
        raise _unknown("This program may no longer sign in.")
    own = found.scopes.split()
    return found, [scope for scope in scopes.split() if api_clients.covers(own, scope)]


def _unknown(sentence: str, error: str = ', error="invalid_token"') -> Refused:
    said = f'Bearer realm="{base_url()}"{error}'
    return Refused(401, sentence, {"WWW-Authenticate": said})
