"""Monthly reports: made once for a month and cut-off, kept as they were, found again."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Clinic, Role, Setting, StoredReport
from compliance.rules.dates import day_begins, day_is_over
from compliance.rules.programme import load_programme
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.cohort_loading import load_cohort
from compliance.services.contact_effect import BackInOrder, back_in_order
from compliance.services.errors import Invalid, NotFound, NotPermitted
from compliance.services.evidence import clinic_terms, local_date
from compliance.services.report_composing import CONTACT_DAYS, Subject, compose
from compliance.services.report_content import Month, MonthlyReport

MONTHLY = "monthly"
MAKERS = (Role.PRESCRIBER, Role.MANAGER, Role.ADMINISTRATOR)


class Printout(Protocol):
    """A finished document: its bytes and its number of pages."""

    @property
    def content(self) -> bytes:
        """The bytes."""

    @property
    def pages(self) -> int:
        """The number of pages."""


Printer = Callable[[MonthlyReport, str], Printout]  # the second is the clinic's paper


def monthly_content(
    session: Session, clinic: Clinic, month: Month, known_at: dt.datetime
) -> MonthlyReport:
    """What the report of a month says, by what was known at the instant."""
    demonstration = session.get(Setting, "demonstration")
    subject = Subject(
        clinic=clinic.name,
        clinic_code=clinic.code,
        programme=load_programme(clinic.programme),
        terms=clinic_terms(session, clinic, known_at),
        month=month,
        cut_off=known_at,
        demonstration=bool(demonstration and demonstration.value),
        audit_head=audit.head_before(session, f"clinic-{clinic.id}", known_at),
    )
    contacts = _contacts(session, clinic, month, known_at)
    return compose(subject, load_cohort(session, clinic, known_at), contacts)


def _contacts(session: Session, clinic: Clinic, month: Month, known_at: dt.datetime) -> BackInOrder:
    begins = day_begins(month.first, clinic.time_zone)
    ends = day_is_over(month.last, clinic.time_zone)
    return back_in_order(session, clinic.id, begins, ends, CONTACT_DAYS, known_at=known_at)


def make_monthly_report(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    month: Month,
    now: dt.datetime,
    *,
    printer: Printer,
    known_at: dt.datetime | None = None,
) -> StoredReport:
    """Make and keep the report of a month that has ended, or return the one of this cut-off.

    `known_at` is the cut-off (None: now). Raises NotPermitted, and Invalid for a running month.
    """
    cut_off = (known_at or now).replace(microsecond=0)
    _check(actor, clinic, month, cut_off, now)
    kept = _kept(session, clinic, month, cut_off)
    if kept is not None:
        return kept
    content = monthly_content(session, clinic, month, cut_off)
    printout = printer(content, clinic.paper)
    row = StoredReport(
        clinic_id=clinic.id,
        kind=MONTHLY,
        month=month.first,
        cut_off=cut_off,
        made_at=now,
        made_by=actor.name,
        pages=printout.pages,
        sha256=hashlib.sha256(printout.content).hexdigest(),
        content=printout.content,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor,
        "report.made",
        "report",
        row.public_id,
        now,
        clinic_id=clinic.id,
        detail={
            "month": str(month),
            "cut_off": cut_off.isoformat(),
            "sha256": row.sha256,
            "content_hash": content.content_hash,
        },
    )
    return row


def _check(
    actor: Actor, clinic: Clinic, month: Month, cut_off: dt.datetime, now: dt.datetime
) -> None:
    if actor.user_id is not None and (actor.role not in MAKERS or actor.clinic_id != clinic.id):
        raise NotPermitted("Your role at this clinic does not make reports.")
    if cut_off > now:
        raise Invalid({"known_at": f"The cut-off {cut_off:%Y-%m-%d %H:%M} UTC lies in the future."})
    if local_date(clinic, cut_off) <= month.last:
        raise Invalid(
            {"month": f"{month.title} has not ended at this clinic by the cut-off;"
             f" a report can be made from {month.back(-1).first} on."}
        )  # fmt: skip


def _kept(
    session: Session, clinic: Clinic, month: Month, cut_off: dt.datetime
) -> StoredReport | None:
    return session.scalar(
        select(StoredReport).where(
            StoredReport.clinic_id == clinic.id,
            StoredReport.kind == MONTHLY,
            StoredReport.month == month.first,
            StoredReport.cut_off == cut_off,
        )
    )


def last_ended_month(clinic: Clinic, now: dt.datetime) -> Month:
    """The newest month that has ended at the clinic."""
    return Month.of(local_date(clinic, now)).back(1)


def missing_months(session: Session, now: dt.datetime) -> list[tuple[Clinic, Month]]:
    """Every clinic without any report of the month that ended last, for the schedule."""
    found = []
    for clinic in session.scalars(select(Clinic).order_by(Clinic.id)):
        month = last_ended_month(clinic, now)
        made = select(StoredReport.id).where(
            StoredReport.clinic_id == clinic.id,
            StoredReport.kind == MONTHLY,
            StoredReport.month == month.first,
        )
        if session.scalar(made.limit(1)) is None:
            found.append((clinic, month))
    return found


def reports_of(session: Session, clinic: Clinic) -> Sequence[StoredReport]:
    """The clinic's reports, newest month and newest cut-off first, without their bytes."""
    query = select(StoredReport).where(StoredReport.clinic_id == clinic.id)
    return session.scalars(
        query.order_by(StoredReport.month.desc(), StoredReport.cut_off.desc())
    ).all()


def get_report(session: Session, actor: Actor, public_id: str) -> StoredReport:
    """One report of the actor's own clinic; raises NotFound for any other."""
    row = session.scalar(
        select(StoredReport).where(
            StoredReport.public_id == public_id, StoredReport.clinic_id == actor.clinic_id
        )
    )
    if row is None:
        raise NotFound("There is no such report at this clinic.")
    return row
