"""OAuth 2 client credentials (RFC 6749, 4.4): a secret in, a bearer token for ten minutes out."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import threading
from collections import OrderedDict
from urllib.parse import unquote_plus

from flask import Blueprint, Response, request

from compliance.api.access import LIFETIME, new_token, open_to_all
from compliance.api.answers import plain
from compliance.api.clock import now
from compliance.db import db, transaction
from compliance.services import api_clients

tokens = Blueprint("api_tokens", __name__, url_prefix="/api/oauth")

MOST_FAILURES = 10  # for one program from one address; all unknown names count as one
CLOSED_FOR = dt.timedelta(minutes=5)


class Failures:
    """Wrong secrets of the last minutes, by where they came from; forgets the oldest first."""

    def __init__(self, most: int, within: dt.timedelta, room: int = 10_000) -> None:
        self.most, self.within, self.room = most, within, room
        self.moments: OrderedDict[str, list[dt.datetime]] = OrderedDict()
        self.lock = threading.Lock()

    def closed(self, origin: str, moment: dt.datetime) -> bool:
        """Whether there were too many lately."""
        with self.lock:
            return len(self._recent(origin, moment)) >= self.most

    def note(self, origin: str, moment: dt.datetime) -> None:
        """Count one more."""
        with self.lock:
            self.moments[origin] = [*self._recent(origin, moment), moment]
            self.moments.move_to_end(origin)
            while len(self.moments) > self.room:
                self.moments.popitem(last=False)

    def _recent(self, origin: str, moment: dt.datetime) -> list[dt.datetime]:
        return [at for at in self.moments.get(origin, ()) if moment - at < self.within]


failures = Failures(MOST_FAILURES, CLOSED_FOR)


@tokens.post("/token")
@open_to_all
def token() -> Response:
    """A token for a program that knows its secret, by HTTP Basic or in the form."""
    request.max_content_length = 64 * 1024
    moment = now()
    if request.form.get("grant_type") != "client_credentials":
        known = "grant_type" in request.form
        kind = "unsupported_grant_type" if known else "invalid_request"
        return _error(kind, "Send grant_type=client_credentials in a form.")
    client_id, secret = _credentials() or ("", "")
    origin = _origin(client_id)
    if failures.closed(origin, moment):
        wait = str(int(CLOSED_FOR.total_seconds()))
        said = "Too many wrong secrets came from there; wait."
        return _error("invalid_client", said, 429, {"Retry-After": wait})
    return _signed_in(client_id, secret, origin, moment)


def _origin(client_id: str) -> str:
    """Where a try is counted: each program by itself, so that nobody shuts out another one."""
    known = api_clients.admitted(db.session(), client_id) is not None
    return f"{request.remote_addr} {client_id if known else ''}"


def _signed_in(client_id: str, secret: str, origin: str, moment: dt.datetime) -> Response:
    wanted = request.form.get("scope", "").split()
    with transaction() as session:
        client = api_clients.check_secret(session, client_id, secret)
        if client is not None:
            scopes = api_clients.granted(client, wanted)
            if not scopes:
                return _error("invalid_scope", "This program has none of the scopes asked for.")
            api_clients.note_sign_in(session, client, scopes, moment)
    if client is None:
        return _refused(origin, client_id, moment)
    answer = {
        "access_token": new_token(client_id, scopes),
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "scope": " ".join(scopes),
    }
    return plain(answer, headers={"Pragma": "no-cache"})


def _credentials() -> tuple[str, str] | None:
    """The name and the secret, from the header or else the form; None when there is none."""
    kind, _, coded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            text = base64.b64decode(coded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        name, _, secret = text.partition(":")
        return unquote_plus(name), unquote_plus(secret)
    name, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
    return (name, secret) if name and secret else None


def _refused(origin: str, client_id: str, moment: dt.datetime) -> Response:
    failures.note(origin, moment)
    with transaction() as session:
        api_clients.note_refusal(session, client_id, moment)
    said = "The program is not known, or its secret is wrong."
    return _error("invalid_client", said, 401, {"WWW-Authenticate": 'Basic realm="api"'})


def _error(
    code: str, sentence: str, status: int = 400, headers: dict[str, str] | None = None
) -> Response:
    return plain({"error": code, "error_description": sentence}, status, headers)
