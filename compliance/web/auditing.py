"""The audit trail of this clinic, with the proof that nothing was changed or cut off."""

from __future__ import annotations

from flask import Blueprint, render_template
from sqlalchemy import select

from compliance.db import db
from compliance.models import AuditEvent
from compliance.services import audit
from compliance.web.security import OVERSIGHT, access, clinic

auditing = Blueprint("auditing", __name__, url_prefix="/audit")


@auditing.get("")
@access(*OVERSIGHT)
def index() -> str:
    """The newest events first, and the chain's head."""
    chain = f"clinic-{clinic().id}"
    query = select(AuditEvent).where(AuditEvent.chain == chain).order_by(AuditEvent.sequence.desc())
    page = db.paginate(query, per_page=100, error_out=False)
    return render_template("auditing/index.html", page=page, head=audit.head(db.session(), chain))


@auditing.get("/proof")
@access(*OVERSIGHT)
def proof() -> str:
    """Walk the whole chain and say what was found."""
    chain = f"clinic-{clinic().id}"
    return render_template("auditing/proof.html", proof=audit.verify(db.session(), chain))
