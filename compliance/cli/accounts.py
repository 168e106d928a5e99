"""Commands about people and the proof of the audit trail."""

from __future__ import annotations

import datetime as dt
import sys

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AuditHead, Clinic, Role
from compliance.services import audit
from compliance.services.accounts import NewUser, add_user
from compliance.services.actors import system


@click.command("add-user")
@click.argument("email")
@click.option("--name", required=True, help="The person's name as colleagues know it.")
@click.option("--clinic", "code", required=True, help="The code of the clinic.")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True)
@click.password_option(help="At least 12 characters.")
@with_appcontext
def add(email: str, name: str, code: str, role: str, password: str) -> None:
    """Give a person an account with a role at a clinic."""
    with transaction() as session:
        clinic = session.scalar(select(Clinic).where(Clinic.code == code))
        if clinic is None:
            raise click.ClickException(f"--clinic: found {code!r}; no clinic has that code.")
        new = NewUser(email=email, name=name, password=password)
        add_user(
            session, system("command line"), new, {clinic: Role(role)}, dt.datetime.now(dt.UTC)
        )
    click.echo(f"{name} signs in with {email}.")


@click.command("audit-verify")
@with_appcontext
def verify() -> None:
    """Walk every audit chain and print its head. Exit 1 when a chain is broken."""
    broken = False
    for chain in db.session.scalars(select(AuditHead.chain).order_by(AuditHead.chain)):
        proof = audit.verify(db.session, chain)  # type: ignore[arg-type]
        broken = broken or proof.fault is not None
        state = f"BROKEN: {proof.fault}" if proof.fault else "intact"
        click.echo(f"{chain}: {proof.events} events, head {proof.head[:16]}…, {state}")
    sys.exit(1 if broken else 0)


COMMANDS = (add, verify)
