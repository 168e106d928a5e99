"""Links to a patient's own page: random, kept as a digest, good for one page and a short time."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Patient, PatientLink, Reminder
from compliance.services import audit
from compliance.services.actors import Actor, system
from compliance.services.clinic_choices import link_days_of

MOST_TRIES = 5  # wrong birth dates, over all links of a patient that still work
BY_LINK = "patient by link"


def by_link(patient: Patient) -> Actor:
    """The patient as the one who acts: known by a link and the birth date, with no account."""
    return Actor(name=BY_LINK, clinic_id=patient.clinic_id)


def link_for(session: Session, patient: Patient, reminder: Reminder, now: dt.datetime) -> str:
    """A new link for the mail of a reminder, as the path of an address; audited."""
    return path_of(make_link(session, system("reminders"), patient, now, reminder=reminder))


def path_of(token: str) -> str:
    """Where a token leads; it says nothing about the patient."""
    return f"/p/{token}"


def make_link(
    session: Session,
    actor: Actor,
    patient: Patient,
    now: dt.datetime,
    *,
    reminder: Reminder | None = None,
) -> str:
    """A new link's token of 256 random bits; only its digest is kept, so it is told this once."""
    token = secrets.token_urlsafe(32)
    link = PatientLink(
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        reminder_id=reminder.id if reminder else None,
        digest=digest_of(token),
        created_at=now,
        expires_at=now + dt.timedelta(days=link_days_of(patient.clinic)),
    )
    session.add(link)
    session.flush()
    _audit(session, actor, link, "made", now)
    return token


def digest_of(token: str) -> str:
    """The SHA-256 of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_link(session: Session, token: str) -> PatientLink | None:
    """The link of a token, whether it still works or not; None for a token that never was one."""
    return session.scalar(select(PatientLink).where(PatientLink.digest == digest_of(token)))


def is_live(link: PatientLink, now: dt.datetime) -> bool:
    """Whether a link still works."""
    return link.revoked_at is None and now < link.expires_at


def open_link(session: Session, link: PatientLink, born: dt.date | None, now: dt.datetime) -> bool:
    """Whether the birth date opens the page; the fifth wrong one ends every link of the patient."""
    links = _live(session, link.patient, now, locked=True)
    if link not in links:
        return False
    if born == link.patient.birth_date:
        for one in links:
            one.failed_tries = 0
        link.opened_at = now
        _audit(session, by_link(link.patient), link, "opened", now)
        return True
    link.failed_tries += 1
    _audit(session, by_link(link.patient), link, "refused", now, tries=link.failed_tries)
    if sum(one.failed_tries for one in links) >= MOST_TRIES:
        for one in links:
            one.failed_tries = MOST_TRIES  # what shows staff why they ended
        _revoke(session, system("patient page"), links, "too many wrong birth dates", now)
    return False


def revoke_all(
    session: Session, actor: Actor, patient: Patient, reason: str, now: dt.datetime
) -> int:
    """End every link of a patient that still works; returns how many."""
    links = _live(session, patient, now)
    _revoke(session, actor, links, reason, now)
    return len(links)


def _revoke(
    session: Session, actor: Actor, links: Sequence[PatientLink], reason: str, now: dt.datetime
) -> None:
    for link in links:
        link.revoked_at = now
        _audit(session, actor, link, "revoked", now, reason=reason)


def live_links(session: Session, patient: Patient, now: dt.datetime) -> Sequence[PatientLink]:
    """The links of a patient that still work, newest first."""
    return _live(session, patient, now)


def _live(
    session: Session, patient: Patient, now: dt.datetime, *, locked: bool = False
) -> Sequence[PatientLink]:
    query = select(PatientLink).where(
        PatientLink.patient_id == patient.id,
        PatientLink.revoked_at.is_(None),
        PatientLink.expires_at > now,
    )
    if locked:
        query = query.with_for_update(of=PatientLink)
    found = session.scalars(
        query.order_by(PatientLink.id.desc()), execution_options={"populate_existing": True}
    )
    return found.all()


def shut_out(clinic: Clinic) -> Select[PatientLink]:
    """The query for links that wrong birth dates ended, as long as the patient has no newer one."""
    newer = select(PatientLink.patient_id, PatientLink.id).subquery()
    later = select(newer.c.id).where(
        newer.c.patient_id == PatientLink.patient_id, newer.c.id > PatientLink.id
    )
    return select(PatientLink).where(
        PatientLink.clinic_id == clinic.id,
        PatientLink.failed_tries >= MOST_TRIES,
        PatientLink.revoked_at.is_not(None),
        ~later.exists(),
    )


def _audit(
    session: Session, actor: Actor, link: PatientLink, what: str, now: dt.datetime, **detail: object
) -> None:
    audit.record(
        session,
        actor,
        f"patient-link.{what}",
        "patient_link",
        link.id,
        now,
        clinic_id=link.clinic_id,
        patient_id=link.patient_id,
        detail={"reminder": link.reminder_id, **detail},
    )
