"""The people of a clinic: invited, given a role, locked out and let in again; each step audited."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from flask_security import hash_password
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Membership, Role, User
from compliance.services import audit
from compliance.services.accounts import SHORTEST_PASSWORD, NewUser, add_user
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid, NotFound, NotPermitted


@dataclass(frozen=True, slots=True)
class Invited:
    """Who was invited; `is_new` when the account was made now and needs a password."""

    user: User
    is_new: bool


def members_of(session: Session, clinic_id: int | None) -> list[Membership]:
    """Who has a role at a clinic, by name."""
    query = (
        select(Membership).join(User, User.id == Membership.user_id).order_by(User.name, User.id)
    )
    return list(session.scalars(query.where(Membership.clinic_id == clinic_id)))


def member(session: Session, actor: Actor, user_id: int) -> Membership:
    """One person's role at the actor's clinic; raises NotFound."""
    found = session.scalar(
        select(Membership).where(
            Membership.user_id == user_id, Membership.clinic_id == actor.clinic_id
        )
    )
    if found is None:
        raise NotFound("Nobody with this account works at this clinic.")
    return found


def invite(
    session: Session, actor: Actor, email: str, name: str, role: Role, now: dt.datetime
) -> Invited:
    """Give somebody a role here; who has no account gets one that waits for its password.

    Raises Invalid when the address is none, or the person works here already.
    """
    clinic = session.get_one(Clinic, actor.clinic_id)
    known = session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))
    if known is None:
        new = NewUser(email=email, name=name, password=secrets.token_urlsafe(32))
        return Invited(add_user(session, actor, new, {clinic: role}, now), is_new=True)
    if any(item.clinic_id == clinic.id for item in known.memberships):
        raise Invalid({"email": "This person works here already."})
    known.memberships.append(Membership(clinic=clinic, role=role))
    session.flush()
    _audit(session, actor, known, "user.added", now, role=role.value)
    return Invited(known, is_new=False)


def set_role(session: Session, actor: Actor, user_id: int, role: Role, now: dt.datetime) -> None:
    """Change somebody's role here; raises Conflict where nobody would administer the clinic."""
    place = member(session, actor, user_id)
    if place.role is role:
        return
    _keep_administrator(session, actor, place)
    before, place.role = place.role, role
    session.flush()
    said = {"before": before.value, "after": role.value}
    _audit(session, actor, place.user, "user.role-changed", now, **said)


def end_role(session: Session, actor: Actor, user_id: int, now: dt.datetime) -> None:
    """End somebody's work here; the account and its other clinics stay."""
    place = member(session, actor, user_id)
    _keep_administrator(session, actor, place)
    user, role = place.user, place.role
    user.memberships.remove(place)
    session.delete(place)
    session.flush()
    _audit(session, actor, user, "user.role-ended", now, role=role.value)


def deactivate(session: Session, actor: Actor, user_id: int, now: dt.datetime) -> None:
    """Close an account: nobody signs in with it, and its open sessions end at once."""
    user = _account(session, actor, user_id)
    for place in user.memberships:
        _keep_administrator(session, actor, place)
    user.active = False
    user.fs_uniquifier = secrets.token_hex(32)  # every session names the old one
    _audit(session, actor, user, "user.deactivated", now)


def reactivate(session: Session, actor: Actor, user_id: int, now: dt.datetime) -> None:
    """Open a closed account again; its password is as it was."""
    user = _account(session, actor, user_id)
    user.active = True
    _audit(session, actor, user, "user.reactivated", now)


def unlock(session: Session, actor: Actor, user_id: int, now: dt.datetime) -> None:
    """Open the door that closed after too many wrong passwords."""
    user = _account(session, actor, user_id)
    user.failed_sign_ins, user.locked_until = 0, None
    _audit(session, actor, user, "user.unlocked", now)


def reset_password(session: Session, actor: Actor, user_id: int, now: dt.datetime) -> User:
    """End the old password and the sessions that it opened; a link sets the new one."""
    user = _account(session, actor, user_id)
    user.password = hash_password(secrets.token_urlsafe(32))
    user.fs_uniquifier = secrets.token_hex(32)
    _audit(session, actor, user, "user.password-reset", now)
    return user


def set_digest(
    session: Session, actor: Actor, user_id: int, now: dt.datetime, *, wanted: bool
) -> None:
    """Say whether somebody gets the morning digest."""
    user = member(session, actor, user_id).user
    user.wants_digest = wanted
    _audit(session, actor, user, "user.digest-changed", now, wanted=wanted)


def set_password(session: Session, user: User, password: str, now: dt.datetime) -> None:
    """The person's own new password, from a link; older sessions and links end. Raises Invalid."""
    if len(password) < SHORTEST_PASSWORD:
        found = f"Found {len(password)} characters; allowed are {SHORTEST_PASSWORD} or more."
        raise Invalid({"password": found})
    user.password = hash_password(password)
    user.fs_uniquifier = secrets.token_hex(32)
    user.failed_sign_ins, user.locked_until = 0, None
    audit.record(session, Actor(user.name, user.id), "password.set", "user", user.id, now)


def governs(session: Session, actor: Actor, user: User) -> bool:
    """Whether the actor is an administrator at each clinic at which this person works."""
    query = select(Membership.clinic_id).where(
        Membership.user_id == actor.user_id, Membership.role == Role.ADMINISTRATOR
    )
    return {item.clinic_id for item in user.memberships} <= set(session.scalars(query))


def _account(session: Session, actor: Actor, user_id: int) -> User:
    user = member(session, actor, user_id).user
    if not governs(session, actor, user):
        raise NotPermitted(
            "This person also works at a clinic that you do not administer. End the role here, or "
            "ask an administrator of both."
        )
    return user


def _keep_administrator(session: Session, actor: Actor, place: Membership) -> None:
    """Nobody gives up being administrator alone, and no clinic is left without one."""
    if place.role is not Role.ADMINISTRATOR:
        return
    if place.user_id == actor.user_id:
        raise Conflict("You cannot end your own role as administrator; ask another one to do it.")
    # Locked, so that two who do this to each other at once do not both succeed.
    session.get(Clinic, place.clinic_id, with_for_update=True)
    others = session.scalar(
        select(func.count())
        .select_from(Membership)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.clinic_id == place.clinic_id,
            Membership.role == Role.ADMINISTRATOR,
            Membership.user_id != place.user_id,
            User.active,
        )
    )
    if not others:
        raise Conflict("Every clinic keeps at least one administrator who can sign in.")


def _audit(
    session: Session, actor: Actor, user: User, action: str, now: dt.datetime, **detail: object
) -> None:
    audit.record(
        session, actor, action, "user", user.id, now, clinic_id=actor.clinic_id, detail=detail
    )
