"""Links that set a password: signed, for three days, and good for one use."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from compliance.models import User
from compliance.services.errors import NotFound

VALID_FOR = dt.timedelta(days=3)

_GONE = "This link was used, has expired or is incomplete. Ask an administrator for a new one."


def make_token(user: User, secret_key: str, now: dt.datetime) -> str:
    """A token for this person; it ends when the password changes, or after three days."""
    until = int((now + VALID_FOR).timestamp())
    return str(_signer(secret_key).dumps([user.id, until, _state(user)]))


def read_token(session: Session, token: str, secret_key: str, now: dt.datetime) -> User:
    """Whose token it is; raises NotFound when it is used, expired, altered or of no use."""
    try:
        user_id, until, state = _signer(secret_key).loads(token)
    except (BadData, ValueError, TypeError):
        raise NotFound(_GONE) from None
    user = session.get(User, user_id)
    if user is None or not user.active or now.timestamp() >= until:
        raise NotFound(_GONE)
    if not hmac.compare_digest(state, _state(user)):
        raise NotFound(_GONE)
    return user


def _signer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt="set-password")


def _state(user: User) -> str:
    """Differs as soon as the password does."""
    return hashlib.sha256(f"{user.password}|{user.fs_uniquifier}".encode()).hexdigest()[:24]
