"""Programs with a key: each belongs to one clinic and may do what its scopes name, no more."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Sequence
from functools import cache

from flask_security import hash_password, verify_password
from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import ApiClient, Clinic
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotFound

READABLE = (
    "Patient",
    "Observation",
    "MedicationRequest",
    "Consent",
    "Task",
    "CarePlan",
    "DetectedIssue",
    "AuditEvent",
    "Provenance",
)
RESULTS_WRITE = "results.write"
REMS = "rems"
_CLIENT_ID = re.compile(r"client-[0-9a-f]{16}")
_LONGEST = 200  # characters of a secret that are looked at; ours have 43
READ_ALL = "system/*.read"
SCOPES = (READ_ALL, *(f"system/{name}.read" for name in READABLE), RESULTS_WRITE, REMS)


def add_client(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    name: str,
    scopes: Sequence[str],
    now: dt.datetime,
) -> tuple[ApiClient, str]:
    """A program that may sign in, and its secret, which is kept nowhere; raises Invalid."""
    _check(name, scopes)
    secret = secrets.token_urlsafe(32)
    client = ApiClient(
        clinic_id=clinic.id,
        client_id=f"client-{secrets.token_hex(8)}",
        secret_hash=hash_password(secret),
        name=name.strip(),
        scopes=" ".join(dict.fromkeys(scopes)),
        created_at=now,
        created_by=actor.name,
    )
    session.add(client)
    _audit(session, actor, client, "api-client.added", now, scopes=client.scopes)
    return client, secret


def _check(name: str, scopes: Sequence[str]) -> None:
    faults: dict[str, str] = {}
    if not 0 < len(name.strip()) <= 120:
        faults["name"] = "Give the program a name of up to 120 characters."
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        found = f"Found {unknown[0]!r}" if unknown else "Found none"
        faults["scopes"] = f"{found} (allowed: {', '.join(SCOPES)})."
    if faults:
        raise Invalid(faults)


def clients(session: Session) -> Sequence[ApiClient]:
    """Every program of this installation, by clinic, oldest first."""
    return session.scalars(select(ApiClient).order_by(ApiClient.clinic_id, ApiClient.id)).all()


def revoke_client(session: Session, actor: Actor, client_id: str, now: dt.datetime) -> ApiClient:
    """Refuse a program from this moment on, its tokens too; raises NotFound or Conflict."""
    client = _find(session, client_id)
    if client is None:
        raise NotFound(f"There is no API client {client_id!r}.")
    if client.revoked_at is not None:
        raise Conflict(f"{client_id} was revoked already.")
    client.revoked_at = now
    _audit(session, actor, client, "api-client.revoked", now)
    return client


def admitted(session: Session, client_id: str) -> ApiClient | None:
    """The program with this id, unless it was revoked."""
    client = _find(session, client_id)
    return client if client is not None and client.revoked_at is None else None


def _find(session: Session, client_id: str) -> ApiClient | None:
    if not _CLIENT_ID.fullmatch(client_id):
        return None
    return session.scalar(select(ApiClient).where(ApiClient.client_id == client_id))


def check_secret(session: Session, client_id: str, secret: str) -> ApiClient | None:
    """The program that this secret belongs to, after the same work whether there is one or not."""
    client = admitted(session, client_id)
    right = verify_password(secret[:_LONGEST], client.secret_hash if client else _nobody())
    return client if right else None


@cache
def _nobody() -> str:
    return str(hash_password(secrets.token_urlsafe(32)))


def note_sign_in(
    session: Session, client: ApiClient, scopes: Sequence[str], now: dt.datetime
) -> None:
    """Write down that a program was given a token."""
    client.last_used_at = now
    _audit(session, actor_of(client), client, "api-client.signed-in", now, scopes=" ".join(scopes))


def note_refusal(session: Session, client_id: str, now: dt.datetime) -> None:
    """Write down that somebody tried the name of a program without its secret."""
    client = _find(session, client_id)
    if client is not None:
        _audit(session, actor_of(client), client, "api-client.refused", now)


def actor_of(client: ApiClient) -> Actor:
    """The program as who acts: at its clinic, without any person's role."""
    return Actor(name=f"API client {client.name}", clinic_id=client.clinic_id)


def granted(client: ApiClient, wanted: Sequence[str]) -> tuple[str, ...]:
    """The scopes asked for that the program has; all that it has when it asks for none."""
    own = client.scopes.split()
    return tuple(scope for scope in wanted if covers(own, scope)) if wanted else tuple(own)


def covers(scopes: Sequence[str], wanted: str) -> bool:
    """Whether scopes include one; `system/*.read` includes each reading."""
    return wanted in scopes or (READ_ALL in scopes and wanted.endswith(".read"))


def _audit(
    session: Session, actor: Actor, client: ApiClient, action: str, now: dt.datetime, **detail: str
) -> None:
    audit.record(
        session,
        actor,
        action,
        "api_client",
        client.client_id,
        now,
        clinic_id=client.clinic_id,
        detail={"name": client.name, **detail},
    )
